#include "codec/parquet/parquet_dict.h"

#include "harness.h"

#include <string.h>

static struct ds_slice text(const char *s)
{
    return (struct ds_slice){(const uint8_t *)s, strlen(s)};
}

static void test_parquet_dict__numbers_values_as_they_come(void **state)
{
    static const uint8_t page[] = {1, 0, 0, 0, 'b', 0, 0, 0, 0, 2, 0, 0, 0, 'a', 'a'};
    struct dsi_parquet_dict d = {0};
    uint32_t index = 9;
    (void)state;

    assert_int_equal(dsi_parquet_dict_index(&d, text("b"), 100, &index, NULL), DS_ROW);
    assert_int_equal(index, 0);
    assert_int_equal(dsi_parquet_dict_index(&d, text(""), 100, &index, NULL), DS_ROW);
    assert_int_equal(index, 1);
    assert_int_equal(dsi_parquet_dict_index(&d, text("aa"), 100, &index, NULL), DS_ROW);
    assert_int_equal(index, 2);
    assert_int_equal(dsi_parquet_dict_index(&d, text("b"), 100, &index, NULL), DS_ROW);
    assert_int_equal(index, 0);
    assert_int_equal(d.count, 3);
    assert_int_equal(d.plain.size, sizeof page);
    assert_memory_equal(d.plain.data, page, sizeof page);
    assert_int_equal(dsi_parquet_dict_plain(&d, 2).size, 6);
    dsi_parquet_dict_release(&d);
}

static void test_parquet_dict__stops_at_its_limit_but_still_finds(void **state)
{
    struct dsi_parquet_dict d = {0};
    uint32_t index = 0;
    (void)state;

    assert_int_equal(dsi_parquet_dict_index(&d, text("abc"), 8, &index, NULL), DS_ROW);
    assert_int_equal(dsi_parquet_dict_index(&d, text("x"), 8, &index, NULL), DS_OK);
    assert_int_equal(dsi_parquet_dict_index(&d, text("abc"), 8, &index, NULL), DS_ROW);
    assert_int_equal(d.count, 1);
    dsi_parquet_dict_reset(&d);
    assert_int_equal(dsi_parquet_dict_index(&d, text("x"), 8, &index, NULL), DS_ROW);
    assert_int_equal(index, 0);
    dsi_parquet_dict_release(&d);
}

static void test_parquet_dict__grows_and_keeps_its_numbers(void **state)
{
    struct dsi_parquet_dict d = {.width = 8};
    (void)state;
    for (int round = 0; round < 2; round++) {
        for (uint64_t i = 0; i < 10000; i++) {
            uint64_t v = i * 0x9e3779b97f4a7c15u;
            uint32_t index = 0;
            struct ds_slice s = {(const uint8_t *)&v, sizeof v};
            assert_int_equal(dsi_parquet_dict_index(&d, s, 1 << 20, &index, NULL),
                             DS_ROW);
            assert_int_equal(index, i);
        }
    }
    assert_int_equal(d.count, 10000);
    dsi_parquet_dict_release(&d);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_parquet_dict__numbers_values_as_they_come),
        cmocka_unit_test(test_parquet_dict__stops_at_its_limit_but_still_finds),
        cmocka_unit_test(test_parquet_dict__grows_and_keeps_its_numbers),
    };
    return cmocka_run_group_tests_name("parquet_dict", tests, NULL, NULL);
}
