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
    dsi_task_close(&run);
    *stats = run.stats;
    dsi_task_close(&run);
    return count;
}

static void test_scan_task__reads_its_part_only(void **state)
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
    struct dsi_scan_source source = {.storage = t.storage,
                                     .metadata = t.m,
                                     .read = &n,
                                     .output = &n,
                                     .batch_rows_max = 7};
    struct dsi_scan_task all = {&file, 0, 0};
    assert_int_equal(run(&source, &all, rows, &stats), 500);
    assert_int_equal(stats.files_read, 1);
    assert_int_equal(stats.read.rows_read, 500);
    uint64_t groups = stats.read.groups_read;
    assert_true(groups > 3);
    for (uint32_t parts = 1; parts <= 501; parts += parts < 40 ? 1 : 230) {
        uint64_t seen = 0;
        uint64_t opened = 0;
        size_t count = 0;
        for (uint32_t part = 0; part < parts; part++) {
            struct dsi_scan_task task = {&file, part, parts};
            count += run(&source, &task, rows + count, &stats);
            seen += stats.read.groups_read;
            opened += stats.files_read;
        }
        assert_int_equal(count, 500);
        assert_int_equal(seen, groups);
        assert_int_equal(opened, 1);
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
    int32_t ids[] = {RANDOM_COLUMNS + 1};
    struct dsi_schema output = t.schema;
    output.root.fields += RANDOM_COLUMNS;
    output.root.field_count = 1;
    struct dsi_scan_source source = {.storage = t.storage,
                                     .metadata = t.m,
                                     .read = &output,
                                     .output = &output,
                                     .filter = filter,
                                     .batch_rows_max = 7,
                                     .filter_ids = ids,
                                     .filter_id_count = 1};
    struct dsi_scan_task all = {&file, 0, 1};
    assert_int_equal(run(&source, &all, rows, &stats), 3);
    assert_int_equal(rows[0], 250);
    assert_true(stats.read.groups_skipped > stats.read.groups_read);
    assert_true(stats.read.rows_read < 200);

    // A column for the filter alone is read and not given.
    struct dsi_field two[2] = {t.schema.root.fields[RANDOM_COLUMNS],
                               t.schema.root.fields[0]};
    struct dsi_schema read = t.schema;
    read.root.fields = two;
    read.root.field_count = 2;
    output.root.fields = two;
    bind_text("i is null or i is not null", &t.schema, &t.arena, &source.filter);
    source.read = &read;
    ids[0] = 1;
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
        cmocka_unit_test(test_scan_task__reads_its_part_only),
        cmocka_unit_test(test_scan_task__skips_row_groups_by_their_statistics),
    };
    return cmocka_run_group_tests_name("scan_task", tests, NULL, NULL);
}
