#include "codec/parquet/parquet_values.h"

#include "harness.h"

#include <stdlib.h>
#include <string.h>

static const struct dsi_parquet_field i32 = {.name = "x", .physical = DSI_PARQUET_INT32};
static const struct dsi_parquet_field text = {.name = "x",
                                              .physical = DSI_PARQUET_BYTE_ARRAY};

static void test_parquet_values__refuses_dictionaries_smaller_than_they_say(void **state)
{
    struct dsi_parquet_dictionary d = {0};
    (void)state;

    assert_int_equal(dsi_buf_append(&d.bytes, "\1\0\0\0a\5\0\0\0bb", 11, NULL), DS_OK);
    assert_int_equal(dsi_parquet_dictionary_init(&d, &i32, 3, NULL), DS_ECORRUPT);
    assert_int_equal(dsi_parquet_dictionary_init(&d, &text, 1000000000, NULL),
                     DS_ECORRUPT);
    assert_int_equal(dsi_parquet_dictionary_init(&d, &text, 2, NULL), DS_ECORRUPT);
    dsi_parquet_dictionary_release(&d);
    assert_int_equal(dsi_buf_append(&d.bytes, "\1\0\0\0a\0\0\0\0", 9, NULL), DS_OK);
    assert_int_equal(dsi_parquet_dictionary_init(&d, &text, 2, NULL), DS_OK);
    assert_int_equal(d.values[0].size, 1);
    assert_int_equal(d.values[1].size, 0);
    dsi_parquet_dictionary_release(&d);
}

static void test_parquet_values__refuses_indices_past_the_dictionary(void **state)
{
    static const uint8_t run[] = {0x08, 0x02}; // Four times index 2.
    static struct dsi_parquet_values v;
    struct dsi_parquet_dictionary d = {0};
    struct dsi_parquet_column out = DSI_PARQUET_COLUMN_INIT;
    struct ds_error err = {0};
    (void)state;

    assert_int_equal(dsi_buf_append(&d.bytes, "\1\0\0\0\2\0\0\0", 8, NULL), DS_OK);
    assert_int_equal(dsi_parquet_dictionary_init(&d, &i32, 2, NULL), DS_OK);
    v.kind = DSI_PARQUET_VALUES_INDEXED;
    v.field = &i32;
    v.dictionary = &d;
    dsi_parquet_rle_init(&v.rle, (struct ds_slice){run, sizeof run}, 2);
    assert_int_equal(dsi_parquet_values_fixed(&v, 4, &out, &err), DS_ECORRUPT);
    assert_string_equal(err.message, "column x: index 2 into a dictionary of 2 values");
    dsi_parquet_dictionary_release(&d);
    dsi_parquet_column_release(&out);
}

static void test_parquet_values__refuses_pages_that_end_early(void **state)
{
    static const uint8_t bytes[] = {3, 0, 0, 0, 'a', 'b', 'c', 9, 0, 0, 0};
    static struct dsi_parquet_values v;
    struct dsi_parquet_column out = DSI_PARQUET_COLUMN_INIT;
    size_t done = 0;
    (void)state;

    v.kind = DSI_PARQUET_VALUES_PLAIN;
    v.field = &text;
    v.plain = (struct ds_slice){bytes, sizeof bytes};
    assert_int_equal(dsi_parquet_values_bytes(&v, 1, &out, &done, NULL), DS_OK);
    assert_int_equal(done, 1);
    assert_int_equal(out.bytes.size, 3);
    assert_int_equal(dsi_parquet_values_bytes(&v, 1, &out, &done, NULL), DS_ECORRUPT);
    v.field = &i32;
    v.plain = (struct ds_slice){bytes, sizeof bytes};
    assert_int_equal(dsi_parquet_values_fixed(&v, 3, &out, NULL), DS_ECORRUPT);
    dsi_parquet_column_release(&out);
}

