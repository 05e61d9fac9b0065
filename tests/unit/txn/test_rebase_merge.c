#include "txn/rebase_merge.h"

#include "rebase_fixture.h"

// The scene, whose new manifest is the change's own, with one file, e.
static void init(struct scene *s, struct dsi_data_file *own)
{
    scene_init(s, DSI_OPERATION_APPEND);
    *own = test_file(s->catalog.storage, "memory:///t/e", 10);
    s->operation = (struct dsi_operation){
        .kind = DSI_OPERATION_APPEND, .files = own, .file_count = 1};
    s->change.operations = &s->operation;
    s->change.operation_count = 1;
    s->in.operation = NULL;
}

static void test_rebase_merge__leaves_a_short_list_as_it_is(void **state)
{
    struct dsi_arena arena = DSI_ARENA_INIT;
    struct dsi_data_file own;
    struct dsi_rewritten out;
    struct scene s;
    (void)state;

    init(&s, &own);
    s.in.row_count = 3;
    s.in.loaded_count = 0; // And wants to read nothing.
    assert_int_equal(dsi_rebase_merge(&s.in, 1, &arena, &out, NULL), DS_OK);
    assert_int_equal(out.needs_count, 0);
    assert_int_equal(out.file_count, 0);
    assert_int_equal(out.replaced, 0);
    assert_int_equal(out.row_count, 3);
    for (size_t i = 0; i < 3; i++) {
        assert_string_equal(out.rows[i].path, s.rows[i].path);
    }
    dsi_arena_release(&arena);
    scene_release(&s);
}

static void test_rebase_merge__asks_for_what_it_has_not_read(void **state)
{
    struct dsi_arena arena = DSI_ARENA_INIT;
    struct dsi_data_file own;
    struct dsi_rewritten out;
    struct scene s;
    (void)state;

    init(&s, &own);
    s.in.loaded_count = 1;
    assert_int_equal(dsi_rebase_merge(&s.in, 1, &arena, &out, NULL), DS_OK);
    assert_int_equal(out.needs_count, 2);
    assert_ptr_equal(out.needs[0], &s.rows[2]); // Not the own one.
    assert_ptr_equal(out.needs[1], &s.rows[3]);
    assert_int_equal(out.row_count, 0);
    dsi_arena_release(&arena);
    scene_release(&s);
}

static void test_rebase_merge__keeps_every_live_file_with_its_numbers(void **state)
{
    static const size_t kept[] = {0, 2, 3};
    struct dsi_arena arena = DSI_ARENA_INIT;
    struct dsi_manifest got = {0};
    struct dsi_data_file own;
    struct dsi_rewritten out;
    struct scene s;
    (void)state;

    init(&s, &own);
    s.entries[1].status = DSI_ENTRY_DELETED; // History.
    assert_int_equal(dsi_rebase_merge(&s.in, 1, &arena, &out, NULL), DS_OK);
    assert_int_equal(out.row_count, 1);
    assert_int_equal(out.replaced, 3);
    assert_int_equal(out.file_count, 1);
    struct dsi_manifest_file *row = &out.rows[0];
    assert_string_equal(row->path, out.files[0].path);
    assert_non_null(strstr(row->path, s.change.identity));
    assert_non_null(strstr(row->path, "-m1.avro")); // m0 is the prepared one.
    assert_int_equal(row->length, out.files[0].bytes.size);
    assert_int_equal(row->added_files_count, 1);
    assert_int_equal(row->existing_files_count, 3);
    assert_int_equal(row->deleted_files_count, 0);
    row->sequence_number = 9;
    row->min_sequence_number = 1;
    assert_int_equal(
        dsi_manifest_parse(out.files[0].bytes, row, s.metadata, NULL, &got, NULL), DS_OK);
    assert_int_equal(got.entry_count, 4);
    assert_string_equal(got.entries[0].file.path, own.path);
    assert_int_equal(got.entries[0].status, DSI_ENTRY_ADDED);
    assert_int_equal(got.entries[0].snapshot_id, 77);
    assert_int_equal(got.entries[0].sequence_number, 9);
    for (size_t i = 0; i < 3; i++) {
        const struct dsi_manifest_entry *e = &got.entries[i + 1];
        const struct dsi_manifest_entry *was = &s.entries[kept[i]];
        assert_string_equal(e->file.path, was->file.path);
        assert_int_equal(e->status, DSI_ENTRY_EXISTING);
        assert_int_equal(e->snapshot_id, was->snapshot_id);
        assert_int_equal(e->sequence_number, was->sequence_number);
        assert_int_equal(e->file_sequence_number, was->file_sequence_number);
    }
    dsi_manifest_release(&got);
    dsi_arena_release(&arena);
    scene_release(&s);
}

// A new manifest that is not the change's own was stored by somebody else.
static void test_rebase_merge__takes_only_additions_of_a_stored_manifest(void **state)
{
    struct dsi_manifest_entry entry = {DSI_ENTRY_ADDED, 5, 5, 5, {0}};
    struct dsi_manifest stored = {.entries = &entry, .entry_count = 1};
    struct dsi_loaded_manifest loaded[4] = {{"new", &stored}};
    struct dsi_arena arena = DSI_ARENA_INIT;
    struct dsi_manifest got = {0};
    struct dsi_data_file own;
    struct dsi_rewritten out;
    struct ds_error err = {0};
    struct scene s;
    (void)state;

    init(&s, &own);
    entry.file = own;
    memcpy(&loaded[1], s.loaded, sizeof s.loaded);
    s.in.loaded = loaded;
    s.in.loaded_count = 4;
    s.change.operation_count = 0;
    assert_int_equal(dsi_rebase_merge(&s.in, 0, &arena, &out, NULL), DS_OK);
    assert_int_equal(out.replaced, 3);
    struct dsi_manifest_file row = out.rows[0];
    row.sequence_number = 9;
    row.min_sequence_number = 1;
    assert_int_equal(
        dsi_manifest_parse(out.files[0].bytes, &row, s.metadata, NULL, &got, NULL),
        DS_OK);
    assert_int_equal(got.entry_count, 5);
    assert_string_equal(got.entries[0].file.path, own.path);
    assert_int_equal(got.entries[0].snapshot_id, 77); // It is this snapshot that adds it.
    assert_int_equal(got.entries[0].sequence_number, 9);
    dsi_manifest_release(&got);
    entry.status = DSI_ENTRY_EXISTING;
    assert_int_equal(dsi_rebase_merge(&s.in, 0, &arena, &out, &err), DS_ECORRUPT);
    assert_non_null(strstr(err.message, "adds no data file"));
    dsi_arena_release(&arena);
    scene_release(&s);
}

static int merge(const struct dsi_rewrite_input *in, struct dsi_arena *arena,
                 struct dsi_rewritten *out, struct ds_error *err)
{
    return dsi_rebase_merge(in, 1, arena, out, err);
}

static void test_rebase_merge__survives_every_fault(void **state)
{
    (void)state;
    scene_survives(DSI_OPERATION_APPEND, merge);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rebase_merge__leaves_a_short_list_as_it_is),
        cmocka_unit_test(test_rebase_merge__asks_for_what_it_has_not_read),
        cmocka_unit_test(test_rebase_merge__keeps_every_live_file_with_its_numbers),
        cmocka_unit_test(test_rebase_merge__takes_only_additions_of_a_stored_manifest),
        cmocka_unit_test(test_rebase_merge__survives_every_fault),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
