#include "fixture.h"

static void test_change__has_an_identity_and_a_nonce_of_its_own(void **state)
{
    struct dsi_catalog c;
    struct dsi_uuid uuid;
    (void)state;

    catalog_init(&c);
    struct dsi_table *t = test_create(&c, NULL, 0);
    struct dsi_change *a = test_change(t, NULL, "memory:///t/data/a", 1);
    struct dsi_change *b = test_change(t, NULL, "memory:///t/data/b", 1);
    assert_true(dsi_uuid_parse(a->identity, strlen(a->identity), &uuid));
    assert_string_not_equal(a->identity, b->identity);
    assert_int_equal(strlen(a->nonce), 8);
    assert_false(a->identity_given);
    assert_string_equal(a->branch, "main");
    dsi_change_free(a);
    dsi_change_free(b);
    dsi_table_free(t);
    catalog_release(&c);
}

static void test_change__takes_a_given_identity_in_its_usual_form(void **state)
{
    struct ds_commit_options o = {.struct_size = sizeof o};
    struct dsi_catalog c;
    struct dsi_change *change = NULL;
    struct ds_error err = {0};
    (void)state;

    catalog_init(&c);
    struct dsi_table *t = test_create(&c, NULL, 0);
    const struct dsi_state *s = dsi_table_state(t);
    o.identity = "01890000-0000-7000-8000-00000000ABCD";
    assert_int_equal(dsi_change_new(s, &o, &change, NULL), DS_OK);
    assert_string_equal(change->identity, "01890000-0000-7000-8000-00000000abcd");
    assert_true(change->identity_given);
    dsi_change_free(change);
    o.identity = "job 17";
    assert_int_equal(dsi_change_new(s, &o, &change, &err), DS_EINVALID);
    assert_non_null(strstr(err.message, "job 17"));
    o.identity = NULL;
    o.branch = "";
    assert_int_equal(dsi_change_new(s, &o, &change, &err), DS_EINVALID);
    dsi_state_unref(s);
    dsi_table_free(t);
    catalog_release(&c);
}

static void test_change__collects_files_and_properties(void **state)
{
    struct dsi_catalog c;
    (void)state;

    catalog_init(&c);
    struct dsi_table *t = test_create(&c, NULL, 0);
    struct dsi_change *a = test_change(t, NULL, "memory:///t/data/a", 3);
    struct dsi_data_file f = test_file(c.storage, "memory:///t/data/b", 4);
    assert_int_equal(dsi_change_append(a, &f, 1, true, NULL), DS_OK);
    assert_int_equal(dsi_change_set_property(a, "x", "1", NULL), DS_OK);
    assert_int_equal(dsi_change_set_property(a, "x", NULL, NULL), DS_OK);
    assert_int_equal(dsi_change_set_property(a, "", "1", NULL), DS_EINVALID);
    assert_int_equal(a->operations[0].file_count, 2);
    assert_int_equal(a->operation_count, 2);
    assert_int_equal(a->operations[1].properties.count, 1);
    assert_null(a->operations[1].properties.items[0].value);
    dsi_change_discard(a, c.storage);
    assert_false(test_exists(c.storage, "memory:///t/data/a"));
    assert_false(test_exists(c.storage, "memory:///t/data/b"));
    dsi_change_free(a);
    dsi_table_free(t);
    catalog_release(&c);
}

static void test_change__never_removes_files_of_others(void **state)
{
    struct dsi_catalog c;
    struct dsi_change *change = NULL;
    (void)state;

    catalog_init(&c);
    struct dsi_table *t = test_create(&c, NULL, 0);
    const struct dsi_state *s = dsi_table_state(t);
    struct dsi_data_file f = test_file(c.storage, "memory:///t/data/theirs", 4);
    assert_int_equal(dsi_change_new(s, NULL, &change, NULL), DS_OK);
    assert_int_equal(dsi_change_append(change, &f, 1, false, NULL), DS_OK);
    dsi_change_discard(change, c.storage);
    assert_true(test_exists(c.storage, "memory:///t/data/theirs"));
    dsi_state_unref(s);
    dsi_change_free(change);
    dsi_table_free(t);
    catalog_release(&c);
}

