#include "fixture.h"

static void test_prepare__makes_one_manifest_whose_numbers_are_inherited(void **state)
{
    struct dsi_catalog c;
    struct dsi_prepared p;
    (void)state;

    catalog_init(&c);
    struct dsi_table *t = test_create(&c, NULL, 0);
    struct dsi_change *change = test_change(t, NULL, "memory:///t/data/a", 3);
    struct dsi_data_file more = test_file(c.storage, "memory:///t/data/b", 4);
    assert_int_equal(dsi_change_append(change, &more, 1, true, NULL), DS_OK);
    const struct dsi_state *s = dsi_table_state(t);
    assert_int_equal(dsi_rebase_prepare(s, change, &p, NULL), DS_OK);
    assert_int_equal(p.count, 1);
    assert_int_equal(p.manifests[0].added_files_count, 2);
    assert_int_equal(p.manifests[0].added_rows_count, 7);
    assert_int_equal(p.manifests[0].sequence_number, -1);
    assert_int_equal(p.manifests[0].length, p.files[0].bytes.size);
    assert_non_null(strstr(p.files[0].path, change->identity));
    assert_non_null(strstr(p.files[0].path, change->nonce));
    assert_true(dsi_prepared_fits(&p, s));
    dsi_prepared_release(&p);
    dsi_state_unref(s);
    dsi_change_free(change);
    dsi_table_free(t);
    catalog_release(&c);
}

static void test_prepare__draws_the_snapshot_id_from_the_identity(void **state)
{
    struct dsi_catalog c;
    (void)state;

    catalog_init(&c);
    struct dsi_table *t = test_create(&c, NULL, 0);
    struct dsi_change *change = test_change(t, NULL, "memory:///t/data/a", 3);
    const struct dsi_metadata *m = dsi_table_metadata(t);
    int64_t id = dsi_rebase_snapshot_id(m, change->identity);
    assert_true(id > 0);
    assert_int_equal(dsi_rebase_snapshot_id(m, change->identity), id);
    assert_int_equal(dsi_commit(t, change, NULL, NULL, NULL), DS_OK);
    dsi_metadata_unref(m);
    m = dsi_table_metadata(t);
    assert_int_equal(m->current_snapshot_id, id);
    assert_int_not_equal(dsi_rebase_snapshot_id(m, change->identity), id); // It is taken.
    dsi_metadata_unref(m);
    dsi_change_free(change);
    dsi_table_free(t);
    catalog_release(&c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_prepare__makes_one_manifest_whose_numbers_are_inherited),
        cmocka_unit_test(test_prepare__draws_the_snapshot_id_from_the_identity),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
