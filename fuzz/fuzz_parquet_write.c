// Any levels at all are written: they are refused, or the file gives them back.
// Six bytes say what is written: the path (two bits for each of four nodes), the leaf's
// type and options, rows and bytes of a page, rows of a group, rows of a batch. Then a
// byte for each slot: repetition level above, definition level below.
#include <stdint.h>
#include <string.h>

#include "codec/parquet/parquet_read.h"
#include "codec/parquet/parquet_write.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { HEAD = 6, DEPTH = 4, SLOTS_MAX = 4096, WIDTH = 12 };

struct column {
    uint8_t reps[SLOTS_MAX];
    uint8_t defs[SLOTS_MAX];
    size_t slots;
    int32_t max_def;
    int32_t max_rep;
    int32_t element_def;
    uint8_t values[SLOTS_MAX * WIDTH]; // Of any type.
    int32_t offsets[SLOTS_MAX + 1];
};

static int sink(void *arg, struct ds_slice bytes, struct ds_error *err)
{
    return dsi_buf_append(arg, bytes.data, bytes.size, err);
}

static void require(bool good)
{
    if (!good) {
        __builtin_trap();
    }
}

// Required, optional, repeated or optional again: two bits for each node.
static void make_path(struct dsi_parquet_field fields[DEPTH], unsigned kinds,
                      enum dsi_parquet_physical physical, struct column *c)
{
    for (size_t i = 0; i < DEPTH; i++, kinds >>= 2) {
        unsigned kind = (kinds & 3) == 3 ? 1 : kinds & 3;
        fields[i] =
            (struct dsi_parquet_field){.name = "x",
                                       .repetition = (enum dsi_parquet_repetition)kind,
                                       .child_count = i + 1 < DEPTH};
        c->max_def += kind != DSI_PARQUET_REQUIRED;
        c->max_rep += kind == DSI_PARQUET_REPEATED;
        c->element_def = kind == DSI_PARQUET_REPEATED ? c->max_def : c->element_def;
    }
    fields[DEPTH - 1].physical = physical;
    fields[DEPTH - 1].type_length = physical == DSI_PARQUET_FIXED ? 3 : 0;
}

static void make_values(struct column *c)
{
    for (size_t i = 0; i < sizeof c->values; i++) {
        c->values[i] = (uint8_t)(i * i / 7 % 5);
    }
    for (size_t i = 0; i < c->slots; i++) {
        c->offsets[i + 1] = c->offsets[i] + (int32_t)(i % 4);
    }
}

// The next rows: as many slots as they have, by their repetition levels.
static int write_rows(dsi_parquet_writer *w, const struct column *c, bool bytes,
                      size_t batch, size_t claimed)
{
    size_t slot = 0;
    size_t element = 0;
    int rc = DS_OK;

    while (rc == DS_OK && slot < c->slots) {
        size_t end = slot;
        size_t rows = 0;
        while (end < c->slots && (rows < batch || c->reps[end] != 0)) {
            rows += c->max_rep == 0 || c->reps[end] == 0;
            end++;
        }
        struct dsi_parquet_input in = {.values = bytes ? NULL : c->values,
                                       .offsets = bytes ? c->offsets : NULL,
                                       .bytes = c->values,
                                       .offset = element,
                                       .defs = c->defs + slot,
                                       .reps = c->max_rep > 0 ? c->reps + slot : NULL,
                                       .slots = end - slot};
        rc = dsi_parquet_writer_write(w, &in, rows + claimed, NULL);
        for (; slot < end; slot++) {
            element += c->max_rep == 0 || c->defs[slot] >= c->element_def;
        }
    }
    return rc;
}

// The values of the elements that have one, in what was written.
static void check_values(const struct column *c, const struct dsi_parquet_field *f,
                         const struct dsi_parquet_column *got)
{
    const int32_t *offsets = (const int32_t *)(const void *)got->values.data;
    size_t width = dsi_parquet_width(f);
    size_t element = 0;

    for (size_t i = 0; i < c->slots; i++) {
        size_t e = element;
        element += c->max_rep == 0 || c->defs[i] >= c->element_def;
        if (c->defs[i] != c->max_def) {
            continue;
        }
        if (f->physical == DSI_PARQUET_BYTE_ARRAY) {
            size_t n = (size_t)(c->offsets[e + 1] - c->offsets[e]);
            require((size_t)(offsets[e + 1] - offsets[e]) == n);
            require(n == 0 || memcmp(got->bytes.data + offsets[e],
                                     c->values + c->offsets[e], n) == 0);
        } else if (f->physical == DSI_PARQUET_BOOLEAN) {
            require((got->values.data[e / 8] >> e % 8 & 1) ==
                    (c->values[e / 8] >> e % 8 & 1));
        } else {
            require(memcmp(got->values.data + e * width, c->values + e * width, width) ==
                    0);
        }
    }
    require(got->elements == element);
}

