#include "fixture.h"
#include "txn/conflict.h"

static void test_conflict__is_explained_in_words_and_as_json(void **state)
{
    struct ds_error err = {0};
    struct dsi_conflict c = {
        .rule = "some-rule", .object = "a \"file\"\n", .advice = "plan again"};
    (void)state;

    assert_int_equal(dsi_conflict_fail(&c, &err), DS_ECONFLICT);
    assert_non_null(strstr(err.message, "plan again"));
    assert_string_equal(err.detail, "{\"rule\":\"some-rule\",\"object\":"
                                    "\"a \\\"file\\\"\\u000a\","
                                    "\"advice\":\"plan again\"}");
    assert_int_equal(dsi_conflict_fail(&c, NULL), DS_ECONFLICT);
}

static void test_conflict__names_the_winner(void **state)
{
    struct dsi_catalog cat;
    struct ds_error err = {0};
    (void)state;

    catalog_init(&cat);
    struct dsi_table *t = test_create(&cat, NULL, 0);
    struct dsi_change *change = test_change(t, NULL, "memory:///t/data/a", 1);
    assert_int_equal(dsi_commit(t, change, NULL, NULL, NULL), DS_OK);
    const struct dsi_metadata *m = dsi_table_metadata(t);
    struct dsi_conflict c = {.rule = "r",
                             .object = "o",
                             .advice = "a",
                             .winner = dsi_metadata_current_snapshot(m)};
    assert_int_equal(dsi_conflict_fail(&c, &err), DS_ECONFLICT);
    assert_non_null(strstr(err.detail, change->identity));
    assert_non_null(strstr(err.detail, "\"sequence-number\":1"));
    dsi_metadata_unref(m);
    dsi_change_free(change);
    dsi_table_free(t);
    catalog_release(&cat);
}

static void test_conflict__refuses_a_file_of_a_spec_that_is_not_there(void **state)
{
    struct dsi_catalog c;
    struct ds_error err = {0};
    struct dsi_change *change = NULL;
    (void)state;

    catalog_init(&c);
    struct dsi_table *t = test_create(&c, NULL, 0);
    const struct dsi_state *s = dsi_table_state(t);
    struct dsi_data_file f = test_file(c.storage, "memory:///t/data/a", 1);
    f.spec_id = 9;
    assert_int_equal(dsi_change_new(s, NULL, &change, NULL), DS_OK);
    assert_int_equal(dsi_change_append(change, &f, 1, true, NULL), DS_OK);
    assert_int_equal(dsi_conflict_check(s, change, &err), DS_ECONFLICT);
    assert_non_null(strstr(err.detail, "spec-dropped"));
    dsi_state_unref(s);
    dsi_change_free(change);
    dsi_table_free(t);
    catalog_release(&c);
}

static void test_conflict__never_arises_between_appends(void **state)
{
    struct dsi_catalog c;
    struct seen seen;
    (void)state;

    catalog_init(&c);
    struct dsi_table *t = test_create(&c, NULL, 0);
    struct dsi_table *u = test_open(&c);
    struct dsi_change *a = test_change(t, NULL, "memory:///t/data/a", 1);
    struct dsi_change *b = test_change(u, NULL, "memory:///t/data/b", 2);
    assert_int_equal(dsi_commit(t, a, NULL, NULL, NULL), DS_OK);
    assert_int_equal(dsi_commit(u, b, NULL, NULL, NULL), DS_OK);
    assert_null(test_look(c.storage, c.head, &seen));
    assert_int_equal(seen.rows, 3);
    dsi_change_free(a);
    dsi_change_free(b);
    dsi_table_free(t);
    dsi_table_free(u);
    catalog_release(&c);
}

static void test_conflict__refuses_what_has_no_sequence_numbers_left(void **state)
{
    static const struct {
        int64_t last;
        int rc;
    } cases[] = {{INT64_MAX, DS_EUNSUPPORTED}, {INT64_MAX - 2000000, DS_OK}};
    struct dsi_catalog c;
    (void)state;

    catalog_init(&c);
    struct dsi_table *t = test_create(&c, NULL, 0);
    struct dsi_change *change = test_change(t, NULL, "memory:///t/data/a", 1);
    const struct dsi_state *s = dsi_table_state(t);
    int64_t *last = (int64_t *)(uintptr_t)&s->metadata->last_sequence_number;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct ds_error err = {0};
        *last = cases[i].last;
        assert_int_equal(dsi_conflict_check(s, change, &err), cases[i].rc);
    }
    dsi_state_unref(s);
    dsi_change_free(change);
    dsi_table_free(t);
    catalog_release(&c);
}

