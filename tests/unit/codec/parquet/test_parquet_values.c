#include "codec/parquet/parquet_values.h"

#include "harness.h"

#include <string.h>

static const struct dsi_parquet_field i32 = {.name = "x", .physical = DSI_PARQUET_INT32};
static const struct dsi_parquet_field text = {.name = "x",
                                              .physical = DSI_PARQUET_BYTE_ARRAY};

static void test_parquet_values__refuses_dictionaries_smaller_than_they_say(void **state)
{
    struct dsi_parquet_dictionary d = {0};
    (void)state;

    assert_int_equal(dsi_buf_append(&d.bytes, "\1\0\0\0a\5\0\0\0bb", 11, NULL), DS_OK);
    assert_int_equal(dsi_parquet_dictionary_init(&d, &i32, 3, NULL), DS_ECORRUPT);
    assert_int_equal(dsi_parquet_dictionary_init(&d, &text, 1000000000, NULL),
                     DS_ECORRUPT);
    assert_int_equal(dsi_parquet_dictionary_init(&d, &text, 2, NULL), DS_ECORRUPT);
    dsi_parquet_dictionary_release(&d);
    assert_int_equal(dsi_buf_append(&d.bytes, "\1\0\0\0a\0\0\0\0", 9, NULL), DS_OK);
    assert_int_equal(dsi_parquet_dictionary_init(&d, &text, 2, NULL), DS_OK);
    assert_int_equal(d.values[0].size, 1);
    assert_int_equal(d.values[1].size, 0);
    dsi_parquet_dictionary_release(&d);
}

static void test_parquet_values__refuses_indices_past_the_dictionary(void **state)
{
    static const uint8_t run[] = {0x08, 0x02}; // Four times index 2.
    static struct dsi_parquet_values v;
    struct dsi_parquet_dictionary d = {0};
    struct dsi_parquet_column out = DSI_PARQUET_COLUMN_INIT;
    struct ds_error err = {0};
    (void)state;

    assert_int_equal(dsi_buf_append(&d.bytes, "\1\0\0\0\2\0\0\0", 8, NULL), DS_OK);
    assert_int_equal(dsi_parquet_dictionary_init(&d, &i32, 2, NULL), DS_OK);
    v.kind = DSI_PARQUET_VALUES_INDEXED;
    v.field = &i32;
    v.dictionary = &d;
    dsi_parquet_rle_init(&v.rle, (struct ds_slice){run, sizeof run}, 2);
    assert_int_equal(dsi_parquet_values_fixed(&v, 4, &out, &err), DS_ECORRUPT);
    assert_string_equal(err.message, "column x: index 2 into a dictionary of 2 values");
    dsi_parquet_dictionary_release(&d);
    dsi_parquet_column_release(&out);
}

static void test_parquet_values__refuses_pages_that_end_early(void **state)
{
    static const uint8_t bytes[] = {3, 0, 0, 0, 'a', 'b', 'c', 9, 0, 0, 0};
    static struct dsi_parquet_values v;
    struct dsi_parquet_column out = DSI_PARQUET_COLUMN_INIT;
    size_t done = 0;
    (void)state;

    v.kind = DSI_PARQUET_VALUES_PLAIN;
    v.field = &text;
    v.plain = (struct ds_slice){bytes, sizeof bytes};
    assert_int_equal(dsi_parquet_values_bytes(&v, 1, &out, &done, NULL), DS_OK);
    assert_int_equal(done, 1);
    assert_int_equal(out.bytes.size, 3);
    assert_int_equal(dsi_parquet_values_bytes(&v, 1, &out, &done, NULL),
                     DS_ECORRUPT);
    v.field = &i32;
    v.plain = (struct ds_slice){bytes, sizeof bytes};
    assert_int_equal(dsi_parquet_values_fixed(&v, 3, &out, NULL), DS_ECORRUPT);
    dsi_parquet_column_release(&out);
}

