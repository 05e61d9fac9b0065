#include "fixture.h"

static void test_change_totals__sum_up_the_files(void **state)
{
    struct dsi_catalog c;
    uint64_t rows = 0;
    uint64_t files = 0;
    uint64_t bytes = 0;
    (void)state;

    catalog_init(&c);
    struct dsi_table *t = test_create(&c, NULL, 0);
    struct dsi_change *a = test_change(t, NULL, "memory:///t/data/a", 3);
    struct dsi_data_file f = test_file(c.storage, "memory:///t/data/b", 4);
    assert_int_equal(dsi_change_append(a, &f, 1, true, NULL), DS_OK);
    dsi_change_totals(a, &rows, &files, &bytes);
    assert_int_equal(rows, 7);
    assert_int_equal(files, 2);
    assert_int_equal(bytes, 36);
    dsi_change_free(a);
    dsi_table_free(t);
    catalog_release(&c);
}

static void test_change_totals__know_which_changes_make_snapshots(void **state)
{
    struct dsi_catalog c;
    struct dsi_change *change = NULL;
    (void)state;

    catalog_init(&c);
    struct dsi_table *t = test_create(&c, NULL, 0);
    const struct dsi_state *s = dsi_table_state(t);
    struct dsi_data_file f = test_file(c.storage, "memory:///t/data/b", 4);
    assert_int_equal(dsi_change_new(s, NULL, &change, NULL), DS_OK);
    assert_false(dsi_change_makes_snapshot(change));
    assert_int_equal(dsi_change_set_property(change, "a", "b", NULL), DS_OK);
    assert_false(dsi_change_makes_snapshot(change));
    assert_int_equal(dsi_change_append(change, &f, 0, true, NULL), DS_OK);
    assert_false(dsi_change_makes_snapshot(change)); // No file, no snapshot.
    assert_int_equal(dsi_change_append(change, &f, 1, true, NULL), DS_OK);
    assert_true(dsi_change_makes_snapshot(change));
    assert_true(dsi_change_commutes(change));
    assert_int_equal(dsi_change_add(change, &f, 1, s->metadata, NULL, NULL), DS_OK);
    assert_false(dsi_change_commutes(change));
    dsi_change_free(change);
    dsi_state_unref(s);
    dsi_table_free(t);
    catalog_release(&c);
}

static void test_change_totals__include_parts_and_what_has_no_file_here(void **state)
{
    struct dsi_catalog c;
    struct dsi_held_rows held = {{(const uint8_t *)"x", 1}, 20, 0};
    uint64_t rows = 0;
    uint64_t files = 0;
    uint64_t bytes = 0;
    (void)state;

    catalog_init(&c);
    struct dsi_table *t = test_create(&c, NULL, 0);
    struct dsi_change *whole = test_blank(t, NULL);
    assert_int_equal(dsi_change_hold(whole, &held, NULL), DS_OK);
    assert_false(dsi_change_makes_snapshot(whole));
    struct dsi_change *part = test_change(t, NULL, "memory:///t/data/a", 3);
    assert_int_equal(dsi_change_add_part(whole, part, NULL), DS_OK);
    part = test_stored(t, "memory:///t/data/b", 400);
    assert_int_equal(dsi_change_add_part(whole, part, NULL), DS_OK);
    dsi_change_totals(whole, &rows, &files, &bytes);
    assert_int_equal(rows, 423);
    assert_int_equal(files, 2);
    assert_int_equal(bytes, 36);
    assert_true(dsi_change_makes_snapshot(whole));
    assert_false(dsi_change_has_files(whole));
    dsi_change_free(whole);
    dsi_table_free(t);
    catalog_release(&c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_change_totals__sum_up_the_files),
        cmocka_unit_test(test_change_totals__know_which_changes_make_snapshots),
        cmocka_unit_test(test_change_totals__include_parts_and_what_has_no_file_here),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
