#include "codec/parquet/parquet_dict.h"

#include "base/fault.h"
#include "harness.h"

#include <stdlib.h>
#include <string.h>

enum { COUNT_MAX = 20000 };

static uint32_t indices[COUNT_MAX];

// Words with the slack behind them.
static struct dsi_parquet_dict_values words_of(const char *text, uint32_t *lengths,
                                               size_t count)
{
    return (struct dsi_parquet_dict_values){(const uint8_t *)text, lengths, count};
}

static void test_parquet_dict__numbers_values_as_they_come(void **state)
{
    static const uint8_t page[] = {1, 0, 0, 0, 'b', 0, 0, 0, 0, 2, 0, 0, 0, 'a', 'a'};
    static const uint32_t expected[] = {0, 1, 2, 0, 2};
    uint32_t lengths[] = {1, 0, 2, 1, 2};
    const struct dsi_parquet_dict_values v = words_of("baabaa........", lengths, 5);
    struct dsi_parquet_dict d = {0};
    (void)state;

    assert_int_equal(dsi_parquet_dict_index(&d, &v, 100, indices, NULL), DS_ROW);
    assert_memory_equal(indices, expected, sizeof expected);
    assert_int_equal(d.count, 3);
    assert_int_equal(d.plain.size, sizeof page);
    assert_memory_equal(d.plain.data, page, sizeof page);
    assert_int_equal(dsi_parquet_dict_value(&d, 2).size, 2);
    assert_memory_equal(dsi_parquet_dict_value(&d, 2).data, "aa", 2);
    dsi_parquet_dict_release(&d);
}

static void test_parquet_dict__tells_which_values_a_page_has(void **state)
{
    static const int32_t first[] = {7, 8, 9, 7};
    static const int32_t second[] = {9, 3, 9, 8};
    static const uint32_t expected[] = {2, 3, 1};
    const struct dsi_parquet_dict_values a = {(const uint8_t *)first, NULL, 4};
    const struct dsi_parquet_dict_values b = {(const uint8_t *)second, NULL, 4};
    struct dsi_parquet_dict d = {.width = 4};
    (void)state;

    assert_int_equal(dsi_parquet_dict_index(&d, &a, 100, indices, NULL), DS_ROW);
    assert_int_equal(d.used.size, 3 * sizeof(uint32_t));
    assert_int_equal(dsi_parquet_dict_index(&d, &b, 100, indices, NULL), DS_ROW);
    assert_int_equal(d.used.size, sizeof expected);
    assert_memory_equal(d.used.data, expected, sizeof expected);
    dsi_parquet_dict_release(&d);
}

static void test_parquet_dict__stops_at_its_limit(void **state)
{
    uint32_t lengths[] = {3, 1};
    const struct dsi_parquet_dict_values fits = words_of("abc........", lengths, 1);
    const struct dsi_parquet_dict_values more = words_of("abcx........", lengths, 2);
    const struct dsi_parquet_dict_values x = words_of("x........", lengths + 1, 1);
    struct dsi_parquet_dict d = {0};
    (void)state;

    assert_int_equal(dsi_parquet_dict_index(&d, &fits, 8, indices, NULL), DS_ROW);
    assert_int_equal(dsi_parquet_dict_index(&d, &fits, 8, indices, NULL), DS_ROW);
    assert_int_equal(dsi_parquet_dict_index(&d, &more, 8, indices, NULL), DS_OK);
    assert_int_equal(d.count, 1);
    dsi_parquet_dict_reset(&d);
    assert_int_equal(dsi_parquet_dict_index(&d, &x, 8, indices, NULL), DS_ROW);
    assert_int_equal(indices[0], 0);
    dsi_parquet_dict_release(&d);
}

static void test_parquet_dict__can_be_cut_back_to_an_earlier_page(void **state)
{
    uint32_t lengths[] = {3, 1, 2};
    const struct dsi_parquet_dict_values v = words_of("abcxyz........", lengths, 3);
    struct dsi_parquet_dict d = {0};
    (void)state;

    assert_int_equal(dsi_parquet_dict_index(&d, &v, 100, indices, NULL), DS_ROW);
    dsi_parquet_dict_cut(&d, 2);
    assert_int_equal(d.count, 2);
    assert_int_equal(d.plain.size, 4 + 3 + 4 + 1);
    dsi_parquet_dict_cut(&d, 0);
    assert_int_equal(d.plain.size, 0);
    dsi_parquet_dict_release(&d);
}

