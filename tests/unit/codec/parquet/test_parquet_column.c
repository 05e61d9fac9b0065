#include "codec/parquet/parquet_column.h"

#include "harness.h"
#include "unit/codec/parquet/parquet_sample.h"

#include <string.h>

// Writes int64 values as one chunk and says how its pages came out.
static struct dsi_parquet_written write_chunk(const struct dsi_parquet_write_options *o,
                                              const int64_t *values, size_t count)
{
    const struct dsi_parquet_node root = {.field.name = "root"};
    const struct dsi_parquet_node leaf = {
        .field = {.name = "x", .physical = DSI_PARQUET_INT64}, .parent = &root};
    const struct dsi_parquet_input in = {.values = values};
    struct dsi_parquet_tools tools = {0};
    struct dsi_parquet_column_writer c;
    struct dsi_arena arena = DSI_ARENA_INIT;
    struct dsi_buf head = DSI_BUF_INIT;
    struct dsi_parquet_written out = {0};
    struct dsi_parquet_part part = {.in = &in};

    dsi_parquet_column_writer_init(&c, &leaf, o, &tools);
    assert_int_equal(dsi_parquet_column_append(&c, &part, count, NULL), DS_OK);
    assert_int_equal(dsi_parquet_column_end(&c, 4, &arena, &head, &out, NULL), DS_OK);
    dsi_parquet_column_writer_release(&c);
    dsi_parquet_tools_release(&tools);
    dsi_buf_release(&head);
    dsi_arena_release(&arena);
    out.statistics = (struct dsi_parquet_statistics){0}; // They were in the arena.
    return out;
}

static int32_t indexed(const struct dsi_parquet_written *c)
{
    return c->pages[DSI_PARQUET_RLE_DICTIONARY];
}

static int32_t plain(const struct dsi_parquet_written *c)
{
    return c->pages[DSI_PARQUET_PLAIN];
}

static void test_parquet_column__uses_a_dictionary_while_it_pays(void **state)
{
    enum { COUNT = 5000 };
    static int64_t values[COUNT];
    const struct dsi_parquet_write_options o = {.page_bytes = 1 << 20,
                                                .page_rows = 1000,
                                                .dictionary_bytes = 8000,
                                                .bound_bytes = 64,
                                                .choice = DSI_PARQUET_CHOICE_PLAIN};
    (void)state;

    for (int64_t i = 0; i < COUNT; i++) {
        values[i] = i % 100;
    }
    struct dsi_parquet_written few = write_chunk(&o, values, COUNT);
    assert_true(few.has_dictionary && indexed(&few) == 5 && plain(&few) == 0);
    for (int64_t i = 0; i < COUNT; i++) {
        values[i] = i;
    }
    struct dsi_parquet_written unique = write_chunk(&o, values, COUNT);
    assert_true(!unique.has_dictionary && plain(&unique) == 5);
    for (int64_t i = 0; i < 2500; i++) {
        values[i] = i % 100;
    }
    struct dsi_parquet_written mixed = write_chunk(&o, values, COUNT);
    assert_true(mixed.has_dictionary && indexed(&mixed) == 3);
    assert_int_equal(plain(&mixed), 2);
    assert_int_equal(mixed.value_count, COUNT);
    assert_true(few.size < mixed.size && mixed.size < unique.size);
}

static void test_parquet_column__keeps_levels_of_structs(void **state)
{
    static const int32_t values[] = {1, 2, 3, 4, 5};
    static const uint8_t levels[] = {2, 1, 0, 2, 1};
    const struct dsi_parquet_field fields[] = {
        {.name = "g", .child_count = 1, .repetition = DSI_PARQUET_OPTIONAL},
        {.name = "x", .physical = DSI_PARQUET_INT32, .repetition = DSI_PARQUET_OPTIONAL}};
    const struct dsi_parquet_input in = {.values = values, .defs = levels};
    const struct dsi_parquet_read_options o = {.keep_levels = true};
    struct dsi_parquet_column c = DSI_PARQUET_COLUMN_INIT;
    struct dsi_buf file = DSI_BUF_INIT;
    dsi_parquet_writer *w = NULL;
    dsi_parquet_reader *r = NULL;
    struct dsi_parquet_file f;
    size_t rows = 0;
    (void)state;

    assert_int_equal(dsi_parquet_writer_new(fields, 2, NULL, &w, NULL), DS_OK);
    dsi_parquet_writer_output(w, sample_sink, &file);
    assert_int_equal(dsi_parquet_writer_write(w, &in, 5, NULL), DS_OK);
    assert_int_equal(dsi_parquet_writer_finish(w, NULL, NULL), DS_OK);
    dsi_parquet_writer_free(w);
    assert_int_equal(sample_parse(dsi_buf_slice(&file), &f, NULL), DS_OK);
    const struct dsi_parquet_chunk *k = &f.row_groups[0].columns[0];
    struct ds_slice bytes = {file.data + k->offset, (size_t)k->size};
    assert_int_equal(dsi_parquet_reader_new(f.leaves[0], k, bytes, &o, &r, NULL), DS_OK);
    assert_int_equal(dsi_parquet_reader_read(r, 9, &c, &rows, NULL), DS_OK);
    assert_int_equal(rows, 5);
    assert_int_equal(c.null_count, 3);
    assert_int_equal(c.validity.data[0], 0x09);
    assert_int_equal(c.defs.size, 5);
    assert_memory_equal(c.defs.data, levels, 5);
    assert_int_equal(k->statistics.null_count, 3);
    dsi_parquet_reader_free(r);
    dsi_parquet_column_release(&c);
    dsi_parquet_file_release(&f);
    dsi_buf_release(&file);
}

