#include "codec/parquet/parquet_page_log.h"

#include "harness.h"

#include <string.h>

static void add(struct dsi_parquet_page_log *log, const char *min, const char *max,
                size_t values)
{
    const struct dsi_parquet_page_place place = {.offset = (int64_t)log->count * 100,
                                                 .size = 100,
                                                 .first_row = (int64_t)log->count * 10,
                                                 .row_count = 10,
                                                 .byte_count = 50};
    struct dsi_parquet_bounds b = {.has = values > 0};

    assert_int_equal(dsi_buf_append(&b.min, min, strlen(min), NULL), DS_OK);
    assert_int_equal(dsi_buf_append(&b.max, max, strlen(max), NULL), DS_OK);
    assert_int_equal(dsi_parquet_page_log_add(log, &place, &b, 10, values, NULL), DS_OK);
    dsi_parquet_bounds_release(&b);
}

static const struct dsi_parquet_node text = {
    .field = {.name = "x",
              .physical = DSI_PARQUET_BYTE_ARRAY,
              .repetition = DSI_PARQUET_OPTIONAL,
              .logical.kind = DSI_PARQUET_LOGICAL_STRING},
    .max_def = 1};

// Writes the log's indexes and parses them again.
static void round_trip(struct dsi_parquet_page_log *log, struct dsi_arena *arena,
                       struct dsi_parquet_page_index *out)
{
    const struct dsi_parquet_chunk chunk = {.row_count = (int64_t)log->count * 10,
                                            .offset = 900,
                                            .size = 5000,
                                            .value_count = 40,
                                            .order = DSI_PARQUET_COLUMN_ORDER_TYPE};
    struct dsi_buf columns = DSI_BUF_INIT;
    struct dsi_buf offsets = DSI_BUF_INIT;

    assert_int_equal(dsi_parquet_page_log_write(log, 1000, &columns, &offsets, NULL),
                     DS_OK);
    assert_int_equal(dsi_parquet_page_index_parse(&text, &chunk, dsi_buf_slice(&offsets),
                                                  dsi_buf_slice(&columns), arena, out,
                                                  NULL),
                     DS_OK);
    dsi_buf_release(&columns);
    dsi_buf_release(&offsets);
}

static void test_parquet_page_log__says_where_pages_are_and_what_they_hold(void **state)
{
    struct dsi_parquet_page_log log;
    struct dsi_parquet_page_index index;
    struct dsi_arena arena = DSI_ARENA_INIT;
    (void)state;

    dsi_parquet_page_log_init(&log, &text, 4);
    add(&log, "apple", "bear", 9);
    add(&log, "", "", 0);
    add(&log, "apply", "zebra crossing", 10);
    round_trip(&log, &arena, &index);
    assert_int_equal(index.page_count, 3);
    assert_int_equal(index.places[2].offset, 1200);
    assert_int_equal(index.places[2].first_row, 20);
    assert_int_equal(index.places[2].byte_count, 50);
    assert_int_equal(index.boundary, DSI_PARQUET_ASCENDING);
    assert_true(index.bounds[1].all_null);
    assert_int_equal(index.bounds[1].null_count, 10);
    assert_int_equal(index.bounds[0].null_count, 1);
    assert_int_equal(index.bounds[0].min.size, 4);
    assert_memory_equal(index.bounds[0].min.data, "appl", 4);
    assert_int_equal(index.bounds[2].max.size, 4);
    assert_memory_equal(index.bounds[2].max.data, "zebs", 4);
    dsi_parquet_page_log_reset(&log);
    assert_int_equal(log.count, 0);
    dsi_parquet_page_log_release(&log);
    dsi_arena_release(&arena);
}

static void test_parquet_page_log__knows_the_order_of_the_bounds(void **state)
{
    static const struct {
        const char *bounds[3][2];
        enum dsi_parquet_boundary order;
    } cases[] = {
        {{{"a", "c"}, {"b", "c"}, {"b", "d"}}, DSI_PARQUET_ASCENDING},
        {{{"d", "e"}, {"c", "e"}, {"c", "d"}}, DSI_PARQUET_DESCENDING},
        {{{"a", "c"}, {"b", "c"}, {"b", "b"}}, DSI_PARQUET_UNORDERED},
        {{{"a", "c"}, {"b", "d"}, {"a", "d"}}, DSI_PARQUET_UNORDERED},
        {{{"a", "c"}, {"a", "c"}, {"a", "c"}}, DSI_PARQUET_ASCENDING},
    };
    (void)state;

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct dsi_parquet_page_log log;
        struct dsi_parquet_page_index index;
        struct dsi_arena arena = DSI_ARENA_INIT;
        dsi_parquet_page_log_init(&log, &text, 64);
        for (size_t k = 0; k < 3; k++) {
            add(&log, cases[i].bounds[k][0], cases[i].bounds[k][1], 1);
        }
        round_trip(&log, &arena, &index);
        assert_int_equal(index.boundary, cases[i].order);
        dsi_parquet_page_log_release(&log);
        dsi_arena_release(&arena);
    }
}

static void test_parquet_page_log__keeps_bounds_whole_that_have_no_shorter_form(void **s)
{
    struct dsi_parquet_page_log log;
    struct dsi_parquet_page_index index;
    struct dsi_arena arena = DSI_ARENA_INIT;
    (void)s;

    dsi_parquet_page_log_init(&log, &text, 2);
    add(&log, "\xff\xff\xff", "\xff\xff\xff\xff", 1); // No bytes follow on two of 0xff.
    round_trip(&log, &arena, &index);
    assert_non_null(index.bounds);
    assert_int_equal(index.bounds[0].max.size, 4);
    dsi_parquet_page_log_release(&log);
    dsi_arena_release(&arena);
}

static void test_parquet_page_log__has_no_column_index_for_pages_of_nan(void **state)
{
    const struct dsi_parquet_node leaf = {
        .field = {.name = "x", .physical = DSI_PARQUET_DOUBLE}};
    const struct dsi_parquet_page_place place = {.size = 9, .row_count = 1};
    const struct dsi_parquet_bounds nan = {.nan_count = 1};
    struct dsi_parquet_page_log log;
    struct dsi_buf columns = DSI_BUF_INIT;
    struct dsi_buf offsets = DSI_BUF_INIT;
    (void)state;

    dsi_parquet_page_log_init(&log, &leaf, 64);
    assert_int_equal(dsi_parquet_page_log_add(&log, &place, &nan, 1, 1, NULL), DS_OK);
    assert_int_equal(dsi_parquet_page_log_write(&log, 4, &columns, &offsets, NULL),
                     DS_OK);
    assert_int_equal(columns.size, 0);
    assert_true(offsets.size > 0);
    dsi_parquet_page_log_release(&log);
    dsi_buf_release(&columns);
    dsi_buf_release(&offsets);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_parquet_page_log__says_where_pages_are_and_what_they_hold),
        cmocka_unit_test(test_parquet_page_log__knows_the_order_of_the_bounds),
        cmocka_unit_test(
            test_parquet_page_log__keeps_bounds_whole_that_have_no_shorter_form),
        cmocka_unit_test(test_parquet_page_log__has_no_column_index_for_pages_of_nan),
    };
    return cmocka_run_group_tests_name("parquet_page_log", tests, NULL, NULL);
}
