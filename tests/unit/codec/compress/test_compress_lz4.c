#include "codec/compress/compress.h"
#include "harness.h"

#include <string.h>

static void test_compress_lz4__reads_one_block(void **state)
{
    static const uint8_t block[] = {0x50, 'h', 'e', 'l', 'l', 'o'};
    static const uint8_t empty[] = {0x00};
    struct ds_slice in = {block, sizeof block};
    struct ds_slice nothing = {empty, sizeof empty};
    struct ds_slice no_bytes = {NULL, 0};
    uint8_t out[5];
    (void)state;

    assert_int_equal(dsi_decompress(DSI_COMPRESSION_LZ4_RAW, in, out, 5, NULL), DS_OK);
    assert_memory_equal(out, "hello", 5);
    assert_int_equal(dsi_decompress(DSI_COMPRESSION_LZ4_RAW, nothing, NULL, 0, NULL),
                     DS_OK);
    assert_int_equal(dsi_decompress(DSI_COMPRESSION_LZ4_RAW, no_bytes, NULL, 0, NULL),
                     DS_ECORRUPT);
}

static void test_compress_lz4__cannot_guess_a_size(void **state)
{
    static const uint8_t block[] = {0x50, 'h', 'e', 'l', 'l', 'o'};
    struct ds_slice in = {block, sizeof block};
    struct dsi_buf out = DSI_BUF_INIT;
    struct ds_error err = {0};
    (void)state;

    assert_int_equal(dsi_decompress_all(DSI_COMPRESSION_LZ4_RAW, in, &out, &err),
                     DS_EUNSUPPORTED);
    assert_non_null(strstr(err.message, "do not tell their size"));
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_compress_lz4__reads_one_block),
        cmocka_unit_test(test_compress_lz4__cannot_guess_a_size),
    };
    return cmocka_run_group_tests_name("compress_lz4", tests, NULL, NULL);
}
