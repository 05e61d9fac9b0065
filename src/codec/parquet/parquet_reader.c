#include "codec/parquet/parquet_read.h"

#include <assert.h>
#include <string.h>

#include "base/alloc.h"
#include "base/error.h"
#include "codec/parquet/parquet_bytes.h"
#include "codec/parquet/parquet_pages.h"
#include "codec/parquet/parquet_records.h"
#include "codec/parquet/parquet_spread.h"

enum { PAGE_BYTES_DEFAULT = INT32_MAX };

void dsi_parquet_column_release(struct dsi_parquet_column *c)
{
    dsi_buf_release(&c->validity);
    dsi_buf_release(&c->values);
    dsi_buf_release(&c->bytes);
    dsi_buf_release(&c->defs);
    dsi_buf_release(&c->reps);
    c->rows = 0;
    c->elements = 0;
    c->slots = 0;
    c->null_count = 0;
}

void dsi_parquet_column_use_pool(struct dsi_parquet_column *c)
{
    c->validity.pooled = true;
    c->values.pooled = true;
    c->bytes.pooled = true;
    c->defs.pooled = true;
    c->reps.pooled = true;
}

// The levels of the next slots, at most `max`; nothing is taken yet. Nothing repeats.
static int next_span(dsi_parquet_reader *r, size_t max, struct dsi_parquet_span *out,
                     struct ds_error *err)
{
    size_t left = r->page_left < max ? r->page_left : max;
    int rc = DS_OK;

    *out = (struct dsi_parquet_span){left, NULL, 0};
    if (r->leaf->max_def == 0) {
        return DS_OK;
    }
    if (r->levels_at == r->levels_count) {
        uint64_t repeats = dsi_parquet_level_reader_repeats(&r->def, &out->level);
        if (repeats > 0) {
            out->count = repeats < left ? (size_t)repeats : left;
            return DS_OK;
        }
        r->levels_at = 0;
        r->levels_count = 0;
        rc = dsi_parquet_level_reader_some(&r->def, r->defs, DSI_PARQUET_BLOCK,
                                           &r->levels_count, err);
        if (rc < 0) {
            return dsi_wrap(err, rc, "column %s", r->name);
        }
    }
    size_t known = r->levels_count - r->levels_at;
    out->count = known < left ? known : left;
    out->levels = r->defs + r->levels_at;
    return DS_OK;
}

static void pass_span(dsi_parquet_reader *r, const struct dsi_parquet_span *s,
                      size_t rows)
{
    if (s->levels) {
        r->levels_at += rows;
    } else if (r->leaf->max_def > 0) {
        dsi_parquet_level_reader_pass(&r->def, rows);
    }
    r->page_left -= rows;
    r->rows_left -= (int64_t)rows;
    r->slots_left -= (int64_t)rows;
}

static int append_levels(const dsi_parquet_reader *r, const struct dsi_parquet_span *s,
                         struct dsi_parquet_column *out, struct ds_error *err)
{
    int rc = DS_OK;

    if (!r->options.keep_levels) {
        return DS_OK;
    }
    DSI_TRY(dsi_buf_reserve(&out->defs, s->count, err));
    if (s->levels) {
        memcpy(out->defs.data + out->defs.size, s->levels, s->count);
    } else {
        memset(out->defs.data + out->defs.size, s->level, s->count);
    }
    out->defs.size += s->count;
done:
    return rc;
}

// Room for all rows at once, as far as their sizes are known and no reason for worry: a
// buffer that grows copies what it has. The page at hand is open.
static int expect_rows(const dsi_parquet_reader *r, size_t rows_max,
                       struct dsi_parquet_column *out, struct ds_error *err)
{
    enum { EXPECT_MAX = 4 << 20 };
    size_t width = dsi_parquet_width(&r->leaf->field);
    size_t rows = (uint64_t)r->rows_left < rows_max ? (size_t)r->rows_left : rows_max;
    int rc = DS_OK;

