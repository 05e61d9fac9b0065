#include "txn/rebase_rewrite.h"

#include "rebase_fixture.h"

static void
test_rebase_rewrite__puts_one_manifest_in_the_place_of_those_it_touches(void **state)
{
    struct dsi_arena arena = DSI_ARENA_INIT;
    struct dsi_rewritten out;
    struct dsi_manifest got = {0};
    struct scene s;
    (void)state;

    scene_init(&s, DSI_OPERATION_REWRITE);
    assert_int_equal(dsi_rebase_rewrite(&s.in, &arena, &out, NULL), DS_OK);
    assert_int_equal(out.needs_count, 0);
    assert_int_equal(out.replaced, 2);
    assert_int_equal(out.file_count, 1);
    assert_int_equal(out.row_count, 3);
    assert_string_equal(out.rows[0].path, "new");
    assert_string_equal(out.rows[1].path, out.files[0].path);
    assert_string_equal(out.rows[2].path, "m2");
    assert_non_null(strstr(out.files[0].path, s.change.identity));
    assert_int_equal(out.rows[1].deleted_files_count, 2);
    assert_int_equal(out.rows[1].existing_files_count, 1);
    assert_int_equal(out.rows[1].added_files_count, 0);
    assert_int_equal(out.rows[1].deleted_rows_count, 20);

    struct dsi_manifest_file f = out.rows[1];
    f.sequence_number = 9;
    f.min_sequence_number = 1;
    assert_int_equal(
        dsi_manifest_parse(out.files[0].bytes, &f, s.metadata, NULL, &got, NULL), DS_OK);
    assert_int_equal(got.entry_count, 3);
    for (size_t i = 0; i < 3; i++) {
        const struct dsi_manifest_entry *e = &got.entries[i];
        assert_string_equal(e->file.path, s.entries[i].file.path);
        assert_int_equal(e->status, i == 0 ? DSI_ENTRY_EXISTING : DSI_ENTRY_DELETED);
        assert_int_equal(e->snapshot_id, i == 0 ? 1 : 77);
        assert_int_equal(e->sequence_number, i + 1); // As it was.
        assert_int_equal(e->file_sequence_number, i + 1);
    }
    dsi_manifest_release(&got);
    dsi_arena_release(&arena);
    scene_release(&s);
}

static void test_rebase_rewrite__asks_for_the_manifests_it_has_not_read(void **state)
{
    struct dsi_arena arena = DSI_ARENA_INIT;
    struct dsi_rewritten out;
    struct scene s;
    (void)state;

    scene_init(&s, DSI_OPERATION_REWRITE);
    s.in.loaded_count = 1;
    assert_int_equal(dsi_rebase_rewrite(&s.in, &arena, &out, NULL), DS_OK);
    assert_int_equal(out.needs_count, 1);
    assert_string_equal(out.needs[0]->path, "m1");
    assert_null(out.rows);
    dsi_arena_release(&arena);
    scene_release(&s);
}

static void refused(struct scene *s, int status, const char *why)
{
    struct dsi_arena arena = DSI_ARENA_INIT;
    struct dsi_rewritten out;
    struct ds_error err = {0};

    assert_int_equal(dsi_rebase_rewrite(&s->in, &arena, &out, &err), status);
    if (!strstr(err.message, why)) {
        fail_msg("\"%s\" is not in: %s", why, err.message);
    }
    dsi_arena_release(&arena);
    scene_release(s);
}

static void test_rebase_rewrite__loses_to_whoever_touched_its_files(void **state)
{
    struct scene s;
    (void)state;

    scene_init(&s, DSI_OPERATION_REWRITE); // The manifest is gone.
    s.rows[2].path = "merged";
    refused(&s, DS_ECONFLICT, "memory:///t/c");

    scene_init(&s, DSI_OPERATION_REWRITE); // It is there, and says something else.
    s.entries[1].status = DSI_ENTRY_DELETED;
    refused(&s, DS_ECONFLICT, "memory:///t/b");

    scene_init(&s, DSI_OPERATION_REWRITE); // Of no table.
    s.in.row_count = 1;
    refused(&s, DS_ECONFLICT, "files-replaced");

    scene_init(&s, DSI_OPERATION_REWRITE); // Rows of any file may be deleted.
    s.rows[3].content = DSI_MANIFEST_DELETES;
    refused(&s, DS_ECONFLICT, "rows-deleted");

    scene_init(&s, DSI_OPERATION_REWRITE);
    s.replaced[2] = s.replaced[0];
    s.operation.replaced_count = 3;
    refused(&s, DS_EBUG, "twice");
}

static void test_rebase_rewrite__survives_every_fault(void **state)
{
    struct dsi_fault_plan plan = {0};
    struct scene s;
    (void)state;

    scene_init(&s, DSI_OPERATION_REWRITE);
    while (dsi_fault_next(&plan)) {
        struct dsi_arena arena = DSI_ARENA_INIT;
        struct ds_error err = {0};
        struct dsi_rewritten out;
        int rc = dsi_rebase_rewrite(&s.in, &arena, &out, &err);
        dsi_fault_stop();
        assert_int_equal(rc, plan.name ? DS_ENOMEM : DS_OK);
        assert_true(rc == DS_OK || err.message[0] != '\0');
        dsi_arena_release(&arena);
    }
    assert_true(plan.target > 5);
    scene_release(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(
            test_rebase_rewrite__puts_one_manifest_in_the_place_of_those_it_touches),
        cmocka_unit_test(test_rebase_rewrite__asks_for_the_manifests_it_has_not_read),
        cmocka_unit_test(test_rebase_rewrite__loses_to_whoever_touched_its_files),
        cmocka_unit_test(test_rebase_rewrite__survives_every_fault),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
