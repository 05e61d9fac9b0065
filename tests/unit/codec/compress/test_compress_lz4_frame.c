#include "codec/compress/compress.h"
#include "harness.h"

#include <string.h>

// `printf hello | lz4 -c`: an incompressible block, and a checksum of the content.
static const uint8_t hello[] = {0x04, 0x22, 0x4d, 0x18, 0x64, 0x40, 0xa7, 0x05,
                                0x00, 0x00, 0x80, 0x68, 0x65, 0x6c, 0x6c, 0x6f,
                                0x00, 0x00, 0x00, 0x00, 0xf9, 0x77, 0x00, 0xfb};

// The same with its size in front and a checksum of each block.
static const uint8_t sized[] = {0x04, 0x22, 0x4d, 0x18, 0x7c, 0x40, 0x05, 0x00, 0x00,
                                0x00, 0x00, 0x00, 0x00, 0x00, 0x03, 0x05, 0x00, 0x00,
                                0x80, 0x68, 0x65, 0x6c, 0x6c, 0x6f, 0xf9, 0x77, 0x00,
                                0xfb, 0x00, 0x00, 0x00, 0x00, 0xf9, 0x77, 0x00, 0xfb};

static void check_reads(const uint8_t *bytes, size_t size, const char *text)
{
    struct ds_slice in = {bytes, size};
    struct dsi_buf all = DSI_BUF_INIT_MAX(strlen(text));
    uint8_t out[64];

    assert_int_equal(
        dsi_decompress(DSI_COMPRESSION_LZ4_FRAME, in, out, strlen(text), NULL), DS_OK);
    assert_memory_equal(out, text, strlen(text));
    assert_int_equal(dsi_decompress_all(DSI_COMPRESSION_LZ4_FRAME, in, &all, NULL),
                     DS_OK);
    assert_int_equal(all.size, strlen(text));
    assert_memory_equal(all.data, text, all.size);
    dsi_buf_release(&all);
}

static void test_compress_lz4_frame__reads_what_the_lz4_program_writes(void **state)
{
    (void)state;
    check_reads(hello, sizeof hello, "hello");
    check_reads(sized, sizeof sized, "hello");
}

static void test_compress_lz4_frame__reads_frames_one_after_another(void **state)
{
    uint8_t two[sizeof hello + sizeof sized];
    (void)state;

    memcpy(two, hello, sizeof hello);
    memcpy(two + sizeof hello, sized, sizeof sized);
    check_reads(two, sizeof two, "hellohello");
}

static void test_compress_lz4_frame__notices_a_wrong_checksum(void **state)
{
    uint8_t bytes[sizeof hello];
    struct ds_slice in = {bytes, sizeof bytes};
    struct ds_error err = {0};
    uint8_t out[5];
    (void)state;

    memcpy(bytes, hello, sizeof hello);
    bytes[sizeof bytes - 1] ^= 1;
    assert_int_equal(dsi_decompress(DSI_COMPRESSION_LZ4_FRAME, in, out, 5, &err),
                     DS_ECORRUPT);
    assert_non_null(strstr(err.message, "Checksum"));
}

static void test_compress_lz4_frame__refuses_what_comes_after_a_frame(void **state)
{
    uint8_t more[sizeof hello + 4] = {0};
    struct ds_slice in = {more, sizeof more};
    struct dsi_buf all = DSI_BUF_INIT;
    uint8_t out[5];
    (void)state;

    memcpy(more, hello, sizeof hello);
    assert_int_equal(dsi_decompress(DSI_COMPRESSION_LZ4_FRAME, in, out, 5, NULL),
                     DS_ECORRUPT);
    assert_int_equal(dsi_decompress_all(DSI_COMPRESSION_LZ4_FRAME, in, &all, NULL),
                     DS_ECORRUPT);
    assert_int_equal(all.size, 0);
    dsi_buf_release(&all);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_compress_lz4_frame__reads_what_the_lz4_program_writes),
        cmocka_unit_test(test_compress_lz4_frame__reads_frames_one_after_another),
        cmocka_unit_test(test_compress_lz4_frame__notices_a_wrong_checksum),
        cmocka_unit_test(test_compress_lz4_frame__refuses_what_comes_after_a_frame),
    };
    return cmocka_run_group_tests_name("compress_lz4_frame", tests, NULL, NULL);
}
