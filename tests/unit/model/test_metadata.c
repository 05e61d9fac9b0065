#include "metadata_case.h"

static void test_metadata__looks_things_up(void **state)
{
    struct dsi_metadata *m = parse_golden("v2.json");
    (void)state;

    assert_int_equal(dsi_metadata_schema(m, 0)->schema_id, 0);
    assert_null(dsi_metadata_schema(m, 9));
    assert_int_equal(dsi_metadata_spec(m, 0)->spec_id, 0);
    assert_null(dsi_metadata_spec(m, 9));
    assert_true(dsi_metadata_snapshot(m, 3051729675574597004)->timestamp_ms ==
                1515100955770);
    assert_null(dsi_metadata_snapshot(m, 1));
    assert_null(dsi_metadata_find_ref(m, "nope"));
    assert_null(dsi_metadata_property(m, "nope"));
    assert_string_equal(dsi_snapshot_summary(m->snapshots[0], "operation"), "append");
    assert_null(dsi_snapshot_summary(m->snapshots[0], "nope"));
    dsi_metadata_unref(m);
}

static void test_metadata__knows_what_was_current_when(void **state)
{
    struct dsi_metadata *m = parse_golden("v2.json");
    (void)state;

    assert_null(dsi_metadata_snapshot_as_of(m, 1515100955769));
    assert_true(dsi_metadata_snapshot_as_of(m, 1515100955770) == m->snapshots[0]);
    assert_true(dsi_metadata_snapshot_as_of(m, 1555100955769) == m->snapshots[0]);
    assert_true(dsi_metadata_snapshot_as_of(m, INT64_MAX) == m->snapshots[1]);
    dsi_metadata_unref(m);
}

static void test_metadata__reads_properties_as_numbers_and_words(void **state)
{
    struct ds_property items[] = {
        {"bad", "x"}, {"big", "99999999999999999999"}, {"n", "7"}, {"yes", "TRUE"}};
    struct dsi_metadata m = {.properties = items, .property_count = 4};
    struct ds_error err = {0};
    int64_t v = 0;
    bool word = false;
    (void)state;

    assert_int_equal(dsi_metadata_property_i64(&m, "n", 1, 1, &v, &err), DS_OK);
    assert_true(v == 7);
    assert_int_equal(dsi_metadata_property_i64(&m, "none", 5, 1, &v, &err), DS_OK);
    assert_true(v == 5);
    assert_int_equal(dsi_metadata_property_i64(&m, "n", 1, 8, &v, &err), DS_EINVALID);
    assert_int_equal(dsi_metadata_property_i64(&m, "bad", 1, 1, &v, &err), DS_EINVALID);
    assert_string_equal(err.message, "table property bad is 'x', expected a whole number "
                                     "of at least 1");
    assert_int_equal(dsi_metadata_property_i64(&m, "big", 1, 1, &v, &err), DS_EINVALID);
    assert_int_equal(dsi_metadata_property_bool(&m, "yes", false, &word, &err), DS_OK);
    assert_true(word);
    assert_int_equal(dsi_metadata_property_bool(&m, "none", true, &word, &err), DS_OK);
    assert_true(word);
    assert_int_equal(dsi_metadata_property_bool(&m, "n", true, &word, &err), DS_EINVALID);
}

static void test_metadata__lives_as_long_as_its_last_owner(void **state)
{
    struct dsi_metadata *m = parse_golden("v2.json");
    struct dsi_metadata *other = dsi_metadata_ref(m);
    const struct dsi_snapshot *s = dsi_snapshot_ref(m->snapshots[0]);
    (void)state;

    dsi_metadata_unref(m);
    assert_string_equal(dsi_metadata_property(other, "a"), "b");
    dsi_metadata_unref(other);
    assert_string_equal(s->manifest_list, "file:///a/b/1.avro");
    dsi_snapshot_unref(s);
    dsi_metadata_unref(NULL);
    dsi_snapshot_unref(NULL);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_metadata__looks_things_up),
        cmocka_unit_test(test_metadata__knows_what_was_current_when),
        cmocka_unit_test(test_metadata__reads_properties_as_numbers_and_words),
        cmocka_unit_test(test_metadata__lives_as_long_as_its_last_owner),
    };
    return cmocka_run_group_tests_name("metadata", tests, NULL, NULL);
}
