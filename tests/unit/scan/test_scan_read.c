#include "harness.h"
#include "table.h"

#include "base/fault.h"
#include "scan/scan_read.h"

enum { FILES = 9 };

struct reading {
    struct table t;
    struct dsi_data_file files[FILES];
    struct dsi_scan_task tasks[FILES];
    struct dsi_schema n;
    struct dsi_scan_source source;
};

static void reading_init(struct reading *x, struct rng *r)
{
    table_init(&x->t, NULL);
    for (size_t i = 0; i < FILES; i++) {
        table_file(&x->t, r, 5 + 3 * i, &x->files[i]);
        x->tasks[i] = (struct dsi_scan_task){&x->files[i], 0, 1};
    }
    x->n = x->t.schema;
    x->n.root.fields += RANDOM_COLUMNS;
    x->n.root.field_count = 1;
    x->source = (struct dsi_scan_source){.storage = x->t.storage,
                                         .metadata = x->t.m,
                                         .read = &x->n,
                                         .output = &x->n,
                                         .batch_rows_max = 2};
}

static int next(struct dsi_scan_read *r, int64_t *first, int64_t *rows,
                struct ds_error *err)
{
    struct dsi_batch b = {0};
    struct dsi_value v;
    int rc = dsi_scan_read_next(r, &b, err);

    if (rc == DS_ROW) {
        dsi_column_value(&b.columns[0], 0, &v);
        *first = v.as.i64;
        *rows = b.rows;
    }
    dsi_batch_release(&b);
    return rc;
}

static void test_scan_read__keeps_order_when_asked(void **state)
{
    struct reading x;
    struct rng r;
    (void)state;

    rng_init(&r);
    reading_init(&x, &r);
    for (uint32_t threads = 1; threads <= 5; threads++) {
        struct dsi_scan_read_options options = {&x.source, x.tasks, FILES, threads, true};
        struct dsi_scan_read *read = NULL;
        struct dsi_task_stats stats;
        int64_t at = 0;
        int64_t first = 0;
        int64_t rows = 0;
        TABLE_OK(&x.t, dsi_scan_read_new(&options, &read, &x.t.err));
        while (next(read, &first, &rows, &x.t.err) == DS_ROW) {
            assert_int_equal(first, at);
            at += rows;
        }
        assert_int_equal(at, x.t.row_count);
        assert_int_equal(next(read, &first, &rows, &x.t.err), DS_OK); // (3)
        dsi_scan_read_stats(read, &stats);
        assert_int_equal(stats.files_read, FILES);
        assert_int_equal(stats.read.rows_read, x.t.row_count);
        dsi_scan_read_free(read);
    }
    table_release(&x.t);
}

static void test_scan_read__gives_what_lies_before_a_failure_then_it_again(void **state)
{
    struct reading x;
    struct rng r;
    (void)state;

    rng_init(&r);
    reading_init(&x, &r);
    x.files[4].path = "memory:///t/data/gone.parquet";
    for (uint32_t threads = 1; threads <= 5; threads++) {
        struct dsi_scan_read_options options = {&x.source, x.tasks, FILES, threads, true};
        struct dsi_scan_read *read = NULL;
        struct ds_error err = {0};
        int64_t before = 5 + 8 + 11 + 14;
        int64_t at = 0;
        int64_t first = 0;
        int64_t rows = 0;
        int rc = DS_OK;
        TABLE_OK(&x.t, dsi_scan_read_new(&options, &read, &x.t.err));
        while ((rc = next(read, &first, &rows, &err)) == DS_ROW) {
            at += rows;
        }
        assert_int_equal(rc, DS_ENOTFOUND);
        assert_int_equal(at, before);
        err = (struct ds_error){0};
        for (int i = 0; i < 3; i++) {
            assert_int_equal(next(read, &first, &rows, &err), DS_ENOTFOUND);
            assert_non_null(strstr(err.message, "gone.parquet"));
            assert_int_equal(next(read, &first, &rows, NULL), DS_ENOTFOUND);
        }
        dsi_scan_read_free(read);
    }
    table_release(&x.t);
}

static void test_scan_read__repeats_a_failure_without_order_too(void **state)
{
    struct reading x;
    struct rng r;
    (void)state;

    rng_init(&r);
    reading_init(&x, &r);
    x.files[7].path = "memory:///t/data/gone.parquet";
    for (int i = 0; i < 30; i++) {
        struct dsi_scan_read_options options = {&x.source, x.tasks, FILES, 4, false};
        struct dsi_scan_read *read = NULL;
        struct ds_error err = {0};
        int64_t first = 0;
        int64_t rows = 0;
        int rc = DS_OK;
        TABLE_OK(&x.t, dsi_scan_read_new(&options, &read, &x.t.err));
        while ((rc = next(read, &first, &rows, &err)) == DS_ROW) {
        }
        assert_int_equal(rc, DS_ENOTFOUND);
        assert_int_equal(next(read, &first, &rows, &err), DS_ENOTFOUND);
        dsi_scan_read_free(read);
    }
    table_release(&x.t);
}

static void test_scan_read__of_nothing_ends_at_once(void **state)
{
    struct dsi_scan_read_options options = {.threads = 3};
    struct dsi_scan_read *read = NULL;
    struct dsi_batch b = {0};
    (void)state;

    assert_int_equal(dsi_scan_read_new(&options, &read, NULL), DS_OK);
    assert_int_equal(dsi_scan_read_next(read, &b, NULL), DS_OK);
    dsi_scan_read_free(read);
    dsi_scan_read_free(NULL);
}

static void test_scan_read__survives_every_fault(void **state)
{
    struct dsi_fault_plan plan = {0};
    struct reading x;
    struct rng r;
    (void)state;

    rng_init(&r);
    reading_init(&x, &r);
    while (dsi_fault_next(&plan)) {
        struct dsi_scan_read_options options = {&x.source, x.tasks, 2, 2,
                                                plan.target % 2};
        struct dsi_scan_read *read = NULL;
        struct ds_error err = {0};
        int64_t at = 0;
        int64_t first = 0;
        int64_t rows = 0;
        int rc = dsi_scan_read_new(&options, &read, &err);
        while (rc >= 0 && (rc = next(read, &first, &rows, &err)) == DS_ROW) {
            at += rows;
        }
        assert_true(rc < 0 ? err.message[0] != '\0' : at == 5 + 8);
        dsi_scan_read_free(read);
    }
    assert_true(plan.target > 20);
    table_release(&x.t);
}

static int stop_faults(void **state)
{
    (void)state;
    dsi_fault_stop();
    return 0;
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_scan_read__keeps_order_when_asked),
        cmocka_unit_test(test_scan_read__gives_what_lies_before_a_failure_then_it_again),
        cmocka_unit_test(test_scan_read__repeats_a_failure_without_order_too),
        cmocka_unit_test(test_scan_read__of_nothing_ends_at_once),
        cmocka_unit_test_teardown(test_scan_read__survives_every_fault, stop_faults),
    };
    return cmocka_run_group_tests_name("scan_read", tests, NULL, NULL);
}
