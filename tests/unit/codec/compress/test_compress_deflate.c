#include "base/text.h"
#include "codec/compress/compress.h"
#include "harness.h"

#include <string.h>

// Three members made by other programs: "hello ", "world", and "named" with a name and a
// time in its head.
static const uint8_t members[] = {
    0x1f, 0x8b, 0x08, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x03, 0xcb, 0x48, 0xcd, 0xc9,
    0xc9, 0x57, 0x00, 0x00, 0xf6, 0xf9, 0x81, 0xed, 0x06, 0x00, 0x00, 0x00, // "hello "
    0x1f, 0x8b, 0x08, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x03, 0x2b, 0xcf, 0x2f, 0xca,
    0x49, 0x01, 0x00, 0x43, 0x11, 0x77, 0x3a, 0x05, 0x00, 0x00, 0x00, // "world"
    0x1f, 0x8b, 0x08, 0x08, 0x05, 0x00, 0x00, 0x00, 0x00, 0xff, 0x6e, 0x61, 0x6d, 0x65,
    0x2e, 0x74, 0x78, 0x74, 0x00, 0xcb, 0x4b, 0xcc, 0x4d, 0x4d, 0x01, 0x00, 0x87, 0xcc,
    0xe0, 0x71, 0x05, 0x00, 0x00, 0x00}; // "named"

static const uint8_t raw[] = {0xcb, 0x48, 0xcd, 0xc9, 0xc9, 0x57, 0x28,
                              0xcf, 0x2f, 0xca, 0x49, 0x01, 0x00}; // "hello world"

static void test_compress_deflate__reads_several_gzip_members(void **state)
{
    struct ds_slice in = {members, sizeof members};
    struct dsi_buf all = DSI_BUF_INIT;
    uint8_t out[16];
    (void)state;

    assert_int_equal(dsi_decompress(DSI_COMPRESSION_GZIP, in, out, 16, NULL), DS_OK);
    assert_memory_equal(out, "hello worldnamed", 16);
    assert_int_equal(dsi_decompress_all(DSI_COMPRESSION_GZIP, in, &all, NULL), DS_OK);
    assert_int_equal(all.size, 16);
    assert_memory_equal(all.data, "hello worldnamed", 16);
    dsi_buf_release(&all);
}

static void test_compress_deflate__refuses_what_is_no_member(void **state)
{
    uint8_t bytes[sizeof members + 1];
    uint8_t out[16];
    struct ds_error err = {0};
    (void)state;

    memcpy(bytes, members, sizeof members);
    bytes[sizeof members] = 0; // Padding is not gzip.
    struct ds_slice in = {bytes, sizeof bytes};
    assert_int_equal(dsi_decompress(DSI_COMPRESSION_GZIP, in, out, 16, &err),
                     DS_ECORRUPT);
    bytes[18] ^= 1; // The checksum of the first.
    in.size--;
    assert_int_equal(dsi_decompress(DSI_COMPRESSION_GZIP, in, out, 16, &err),
                     DS_ECORRUPT);
    assert_non_null(strstr(err.message, "decompressing with gzip"));
}

static void test_compress_deflate__reads_raw_deflate(void **state)
{
    struct ds_slice in = {raw, sizeof raw};
    struct ds_slice long_in = {members, sizeof members};
    uint8_t out[11];
    (void)state;

    assert_int_equal(dsi_decompress(DSI_COMPRESSION_DEFLATE, in, out, 11, NULL), DS_OK);
    assert_memory_equal(out, "hello world", 11);
    assert_int_equal(dsi_decompress(DSI_COMPRESSION_DEFLATE, long_in, out, 11, NULL),
                     DS_ECORRUPT);
}

// The check value of CRC-32/ISO-HDLC.
static void test_compress_deflate__knows_crc32(void **state)
{
    struct ds_slice digits = dsi_slice_text("123456789");
    struct ds_slice head = {digits.data, 4};
    struct ds_slice tail = {digits.data + 4, 5};
    struct ds_slice nothing = {NULL, 0};
    (void)state;

    assert_int_equal(dsi_crc32(0, digits), 0xcbf43926);
    assert_int_equal(dsi_crc32(dsi_crc32(0, head), tail), 0xcbf43926);
    assert_int_equal(dsi_crc32(0xcbf43926, nothing), 0xcbf43926);
    assert_int_equal(dsi_crc32(0, nothing), 0);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_compress_deflate__reads_several_gzip_members),
        cmocka_unit_test(test_compress_deflate__refuses_what_is_no_member),
        cmocka_unit_test(test_compress_deflate__reads_raw_deflate),
        cmocka_unit_test(test_compress_deflate__knows_crc32),
    };
    return cmocka_run_group_tests_name("compress_deflate", tests, NULL, NULL);
}
