#include "txn/intent_bytes.h"

#include <string.h>

#include "harness.h"

static struct dsi_intent_reader reader(const struct dsi_buf *b, struct dsi_arena *arena)
{
    return (struct dsi_intent_reader){b->data, b->size, arena};
}

static void test_intent_bytes__numbers_come_back_little_end_first(void **state)
{
    struct dsi_arena arena = DSI_ARENA_INIT;
    struct dsi_buf b = DSI_BUF_INIT;
    uint64_t n = 0;
    unsigned u = 0;
    uint32_t v = 0;
    int64_t i = 0;
    int32_t k = 0;
    (void)state;

    assert_int_equal(dsi_intent_put_number(&b, 0x010203, 3, NULL), DS_OK);
    assert_int_equal(b.data[0], 3);
    assert_int_equal(dsi_intent_put_u8(&b, 200, NULL), DS_OK);
    assert_int_equal(dsi_intent_put_u32(&b, 0xfffffffe, NULL), DS_OK);
    assert_int_equal(dsi_intent_put_i64(&b, INT64_MIN, NULL), DS_OK);
    assert_int_equal(dsi_intent_put_u32(&b, (uint32_t)-7, NULL), DS_OK);
    struct dsi_intent_reader in = reader(&b, &arena);
    assert_int_equal(dsi_intent_get_number(&in, 3, "x", &n, NULL), DS_OK);
    assert_int_equal(n, 0x010203);
    assert_int_equal(dsi_intent_get_u8(&in, 200, "x", &u, NULL), DS_OK);
    assert_int_equal(u, 200);
    assert_int_equal(dsi_intent_get_u32(&in, "x", &v, NULL), DS_OK);
    assert_int_equal(v, 0xfffffffe);
    assert_int_equal(dsi_intent_get_i64(&in, INT64_MIN, "x", &i, NULL), DS_OK);
    assert_true(i == INT64_MIN);
    assert_int_equal(dsi_intent_get_i32(&in, -7, "x", &k, NULL), DS_OK);
    assert_int_equal(k, -7);
    assert_int_equal(in.left, 0);
    dsi_buf_release(&b);
}

static void test_intent_bytes__numbers_out_of_bounds_are_refused(void **state)
{
    struct dsi_buf b = DSI_BUF_INIT;
    struct ds_error err = {0};
    unsigned u = 0;
    int64_t i = 0;
    int32_t k = 0;
    size_t count = 0;
    (void)state;

    assert_int_equal(dsi_intent_put_u32(&b, UINT32_MAX, NULL), DS_OK);
    assert_int_equal(dsi_intent_put_u32(&b, UINT32_MAX, NULL), DS_OK);
    struct dsi_intent_reader in = reader(&b, NULL);
    assert_int_equal(dsi_intent_get_u8(&in, 254, "sort", &u, &err), DS_ECORRUPT);
    assert_non_null(strstr(err.message, "whose sort is 255"));
    in = reader(&b, NULL);
    assert_int_equal(dsi_intent_get_i64(&in, 0, "time", &i, &err), DS_ECORRUPT);
    in = reader(&b, NULL);
    assert_int_equal(dsi_intent_get_i32(&in, 0, "id", &k, &err), DS_ECORRUPT);
    in = reader(&b, NULL);
    assert_int_equal(dsi_intent_get_count(&in, 1, "things", &count, &err), DS_ECORRUPT);
    assert_int_equal(dsi_intent_get_i64(&in, 0, "time", &i, &err), DS_ECORRUPT);
    assert_non_null(strstr(err.message, "ends within its time"));
    b.data[0] = 2; // Two of two bytes still can follow, of three not.
    memset(&b.data[1], 0, 3);
    in = reader(&b, NULL);
    assert_int_equal(dsi_intent_get_count(&in, 2, "things", &count, &err), DS_OK);
    assert_int_equal(count, 2);
    in = reader(&b, NULL);
    assert_int_equal(dsi_intent_get_count(&in, 3, "things", &count, &err), DS_ECORRUPT);
    dsi_buf_release(&b);
}

static void test_intent_bytes__texts_come_back_or_are_none(void **state)
{
    static const struct ds_property two[] = {{"a", "b"}, {"c", NULL}};
    struct dsi_arena arena = DSI_ARENA_INIT;
    struct dsi_buf b = DSI_BUF_INIT;
    struct ds_properties p = {0};
    struct ds_error err = {0};
    const char *text = NULL;
    struct ds_slice bytes = {0};
    (void)state;

    assert_int_equal(dsi_intent_put_text(&b, "word", NULL), DS_OK);
    assert_int_equal(dsi_intent_put_text(&b, NULL, NULL), DS_OK);
    assert_int_equal(dsi_intent_put_text(&b, "", NULL), DS_OK);
    assert_int_equal(
        dsi_intent_put_bytes(&b, (struct ds_slice){(const uint8_t *)"\xff\0", 2}, NULL),
        DS_OK);
    assert_int_equal(dsi_intent_put_properties(&b, (struct ds_properties){two, 2}, NULL),
                     DS_OK);
    struct dsi_intent_reader in = reader(&b, &arena);
    assert_int_equal(dsi_intent_need_text(&in, "a name", &text, NULL), DS_OK);
    assert_string_equal(text, "word");
    assert_int_equal(dsi_intent_get_text(&in, "name", &text, NULL), DS_OK);
    assert_null(text);
    struct dsi_intent_reader here = in;
    assert_int_equal(dsi_intent_need_text(&here, "a name", &text, &err), DS_ECORRUPT);
    assert_non_null(strstr(err.message, "without a name"));
    assert_int_equal(dsi_intent_get_text(&in, "name", &text, NULL), DS_OK);
    assert_string_equal(text, "");
    here = in;
    assert_int_equal(dsi_intent_get_text(&here, "name", &text, &err), DS_ECORRUPT);
    assert_int_equal(dsi_intent_get_bytes(&in, "bytes", &bytes, NULL), DS_OK);
    assert_int_equal(bytes.size, 2);
    here = in;
    assert_int_equal(dsi_intent_get_properties(&here, false, "properties", &p, &err),
                     DS_ECORRUPT);
    assert_int_equal(dsi_intent_get_properties(&in, true, "properties", &p, NULL), DS_OK);
    assert_int_equal(p.count, 2);
    assert_string_equal(p.items[0].value, "b");
    assert_null(p.items[1].value);
    assert_non_null(dsi_intent_keep(&in, 3, 8));
    dsi_arena_release(&arena);
    dsi_buf_release(&b);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_intent_bytes__numbers_come_back_little_end_first),
        cmocka_unit_test(test_intent_bytes__numbers_out_of_bounds_are_refused),
        cmocka_unit_test(test_intent_bytes__texts_come_back_or_are_none),
    };
    return cmocka_run_group_tests_name("intent_bytes", tests, NULL, NULL);
}
