#include "codec/compress/compress.h"
#include "harness.h"

#include <string.h>

// RFC 7932, section 9: a window of 16 bits, five bytes as they are, an empty last part.
static const uint8_t hello[] = {0x40, 0x00, 0x10, 'h', 'e', 'l', 'l', 'o', 0x03};

static void test_compress_brotli__reads_a_stream_made_by_hand(void **state)
{
    struct ds_slice in = {hello, sizeof hello};
    struct dsi_buf all = DSI_BUF_INIT;
    uint8_t out[5];
    (void)state;

    assert_int_equal(dsi_decompress(DSI_COMPRESSION_BROTLI, in, out, 5, NULL), DS_OK);
    assert_memory_equal(out, "hello", 5);
    assert_int_equal(dsi_decompress_all(DSI_COMPRESSION_BROTLI, in, &all, NULL), DS_OK);
    assert_int_equal(all.size, 5);
    assert_memory_equal(all.data, "hello", 5);
    dsi_buf_release(&all);
}

static void test_compress_brotli__says_what_is_wrong(void **state)
{
    uint8_t out[6];
    uint8_t more[sizeof hello + 1];
    static const uint8_t not_brotli[] = {0x11, 0xff, 0xff}; // A window that is reserved.
    const struct {
        struct ds_slice in;
        size_t size;
        const char *words;
    } cases[] = {
        {{hello, sizeof hello}, 4, "more than the 4 bytes expected"},
        {{hello, sizeof hello}, 6, "5 bytes and 0 left over, 6 bytes expected"},
        {{hello, sizeof hello - 1}, 5, "the data end early, after 5 bytes"},
        {{more, sizeof more}, 5, "1 left over"},
        {{not_brotli, sizeof not_brotli}, 5, "malformed or damaged data"},
    };
    (void)state;

    memcpy(more, hello, sizeof hello);
    more[sizeof hello] = 0;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct ds_error err = {0};
        assert_int_equal(
            dsi_decompress(DSI_COMPRESSION_BROTLI, cases[i].in, out, cases[i].size, &err),
            DS_ECORRUPT);
        assert_non_null(strstr(err.message, cases[i].words));
    }
}

static void test_compress_brotli__reads_a_bomb_no_further_than_its_maximum(void **state)
{
    static uint8_t zeros[1 << 20];
    struct ds_slice in = {zeros, sizeof zeros};
    struct dsi_buf b = DSI_BUF_INIT;
    struct dsi_buf all = DSI_BUF_INIT_MAX(100000);
    (void)state;

    assert_int_equal(dsi_compress(DSI_COMPRESSION_BROTLI, 5, in, &b, NULL), DS_OK);
    assert_true(b.size < 100);
    assert_int_equal(
        dsi_decompress_all(DSI_COMPRESSION_BROTLI, dsi_buf_slice(&b), &all, NULL),
        DS_EUNSUPPORTED);
    assert_int_equal(all.size, 0);
    assert_true(all.capacity <= 100000);
    dsi_buf_release(&b);
    dsi_buf_release(&all);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_compress_brotli__reads_a_stream_made_by_hand),
        cmocka_unit_test(test_compress_brotli__says_what_is_wrong),
        cmocka_unit_test(test_compress_brotli__reads_a_bomb_no_further_than_its_maximum),
    };
    return cmocka_run_group_tests_name("compress_brotli", tests, NULL, NULL);
}
