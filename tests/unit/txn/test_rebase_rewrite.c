#include "txn/rebase_rewrite.h"

#include "rebase_fixture.h"

static void
test_rebase_rewrite__puts_one_manifest_in_the_place_of_those_it_touches(void **state)
{
    struct dsi_arena arena = DSI_ARENA_INIT;
    struct dsi_rewritten out;
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

    scene_check_entries(&s, out.rows[1], out.files[0].bytes, 0, 3);
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

    scene_init(&s, DSI_OPERATION_REWRITE); // Of any age.
    s.rows[3].content = DSI_MANIFEST_DELETES;
    s.rows[3].sequence_number = 0;
    refused(&s, DS_ECONFLICT, "rows-deleted");

    scene_init(&s, DSI_OPERATION_REWRITE); // That is seen without reading the others.
    s.rows[2].path = "merged";
    s.in.loaded_count = 0;
    refused(&s, DS_ECONFLICT, "memory:///t/c");

    scene_init(&s, DSI_OPERATION_REWRITE);
    s.rows[2].spec_id = 1;
    refused(&s, DS_EBUG, "several specs");

    scene_init(&s, DSI_OPERATION_REWRITE);
    s.replaced[2] = s.replaced[0];
    s.operation.replaced_count = 3;
    refused(&s, DS_EBUG, "twice");
}

static void test_rebase_rewrite__survives_every_fault(void **state)
{
    (void)state;
    scene_survives(DSI_OPERATION_REWRITE, dsi_rebase_rewrite);
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
