#include "codec/parquet/parquet_delta.h"

#include "base/error.h"
#include "codec/parquet/parquet_page.h"
#include "harness.h"

#include <stdlib.h>
#include <string.h>

static void expect(int32_t encoding, struct dsi_parquet_field f, struct ds_slice in,
                   const void *plain, size_t size)
{
    struct dsi_buf out = DSI_BUF_INIT;
    struct ds_error err = {0};

    if (dsi_parquet_to_plain(encoding, &f, in, 100, &out, &err) < 0) {
        fail_msg("%s", err.message);
    }
    assert_int_equal(out.size, size);
    assert_memory_equal(out.data, plain, size);
    dsi_buf_release(&out);
    for (size_t cut = 0; cut < in.size; cut++) { // Never past the end; often an error.
        struct dsi_buf part = DSI_BUF_INIT_MAX(1000);
        uint8_t *exact = malloc(cut + 1);
        memcpy(exact, in.data, cut);
        DSI_IGNORE(dsi_parquet_to_plain(encoding, &f, (struct ds_slice){exact, cut}, 100,
                                        &part, NULL)); // Either is fine.
        free(exact);
        dsi_buf_release(&part);
    }
}

static void test_parquet_delta__decodes_the_examples_of_the_format(void **state)
{
    static const uint8_t even[] = {0x80, 0x01, 4, 5, 2, 2, 0, 0, 0, 0};
    static const int32_t even_plain[] = {1, 2, 3, 4, 5};
    static const uint8_t turning[] = {0x80, 0x01, 4,    8, 14, 3, 2, 0, 0,
                                      0,    0xc0, 0x3f, 0, 0,  0, 0, 0, 0};
    static const int64_t turning_plain[] = {7, 5, 3, 1, 2, 3, 4, 5};
    const struct dsi_parquet_field i32 = {.physical = DSI_PARQUET_INT32};
    const struct dsi_parquet_field i64 = {.physical = DSI_PARQUET_INT64};
    (void)state;

    expect(DSI_PARQUET_DELTA_BINARY_PACKED, i32, (struct ds_slice){even, sizeof even},
           even_plain, sizeof even_plain);
    expect(DSI_PARQUET_DELTA_BINARY_PACKED, i64,
           (struct ds_slice){turning, sizeof turning}, turning_plain,
           sizeof turning_plain);
}

static void test_parquet_delta__wraps_around(void **state)
{
    // INT32_MAX, then a delta of 1.
    static const uint8_t bytes[] = {0x80, 0x01, 4, 2, 0xfe, 0xff, 0xff,
                                    0xff, 0x0f, 2, 0, 0,    0,    0};
    static const int32_t plain[] = {INT32_MAX, INT32_MIN};
    const struct dsi_parquet_field f = {.physical = DSI_PARQUET_INT32};
    (void)state;

    expect(DSI_PARQUET_DELTA_BINARY_PACKED, f, (struct ds_slice){bytes, sizeof bytes},
           plain, sizeof plain);
}

// DuckDB writes the difference of two 32-bit values in 33 bits instead of wrapping it.
static void test_parquet_delta__wraps_deltas_wider_than_the_values(void **state)
{
    static const uint8_t bytes[10 + 132] = {0x80, 0x01, 4, 3, 1, 0, 33,  0,
                                            0,    0,    0, 0, 0, 0, 0x03};
    static const int32_t plain[] = {-1, -1, 0}; // Deltas: 1 << 32, and 1.
    const struct dsi_parquet_field f = {.physical = DSI_PARQUET_INT32};
    (void)state;

    expect(DSI_PARQUET_DELTA_BINARY_PACKED, f, (struct ds_slice){bytes, sizeof bytes},
           plain, sizeof plain);
}