// Values of one width, or (0) of many lengths, a third of them again, or most of them the
// one before: against a search.
static void compare_with_search(size_t width, bool runs)
{
    enum { COUNT = 1500, SIZE_MAX_ = 24 };
    static uint8_t bytes[COUNT * SIZE_MAX_ + DSI_PARQUET_DICT_SLACK];
    static uint32_t lengths[COUNT];
    struct dsi_parquet_dict d = {.width = width};
    struct dsi_parquet_dict_values v = {bytes, width > 0 ? NULL : lengths, COUNT};
    uint64_t random = 88172645463325252u + width;
    size_t at = 0;

    for (size_t i = 0; i < COUNT; i++) {
        random = random * 6364136223846793005u + 1442695040888963407u;
        lengths[i] = (uint32_t)(width > 0          ? width
                                : random >> 40 & 1 ? 8
                                                   : random >> 33 & 7);
        lengths[i] += width == 0 && random >> 50 & 1 ? 16 : 0;
        if (runs && i > 0 && random >> 56 > 1) {
            lengths[i] = lengths[i - 1];
            memcpy(bytes + at, bytes + at - lengths[i], lengths[i]);
        } else {
            for (size_t b = 0; b < lengths[i]; b++) {
                bytes[at + b] = (uint8_t)(b % 7 == 2 ? random >> 59 : 'a');
            }
        }
        at += lengths[i];
    }
    assert_int_equal(dsi_parquet_dict_index(&d, &v, 1 << 20, indices, NULL), DS_ROW);
    at = 0;
    for (size_t i = 0; i < COUNT; i++) {
        struct ds_slice s = dsi_parquet_dict_value(&d, indices[i]);
        assert_int_equal(s.size, lengths[i]);
        if (s.size > 0) {
            assert_memory_equal(s.data, bytes + at, s.size);
        }
        at += lengths[i];
    }
    for (uint32_t i = 0; i < d.count; i++) { // No value is there twice.
        struct ds_slice a = dsi_parquet_dict_value(&d, i);
        for (uint32_t k = i + 1; k < d.count; k++) {
            struct ds_slice b = dsi_parquet_dict_value(&d, k);
            assert_true(a.size != b.size || memcmp(a.data, b.data, a.size) != 0);
        }
    }
    dsi_parquet_dict_release(&d);
}

static void test_parquet_dict__finds_what_a_search_finds(void **state)
{
    static const size_t widths[] = {0, 1, 3, 4, 5, 7, 8, 9, 12, 16, 17};
    (void)state;

    for (size_t i = 0; i < sizeof widths / sizeof widths[0]; i++) {
        compare_with_search(widths[i], false);
        compare_with_search(widths[i], true);
    }
}

// The same bytes all along, but cut into other values from some point on.
static void test_parquet_dict__tells_runs_by_their_lengths(void **state)
{
    enum { SAME = 200, COUNT = 300 };
    char text[2 * COUNT + DSI_PARQUET_DICT_SLACK];
    uint32_t lengths[COUNT];
    struct dsi_parquet_dict d = {0};
    (void)state;

    memset(text, 'a', sizeof text);
    for (uint32_t i = 0; i < COUNT; i++) {
        lengths[i] = i < SAME ? 2 : i % 2 == 0 ? 1 : 3;
    }
    const struct dsi_parquet_dict_values v = words_of(text, lengths, COUNT);
    assert_int_equal(dsi_parquet_dict_index(&d, &v, 100, indices, NULL), DS_ROW);
    for (uint32_t i = 0; i < COUNT; i++) {
        assert_int_equal(indices[i], i < SAME ? 0 : 1 + i % 2);
    }
    assert_int_equal(d.count, 3);
    dsi_parquet_dict_release(&d);
}

