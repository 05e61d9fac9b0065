// Random lists for tests of the Parquet codec, as levels; and a look at page indexes.
#ifndef DSI_TEST_PARQUET_NESTED_H
#define DSI_TEST_PARQUET_NESTED_H

#include "codec/parquet/parquet_index.h"
#include "codec/parquet/parquet_page.h"
#include "unit/codec/parquet/parquet_sample.h"

static inline struct ds_slice part_of(struct ds_slice file, int64_t offset, int32_t size)
{
    assert_true(offset >= 0 && size >= 0 && (size_t)offset + (size_t)size <= file.size);
    return (struct ds_slice){file.data + offset, (size_t)size};
}

// Each place of a chunk's page index has a page with that many rows.
static inline void check_pages(const struct dsi_parquet_node *leaf,
                               const struct dsi_parquet_row_group *g,
                               struct ds_slice file)
{
    const struct dsi_parquet_chunk *c = &g->columns[leaf->leaf];
    struct dsi_parquet_page_index index;
    struct dsi_arena arena = DSI_ARENA_INIT;
    int64_t values = 0;

    assert_true(c->offset_index_size > 0);
    assert_int_equal(dsi_parquet_page_index_parse(
                         leaf, c,
                         part_of(file, c->offset_index_offset, c->offset_index_size),
                         part_of(file, c->column_index_offset, c->column_index_size),
                         &arena, &index, NULL),
                     DS_OK);
    for (size_t i = 0; i < index.page_count; i++) {
        const struct dsi_parquet_page_place *place = &index.places[i];
        struct ds_slice bytes = part_of(file, place->offset, place->size);
        struct dsi_parquet_page page = {0};
        size_t head = 0;
        assert_int_equal(dsi_parquet_page_read(bytes, &page, &head, NULL), DS_OK);
        assert_int_equal(page.type, DSI_PARQUET_PAGE_DATA);
        assert_int_equal(head + (size_t)page.compressed_size, place->size);
        assert_true(leaf->max_rep > 0 || page.value_count == place->row_count);
        values += page.value_count;
    }
    assert_int_equal(values, c->value_count);
    dsi_arena_release(&arena);
}

static inline void check_page_indexes(struct ds_slice file)
{
    struct dsi_parquet_file f;

    assert_int_equal(sample_parse(file, &f, NULL), DS_OK);
    for (size_t g = 0; g < f.row_group_count; g++) {
        for (size_t i = 0; i < f.leaf_count; i++) {
            check_pages(f.leaves[i], &f.row_groups[g], file);
        }
    }
    dsi_parquet_file_release(&f);
}

// A list of optional structs of an integer and a list of text, all of them optional.
static const struct dsi_parquet_field nested_fields[] = {
    {.name = "l", .child_count = 1, .repetition = DSI_PARQUET_OPTIONAL},
    {.name = "list", .child_count = 1, .repetition = DSI_PARQUET_REPEATED},
    {.name = "element", .child_count = 2, .repetition = DSI_PARQUET_OPTIONAL},
    {.name = "n", .physical = DSI_PARQUET_INT32, .repetition = DSI_PARQUET_OPTIONAL},
    {.name = "t", .child_count = 1, .repetition = DSI_PARQUET_OPTIONAL},
    {.name = "list", .child_count = 1, .repetition = DSI_PARQUET_REPEATED},
    {.name = "element",
     .physical = DSI_PARQUET_BYTE_ARRAY,
     .repetition = DSI_PARQUET_OPTIONAL},
};

struct nested {
    struct sample random;
    size_t rows;
    struct dsi_buf defs[2];
    struct dsi_buf reps[2];
    struct dsi_buf values[2]; // Of elements: int32, or int32 offsets.
    struct dsi_buf bytes;
    size_t elements[2];
    struct dsi_buf starts[2]; // Per row: its first slot and element, size_t each.
};

static inline void nested_slot(struct nested *n, size_t leaf, uint8_t rep, uint8_t def)
{
    uint32_t v = (uint32_t)(sample_random(&n->random) % 40);
    char text[64] = {0};

    sample_put(&n->reps[leaf], &rep, 1);
    sample_put(&n->defs[leaf], &def, 1);
    if (leaf == 0 && def >= 2) {
        sample_put(&n->values[0], &v, sizeof v);
        n->elements[0]++;
    } else if (leaf == 1 && def >= 5) {
        memset(text, 'a' + (int)(v % 26), sizeof text);
        sample_put(&n->bytes, text, v);
        uint32_t end = (uint32_t)n->bytes.size;
        sample_put(&n->values[1], &end, sizeof end);
        n->elements[1]++;
    }
}

