#include "harness.h"
#include "table.h"

// A table of one file with ok = true and one with ok = false, partitioned by ok.
static void two_files(struct table *t, struct rng *r, struct dsi_data_file files[2])
{
    table_init(t, "ok");
    do {
        table_file(t, r, 3, &files[0]);
    } while (files[0].partition[0].null || !files[0].partition[0].as.boolean);
    do {
        table_file(t, r, 3, &files[1]);
    } while (files[1].partition[0].null || files[1].partition[0].as.boolean);
    table_add_files(t, files, 2, 1);
}

static struct dsi_manifest_entry delete_of(const struct dsi_data_file *file,
                                           enum dsi_file_content content)
{
    struct dsi_manifest_entry e = {DSI_ENTRY_ADDED, -1, -1, -1, *file};

    e.file.content = content;
    e.file.path = "memory:///t/data/deletes.parquet";
    e.file.columns = NULL;
    e.file.column_count = 0;
    e.file.sort_order_id = -1;
    return e;
}

static int open_scan(struct table *t, const char *filter)
{
    struct dsi_scan_options options = {t->storage, t->m, {.filter = filter}};
    struct dsi_scan *s = NULL;
    int rc = dsi_scan_open(&options, &s, &t->err);

    dsi_scan_free(s);
    return rc;
}

static void test_scan_deletes__refuses_files_with_deleted_rows(void **state)
{
    struct dsi_data_file files[2];
    struct table t;
    struct rng r;
    (void)state;

    rng_init(&r);
    two_files(&t, &r, files);
    struct dsi_manifest_entry e = delete_of(&files[0], DSI_CONTENT_POSITION_DELETES);
    table_manifest(&t, DSI_MANIFEST_DELETES, &e, 1, 7);
    table_commit(&t, 7);
    assert_int_equal(open_scan(&t, NULL), DS_EUNSUPPORTED);
    assert_non_null(strstr(t.err.message, "snapshot 7"));
    assert_non_null(strstr(t.err.message, "deletes.parquet applies to"));
    assert_non_null(strstr(t.err.message, files[0].path));
    assert_int_equal(open_scan(&t, "ok"), DS_EUNSUPPORTED);
    // What is read has nothing deleted.
    assert_int_equal(open_scan(&t, "not ok"), DS_OK);
    table_release(&t);
}

static void test_scan_deletes__look_at_the_file_a_delete_names(void **state)
{
    struct dsi_data_file files[2];
    struct table t;
    struct rng r;
    (void)state;

    rng_init(&r);
    two_files(&t, &r, files);
    struct dsi_manifest_entry e = delete_of(&files[0], DSI_CONTENT_POSITION_DELETES);
    e.file.referenced_data_file = "memory:///t/data/another.parquet";
    struct ds_slice low = dsi_slice_text("memory:///t/data/another");
    struct dsi_column_metrics paths = {2147483546, -1, 1, 0, -1, low, low};
    struct dsi_manifest_entry bounded =
        delete_of(&files[0], DSI_CONTENT_POSITION_DELETES);
    bounded.file.columns = &paths;
    bounded.file.column_count = 1;
    table_manifest(&t, DSI_MANIFEST_DELETES, &e, 1, 1);
    table_manifest(&t, DSI_MANIFEST_DELETES, &bounded, 1, 1);
    table_commit(&t, 1);
    assert_int_equal(open_scan(&t, NULL), DS_OK);
    table_release(&t);
}

static void test_scan_deletes__apply_equality_to_older_rows_only(void **state)
{
    struct dsi_data_file files[2];
    struct table t;
    struct rng r;
    (void)state;

    rng_init(&r);
    two_files(&t, &r, files);
    int32_t id = 1;
    struct dsi_manifest_entry e = delete_of(&files[0], DSI_CONTENT_EQUALITY_DELETES);
    e.file.equality_ids = &id;
    e.file.equality_id_count = 1;
    table_manifest(&t, DSI_MANIFEST_DELETES, &e, 1, 1);
    table_commit(&t, 1);
    assert_int_equal(open_scan(&t, NULL), DS_OK); // Of the same commit.
    table_manifest(&t, DSI_MANIFEST_DELETES, &e, 1, 2);
    table_commit(&t, 2);
    assert_int_equal(open_scan(&t, NULL), DS_EUNSUPPORTED);
    assert_int_equal(open_scan(&t, "not ok"), DS_OK);
    table_release(&t);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_scan_deletes__refuses_files_with_deleted_rows),
        cmocka_unit_test(test_scan_deletes__look_at_the_file_a_delete_names),
        cmocka_unit_test(test_scan_deletes__apply_equality_to_older_rows_only),
    };
    return cmocka_run_group_tests_name("scan_deletes", tests, NULL, NULL);
}