    if (r->leaf->field.physical == DSI_PARQUET_BYTE_ARRAY) {
        DSI_TRY(dsi_parquet_values_expect(&r->values, r->page_left, rows, out, err));
        width = sizeof(int32_t);
        rows += rows < SIZE_MAX;
    }
    if (width > 0 && rows <= EXPECT_MAX / width) {
        DSI_TRY(dsi_buf_reserve(&out->values, rows * width, err));
    }
done:
    return rc;
}

// Where nothing repeats: a slot is a row.
static int read_flat(dsi_parquet_reader *r, size_t rows_max,
                     struct dsi_parquet_column *out, size_t *rows, struct ds_error *err)
{
    int rc = DS_OK;

    while (*rows < rows_max && r->rows_left > 0) {
        struct dsi_parquet_span s = {0};
        if (r->page_left == 0) {
            DSI_TRY(dsi_parquet_pages_next(r, err));
        }
        DSI_TRY(dsi_parquet_pages_open_values(r, err));
        if (*rows == 0) {
            DSI_TRY(expect_rows(r, rows_max, out, err));
        }
        DSI_TRY(next_span(r, rows_max - *rows, &s, err));
        DSI_TRY(dsi_parquet_spread(r, &s, out, err));
        DSI_TRY(append_levels(r, &s, out, err));
        pass_span(r, &s, s.count);
        out->rows += s.count;
        out->elements += s.count;
        out->slots += s.count;
        *rows += s.count;
        if (s.count == 0) {
            break; // The next value does not fit: a short batch.
        }
    }
done:
    return rc;
}

int dsi_parquet_reader_read(dsi_parquet_reader *r, size_t rows_max,
                            struct dsi_parquet_column *out, size_t *rows,
                            struct ds_error *err)
{
    *rows = 0;
    return r->leaf->max_rep > 0 ? dsi_parquet_records_read(r, rows_max, out, rows, err)
                                : read_flat(r, rows_max, out, rows, err);
}

// Passes over slots of the page at hand; their values later, if at all.
static int pass_flat(dsi_parquet_reader *r, size_t slots, struct ds_error *err)
{
    int rc = DS_OK;

    DSI_TRY(dsi_parquet_pages_open_levels(r, err));
    while (slots > 0) {
        struct dsi_parquet_span s = {0};
        DSI_TRY(next_span(r, slots, &s, err));
        r->values_owed += dsi_parquet_span_present(&s, r->leaf->max_def);
        pass_span(r, &s, s.count);
        slots -= s.count;
    }
done:
    return rc;
}

int dsi_parquet_reader_skip(dsi_parquet_reader *r, int64_t rows, struct ds_error *err)
{
    int rc = DS_OK;

    if (rows > r->rows_left) {
        return dsi_corrupt(err, "column %s: %lld rows to skip, %lld left", r->name,
                           (long long)rows, (long long)r->rows_left);
    }
    if (r->leaf->max_rep > 0) {
        return rows > 0 ? dsi_parquet_records_skip(r, rows, err) : DS_OK;
    }
    while (rows > 0) {
        if (r->page_left == 0) {
            DSI_TRY(dsi_parquet_pages_next(r, err));
        }
        if ((int64_t)r->page_left <= rows) {
            rows -= (int64_t)r->page_left;
            r->rows_left -= (int64_t)r->page_left;
            r->slots_left -= (int64_t)r->page_left;
            r->page_left = 0;
            continue;
        }
        DSI_TRY(pass_flat(r, (size_t)rows, err));
        rows = 0;
    }
done:
    return rc;
}

int dsi_parquet_reader_find(dsi_parquet_reader *r, struct ds_slice plain, bool *found,
                            struct ds_error *err)
{
    const struct dsi_parquet_dictionary *d = &r->dictionary;
    size_t width = dsi_parquet_width(&r->leaf->field);
    bool number =
        (width == 4 || width == 8) && r->leaf->field.physical != DSI_PARQUET_FIXED;
    uint8_t turned[8];
    int rc = DS_OK;