static void test_parquet_values__skips_plain_values(void **state)
{
    static const struct dsi_parquet_field flag = {.name = "x",
                                                  .physical = DSI_PARQUET_BOOLEAN};
    static const uint8_t bytes[] = {1, 0, 0, 0, 'a', 0, 0, 0, 0, 2, 0, 0, 0, 'b', 'c'};
    static struct dsi_parquet_values v;
    struct dsi_parquet_column out = DSI_PARQUET_COLUMN_INIT;
    size_t done = 0;
    (void)state;

    v.kind = DSI_PARQUET_VALUES_PLAIN;
    v.field = &text;
    v.plain = (struct ds_slice){bytes, sizeof bytes};
    assert_int_equal(dsi_parquet_values_skip(&v, 4, NULL), DS_ECORRUPT);
    assert_int_equal(dsi_parquet_values_skip(&v, 2, NULL), DS_OK);
    assert_int_equal(dsi_parquet_values_bytes(&v, 1, &out, &done, NULL), DS_OK);
    assert_memory_equal(out.bytes.data, "bc", 2);
    dsi_parquet_column_release(&out);

    v.field = &i32;
    v.plain = (struct ds_slice){bytes, sizeof bytes};
    assert_int_equal(dsi_parquet_values_skip(&v, 4, NULL), DS_ECORRUPT);
    assert_int_equal(dsi_parquet_values_skip(&v, 2, NULL), DS_OK);
    assert_int_equal(dsi_parquet_values_fixed(&v, 1, &out, NULL), DS_OK);
    assert_memory_equal(out.values.data, bytes + 8, 4);
    dsi_parquet_column_release(&out);

    v.field = &flag;
    v.plain = (struct ds_slice){bytes, 5};
    v.bit = 0;
    assert_int_equal(dsi_parquet_values_skip(&v, 41, NULL), DS_ECORRUPT);
    assert_int_equal(dsi_parquet_values_skip(&v, 32, NULL), DS_OK);
    assert_int_equal(dsi_parquet_values_fixed(&v, 8, &out, NULL), DS_OK);
    assert_int_equal(out.values.data[0], 'a');
    dsi_parquet_column_release(&out);
}

static void test_parquet_values__skips_indices(void **state)
{
    static const uint8_t run[] = {0x08, 0x01, 0x03, 0xff, 0x00}; // 4 x 1, then 8 x 3.
    static struct dsi_parquet_values v;
    struct dsi_parquet_dictionary d = {0};
    struct dsi_parquet_column out = DSI_PARQUET_COLUMN_INIT;
    (void)state;

    assert_int_equal(dsi_buf_append(&d.bytes, "\1\0\0\0\2\0\0\0", 8, NULL), DS_OK);
    assert_int_equal(dsi_parquet_dictionary_init(&d, &i32, 2, NULL), DS_OK);
    v.kind = DSI_PARQUET_VALUES_INDEXED;
    v.field = &i32;
    v.dictionary = &d;
    dsi_parquet_rle_init(&v.rle, (struct ds_slice){run, sizeof run}, 2);
    assert_int_equal(dsi_parquet_values_skip(&v, 3, NULL), DS_OK);
    assert_int_equal(dsi_parquet_values_skip(&v, 10, NULL), DS_ECORRUPT);
    dsi_parquet_rle_init(&v.rle, (struct ds_slice){run, 2}, 2);
    v.block_at = v.block_count = 0;
    assert_int_equal(dsi_parquet_values_fixed(&v, 2, &out, NULL), DS_OK);
    assert_int_equal(dsi_parquet_values_skip(&v, 2, NULL), DS_OK); // What was read ahead.
    assert_int_equal(dsi_parquet_values_skip(&v, 1, NULL), DS_ECORRUPT);
    dsi_parquet_rle_init(&v.rle, (struct ds_slice){run, 0}, 0); // No bits are needed.
    assert_int_equal(dsi_parquet_values_skip(&v, 1000, NULL), DS_OK);
    dsi_parquet_dictionary_release(&d);
    dsi_parquet_column_release(&out);
}

// Words of every length around the slack, plain or in a dictionary.
static void make_words(struct dsi_buf *plain, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        uint8_t length[4] = {(uint8_t)(i * 7 % 100), 0, 0, 0};
        assert_int_equal(dsi_buf_append(plain, length, 4, NULL), DS_OK);
        for (size_t k = 0; k < length[0]; k++) {
            assert_int_equal(dsi_buf_append_byte(plain, (uint8_t)(i + k), NULL), DS_OK);
        }
    }
}

static void check_word(const struct dsi_parquet_column *c, size_t at, size_t word)
{
    int32_t from = 0;
    int32_t to = 0;

    memcpy(&from, c->values.data + at * 4, 4);
    memcpy(&to, c->values.data + at * 4 + 4, 4);
    assert_int_equal(to - from, word * 7 % 100);
    for (int32_t k = from; k < to; k++) {
        assert_int_equal(c->bytes.data[k], (uint8_t)(word + (size_t)(k - from)));
    }
}