static void test_parquet_delta__joins_byte_arrays(void **state)
{
    static const uint8_t lengths[] = "\x80\x01\x04\x04\x0a\x00\x01\x00\x00\x00\x02\0\0\0"
                                     "HelloWorldFoobarABCDEF";
    static const uint8_t lengths_plain[] = "\5\0\0\0Hello\5\0\0\0World"
                                           "\6\0\0\0Foobar\6\0\0\0"
                                           "ABCDEF";
    static const uint8_t prefixes[] = "\x80\x01\x04\x04\x00\x03\x03\0\0\0"
                                      "\x44\x01\0\0\0\0\0\0\0\0\0\0"
                                      "\x80\x01\x04\x04\x08\x03\x03\0\0\0"
                                      "\x70\0\0\0\0\0\0\0\0\0\0\0"
                                      "axislebabbleyhood";
    static const uint8_t prefixes_plain[] = "\4\0\0\0axis\4\0\0\0axle\6\0\0\0"
                                            "babble\x8\0\0\0"
                                            "babyhood";
    const struct dsi_parquet_field f = {.physical = DSI_PARQUET_BYTE_ARRAY};
    (void)state;

    expect(DSI_PARQUET_DELTA_LENGTH_BYTE_ARRAY, f,
           (struct ds_slice){lengths, sizeof lengths - 1}, lengths_plain,
           sizeof lengths_plain - 1);
    expect(DSI_PARQUET_DELTA_BYTE_ARRAY, f,
           (struct ds_slice){prefixes, sizeof prefixes - 1}, prefixes_plain,
           sizeof prefixes_plain - 1);
}

// Numbers for the lengths of byte arrays, as a delta block of one miniblock.
static void put_lengths(struct dsi_buf *out, const uint32_t *lengths, size_t count)
{
    assert_true(count >= 1 && count <= 33);
    uint8_t head[] = {0x20,
                      1,
                      (uint8_t)count,
                      (uint8_t)(lengths[0] * 2), // 0 to 63.
                      0xff,
                      0x01,
                      8}; // The least delta is -128; eight bits each.
    assert_int_equal(dsi_buf_append(out, head, sizeof head, NULL), DS_OK);
    for (size_t i = 1; i < 33; i++) {
        uint32_t delta = i < count ? lengths[i] - lengths[i - 1] + 128 : 0;
        assert_int_equal(dsi_buf_append_byte(out, (uint8_t)delta, NULL), DS_OK);
    }
}

// Short and long prefixes and suffixes, up to the end of the bytes.
static void test_parquet_delta__joins_values_of_every_length(void **state)
{
    const struct dsi_parquet_field f = {.physical = DSI_PARQUET_BYTE_ARRAY};
    (void)state;

    for (uint32_t step = 0; step < 40; step++) {
        struct dsi_buf in = DSI_BUF_INIT;
        struct dsi_buf out = DSI_BUF_INIT;
        uint32_t prefixes[33];
        uint32_t suffixes[33];
        uint8_t value[64] = {0};
        size_t at = 0;
        for (uint32_t i = 0; i < 33; i++) {
            prefixes[i] = i == 0 ? 0 : (i * step + step) % (suffixes[i - 1] + 1);
            prefixes[i] = prefixes[i] > 40 ? 40 : prefixes[i];
            suffixes[i] = (i * 13 + step) % 60;
        }
        prefixes[0] = 0;
        for (uint32_t i = 1; i < 33; i++) { // Not longer than the value before.
            uint32_t last = prefixes[i - 1] + suffixes[i - 1];
            prefixes[i] = prefixes[i] < last ? prefixes[i] : last;
        }
        put_lengths(&in, prefixes, 33);
        put_lengths(&in, suffixes, 33);
        for (uint32_t i = 0; i < 33; i++) {
            for (uint32_t k = 0; k < suffixes[i]; k++) {
                assert_int_equal(dsi_buf_append_byte(&in, (uint8_t)(i * 7 + k), NULL),
                                 DS_OK);
            }
        }
        uint8_t *exact = malloc(in.size); // For a sanitizer to watch.
        memcpy(exact, in.data, in.size);
        assert_int_equal(dsi_parquet_to_plain(DSI_PARQUET_DELTA_BYTE_ARRAY, &f,
                                              (struct ds_slice){exact, in.size}, 100,
                                              &out, NULL),
                         DS_OK);
        for (uint32_t i = 0; i < 33; i++) {
            uint32_t size = prefixes[i] + suffixes[i];
            for (uint32_t k = 0; k < suffixes[i] && prefixes[i] + k < sizeof value; k++) {
                value[prefixes[i] + k] = (uint8_t)(i * 7 + k);
            }
            assert_int_equal(out.data[at], size);
            assert_memory_equal(out.data + at + 4, value,
                                size < sizeof value ? size : sizeof value);
            at += 4 + size;
        }
        assert_int_equal(out.size, at);
        free(exact);
        dsi_buf_release(&in);
        dsi_buf_release(&out);
    }
}