static void test_parquet_values__skips_plain_values(void **state)
{
    static const struct dsi_parquet_field flag = {.name = "x",
                                                  .physical = DSI_PARQUET_BOOLEAN};
    static const uint8_t bytes[] = {1, 0, 0, 0, 'a', 0, 0, 0, 0, 2, 0, 0, 0, 'b', 'c'};
    static struct dsi_parquet_values v;
    struct dsi_parquet_column out = DSI_PARQUET_COLUMN_INIT;
    size_t done = 0;
    (void)state;

    v.kind = DSI_PARQUET_VALUES_PLAIN;
    v.field = &text;
    v.plain = (struct ds_slice){bytes, sizeof bytes};
    assert_int_equal(dsi_parquet_values_skip(&v, 4, NULL), DS_ECORRUPT);
    assert_int_equal(dsi_parquet_values_skip(&v, 2, NULL), DS_OK);
    assert_int_equal(dsi_parquet_values_bytes(&v, 1, &out, &done, NULL), DS_OK);
    assert_memory_equal(out.bytes.data, "bc", 2);
    dsi_parquet_column_release(&out);

    v.field = &i32;
    v.plain = (struct ds_slice){bytes, sizeof bytes};
    assert_int_equal(dsi_parquet_values_skip(&v, 4, NULL), DS_ECORRUPT);
    assert_int_equal(dsi_parquet_values_skip(&v, 2, NULL), DS_OK);
    assert_int_equal(dsi_parquet_values_fixed(&v, 1, &out, NULL), DS_OK);
    assert_memory_equal(out.values.data, bytes + 8, 4);
    dsi_parquet_column_release(&out);

    v.field = &flag;
    v.plain = (struct ds_slice){bytes, 5};
    v.bit = 0;
    assert_int_equal(dsi_parquet_values_skip(&v, 41, NULL), DS_ECORRUPT);
    assert_int_equal(dsi_parquet_values_skip(&v, 32, NULL), DS_OK);
    assert_int_equal(dsi_parquet_values_fixed(&v, 8, &out, NULL), DS_OK);
    assert_int_equal(out.values.data[0], 'a');
    dsi_parquet_column_release(&out);
}

static void test_parquet_values__skips_indices(void **state)
{
    static const uint8_t run[] = {0x08, 0x01, 0x03, 0xff, 0x00}; // 4 x 1, then 8 x 3.
    static struct dsi_parquet_values v;
    struct dsi_parquet_dictionary d = {0};
    struct dsi_parquet_column out = DSI_PARQUET_COLUMN_INIT;
    (void)state;

    assert_int_equal(dsi_buf_append(&d.bytes, "\1\0\0\0\2\0\0\0", 8, NULL), DS_OK);
    assert_int_equal(dsi_parquet_dictionary_init(&d, &i32, 2, NULL), DS_OK);
    v.kind = DSI_PARQUET_VALUES_INDEXED;
    v.field = &i32;
    v.dictionary = &d;
    dsi_parquet_rle_init(&v.rle, (struct ds_slice){run, sizeof run}, 2);
    assert_int_equal(dsi_parquet_values_skip(&v, 3, NULL), DS_OK);
    assert_int_equal(dsi_parquet_values_skip(&v, 10, NULL), DS_ECORRUPT);
    dsi_parquet_rle_init(&v.rle, (struct ds_slice){run, 2}, 2);
    v.block_at = v.block_count = 0;
    assert_int_equal(dsi_parquet_values_fixed(&v, 2, &out, NULL), DS_OK);
    assert_int_equal(dsi_parquet_values_skip(&v, 2, NULL), DS_OK); // What was read ahead.
    assert_int_equal(dsi_parquet_values_skip(&v, 1, NULL), DS_ECORRUPT);
    dsi_parquet_rle_init(&v.rle, (struct ds_slice){run, 0}, 0); // No bits are needed.
    assert_int_equal(dsi_parquet_values_skip(&v, 1000, NULL), DS_OK);
    dsi_parquet_dictionary_release(&d);
    dsi_parquet_column_release(&out);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_parquet_values__refuses_dictionaries_smaller_than_they_say),
        cmocka_unit_test(test_parquet_values__refuses_indices_past_the_dictionary),
        cmocka_unit_test(test_parquet_values__refuses_pages_that_end_early),
        cmocka_unit_test(test_parquet_values__skips_plain_values),
        cmocka_unit_test(test_parquet_values__skips_indices),
    };
    return cmocka_run_group_tests_name("parquet_values", tests, NULL, NULL);
}