// Starts on a copy of exactly the bytes, for a sanitizer to watch.
static uint8_t *start_plain(struct dsi_parquet_values *v, struct ds_slice bytes)
{
    uint8_t *exact = malloc(bytes.size);

    assert_non_null(exact);
    memcpy(exact, bytes.data, bytes.size);
    memset(v, 0, sizeof *v);
    v->kind = DSI_PARQUET_VALUES_PLAIN;
    v->field = &text;
    v->plain = (struct ds_slice){exact, bytes.size};
    return exact;
}

static void test_parquet_values__copies_words_of_every_length(void **state)
{
    static struct dsi_parquet_values v;
    static const size_t portions[] = {1, 7, 16, 64, 200};
    struct dsi_buf plain = DSI_BUF_INIT;
    (void)state;

    make_words(&plain, 200);
    for (size_t p = 0; p < sizeof portions / sizeof *portions; p++) {
        struct dsi_parquet_column out = DSI_PARQUET_COLUMN_INIT;
        uint8_t *exact = start_plain(&v, dsi_buf_slice(&plain));
        assert_int_equal(dsi_buf_append_zero(&out.values, 4, NULL), DS_OK);
        for (size_t at = 0; at < 200;) {
            size_t want = portions[p] < 200 - at ? portions[p] : 200 - at;
            size_t done = 0;
            assert_int_equal(dsi_parquet_values_bytes(&v, want, &out, &done, NULL),
                             DS_OK);
            assert_int_equal(done, want);
            at += done;
        }
        assert_int_equal(v.plain.size, 0);
        for (size_t i = 0; i < 200; i++) {
            check_word(&out, i, i);
        }
        free(exact);
        dsi_parquet_column_release(&out);
    }
    dsi_buf_release(&plain);
}

// Whatever the maximum, what fits comes, and the rest later.
static void test_parquet_values__fills_a_column_to_its_maximum(void **state)
{
    static struct dsi_parquet_values v;
    struct dsi_buf plain = DSI_BUF_INIT;
    (void)state;

    make_words(&plain, 200);
    for (size_t max = 100; max < 400; max++) {
        uint8_t *exact = start_plain(&v, dsi_buf_slice(&plain));
        for (size_t at = 0; at < 200;) {
            struct dsi_parquet_column out = DSI_PARQUET_COLUMN_INIT;
            size_t done = 0;
            size_t sum = 0;
            out.bytes.max = max;
            assert_int_equal(dsi_buf_append_zero(&out.values, 4, NULL), DS_OK);
            assert_int_equal(dsi_parquet_values_bytes(&v, 200 - at, &out, &done, NULL),
                             DS_OK);
            for (size_t i = 0; i < done; i++) {
                check_word(&out, i, at + i);
                sum += (at + i) * 7 % 100;
            }
            at += done;
            assert_int_equal(out.bytes.size, sum);
            assert_true(sum <= max && (at == 200 || sum + at * 7 % 100 > max));
            dsi_parquet_column_release(&out);
        }
        free(exact);
    }
    dsi_buf_release(&plain);
}

