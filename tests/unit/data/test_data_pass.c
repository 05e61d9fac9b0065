#include "data/data_pass.h"

#include "base/error.h"
#include "base/fault.h"
#include "unit/data/passing.h"

struct outcome {
    int64_t rows;
    int64_t batches;
    struct dsi_data_reader_stats stats;
};

// Reads what passes and compares it with the rows that were written, one by one.
static int read_and_compare(struct passing *p, const struct passing_filter *f,
                            struct dsi_data_reader_options options, struct outcome *out,
                            struct ds_error *err)
{
    struct dsi_data_filter filter = passing_of(f);
    struct dsi_data_reader *r = NULL;
    struct dsi_batch b = {0};
    int64_t n = 0;
    int rc = DS_OK;

    options.storage = p->storage;
    options.file = &p->file;
    options.filter = &filter;
    *out = (struct outcome){0};
    DSI_TRY(dsi_data_reader_open(&options, &r, err));
    for (;;) {
        DSI_TRY(dsi_data_reader_next(r, &b, err));
        if (rc == DS_OK) {
            break;
        }
        assert_true(b.rows > 0); // (1)
        assert_true(b.column_count == 0 || b.rows <= options.batch_rows_max);
        for (int64_t i = 0; i < b.rows && b.column_count > 0; i++, n++) {
            while (n < p->rows.rows && !passing_passes(f, n)) {
                n++;
            }
            assert_true(n < p->rows.rows);
            for (size_t c = 0; c < b.column_count; c++) {
                size_t from = (size_t)b.columns[c].field->id - 1;
                assert_int_equal(b.columns[c].length, b.rows); // (2)
                if (!rows_same(&b.columns[c], i, &p->rows.columns[from], n)) {
                    fail_msg("row %lld, column %s", (long long)n,
                             b.columns[c].field->name);
                }
            }
        }
        out->rows += b.rows;
        out->batches++;
        dsi_batch_release(&b);
    }
    dsi_data_reader_stats(r, &out->stats);
done:
    dsi_batch_release(&b);
    dsi_data_reader_close(r);
    return rc;
}

static int64_t expected(const struct passing *p, const struct passing_filter *f)
{
    int64_t count = 0;

    for (int64_t n = 0; n < p->rows.rows; n++) {
        count += passing_passes(f, n);
    }
    return count;
}

static void test_data_pass__gives_exactly_the_rows_that_pass(void **state)
{
    static const uint64_t rates[] = {0, 1, 5, 20, 100, 500, 900, 1000};
    static const int64_t batches[] = {1, 7, 64, 1000, 65536};
    static const size_t bytes[] = {40, 300, 0};
    static const size_t fetch[] = {1, 1500, 20000, 0};
    struct rows_random random = {20261121};
    uint64_t late = 0;
    struct passing p;
    (void)state;

    for (int file = 0; file < 3; file++) {
        static const char *const groups[] = {"20000", "100000", NULL};
        static const char *const pages[] = {"50", "333", NULL};
        passing_init(&p, (uint64_t)file, 3000, groups[file], pages[file]);
        for (int round = 0; round < 60; round++) {
            int64_t low = rows_below(&random, 3500) - 250;
            struct passing_filter f = {low, low + rows_below(&random, 3500),
                                       rates[rows_below(&random, 8)]};
            // The filter's column first, last and not given, or in the middle of all.
            struct dsi_field fields[] = {passing_fields[1], passing_fields[5],
                                         passing_fields[2], passing_fields[0]};
            struct dsi_schema schema = rows_schema(fields, 4);
            struct dsi_schema output = rows_schema(fields, 3);
            struct outcome o;
            struct ds_error err = {0};
            struct dsi_data_reader_options options = {
                .schema = &p.schema,
                .batch_rows_max = batches[rows_below(&random, 5)],
                .batch_bytes_max = bytes[rows_below(&random, 3)],
                .fetch_bytes_max = fetch[rows_below(&random, 4)]};
            if (rows_below(&random, 2)) {
                options.schema = &schema;
                options.output = &output;
            }
            if (read_and_compare(&p, &f, options, &o, &err) < 0) {
                fail_msg("%s", err.message);
            }
            assert_int_equal(o.rows, expected(&p, &f));
            late += o.stats.rows_late;
            // Counting looks at the filter's column alone.
            output.root.field_count = 0;
            options.schema = &schema;
            options.output = &output;
            assert_int_equal(read_and_compare(&p, &f, options, &o, &err), DS_OK);
            assert_int_equal(o.rows, expected(&p, &f));
        }
        passing_release(&p);
    }
    assert_true(late > 0);
}

