#include "base/error.h"
#include "codec/compress/compress.h"
#include "harness.h"

#include <string.h>

static int read_it(struct ds_slice in, const char *text, struct ds_error *err)
{
    uint8_t out[64];
    int rc = dsi_decompress(DSI_COMPRESSION_LZ4_HADOOP, in, out, strlen(text), err);
    if (rc == DS_OK && memcmp(out, text, strlen(text)) != 0) {
        return dsi_fail(err, DS_EBUG, "other bytes");
    }
    return rc;
}

#define SLICE(bytes) ((struct ds_slice){bytes, sizeof bytes})

static void test_compress_lz4_hadoop__reads_blocks_of_several_pieces(void **state)
{
    static const uint8_t one[] = {0, 0, 0, 5, 0, 0, 0, 6, 0x50, 'h', 'e', 'l', 'l', 'o'};
    static const uint8_t pieces[] = {0,   0, 0, 5, 0, 0,    0,   3,   0x20, 'h',
                                     'e', 0, 0, 0, 4, 0x30, 'l', 'l', 'o'};
    static const uint8_t blocks[] = {0, 0, 0, 2, 0, 0, 0, 3,    0x20, 'h', 'e', 0,
                                     0, 0, 3, 0, 0, 0, 4, 0x30, 'l',  'l', 'o'};
    static const uint8_t nothing[] = {0, 0, 0, 0};
    static const uint8_t empty[] = {0, 0, 0, 0, 0, 0, 0, 1, 0};
    (void)state;

    assert_int_equal(read_it(SLICE(one), "hello", NULL), DS_OK);
    assert_int_equal(read_it(SLICE(pieces), "hello", NULL), DS_OK);
    assert_int_equal(read_it(SLICE(blocks), "hello", NULL), DS_OK);
    assert_int_equal(read_it(SLICE(nothing), "", NULL), DS_OK);
    assert_int_equal(read_it(SLICE(empty), "", NULL), DS_OK);
}

static void test_compress_lz4_hadoop__falls_back_to_a_block_and_a_frame(void **state)
{
    static const uint8_t block[] = {0x50, 'h', 'e', 'l', 'l', 'o'};
    struct dsi_buf frame = DSI_BUF_INIT;
    struct ds_slice hello = {(const uint8_t *)"hello", 5};
    (void)state;

    assert_int_equal(read_it(SLICE(block), "hello", NULL), DS_OK);
    assert_int_equal(dsi_compress(DSI_COMPRESSION_LZ4_FRAME, -1, hello, &frame, NULL),
                     DS_OK);
    assert_int_equal(read_it(dsi_buf_slice(&frame), "hello", NULL), DS_OK);
    dsi_buf_release(&frame);
}

static void test_compress_lz4_hadoop__refuses_what_is_none_of_them(void **state)
{
    static const uint8_t short_block[] = {0, 0,    0,   5,   0,   0,  0,
                                          5, 0x40, 'h', 'e', 'l', 'l'};
    static const uint8_t long_claim[] = {0, 0,    0,   6,   0,   0,   0,
                                         6, 0x50, 'h', 'e', 'l', 'l', 'o'};
    static const uint8_t past_the_end[] = {0, 0,    0,   5,   0,   0,   0,
                                           7, 0x50, 'h', 'e', 'l', 'l', 'o'};
    static const uint8_t more[] = {0,    0,   0,   5,   0,   0,   0, 6,
                                   0x50, 'h', 'e', 'l', 'l', 'o', 0, 0};
    static const uint8_t huge[] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x50};
    const struct ds_slice cases[] = {SLICE(short_block), SLICE(long_claim),
                                     SLICE(past_the_end), SLICE(more), SLICE(huge)};
    (void)state;

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct ds_error err = {0};
        assert_int_equal(read_it(cases[i], "hello", &err), DS_ECORRUPT);
        assert_non_null(strstr(err.message, "neither Hadoop's blocks nor a frame"));
    }
}

static void test_compress_lz4_hadoop__survives_damage(void **state)
{
    static const uint8_t good[] = {0, 0, 0, 2, 0, 0, 0, 3,    0x20, 'h', 'e', 0,
                                   0, 0, 3, 0, 0, 0, 4, 0x30, 'l',  'l', 'o'};
    uint8_t bad[sizeof good];
    (void)state;

    for (size_t i = 0; i < sizeof good; i++) {
        for (int bit = 0; bit < 8; bit++) {
            struct ds_error err = {0};
            memcpy(bad, good, sizeof good);
            bad[i] ^= (uint8_t)(1 << bit);
            int rc = read_it((struct ds_slice){bad, sizeof bad}, "hello", &err);
            // Some bits of a token mean nothing.
            assert_true(rc == DS_OK || rc == DS_ECORRUPT || rc == DS_EBUG);
            assert_int_equal(read_it((struct ds_slice){bad, i}, "hello", NULL),
                             DS_ECORRUPT);
        }
    }
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_compress_lz4_hadoop__reads_blocks_of_several_pieces),
        cmocka_unit_test(test_compress_lz4_hadoop__falls_back_to_a_block_and_a_frame),
        cmocka_unit_test(test_compress_lz4_hadoop__refuses_what_is_none_of_them),
        cmocka_unit_test(test_compress_lz4_hadoop__survives_damage),
    };
    return cmocka_run_group_tests_name("compress_lz4_hadoop", tests, NULL, NULL);
}