    *found = true;
    if (!r->has_dictionary && r->rest.size == r->bytes.size && r->bytes.size > 0) {
        DSI_TRY(dsi_parquet_pages_dictionary(r, err));
    }
    if (!r->has_dictionary || (number && plain.size != width)) {
        return DS_OK;
    }
    if (number) {
        dsi_le_copy(turned, plain.data, 1, width);
        plain.data = turned;
    }
    *found = false;
    for (size_t i = 0; i < d->count && !*found; i++) {
        struct ds_slice v = {d->bytes.data + i * width, width};
        v = d->values ? d->values[i] : v;
        *found = v.size == plain.size &&
                 (v.size == 0 || memcmp(v.data, plain.data, v.size) == 0);
    }
done:
    return rc;
}

int64_t dsi_parquet_reader_rows_left(const dsi_parquet_reader *r)
{
    return r->rows_left;
}

struct dsi_parquet_place dsi_parquet_reader_place(const dsi_parquet_reader *r)
{
    struct dsi_parquet_place p = {.rows_left = r->rows_left};

    if (r->page_left == 0) { // Before the next page.
        p.page = r->bytes.size - r->rest.size;
        p.page_rows_left = r->rows_left;
        p.page_slots_left = r->slots_left;
    } else {
        p.page = r->at;
        p.slots = r->page_slots - r->page_left;
        p.page_rows_left = r->page_rows_left;
        p.page_slots_left = r->page_slots_left;
    }
    return p;
}

int dsi_parquet_reader_return(dsi_parquet_reader *r, const struct dsi_parquet_place *to,
                              struct ds_error *err)
{
    int rc = DS_OK;

    assert(to->page <= r->bytes.size);
    r->rest = (struct ds_slice){r->bytes.data + to->page, r->bytes.size - to->page};
    r->rows_left = to->page_rows_left;
    r->slots_left = to->page_slots_left;
    r->page_left = 0;
    r->levels_at = 0;
    r->levels_count = 0;
    r->last_def = UINT8_MAX; // Of a page before, which is not looked at.
    if (to->slots > 0) {
        DSI_TRY(dsi_parquet_pages_next(r, err));
        assert(to->slots <= r->page_left);
        DSI_TRY(r->leaf->max_rep > 0 ? dsi_parquet_records_pass(r, to->slots, err)
                                     : pass_flat(r, to->slots, err));
    }
    r->rows_left = to->rows_left;
done:
    return rc;
}

int dsi_parquet_reader_jump(dsi_parquet_reader *r, struct ds_slice pages, int64_t rows,
                            struct ds_error *err)
{
    int rc = DS_OK;

    if (!r->has_dictionary && r->rest.size == r->bytes.size && r->bytes.size > 0) {
        DSI_TRY(dsi_parquet_pages_dictionary(r, err));
    }
    r->bytes = pages;
    r->rest = pages;
    r->is_part = true;
    r->at_row = true;
    r->dictionary_at = SIZE_MAX;
    r->last_def = UINT8_MAX;
    r->rows_left = rows;
    r->slots_left = rows; // Where nothing repeats.
    r->page_left = 0;
    r->levels_at = 0;
    r->levels_count = 0;
done:
    return rc;
}

void dsi_parquet_column_cut(const struct dsi_parquet_node *leaf, size_t rows,
                            struct dsi_parquet_column *c)
{
    size_t slots = rows;
    size_t elements = rows;

    assert(rows <= c->rows);
    if (leaf->max_rep > 0 && rows < c->rows) {
        assert(c->reps.size == c->slots && c->defs.size == c->slots);
        size_t begun = 0;
        elements = 0;
        for (slots = 0; slots < c->slots; slots++) {
            begun += c->reps.data[slots] == 0;
            if (begun > rows) {
                break;
            }
            elements += c->defs.data[slots] >= leaf->element_def;
        }
    }
    if (rows < c->rows) {
        dsi_parquet_spread_cut(leaf, slots, elements, c);
        c->rows = rows;
    }
}

void dsi_parquet_reader_free(dsi_parquet_reader *r)
{
    if (r) {
        dsi_buf_release(&r->page);
        dsi_buf_release(&r->plain);
        dsi_parquet_dictionary_release(&r->dictionary);
        dsi_decompressor_release(&r->decompressor);
        dsi_free(r);
    }
}

