#include "codec/compress/compress.h"
#include "harness.h"

#include <string.h>

static void test_compress_snappy__reads_literals_and_overlapping_copies(void **state)
{
    static const uint8_t block[] = {0x0a, 0x00, 'a', 0x15, 0x01}; // "a", then 9 of it.
    struct ds_slice in = {block, sizeof block};
    uint8_t out[10];
    (void)state;

    assert_int_equal(dsi_decompress(DSI_COMPRESSION_SNAPPY, in, out, 10, NULL), DS_OK);
    assert_memory_equal(out, "aaaaaaaaaa", 10);
}

static void test_compress_snappy__does_not_believe_a_large_claim(void **state)
{
    static const uint8_t block[] = {0xff, 0xff, 0xff, 0xff, 0x0f, 0x00, 'a'};
    struct ds_slice in = {block, sizeof block};
    struct dsi_buf out = DSI_BUF_INIT;
    struct ds_error err = {0};
    (void)state;

    assert_int_equal(dsi_decompress_all(DSI_COMPRESSION_SNAPPY, in, &out, &err),
                     DS_ECORRUPT);
    assert_non_null(strstr(err.message, "claims to hold 4294967295"));
    assert_int_equal(out.capacity, 0);
}

static void test_compress_snappy__believes_the_densest_block(void **state)
{
    struct dsi_buf packed = DSI_BUF_INIT;
    struct dsi_buf out = DSI_BUF_INIT;
    struct dsi_buf zeros = DSI_BUF_INIT;
    (void)state;

    assert_int_equal(dsi_buf_append_zero(&zeros, 1 << 20, NULL), DS_OK);
    assert_int_equal(
        dsi_compress(DSI_COMPRESSION_SNAPPY, -1, dsi_buf_slice(&zeros), &packed, NULL),
        DS_OK);
    assert_int_equal(
        dsi_decompress_all(DSI_COMPRESSION_SNAPPY, dsi_buf_slice(&packed), &out, NULL),
        DS_OK);
    assert_int_equal(out.size, 1 << 20);
    dsi_buf_release(&packed);
    dsi_buf_release(&out);
    dsi_buf_release(&zeros);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_compress_snappy__reads_literals_and_overlapping_copies),
        cmocka_unit_test(test_compress_snappy__does_not_believe_a_large_claim),
        cmocka_unit_test(test_compress_snappy__believes_the_densest_block),
    };
    return cmocka_run_group_tests_name("compress_snappy", tests, NULL, NULL);
}
