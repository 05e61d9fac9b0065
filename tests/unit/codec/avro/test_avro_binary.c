#include "codec/avro/avro_binary.h"
#include "harness.h"

#include <string.h>

static void test_avro_binary__reads_back_every_width_of_number(void **state)
{
    struct dsi_buf b = DSI_BUF_INIT;
    int64_t numbers[400];
    size_t count = 0;
    (void)state;

    for (int bit = 0; bit < 64; bit++) {
        int64_t v = (int64_t)(UINT64_C(1) << bit);
        int64_t around[] = {v, (int64_t)((UINT64_C(1) << bit) - 1), -(bit < 63 ? v : 0),
                            v ^ 1};
        for (size_t i = 0; i < 4; i++) {
            numbers[count++] = around[i];
        }
    }
    numbers[count++] = INT64_MAX;
    numbers[count++] = INT64_MIN;
    for (size_t i = 0; i < count; i++) {
        assert_int_equal(dsi_avro_put_long(&b, numbers[i], NULL), DS_OK);
    }
    struct ds_slice in = dsi_buf_slice(&b);
    for (size_t i = 0; i < count; i++) {
        int64_t v = 0;
        assert_int_equal(dsi_avro_long(&in, &v, NULL), DS_OK);
        assert_int_equal(v, numbers[i]);
    }
    assert_int_equal(in.size, 0);
    dsi_buf_release(&b);
}

// The examples of the Avro specification, "Binary Encoding".
static void test_avro_binary__knows_the_examples_of_the_specification(void **state)
{
    static const struct {
        int64_t v;
        uint8_t bytes[2];
        size_t size;
    } cases[] = {{0, {0}, 1}, {-1, {1}, 1},     {1, {2}, 1},       {-2, {3}, 1},
                 {2, {4}, 1}, {-64, {0x7f}, 1}, {64, {0x80, 1}, 2}};
    (void)state;

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct dsi_buf b = DSI_BUF_INIT;
        assert_int_equal(dsi_avro_put_long(&b, cases[i].v, NULL), DS_OK);
        assert_int_equal(b.size, cases[i].size);
        assert_memory_equal(b.data, cases[i].bytes, b.size);
        dsi_buf_release(&b);
    }
    struct dsi_buf b = DSI_BUF_INIT;
    assert_int_equal(dsi_avro_put_text(&b, "foo", NULL), DS_OK);
    assert_memory_equal(b.data,
                        "\x06"
                        "foo",
                        4);
    dsi_buf_release(&b);
}

static void test_avro_binary__refuses_malformed_numbers(void **state)
{
    static const struct {
        const char *bytes;
        size_t size;
    } cases[] = {{"", 0},
                 {"\x80", 1},
                 {"\xff\xff\xff\xff\xff\xff\xff\xff\xff", 9},
                 {"\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02", 10},
                 {"\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", 11}};
    (void)state;

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct ds_slice in = {(const uint8_t *)cases[i].bytes, cases[i].size};
        int64_t v = 5;
        assert_int_equal(dsi_avro_long(&in, &v, NULL), DS_ECORRUPT);
        assert_int_equal(in.size, cases[i].size);
        assert_int_equal(v, 5);
    }
    struct ds_slice wide = {(const uint8_t *)"\x80\x80\x80\x80\x20", 5};
    int32_t narrow = 0;
    assert_int_equal(dsi_avro_int(&wide, &narrow, NULL), DS_ECORRUPT);
    assert_int_equal(wide.size, 5);
}

static void test_avro_binary__reads_back_the_other_kinds(void **state)
{
    struct dsi_buf b = DSI_BUF_INIT;
    struct ds_slice bytes = {(const uint8_t *)"\0\1", 2};
    struct ds_slice got = {NULL, 0};
    bool truth = false;
    float f = 0;
    double d = 0;
    (void)state;

    assert_int_equal(dsi_avro_put_boolean(&b, true, NULL), DS_OK);
    assert_int_equal(dsi_avro_put_float(&b, -1.5F, NULL), DS_OK);
    assert_int_equal(dsi_avro_put_double(&b, 1e300, NULL), DS_OK);
    assert_int_equal(dsi_avro_put_bytes(&b, bytes, NULL), DS_OK);
    assert_memory_equal(b.data, "\1\0\0\xc0\xbf", 5); // Little-endian IEEE 754.
    struct ds_slice in = dsi_buf_slice(&b);
    assert_int_equal(dsi_avro_boolean(&in, &truth, NULL), DS_OK);
    assert_int_equal(dsi_avro_float(&in, &f, NULL), DS_OK);
    assert_int_equal(dsi_avro_double(&in, &d, NULL), DS_OK);
    assert_int_equal(dsi_avro_bytes(&in, &got, NULL), DS_OK);
    assert_true(truth);
    assert_true(f == -1.5F && d == 1e300);
    assert_int_equal(got.size, 2);
    assert_memory_equal(got.data, bytes.data, 2);
    assert_int_equal(in.size, 0);
    assert_int_equal(dsi_avro_boolean(&in, &truth, NULL), DS_ECORRUPT);
    assert_int_equal(dsi_avro_float(&in, &f, NULL), DS_ECORRUPT);
    dsi_buf_release(&b);
}

