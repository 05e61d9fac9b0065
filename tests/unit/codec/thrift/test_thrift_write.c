#include "codec/thrift/thrift.h"

#include "harness.h"

#include <string.h>

static void test_thrift_write__writes_what_the_protocol_says(void **state)
{
    static const uint8_t expected[] = {
        0x15, 0x05,                         // 1: i32 -3
        0x21,                               // 3: true
        0x08, 0x28, 0x02, 'a',  'b',        // 20, in long form: "ab"
        0x1c, 0x13, 0xff, 0x14, 0x04, 0x00, // 21: {1: i8 -1, 2: i16 2}
        0x19, 0x25, 0x02, 0x04,             // 22: [1, 2]
        0x19, 0x1c, 0x12, 0x00,             // 23: [{1: false}]
        0x16, 0x80, 0x01,                   // 24: i64 64
        0x00};
    struct dsi_buf out = DSI_BUF_INIT;
    struct dsi_thrift_writer w;
    (void)state;

    dsi_thrift_writer_begin(&w, &out, NULL);
    dsi_thrift_write_i32(&w, 1, -3);
    dsi_thrift_write_bool(&w, 3, true);
    dsi_thrift_write_text(&w, 20, "ab");
    dsi_thrift_write_struct(&w, 21);
    dsi_thrift_write_i8(&w, 1, -1);
    dsi_thrift_write_i16(&w, 2, 2);
    dsi_thrift_write_struct_end(&w);
    dsi_thrift_write_list(&w, 22, DSI_THRIFT_I32, 2);
    dsi_thrift_element_i32(&w, 1);
    dsi_thrift_element_i32(&w, 2);
    dsi_thrift_write_list(&w, 23, DSI_THRIFT_STRUCT, 1);
    dsi_thrift_element_struct(&w);
    dsi_thrift_write_bool(&w, 1, false);
    dsi_thrift_write_struct_end(&w);
    dsi_thrift_write_i64(&w, 24, 64);
    assert_int_equal(dsi_thrift_writer_end(&w), DS_OK);
    assert_int_equal(out.size, sizeof expected);
    assert_memory_equal(out.data, expected, sizeof expected);
    dsi_buf_release(&out);
}

static void test_thrift_write__keeps_the_extremes(void **state)
{
    static const int64_t values[] = {0, -1, 1, INT64_MAX, INT64_MIN, INT32_MIN};
    (void)state;
    for (size_t i = 0; i < sizeof values / sizeof *values; i++) {
        struct dsi_buf out = DSI_BUF_INIT;
        struct dsi_thrift_writer w;
        struct dsi_thrift_reader r;
        struct dsi_thrift_field f = {0};
        int64_t back = 7;
        dsi_thrift_writer_begin(&w, &out, NULL);
        dsi_thrift_write_i64(&w, 1, values[i]);
        assert_int_equal(dsi_thrift_writer_end(&w), DS_OK);
        dsi_thrift_reader_init(&r, dsi_buf_slice(&out), "test");
        assert_int_equal(dsi_thrift_next(&r, &f, NULL), DS_ROW);
        assert_int_equal(dsi_thrift_i64(&r, f.type, &back, NULL), DS_OK);
        assert_true(back == values[i]);
        dsi_buf_release(&out);
    }
}

static void test_thrift_write__remembers_the_first_failure(void **state)
{
    struct dsi_buf out = DSI_BUF_INIT_MAX(4);
    struct dsi_thrift_writer w;
    struct ds_error err = {0};
    (void)state;

    dsi_thrift_writer_begin(&w, &out, &err);
    dsi_thrift_write_text(&w, 1, "longer than four bytes");
    dsi_thrift_write_i32(&w, 2, 1);
    assert_int_equal(dsi_thrift_writer_end(&w), DS_EUNSUPPORTED);
    assert_true(out.size <= 4);
    dsi_buf_release(&out);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_thrift_write__writes_what_the_protocol_says),
        cmocka_unit_test(test_thrift_write__keeps_the_extremes),
        cmocka_unit_test(test_thrift_write__remembers_the_first_failure),
    };
    return cmocka_run_group_tests_name("thrift_write", tests, NULL, NULL);
}
