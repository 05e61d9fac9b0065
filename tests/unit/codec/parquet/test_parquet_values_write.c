#include "codec/parquet/parquet_values_write.h"

#include "codec/parquet/parquet_page.h"
#include "harness.h"

#include <string.h>

static const struct dsi_parquet_write_options options = {
    .page_bytes = 100, .page_rows = 10, .dictionary_bytes = 40, .bound_bytes = 64};

// Ends the page; its encoding.
static int32_t end(struct dsi_parquet_values_writer *v, size_t count, int64_t min,
                   int64_t max)
{
    struct dsi_parquet_page_values page = {0};
    struct dsi_parquet_tools tools = {0};
    struct dsi_buf out = DSI_BUF_INIT;
    int64_t bound = 0;

    assert_int_equal(dsi_parquet_values_end(v, &tools, &out, &page, NULL), DS_OK);
    assert_int_equal(page.count, count);
    memcpy(&bound, page.bounds.min.data, sizeof bound);
    assert_int_equal(bound, min);
    memcpy(&bound, page.bounds.max.data, sizeof bound);
    assert_int_equal(bound, max);
    dsi_parquet_bounds_release(&page.bounds);
    dsi_parquet_tools_release(&tools);
    dsi_buf_release(&out);
    return page.encoding;
}

static void append(struct dsi_parquet_values_writer *v, const int64_t *values,
                   size_t count)
{
    const struct dsi_parquet_input in = {.values = values};
    const struct dsi_parquet_run run = {0, count};
    size_t taken = 0;

    assert_int_equal(dsi_parquet_values_append(v, &in, &run, 1, &taken, NULL), DS_OK);
    assert_int_equal(taken, count);
}

static const int64_t large = (int64_t)1 << 60;

static void test_parquet_values_write__settles_when_the_dictionary_is_full(void **state)
{
    const int64_t few[] = {large, 1, large, 1, large, 1, large, 1, large, large};
    const int64_t more[] = {large, 2, large, 3, 4, large, 5, 6, 7, 8};
    const struct dsi_parquet_node leaf = {
        .field = {.name = "x", .physical = DSI_PARQUET_INT64}};
    struct dsi_parquet_values_writer v;
    (void)state;

    dsi_parquet_values_writer_init(&v, &leaf, &options);
    for (int chunk = 0; chunk < 2; chunk++) {
        for (int page = 0; page < 2; page++) {
            for (int i = 0; i < 4; i++) { // Of so few the dictionary is no gain.
                append(&v, few, 10);
            }
            assert_int_equal(end(&v, 40, 1, large), DSI_PARQUET_RLE_DICTIONARY);
        }
        append(&v, more, 10);
        assert_int_equal(end(&v, 10, 2, large), DSI_PARQUET_PLAIN);
        assert_int_equal(v.dict.count, 2); // As the pages before need it.
        append(&v, few, 10);
        assert_int_equal(end(&v, 10, 1, large), DSI_PARQUET_PLAIN);
        dsi_parquet_values_next(&v);
        assert_int_equal(v.dict.count, 0);
    }
    dsi_parquet_values_writer_release(&v);
}

static void test_parquet_values_write__waits_for_a_page_that_tells(void **state)
{
    enum { COUNT = 2000 };
    static int64_t values[COUNT];
    const struct dsi_parquet_write_options wide = {.page_bytes = 1 << 20,
                                                   .page_rows = COUNT,
                                                   .dictionary_bytes = 1 << 20,
                                                   .bound_bytes = 64};
    const struct dsi_parquet_node leaf = {
        .field = {.name = "x", .physical = DSI_PARQUET_INT64}};
    struct dsi_parquet_values_writer v;
    struct dsi_parquet_page_values page = {0};
    struct dsi_parquet_tools tools = {0};
    struct dsi_buf out = DSI_BUF_INIT;
    (void)state;

    for (size_t i = 0; i < COUNT; i++) {
        values[i] = i % 3 == 0 ? large : large / (1 + (int64_t)i % 5);
    }
    values[0] = 7;
    dsi_parquet_values_writer_init(&v, &leaf, &wide);
    assert_int_equal(dsi_parquet_values_end(&v, &tools, &out, &page, NULL), DS_OK);
    assert_false(page.bounds.has);
    append(&v, values, 1); // One value would do without a dictionary.
    assert_int_not_equal(end(&v, 1, 7, 7), DSI_PARQUET_RLE_DICTIONARY);
    append(&v, values, COUNT);
    assert_int_equal(end(&v, COUNT, 7, large), DSI_PARQUET_RLE_DICTIONARY);
    assert_int_equal(dsi_parquet_values_end(&v, &tools, &out, &page, NULL), DS_OK);
    assert_int_equal(page.encoding, DSI_PARQUET_RLE_DICTIONARY);
    assert_false(page.bounds.has); // Not those of the page before.
    append(&v, values + 1, 1);
    assert_int_equal(end(&v, 1, values[1], values[1]), DSI_PARQUET_RLE_DICTIONARY);
    dsi_parquet_bounds_release(&page.bounds);
    dsi_parquet_tools_release(&tools);
    dsi_parquet_values_writer_release(&v);
    dsi_buf_release(&out);
}

