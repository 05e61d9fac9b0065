#include "base/buf.h"
#include "base/error.h"
#include "base/fault.h"
#include "codec/compress/compress.h"
#include "harness.h"

#include <stdlib.h>
#include <string.h>

static const enum dsi_compression all[] = {
    DSI_COMPRESSION_NONE,   DSI_COMPRESSION_GZIP,      DSI_COMPRESSION_DEFLATE,
    DSI_COMPRESSION_ZSTD,   DSI_COMPRESSION_SNAPPY,    DSI_COMPRESSION_LZ4_RAW,
    DSI_COMPRESSION_BROTLI, DSI_COMPRESSION_LZ4_FRAME,
};

enum { ALL_COUNT = sizeof all / sizeof all[0], SAMPLE_SIZE = 300000 };

static uint8_t sample_bytes[SAMPLE_SIZE];

// Half text that repeats, half noise: both sides of every codec get work.
static struct ds_slice sample(size_t size)
{
    uint32_t x = 12345;
    for (size_t i = 0; i < SAMPLE_SIZE; i++) {
        x = x * 1664525 + 1013904223;
        sample_bytes[i] = i / 1000 % 2 ? (uint8_t)(x >> 24) : (uint8_t)('a' + i % 17);
    }
    return (struct ds_slice){sample_bytes, size};
}

static void check_round_trip(enum dsi_compression c, struct ds_slice in)
{
    static uint8_t out[SAMPLE_SIZE + 1];
    struct dsi_buf packed = DSI_BUF_INIT;
    struct dsi_buf again = DSI_BUF_INIT;
    struct dsi_buf whole = DSI_BUF_INIT_MAX(SAMPLE_SIZE);
    struct ds_error err = {0};

    assert_int_equal(dsi_compress(c, -1, in, &packed, &err), DS_OK);
    assert_int_equal(dsi_compress(c, -1, in, &again, &err), DS_OK);
    assert_int_equal(packed.size, again.size);
    assert_true(packed.size == 0 || memcmp(packed.data, again.data, again.size) == 0);
    struct ds_slice p = dsi_buf_slice(&packed);

    out[in.size] = 0xee;
    assert_int_equal(dsi_decompress(c, p, out, in.size, &err), DS_OK);
    assert_memory_equal(out, in.data, in.size);
    assert_int_equal(out[in.size], 0xee);
    assert_int_equal(dsi_decompress(c, p, out, in.size + 1, &err), DS_ECORRUPT);
    if (in.size > 0) {
        assert_int_equal(dsi_decompress(c, p, out, in.size - 1, &err), DS_ECORRUPT);
    }
    int rc = dsi_decompress_all(c, p, &whole, &err);
    if (c == DSI_COMPRESSION_LZ4_RAW) {
        assert_int_equal(rc, DS_EUNSUPPORTED);
    } else {
        assert_int_equal(rc, DS_OK);
        assert_int_equal(whole.size, in.size);
        assert_true(in.size == 0 || memcmp(whole.data, in.data, in.size) == 0);
    }
    dsi_buf_release(&packed);
    dsi_buf_release(&again);
    dsi_buf_release(&whole);
}

static void test_compress__gives_back_what_went_in(void **state)
{
    static const size_t sizes[] = {0, 1, 2, 100, 65535, 65536, SAMPLE_SIZE};
    (void)state;

    for (size_t i = 0; i < ALL_COUNT; i++) {
        for (size_t j = 0; j < sizeof sizes / sizeof sizes[0]; j++) {
            check_round_trip(all[i], sample(sizes[j]));
        }
        check_round_trip(all[i], (struct ds_slice){NULL, 0});
    }
}

static void test_compress__appends_and_leaves_alone_what_was_there(void **state)
{
    (void)state;
    for (size_t i = 0; i < ALL_COUNT; i++) {
        struct dsi_buf b = DSI_BUF_INIT;
        struct dsi_buf u = DSI_BUF_INIT;
        struct ds_slice in = sample(5000);
        assert_int_equal(dsi_buf_append(&b, "head", 4, NULL), DS_OK);
        assert_int_equal(dsi_buf_append(&u, "HEAD", 4, NULL), DS_OK);
        assert_int_equal(dsi_compress(all[i], -1, in, &b, NULL), DS_OK);
        assert_memory_equal(b.data, "head", 4);
        struct ds_slice p = {b.data + 4, b.size - 4};
        if (all[i] != DSI_COMPRESSION_LZ4_RAW) {
            assert_int_equal(dsi_decompress_all(all[i], p, &u, NULL), DS_OK);
            assert_int_equal(u.size, 5004);
            assert_memory_equal(u.data, "HEAD", 4);
            assert_memory_equal(u.data + 4, in.data, in.size);
        }
        dsi_buf_release(&b);
        dsi_buf_release(&u);
    }
}

