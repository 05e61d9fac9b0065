#include "base/text.h"
#include "codec/json/json_reader.h"
#include "codec/json/json_writer.h"
#include "harness.h"

#include <math.h>
#include <string.h>

static void test_json_writer__writes_compact_json(void **state)
{
    struct dsi_buf out = DSI_BUF_INIT;
    struct dsi_json_writer w;
    struct ds_error err = {0};
    (void)state;

    dsi_json_writer_init(&w, &out, &err);
    dsi_json_write_object_begin(&w);
    dsi_json_write_member_i64(&w, "min", INT64_MIN);
    dsi_json_write_member_string(&w, "text", "a\"\\\n\x01\x7f\xc3\xa9");
    dsi_json_write_key(&w, "list");
    dsi_json_write_array_begin(&w);
    dsi_json_write_f64(&w, 0.1);
    dsi_json_write_f32(&w, 0.1f);
    dsi_json_write_null(&w);
    dsi_json_write_object_begin(&w);
    dsi_json_write_object_end(&w);
    dsi_json_write_array_begin(&w);
    dsi_json_write_array_end(&w);
    dsi_json_write_array_end(&w);
    dsi_json_write_member_bool(&w, "yes", true);
    dsi_json_write_member_raw(&w, "raw", dsi_slice_text("[1, 2]"));
    dsi_json_write_object_end(&w);
    assert_int_equal(dsi_json_writer_finish(&w), DS_OK);
    assert_string_equal(dsi_buf_text(&out),
                        "{\"min\":-9223372036854775808,\"text\":\"a\\\"\\\\\\n\\u0001\x7f"
                        "\xc3\xa9\",\"list\":[0.1,0.1,null,{},[]],\"yes\":true,"
                        "\"raw\":[1, 2]}");
    dsi_buf_release(&out);
}

static void test_json_writer__keeps_the_first_failure(void **state)
{
    struct dsi_buf out = DSI_BUF_INIT;
    struct dsi_json_writer w;
    struct ds_error err = {0};
    (void)state;

    dsi_json_writer_init(&w, &out, &err);
    dsi_json_write_array_begin(&w);
    dsi_json_write_f64(&w, NAN);
    dsi_json_write_string(&w, "\xff");
    assert_int_equal(dsi_json_writer_finish(&w), DS_EINVALID);
    assert_non_null(strstr(err.message, "NaN is not a JSON number"));
    dsi_buf_release(&out);
}

static void test_json_writer__stops_at_the_buffers_maximum(void **state)
{
    struct dsi_buf out = DSI_BUF_INIT_MAX(10);
    struct dsi_json_writer w;
    struct ds_error err = {0};
    (void)state;

    dsi_json_writer_init(&w, &out, &err);
    dsi_json_write_string(&w, "longer than ten");
    assert_int_equal(dsi_json_writer_finish(&w), DS_EUNSUPPORTED);
    dsi_buf_release(&out);
}

static void test_json_writer__writes_every_byte_readable(void **state)
{
    struct dsi_arena arena = DSI_ARENA_INIT;
    struct dsi_buf out = DSI_BUF_INIT;
    struct dsi_json_reader r;
    struct dsi_json_writer w;
    struct ds_error err = {0};
    struct ds_slice back = {NULL, 0};
    uint8_t bytes[128];
    (void)state;

    for (size_t i = 0; i < sizeof bytes; i++) {
        bytes[i] = (uint8_t)i;
    }
    dsi_json_writer_init(&w, &out, &err);
    dsi_json_write_slice(&w, (struct ds_slice){bytes, sizeof bytes});
    assert_int_equal(dsi_json_writer_finish(&w), DS_OK);
    dsi_json_reader_init(&r, dsi_buf_slice(&out), &arena, "test");
    assert_int_equal(dsi_json_string_slice(&r, &back, &err), DS_OK);
    assert_int_equal(back.size, sizeof bytes);
    assert_memory_equal(back.data, bytes, sizeof bytes);
    dsi_buf_release(&out);
    dsi_arena_release(&arena);
}

// Each byte at each place among eight at a time and what is left over.
static void test_json_writer__sees_what_to_escape_wherever_it_is(void **state)
{
    char text[20];
    (void)state;

    for (size_t size = 0; size < sizeof text; size++) {
        for (size_t at = 0; at < size; at++) {
            for (int byte = 0; byte < 0x80; byte++) {
                struct dsi_buf out = DSI_BUF_INIT;
                struct dsi_json_writer w;
                bool plain = byte >= 0x20 && byte != '"' && byte != '\\';
                memset(text, 'x', size);
                text[at] = (char)byte;
                dsi_json_writer_init(&w, &out, NULL);
                dsi_json_write_slice(&w, (struct ds_slice){(uint8_t *)text, size});
                assert_int_equal(dsi_json_writer_finish(&w), DS_OK);
                assert_int_equal(out.size == size + 2, plain);
                assert_true(!plain || memcmp(out.data + 1, text, size) == 0);
                dsi_buf_release(&out);
            }
            text[at] = (char)0x80;
            struct dsi_buf out = DSI_BUF_INIT;
            struct dsi_json_writer w;
            dsi_json_writer_init(&w, &out, NULL);
            dsi_json_write_slice(&w, (struct ds_slice){(uint8_t *)text, size});
            assert_int_equal(dsi_json_writer_finish(&w), DS_EINVALID);
            dsi_buf_release(&out);
        }
    }
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_json_writer__writes_compact_json),
        cmocka_unit_test(test_json_writer__keeps_the_first_failure),
        cmocka_unit_test(test_json_writer__stops_at_the_buffers_maximum),
        cmocka_unit_test(test_json_writer__writes_every_byte_readable),
        cmocka_unit_test(test_json_writer__sees_what_to_escape_wherever_it_is),
    };
    return cmocka_run_group_tests_name("json_writer", tests, NULL, NULL);
}
