#include "codec/parquet/parquet_levels.h"

#include "unit/codec/parquet/parquet_slots.h"

static struct slots s;

static void test_parquet_levels__reads_both_encodings(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 200; seed++) {
        struct dsi_buf body = DSI_BUF_INIT;
        struct dsi_parquet_level_reader l;
        uint8_t levels[SLOTS_MAX] = {0};
        s.random = seed * 0x9e3779b97f4a7c15u;
        int32_t max = 1 + (int32_t)(slots_random(&s) % 64);
        bool packed = seed % 2;
        size_t count = 1 + slots_random(&s) % 2000;
        for (size_t i = 0; i < count; i++) {
            bool run = i > 0 && slots_random(&s) % 20 != 0;
            s.defs[i] =
                run ? s.defs[i - 1] : (uint32_t)(slots_random(&s) % ((uint64_t)max + 1));
        }
        slots_levels(s.defs, count, max, packed ? SLOTS_V1_BIT_PACKED : SLOTS_V1, &body);
        slots_put(&body, "values", 6);
        struct ds_slice in = dsi_buf_slice(&body);
        assert_int_equal(dsi_parquet_level_reader_take(
                             &l, packed ? DSI_PARQUET_BIT_PACKED : DSI_PARQUET_RLE, max,
                             count, &in, NULL),
                         DS_OK);
        assert_int_equal(in.size, 6);
        assert_memory_equal(in.data, "values", 6);
        for (size_t at = 0; at < count;) {
            size_t n = 1 + slots_random(&s) % 300;
            n = n < count - at ? n : count - at;
            assert_int_equal(dsi_parquet_level_reader_read(&l, levels, n, NULL), DS_OK);
            for (size_t i = 0; i < n; i++) {
                assert_int_equal(levels[i], s.defs[at + i]);
            }
            at += n;
        }
        dsi_buf_release(&body);
    }
}

static void test_parquet_levels__takes_nothing_where_there_are_none(void **state)
{
    struct ds_slice in = {(const uint8_t *)"x", 1};
    struct dsi_parquet_level_reader l;
    uint8_t levels[3] = {9, 9, 9};
    (void)state;

    assert_int_equal(dsi_parquet_level_reader_take(&l, 77, 0, 3, &in, NULL), DS_OK);
    assert_int_equal(in.size, 1);
    assert_int_equal(dsi_parquet_level_reader_read(&l, levels, 3, NULL), DS_OK);
    assert_int_equal(levels[2], 0);
}

static void takes(int32_t encoding, size_t count, const char *body, size_t size, int want,
                  const char *says)
{
    struct ds_slice in = {(const uint8_t *)body, size};
    struct dsi_parquet_level_reader l;
    struct ds_error err = {0};
    uint8_t levels[64];

    int rc = dsi_parquet_level_reader_take(&l, encoding, 2, count, &in, &err);
    if (rc == DS_OK) {
        rc = dsi_parquet_level_reader_read(&l, levels, count, &err);
    }
    assert_int_equal(rc, want);
    assert_non_null(strstr(err.message, says));
}

static void test_parquet_levels__refuses_what_is_short_or_too_high(void **state)
{
    (void)state;
    takes(DSI_PARQUET_RLE, 8, "\x00\x00\x00", 3, DS_ECORRUPT, "ends in its levels");
    takes(DSI_PARQUET_RLE, 8, "\x03\x00\x00\x00\x10\x01", 6, DS_ECORRUPT, "ends in its");
    takes(DSI_PARQUET_RLE, 9, "\x02\x00\x00\x00\x10\x01", 6, DS_ECORRUPT, "fewer levels");
    takes(DSI_PARQUET_RLE, 8, "\x02\x00\x00\x00\x10\x03", 6, DS_ECORRUPT, "level of 3");
    takes(DSI_PARQUET_BIT_PACKED, 8, "\x55", 1, DS_ECORRUPT, "ends in its levels");
    takes(DSI_PARQUET_BIT_PACKED, SIZE_MAX, "\x55", 1, DS_ECORRUPT, "ends in its levels");
    takes(DSI_PARQUET_BIT_PACKED, 8, "\x55\xc0", 2, DS_ECORRUPT, "level of 3");
    takes(DSI_PARQUET_PLAIN, 8, "\x55\xc0", 2, DS_EUNSUPPORTED, "encoding 0");
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_parquet_levels__reads_both_encodings),
        cmocka_unit_test(test_parquet_levels__takes_nothing_where_there_are_none),
        cmocka_unit_test(test_parquet_levels__refuses_what_is_short_or_too_high),
    };
    return cmocka_run_group_tests_name("parquet_levels", tests, NULL, NULL);
}