static void test_compress__refuses_levels_that_a_codec_does_not_have(void **state)
{
    static const struct {
        enum dsi_compression codec;
        int bad;
        const char *words;
    } cases[] = {
        {DSI_COMPRESSION_NONE, 3, "none has no levels"},
        {DSI_COMPRESSION_SNAPPY, 0, "snappy has no levels"},
        {DSI_COMPRESSION_GZIP, 13, "gzip takes 0 to 12"},
        {DSI_COMPRESSION_DEFLATE, -2, "deflate takes 0 to 12"},
        {DSI_COMPRESSION_ZSTD, 23, "zstd takes 1 to 22"},
        {DSI_COMPRESSION_LZ4_RAW, 13, "lz4 takes 1 to 12"},
        {DSI_COMPRESSION_LZ4_FRAME, 13, "lz4 frame takes 1 to 12"},
        {DSI_COMPRESSION_BROTLI, 12, "brotli takes 0 to 11"},
    };
    (void)state;

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct dsi_buf b = DSI_BUF_INIT;
        struct ds_error err = {0};
        int rc = dsi_compress(cases[i].codec, cases[i].bad, sample(10), &b, &err);
        assert_int_equal(rc, DS_EINVALID);
        assert_non_null(strstr(err.message, cases[i].words));
        assert_int_equal(b.size, 0);
        dsi_buf_release(&b);
    }
}

static void test_compress__takes_every_level_it_says_it_takes(void **state)
{
    static const struct {
        enum dsi_compression codec;
        int first, last;
    } cases[] = {
        {DSI_COMPRESSION_GZIP, 0, 12},      {DSI_COMPRESSION_DEFLATE, 0, 12},
        {DSI_COMPRESSION_ZSTD, 1, 22},      {DSI_COMPRESSION_LZ4_RAW, 1, 12},
        {DSI_COMPRESSION_LZ4_FRAME, 1, 12}, {DSI_COMPRESSION_BROTLI, 0, 11},
    };
    static uint8_t out[3000];
    (void)state;

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        for (int level = cases[i].first; level <= cases[i].last; level++) {
            struct dsi_buf b = DSI_BUF_INIT;
            struct ds_slice in = sample(sizeof out);
            assert_int_equal(dsi_compress(cases[i].codec, level, in, &b, NULL), DS_OK);
            assert_int_equal(
                dsi_decompress(cases[i].codec, dsi_buf_slice(&b), out, sizeof out, NULL),
                DS_OK);
            assert_memory_equal(out, in.data, sizeof out);
            dsi_buf_release(&b);
        }
    }
}

// Every prefix is an error or the whole (a snappy or LZ4 prefix can end well only by
// giving another size, which is an error too). Every changed byte is an error, or gives
// some other bytes of the right size: never a crash (the sanitizers look on).
static void test_compress__survives_damage(void **state)
{
    static uint8_t out[3000];
    (void)state;

    for (size_t i = 1; i < ALL_COUNT; i++) {
        struct dsi_buf b = DSI_BUF_INIT;
        struct dsi_buf u = DSI_BUF_INIT_MAX(100000);
        assert_int_equal(dsi_compress(all[i], -1, sample(sizeof out), &b, NULL), DS_OK);
        for (size_t n = 0; n < b.size; n++) {
            struct ds_slice p = {b.data, n};
            assert_int_equal(dsi_decompress(all[i], p, out, sizeof out, NULL),
                             DS_ECORRUPT);
            if (all[i] != DSI_COMPRESSION_LZ4_RAW) {
                assert_int_equal(dsi_decompress_all(all[i], p, &u, NULL), DS_ECORRUPT);
                assert_int_equal(u.size, 0);
            }
        }
        for (size_t n = 0; n < b.size; n++) {
            b.data[n] ^= (uint8_t)(1 << n % 8);
            int rc = dsi_decompress(all[i], dsi_buf_slice(&b), out, sizeof out, NULL);
            assert_true(rc == DS_OK || rc == DS_ECORRUPT);
            rc = dsi_decompress_all(all[i], dsi_buf_slice(&b), &u, NULL);
            assert_true(rc == DS_OK || rc == DS_ECORRUPT || rc == DS_EUNSUPPORTED);
            u.size = 0;
            b.data[n] ^= (uint8_t)(1 << n % 8);
        }
        dsi_buf_release(&b);
        dsi_buf_release(&u);
    }
}

