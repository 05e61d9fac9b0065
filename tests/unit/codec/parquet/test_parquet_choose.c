#include "codec/parquet/parquet_choose.h"

#include "base/fault.h"
#include "codec/parquet/parquet_page.h"
#include "harness.h"

#include <string.h>

enum { COUNT = 20000 };

static uint8_t bytes[COUNT * 8];
static uint32_t numbers[COUNT];

static uint64_t next_random(uint64_t *random)
{
    *random = *random * 6364136223846793005u + 1442695040888963407u;
    return *random >> 33;
}

static int32_t choose(enum dsi_parquet_physical p, struct dsi_parquet_terms terms,
                      struct dsi_parquet_price *price)
{
    const struct dsi_parquet_field f = {.physical = p};
    const struct dsi_parquet_encode_input in = {
        &f, p == DSI_PARQUET_BYTE_ARRAY ? COUNT / 4 : COUNT / 2, bytes,
        p == DSI_PARQUET_BYTE_ARRAY ? numbers : NULL};
    struct dsi_parquet_tools t = {0};
    int32_t encoding = -1;

    assert_int_equal(dsi_parquet_choose(&t, &terms, &in, &encoding, price, NULL), DS_OK);
    dsi_parquet_tools_release(&t);
    return encoding;
}

static void fill_ascending(void)
{
    uint64_t random = 1;
    int64_t v = 1;

    for (size_t i = 0; i < COUNT; i++, v += (int64_t)(next_random(&random) % 100)) {
        memcpy(bytes + i * 8, &v, 8);
    }
}

static void fill_random(void)
{
    uint64_t random = 1;

    for (size_t i = 0; i < sizeof bytes; i++) {
        bytes[i] = (uint8_t)next_random(&random);
    }
    for (size_t i = 0; i < COUNT; i++) {
        numbers[i] = 5 + (uint32_t)next_random(&random) % 4;
    }
}

// Near 1000: the high bytes are alike.
static void fill_doubles(void)
{
    uint64_t random = 1;

    for (size_t i = 0; i < COUNT; i++) {
        double v = 1000 + (double)next_random(&random) / 0x7fffffff;
        memcpy(bytes + i * 8, &v, 8);
    }
}

static const struct dsi_parquet_write_options common = {.codec = DSI_COMPRESSION_ZSTD,
                                                        .page_rows = COUNT};
static const struct dsi_parquet_write_options plain = {.codec = DSI_COMPRESSION_ZSTD,
                                                       .page_rows = COUNT,
                                                       .choice =
                                                           DSI_PARQUET_CHOICE_PLAIN};
static const struct dsi_parquet_write_options all = {
    .codec = DSI_COMPRESSION_ZSTD, .page_rows = COUNT, .choice = DSI_PARQUET_CHOICE_ALL};

static void test_parquet_choose__takes_what_is_smaller_and_allowed(void **state)
{
    const struct dsi_parquet_terms c = {&common, DSI_PARQUET_ENCODE_AUTO};
    const struct dsi_parquet_terms p = {&plain, DSI_PARQUET_ENCODE_AUTO};
    const struct dsi_parquet_terms a = {&all, DSI_PARQUET_ENCODE_AUTO};
    struct dsi_parquet_price price;
    (void)state;

    fill_ascending();
    assert_int_equal(choose(DSI_PARQUET_INT64, c, &price),
                     DSI_PARQUET_DELTA_BINARY_PACKED);
    assert_int_equal(price.count, DSI_PARQUET_SAMPLE);
    assert_int_equal(price.plain, DSI_PARQUET_SAMPLE * 8);
    assert_true(price.encoded < DSI_PARQUET_SAMPLE);
    assert_int_equal(choose(DSI_PARQUET_INT64, p, &price), DSI_PARQUET_PLAIN);
    fill_doubles();
    assert_int_equal(choose(DSI_PARQUET_DOUBLE, c, &price), DSI_PARQUET_PLAIN);
    assert_int_equal(choose(DSI_PARQUET_DOUBLE, a, &price),
                     DSI_PARQUET_BYTE_STREAM_SPLIT);
    fill_random();
    assert_int_equal(choose(DSI_PARQUET_INT32, c, &price),
                     DSI_PARQUET_DELTA_BINARY_PACKED); // As good, and quicker to skip.
    assert_int_equal(choose(DSI_PARQUET_BYTE_ARRAY, c, &price), DSI_PARQUET_PLAIN);
    assert_int_equal(choose(DSI_PARQUET_BYTE_ARRAY, a, &price),
                     DSI_PARQUET_DELTA_LENGTH_BYTE_ARRAY);
}

