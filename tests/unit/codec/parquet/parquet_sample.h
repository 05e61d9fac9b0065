// Random columns for tests of the Parquet codec: made, written, read back, compared.
#ifndef DSI_TEST_PARQUET_SAMPLE_H
#define DSI_TEST_PARQUET_SAMPLE_H

#include "base/alloc.h"
#include "codec/parquet/parquet_read.h"
#include "codec/parquet/parquet_write.h"
#include "harness.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SAMPLE_LEAVES_MAX = 12 };

struct sample {
    uint64_t random;
    size_t rows;
    size_t leaf_count;
    struct dsi_parquet_field fields[SAMPLE_LEAVES_MAX];
    char names[SAMPLE_LEAVES_MAX][32];
    struct dsi_buf validity[SAMPLE_LEAVES_MAX];
    struct dsi_buf values[SAMPLE_LEAVES_MAX]; // Or int32 offsets.
    struct dsi_buf bytes[SAMPLE_LEAVES_MAX];
};

static inline uint64_t sample_random(struct sample *s)
{
    s->random ^= s->random << 13;
    s->random ^= s->random >> 7;
    s->random ^= s->random << 17;
    return s->random * 0x2545f4914f6cdd1du >> 11;
}

static inline bool sample_bit(const uint8_t *bits, size_t i)
{
    return bits[i / 8] >> i % 8 & 1;
}

static inline void sample_put(struct dsi_buf *b, const void *p, size_t n)
{
    assert_int_equal(dsi_buf_append(b, p, n, NULL), DS_OK);
}

static inline void sample_field(struct sample *s, size_t i)
{
    static const struct dsi_parquet_logical none = {0};
    struct dsi_parquet_field *f = &s->fields[i];

    snprintf(s->names[i], sizeof s->names[i], "c%zu", i);
    *f = (struct dsi_parquet_field){.name = s->names[i],
                                    .has_field_id = true,
                                    .field_id = (int32_t)i + 1,
                                    .logical = none};
    f->physical = (enum dsi_parquet_physical)(sample_random(s) % 8);
    f->repetition = (enum dsi_parquet_repetition)(sample_random(s) % 2);
    f->type_length =
        f->physical == DSI_PARQUET_FIXED ? 1 + (int)(sample_random(s) % 20) : 0;
    if (f->physical == DSI_PARQUET_BYTE_ARRAY && sample_random(s) % 2) {
        f->logical.kind = DSI_PARQUET_LOGICAL_STRING;
    }
}

// One value: often one of a few, so that dictionaries happen.
static inline void sample_value(struct sample *s, size_t i, size_t row, uint64_t spread)
{
    const struct dsi_parquet_field *f = &s->fields[i];
    uint64_t v = sample_random(s) % spread;
    size_t width = dsi_parquet_width(f);
    uint8_t raw[64];

    if (f->physical == DSI_PARQUET_BOOLEAN) {
        if (row % 8 == 0) {
            sample_put(&s->values[i], "", 1);
        }
        s->values[i].data[row / 8] |= (uint8_t)((v & 1) << row % 8);
        return;
    }
    for (size_t k = 0; k < sizeof raw; k++) {
        raw[k] = (uint8_t)((v * 0x9e3779b97f4a7c15u) >> (k % 8 * 8));
    }
    if (f->logical.kind == DSI_PARQUET_LOGICAL_STRING) {
        memset(raw, 'a' + (int)(v % 26), sizeof raw);
    }
    if (f->physical != DSI_PARQUET_BYTE_ARRAY) {
        sample_put(&s->values[i], raw, width);
        return;
    }
    sample_put(&s->bytes[i], raw, v % 7 == 0 ? 0 : v % sizeof raw);
    int32_t end = (int32_t)s->bytes[i].size;
    sample_put(&s->values[i], &end, sizeof end);
}

static inline void sample_init(struct sample *s, uint64_t seed, size_t rows)
{
    memset(s, 0, sizeof *s);
    s->random = seed * 0x9e3779b97f4a7c15u + 1;
    s->rows = rows;
    s->leaf_count = 1 + sample_random(s) % SAMPLE_LEAVES_MAX;
    for (size_t i = 0; i < s->leaf_count; i++) {
        static const uint64_t spreads[] = {1, 2, 10, 300, 1000000};
        sample_field(s, i);
        uint64_t spread = spreads[sample_random(s) % 5];
        uint64_t nulls = sample_random(s) % 4; // None, some, many runs, all.
        int32_t zero = 0;
        if (s->fields[i].physical == DSI_PARQUET_BYTE_ARRAY) {
            sample_put(&s->values[i], &zero, sizeof zero);
        }
        for (size_t r = 0; r < rows; r++) {
            bool valid = nulls == 0   ? true
                         : nulls == 1 ? sample_random(s) % 3 != 0
                         : nulls == 2 ? r / 100 % 2 == 0
                                      : false;
            valid = valid || s->fields[i].repetition == DSI_PARQUET_REQUIRED;
            if (r % 8 == 0) {
                sample_put(&s->validity[i], "", 1);
            }
            s->validity[i].data[r / 8] |= (uint8_t)(valid << r % 8);
            sample_value(s, i, r, spread);
        }
    }
}