static void check_file(const struct column *c, const struct dsi_buf *file)
{
    static const struct dsi_parquet_read_options levels = {.keep_levels = true};
    struct dsi_parquet_column got = DSI_PARQUET_COLUMN_INIT;
    struct dsi_parquet_file f = {0};
    size_t footer = 0;

    require(dsi_parquet_footer_size(file->data + file->size - DSI_PARQUET_TAIL_SIZE,
                                    (int64_t)file->size, &footer, NULL) == DS_OK);
    require(dsi_parquet_file_parse(
                (struct ds_slice){file->data + file->size - footer, footer},
                (int64_t)file->size, &f, NULL) == DS_OK);
    for (size_t g = 0; g < f.row_group_count; g++) {
        const struct dsi_parquet_chunk *k = &f.row_groups[g].columns[0];
        struct ds_slice bytes = {file->data + k->offset, (size_t)k->size};
        dsi_parquet_reader *r = NULL;
        size_t rows = 1;
        require(dsi_parquet_reader_new(f.leaves[0], k, bytes, &levels, &r, NULL) ==
                DS_OK);
        while (rows > 0) {
            require(dsi_parquet_reader_read(r, 100, &got, &rows, NULL) == DS_OK);
        }
        dsi_parquet_reader_free(r);
    }
    require(got.slots == c->slots);
    require(c->slots == 0 || memcmp(got.defs.data, c->defs, c->slots) == 0);
    require(c->max_rep == 0 || c->slots == 0 ||
            memcmp(got.reps.data, c->reps, c->slots) == 0);
    check_values(c, &f.leaves[0]->field, &got);
    dsi_parquet_column_release(&got);
    dsi_parquet_file_release(&f);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct column c;
    struct dsi_parquet_field fields[DEPTH];
    struct dsi_buf file = DSI_BUF_INIT;
    dsi_parquet_writer *w = NULL;

    if (size < HEAD) {
        return 0;
    }
    enum dsi_parquet_physical physical = (enum dsi_parquet_physical)(data[1] & 7);
    const struct dsi_parquet_leaf_options leaf = {.no_dictionary = data[1] >> 3 & 1,
                                                  .bloom_filter = data[1] >> 4 & 1,
                                                  .bloom_bytes_max = 1024};
    const struct dsi_parquet_write_options o = {
        .codec = data[1] >> 5 & 1 ? DSI_COMPRESSION_SNAPPY : DSI_COMPRESSION_NONE,
        .choice = data[1] >> 6 & 1 ? DSI_PARQUET_CHOICE_ALL : DSI_PARQUET_CHOICE_COMMON,
        .page_rows = data[2],
        .page_bytes = data[3],
        .dictionary_bytes = data[3] * 2u,
        .row_group_rows = data[4],
        .leaves = &leaf};
    memset(&c, 0, sizeof c);
    make_path(fields, data[0], physical, &c);
    c.slots = size - HEAD < SLOTS_MAX ? size - HEAD : SLOTS_MAX;
    for (size_t i = 0; i < c.slots; i++) {
        c.reps[i] = data[HEAD + i] >> 4;
        c.defs[i] = data[HEAD + i] & 15;
    }
    make_values(&c);
    if (dsi_parquet_writer_new(fields, DEPTH, &o, &w, NULL) < 0) {
        return 0;
    }
    dsi_parquet_writer_output(w, sink, &file);
    if (write_rows(w, &c, physical == DSI_PARQUET_BYTE_ARRAY, 1 + data[5] % 64u,
                   c.max_rep > 0 ? data[5] >> 7 : 0) == DS_OK &&
        dsi_parquet_writer_finish(w, NULL, NULL) == DS_OK) {
        check_file(&c, &file);
    }
    dsi_parquet_writer_free(w);
    dsi_buf_release(&file);
    return 0;
}
