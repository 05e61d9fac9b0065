#include "codec/parquet/parquet_chunk_write.h"

#include "harness.h"

#include <string.h>

static void test_parquet_chunk_write__counts_slots_without_a_value_as_null(void **state)
{
    static const int32_t values[] = {7, -2, 7};
    const struct dsi_parquet_write_options options = {
        .page_bytes = 100, .page_rows = 9, .dictionary_bytes = 99, .bound_bytes = 64};
    const struct dsi_parquet_node root = {.field.name = "root"};
    const struct dsi_parquet_node leaf = {
        .field = {.name = "x", .physical = DSI_PARQUET_INT32},
        .parent = &root,
        .max_def = 2,
        .max_rep = 1,
        .element_def = 2};
    const struct dsi_parquet_input in = {.values = values};
    const struct dsi_parquet_run run = {0, 3};
    struct dsi_parquet_levels reps;
    struct dsi_parquet_levels defs;
    struct dsi_parquet_values_writer v;
    struct dsi_parquet_tools tools = {0};
    struct dsi_parquet_chunk_writer k;
    struct dsi_parquet_written out = {0};
    struct dsi_arena arena = DSI_ARENA_INIT;
    struct dsi_buf head = DSI_BUF_INIT;
    struct dsi_parquet_page page = {0};
    struct ds_slice pages;
    size_t size = 0;
    (void)state;

    dsi_parquet_levels_init(&reps, 1);
    dsi_parquet_levels_init(&defs, 2);
    dsi_parquet_values_writer_init(&v, &leaf, &options);
    dsi_parquet_chunk_writer_init(&k, &leaf, &options, &tools);
    for (int chunk = 0; chunk < 2; chunk++) { // The second begins with nothing.
        for (int i = 0; i < 2; i++) {
            const struct dsi_parquet_page_parts parts = {&reps, &defs, &v, 2, 4, i == 1};
            assert_int_equal(
                dsi_parquet_levels_append(&reps, (const uint8_t *)"\0\1\1\0", 4, NULL),
                DS_OK);
            assert_int_equal(
                dsi_parquet_levels_append(&defs, (const uint8_t *)"\2\2\2\1", 4, NULL),
                DS_OK);
            assert_int_equal(dsi_parquet_values_append(&v, &in, &run, 1, &size, NULL),
                             DS_OK);
            assert_int_equal(dsi_parquet_chunk_page(&k, &parts, NULL), DS_OK);
        }
        assert_int_equal(dsi_parquet_press_drain(&tools.press, &tools.compressor, NULL),
                         DS_OK);
        assert_int_equal(
            dsi_parquet_chunk_end(&k, &v.dict, 1000, &arena, &head, &out, NULL), DS_OK);
        assert_int_equal(out.value_count, 8);
        assert_int_equal(out.statistics.null_count, 2);
        assert_int_equal((int32_t)out.statistics.min.data[0], 0xfe);
        assert_int_equal(out.statistics.max.data[0], 7);
        assert_int_equal(out.offset, 1000);
        assert_int_equal(out.data_offset, 1000 + head.size);
        assert_int_equal(out.size, head.size + k.pages.size);
        pages = (struct ds_slice){k.pages.first->bytes, k.pages.first->size};
        assert_int_equal(dsi_parquet_page_read(pages, &page, &size, NULL), DS_OK);
        assert_int_equal(page.value_count, 4);
        assert_int_equal(page.rep_encoding, DSI_PARQUET_RLE);
        assert_int_equal(out.byte_count, -1);
        assert_int_equal(out.rep_histogram[0], 4);
        assert_int_equal(out.rep_histogram[1], 4);
        assert_int_equal(out.def_histogram[0], 0);
        assert_int_equal(out.def_histogram[1], 2);
        assert_int_equal(out.def_histogram[2], 6);
        dsi_parquet_values_next(&v);
        dsi_parquet_chunk_next(&k);
        head.size = 0;
    }
    dsi_parquet_levels_release(&reps);
    dsi_parquet_levels_release(&defs);
    dsi_parquet_values_writer_release(&v);
    dsi_parquet_chunk_writer_release(&k);
    dsi_parquet_tools_release(&tools);
    dsi_arena_release(&arena);
    dsi_buf_release(&head);
}