static inline void sample_release(struct sample *s)
{
    for (size_t i = 0; i < SAMPLE_LEAVES_MAX; i++) {
        dsi_buf_release(&s->validity[i]);
        dsi_buf_release(&s->values[i]);
        dsi_buf_release(&s->bytes[i]);
    }
}

static inline int sample_sink(void *arg, struct ds_slice bytes, struct ds_error *err)
{
    return dsi_buf_append(arg, bytes.data, bytes.size, err);
}

// Writes the sample in batches of 1..batch_max rows.
static inline int sample_write(struct sample *s,
                               const struct dsi_parquet_write_options *o,
                               size_t batch_max, struct dsi_buf *out,
                               struct ds_error *err)
{
    dsi_parquet_writer *w = NULL;
    int rc = dsi_parquet_writer_new(s->fields, s->leaf_count, o, &w, err);

    if (rc == DS_OK) {
        dsi_parquet_writer_output(w, sample_sink, out);
    }
    for (size_t at = 0; rc == DS_OK && at < s->rows;) {
        struct dsi_parquet_input in[SAMPLE_LEAVES_MAX] = {{0}};
        size_t n = 1 + sample_random(s) % batch_max;
        n = n < s->rows - at ? n : s->rows - at;
        for (size_t i = 0; i < s->leaf_count; i++) {
            bool bytes = s->fields[i].physical == DSI_PARQUET_BYTE_ARRAY;
            in[i] =
                (struct dsi_parquet_input){.validity = s->validity[i].data,
                                           .values = bytes ? NULL : s->values[i].data,
                                           .offsets = bytes ? s->values[i].data : NULL,
                                           .bytes = s->bytes[i].data,
                                           .offset = at};
        }
        rc = dsi_parquet_writer_write(w, in, n, err);
        at += n;
    }
    if (rc == DS_OK) {
        rc = dsi_parquet_writer_finish(w, NULL, err);
    }
    dsi_parquet_writer_free(w);
    return rc;
}

// Parses a file in memory.
static inline int sample_parse(struct ds_slice file, struct dsi_parquet_file *out,
                               struct ds_error *err)
{
    size_t size = 0;
    int rc = DS_ECORRUPT;

    memset(out, 0, sizeof *out);
    if (file.size >= DSI_PARQUET_FILE_SIZE_MIN) {
        rc = dsi_parquet_footer_size(file.data + file.size - DSI_PARQUET_TAIL_SIZE,
                                     (int64_t)file.size, &size, err);
    }
    if (rc == DS_OK) {
        struct ds_slice footer = {file.data + file.size - size, size};
        rc = dsi_parquet_file_parse(footer, (int64_t)file.size, out, err);
    }
    return rc;
}

// Reads a whole leaf, `batch` rows at a time.
static inline int sample_read_with(const struct dsi_parquet_file *f, struct ds_slice file,
                                   size_t leaf, size_t batch,
                                   const struct dsi_parquet_read_options *options,
                                   struct dsi_parquet_column *out, struct ds_error *err)
{
    int rc = DS_OK;

    for (size_t g = 0; rc == DS_OK && g < f->row_group_count; g++) {
        const struct dsi_parquet_chunk *c = &f->row_groups[g].columns[leaf];
        struct ds_slice bytes = {file.data + c->offset, (size_t)c->size};
        dsi_parquet_reader *r = NULL;
        size_t rows = 1;
        rc = dsi_parquet_reader_new(f->leaves[leaf], c, bytes, options, &r, err);
        while (rc == DS_OK && rows > 0) {
            rc = dsi_parquet_reader_read(r, batch, out, &rows, err);
        }
        dsi_parquet_reader_free(r);
    }
    return rc;
}

static inline int sample_read(const struct dsi_parquet_file *f, struct ds_slice file,
                              size_t leaf, size_t batch, struct dsi_parquet_column *out,
                              struct ds_error *err)
{
    return sample_read_with(f, file, leaf, batch, NULL, out, err);
}

static inline int sample_read_levels(const struct dsi_parquet_file *f,
                                     struct ds_slice file, size_t leaf, size_t batch,
                                     struct dsi_parquet_column *out, struct ds_error *err)
{
    static const struct dsi_parquet_read_options levels = {.keep_levels = true};
    return sample_read_with(f, file, leaf, batch, &levels, out, err);
}

#endif
