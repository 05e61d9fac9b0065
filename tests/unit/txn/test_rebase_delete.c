#include "txn/rebase_delete.h"

#include "rebase_fixture.h"

static void test_rebase_delete__rewrites_each_manifest_it_touches_alone(void **state)
{
    struct dsi_arena arena = DSI_ARENA_INIT;
    struct dsi_rewritten out;
    struct scene s;
    (void)state;

    scene_init(&s, DSI_OPERATION_DELETE);
    assert_int_equal(dsi_rebase_delete(&s.in, &arena, &out, NULL), DS_OK);
    assert_int_equal(out.needs_count, 0);
    assert_int_equal(out.replaced, 2);
    assert_int_equal(out.file_count, 2);
    assert_int_equal(out.row_count, 4);
    assert_string_equal(out.rows[0].path, "new");
    assert_string_equal(out.rows[1].path, out.files[0].path);
    assert_string_equal(out.rows[2].path, out.files[1].path);
    assert_string_equal(out.rows[3].path, "m2");
    assert_string_not_equal(out.files[0].path, out.files[1].path);
    assert_int_equal(out.rows[1].deleted_files_count, 1);
    assert_int_equal(out.rows[1].existing_files_count, 1);
    assert_int_equal(out.rows[2].deleted_files_count, 1);
    assert_int_equal(out.rows[2].existing_files_count, 0);

    scene_check_entries(&s, out.rows[1], out.files[0].bytes, 0, 2);
    scene_check_entries(&s, out.rows[2], out.files[1].bytes, 2, 1);
    dsi_arena_release(&arena);
    scene_release(&s);
}

static void test_rebase_delete__asks_for_what_may_have_its_files_by_now(void **state)
{
    struct dsi_arena arena = DSI_ARENA_INIT;
    struct dsi_rewritten out;
    struct scene s;
    (void)state;

    scene_init(&s, DSI_OPERATION_DELETE);
    s.in.loaded_count = 1;
    assert_int_equal(dsi_rebase_delete(&s.in, &arena, &out, NULL), DS_OK);
    assert_int_equal(out.needs_count, 1);
    assert_string_equal(out.needs[0]->path, "m1");
    assert_null(out.rows);

    s.rows[2].path = "merged"; // m1 is gone; what is newer than the base may have c.
    s.rows[2].sequence_number = 8;
    s.change.base_sequence_number = 5;
    assert_int_equal(dsi_rebase_delete(&s.in, &arena, &out, NULL), DS_OK);
    assert_int_equal(out.needs_count, 1);
    assert_string_equal(out.needs[0]->path, "merged");

    s.in.loaded_count = 3;
    s.loaded[1].path = "merged";
    assert_int_equal(dsi_rebase_delete(&s.in, &arena, &out, NULL), DS_OK);
    assert_int_equal(out.needs_count, 0);
    assert_int_equal(out.replaced, 2);
    dsi_arena_release(&arena);
    scene_release(&s);
}

static void test_rebase_delete__loses_when_a_file_is_not_live(void **state)
{
    struct dsi_arena arena = DSI_ARENA_INIT;
    struct dsi_rewritten out;
    struct scene s;
    (void)state;

    for (int i = 0; i < 2; i++) {
        struct ds_error err = {0};
        scene_init(&s, DSI_OPERATION_DELETE);
        if (i == 0) {
            s.entries[1].status = DSI_ENTRY_DELETED;
        } else {
            s.in.row_count = 1; // Of no table.
        }
        assert_int_equal(dsi_rebase_delete(&s.in, &arena, &out, &err), DS_ECONFLICT);
        assert_non_null(strstr(err.detail, "file-removed"));
        assert_non_null(strstr(err.message, "memory:///t/b"));
        scene_release(&s);
    }
    dsi_arena_release(&arena);
}

static void test_rebase_delete__brings_no_deleted_row_back(void **state)
{
    static const enum ds_isolation levels[] = {DS_ISOLATION_SERIALIZABLE,
                                               DS_ISOLATION_SNAPSHOT};
    struct scene s;
    (void)state;

    for (size_t i = 0; i < 4; i++) { // With an append or without, at both levels.
        struct dsi_arena arena = DSI_ARENA_INIT;
        struct dsi_operation both[2];
        struct dsi_rewritten out;
        struct ds_error err = {0};
        bool appends = i < 2;

        scene_init(&s, DSI_OPERATION_DELETE);
        both[0] = s.operation;
        both[1] = (struct dsi_operation){.kind = DSI_OPERATION_APPEND, .file_count = 1};
        s.change.operations = both;
        s.change.operation_count = appends ? 2 : 1;
        s.change.isolation = levels[i % 2];
        s.change.base_sequence_number = 5;
        s.rows[3].content = DSI_MANIFEST_DELETES; // Of what was read.
        assert_int_equal(dsi_rebase_delete(&s.in, &arena, &out, &err), DS_OK);
        s.rows[3].sequence_number = 6; // Of somebody who came later.
        assert_int_equal(dsi_rebase_delete(&s.in, &arena, &out, &err),
                         appends ? DS_ECONFLICT : DS_OK);
        assert_true(!appends || strstr(err.detail, "rows-deleted"));
        s.rows[3].added_files_count = 0; // None of its files is live.
        assert_int_equal(dsi_rebase_delete(&s.in, &arena, &out, &err), DS_OK);
        dsi_arena_release(&arena);
        scene_release(&s);
    }
}

static void test_rebase_delete__survives_every_fault(void **state)
{
    (void)state;
    scene_survives(DSI_OPERATION_DELETE, dsi_rebase_delete);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rebase_delete__rewrites_each_manifest_it_touches_alone),
        cmocka_unit_test(test_rebase_delete__asks_for_what_may_have_its_files_by_now),
        cmocka_unit_test(test_rebase_delete__loses_when_a_file_is_not_live),
        cmocka_unit_test(test_rebase_delete__brings_no_deleted_row_back),
        cmocka_unit_test(test_rebase_delete__survives_every_fault),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