static inline void nested_row(struct nested *n, size_t entries_max)
{
    size_t entries = sample_random(&n->random) % (entries_max + 1);
    uint8_t empty = (uint8_t)(sample_random(&n->random) % 2); // Or null.

    for (size_t leaf = 0; leaf < 2; leaf++) {
        size_t start[2] = {n->reps[leaf].size, n->elements[leaf]};
        sample_put(&n->starts[leaf], start, sizeof start);
    }
    for (size_t i = 0; i < entries; i++) {
        uint8_t rep = i > 0;
        uint8_t def = (uint8_t)(2 + sample_random(&n->random) % 3);
        size_t texts = sample_random(&n->random) % 4;
        nested_slot(n, 0, rep, def);
        // A null struct, a null list, an empty one; or texts, perhaps null.
        if (def == 2 || texts == 0) {
            nested_slot(n, 1, rep, def);
        }
        for (size_t k = 0; def > 2 && k < texts; k++) {
            nested_slot(n, 1, k > 0 ? 2 : rep,
                        (uint8_t)(5 + sample_random(&n->random) % 2));
        }
    }
    for (size_t leaf = 0; entries == 0 && leaf < 2; leaf++) {
        nested_slot(n, leaf, 0, empty);
    }
}

static inline void nested_init(struct nested *n, uint64_t seed, size_t rows,
                               size_t entries_max)
{
    uint32_t zero = 0;

    memset(n, 0, sizeof *n);
    n->random.random = seed * 0x9e3779b97f4a7c15u + 1;
    n->rows = rows;
    sample_put(&n->values[1], &zero, sizeof zero);
    for (size_t i = 0; i < rows; i++) {
        nested_row(n, i % 50 == 7 ? entries_max * 30 : entries_max);
    }
    for (size_t leaf = 0; leaf < 2; leaf++) {
        size_t end[2] = {n->reps[leaf].size, n->elements[leaf]};
        sample_put(&n->starts[leaf], end, sizeof end);
    }
}

static inline void nested_release(struct nested *n)
{
    for (size_t i = 0; i < 2; i++) {
        dsi_buf_release(&n->defs[i]);
        dsi_buf_release(&n->reps[i]);
        dsi_buf_release(&n->values[i]);
        dsi_buf_release(&n->starts[i]);
    }
    dsi_buf_release(&n->bytes);
}

static inline struct dsi_parquet_input nested_input(const struct nested *n, size_t leaf,
                                                    size_t first, size_t count)
{
    const size_t *starts = (const size_t *)(const void *)n->starts[leaf].data;
    size_t slot = starts[first * 2];
    struct dsi_parquet_input in = {.defs = n->defs[leaf].data + slot,
                                   .reps = n->reps[leaf].data + slot,
                                   .slots = starts[(first + count) * 2] - slot,
                                   .offset = starts[first * 2 + 1]};

    if (leaf == 0) {
        in.values = n->values[0].data;
    } else {
        in.offsets = n->values[1].data;
        in.bytes = n->bytes.data;
    }
    return in;
}

static inline int nested_write(struct nested *n,
                               const struct dsi_parquet_write_options *o,
                               size_t batch_max, struct dsi_buf *out,
                               struct ds_error *err)
{
    dsi_parquet_writer *w = NULL;
    int rc = dsi_parquet_writer_new(nested_fields, 7, o, &w, err);

    if (rc == DS_OK) {
        dsi_parquet_writer_output(w, sample_sink, out);
    }
    for (size_t at = 0; rc == DS_OK && at < n->rows;) {
        struct dsi_parquet_input in[2];
        size_t count = 1 + sample_random(&n->random) % batch_max;
        count = count < n->rows - at ? count : n->rows - at;
        in[0] = nested_input(n, 0, at, count);
        in[1] = nested_input(n, 1, at, count);
        rc = dsi_parquet_writer_write(w, in, count, err);
        at += count;
    }
    if (rc == DS_OK) {
        rc = dsi_parquet_writer_finish(w, NULL, err);
    }
    dsi_parquet_writer_free(w);
    return rc;
}

// The file's leaves have the levels and the elements that were written.
static inline void nested_check(const struct nested *n, struct ds_slice file,
                                size_t batch)
{
    struct dsi_parquet_file f;

    assert_int_equal(sample_parse(file, &f, NULL), DS_OK);
    assert_int_equal(f.row_count, n->rows);
    for (size_t leaf = 0; leaf < 2; leaf++) {
        struct dsi_parquet_column c = DSI_PARQUET_COLUMN_INIT;
        struct ds_error err = {0};
        if (sample_read_levels(&f, file, leaf, batch, &c, &err) < 0) {
            fail_msg("%s", err.message);
        }
        assert_int_equal(c.rows, n->rows);
        assert_int_equal(c.slots, n->defs[leaf].size);
        assert_int_equal(c.elements, n->elements[leaf]);
        assert_memory_equal(c.defs.data, n->defs[leaf].data, c.slots);
        assert_memory_equal(c.reps.data, n->reps[leaf].data, c.slots);
        const int32_t *want = (const int32_t *)(const void *)n->values[leaf].data;
        const int32_t *got = (const int32_t *)(const void *)c.values.data;
        for (size_t i = 0; i < c.elements; i++) {
            if (c.validity.size > 0 && !sample_bit(c.validity.data, i)) {
                continue;
            }
            if (leaf == 0) {
                assert_int_equal(got[i], want[i]);
                continue;
            }
            size_t size = (size_t)(want[i + 1] - want[i]);
            assert_int_equal(got[i + 1] - got[i], size);
            assert_memory_equal(c.bytes.data + got[i], n->bytes.data + want[i], size);
        }
        dsi_parquet_column_release(&c);
    }
    dsi_parquet_file_release(&f);
}

#endif
