#include "codec/parquet/parquet_encode.h"

#include "base/fault.h"
#include "codec/parquet/parquet_bytes.h"
#include "codec/parquet/parquet_delta.h"
#include "codec/parquet/parquet_page.h"
#include "codec/parquet/parquet_rle.h"
#include "harness.h"

#include <stdlib.h>
#include <string.h>

static uint64_t next_random(uint64_t *random)
{
    *random ^= *random << 13;
    *random ^= *random >> 7;
    *random ^= *random << 17;
    return *random * 0x2545f4914f6cdd1du;
}

enum { COUNT_MAX = 700, LENGTH_MAX = 300 };

struct values {
    struct dsi_parquet_field field;
    size_t count;
    uint8_t bytes[COUNT_MAX * LENGTH_MAX];
    size_t bytes_size;
    uint32_t lengths[COUNT_MAX];
    struct dsi_buf plain;
};

// Numbers of every kind of step; strings that often begin like the one before.
static void fill(struct values *v, enum dsi_parquet_physical p, size_t count,
                 uint64_t seed)
{
    uint64_t random = seed * 0x9e3779b97f4a7c15u + 1;
    uint64_t number = next_random(&random);
    int shift = (int)(next_random(&random) % 65); // Of the steps.
    size_t at = 0;

    v->field = (struct dsi_parquet_field){.physical = p};
    v->field.type_length = p == DSI_PARQUET_FIXED ? 1 + (int)(seed % 20) : 0;
    v->count = count;
    v->plain.size = 0;
    size_t width = dsi_parquet_width(&v->field);
    for (size_t i = 0; i < count; i++) {
        uint8_t *to = v->bytes + at;
        size_t most = next_random(&random) % 32 == 0 ? LENGTH_MAX : 40;
        size_t size = p == DSI_PARQUET_BYTE_ARRAY ? next_random(&random) % most : width;
        number += shift == 64 ? 0 : next_random(&random) >> shift;
        for (size_t b = 0; b < size; b++) {
            to[b] = (uint8_t)(width == 0 || b >= 8 ? 'a' + next_random(&random) % 2
                                                   : number >> 8 * b);
        }
        v->lengths[i] = (uint32_t)size;
        if (p == DSI_PARQUET_BYTE_ARRAY) {
            uint8_t length[4];
            dsi_put_le32(length, (uint32_t)size);
            assert_int_equal(dsi_buf_append(&v->plain, length, 4, NULL), DS_OK);
        }
        assert_int_equal(dsi_buf_append(&v->plain, to, size, NULL), DS_OK);
        at += size;
    }
    v->bytes_size = at;
}

static struct dsi_parquet_encode_input input_of(const struct values *v)
{
    bool bytes = v->field.physical == DSI_PARQUET_BYTE_ARRAY;
    return (struct dsi_parquet_encode_input){&v->field, v->count, v->bytes,
                                             bytes ? v->lengths : NULL};
}

static void test_parquet_encode__decodes_to_what_it_was(void **state)
{
    static const size_t counts[] = {0, 1, 2, 32, 33, 128, 129, 130, 161, 257, COUNT_MAX};
    static struct values v;
    (void)state;

    for (int encoding = 0; encoding < 10; encoding++) {
        for (int p = DSI_PARQUET_INT32; p <= DSI_PARQUET_FIXED; p++) {
            if (encoding == DSI_PARQUET_PLAIN ||
                !dsi_parquet_can_encode(encoding, (enum dsi_parquet_physical)p)) {
                continue;
            }
            for (size_t n = 0; n < 200; n++) {
                struct dsi_buf out = DSI_BUF_INIT;
                struct dsi_buf back = DSI_BUF_INIT;
                struct ds_error err = {0};
                size_t count = counts[n % (sizeof counts / sizeof counts[0])];
                fill(&v, (enum dsi_parquet_physical)p, count, n);
                struct dsi_parquet_encode_input in = input_of(&v);
                assert_int_equal(dsi_parquet_encode(encoding, &in, &out, &err), DS_OK);
                if (dsi_parquet_to_plain(encoding, &v.field, dsi_buf_slice(&out), count,
                                         &back, &err) < 0) {
                    fail_msg("encoding %d of %zu: %s", encoding, count, err.message);
                }
                assert_int_equal(back.size, v.plain.size);
                if (back.size > 0) {
                    assert_memory_equal(back.data, v.plain.data, back.size);
                }
                dsi_buf_release(&out);
                dsi_buf_release(&back);
            }
        }
    }
    dsi_buf_release(&v.plain);
}