static bool codec_of(enum dsi_parquet_codec codec, enum dsi_compression *out)
{
    switch (codec) {
    case DSI_PARQUET_UNCOMPRESSED:
        *out = DSI_COMPRESSION_NONE;
        return true;
    case DSI_PARQUET_SNAPPY:
        *out = DSI_COMPRESSION_SNAPPY;
        return true;
    case DSI_PARQUET_GZIP:
        *out = DSI_COMPRESSION_GZIP;
        return true;
    case DSI_PARQUET_ZSTD:
        *out = DSI_COMPRESSION_ZSTD;
        return true;
    case DSI_PARQUET_LZ4_RAW:
        *out = DSI_COMPRESSION_LZ4_RAW;
        return true;
    case DSI_PARQUET_LZ4:
        *out = DSI_COMPRESSION_LZ4_HADOOP;
        return true;
    case DSI_PARQUET_BROTLI:
        *out = DSI_COMPRESSION_BROTLI;
        return true;
    default:
        return false;
    }
}

// The levels at which lists above the leaf, from the outermost on, have an entry.
static void set_levels(dsi_parquet_reader *r)
{
    for (const struct dsi_parquet_node *n = r->leaf; n; n = n->parent) {
        if (n->field.repetition == DSI_PARQUET_REPEATED) {
            assert(n->max_rep >= 1 && n->max_rep <= DSI_PARQUET_DEPTH_MAX);
            r->rep_def[n->max_rep] = (uint8_t)n->max_def;
        }
    }
}

static int check_chunk(const struct dsi_parquet_node *leaf,
                       const struct dsi_parquet_chunk *chunk, struct ds_slice bytes,
                       const struct dsi_parquet_read_options *options, const char *name,
                       struct ds_error *err)
{
    bool part = options && options->partial;

    if (chunk->size < 0 || (uint64_t)chunk->size < bytes.size ||
        (!part && (uint64_t)chunk->size != bytes.size)) {
        return dsi_fail(err, DS_EINVALID, "column %s: %zu bytes of a chunk of %lld", name,
                        bytes.size, (long long)chunk->size);
    }
    if (leaf->max_rep > 0 && chunk->value_count < chunk->row_count) {
        return dsi_corrupt(err, "column %s: %lld values in %lld rows", name,
                           (long long)chunk->value_count, (long long)chunk->row_count);
    }
    return DS_OK;
}

int dsi_parquet_reader_new(const struct dsi_parquet_node *leaf,
                           const struct dsi_parquet_chunk *chunk, struct ds_slice bytes,
                           const struct dsi_parquet_read_options *options,
                           dsi_parquet_reader **out, struct ds_error *err)
{
    enum dsi_compression codec = DSI_COMPRESSION_NONE;
    dsi_parquet_reader *r = NULL;
    char name[128];
    int rc = DS_OK;

    *out = NULL;
    dsi_parquet_path(leaf, name, sizeof name);
    if (!codec_of(chunk->codec, &codec)) {
        return dsi_fail(err, DS_EUNSUPPORTED,
                        "column %s: compression %s (%d) is not supported", name,
                        dsi_parquet_codec_name(chunk->codec), (int)chunk->codec);
    }
    DSI_TRY(check_chunk(leaf, chunk, bytes, options, name, err));
    r = dsi_calloc(1, sizeof *r);
    if (!r) {
        return dsi_no_memory(err, "a parquet column reader");
    }
    memcpy(r->name, name, sizeof name);
    r->leaf = leaf;
    r->chunk = chunk;
    r->codec = codec;
    r->bytes = bytes;
    r->rest = bytes;
    r->at_row = true;
    r->last_def = UINT8_MAX;
    r->slots_left = chunk->value_count;
    r->rows_left = leaf->max_rep > 0 ? chunk->row_count : chunk->value_count;
    set_levels(r);
    if (options) {
        r->options = *options;
    }
    r->page.pooled = true;
    r->plain.pooled = true;
    r->dictionary.bytes.pooled = true;
    if (r->options.page_bytes_max == 0) {
        r->options.page_bytes_max = PAGE_BYTES_DEFAULT;
    }
    *out = r;
done:
    return rc;
}
