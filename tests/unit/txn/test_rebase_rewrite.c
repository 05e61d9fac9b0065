#include "txn/rebase_rewrite.h"

#include "base/fault.h"
#include "fixture.h"

// A list of three manifests: m0 with files a and b, m1 with c, m2 with d; a rewrite that
// replaces b and c by x.
struct scene {
    struct dsi_catalog catalog;
    struct dsi_table *table;
    const struct dsi_metadata *metadata;
    struct dsi_change change;
    struct dsi_operation operation;
    struct dsi_replaced_file replaced[3];
    struct dsi_manifest_file rows[4]; // The first is new.
    struct dsi_manifest_entry entries[4];
    struct dsi_manifest manifests[3];
    struct dsi_loaded_manifest loaded[3];
    struct dsi_rewrite_input in;
};

static struct dsi_manifest_file row(const char *path, int32_t files)
{
    return (struct dsi_manifest_file){.path = path,
                                      .length = 100,
                                      .sequence_number = 5,
                                      .min_sequence_number = 5,
                                      .added_snapshot_id = 1,
                                      .added_files_count = files,
                                      .first_row_id = -1};
}

static void set_up(struct scene *s)
{
    static const char *const paths[] = {"memory:///t/a", "memory:///t/b", "memory:///t/c",
                                        "memory:///t/d"};

    *s = (struct scene){0};
    catalog_init(&s->catalog);
    s->table = test_create(&s->catalog, NULL, 0);
    s->metadata = dsi_table_metadata(s->table);
    for (size_t i = 0; i < 4; i++) {
        s->entries[i] = (struct dsi_manifest_entry){
            DSI_ENTRY_ADDED, 1, (int64_t)i + 1, (int64_t)i + 1,
            test_file(s->catalog.storage, paths[i], 10)};
    }
    s->manifests[0] = (struct dsi_manifest){.entries = &s->entries[0], .entry_count = 2};
    s->manifests[1] = (struct dsi_manifest){.entries = &s->entries[2], .entry_count = 1};
    s->manifests[2] = (struct dsi_manifest){.entries = &s->entries[3], .entry_count = 1};
    s->rows[0] = row("new", 1);
    s->rows[1] = row("m0", 2);
    s->rows[2] = row("m1", 1);
    s->rows[3] = row("m2", 1);
    for (size_t i = 0; i < 3; i++) {
        s->loaded[i] =
            (struct dsi_loaded_manifest){s->rows[i + 1].path, &s->manifests[i]};
    }
    s->replaced[0] = (struct dsi_replaced_file){paths[1], "m0", 10, 13};
    s->replaced[1] = (struct dsi_replaced_file){paths[2], "m1", 10, 13};
    s->operation = (struct dsi_operation){
        .kind = DSI_OPERATION_REWRITE, .replaced = s->replaced, .replaced_count = 2};
    memcpy(s->change.identity, "01890000-0000-7000-8000-00000000abcd", 37);
    memcpy(s->change.nonce, "01234567", 9);
    s->in = (struct dsi_rewrite_input){.metadata = s->metadata,
                                       .change = &s->change,
                                       .operation = &s->operation,
                                       .snapshot_id = 77,
                                       .rows = s->rows,
                                       .row_count = 4,
                                       .new_count = 1,
                                       .loaded = s->loaded,
                                       .loaded_count = 3};
}

static void tear_down(struct scene *s)
{
    dsi_metadata_unref(s->metadata);
    dsi_table_free(s->table);
    catalog_release(&s->catalog);
}

static void
test_rebase_rewrite__puts_one_manifest_in_the_place_of_those_it_touches(void **state)
{
    struct dsi_arena arena = DSI_ARENA_INIT;
    struct dsi_rewritten out;
    struct dsi_manifest got = {0};
    struct scene s;
    (void)state;

    set_up(&s);
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
    tear_down(&s);
}

static void test_rebase_rewrite__asks_for_the_manifests_it_has_not_read(void **state)
{
    struct dsi_arena arena = DSI_ARENA_INIT;
    struct dsi_rewritten out;
    struct scene s;
    (void)state;

    set_up(&s);
    s.in.loaded_count = 1;
    assert_int_equal(dsi_rebase_rewrite(&s.in, &arena, &out, NULL), DS_OK);
    assert_int_equal(out.needs_count, 1);
    assert_string_equal(out.needs[0]->path, "m1");
    assert_null(out.rows);
    dsi_arena_release(&arena);
    tear_down(&s);
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
    tear_down(s);
}

static void test_rebase_rewrite__loses_to_whoever_touched_its_files(void **state)
{
    struct scene s;
    (void)state;

    set_up(&s); // The manifest is gone.
    s.rows[2].path = "merged";
    refused(&s, DS_ECONFLICT, "memory:///t/c");

    set_up(&s); // It is there, and says something else.
    s.entries[1].status = DSI_ENTRY_DELETED;
    refused(&s, DS_ECONFLICT, "memory:///t/b");

    set_up(&s); // Of no table.
    s.in.row_count = 1;
    refused(&s, DS_ECONFLICT, "files-replaced");

    set_up(&s); // Rows of any file may be deleted.
    s.rows[3].content = DSI_MANIFEST_DELETES;
    refused(&s, DS_ECONFLICT, "rows-deleted");

    set_up(&s);
    s.replaced[2] = s.replaced[0];
    s.operation.replaced_count = 3;
    refused(&s, DS_EBUG, "twice");
}

static void test_rebase_rewrite__survives_every_fault(void **state)
{
    struct dsi_fault_plan plan = {0};
    struct scene s;
    (void)state;

    set_up(&s);
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
    tear_down(&s);
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
