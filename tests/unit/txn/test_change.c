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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_change__has_an_identity_and_a_nonce_of_its_own),
        cmocka_unit_test(test_change__takes_a_given_identity_in_its_usual_form),
        cmocka_unit_test(test_change__collects_files_and_properties),
        cmocka_unit_test(test_change__never_removes_files_of_others),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