enum { KEPT_COUNT = 5000 };

// A page of KEPT_COUNT values, of which so many differ.
static int32_t page_of(struct dsi_parquet_values_writer *v, uint64_t distinct)
{
    static int64_t values[KEPT_COUNT];
    int64_t min = INT64_MAX;
    int64_t max = INT64_MIN;

    for (size_t i = 0; i < KEPT_COUNT; i++) {
        values[i] = (int64_t)((i * 31 % distinct + 1) * 0x9e3779b97f4a7c15u);
        min = values[i] < min ? values[i] : min;
        max = values[i] > max ? values[i] : max;
    }
    append(v, values, KEPT_COUNT);
    return end(v, KEPT_COUNT, min, max);
}

static void test_parquet_values_write__keeps_what_suited_the_chunk_before(void **state)
{
    const struct dsi_parquet_write_options wide = {.page_bytes = 1 << 20,
                                                   .page_rows = KEPT_COUNT,
                                                   .dictionary_bytes = 1 << 20,
                                                   .choice = DSI_PARQUET_CHOICE_PLAIN,
                                                   .bound_bytes = 64};
    const struct dsi_parquet_node leaf = {
        .field = {.name = "x", .physical = DSI_PARQUET_INT64}};
    struct dsi_parquet_values_writer v;
    (void)state;

    dsi_parquet_values_writer_init(&v, &leaf, &wide);
    assert_int_equal(page_of(&v, 50), DSI_PARQUET_RLE_DICTIONARY);
    dsi_parquet_values_next(&v);
    v.tried = KEPT_COUNT + 7; // Shows whether there is a trial.
    assert_int_equal(page_of(&v, 50), DSI_PARQUET_RLE_DICTIONARY);
    assert_int_equal(v.tried, KEPT_COUNT + 7);
    dsi_parquet_values_next(&v);
    assert_int_equal(page_of(&v, KEPT_COUNT), DSI_PARQUET_PLAIN); // Not alike.
    assert_int_equal(v.tried, KEPT_COUNT);
    size_t pages = 1;
    for (int32_t encoding = DSI_PARQUET_PLAIN; encoding == DSI_PARQUET_PLAIN; pages++) {
        dsi_parquet_values_next(&v);
        encoding = page_of(&v, 50);
    }
    assert_int_equal(pages - 1, ((1 << 20) + KEPT_COUNT - 1) / KEPT_COUNT); // A million.
    dsi_parquet_values_writer_release(&v);
}

static void test_parquet_values_write__takes_deltas_for_what_ascends(void **state)
{
    const int64_t values[] = {100, 101, 102, 103, 104, 105, 106, 108, 109, 110};
    const struct dsi_parquet_node leaf = {
        .field = {.name = "x", .physical = DSI_PARQUET_INT64}};
    struct dsi_parquet_values_writer v;
    (void)state;

    dsi_parquet_values_writer_init(&v, &leaf, &options);
    append(&v, values, 10);
    assert_int_equal(end(&v, 10, 100, 110), DSI_PARQUET_DELTA_BINARY_PACKED);
    append(&v, values, 10);
    assert_int_equal(end(&v, 10, 100, 110), DSI_PARQUET_DELTA_BINARY_PACKED);
    dsi_parquet_values_writer_release(&v);
}

