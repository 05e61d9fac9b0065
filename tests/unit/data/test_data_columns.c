#include "base/fault.h"
#include "unit/data/passing.h"

static void test_data_columns__fetches_neighbours_by_one_read(void **state)
{
    struct passing p;
    struct passing_open o;
    struct passing_filter passes = {0, 10, 1000};
    struct dsi_data_filter filter = passing_of(&passes);
    (void)state;

    passing_init(&p, 1, 500, NULL, NULL);
    struct dsi_schema output = rows_schema(passing_fields + 1, 3);
    // s, d, i come out; then what the filter needs.
    struct dsi_field fields[] = {passing_fields[1], passing_fields[2], passing_fields[3],
                                 passing_fields[0]};
    struct dsi_schema schema = rows_schema(fields, 4);
    output.root.fields = fields;
    struct dsi_data_reader_options options = {.storage = p.storage,
                                              .file = &p.file,
                                              .schema = &schema,
                                              .output = &output,
                                              .filter = &filter};
    assert_int_equal(passing_open(&p, &options, &o, NULL), DS_OK);
    struct dsi_data_columns *c = &o.columns;
    dsi_data_columns_begin(c, &o.parquet.row_groups[0], 0);
    assert_int_equal(c->count, 4);
    assert_int_equal(c->output_count, 3);
    assert_int_equal(c->io.reads, 0); // (2)
    for (int again = 0; again < 2; again++) {
        assert_int_equal(dsi_data_columns_fetch(c, DSI_DATA_FILTER, NULL), DS_OK);
        assert_int_equal(c->io.reads, 1);
        assert_true(c->items[3].begun && !c->items[0].begun);
    }
    assert_int_equal(dsi_data_columns_fetch(c, DSI_DATA_REST, NULL), DS_OK);
    assert_int_equal(c->io.reads, 2); // (1) Three columns.
    assert_true(c->items[0].begun && c->items[1].begun && c->items[2].begun);
    assert_int_equal(dsi_data_columns_fetch(c, DSI_DATA_OUTPUT, NULL), DS_OK);
    assert_int_equal(c->io.reads, 2);
    dsi_data_columns_end(c);
    dsi_data_columns_begin(c, &o.parquet.row_groups[0], 0);
    assert_int_equal(dsi_data_columns_fetch(c, DSI_DATA_OUTPUT, NULL), DS_OK);
    assert_int_equal(c->io.reads, 3);
    assert_false(c->items[3].begun);
    passing_close(&o);
    passing_release(&p);
}

static void test_data_columns__expects_no_more_than_is_fetched_at_once(void **state)
{
    struct passing p;
    struct passing_open o;
    (void)state;

    passing_init(&p, 1, 500, NULL, NULL);
    struct dsi_data_reader_options options = {
        .storage = p.storage, .file = &p.file, .schema = &p.schema};
    assert_int_equal(passing_open(&p, &options, &o, NULL), DS_OK);
    const struct dsi_parquet_row_group *g = &o.parquet.row_groups[0];
    int64_t all = 0;
    for (size_t i = 0; i < o.parquet.leaf_count; i++) {
        all += g->columns[i].size;
    }
    dsi_data_columns_expect(&o.columns, g);
    assert_int_equal(o.columns.io.bytes_expected, all);
    o.columns.fetch_max = 1000;
    dsi_data_columns_expect(&o.columns, g);
    assert_int_equal(o.columns.io.bytes_expected, all + 1000);
    assert_int_equal(o.columns.io.reads, 0);
    passing_close(&o);
    passing_release(&p);
}

static void test_data_columns__tells_what_is_known_of_a_row_group(void **state)
{
    struct passing p;
    struct passing_open o;
    struct dsi_column_metrics *m = NULL;
    struct dsi_field fields[] = {passing_fields[0], passing_fields[4],
                                 ROWS_FIELD(99, "new", false, .kind = DSI_TYPE_INT)};
    struct dsi_schema schema = rows_schema(fields, 3);
    (void)state;

    passing_init(&p, 2, 100, NULL, NULL);
    struct dsi_data_reader_options options = {
        .storage = p.storage, .file = &p.file, .schema = &schema};
    assert_int_equal(passing_open(&p, &options, &o, NULL), DS_OK);
    assert_int_equal(dsi_data_columns_metrics(&o.columns, &o.parquet.row_groups[0],
                                              &o.arena, &m, NULL),
                     DS_OK);
    assert_int_equal(m[0].field_id, 1);
    assert_int_equal(m[0].lower.data[0], 0);
    assert_int_equal(m[0].upper.data[0], 99);
    assert_int_equal(m[1].field_id, 5);
    assert_int_equal(m[2].field_id, 99); // Not in the file: null throughout.
    assert_int_equal(m[2].null_count, 100);
    passing_close(&o);
    passing_release(&p);
}

static void test_data_columns__survives_every_fault(void **state)
{
    struct dsi_fault_plan plan = {0};
    struct passing p;
    (void)state;

    passing_init(&p, 3, 50, NULL, NULL);
    struct dsi_data_reader_options options = {
        .storage = p.storage, .file = &p.file, .schema = &p.schema};
    while (dsi_fault_next(&plan)) {
        struct passing_open o;
        struct ds_error err = {0};
        int rc = passing_open(&p, &options, &o, &err);
        if (rc == DS_OK) {
            dsi_data_columns_begin(&o.columns, &o.parquet.row_groups[0], 0);
            rc = dsi_data_columns_fetch(&o.columns, DSI_DATA_OUTPUT, &err);
        }
        dsi_fault_stop();
        assert_true(rc == DS_OK || err.message[0] != '\0');
        assert_int_equal(rc < 0, plan.name != NULL);
        passing_close(&o);
    }
    passing_release(&p);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_data_columns__fetches_neighbours_by_one_read),
        cmocka_unit_test(test_data_columns__expects_no_more_than_is_fetched_at_once),
        cmocka_unit_test(test_data_columns__tells_what_is_known_of_a_row_group),
        cmocka_unit_test(test_data_columns__survives_every_fault),
    };
    return cmocka_run_group_tests_name("data_columns", tests, NULL, NULL);
}