static void test_change__adds_up_stored_manifests_and_takes_only_additions(void **state)
{
    struct dsi_catalog c;
    struct ds_error err = {0};
    struct dsi_field_summary partition = {false, 0, {(const uint8_t *)"a", 1}, {NULL, 0}};
    struct dsi_manifest_file row = {.path = "memory:///t/metadata/m",
                                    .length = 10,
                                    .sequence_number = 7,
                                    .added_files_count = 2,
                                    .added_rows_count = 5,
                                    .partitions = &partition,
                                    .partition_count = 1};
    struct dsi_stored_files stored = {&row, 1, 2, 5, 100, 2};
    (void)state;

    catalog_init(&c);
    struct dsi_table *t = test_create(&c, NULL, 0);
    struct dsi_change *a = test_blank(t, NULL);
    assert_int_equal(dsi_change_append_stored(a, &stored, NULL), DS_OK);
    stored.partitions = 1;
    assert_int_equal(dsi_change_append_stored(a, &stored, NULL), DS_OK);
    const struct dsi_stored_files *s = &a->operations[0].stored;
    assert_int_equal(s->manifest_count, 2);
    assert_int_equal(s->files, 4);
    assert_int_equal(s->rows, 10);
    assert_int_equal(s->bytes, 200);
    assert_int_equal(s->partitions, 2);
    assert_int_equal(s->manifests[1].sequence_number, -1); // The commit's.
    assert_ptr_not_equal(s->manifests[1].path, row.path);
    assert_ptr_not_equal(s->manifests[1].partitions[0].lower.data, partition.lower.data);
    assert_true(dsi_change_makes_snapshot(a));

    struct dsi_manifest_file bad[6] = {row, row, row, row, row, row};
    bad[0].existing_files_count = 1;
    bad[1].deleted_files_count = 1;
    bad[2].content = DSI_MANIFEST_DELETES;
    bad[3].path = NULL;
    bad[4].length = 0;
    bad[5].added_files_count = -1;
    for (size_t i = 0; i < 6; i++) {
        stored.manifests = &bad[i];
        assert_int_equal(dsi_change_append_stored(a, &stored, &err), DS_EINVALID);
    }
    stored.manifests = &row;
    stored.rows = INT64_MAX;
    assert_int_equal(dsi_change_append_stored(a, &stored, &err), DS_EINVALID);
    stored.rows = -1;
    assert_int_equal(dsi_change_append_stored(a, &stored, &err), DS_EINVALID);
    assert_int_equal(s->manifest_count, 2);
    assert_int_equal(s->rows, 10);
    dsi_change_free(a);
    dsi_table_free(t);
    catalog_release(&c);
}

static void test_change__holds_rows_of_one_schema_until_they_are_files(void **state)
{
    struct dsi_catalog c;
    struct dsi_held_rows rows = {{(const uint8_t *)"abc", 3}, 2, 4};
    (void)state;

    catalog_init(&c);
    struct dsi_table *t = test_create(&c, NULL, 0);
    struct dsi_change *a = test_blank(t, NULL);
    assert_null(dsi_change_held(a));
    assert_int_equal(dsi_change_hold(a, &rows, NULL), DS_OK);
    rows.bytes = (struct ds_slice){(const uint8_t *)"de", 2};
    assert_int_equal(dsi_change_hold(a, &rows, NULL), DS_OK);
    const struct dsi_held_rows *held = dsi_change_held(a);
    assert_int_equal(held->rows, 4);
    assert_int_equal(held->schema_id, 4);
    assert_int_equal(held->bytes.size, 5);
    assert_memory_equal(held->bytes.data, "abcde", 5);
    rows.schema_id = 5;
    assert_int_equal(dsi_change_hold(a, &rows, NULL), DS_EINVALID);
    assert_false(dsi_change_makes_snapshot(a));
    dsi_change_drop_held(a);
    assert_null(dsi_change_held(a));
    assert_int_equal(dsi_change_hold(a, &rows, NULL), DS_OK); // Another one now.
    dsi_change_free(a);
    dsi_table_free(t);
    catalog_release(&c);
}

static void test_change__names_its_members_and_owns_its_parts(void **state)
{
    struct dsi_catalog c;
    char id[DSI_UUID_TEXT_SIZE];
    (void)state;

    catalog_init(&c);
    struct dsi_table *t = test_create(&c, NULL, 0);
    struct dsi_change *a = test_change(t, NULL, "memory:///t/data/a", 1);
    for (unsigned i = 0; i < 100; i++) {
        snprintf(id, sizeof id, "01890000-0000-7000-8000-0000000000%02X", i);
        assert_int_equal(dsi_change_add_member(a, id, NULL), DS_OK);
    }
    for (unsigned i = 0; i < 100; i++) {
        snprintf(id, sizeof id, "01890000-0000-7000-8000-0000000000%02x", i);
        assert_string_equal(a->members[i], id);
    }
    assert_int_equal(dsi_change_add_member(a, "me", NULL), DS_EINVALID);
    assert_int_equal(a->member_count, 100);
    for (unsigned i = 0; i < 9; i++) {
        char path[40];
        snprintf(path, sizeof path, "memory:///t/data/part-%u", i);
        assert_int_equal(dsi_change_add_part(a, test_change(t, NULL, path, 1), NULL),
                         DS_OK);
    }
    assert_int_equal(a->part_count, 9);
    dsi_change_discard(a, c.storage);
    assert_false(test_exists(c.storage, "memory:///t/data/a"));
    assert_false(test_exists(c.storage, "memory:///t/data/part-0"));
    assert_false(test_exists(c.storage, "memory:///t/data/part-8"));
    dsi_change_free(a);
    dsi_table_free(t);
    catalog_release(&c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_change__has_an_identity_and_a_nonce_of_its_own),
        cmocka_unit_test(test_change__takes_a_given_identity_in_its_usual_form),
        cmocka_unit_test(test_change__collects_files_and_properties),
        cmocka_unit_test(test_change__never_removes_files_of_others),
        cmocka_unit_test(test_change__adds_up_stored_manifests_and_takes_only_additions),
        cmocka_unit_test(test_change__holds_rows_of_one_schema_until_they_are_files),
        cmocka_unit_test(test_change__names_its_members_and_owns_its_parts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