static void test_compress__stops_a_bomb_at_the_maximum(void **state)
{
    static uint8_t zeros[SAMPLE_SIZE];
    (void)state;

    for (size_t i = 0; i < ALL_COUNT; i++) {
        struct dsi_buf b = DSI_BUF_INIT;
        struct dsi_buf u = DSI_BUF_INIT_MAX(SAMPLE_SIZE - 1);
        struct dsi_buf enough = DSI_BUF_INIT_MAX(SAMPLE_SIZE);
        struct ds_slice in = {zeros, sizeof zeros};
        if (all[i] == DSI_COMPRESSION_LZ4_RAW) {
            continue;
        }
        assert_int_equal(dsi_compress(all[i], -1, in, &b, NULL), DS_OK);
        struct ds_slice p = dsi_buf_slice(&b);
        assert_int_equal(dsi_decompress_all(all[i], p, &u, NULL), DS_EUNSUPPORTED);
        assert_int_equal(u.size, 0);
        assert_true(u.capacity <= SAMPLE_SIZE - 1);
        assert_int_equal(dsi_decompress_all(all[i], p, &enough, NULL), DS_OK);
        assert_int_equal(enough.size, SAMPLE_SIZE);
        dsi_buf_release(&b);
        dsi_buf_release(&u);
        dsi_buf_release(&enough);
    }
}

// One run under the current plan: whatever fails, the answer is NOMEM and nothing stays.
static void compress_and_look(enum dsi_compression c)
{
    static uint8_t out[2000];
    struct ds_error err = {0};
    struct dsi_buf b = DSI_BUF_INIT;
    struct dsi_buf u = DSI_BUF_INIT;
    int rc = DS_OK;

    DSI_TRY(dsi_compress(c, -1, sample(sizeof out), &b, &err));
    DSI_TRY(dsi_decompress(c, dsi_buf_slice(&b), out, sizeof out, &err));
    if (c != DSI_COMPRESSION_LZ4_RAW) {
        DSI_TRY(dsi_decompress_all(c, dsi_buf_slice(&b), &u, &err));
    }
done:
    dsi_fault_stop();
    assert_true(rc == DS_OK || (rc == DS_ENOMEM && err.message[0] != '\0'));
    assert_true(rc == DS_OK || u.size == 0);
    dsi_buf_release(&b);
    dsi_buf_release(&u);
}

static void test_compress__survives_every_fault(void **state)
{
    (void)state;
    for (size_t i = 0; i < ALL_COUNT; i++) {
        struct dsi_fault_plan plan = {0};
        while (dsi_fault_next(&plan)) {
            compress_and_look(all[i]);
        }
        assert_true(plan.target > 2);
    }
}

static void test_compress__keeps_its_memory_from_block_to_block(void **state)
{
    static uint8_t out[SAMPLE_SIZE];
    struct dsi_compressor c = {0};
    struct dsi_decompressor d = {0};
    (void)state;

    // Every codec after every other, large after small: the bytes are always the same.
    for (size_t n = 0; n < ALL_COUNT * 9; n++) {
        enum dsi_compression codec = all[n % ALL_COUNT * 5 % ALL_COUNT];
        struct ds_slice in = sample(n % 3 == 0 ? SAMPLE_SIZE : 1000 + n);
        struct dsi_buf fresh = DSI_BUF_INIT;
        struct dsi_buf kept = DSI_BUF_INIT;
        assert_int_equal(dsi_compress(codec, -1, in, &fresh, NULL), DS_OK);
        for (int twice = 0; twice < 2; twice++) {
            kept.size = 0;
            assert_int_equal(dsi_compress_with(&c, codec, -1, in, &kept, NULL), DS_OK);
            assert_int_equal(kept.size, fresh.size);
            assert_memory_equal(kept.data, fresh.data, fresh.size);
            struct ds_slice p = dsi_buf_slice(&kept);
            assert_int_equal(dsi_decompress_with(&d, codec, p, out, in.size, NULL),
                             DS_OK);
            assert_memory_equal(out, in.data, in.size);
        }
        dsi_buf_release(&fresh);
        dsi_buf_release(&kept);
    }
    dsi_compressor_release(&c);
    dsi_decompressor_release(&d);
    assert_null(c.state);
    dsi_compressor_release(&c);
    dsi_decompressor_release(&d);
}

