#include "base/text.h"
#include "codec/compress/compress.h"
#include "codec/compress/compress_codec.h"
#include "harness.h"

#include <string.h>

static const uint8_t raw[] = {0xcb, 0x48, 0xcd, 0xc9, 0xc9, 0x57, 0x28,
                              0xcf, 0x2f, 0xca, 0x49, 0x01, 0x00}; // "hello world"

static int inflate_raw(size_t size, size_t max, struct ds_error *err)
{
    struct dsi_buf out = DSI_BUF_INIT_MAX(max);
    int rc = dsi_inflate_stream(false, (struct ds_slice){raw, size}, &out, err);
    if (rc == DS_OK) {
        assert_int_equal(out.size, 11);
        assert_memory_equal(out.data, "hello world", 11);
    }
    dsi_buf_release(&out);
    return rc;
}

static void test_compress_inflate__fills_a_buffer_to_the_last_byte(void **state)
{
    struct ds_error err = {0};
    (void)state;

    assert_int_equal(inflate_raw(sizeof raw, 0, &err), DS_OK);
    assert_int_equal(inflate_raw(sizeof raw, 12, &err), DS_OK);
    assert_int_equal(inflate_raw(sizeof raw, 10, &err), DS_EUNSUPPORTED);
    assert_non_null(strstr(err.message, "the limit is 10"));
}

static void test_compress_inflate__tells_the_end_from_the_middle(void **state)
{
    struct ds_error err = {0};
    uint8_t bytes[sizeof raw + 5] = {0};
    struct dsi_buf out = DSI_BUF_INIT;
    (void)state;

    assert_int_equal(inflate_raw(sizeof raw - 1, 0, &err), DS_ECORRUPT);
    assert_non_null(strstr(err.message, "end early, after"));
    memcpy(bytes, raw, sizeof raw);
    struct ds_slice in = {bytes, sizeof bytes};
    assert_int_equal(dsi_inflate_stream(false, in, &out, &err), DS_ECORRUPT);
    assert_non_null(strstr(err.message, "5 bytes after the end"));
    in.size--; // Part of a checksum is what some writers leave there.
    assert_int_equal(dsi_inflate_stream(false, in, &out, &err), DS_OK);
    dsi_buf_release(&out);
}

static void test_compress_inflate__takes_members_at_every_boundary(void **state)
{
    static uint8_t bytes[3 * 4096];
    (void)state;

    // Members whose contents end just before, at, and just after a buffer's growth.
    for (size_t n = 4094; n < 4099; n++) {
        struct dsi_buf packed = DSI_BUF_INIT;
        struct dsi_buf out = DSI_BUF_INIT;
        struct ds_slice in = {bytes, n};
        memset(bytes, 'x', n);
        for (int i = 0; i < 3; i++) {
            assert_int_equal(dsi_compress(DSI_COMPRESSION_GZIP, 1, in, &packed, NULL),
                             DS_OK);
        }
        assert_int_equal(dsi_inflate_stream(true, dsi_buf_slice(&packed), &out, NULL),
                         DS_OK);
        assert_int_equal(out.size, 3 * n);
        dsi_buf_release(&packed);
        dsi_buf_release(&out);
    }
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_compress_inflate__fills_a_buffer_to_the_last_byte),
        cmocka_unit_test(test_compress_inflate__tells_the_end_from_the_middle),
        cmocka_unit_test(test_compress_inflate__takes_members_at_every_boundary),
    };
    return cmocka_run_group_tests_name("compress_inflate", tests, NULL, NULL);
}
