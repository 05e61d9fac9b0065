#include "base/text.h"
#include "codec/avro/avro_value.h"
#include "harness.h"

#include <string.h>

static int skip_one(const char *schema, const char *bytes, size_t size, size_t *left)
{
    struct dsi_arena arena = DSI_ARENA_INIT;
    const struct dsi_avro_type *t = NULL;
    struct ds_slice in = {(const uint8_t *)bytes, size};

    assert_int_equal(dsi_avro_schema_parse(dsi_slice_text(schema), &arena, &t, NULL),
                     DS_OK);
    int rc = dsi_avro_skip(t, &in, NULL);
    *left = in.size;
    dsi_arena_release(&arena);
    return rc;
}

#define RECORD(fields) "{\"type\":\"record\",\"name\":\"r\",\"fields\":[" fields "]}"

static void test_avro_value__skips_every_kind(void **state)
{
    static const struct {
        const char *schema;
        const char *bytes;
        size_t size;
    } cases[] = {
        {"\"null\"", "", 0},
        {"\"boolean\"", "\1", 1},
        {"\"int\"", "\x80\1", 2},
        {"\"long\"", "\xff\xff\xff\xff\xff\xff\xff\xff\xff\1", 10},
        {"\"float\"", "....", 4},
        {"\"double\"", "........", 8},
        {"\"bytes\"", "\4ab", 3},
        {"\"string\"", "\0", 1},
        {"{\"type\":\"fixed\",\"name\":\"f\",\"size\":3}", "abc", 3},
        {"{\"type\":\"enum\",\"name\":\"e\",\"symbols\":[\"A\",\"B\"]}", "\2", 1},
        {"[\"null\",\"int\"]", "\0", 1},
        {"[\"null\",\"int\"]", "\2\4", 2},
        {"{\"type\":\"array\",\"items\":\"int\"}", "\4\2\2\2\2\0", 6},
        {"{\"type\":\"array\",\"items\":\"int\"}", "\3\4xx\2\2\0", 7}, // Size: 2 bytes.
        {"{\"type\":\"map\",\"values\":\"int\"}", "\2\2k\2\0", 5},
        {"{\"type\":\"array\",\"items\":\"null\"}", "\x80\x80\4\0", 4},
        {RECORD("{\"name\":\"a\",\"type\":\"int\"},{\"name\":\"b\",\"type\":\"string\"}"),
         "\2\2x", 3},
        {RECORD("{\"name\":\"a\",\"type\":\"int\"},{\"name\":\"n\",\"type\":[\"null\","
                "\"r\"]}"),
         "\2\2\2\2\2\0", 6},
    };
    (void)state;

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char with_more[32];
        size_t left = 0;
        memcpy(with_more, cases[i].bytes, cases[i].size);
        memcpy(with_more + cases[i].size, "more", 4);
        assert_int_equal(skip_one(cases[i].schema, with_more, cases[i].size + 4, &left),
                         DS_OK);
        assert_int_equal(left, 4);
        for (size_t n = 0; n < cases[i].size; n++) { // Every prefix ends too early.
            assert_int_equal(skip_one(cases[i].schema, cases[i].bytes, n, &left),
                             DS_ECORRUPT);
            assert_int_equal(left, n);
        }
    }
}

static void test_avro_value__refuses_what_no_writer_writes(void **state)
{
    static const struct {
        const char *schema;
        const char *bytes;
        size_t size;
    } cases[] = {
        {"\"boolean\"", "\2", 1},
        {"[\"null\",\"int\"]", "\4", 1},
        {"[\"null\",\"int\"]", "\1", 1},
        {"{\"type\":\"enum\",\"name\":\"e\",\"symbols\":[\"A\",\"B\"]}", "\4", 1},
        {"{\"type\":\"array\",\"items\":\"int\"}", "\x80\x80\x80\x80\x10\2", 6},
    };
    (void)state;

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        size_t left = 0;
        assert_int_equal(skip_one(cases[i].schema, cases[i].bytes, cases[i].size, &left),
                         DS_ECORRUPT);
        assert_int_equal(left, cases[i].size);
    }
}

static void test_avro_value__bounds_depth(void **state)
{
    char deep[200];
    size_t left = 0;
    (void)state;

    memset(deep, 2, sizeof deep); // Each byte says: not null, one more.
    assert_int_equal(skip_one(RECORD("{\"name\":\"n\",\"type\":[\"null\",\"r\"]}"), deep,
                              sizeof deep, &left),
                     DS_ECORRUPT);
    assert_int_equal(
        skip_one(RECORD("{\"name\":\"n\",\"type\":\"r\"}"), deep, sizeof deep, &left),
        DS_ECORRUPT); // It holds itself: there is no such value.
}

// A type that doubles thirty times over, and takes no bytes: also no time.
static void test_avro_value__spends_no_time_on_nothing(void **state)
{
    struct dsi_buf b = DSI_BUF_INIT;
    size_t left = 0;
    (void)state;

    assert_int_equal(dsi_buf_append_text(&b, "{\"type\":\"array\",\"items\":", NULL),
                     DS_OK);
    for (int i = 0; i < 30; i++) {
        assert_int_equal(dsi_buf_printf(&b, NULL,
                                        "{\"type\":\"record\",\"name\":\"r%d\","
                                        "\"fields\":[{\"name\":\"a\",\"type\":",
                                        i),
                         DS_OK);
    }
    assert_int_equal(dsi_buf_append_text(&b, "\"null\"}", NULL), DS_OK);
    for (int i = 29; i > 0; i--) {
        assert_int_equal(
            dsi_buf_printf(&b, NULL, "]}},{\"name\":\"b\",\"type\":\"r%d\"}", i), DS_OK);
    }
    assert_int_equal(dsi_buf_append_text(&b, "]}}", NULL), DS_OK);
    assert_int_equal(skip_one(dsi_buf_text(&b), "\x80\x80\4\0", 4, &left), DS_OK);
    assert_int_equal(left, 0);
    dsi_buf_release(&b);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_avro_value__skips_every_kind),
        cmocka_unit_test(test_avro_value__refuses_what_no_writer_writes),
        cmocka_unit_test(test_avro_value__bounds_depth),
        cmocka_unit_test(test_avro_value__spends_no_time_on_nothing),
    };
    return cmocka_run_group_tests_name("avro_value", tests, NULL, NULL);
}