static void test_avro_binary__refuses_lengths_beyond_the_input(void **state)
{
    static const char *const cases[] = {"\x04"
                                        "a",
                                        "\x01"
                                        "a",
                                        "\xfe\xff\xff\xff\xff\xff\xff\xff\xff\x01"
                                        "a"};
    (void)state;

    for (size_t i = 0; i < 3; i++) {
        struct ds_slice in = {(const uint8_t *)cases[i], strlen(cases[i])};
        struct ds_slice got = {NULL, 0};
        assert_int_equal(dsi_avro_bytes(&in, &got, NULL), DS_ECORRUPT);
        assert_int_equal(in.size, strlen(cases[i]));
    }
    struct ds_slice two = {(const uint8_t *)"\x02", 1};
    bool truth = false;
    assert_int_equal(dsi_avro_boolean(&two, &truth, NULL), DS_ECORRUPT);
}

static void test_avro_binary__bounds_the_counts_of_blocks(void **state)
{
    static const struct {
        const char *bytes;
        size_t size;
        size_t item_size_min;
        int rc;
        int64_t count;
        int64_t bytes_size;
    } cases[] = {
        {"\x04xx", 3, 1, DS_OK, 2, -1},
        {"\x06xx", 3, 1, DS_ECORRUPT, 0, 0},
        {"\x04xx", 3, 2, DS_ECORRUPT, 0, 0},
        {"\x03\x04xx", 4, 1, DS_OK, 2, 2}, // A negative count comes with a size.
        {"\x03\x06xx", 4, 1, DS_ECORRUPT, 0, 0},
        {"\x03\x01xx", 4, 1, DS_ECORRUPT, 0, 0},
        {"\x00", 1, 1, DS_OK, 0, -1},
        {"\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01\x00", 11, 0, DS_ECORRUPT, 0, 0},
        {"\x80\x80\x08", 3, 0, DS_OK, 65536, -1},
        {"\x82\x80\x08", 3, 0, DS_ECORRUPT, 0, 0},
    };
    (void)state;

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct ds_slice in = {(const uint8_t *)cases[i].bytes, cases[i].size};
        int64_t count = 0;
        int64_t size = 0;
        assert_int_equal(dsi_avro_block(&in, cases[i].item_size_min, &count, &size, NULL),
                         cases[i].rc);
        assert_int_equal(count, cases[i].count);
        assert_int_equal(size, cases[i].bytes_size);
        assert_true(cases[i].rc == DS_OK || in.size == cases[i].size);
    }
}

static void test_avro_binary__leaves_a_full_buffer_as_it_was(void **state)
{
    struct dsi_buf b = DSI_BUF_INIT_MAX(12);
    (void)state;

    assert_int_equal(dsi_avro_put_long(&b, 1, NULL), DS_OK);
    assert_int_equal(dsi_avro_put_text(&b, "too long for it", NULL), DS_EUNSUPPORTED);
    assert_int_equal(b.size, 1);
    dsi_buf_release(&b);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_avro_binary__reads_back_every_width_of_number),
        cmocka_unit_test(test_avro_binary__knows_the_examples_of_the_specification),
        cmocka_unit_test(test_avro_binary__refuses_malformed_numbers),
        cmocka_unit_test(test_avro_binary__reads_back_the_other_kinds),
        cmocka_unit_test(test_avro_binary__refuses_lengths_beyond_the_input),
        cmocka_unit_test(test_avro_binary__bounds_the_counts_of_blocks),
        cmocka_unit_test(test_avro_binary__leaves_a_full_buffer_as_it_was),
    };
    return cmocka_run_group_tests_name("avro_binary", tests, NULL, NULL);
}