static void test_parquet_encode__puts_lengths_before_plain_texts(void **state)
{
    static struct values v;
    (void)state;

    for (size_t n = 0; n < 100; n++) {
        struct dsi_buf out = DSI_BUF_INIT;
        fill(&v, DSI_PARQUET_BYTE_ARRAY, n % 10 == 9 ? COUNT_MAX : n / 10, n);
        struct dsi_parquet_encode_input in = input_of(&v);
        uint8_t *bytes = malloc(v.bytes_size ? v.bytes_size : 1);
        assert_non_null(bytes); // Sanitizers see that nothing behind them is read.
        memcpy(bytes, v.bytes, v.bytes_size);
        in.bytes = bytes;
        assert_int_equal(dsi_parquet_encode(DSI_PARQUET_PLAIN, &in, &out, NULL), DS_OK);
        assert_int_equal(out.size, v.plain.size);
        if (out.size > 0) {
            assert_memory_equal(out.data, v.plain.data, out.size);
        }
        free(bytes);
        dsi_buf_release(&out);
    }
    dsi_buf_release(&v.plain);
}

static void expect(int32_t encoding, const struct dsi_parquet_encode_input *in,
                   const void *bytes, size_t size)
{
    struct dsi_buf out = DSI_BUF_INIT;

    assert_int_equal(dsi_parquet_encode(encoding, in, &out, NULL), DS_OK);
    assert_int_equal(out.size, size);
    assert_memory_equal(out.data, bytes, size);
    dsi_buf_release(&out);
}

static void test_parquet_encode__gives_the_examples_of_the_format(void **state)
{
    static const uint8_t even[] = {1, 0, 0, 0, 2, 0, 0, 0, 3, 0,
                                   0, 0, 4, 0, 0, 0, 5, 0, 0, 0};
    static const uint8_t text[] = "axisaxlebabblebabyhood";
    static const uint32_t lengths[] = {4, 4, 6, 8};
    static const uint32_t abc[] = {1, 2};
    const struct dsi_parquet_field i32 = {.physical = DSI_PARQUET_INT32};
    const struct dsi_parquet_field str = {.physical = DSI_PARQUET_BYTE_ARRAY};
    const struct dsi_parquet_field f32 = {.physical = DSI_PARQUET_FLOAT};
    const struct dsi_parquet_field bit = {.physical = DSI_PARQUET_BOOLEAN};
    const struct dsi_parquet_encode_input numbers = {&i32, 5, even, NULL};
    const struct dsi_parquet_encode_input words = {&str, 4, text, lengths};
    const struct dsi_parquet_encode_input letters = {&str, 2, text, abc};
    const struct dsi_parquet_encode_input floats = {&f32, 2, text, NULL};
    const struct dsi_parquet_encode_input bits = {&bit, 9, (const uint8_t *)"\xff\x01",
                                                  NULL};
    (void)state;

    expect(DSI_PARQUET_DELTA_BINARY_PACKED, &numbers, "\x80\x01\4\5\2\2\0\0\0\0", 10);
    expect(DSI_PARQUET_DELTA_BYTE_ARRAY, &words,
           "\x80\x01\4\4\0\3\3\0\0\0\x44\1\0\0\0\0\0\0\0\0\0\0"
           "\x80\x01\4\4\x08\3\3\0\0\0\x70\0\0\0\0\0\0\0\0\0\0\0"
           "axislebabbleyhood",
           61);
    expect(DSI_PARQUET_DELTA_LENGTH_BYTE_ARRAY, &letters,
           "\x80\x01\4\2\2\2\0\0\0\0"
           "axi",
           13);
    expect(DSI_PARQUET_PLAIN, &letters, "\1\0\0\0a\2\0\0\0xi", 11);
    expect(DSI_PARQUET_BYTE_STREAM_SPLIT, &floats, "aaxxilse", 8);
    expect(DSI_PARQUET_PLAIN, &bits, "\xff\x01", 2);
    expect(DSI_PARQUET_RLE, &bits, "\3\0\0\0\5\xff\1", 7);
}

static void test_parquet_encode__reports_missing_memory(void **state)
{
    static struct values v;
    (void)state;

    for (int encoding = 0; encoding < 10; encoding++) {
        struct dsi_fault_plan plan = {0};
        enum dsi_parquet_physical p = DSI_PARQUET_BOOLEAN;
        while (p < DSI_PARQUET_FIXED && !dsi_parquet_can_encode(encoding, p)) {
            p++;
        }
        if (!dsi_parquet_can_encode(encoding, p)) {
            continue;
        }
        fill(&v, p, 500, 5);
        struct dsi_parquet_encode_input in = input_of(&v);
        while (dsi_fault_next(&plan)) {
            struct dsi_buf out = DSI_BUF_INIT;
            int rc = dsi_parquet_encode(encoding, &in, &out, NULL);
            dsi_fault_stop();
            assert_int_equal(rc, plan.name ? DS_ENOMEM : DS_OK);
            dsi_buf_release(&out);
        }
    }
    dsi_buf_release(&v.plain);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_parquet_encode__decodes_to_what_it_was),
        cmocka_unit_test(test_parquet_encode__puts_lengths_before_plain_texts),
        cmocka_unit_test(test_parquet_encode__gives_the_examples_of_the_format),
        cmocka_unit_test(test_parquet_encode__reports_missing_memory),
    };
    return cmocka_run_group_tests_name("parquet_encode", tests, NULL, NULL);
}
