#include "base/hash.h"
#include "harness.h"
#include "table.h"

#include "base/fault.h"

static const char *const specs[] = {
    NULL,
    "i",
    "bucket(3, l)",
    "truncate(10, i), ok",
    "truncate(2, s)",
    "day(ts)",
    "year(date), bucket(2, s)",
    "f",
    "truncate(100, dec)",
    "hour(ts)",
};

static int order_i64(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a;
    int64_t y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

// What should come out, in the table's order.
static size_t expected_rows(const struct table *t, const char *filter, int64_t *out)
{
    struct dsi_arena arena = DSI_ARENA_INIT;
    const struct dsi_bound *e = NULL;
    size_t count = 0;

    bind_text(filter, &t->schema, &arena, &e);
    for (size_t i = 0; i < t->row_count; i++) {
        if (row_passes(e, &t->schema, table_row(t, i))) {
            out[count++] = (int64_t)i;
        }
    }
    dsi_arena_release(&arena);
    return count;
}

static void compare(struct table *t, struct rng *r, const char *filter,
                    struct ds_scan_stats *sum)
{
    static const char *const n[] = {"n"};
    static const char *const some[] = {"s", "i", "n"};
    static int64_t expected[TABLE_ROWS_MAX];
    static int64_t found[TABLE_ROWS_MAX];
    size_t want = expected_rows(t, filter, expected);
    size_t count = 0;
    int64_t counted = 0;
    struct ds_scan_stats stats = {0};
    struct dsi_scan *s = NULL;
    struct ds_scan_options user = {
        .struct_size = sizeof user,
        .threads = 1 + (uint32_t)rng_below(r, 3),
        .filter = filter,
        .ordered = rng_below(r, 2),
        .batch_rows_max = (uint32_t)rng_below(r, 8),
    };

    switch (rng_below(r, 3)) {
    case 0:
        user.columns = n;
        user.column_count = 1;
        break;
    case 1:
        user.columns = some;
        user.column_count = 3;
        break;
    default:
        break;
    }
    TABLE_OK(t, table_scan(t, &user, found, &count, &stats, &t->err));
    if (!user.ordered) {
        qsort(found, count, sizeof *found, order_i64);
    }
    if (count != want || memcmp(found, expected, want * sizeof *found) != 0) {
        fail_msg("%zu rows instead of %zu: %s", count, want, filter);
    }
    struct dsi_scan_options options = {t->storage, t->m, user};
    TABLE_OK(t, dsi_scan_open(&options, &s, &t->err));
    TABLE_OK(t, dsi_scan_count(s, &counted, &t->err));
    assert_int_equal(counted, want);
    dsi_scan_free(s);
    sum->files_read += stats.files_read;
    sum->files_skipped += stats.files_skipped;
    sum->manifests_skipped += stats.manifests_skipped;
    sum->row_groups_read += stats.row_groups_read;
    sum->row_groups_skipped += stats.row_groups_skipped;
    sum->pages_skipped += stats.pages_skipped;
    sum->rows_late += stats.rows_late;
}

static void test_scan__gives_exactly_the_rows_that_pass(void **state)
{
    struct ds_scan_stats sum = {0};
    struct rng r;
    (void)state;

    rng_init(&r);
    for (size_t i = 0; i < sizeof specs / sizeof *specs; i++) {
        struct table t;
        table_init(&t, specs[i]);
        table_fill(&t, &r, specs[i] ? 4 : 2, specs[i] ? 5 : 3, specs[i] ? 12 : 200);
        compare(&t, &r, "true", &sum);
        for (size_t n = 0; n < 60; n++) {
            char filter[4000];
            random_filter(&r, (int)rng_below(&r, 3), filter, sizeof filter);
            compare(&t, &r, filter, &sum);
        }
        table_release(&t);
    }
    print_message(
        "  read: files %llu, groups %llu; skipped: manifests %llu, files %llu, "
        "groups %llu, pages %llu; late rows %llu\n",
        (unsigned long long)sum.files_read, (unsigned long long)sum.row_groups_read,
        (unsigned long long)sum.manifests_skipped, (unsigned long long)sum.files_skipped,
        (unsigned long long)sum.row_groups_skipped, (unsigned long long)sum.pages_skipped,
        (unsigned long long)sum.rows_late);
    assert_true(sum.pages_skipped > 0);
    assert_true(sum.files_skipped > 100 && sum.manifests_skipped > 10);
    assert_true(sum.row_groups_read > sum.files_read && sum.row_groups_skipped > 0);
}

static uint64_t mix(uint64_t h, const void *bytes, size_t size)
{
    return (h ^ dsi_hash(bytes, size)) * 0x9e3779b97f4a7c15u;
}

static uint64_t hash_value(uint64_t h, const struct dsi_value *v)
{
    if (v->null) {
        return mix(h, "", 1);
    }
    if (v->kind == DSI_TYPE_STRING) {
        return mix(h, v->as.bytes.data, v->as.bytes.size);
    }
    return v->kind == DSI_TYPE_LONG ? mix(h, &v->as.i64, 8) : mix(h, &v->as.i32, 4);
}

// Counts and hashes what a scan gives, in whatever order it comes.
static void count_and_hash(struct table *t, const struct ds_scan_options *user,
                           size_t *rows, uint64_t *hash)
{
    struct dsi_scan_options options = {
        .storage = t->storage, .metadata = t->m, .user = *user};
    struct dsi_scan *s = NULL;
    struct dsi_batch b = {0};
    int rc = DS_OK;

    *rows = 0;
    *hash = 0;
    TABLE_OK(t, dsi_scan_open(&options, &s, &t->err));
    while ((rc = dsi_scan_next(s, &b, &t->err)) == DS_ROW) {
        for (int64_t i = 0; i < b.rows; i++) {
            uint64_t one = 0;
            for (size_t c = 0; c < b.column_count; c++) {
                struct dsi_value v;
                dsi_column_value(&b.columns[c], i, &v);
                one = hash_value(one, &v);
            }
            *hash += one;
        }
        *rows += (size_t)b.rows;
        dsi_batch_release(&b);
    }
    TABLE_OK(t, rc);
    dsi_scan_free(s);
}

static void test_scan__gives_the_same_rows_by_any_number_of_threads(void **state)
{
    static const char *const some[] = {"s", "i", "n"};
    static const char *const filters[] = {NULL, "s like 'a%' or i > 0",
                                          "n between 300 and 350", "i = 7"};
    struct table t;
    struct rng r;
    (void)state;

    rng_init(&r);
    table_init(&t, NULL);
    table_fill(&t, &r, 1, 1, 1500); // One file, so that its parts are what is shared.
    for (size_t f = 0; f < sizeof filters / sizeof *filters; f++) {
        struct ds_scan_options user = {.struct_size = sizeof user,
                                       .columns = some,
                                       .column_count = 3,
                                       .threads = 1,
                                       .batch_rows_max = 100,
                                       .filter = filters[f]};
        size_t rows = 0;
        size_t want = 0;
        uint64_t hash = 0;
        uint64_t expected = 0;
        count_and_hash(&t, &user, &want, &expected);
        assert_true(want > 0);
        for (uint32_t i = 0; i < 50; i++) { // 200 times, over the filters.
            user.threads = 2 + i % 4;
            user.ordered = i % 2;
            user.batch_rows_max = 20 + i % 3 * 150;
            count_and_hash(&t, &user, &rows, &hash);
            assert_int_equal(rows, want);
            assert_true(hash == expected);
        }
        // Somebody who does not wait for the end.
        for (uint32_t i = 0; i < 20; i++) {
            struct dsi_scan_options options = {
                .storage = t.storage, .metadata = t.m, .user = user};
            struct dsi_scan *s = NULL;
            struct dsi_batch b = {0};
            options.user.threads = 2 + i % 4;
            TABLE_OK(&t, dsi_scan_open(&options, &s, &t.err));
            TABLE_OK(&t, dsi_scan_next(s, &b, &t.err));
            dsi_scan_free(s);
            dsi_batch_release(&b); // After the scan: it keeps what it needs.
        }
    }
    table_release(&t);
}

static void test_scan__stops_at_its_limit(void **state)
{
    static const char *const n[] = {"n"};
    static int64_t found[TABLE_ROWS_MAX];
    struct table t;
    struct rng r;
    (void)state;

    rng_init(&r);
    table_init(&t, NULL);
    table_fill(&t, &r, 3, 4, 20);
    for (uint32_t threads = 1; threads <= 3; threads++) {
        for (int64_t limit = 1; limit <= 250; limit += 31) {
            struct ds_scan_options user = {.threads = threads,
                                           .limit = limit,
                                           .ordered = true,
                                           .batch_rows_max = 7,
                                           .columns = n,
                                           .column_count = 1};
            struct dsi_scan_options options = {t.storage, t.m, user};
            struct dsi_scan *s = NULL;
            int64_t counted = 0;
            size_t count = 0;
            int64_t want = limit < (int64_t)t.row_count ? limit : (int64_t)t.row_count;
            TABLE_OK(&t, table_scan(&t, &user, found, &count, NULL, &t.err));
            assert_int_equal(count, want);
            for (size_t i = 0; i < count; i++) {
                assert_int_equal(found[i], i);
            }
            TABLE_OK(&t, dsi_scan_open(&options, &s, &t.err));
            TABLE_OK(&t, dsi_scan_count(s, &counted, &t.err));
            assert_int_equal(counted, want);
            dsi_scan_free(s);
        }
    }
    table_release(&t);
}

static void test_scan__counts_from_metadata_where_that_is_exact(void **state)
{
    struct table t;
    struct dsi_scan *s = NULL;
    struct ds_scan_stats stats = {0};
    int64_t counted = 0;
    struct rng r;
    (void)state;

    rng_init(&r);
    table_init(&t, "bucket(3, l)");
    table_fill(&t, &r, 2, 3, 10);
    struct dsi_scan_options options = {t.storage, t.m, {.filter = "n >= 0"}};
    TABLE_OK(&t, dsi_scan_open(&options, &s, &t.err));
    TABLE_OK(&t, dsi_scan_count(s, &counted, &t.err));
    dsi_scan_stats(s, &stats);
    assert_int_equal(counted, t.row_count);
    assert_int_equal(stats.files_read, 0);
    assert_int_equal(stats.manifests_read, 2);
    dsi_scan_free(s);

    options.user.filter = "n < 3"; // One file only has such rows.
    TABLE_OK(&t, dsi_scan_open(&options, &s, &t.err));
    TABLE_OK(&t, dsi_scan_count(s, &counted, &t.err));
    dsi_scan_stats(s, &stats);
    assert_int_equal(counted, 3);
    assert_true(stats.files_skipped >= 3);
    dsi_scan_free(s);
    table_release(&t);
}

static void refuses(struct table *t, struct ds_scan_options user, int status,
                    const char *message)
{
    struct dsi_scan_options options = {t->storage, t->m, user};
    struct dsi_scan *s = NULL;
    struct ds_error err = {0};

    assert_int_equal(dsi_scan_open(&options, &s, &err), status);
    assert_null(s);
    if (!strstr(err.message, message)) {
        fail_msg("\"%s\" lacks \"%s\"", err.message, message);
    }
}

static void test_scan__refuses_what_it_cannot_mean(void **state)
{
    static const char *const twice[] = {"i", "I"};
    static const char *const nothing[] = {"nothing"};
    struct table t;
    (void)state;

    table_init(&t, NULL);
    refuses(&t, (struct ds_scan_options){.limit = -1}, DS_EINVALID, "limit");
    refuses(&t, (struct ds_scan_options){.columns = twice, .column_count = 2},
            DS_EINVALID, "chosen twice");
    refuses(&t, (struct ds_scan_options){.columns = nothing, .column_count = 1},
            DS_EINVALID, "no column nothing");
    refuses(&t, (struct ds_scan_options){.filter = "i ="}, DS_EINVALID, "character 4");
    refuses(&t, (struct ds_scan_options){.at = {.snapshot_id = 9}}, DS_EINVALID,
            "no snapshot 9");
    table_release(&t);
}

static void test_scan__of_an_empty_table_is_empty(void **state)
{
    int64_t found[1];
    size_t count = 0;
    struct table t;
    (void)state;

    table_init(&t, NULL);
    TABLE_OK(&t, table_scan(&t, &(struct ds_scan_options){.filter = "i = 1"}, found,
                            &count, NULL, &t.err));
    assert_int_equal(count, 0);
    table_release(&t);
}

static void test_scan__names_the_file_that_is_gone(void **state)
{
    static int64_t found[TABLE_ROWS_MAX];
    struct table t;
    struct rng r;
    size_t count = 0;
    (void)state;

    rng_init(&r);
    table_init(&t, NULL);
    table_fill(&t, &r, 2, 6, 10);
    TABLE_OK(&t, dsi_storage_remove(t.storage, "memory:///t/data/8.parquet", &t.err));
    for (uint32_t threads = 1; threads <= 3; threads++) {
        for (int ordered = 0; ordered < 2; ordered++) {
            struct ds_scan_options user = {.threads = threads, .ordered = ordered};
            struct ds_error err = {0};
            assert_true(table_scan(&t, &user, found, &count, NULL, &err) < 0);
            assert_non_null(strstr(err.message, "data/8.parquet"));
            assert_true(count < t.row_count);
        }
    }
    table_release(&t);
}

static void test_scan__shares_one_file_between_threads(void **state)
{
    struct ds_scan_stats sum = {0};
    struct dsi_data_file file;
    struct table t;
    struct rng r;
    (void)state;

    rng_init(&r);
    table_init(&t, NULL);
    table_file(&t, &r, 800, &file);
    assert_true(file.split_offset_count > 8);
    table_add_files(&t, &file, 1, 1);
    table_commit(&t, 1);
    for (size_t n = 0; n < 60; n++) {
        char filter[4000];
        random_filter(&r, (int)rng_below(&r, 3), filter, sizeof filter);
        compare(&t, &r, n ? filter : "true", &sum);
    }
    table_release(&t);

    table_init(&t, NULL);
    table_file(&t, &r, 300, &file);
    file.split_offset_count = 2; // Somebody else's number, and wrong.
    table_add_files(&t, &file, 1, 1);
    table_commit(&t, 1);
    for (size_t n = 0; n < 20; n++) {
        compare(&t, &r, "true", &sum);
    }
    table_release(&t);
}

static void test_scan__may_be_freed_in_the_middle(void **state)
{
    struct table t;
    struct rng r;
    (void)state;

    rng_init(&r);
    table_init(&t, NULL);
    table_fill(&t, &r, 3, 8, 20);
    for (int i = 0; i < 60; i++) {
        struct dsi_scan_options options = {
            t.storage,
            t.m,
            {.threads = 1 + (uint32_t)(i % 4), .ordered = i % 2, .batch_rows_max = 3}};
        struct dsi_scan *s = NULL;
        struct dsi_batch b = {0};
        TABLE_OK(&t, dsi_scan_open(&options, &s, &t.err));
        for (int k = 0; k < i % 7; k++) {
            assert_int_equal(dsi_scan_next(s, &b, &t.err), DS_ROW);
            dsi_batch_release(&b);
        }
        dsi_scan_free(s);
    }
    table_release(&t);
}

// Adds a column and takes it to a second snapshot; the first one still looks as it was.
static void test_scan__shows_a_snapshot_with_its_own_schema(void **state)
{
    struct table t;
    struct rng r;
    struct dsi_metadata_edit *edit = NULL;
    struct dsi_metadata_dropped dropped = {0};
    struct dsi_metadata *next = NULL;
    struct dsi_scan *s = NULL;
    (void)state;

    rng_init(&r);
    table_init(&t, NULL);
    table_fill(&t, &r, 1, 1, 5);
    struct dsi_field fields[TABLE_COLUMNS + 1];
    memcpy(fields, t.schema.root.fields, TABLE_COLUMNS * sizeof *fields);
    fields[TABLE_COLUMNS] =
        (struct dsi_field){.id = 13, .name = "added", .type = {.kind = DSI_TYPE_INT}};
    struct dsi_schema wider = t.schema;
    wider.raw = (struct ds_slice){0};
    wider.root.fields = fields;
    wider.root.field_count++;
    wider.highest_id = 13;
    TABLE_OK(&t, dsi_metadata_edit_new(t.m, &edit, &t.err));
    TABLE_OK(&t, dsi_metadata_edit_set_schema(edit, &wider, 13, &t.err));
    TABLE_OK(&t, dsi_metadata_edit_finish(edit, 9000, NULL, &next, &dropped, &t.err));
    dsi_metadata_unref(t.m);
    t.m = next;

    struct dsi_scan_options options = {t.storage, t.m, {.filter = "added is null"}};
    TABLE_OK(&t, dsi_scan_open(&options, &s, &t.err));
    assert_int_equal(dsi_scan_schema(s)->root.field_count, TABLE_COLUMNS + 1);
    int64_t counted = 0;
    TABLE_OK(&t, dsi_scan_count(s, &counted, &t.err));
    assert_int_equal(counted, t.row_count);
    dsi_scan_free(s);
    options.user.filter = NULL;
    options.user.at.snapshot_id = 1;
    TABLE_OK(&t, dsi_scan_open(&options, &s, &t.err));
    assert_int_equal(dsi_scan_schema(s)->root.field_count, TABLE_COLUMNS);
    dsi_scan_free(s);
    options.user.at = (struct ds_at){.ref = "main"};
    TABLE_OK(&t, dsi_scan_open(&options, &s, &t.err));
    assert_int_equal(dsi_scan_schema(s)->root.field_count, TABLE_COLUMNS + 1);
    dsi_scan_free(s);
    table_release(&t);
}

// int becomes long, float double, decimal(9, 2) decimal(18, 2): bounds, partitions and
// files stay as narrow as they were written.
static void promote(struct table *t)
{
    struct dsi_field *fields =
        dsi_arena_array(&t->arena, TABLE_COLUMNS, sizeof(struct dsi_field));
    struct dsi_metadata_edit *edit = NULL;
    struct dsi_metadata_dropped dropped = {0};
    struct dsi_metadata *next = NULL;

    assert_non_null(fields);
    memcpy(fields, t->schema.root.fields, TABLE_COLUMNS * sizeof *fields);
    fields[0].type.kind = DSI_TYPE_LONG;
    fields[2].type.kind = DSI_TYPE_DOUBLE;
    fields[4].type.precision = 18;
    t->schema.root.fields = fields;
    t->schema.raw = (struct ds_slice){0};
    TABLE_OK(t, dsi_metadata_edit_new(t->m, &edit, &t->err));
    TABLE_OK(t, dsi_metadata_edit_set_schema(edit, &t->schema, TABLE_COLUMNS, &t->err));
    TABLE_OK(t, dsi_metadata_edit_finish(edit, 9000, NULL, &next, &dropped, &t->err));
    dsi_metadata_unref(t->m);
    t->m = next;
}

static void test_scan__filters_columns_that_were_promoted(void **state)
{
    static const char *const by[] = {NULL,           "i", "truncate(10, i)",
                                     "bucket(4, i)", "f", "truncate(100, dec)"};
    struct ds_scan_stats sum = {0};
    struct rng r;
    (void)state;

    rng_init(&r);
    for (size_t i = 0; i < sizeof by / sizeof *by; i++) {
        struct table t;
        table_init(&t, by[i]);
        table_fill(&t, &r, 2, 5, 8);
        promote(&t);
        compare(&t, &r, "i = 2147483647 or i = -2147483648", &sum);
        compare(&t, &r, "i < 5000000000 and f > -1e300", &sum);
        compare(&t, &r, "not dec < 10000000.5", &sum);
        for (size_t n = 0; n < 60; n++) {
            char filter[4000];
            random_filter(&r, (int)rng_below(&r, 3), filter, sizeof filter);
            compare(&t, &r, filter, &sum);
        }
        table_release(&t);
    }
    assert_true(sum.files_skipped > 100);
}

// Every failure is an error with words, and never fewer rows.
static void survive_faults(uint32_t threads)
{
    static const char *const n[] = {"n"};
    static int64_t found[TABLE_ROWS_MAX];
    struct dsi_fault_plan plan = {0};
    struct table t;
    struct rng r;

    rng_init(&r);
    table_init(&t, "bucket(2, i)");
    table_fill(&t, &r, 1, 3, 6);
    while (dsi_fault_next(&plan)) {
        struct ds_scan_options user = {.threads = threads,
                                       .filter = "i is null or l in (1, 7) or n >= 0",
                                       .columns = n,
                                       .column_count = 1};
        struct ds_error err = {0};
        size_t count = 0;
        int rc = table_scan(&t, &user, found, &count, NULL, &err);
        assert_true(rc < 0 ? err.message[0] != '\0' : count == t.row_count);
    }
    print_message("  %u points\n", (unsigned)plan.target);
    assert_true(plan.target > 20);
    table_release(&t);
}

static void test_scan__survives_every_fault(void **state)
{
    (void)state;
    survive_faults(1);
}

static void test_scan__survives_every_fault_in_threads(void **state)
{
    (void)state;
    survive_faults(3);
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
        cmocka_unit_test(test_scan__gives_exactly_the_rows_that_pass),
        cmocka_unit_test(test_scan__gives_the_same_rows_by_any_number_of_threads),
        cmocka_unit_test(test_scan__stops_at_its_limit),
        cmocka_unit_test(test_scan__counts_from_metadata_where_that_is_exact),
        cmocka_unit_test(test_scan__refuses_what_it_cannot_mean),
        cmocka_unit_test(test_scan__of_an_empty_table_is_empty),
        cmocka_unit_test(test_scan__names_the_file_that_is_gone),
        cmocka_unit_test(test_scan__shares_one_file_between_threads),
        cmocka_unit_test(test_scan__may_be_freed_in_the_middle),
        cmocka_unit_test(test_scan__shows_a_snapshot_with_its_own_schema),
        cmocka_unit_test(test_scan__filters_columns_that_were_promoted),
        cmocka_unit_test_teardown(test_scan__survives_every_fault, stop_faults),
        cmocka_unit_test_teardown(test_scan__survives_every_fault_in_threads,
                                  stop_faults),
    };
    return cmocka_run_group_tests_name("scan", tests, NULL, NULL);
}