static void test_compress__keeps_no_memory_that_saw_damage(void **state)
{
    static uint8_t out[SAMPLE_SIZE];
    (void)state;

    for (size_t i = 1; i < ALL_COUNT; i++) {
        struct dsi_decompressor d = {0};
        struct dsi_buf b = DSI_BUF_INIT;
        struct ds_slice in = sample(20000);
        assert_int_equal(dsi_compress(all[i], -1, in, &b, NULL), DS_OK);
        struct ds_slice p = dsi_buf_slice(&b);
        struct ds_slice cut = {b.data, b.size / 2};
        assert_int_equal(dsi_decompress_with(&d, all[i], cut, out, in.size, NULL),
                         DS_ECORRUPT);
        assert_null(d.state);
        assert_int_equal(dsi_decompress_with(&d, all[i], p, out, in.size, NULL), DS_OK);
        assert_memory_equal(out, in.data, in.size);
        dsi_decompressor_release(&d);
        dsi_buf_release(&b);
    }
}

static void test_compress__appends_what_it_decompresses(void **state)
{
    enum { MANY = 40 << 20 };
    uint8_t *zeros = calloc(MANY, 1);
    (void)state;

    assert_non_null(zeros);
    for (size_t i = 0; i < ALL_COUNT; i++) {
        // So many zeros become so few bytes that nobody believes them at once.
        struct ds_slice in = {zeros, MANY};
        struct dsi_decompressor d = {0};
        struct dsi_buf b = DSI_BUF_INIT;
        struct dsi_buf u = DSI_BUF_INIT;
        assert_int_equal(dsi_compress(all[i], -1, in, &b, NULL), DS_OK);
        struct ds_slice p = dsi_buf_slice(&b);
        assert_int_equal(dsi_buf_append(&u, "head", 4, NULL), DS_OK);
        assert_int_equal(dsi_decompress_append(&d, all[i], p, MANY, &u, NULL), DS_OK);
        assert_int_equal(u.size, MANY + 4);
        assert_memory_equal(u.data, "head", 4);
        assert_memory_equal(u.data + 4, zeros, MANY);
        for (int more = -1; more < 2; more += 2) {
            size_t size = (size_t)MANY + (size_t)more;
            assert_int_equal(dsi_decompress_append(&d, all[i], p, size, &u, NULL),
                             DS_ECORRUPT);
            assert_int_equal(u.size, MANY + 4);
        }
        dsi_decompressor_release(&d);
        dsi_buf_release(&b);
        dsi_buf_release(&u);
    }
    free(zeros);
}

static void test_compress__does_not_believe_what_no_codec_can_hold(void **state)
{
    static const uint8_t few[10];
    struct ds_slice in = {few, sizeof few};
    (void)state;

    for (size_t i = 0; i < ALL_COUNT; i++) {
        struct dsi_decompressor d = {0};
        struct dsi_buf u = DSI_BUF_INIT;
        size_t claim = (size_t)1 << (all[i] == DSI_COMPRESSION_BROTLI ? 40 : 28);
        assert_int_equal(dsi_decompress_append(&d, all[i], in, claim, &u, NULL),
                         DS_ECORRUPT);
        assert_int_equal(u.capacity, 0);
        dsi_decompressor_release(&d);
        dsi_buf_release(&u);
    }
}

static void test_compress__does_not_write_what_is_only_read(void **state)
{
    struct dsi_buf b = DSI_BUF_INIT;
    struct ds_error err = {0};
    (void)state;

    assert_int_equal(dsi_compress(DSI_COMPRESSION_LZ4_HADOOP, -1, sample(9), &b, &err),
                     DS_EUNSUPPORTED);
    assert_non_null(strstr(err.message, "only read"));
}

static int stop_faults(void **state)
{
    (void)state;
    dsi_fault_stop();
    return 0;
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_compress__gives_back_what_went_in),
        cmocka_unit_test(test_compress__appends_and_leaves_alone_what_was_there),
        cmocka_unit_test(test_compress__refuses_levels_that_a_codec_does_not_have),
        cmocka_unit_test(test_compress__takes_every_level_it_says_it_takes),
        cmocka_unit_test(test_compress__survives_damage),
        cmocka_unit_test(test_compress__stops_a_bomb_at_the_maximum),
        cmocka_unit_test(test_compress__keeps_its_memory_from_block_to_block),
        cmocka_unit_test(test_compress__keeps_no_memory_that_saw_damage),
        cmocka_unit_test(test_compress__appends_what_it_decompresses),
        cmocka_unit_test(test_compress__does_not_believe_what_no_codec_can_hold),
        cmocka_unit_test(test_compress__does_not_write_what_is_only_read),
        cmocka_unit_test_teardown(test_compress__survives_every_fault, stop_faults),
    };
    return cmocka_run_group_tests_name("compress", tests, NULL, NULL);
}