static void test_parquet_values_write__knows_how_many_elements_fit(void **state)
{
    static const int32_t offsets[] = {0, 10, 20, 30, 80, 90, 1000};
    static const int32_t odd[] = {0, 10, 5, -3, 80, 2, 1000};
    const struct dsi_parquet_node leaf = {
        .field = {.name = "x", .physical = DSI_PARQUET_BYTE_ARRAY}};
    const struct dsi_parquet_node number = {
        .field = {.name = "x", .physical = DSI_PARQUET_INT64}};
    const struct dsi_parquet_node bit = {
        .field = {.name = "x", .physical = DSI_PARQUET_BOOLEAN}};
    struct dsi_parquet_input in = {.offsets = offsets};
    struct dsi_parquet_values_writer v;
    (void)state;

    dsi_parquet_values_writer_init(&v, &leaf, &options);
    assert_int_equal(dsi_parquet_values_room(&v, &in, 0, 6), 4);
    assert_int_equal(dsi_parquet_values_room(&v, &in, 3, 3), 2);
    assert_int_equal(dsi_parquet_values_room(&v, &in, 5, 1), 0);
    assert_int_equal(dsi_parquet_values_room(&v, &in, 0, 2), 2);
    in.offsets = odd;
    assert_true(dsi_parquet_values_room(&v, &in, 0, 6) <= 6);
    dsi_parquet_values_writer_release(&v);
    dsi_parquet_values_writer_init(&v, &number, &options);
    assert_int_equal(dsi_parquet_values_room(&v, &in, 0, 600), 12);
    v.state = DSI_PARQUET_VALUES_INDEXED;
    assert_int_equal(dsi_parquet_values_room(&v, &in, 0, 600), 49);
    dsi_parquet_values_writer_release(&v);
    dsi_parquet_values_writer_init(&v, &bit, &options);
    assert_int_equal(dsi_parquet_values_room(&v, &in, 0, 5000), 99 * 8);
    dsi_parquet_values_writer_release(&v);
}

static void expect_bad(const struct dsi_parquet_input *in, const char *message)
{
    static const struct dsi_parquet_run runs[] = {{0, 1}, {1, 3}};
    const struct dsi_parquet_node leaf = {
        .field = {.name = "x", .physical = DSI_PARQUET_BYTE_ARRAY}};
    struct dsi_parquet_values_writer v;
    struct ds_error err = {0};
    size_t taken = 0;

    dsi_parquet_values_writer_init(&v, &leaf, &options);
    assert_int_equal(dsi_parquet_values_append(&v, in, runs, 2, &taken, &err),
                     DS_EINVALID);
    assert_int_equal(taken, 2);
    assert_string_equal(err.message, message);
    dsi_parquet_values_writer_release(&v);
}

static void test_parquet_values_write__says_which_value_has_bad_offsets(void **state)
{
    static const int32_t descending[] = {0, 1, 2, 1, 4};
    static const int32_t negative[] = {0, 1, INT32_MAX, INT32_MIN, INT32_MIN};
    static const int64_t wide[] = {0, 1, 2, 1, 4};
    static const int64_t long_one[] = {0, 1, 2, 3 + (int64_t)INT32_MAX, INT64_MAX};
    struct dsi_parquet_input in = {.offsets = descending,
                                   .bytes = (const uint8_t *)"abcd"};
    (void)state;

    expect_bad(&in, "offsets 2 and 1");
    in.offsets = wide;
    in.wide_offsets = true;
    expect_bad(&in, "offsets 2 and 1");
    in.offsets = long_one;
    expect_bad(&in, "offsets 2 and 2147483650");
    in.offsets = negative;
    in.wide_offsets = false;
    in.bytes = NULL;
    const struct dsi_parquet_node leaf = {
        .field = {.name = "x", .physical = DSI_PARQUET_BYTE_ARRAY}};
    const struct dsi_parquet_run run = {2, 2};
    struct dsi_parquet_values_writer v;
    size_t taken = 0;
    dsi_parquet_values_writer_init(&v, &leaf, &options);
    assert_int_equal(dsi_parquet_values_append(&v, &in, &run, 1, &taken, NULL),
                     DS_EINVALID);
    assert_int_equal(taken, 0);
    dsi_parquet_values_writer_release(&v);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_parquet_values_write__settles_when_the_dictionary_is_full),
        cmocka_unit_test(test_parquet_values_write__waits_for_a_page_that_tells),
        cmocka_unit_test(test_parquet_values_write__keeps_what_suited_the_chunk_before),
        cmocka_unit_test(test_parquet_values_write__takes_deltas_for_what_ascends),
        cmocka_unit_test(test_parquet_values_write__knows_how_many_elements_fit),
        cmocka_unit_test(test_parquet_values_write__says_which_value_has_bad_offsets),
    };
    return cmocka_run_group_tests_name("parquet_values_write", tests, NULL, NULL);
}