static void test_data_pass__decodes_little_where_little_passes(void **state)
{
    struct passing_filter f = {0, 20000, 2};
    struct outcome o;
    struct passing p;
    (void)state;

    passing_init(&p, 9, 20000, NULL, NULL);
    struct dsi_data_reader_options options = {.schema = &p.schema,
                                              .batch_rows_max = 5000};
    assert_int_equal(read_and_compare(&p, &f, options, &o, NULL), DS_OK);
    assert_int_equal(o.rows, expected(&p, &f));
    assert_int_equal(o.stats.rows_late, (uint64_t)o.rows);
    assert_true(o.batches <= 2); // The filter looks further once it found little.

    f = (struct passing_filter){0, 20000, 700};
    assert_int_equal(read_and_compare(&p, &f, options, &o, NULL), DS_OK);
    assert_int_equal(o.stats.rows_late, 0);

    // Nothing passes: the other columns are not even fetched.
    uint64_t all = o.stats.bytes_read;
    f = (struct passing_filter){0, 20000, 0};
    assert_int_equal(read_and_compare(&p, &f, options, &o, NULL), DS_OK);
    assert_int_equal(o.rows, 0);
    assert_int_equal(o.stats.rows_read, 20000);
    assert_true(o.stats.bytes_read < all / 2);
    passing_release(&p);
}

static void test_data_pass__counts_without_reading_where_that_is_exact(void **state)
{
    struct passing_filter f = {0, 1000, 1000};
    struct dsi_schema output = rows_schema(passing_fields, 0);
    struct outcome o;
    struct passing p;
    (void)state;

    passing_init(&p, 9, 1000, NULL, "100");
    struct dsi_schema schema = rows_schema(passing_fields, 1);
    struct dsi_data_reader_options options = {
        .schema = &schema, .output = &output, .batch_rows_max = 65536};
    assert_int_equal(read_and_compare(&p, &f, options, &o, NULL), DS_OK);
    assert_int_equal(o.rows, 1000);
    assert_int_equal(o.stats.reads, 0);
    f.high = 550; // Five pages are sure; one is looked into.
    assert_int_equal(read_and_compare(&p, &f, options, &o, NULL), DS_OK);
    assert_int_equal(o.rows, 550);
    assert_int_equal(o.stats.rows_read, 100);
    assert_int_equal(o.stats.pages_skipped, 4);
    passing_release(&p);
}

static void test_data_pass__survives_every_fault(void **state)
{
    static const uint64_t rates[] = {10, 600};
    struct passing p;
    (void)state;

    passing_init(&p, 5, 300, NULL, "50");
    for (size_t i = 0; i < 2; i++) {
        struct passing_filter f = {60, 280, rates[i]};
        struct dsi_fault_plan plan = {0};
        struct dsi_data_reader_options options = {
            .schema = &p.schema, .batch_rows_max = 100, .fetch_bytes_max = i ? 500 : 0};
        while (dsi_fault_next(&plan)) {
            struct ds_error err = {0};
            struct outcome o;
            int rc = read_and_compare(&p, &f, options, &o, &err);
            dsi_fault_stop();
            assert_true(rc == DS_OK || err.message[0] != '\0');
            assert_int_equal(rc < 0, plan.name != NULL);
            assert_true(rc < 0 || o.rows == expected(&p, &f));
        }
    }
    passing_release(&p);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_data_pass__gives_exactly_the_rows_that_pass),
        cmocka_unit_test(test_data_pass__decodes_little_where_little_passes),
        cmocka_unit_test(test_data_pass__counts_without_reading_where_that_is_exact),
        cmocka_unit_test(test_data_pass__survives_every_fault),
    };
    return cmocka_run_group_tests_name("data_pass", tests, NULL, NULL);
}
