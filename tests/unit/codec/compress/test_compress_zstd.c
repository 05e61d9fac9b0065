#include "codec/compress/compress.h"
#include "harness.h"

#include <string.h>

// Written by a program that did not know the size beforehand: no content size in it.
static const uint8_t unsized[] = {
    0x28, 0xb5, 0x2f, 0xfd, 0x04, 0x58, 0x7d, 0x00, 0x00, 0x48, 0x73, 0x74, 0x72, 0x65,
    0x61, 0x6d, 0x65, 0x64, 0x20, 0x01, 0x00, 0x49, 0x96, 0x23, 0x3c, 0x5e, 0x92, 0xea};
static const char content[] = "streamed streamed streamed streamed streamed ";

enum { CONTENT_SIZE = sizeof content - 1 };

static void test_compress_zstd__reads_a_frame_without_its_size(void **state)
{
    struct ds_slice in = {unsized, sizeof unsized};
    struct dsi_buf out = DSI_BUF_INIT;
    struct dsi_buf small = DSI_BUF_INIT_MAX(CONTENT_SIZE - 1);
    uint8_t exact[CONTENT_SIZE];
    (void)state;

    assert_int_equal(dsi_decompress_all(DSI_COMPRESSION_ZSTD, in, &out, NULL), DS_OK);
    assert_int_equal(out.size, CONTENT_SIZE);
    assert_memory_equal(out.data, content, CONTENT_SIZE);
    assert_int_equal(dsi_decompress_all(DSI_COMPRESSION_ZSTD, in, &small, NULL),
                     DS_EUNSUPPORTED);
    assert_int_equal(dsi_decompress(DSI_COMPRESSION_ZSTD, in, exact, sizeof exact, NULL),
                     DS_OK);
    assert_memory_equal(exact, content, CONTENT_SIZE);
    dsi_buf_release(&out);
    dsi_buf_release(&small);
}

static void test_compress_zstd__reads_several_frames(void **state)
{
    struct dsi_buf in = DSI_BUF_INIT;
    struct dsi_buf out = DSI_BUF_INIT;
    struct ds_slice text = {(const uint8_t *)content, CONTENT_SIZE};
    (void)state;

    assert_int_equal(dsi_buf_append(&in, unsized, sizeof unsized, NULL), DS_OK);
    assert_int_equal(dsi_compress(DSI_COMPRESSION_ZSTD, -1, text, &in, NULL), DS_OK);
    assert_int_equal(dsi_buf_append(&in, unsized, sizeof unsized, NULL), DS_OK);
    struct ds_slice whole = dsi_buf_slice(&in);
    assert_int_equal(dsi_decompress_all(DSI_COMPRESSION_ZSTD, whole, &out, NULL), DS_OK);
    assert_int_equal(out.size, 3 * CONTENT_SIZE);
    assert_memory_equal(out.data + (size_t)2 * CONTENT_SIZE, content, CONTENT_SIZE);
    dsi_buf_release(&in);
    dsi_buf_release(&out);
}

static void test_compress_zstd__does_not_believe_a_large_claim(void **state)
{
    // A single-segment frame: 8 bytes of content size (1 GiB), then one empty block.
    static const uint8_t claim[] = {0x28, 0xb5, 0x2f, 0xfd, 0xe0, 0x00, 0x00, 0x00,
                                    0x40, 0x00, 0x00, 0x00, 0x00, 0x01, 0x00, 0x00};
    struct ds_slice in = {claim, sizeof claim};
    struct dsi_buf out = DSI_BUF_INIT;
    struct ds_error err = {0};
    (void)state;

    assert_int_equal(dsi_decompress_all(DSI_COMPRESSION_ZSTD, in, &out, &err),
                     DS_ECORRUPT);
    assert_non_null(strstr(err.message, "claims to hold 1073741824"));
    assert_int_equal(out.capacity, 0);
}

static void test_compress_zstd__is_quick_whatever_came_before(void **state)
{
    static uint8_t rows[60000];
    static uint8_t back[sizeof rows];
    const struct ds_slice in = {rows, sizeof rows};
    struct dsi_compressor used = {0};
    struct dsi_buf first = DSI_BUF_INIT;
    struct dsi_buf usual = DSI_BUF_INIT;
    (void)state;

    for (size_t i = 0; i < sizeof rows; i++) {
        rows[i] = (uint8_t)(i % 50 < 40 ? i % 50 : i * 2654435761u >> 13);
    }
    assert_int_equal(
        dsi_compress(DSI_COMPRESSION_ZSTD, DSI_COMPRESSION_LEVEL_QUICK, in, &first, NULL),
        DS_OK);
    assert_int_equal(dsi_compress(DSI_COMPRESSION_ZSTD, 1, in, &usual, NULL), DS_OK);
    assert_true(first.size < sizeof rows / 2 && first.size != usual.size);
    for (int i = 0; i < 4; i++) { // Both in turn, with one compressor.
        const int level = i % 2 ? DSI_COMPRESSION_LEVEL_QUICK : 1;
        const struct dsi_buf *want = i % 2 ? &first : &usual;
        struct dsi_buf out = DSI_BUF_INIT;
        assert_int_equal(
            dsi_compress_with(&used, DSI_COMPRESSION_ZSTD, level, in, &out, NULL), DS_OK);
        assert_int_equal(out.size, want->size);
        assert_memory_equal(out.data, want->data, out.size);
        assert_int_equal(dsi_decompress(DSI_COMPRESSION_ZSTD, dsi_buf_slice(&out), back,
                                        sizeof back, NULL),
                         DS_OK);
        assert_memory_equal(back, rows, sizeof rows);
        dsi_buf_release(&out);
    }
    assert_int_equal(
        dsi_compress(DSI_COMPRESSION_GZIP, DSI_COMPRESSION_LEVEL_QUICK, in, &first, NULL),
        DS_EINVALID);
    dsi_compressor_release(&used);
    dsi_buf_release(&first);
    dsi_buf_release(&usual);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_compress_zstd__reads_a_frame_without_its_size),
        cmocka_unit_test(test_compress_zstd__reads_several_frames),
        cmocka_unit_test(test_compress_zstd__does_not_believe_a_large_claim),
        cmocka_unit_test(test_compress_zstd__is_quick_whatever_came_before),
    };
    return cmocka_run_group_tests_name("compress_zstd", tests, NULL, NULL);
}
