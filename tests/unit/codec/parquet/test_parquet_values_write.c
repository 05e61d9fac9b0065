#include "codec/parquet/parquet_values_write.h"

#include "codec/parquet/parquet_page.h"
#include "harness.h"

#include <string.h>

static const struct dsi_parquet_write_options options = {
    .page_bytes = 100, .page_rows = 1000, .dictionary_bytes = 40, .bound_bytes = 64};

static void test_parquet_values_write__stops_where_the_dictionary_is_full(void **state)
{
    static const int64_t values[] = {1, 2, 3, 1, 4, 5, 2, 6, 1};
    static const struct dsi_parquet_run runs[] = {{0, 4}, {5, 4}};
    const struct dsi_parquet_node leaf = {
        .field = {.name = "x", .physical = DSI_PARQUET_INT64}};
    const struct dsi_parquet_input in = {.values = values};
    struct dsi_parquet_values_writer v;
    struct dsi_parquet_page_values page = {0};
    struct dsi_buf out = DSI_BUF_INIT;
    size_t taken = 0;
    (void)state;

    dsi_parquet_values_writer_init(&v, &leaf, &options);
    assert_int_equal(dsi_parquet_values_append(&v, &in, runs, 2, &taken, NULL), DS_OK);
    assert_int_equal(taken, 8); // 1 2 3 1 5 2 6 1: five different ones.
    assert_int_equal(dsi_parquet_values_append(&v, &in, &(struct dsi_parquet_run){4, 1},
                                               1, &taken, NULL),
                     DS_OK);
    assert_int_equal(taken, 0);
    dsi_parquet_values_cut(&v, 5);
    assert_int_equal(v.count, 5);
    assert_int_equal(v.plain_size, 40);
    assert_int_equal(dsi_parquet_values_end(&v, &out, &page, NULL), DS_OK);
    assert_int_equal(page.count, 5);
    assert_int_equal(page.encoding, DSI_PARQUET_PLAIN); // 40 bytes and more for 40.
    assert_int_equal(page.bounds.min.data[0], 1);
    assert_int_equal(page.bounds.max.data[0], 5);
    dsi_parquet_bounds_release(&page.bounds);
    dsi_parquet_values_writer_release(&v);
    dsi_buf_release(&out);
}

static void test_parquet_values_write__knows_how_many_elements_fit(void **state)
{
    static const int32_t offsets[] = {0, 10, 20, 30, 80, 90, 1000};
    static const int32_t odd[] = {0, 10, 5, -3, 80, 2, 1000};
    const struct dsi_parquet_write_options plain = {
        .page_bytes = 100, .page_rows = 9, .no_dictionary = true, .bound_bytes = 64};
    const struct dsi_parquet_node leaf = {
        .field = {.name = "x", .physical = DSI_PARQUET_BYTE_ARRAY}};
    const struct dsi_parquet_node bit = {
        .field = {.name = "x", .physical = DSI_PARQUET_BOOLEAN}};
    struct dsi_parquet_input in = {.offsets = offsets};
    struct dsi_parquet_values_writer v;
    (void)state;

    dsi_parquet_values_writer_init(&v, &leaf, &plain);
    assert_int_equal(dsi_parquet_values_room(&v, &in, 0, 6), 4);
    assert_int_equal(dsi_parquet_values_room(&v, &in, 3, 3), 2);
    assert_int_equal(dsi_parquet_values_room(&v, &in, 5, 1), 0);
    assert_int_equal(dsi_parquet_values_room(&v, &in, 0, 2), 2);
    in.offsets = odd;
    assert_true(dsi_parquet_values_room(&v, &in, 0, 6) <= 6);
    dsi_parquet_values_writer_release(&v);
    dsi_parquet_values_writer_init(&v, &leaf, &options);
    assert_int_equal(dsi_parquet_values_room(&v, &in, 0, 60), 24); // Indices.
    dsi_parquet_values_writer_release(&v);
    dsi_parquet_values_writer_init(&v, &bit, &options);
    assert_int_equal(dsi_parquet_values_room(&v, &in, 0, 5000), 99 * 8);
    dsi_parquet_values_writer_release(&v);
}

static void test_parquet_values_write__says_which_value_has_bad_offsets(void **state)
{
    static const int32_t offsets[] = {0, 1, 2, 1, 4};
    static const struct dsi_parquet_run runs[] = {{0, 1}, {1, 3}};
    const struct dsi_parquet_node leaf = {
        .field = {.name = "x", .physical = DSI_PARQUET_BYTE_ARRAY}};
    const struct dsi_parquet_input in = {.offsets = offsets,
                                         .bytes = (const uint8_t *)"abcd"};
    struct dsi_parquet_values_writer v;
    struct ds_error err = {0};
    size_t taken = 0;
    (void)state;

    dsi_parquet_values_writer_init(&v, &leaf, &options);
    assert_int_equal(dsi_parquet_values_append(&v, &in, runs, 2, &taken, &err),
                     DS_EINVALID);
    assert_int_equal(taken, 2);
    assert_string_equal(err.message, "offsets 2 and 1");
    v.count = 0;
    dsi_parquet_values_writer_release(&v);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_parquet_values_write__stops_where_the_dictionary_is_full),
        cmocka_unit_test(test_parquet_values_write__knows_how_many_elements_fit),
        cmocka_unit_test(test_parquet_values_write__says_which_value_has_bad_offsets),
    };
    return cmocka_run_group_tests_name("parquet_values_write", tests, NULL, NULL);
}