static void test_parquet_column__refuses_offsets_that_descend(void **state)
{
    static const int64_t offsets[] = {0, 4, 3};
    const struct dsi_parquet_field f = {.name = "x", .physical = DSI_PARQUET_BYTE_ARRAY};
    const struct dsi_parquet_input in = {
        .offsets = offsets, .wide_offsets = true, .bytes = (const uint8_t *)"abcd"};
    struct dsi_buf file = DSI_BUF_INIT;
    struct ds_error err = {0};
    dsi_parquet_writer *w = NULL;
    (void)state;

    assert_int_equal(dsi_parquet_writer_new(&f, 1, NULL, &w, NULL), DS_OK);
    dsi_parquet_writer_output(w, sample_sink, &file);
    assert_int_equal(dsi_parquet_writer_write(w, &in, 2, &err), DS_EINVALID);
    assert_string_equal(err.message, "column x, row 1: offsets 4 and 3");
    dsi_parquet_writer_free(w);
    dsi_buf_release(&file);
}

static void test_parquet_column__ends_pages_of_lists_of_nulls(void **state)
{
    enum { ENTRIES = 1 << 20, ROWS = 9 };
    const struct dsi_parquet_field fields[] = {
        {.name = "l", .child_count = 1, .repetition = DSI_PARQUET_REPEATED},
        {.name = "x", .physical = DSI_PARQUET_INT32, .repetition = DSI_PARQUET_OPTIONAL}};
    static const int32_t values[ENTRIES];
    struct dsi_parquet_input in = {.values = values, .slots = ENTRIES};
    struct dsi_buf file = DSI_BUF_INIT;
    struct dsi_buf reps = DSI_BUF_INIT;
    struct dsi_buf defs = DSI_BUF_INIT;
    dsi_parquet_writer *w = NULL;
    struct dsi_parquet_file f;
    (void)state;

    assert_int_equal(dsi_buf_append_zero(&reps, ENTRIES, NULL), DS_OK);
    assert_int_equal(dsi_buf_append_zero(&defs, ENTRIES, NULL), DS_OK);
    memset(reps.data + 1, 1, ENTRIES - 1);
    memset(defs.data, 1, ENTRIES);
    in.reps = reps.data;
    in.defs = defs.data;
    assert_int_equal(dsi_parquet_writer_new(fields, 2, NULL, &w, NULL), DS_OK);
    dsi_parquet_writer_output(w, sample_sink, &file);
    for (int i = 0; i < ROWS; i++) {
        assert_int_equal(dsi_parquet_writer_write(w, &in, 1, NULL), DS_OK);
    }
    assert_int_equal(dsi_parquet_writer_finish(w, NULL, NULL), DS_OK);
    dsi_parquet_writer_free(w);
    assert_true(file.size < 1000); // Three pages, each of a run or two.
    assert_int_equal(sample_parse(dsi_buf_slice(&file), &f, NULL), DS_OK);
    const struct dsi_parquet_chunk *k = &f.row_groups[0].columns[0];
    struct dsi_parquet_page_index index;
    struct dsi_arena arena = DSI_ARENA_INIT;
    assert_int_equal(
        dsi_parquet_page_index_parse(f.leaves[0], k,
                                     (struct ds_slice){file.data + k->offset_index_offset,
                                                       (size_t)k->offset_index_size},
                                     (struct ds_slice){NULL, 0}, &arena, &index, NULL),
        DS_OK);
    assert_int_equal(index.page_count, 3);
    assert_int_equal(index.places[1].first_row, 4);
    assert_int_equal(index.places[2].first_row, 8);
    dsi_arena_release(&arena);
    dsi_parquet_file_release(&f);
    dsi_buf_release(&file);
    dsi_buf_release(&reps);
    dsi_buf_release(&defs);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_parquet_column__uses_a_dictionary_while_it_pays),
        cmocka_unit_test(test_parquet_column__keeps_levels_of_structs),
        cmocka_unit_test(test_parquet_column__refuses_offsets_that_descend),
        cmocka_unit_test(test_parquet_column__ends_pages_of_lists_of_nulls),
    };
    return cmocka_run_group_tests_name("parquet_column", tests, NULL, NULL);
}
