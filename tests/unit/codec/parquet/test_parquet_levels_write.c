#include "codec/parquet/parquet_levels_write.h"

#include "codec/parquet/parquet_bytes.h"
#include "codec/parquet/parquet_rle.h"
#include "harness.h"

#include <stdlib.h>
#include <string.h>

enum { COUNT = 5000 };

static uint64_t state;

static uint32_t random_below(uint32_t n)
{
    state = state * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(state >> 33) % n;
}

// Levels in runs of any length, or none.
static void make(uint8_t *levels, uint32_t max, uint32_t run_max)
{
    for (size_t i = 0; i < COUNT;) {
        uint8_t level = (uint8_t)random_below(max + 1);
        for (uint32_t n = 1 + random_below(run_max); n > 0 && i < COUNT; n--) {
            levels[i++] = level;
        }
    }
}

// Appends them in pieces, runs as runs now and then.
static void put(struct dsi_parquet_levels *l, const uint8_t *levels, size_t piece_max)
{
    for (size_t i = 0; i < COUNT;) {
        size_t n = 1 + random_below((uint32_t)piece_max);
        n = n < COUNT - i ? n : COUNT - i;
        size_t run = 1;
        while (run < n && levels[i + run] == levels[i]) {
            run++;
        }
        if (random_below(2) == 0) {
            assert_int_equal(dsi_parquet_levels_repeat(l, levels[i], run, NULL), DS_OK);
            n = run;
        } else {
            assert_int_equal(dsi_parquet_levels_append(l, levels + i, n, NULL), DS_OK);
        }
        i += n;
    }
}

static void check_decoded(const struct dsi_buf *page, const uint8_t *levels, int width)
{
    struct dsi_parquet_rle d;
    uint32_t got[COUNT + 8];
    size_t have = 0;

    assert_int_equal(dsi_le32(page->data), page->size - 4);
    dsi_parquet_rle_init(&d, (struct ds_slice){page->data + 4, page->size - 4}, width);
    while (have < COUNT) {
        size_t n = dsi_parquet_rle_some(&d, got + have, COUNT - have);
        assert_true(n > 0);
        have += n;
    }
    for (size_t i = 0; i < COUNT; i++) {
        assert_int_equal(got[i], levels[i]);
    }
}

static void test_parquet_levels_write__come_out_the_same_however_they_are_cut(void **s)
{
    static const uint32_t runs[] = {1, 3, 9, 40, 3000};
    uint8_t levels[COUNT];
    (void)s;

    for (uint32_t seed = 0; seed < 200; seed++) {
        uint32_t max = 1 + seed % (seed % 3 == 0 ? DSI_PARQUET_DEPTH_MAX : 5);
        struct dsi_parquet_levels l;
        struct dsi_buf whole = DSI_BUF_INIT;
        struct dsi_buf cut = DSI_BUF_INIT;
        state = seed;
        make(levels, max, runs[seed % 5]);
        dsi_parquet_levels_init(&l, max);
        assert_int_equal(dsi_parquet_levels_append(&l, levels, COUNT, NULL), DS_OK);
        assert_int_equal(l.count, COUNT);
        int64_t sum = 0;
        for (uint32_t i = 0; i <= max; i++) {
            sum += l.histogram[i];
        }
        assert_int_equal(sum, COUNT);
        assert_int_equal(dsi_parquet_levels_end(&l, &whole, NULL), DS_OK);
        for (uint32_t i = 0; i <= max; i++) {
            assert_int_equal(l.histogram[i], 0);
        }
        put(&l, levels, 1 + random_below(300));
        assert_int_equal(dsi_parquet_levels_end(&l, &cut, NULL), DS_OK);
        check_decoded(&whole, levels, dsi_parquet_bit_width(max));
        assert_int_equal(cut.size, whole.size);
        assert_memory_equal(cut.data, whole.data, whole.size);
        dsi_parquet_levels_release(&l);
        dsi_buf_release(&whole);
        dsi_buf_release(&cut);
    }
}

static void test_parquet_levels_write__takes_bits_for_two_levels(void **s)
{
    uint8_t bits[COUNT / 8 + 8] = {0};
    uint8_t levels[COUNT];
    (void)s;

    for (uint32_t seed = 0; seed < 60; seed++) {
        uint32_t max = 1 + seed % 4;
        size_t first = seed % 9;
        struct dsi_parquet_levels l;
        struct dsi_buf page = DSI_BUF_INIT;
        state = seed;
        memset(bits, 0, sizeof bits);
        make(levels, 1, 1 + seed);
        for (size_t i = 0; i < COUNT; i++) {
            bits[(first + i) / 8] |= (uint8_t)(levels[i] << (first + i) % 8);
            levels[i] = (uint8_t)(levels[i] + max - 1);
        }
        dsi_parquet_levels_init(&l, max);
        for (size_t i = 0, n = 0; i < COUNT; i += n) {
            n = 1 + random_below(100);
            n = n < COUNT - i ? n : COUNT - i;
            assert_int_equal(dsi_parquet_levels_append_bits(&l, bits, first + i, n, NULL),
                             DS_OK);
        }
        int64_t set = l.histogram[max];
        assert_int_equal(l.histogram[max - 1], COUNT - set);
        assert_int_equal(dsi_parquet_levels_end(&l, &page, NULL), DS_OK);
        check_decoded(&page, levels, dsi_parquet_bit_width(max));
        dsi_parquet_levels_release(&l);
        dsi_buf_release(&page);
    }
}

static void test_parquet_levels_write__keeps_long_runs_short(void **s)
{
    struct dsi_parquet_levels l;
    struct dsi_buf page = DSI_BUF_INIT;
    (void)s;

    dsi_parquet_levels_init(&l, 3);
    for (size_t i = 0; i < 100000; i++) {
        assert_int_equal(dsi_parquet_levels_repeat(&l, 3, 7, NULL), DS_OK);
    }
    assert_int_equal(l.bytes.size, 0);
    assert_int_equal(dsi_parquet_levels_end(&l, &page, NULL), DS_OK);
    assert_int_equal(page.size, 4 + 3 + 1);
    page.size = 0;
    dsi_parquet_levels_release(&l);
    dsi_parquet_levels_init(&l, 0);
    assert_int_equal(dsi_parquet_levels_repeat(&l, 0, 7, NULL), DS_OK);
    assert_int_equal(dsi_parquet_levels_end(&l, &page, NULL), DS_OK);
    assert_int_equal(page.size, 0);
    dsi_parquet_levels_release(&l);
    dsi_buf_release(&page);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(
            test_parquet_levels_write__come_out_the_same_however_they_are_cut),
        cmocka_unit_test(test_parquet_levels_write__takes_bits_for_two_levels),
        cmocka_unit_test(test_parquet_levels_write__keeps_long_runs_short),
    };
    return cmocka_run_group_tests_name("parquet_levels_write", tests, NULL, NULL);
}
