#include "base/alloc.h"
#include "base/buf.h"
#include "base/fault.h"
#include "harness.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static void test_buf__grows_as_it_is_filled(void **state)
{
    struct dsi_buf b = DSI_BUF_INIT;
    (void)state;

    for (int i = 0; i < 1000; i++) {
        assert_int_equal(dsi_buf_append_byte(&b, (uint8_t)i, NULL), DS_OK);
    }
    assert_int_equal(dsi_buf_append_text(&b, "xyz", NULL), DS_OK);
    assert_int_equal(dsi_buf_append_zero(&b, 2, NULL), DS_OK);
    assert_int_equal(b.size, 1005);
    assert_int_equal(b.data[999], (uint8_t)999);
    assert_memory_equal(b.data + 1000, "xyz\0\0", 5);
    dsi_buf_release(&b);
    assert_int_equal(b.size, 0);
}

static void test_buf__stops_at_its_maximum_unchanged(void **state)
{
    struct dsi_buf b = DSI_BUF_INIT_MAX(10);
    struct ds_error err = {0};
    (void)state;

    assert_int_equal(dsi_buf_append(&b, "12345678", 8, &err), DS_OK);
    assert_int_equal(dsi_buf_append(&b, "abc", 3, &err), DS_EUNSUPPORTED);
    assert_string_equal(err.message, "8 bytes and 3 more: the limit is 10");
    assert_int_equal(b.size, 8);
    assert_int_equal(dsi_buf_append(&b, "ab", 2, &err), DS_OK);
    assert_true(b.capacity <= 10);
    dsi_buf_release(&b);
}

static void test_buf__is_text_when_asked(void **state)
{
    struct dsi_buf b = DSI_BUF_INIT;
    (void)state;

    assert_string_equal(dsi_buf_text(&b), "");
    assert_int_equal(dsi_buf_printf(&b, NULL, "%s=%d", "a", 42), DS_OK);
    assert_string_equal(dsi_buf_text(&b), "a=42");
    assert_int_equal(b.size, 4);
    dsi_buf_release(&b);
}

static void test_buf__writes_numbers_as_printf_does(void **state)
{
    const int64_t numbers[] = {0, 7, -7, 10, 99, 100, INT32_MIN, INT64_MAX, INT64_MIN};
    (void)state;

    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
        struct dsi_buf b = DSI_BUF_INIT;
        char expected[32];
        snprintf(expected, sizeof expected, "%" PRId64, numbers[i]);
        assert_int_equal(dsi_buf_append_i64(&b, numbers[i], NULL), DS_OK);
        assert_string_equal(dsi_buf_text(&b), expected);
        dsi_buf_release(&b);
    }
}

static void test_buf__hands_its_bytes_over(void **state)
{
    struct dsi_buf b = DSI_BUF_INIT;
    size_t size = 0;
    (void)state;

    assert_int_equal(dsi_buf_append_text(&b, "abc", NULL), DS_OK);
    uint8_t *bytes = dsi_buf_take(&b, &size);
    assert_int_equal(size, 3);
    assert_memory_equal(bytes, "abc", 3);
    assert_null(b.data);
    dsi_free(bytes);
}

static void test_buf__keeps_its_content_when_memory_runs_out(void **state)
{
    struct dsi_fault_plan plan = {0};
    (void)state;

    while (dsi_fault_next(&plan)) {
        struct dsi_buf b = DSI_BUF_INIT;
        int first = dsi_buf_append_text(&b, "abc", NULL);
        char big[200];
        memset(big, 'x', sizeof big);
        int second = dsi_buf_append(&b, big, sizeof big, NULL);
        assert_true(first == DS_OK || first == DS_ENOMEM);
        assert_int_equal(b.size, (first == DS_OK ? 3 : 0) + (second == DS_OK ? 200 : 0));
        dsi_buf_release(&b);
    }
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_buf__grows_as_it_is_filled),
        cmocka_unit_test(test_buf__stops_at_its_maximum_unchanged),
        cmocka_unit_test(test_buf__is_text_when_asked),
        cmocka_unit_test(test_buf__writes_numbers_as_printf_does),
        cmocka_unit_test(test_buf__hands_its_bytes_over),
        cmocka_unit_test(test_buf__keeps_its_content_when_memory_runs_out),
    };
    return cmocka_run_group_tests_name("buf", tests, NULL, NULL);
}