// Packed indices, long and short runs, in portions that cut them.
static void test_parquet_values__decodes_indices_in_runs_and_packed(void **state)
{
    enum { COUNT = 5000, WORDS = 90 };
    static struct dsi_parquet_values v;
    static uint32_t indices[COUNT];
    struct dsi_parquet_dictionary words = {0};
    struct dsi_parquet_dictionary numbers = {0};
    struct dsi_buf encoded = DSI_BUF_INIT;
    (void)state;

    for (uint32_t i = 0; i < COUNT; i++) {
        indices[i] = i / 500 % 2 ? i / 70 % WORDS : i * 31 % WORDS;
    }
    make_words(&words.bytes, WORDS);
    for (uint32_t i = 0; i < WORDS; i++) {
        uint32_t number = i * 1000003;
        assert_int_equal(dsi_buf_append(&numbers.bytes, &number, 4, NULL), DS_OK);
    }
    assert_int_equal(dsi_parquet_dictionary_init(&words, &text, WORDS, NULL), DS_OK);
    assert_int_equal(dsi_parquet_dictionary_init(&numbers, &i32, WORDS, NULL), DS_OK);
    assert_int_equal(dsi_parquet_rle_write(indices, COUNT, 7, &encoded, NULL), DS_OK);
    for (size_t portion = 1; portion < 3000; portion = portion * 3 + 1) {
        for (int bytes = 0; bytes < 2; bytes++) {
            struct dsi_parquet_column out = DSI_PARQUET_COLUMN_INIT;
            memset(&v, 0, sizeof v);
            v.kind = DSI_PARQUET_VALUES_INDEXED;
            v.field = bytes ? &text : &i32;
            v.dictionary = bytes ? &words : &numbers;
            dsi_parquet_rle_init(&v.rle, dsi_buf_slice(&encoded), 7);
            assert_int_equal(dsi_buf_append_zero(&out.values, 4, NULL), DS_OK);
            for (size_t at = 0; at < COUNT; at += portion) {
                size_t want = portion < COUNT - at ? portion : COUNT - at;
                size_t done = want;
                int rc = bytes ? dsi_parquet_values_bytes(&v, want, &out, &done, NULL)
                               : dsi_parquet_values_fixed(&v, want, &out, NULL);
                assert_int_equal(rc, DS_OK);
                assert_int_equal(done, want);
            }
            for (size_t i = 0; i < COUNT; i++) {
                uint32_t number = 0;
                memcpy(&number, out.values.data + 4 + i * 4, 4);
                if (bytes) {
                    check_word(&out, i, indices[i]);
                } else {
                    assert_int_equal(number, indices[i] * 1000003);
                }
            }
            dsi_parquet_column_release(&out);
        }
    }
    dsi_buf_release(&encoded);
    dsi_parquet_dictionary_release(&words);
    dsi_parquet_dictionary_release(&numbers);
}

static void test_parquet_values__checks_the_index_of_a_run(void **state)
{
    static const uint8_t run[] = {0xc8, 0x01, 0x5a}; // A hundred times 90.
    static struct dsi_parquet_values v;
    struct dsi_parquet_dictionary words = {0};
    struct dsi_parquet_dictionary numbers = {0};
    size_t done = 0;
    (void)state;

    make_words(&words.bytes, 90);
    assert_int_equal(dsi_buf_append_zero(&numbers.bytes, 90 * 4, NULL), DS_OK);
    assert_int_equal(dsi_parquet_dictionary_init(&words, &text, 90, NULL), DS_OK);
    assert_int_equal(dsi_parquet_dictionary_init(&numbers, &i32, 90, NULL), DS_OK);
    for (int bytes = 0; bytes < 2; bytes++) {
        struct dsi_parquet_column out = DSI_PARQUET_COLUMN_INIT;
        struct ds_error err = {0};
        memset(&v, 0, sizeof v);
        v.kind = DSI_PARQUET_VALUES_INDEXED;
        v.field = bytes ? &text : &i32;
        v.dictionary = bytes ? &words : &numbers;
        dsi_parquet_rle_init(&v.rle, (struct ds_slice){run, sizeof run}, 7);
        assert_int_equal(dsi_buf_append_zero(&out.values, 4, NULL), DS_OK);
        int rc = bytes ? dsi_parquet_values_bytes(&v, 100, &out, &done, &err)
                       : dsi_parquet_values_fixed(&v, 100, &out, &err);
        assert_int_equal(rc, DS_ECORRUPT);
        assert_string_equal(err.message,
                            "column x: index 90 into a dictionary of 90 values");
        dsi_parquet_column_release(&out);
    }
    dsi_parquet_dictionary_release(&words);
    dsi_parquet_dictionary_release(&numbers);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_parquet_values__refuses_dictionaries_smaller_than_they_say),
        cmocka_unit_test(test_parquet_values__refuses_indices_past_the_dictionary),
        cmocka_unit_test(test_parquet_values__refuses_pages_that_end_early),
        cmocka_unit_test(test_parquet_values__skips_plain_values),
        cmocka_unit_test(test_parquet_values__skips_indices),
        cmocka_unit_test(test_parquet_values__copies_words_of_every_length),
        cmocka_unit_test(test_parquet_values__fills_a_column_to_its_maximum),
        cmocka_unit_test(test_parquet_values__decodes_indices_in_runs_and_packed),
        cmocka_unit_test(test_parquet_values__checks_the_index_of_a_run),
    };
    return cmocka_run_group_tests_name("parquet_values", tests, NULL, NULL);
}