static void check(const struct dsi_state *s, struct dsi_change *change, const char *rule)
{
    struct ds_error err = {0};
    int rc = dsi_conflict_check(s, change, &err);

    assert_int_equal(rc, rule ? DS_ECONFLICT : DS_OK);
    if (rule) {
        assert_non_null(strstr(err.detail, rule));
    }
}

// Files and stored manifests, of a spec that is another one by now.
static void test_conflict__refuses_what_another_spec_made(void **state)
{
    struct dsi_catalog c;
    (void)state;

    catalog_init(&c);
    struct dsi_table *t = test_create(&c, NULL, 0);
    const struct dsi_state *s = dsi_table_state(t);
    struct dsi_change *file = test_change(t, NULL, "memory:///t/data/a", 1);
    struct dsi_change *stored = test_stored(t, "memory:///t/data/b", 1);
    const struct dsi_partition_spec *spec = dsi_metadata_default_spec(s->metadata);
    const struct dsi_partition_field fields[1] = {{.field_id = 1000, .source_id = 1}};
    struct dsi_partition_spec wider = *spec;
    struct dsi_partition_spec later = *spec;
    struct dsi_metadata m = *s->metadata;
    struct dsi_state now = *s;
    check(s, file, NULL);
    check(s, stored, NULL);
    wider.fields = fields;
    wider.field_count = 1;
    later.spec_id++;
    const struct dsi_partition_spec specs[] = {wider, later};
    for (int i = 0; i < 2; i++) {
        m.specs = &specs[i];
        m.spec_count = 1;
        now.metadata = &m;
        check(&now, file, "spec-dropped");
        check(&now, stored, "spec-dropped");
    }
    dsi_change_free(file);
    dsi_change_free(stored);
    dsi_state_unref(s);
    dsi_table_free(t);
    catalog_release(&c);
}

static void test_conflict__arises_when_columns_came_in_between(void **state)
{
    struct dsi_schema schema = test_schema();
    struct dsi_catalog c;
    (void)state;

    catalog_init(&c);
    struct dsi_table *t = test_create(&c, NULL, 0);
    const struct dsi_state *s = dsi_table_state(t);
    struct dsi_change *change = test_blank(t, NULL);
    struct dsi_metadata m = *s->metadata;
    struct dsi_state now = *s;
    assert_int_equal(dsi_change_set_schema(change, s->metadata, &schema, NULL), DS_OK);
    check(s, change, NULL);
    now.metadata = &m;
    m.last_column_id++; // Added, and dropped again.
    check(&now, change, "schema-changed");
    m.last_column_id--;
    m.current_schema_id++;
    check(&now, change, "schema-changed");
    dsi_change_free(change);
    dsi_state_unref(s);
    dsi_table_free(t);
    catalog_release(&c);
}

static void test_conflict__arises_when_names_mean_something_else(void **state)
{
    static const char ours[] = "[{\"field-id\":1,\"names\":[\"id\"]}]";
    struct ds_property mapping = {DSI_NAME_MAPPING_KEY, ours};
    struct dsi_catalog c;
    (void)state;

    catalog_init(&c);
    struct dsi_table *t = test_create(&c, NULL, 0);
    const struct dsi_state *s = dsi_table_state(t);
    struct dsi_data_file f = test_file(c.storage, "memory:///t/data/a", 1);
    struct dsi_change *change = test_blank(t, NULL);
    struct dsi_metadata m = *s->metadata;
    struct dsi_state now = *s;
    assert_int_equal(dsi_change_add(change, &f, 1, s->metadata, ours, NULL), DS_OK);
    check(s, change, NULL); // As it was,
    now.metadata = &m;
    m.properties = &mapping;
    m.property_count = 1;
    check(&now, change, NULL); // or as this change wants it.
    m.current_schema_id++;
    check(&now, change, "names-changed");
    m.current_schema_id--;
    mapping.value = "[]";
    check(&now, change, "names-changed");
    dsi_change_free(change);
    dsi_state_unref(s);
    dsi_table_free(t);
    catalog_release(&c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_conflict__is_explained_in_words_and_as_json),
        cmocka_unit_test(test_conflict__names_the_winner),
        cmocka_unit_test(test_conflict__refuses_a_file_of_a_spec_that_is_not_there),
        cmocka_unit_test(test_conflict__never_arises_between_appends),
        cmocka_unit_test(test_conflict__refuses_what_has_no_sequence_numbers_left),
        cmocka_unit_test(test_conflict__refuses_what_another_spec_made),
        cmocka_unit_test(test_conflict__arises_when_columns_came_in_between),
        cmocka_unit_test(test_conflict__arises_when_names_mean_something_else),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