static void
test_parquet_delta__refuses_prefixes_and_suffixes_that_are_not_there(void **state)
{
    static const uint32_t lengths[][2][2] = {
        {{0, 4}, {3, 1}},  // Four bytes of the three before.
        {{1, 0}, {3, 1}},  // A prefix before there is anything.
        {{0, 3}, {3, 2}},  // Five bytes of four.
        {{0, 0}, {60, 0}}, // Sixty of four.
    };
    const struct dsi_parquet_field f = {.physical = DSI_PARQUET_BYTE_ARRAY};
    (void)state;

    for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++) {
        struct dsi_buf in = DSI_BUF_INIT;
        struct dsi_buf out = DSI_BUF_INIT;
        struct ds_error err = {0};
        put_lengths(&in, lengths[i][0], 2);
        put_lengths(&in, lengths[i][1], 2);
        assert_int_equal(dsi_buf_append(&in, "abcd", 4, NULL), DS_OK);
        assert_int_equal(dsi_parquet_to_plain(DSI_PARQUET_DELTA_BYTE_ARRAY, &f,
                                              dsi_buf_slice(&in), 100, &out, &err),
                         DS_ECORRUPT);
        assert_non_null(strstr(err.message, "delta byte array: "));
        dsi_buf_release(&in);
        dsi_buf_release(&out);
    }
}

static void test_parquet_delta__joins_split_streams(void **state)
{
    static const uint8_t split[] = {0xAA, 0x00, 0xA3, 0xBB, 0x11, 0xB4,
                                    0xCC, 0x22, 0xC5, 0xDD, 0x33, 0xD6};
    static const uint8_t plain[] = {0xAA, 0xBB, 0xCC, 0xDD, 0x00, 0x11,
                                    0x22, 0x33, 0xA3, 0xB4, 0xC5, 0xD6};
    const struct dsi_parquet_field f = {.physical = DSI_PARQUET_FLOAT};
    (void)state;

    expect(DSI_PARQUET_BYTE_STREAM_SPLIT, f, (struct ds_slice){split, sizeof split},
           plain, sizeof plain);
}

static void test_parquet_delta__refuses_what_is_out_of_bounds(void **state)
{
    static const uint8_t many[] = {0x80, 0x01, 4, 101, 2, 2, 0, 0, 0, 0};
    static const uint8_t odd[] = {0x81, 0x01, 4, 5, 2, 2, 0, 0, 0, 0};
    static const uint8_t none[] = {0x80, 0x01, 0, 5, 2, 2, 0, 0, 0, 0};
    static const uint8_t wide[] = {0x80, 0x01, 4, 5, 2, 2, 65, 0, 0, 0};
    static const struct ds_slice bad[] = {
        {many, sizeof many}, {odd, sizeof odd}, {none, sizeof none}, {wide, sizeof wide}};
    const struct dsi_parquet_field f = {.physical = DSI_PARQUET_INT32};
    const struct dsi_parquet_field text = {.physical = DSI_PARQUET_BYTE_ARRAY};
    struct dsi_buf out = DSI_BUF_INIT;
    (void)state;

    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        assert_int_equal(dsi_parquet_to_plain(DSI_PARQUET_DELTA_BINARY_PACKED, &f, bad[i],
                                              100, &out, NULL),
                         DS_ECORRUPT);
    }
    assert_int_equal(dsi_parquet_to_plain(DSI_PARQUET_DELTA_BINARY_PACKED, &text, bad[0],
                                          100, &out, NULL),
                     DS_EUNSUPPORTED);
    dsi_buf_release(&out);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_parquet_delta__decodes_the_examples_of_the_format),
        cmocka_unit_test(test_parquet_delta__wraps_around),
        cmocka_unit_test(test_parquet_delta__wraps_deltas_wider_than_the_values),
        cmocka_unit_test(test_parquet_delta__joins_byte_arrays),
        cmocka_unit_test(test_parquet_delta__joins_values_of_every_length),
        cmocka_unit_test(
            test_parquet_delta__refuses_prefixes_and_suffixes_that_are_not_there),
        cmocka_unit_test(test_parquet_delta__joins_split_streams),
        cmocka_unit_test(test_parquet_delta__refuses_what_is_out_of_bounds),
    };
    return cmocka_run_group_tests_name("parquet_delta", tests, NULL, NULL);
}