// The codec of a chunk that has so many pages of so many values.
static enum dsi_compression codec_of(enum dsi_compression wanted, int pages, int values)
{
    static const uint8_t defs[64] = {0};
    int64_t numbers[64];
    const struct dsi_parquet_node plain = {
        .field = {.name = "x", .physical = DSI_PARQUET_INT64}};
    const struct dsi_parquet_write_options o = {
        .codec = wanted, .page_rows = 1000, .page_bytes = 1 << 20};
    const struct dsi_parquet_input in = {.values = numbers, .defs = defs};
    const struct dsi_parquet_run run = {0, (size_t)values};
    struct dsi_parquet_levels none;
    struct dsi_parquet_values_writer v;
    struct dsi_parquet_tools tools = {0};
    struct dsi_parquet_chunk_writer k;
    struct dsi_parquet_written out = {0};
    struct dsi_arena arena = DSI_ARENA_INIT;
    struct dsi_buf head = DSI_BUF_INIT;
    size_t size = 0;

    for (int64_t i = 0; i < 64; i++) { // Nothing but plain encoding suits them.
        numbers[i] = (int64_t)((uint64_t)(i * i * i + 1) * 0x9e3779b97f4a7c15U);
    }
    dsi_parquet_levels_init(&none, 0);
    dsi_parquet_values_writer_init(&v, &plain, &o);
    dsi_parquet_chunk_writer_init(&k, &plain, &o, &tools);
    for (int i = 0; i < pages; i++) {
        const struct dsi_parquet_page_parts parts = {
            &none, &none, &v, (size_t)values, (size_t)values, i == pages - 1};
        assert_int_equal(dsi_parquet_values_append(&v, &in, &run, 1, &size, NULL), DS_OK);
        assert_int_equal(dsi_parquet_chunk_page(&k, &parts, NULL), DS_OK);
    }
    assert_int_equal(dsi_parquet_press_drain(&tools.press, &tools.compressor, NULL),
                     DS_OK);
    assert_int_equal(dsi_parquet_chunk_end(&k, &v.dict, 0, &arena, &head, &out, NULL),
                     DS_OK);
    dsi_parquet_chunk_next(&k);
    assert_int_equal(k.codec, wanted);
    dsi_parquet_levels_release(&none);
    dsi_parquet_values_writer_release(&v);
    dsi_parquet_chunk_writer_release(&k);
    dsi_parquet_tools_release(&tools);
    dsi_arena_release(&arena);
    dsi_buf_release(&head);
    return out.codec;
}

static void test_parquet_chunk_write__does_not_compress_what_is_small(void **state)
{
    (void)state;
    assert_int_equal(codec_of(DSI_COMPRESSION_ZSTD, 1, 1), DSI_COMPRESSION_NONE);
    assert_int_equal(codec_of(DSI_COMPRESSION_GZIP, 1, 5), DSI_COMPRESSION_NONE);
    assert_int_equal(codec_of(DSI_COMPRESSION_ZSTD, 1, 60), DSI_COMPRESSION_ZSTD);
    // A chunk has one codec, and what is to come was not known.
    assert_int_equal(codec_of(DSI_COMPRESSION_ZSTD, 2, 1), DSI_COMPRESSION_ZSTD);
    assert_int_equal(codec_of(DSI_COMPRESSION_NONE, 1, 60), DSI_COMPRESSION_NONE);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_parquet_chunk_write__counts_slots_without_a_value_as_null),
        cmocka_unit_test(test_parquet_chunk_write__does_not_compress_what_is_small),
    };
    return cmocka_run_group_tests_name("parquet_chunk_write", tests, NULL, NULL);
}
