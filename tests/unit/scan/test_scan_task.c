#include "harness.h"
#include "table.h"

#include "scan/scan_task.h"

static size_t run(const struct dsi_scan_source *source, const struct dsi_scan_task *task,
                  int64_t *rows, struct dsi_task_stats *stats)
{
    struct dsi_task_run run = {0};
    struct dsi_batch b = {0};
    struct ds_error err = {0};
    size_t count = 0;
    int rc = dsi_task_open(source, task, &run, &err);

    assert_int_equal(rc, DS_OK);
    while ((rc = dsi_task_next(&run, &b, &err)) == DS_ROW) {
        assert_true(b.rows > 0 && b.rows <= source->batch_rows_max);
        assert_int_equal(b.column_count, source->output->root.field_count);
        for (int64_t i = 0; i < b.rows; i++) {
            struct dsi_value v;
            dsi_column_value(&b.columns[b.column_count - 1], i, &v);
            rows[count++] = v.as.i64;
        }
        dsi_batch_release(&b);
    }
    assert_int_equal(rc, DS_OK);
    *stats = run.stats;
    dsi_task_close(&run);
    dsi_task_close(&run);
    return count;
}

static void test_scan_task__reads_its_row_groups_only(void **state)
{
    int64_t rows[1000];
    struct dsi_data_file file;
    struct dsi_task_stats stats;
    struct table t;
    struct rng r;
    (void)state;

    rng_init(&r);
    table_init(&t, NULL);
    table_file(&t, &r, 500, &file);
    struct dsi_schema n = t.schema;
    n.root.fields += RANDOM_COLUMNS;
    n.root.field_count = 1;
    struct dsi_scan_source source = {t.storage, t.m, &n, &n, NULL, 7};
    struct dsi_scan_task all = {&file, 0, INT64_MAX};
    assert_int_equal(run(&source, &all, rows, &stats), 500);
    assert_int_equal(stats.files_read, 1);
    assert_int_equal(stats.rows_read, 500);
    int64_t groups = (int64_t)stats.groups_read;
    assert_true(groups > 3);
    for (int64_t cut = 0; cut <= groups + 1; cut++) {
        struct dsi_scan_task head = {&file, 0, cut};
        struct dsi_scan_task tail = {&file, cut, INT64_MAX};
        size_t first = run(&source, &head, rows, &stats);
        size_t second = run(&source, &tail, rows + first, &stats);
        assert_int_equal(first + second, 500);
        for (int64_t i = 0; i < 500; i++) {
            assert_int_equal(rows[i], i);
        }
    }
    table_release(&t);
}

static void test_scan_task__skips_row_groups_by_their_statistics(void **state)
{
    int64_t rows[1000];
    struct dsi_data_file file;
    struct dsi_task_stats stats;
    const struct dsi_bound *filter = NULL;
    struct table t;
    struct rng r;
    (void)state;

    rng_init(&r);
    table_init(&t, NULL);
    table_file(&t, &r, 500, &file);
    bind_text("n between 250 and 252", &t.schema, &t.arena, &filter);
    struct dsi_schema output = t.schema;
    output.root.fields += RANDOM_COLUMNS;
    output.root.field_count = 1;
    struct dsi_scan_source source = {t.storage, t.m, &output, &output, filter, 7};
    struct dsi_scan_task all = {&file, 0, INT64_MAX};
    assert_int_equal(run(&source, &all, rows, &stats), 3);
    assert_int_equal(rows[0], 250);
    assert_true(stats.groups_skipped > stats.groups_read);
    assert_true(stats.rows_read < 200);

    // A column for the filter alone is read and not given.
    struct dsi_field two[2] = {t.schema.root.fields[RANDOM_COLUMNS],
                               t.schema.root.fields[0]};
    struct dsi_schema read = t.schema;
    read.root.fields = two;
    read.root.field_count = 2;
    output.root.fields = two;
    bind_text("i is null or i is not null", &t.schema, &t.arena, &source.filter);
    source.read = &read;
    assert_int_equal(run(&source, &all, rows, &stats), 500);
    bind_text("i is null", &t.schema, &t.arena, &source.filter);
    size_t count = run(&source, &all, rows, &stats);
    for (size_t i = 0; i < count; i++) {
        assert_true(table_row(&t, (size_t)rows[i])[0].null);
    }
    table_release(&t);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_scan_task__reads_its_row_groups_only),
        cmocka_unit_test(test_scan_task__skips_row_groups_by_their_statistics),
    };
    return cmocka_run_group_tests_name("scan_task", tests, NULL, NULL);
}