static void test_parquet_dict__grows_and_keeps_its_numbers(void **state)
{
    static uint64_t values[10000];
    const struct dsi_parquet_dict_values v = {(const uint8_t *)values, NULL, 10000};
    struct dsi_parquet_dict d = {.width = 8};
    (void)state;

    for (uint64_t i = 0; i < 10000; i++) {
        values[i] = i * 0x9e3779b97f4a7c15u;
    }
    for (int round = 0; round < 2; round++) {
        assert_int_equal(dsi_parquet_dict_index(&d, &v, 1 << 20, indices, NULL), DS_ROW);
        for (uint32_t i = 0; i < 10000; i++) {
            assert_int_equal(indices[i], i);
        }
    }
    assert_int_equal(d.count, 10000);
    dsi_parquet_dict_release(&d);
}

// The first page says how many slots there are to begin with.
static void test_parquet_dict__grows_from_a_page_of_any_size(void **state)
{
    static uint64_t values[600];
    (void)state;

    for (uint64_t i = 0; i < 600; i++) {
        values[i] = i * i * 7919;
    }
    for (size_t first = 1; first <= 300; first++) {
        const struct dsi_parquet_dict_values few = {(const uint8_t *)values, NULL, first};
        const struct dsi_parquet_dict_values all = {(const uint8_t *)values, NULL, 599};
        struct dsi_parquet_dict d = {.width = 8};
        assert_int_equal(dsi_parquet_dict_index(&d, &few, 1 << 20, indices, NULL),
                         DS_ROW);
        assert_int_equal(d.count, first);
        assert_true(d.slot_count >= 2 * first && d.slot_count <= 16 + 4 * first);
        assert_int_equal(dsi_parquet_dict_index(&d, &all, 1 << 20, indices, NULL),
                         DS_ROW);
        for (uint32_t i = 0; i < 599; i++) {
            assert_int_equal(indices[i], i);
        }
        dsi_parquet_dict_release(&d);
    }
}

static void test_parquet_dict__gives_up_where_all_values_collide(void **state)
{
    static uint64_t values[COUNT_MAX];
    const struct dsi_parquet_dict_values v = {(const uint8_t *)values, NULL, COUNT_MAX};
    struct dsi_parquet_dict d = {.width = 8};
    uint64_t inverse = 0x9e3779b97f4a7c15u; // Of the multiplier, modulo 2^64.
    (void)state;

    for (int i = 0; i < 5; i++) {
        inverse *= 2 - 0x9e3779b97f4a7c15u * inverse;
    }
    for (uint64_t i = 0; i < COUNT_MAX; i++) { // All belong in the first slot.
        values[i] = i * inverse;
    }
    assert_int_equal(dsi_parquet_dict_index(&d, &v, 1 << 20, indices, NULL), DS_OK);
    assert_true(d.count < 1000);
    dsi_parquet_dict_release(&d);
}

static void test_parquet_dict__reports_missing_memory(void **state)
{
    uint32_t lengths[] = {3, 1, 2};
    const struct dsi_parquet_dict_values v = words_of("abcxyz........", lengths, 3);
    struct dsi_fault_plan plan = {0};
    (void)state;

    while (dsi_fault_next(&plan)) {
        struct dsi_parquet_dict d = {0};
        int rc = dsi_parquet_dict_index(&d, &v, 100, indices, NULL);
        dsi_fault_stop();
        assert_int_equal(rc, plan.name ? DS_ENOMEM : DS_ROW);
        dsi_parquet_dict_release(&d);
    }
    assert_true(plan.target > 3);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_parquet_dict__numbers_values_as_they_come),
        cmocka_unit_test(test_parquet_dict__tells_which_values_a_page_has),
        cmocka_unit_test(test_parquet_dict__stops_at_its_limit),
        cmocka_unit_test(test_parquet_dict__can_be_cut_back_to_an_earlier_page),
        cmocka_unit_test(test_parquet_dict__finds_what_a_search_finds),
        cmocka_unit_test(test_parquet_dict__tells_runs_by_their_lengths),
        cmocka_unit_test(test_parquet_dict__grows_and_keeps_its_numbers),
        cmocka_unit_test(test_parquet_dict__grows_from_a_page_of_any_size),
        cmocka_unit_test(test_parquet_dict__gives_up_where_all_values_collide),
        cmocka_unit_test(test_parquet_dict__reports_missing_memory),
    };
    return cmocka_run_group_tests_name("parquet_dict", tests, NULL, NULL);
}
