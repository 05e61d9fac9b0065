#include "txn/rebase_files.h"

#include "rebase_fixture.h"

static void find(struct scene *s, enum dsi_rebase_where where, struct dsi_arena *arena,
                 struct dsi_rebase_files *out)
{
    assert_int_equal(dsi_rebase_files_find(out, &s->in, where, arena, NULL), DS_OK);
}

static void test_rebase_files__looks_where_files_were_seen(void **state)
{
    struct dsi_arena arena = DSI_ARENA_INIT;
    struct dsi_rebase_files f;
    struct scene s;
    (void)state;

    scene_init(&s, DSI_OPERATION_DELETE);
    for (int where = DSI_REBASE_HOSTS; where <= DSI_REBASE_HOSTS_OR_SINCE; where++) {
        find(&s, (enum dsi_rebase_where)where, &arena, &f);
        assert_int_equal(f.wanted.count, 2);
        assert_int_equal(f.hosts_found, 2);
        assert_int_equal(f.needs_count, 0);
        assert_null(f.contents[0]); // New.
        assert_ptr_equal(f.contents[1], &s.manifests[0]);
        assert_ptr_equal(f.contents[2], &s.manifests[1]);
        assert_null(f.contents[3]);
        dsi_rebase_files_release(&f);
    }
    s.rows[1].content = DSI_MANIFEST_DELETES;
    find(&s, DSI_REBASE_HOSTS, &arena, &f);
    assert_int_equal(f.hosts_found, 1);
    dsi_rebase_files_release(&f);
    dsi_arena_release(&arena);
    scene_release(&s);
}

static void test_rebase_files__looks_into_what_is_newer(void **state)
{
    struct dsi_arena arena = DSI_ARENA_INIT;
    struct dsi_rebase_files f;
    struct scene s;
    (void)state;

    scene_init(&s, DSI_OPERATION_DELETE);
    s.rows[2].path = "merged"; // m1 is gone.
    s.rows[2].sequence_number = 6;
    s.change.base_sequence_number = 5;
    find(&s, DSI_REBASE_HOSTS, &arena, &f);
    assert_int_equal(f.needs_count, 0);
    assert_null(f.contents[2]);
    dsi_rebase_files_release(&f);
    find(&s, DSI_REBASE_HOSTS_OR_SINCE, &arena, &f);
    assert_int_equal(f.hosts_found, 1);
    assert_int_equal(f.needs_count, 1);
    assert_ptr_equal(f.needs[0], &s.rows[2]);
    dsi_rebase_files_release(&f);

    struct dsi_data_file file = {.path = "memory:///t/b"};
    s.operation = (struct dsi_operation){
        .kind = DSI_OPERATION_ADD, .files = &file, .file_count = 1};
    find(&s, DSI_REBASE_SINCE, &arena, &f);
    assert_int_equal(f.wanted.count, 1);
    assert_int_equal(f.needs_count, 1);
    assert_null(f.contents[1]); // Of before.
    dsi_rebase_files_release(&f);
    dsi_arena_release(&arena);
    scene_release(&s);
}

static void test_rebase_files__writes_entries_as_the_snapshot_leaves_them(void **state)
{
    struct dsi_arena arena = DSI_ARENA_INIT;
    struct dsi_manifest_entry out[2];
    struct dsi_manifest_file row;
    struct dsi_new_file file;
    struct dsi_manifest got = {0};
    struct dsi_rebase_files f;
    struct scene s;
    (void)state;

    scene_init(&s, DSI_OPERATION_DELETE);
    find(&s, DSI_REBASE_HOSTS, &arena, &f);
    assert_true(dsi_rebase_files_entry(&f, &s.entries[0], &out[0]));
    assert_int_equal(out[0].status, DSI_ENTRY_EXISTING);
    assert_int_equal(out[0].snapshot_id, 1);
    assert_true(dsi_rebase_files_entry(&f, &s.entries[1], &out[1]));
    assert_int_equal(out[1].status, DSI_ENTRY_DELETED);
    assert_int_equal(out[1].snapshot_id, 77);
    const struct dsi_rebase_manifest made = {0, out, 2, "z9"};
    assert_int_equal(dsi_rebase_files_write(&f, &made, &row, &file, NULL), DS_OK);
    assert_non_null(strstr(file.path, s.change.identity));
    assert_non_null(strstr(file.path, "-z9.avro"));
    assert_string_equal(row.path, file.path);
    assert_int_equal(row.length, file.bytes.size);
    assert_int_equal(row.deleted_files_count, 1);
    row.sequence_number = 9;
    row.min_sequence_number = 1;
    assert_int_equal(dsi_manifest_parse(file.bytes, &row, s.metadata, NULL, &got, NULL),
                     DS_OK);
    assert_int_equal(got.entry_count, 2);
    dsi_manifest_release(&got);
    s.entries[0].status = DSI_ENTRY_DELETED;
    assert_false(dsi_rebase_files_entry(&f, &s.entries[0], &out[0]));
    dsi_rebase_files_release(&f);
    dsi_arena_release(&arena);
    scene_release(&s);
}

static void test_rebase_files__survives_every_fault(void **state)
{
    struct dsi_fault_plan plan = {0};
    struct scene s;
    (void)state;

    scene_init(&s, DSI_OPERATION_DELETE);
    while (dsi_fault_next(&plan)) {
        struct dsi_arena arena = DSI_ARENA_INIT;
        struct ds_error err = {0};
        struct dsi_rebase_files f;
        struct dsi_manifest_file row;
        struct dsi_new_file file;
        int rc = dsi_rebase_files_find(&f, &s.in, DSI_REBASE_HOSTS, &arena, &err);
        const struct dsi_rebase_manifest made = {0, s.entries, 1, "x"};
        rc = rc < 0 ? rc : dsi_rebase_files_write(&f, &made, &row, &file, &err);
        dsi_rebase_files_release(&f);
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
        cmocka_unit_test(test_rebase_files__looks_where_files_were_seen),
        cmocka_unit_test(test_rebase_files__looks_into_what_is_newer),
        cmocka_unit_test(test_rebase_files__writes_entries_as_the_snapshot_leaves_them),
        cmocka_unit_test(test_rebase_files__survives_every_fault),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