static void test_parquet_choose__takes_the_quick_level_where_it_is_as_good(void **state)
{
    struct dsi_parquet_write_options told = common;
    const struct dsi_parquet_terms c = {&common, DSI_PARQUET_ENCODE_AUTO};
    const struct dsi_parquet_terms l = {&told, DSI_PARQUET_ENCODE_AUTO};
    struct dsi_parquet_price price;
    uint64_t random = 1;
    (void)state;

    fill_random();
    assert_int_equal(choose(DSI_PARQUET_DOUBLE, c, &price), DSI_PARQUET_PLAIN);
    assert_int_equal(price.level, DSI_COMPRESSION_LEVEL_QUICK);
    told.has_level = true;
    told.level = 7;
    assert_int_equal(choose(DSI_PARQUET_DOUBLE, l, &price), DSI_PARQUET_PLAIN);
    assert_int_equal(price.level, 7);
    for (size_t i = 0; i < sizeof bytes;
         i++) { // Words of a few letters, again and again.
        bytes[i] = (uint8_t)("abcdefgh ijkl mnopqrs tuvw xyz "
                                 [(i / 4 * 7 + next_random(&random) % 6) % 31]);
    }
    assert_int_equal(choose(DSI_PARQUET_BYTE_ARRAY, c, &price), DSI_PARQUET_PLAIN);
    assert_int_equal(price.level, DSI_COMPRESSION_LEVEL_DEFAULT);
}

static void test_parquet_choose__does_what_it_is_told(void **state)
{
    struct dsi_parquet_terms t = {&common, DSI_PARQUET_ENCODE_SPLIT};
    struct dsi_parquet_price price;
    (void)state;

    fill_ascending();
    assert_int_equal(choose(DSI_PARQUET_INT64, t, &price), DSI_PARQUET_BYTE_STREAM_SPLIT);
    assert_int_equal(choose(DSI_PARQUET_BOOLEAN, t, &price), DSI_PARQUET_PLAIN);
    t.wish = DSI_PARQUET_ENCODE_DELTA;
    fill_random();
    assert_int_equal(choose(DSI_PARQUET_BYTE_ARRAY, t, &price),
                     DSI_PARQUET_DELTA_LENGTH_BYTE_ARRAY);
    t.wish = DSI_PARQUET_ENCODE_DELTA_PREFIX;
    assert_int_equal(choose(DSI_PARQUET_BYTE_ARRAY, t, &price),
                     DSI_PARQUET_DELTA_BYTE_ARRAY);
    t.wish = DSI_PARQUET_ENCODE_PLAIN;
    assert_int_equal(choose(DSI_PARQUET_INT32, t, &price), DSI_PARQUET_PLAIN);
}

static bool indexed_pays(size_t distinct, size_t added)
{
    const struct dsi_parquet_terms terms = {&common, DSI_PARQUET_ENCODE_AUTO};
    struct dsi_parquet_price other = {DSI_PARQUET_SAMPLE, DSI_PARQUET_SAMPLE * 8,
                                      DSI_PARQUET_SAMPLE * 8, DSI_PARQUET_SAMPLE * 2, 3};
    struct dsi_parquet_indexed page = {.indices = numbers,
                                       .count = COUNT,
                                       .width = 14,
                                       .added = added,
                                       .distinct = distinct,
                                       .bytes = distinct * 8};
    struct dsi_parquet_terms t = terms;
    struct dsi_parquet_tools trial = {0};
    uint64_t random = 9;
    bool yes = false;
    int level = 0;

    for (size_t i = 0; i < COUNT; i++) {
        numbers[i] = (uint32_t)(next_random(&random) % distinct);
    }
    assert_int_equal(
        dsi_parquet_choose_indexed(&trial, &t, &page, &other, &yes, &level, NULL), DS_OK);
    dsi_parquet_tools_release(&trial);
    return yes;
}

static void test_parquet_choose__keeps_a_dictionary_unless_it_grows(void **state)
{
    (void)state;

    assert_true(indexed_pays(100, 0));
    assert_true(indexed_pays(5000, 10));
    assert_false(indexed_pays(12000, 5000));
    assert_false(indexed_pays(16000, 8000));
}

static void test_parquet_choose__reports_missing_memory(void **state)
{
    const struct dsi_parquet_field f = {.physical = DSI_PARQUET_INT64};
    const struct dsi_parquet_encode_input in = {&f, 100, bytes, NULL};
    struct dsi_fault_plan plan = {0};
    (void)state;

    while (dsi_fault_next(&plan)) {
        struct dsi_parquet_terms terms = {&common, DSI_PARQUET_ENCODE_AUTO};
        struct dsi_parquet_price price;
        struct dsi_parquet_tools t = {0};
        int32_t encoding = 0;
        int rc = dsi_parquet_choose(&t, &terms, &in, &encoding, &price, NULL);
        dsi_fault_stop();
        assert_int_equal(rc, plan.name ? DS_ENOMEM : DS_OK);
        dsi_parquet_tools_release(&t);
    }
    assert_true(plan.target > 2);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_parquet_choose__takes_what_is_smaller_and_allowed),
        cmocka_unit_test(test_parquet_choose__takes_the_quick_level_where_it_is_as_good),
        cmocka_unit_test(test_parquet_choose__does_what_it_is_told),
        cmocka_unit_test(test_parquet_choose__keeps_a_dictionary_unless_it_grows),
        cmocka_unit_test(test_parquet_choose__reports_missing_memory),
    };
    return cmocka_run_group_tests_name("parquet_choose", tests, NULL, NULL);
}
