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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_conflict__is_explained_in_words_and_as_json),
        cmocka_unit_test(test_conflict__names_the_winner),
        cmocka_unit_test(test_conflict__refuses_a_file_of_a_spec_that_is_not_there),
        cmocka_unit_test(test_conflict__never_arises_between_appends),
        cmocka_unit_test(test_conflict__refuses_what_has_no_sequence_numbers_left),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
