#include "codec/thrift/thrift.h"

#include "harness.h"

#include <string.h>

#define READER(r, ...)                                                                   \
    static const uint8_t r##_bytes[] = {__VA_ARGS__};                                    \
    struct dsi_thrift_reader r;                                                          \
    dsi_thrift_reader_init(&r, (struct ds_slice){r##_bytes, sizeof r##_bytes}, "test")

static void test_thrift_read__walks_a_struct(void **state)
{
    struct dsi_thrift_field f = {0};
    int32_t number = 0;
    bool yes = false;
    struct ds_slice text = {0};
    // 1: i32 -3, 3: true, 20 (long form): "ab", stop.
    READER(r, 0x15, 0x05, 0x21, 0x08, 0x28, 0x02, 'a', 'b', 0x00);
    (void)state;

    assert_int_equal(dsi_thrift_next(&r, &f, NULL), DS_ROW);
    assert_int_equal(f.id, 1);
    assert_int_equal(dsi_thrift_i32(&r, f.type, &number, NULL), DS_OK);
    assert_int_equal(number, -3);
    assert_int_equal(dsi_thrift_next(&r, &f, NULL), DS_ROW);
    assert_int_equal(f.id, 3);
    assert_int_equal(dsi_thrift_bool(&r, f.type, &yes, NULL), DS_OK);
    assert_true(yes);
    assert_int_equal(dsi_thrift_next(&r, &f, NULL), DS_ROW);
    assert_int_equal(f.id, 20);
    assert_int_equal(dsi_thrift_binary(&r, f.type, &text, NULL), DS_OK);
    assert_int_equal(text.size, 2);
    assert_memory_equal(text.data, "ab", 2);
    assert_int_equal(dsi_thrift_next(&r, &f, NULL), DS_OK);
    assert_int_equal(dsi_thrift_reader_position(&r), sizeof r_bytes);
}

static void test_thrift_read__widens_and_refuses_what_does_not_fit(void **state)
{
    int64_t wide = 0;
    int32_t narrow = 0;
    READER(i8, 0xfe);
    READER(big, 0x80, 0x80, 0x80, 0x80, 0x20);
    READER(huge, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x02);
    (void)state;

    assert_int_equal(dsi_thrift_i64(&i8, DSI_THRIFT_I8, &wide, NULL), DS_OK);
    assert_int_equal(wide, -2);
    assert_int_equal(dsi_thrift_i32(&big, DSI_THRIFT_I64, &narrow, NULL), DS_ECORRUPT);
    assert_int_equal(dsi_thrift_i64(&huge, DSI_THRIFT_I64, &wide, NULL), DS_ECORRUPT);
    assert_int_equal(dsi_thrift_i64(&huge, DSI_THRIFT_BINARY, &wide, NULL), DS_ECORRUPT);
}

static void test_thrift_read__takes_every_form_of_a_bool_in_a_list(void **state)
{
    static const bool expected[] = {true, false, false};
    struct dsi_thrift_list list = {0};
    READER(r, 0x32, 0x01, 0x02, 0x00, 0x07);
    (void)state;

    assert_int_equal(dsi_thrift_list(&r, DSI_THRIFT_LIST, DSI_THRIFT_TRUE, &list, NULL),
                     DS_OK);
    assert_int_equal(list.count, 3);
    for (size_t i = 0; i < list.count; i++) {
        bool v = !expected[i];
        assert_int_equal(dsi_thrift_bool_element(&r, &v, NULL), DS_OK);
        assert_int_equal(v, expected[i]);
    }
    bool v = false;
    assert_int_equal(dsi_thrift_bool_element(&r, &v, NULL), DS_ECORRUPT);
}

static void test_thrift_read__refuses_lists_larger_than_the_input(void **state)
{
    struct dsi_thrift_list list = {0};
    struct ds_error err = {0};
    READER(r, 0xf5, 0xff, 0xff, 0xff, 0xff, 0x0f, 0x00);
    READER(empty, 0x00);
    (void)state;

    assert_int_equal(dsi_thrift_list(&r, DSI_THRIFT_LIST, DSI_THRIFT_I32, &list, &err),
                     DS_ECORRUPT);
    assert_string_equal(err.message,
                        "test: a list of 4294967295 elements at byte 6, 1 bytes left");
    assert_int_equal(
        dsi_thrift_list(&empty, DSI_THRIFT_LIST, DSI_THRIFT_STRUCT, &list, NULL), DS_OK);
    assert_int_equal(list.count, 0);
}

static void test_thrift_read__skips_everything_there_is(void **state)
{
    struct dsi_thrift_field f = {0};
    // 1: list of two structs, 2: map of bool to string, 3: double, 4: uuid, 5: set of
    // bool, 6: empty map, stop.
    READER(r, 0x19, 0x2c, 0x15, 0x02, 0x00, 0x00, 0x1b, 0x01, 0x18, 0x01, 0x01, 'x', 0x17,
           1, 2, 3, 4, 5, 6, 7, 8, 0x1d, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14,
           15, 0x1a, 0x21, 0x01, 0x02, 0x1b, 0x00, 0x00);
    int count = 0;
    (void)state;

    while (dsi_thrift_next(&r, &f, NULL) == DS_ROW) {
        assert_int_equal(dsi_thrift_skip(&r, f.type, NULL), DS_OK);
        count++;
    }
    assert_int_equal(count, 6);
    assert_int_equal(dsi_thrift_reader_position(&r), sizeof r_bytes);
}

static void test_thrift_read__does_not_skip_deeper_than_its_limit(void **state)
{
    uint8_t deep[1000];
    struct dsi_thrift_reader r;
    (void)state;

    memset(deep, 0x1c, sizeof deep); // Structs in structs.
    dsi_thrift_reader_init(&r, (struct ds_slice){deep, sizeof deep}, "test");
    assert_int_equal(dsi_thrift_skip(&r, DSI_THRIFT_STRUCT, NULL), DS_ECORRUPT);
    assert_true(dsi_thrift_reader_position(&r) < 100);
    memset(deep, 0x19, sizeof deep); // Lists in lists.
    dsi_thrift_reader_init(&r, (struct ds_slice){deep, sizeof deep}, "test");
    assert_int_equal(dsi_thrift_skip(&r, DSI_THRIFT_LIST, NULL), DS_ECORRUPT);
    assert_true(dsi_thrift_reader_position(&r) < 100);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_thrift_read__walks_a_struct),
        cmocka_unit_test(test_thrift_read__widens_and_refuses_what_does_not_fit),
        cmocka_unit_test(test_thrift_read__takes_every_form_of_a_bool_in_a_list),
        cmocka_unit_test(test_thrift_read__refuses_lists_larger_than_the_input),
        cmocka_unit_test(test_thrift_read__skips_everything_there_is),
        cmocka_unit_test(test_thrift_read__does_not_skip_deeper_than_its_limit),
    };
    return cmocka_run_group_tests_name("thrift_read", tests, NULL, NULL);
}
