#include "codec/parquet/parquet_read.h"

#include <assert.h>
#include <string.h>

#include "base/alloc.h"
#include "base/error.h"
#include "codec/parquet/parquet_bits.h"
#include "codec/parquet/parquet_bytes.h"
#include "codec/parquet/parquet_delta.h"
#include "codec/parquet/parquet_page.h"
#include "codec/parquet/parquet_values.h"

struct dsi_parquet_reader {
    const struct dsi_parquet_node *leaf;
    const struct dsi_parquet_chunk *chunk;
    struct dsi_parquet_read_options options;
    enum dsi_compression codec;
    struct dsi_decompressor decompressor;
    char name[128];
    struct ds_slice rest; // Of the chunk: pages not yet looked at.
    int64_t rows_left;    // In the chunk, unread.

    // The page at hand. Its header is read first; its bytes only when rows are wanted.
    struct dsi_parquet_page header;
    struct ds_slice body;  // As in the file.
    size_t page_rows_left; // Unread rows of the page.
    bool loaded;
    struct dsi_buf page;  // Decompressed, if it had to be.
    struct dsi_buf plain; // The values of an encoding that is turned into plain.
    struct dsi_parquet_rle def;
    uint8_t levels[DSI_PARQUET_BLOCK]; // Definition levels read ahead.
    size_t levels_at;
    size_t levels_count;
    struct dsi_parquet_values values;

    bool has_dictionary;
    struct dsi_parquet_dictionary dictionary;
};

// Consecutive rows whose definition levels are known.
struct span {
    size_t rows;
    const uint8_t *levels; // One for each row; NULL: they all are `level`.
    uint8_t level;
};

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

static int corrupt(const dsi_parquet_reader *r, const char *what, struct ds_error *err)
{
    return dsi_corrupt(err, "column %s: %s", r->name, what);
}

static int decompress(dsi_parquet_reader *r, struct ds_slice in, size_t size,
                      struct dsi_buf *out, struct ds_error *err)
{
    size_t max = r->options.page_bytes_max;
    int rc = DS_OK;

    if (size > max) {
        return dsi_fail(err, DS_EUNSUPPORTED,
                        "column %s: a page of %zu bytes; the limit is %zu", r->name, size,
                        max);
    }
    if (r->codec == DSI_COMPRESSION_NONE && in.size != size) {
        return corrupt(r, "an uncompressed page has two sizes", err);
    }
    out->size = 0;
    rc = dsi_decompress_append(&r->decompressor, r->codec, in, size, out, err);
    return rc < 0 ? dsi_wrap(err, rc, "column %s: a page", r->name) : rc;
}

// The same without a copy where none is needed.
static int open_bytes(dsi_parquet_reader *r, struct ds_slice in, size_t size,
                      struct ds_slice *out, struct ds_error *err)
{
    int rc = DS_OK;

    if (size == 0) { // Whatever a codec makes of nothing need not be looked at.
        *out = (struct ds_slice){in.data, 0};
        return DS_OK;
    }
    if (r->codec == DSI_COMPRESSION_NONE && in.size == size) {
        *out = in;
        return DS_OK;
    }
    DSI_TRY(decompress(r, in, size, &r->page, err));
    *out = dsi_buf_slice(&r->page);
done:
    return rc;
}

static int check_crc(const dsi_parquet_reader *r, struct ds_error *err)
{
    if (!r->header.has_crc || r->options.ignore_checksums) {
        return DS_OK;
    }
    uint32_t crc = dsi_crc32(0, r->body);
    if (crc != r->header.crc) {
        return dsi_corrupt(err, "column %s: a page has CRC %08x, its header says %08x",
                           r->name, crc, r->header.crc);
    }
    return DS_OK;
}

static int load_dictionary(dsi_parquet_reader *r, struct ds_error *err)
{
    const struct dsi_parquet_page *h = &r->header;
    int rc = DS_OK;

    if (r->has_dictionary) {
        return corrupt(r, "a second dictionary", err);
    }
    if (h->encoding != DSI_PARQUET_PLAIN && h->encoding != DSI_PARQUET_PLAIN_DICTIONARY) {
        return dsi_fail(err, DS_EUNSUPPORTED, "column %s: a dictionary in encoding %d",
                        r->name, h->encoding);
    }
    DSI_TRY(check_crc(r, err));
    if (h->uncompressed_size > 0) {
        DSI_TRY(decompress(r, r->body, (size_t)h->uncompressed_size, &r->dictionary.bytes,
                           err));
    }
    DSI_TRY(dsi_parquet_dictionary_init(&r->dictionary, &r->leaf->field,
                                        (size_t)h->value_count, err));
    r->has_dictionary = true;
done:
    return rc;
}

// Reads headers until one of a data page with rows; dictionaries are taken on the way.
static int next_page(dsi_parquet_reader *r, struct ds_error *err)
{
    int rc = DS_OK;

    assert(r->page_rows_left == 0);
    while (r->page_rows_left == 0) {
        size_t size = 0;
        if (r->rest.size == 0) {
            return dsi_corrupt(err, "column %s: its pages end %lld rows early", r->name,
                               (long long)r->rows_left);
        }
        rc = dsi_parquet_page_read(r->rest, &r->header, &size, err);
        if (rc < 0) {
            return dsi_wrap(err, rc, "column %s", r->name);
        }
        r->body =
            (struct ds_slice){r->rest.data + size, (size_t)r->header.compressed_size};
        size += r->body.size;
        r->rest.data += size;
        r->rest.size -= size;
        r->loaded = false;
        if (r->header.type == DSI_PARQUET_PAGE_DICTIONARY) {
            DSI_TRY(load_dictionary(r, err));
        } else if (r->header.type == DSI_PARQUET_PAGE_DATA ||
                   r->header.type == DSI_PARQUET_PAGE_DATA_V2) {
            r->page_rows_left = (size_t)r->header.value_count;
        } // Pages of other types are none of ours.
    }
    if ((int64_t)r->page_rows_left > r->rows_left) {
        return dsi_corrupt(err, "column %s: a page of %zu rows, but %lld are left",
                           r->name, r->page_rows_left, (long long)r->rows_left);
    }
done:
    return rc;
}

// Takes the definition levels from the start of a page of version 1.
static int take_levels(dsi_parquet_reader *r, struct ds_slice *body, struct ds_error *err)
{
    int width = dsi_parquet_bit_width((uint32_t)r->leaf->max_def);

    if (r->header.def_encoding != DSI_PARQUET_RLE) {
        return dsi_fail(err, DS_EUNSUPPORTED,
                        "column %s: definition levels in encoding %d", r->name,
                        r->header.def_encoding);
    }
    if (body->size < 4 || dsi_le32(body->data) > body->size - 4) {
        return corrupt(r, "a page ends in its definition levels", err);
    }
    size_t size = dsi_le32(body->data);
    dsi_parquet_rle_init(&r->def, (struct ds_slice){body->data + 4, size}, width);
    body->data += 4 + size;
    body->size -= 4 + size;
    return DS_OK;
}

// Version 2 keeps the levels outside of the compressed part.
static int open_v2(dsi_parquet_reader *r, struct ds_slice *values, struct ds_error *err)
{
    const struct dsi_parquet_page *h = &r->header;
    int width = dsi_parquet_bit_width((uint32_t)r->leaf->max_def);
    size_t rep = (size_t)h->rep_size;
    size_t def = (size_t)h->def_size;
    int rc = DS_OK;

    if (rep + def > r->body.size || rep + def > (size_t)h->uncompressed_size) {
        return corrupt(r, "a page is smaller than its levels", err);
    }
    if (r->leaf->max_def == 0 && h->null_count > 0) {
        return corrupt(r, "nulls in a required column", err);
    }
    dsi_parquet_rle_init(&r->def, (struct ds_slice){r->body.data + rep, def}, width);
    struct ds_slice in = {r->body.data + rep + def, r->body.size - rep - def};
    if (!h->is_compressed) {
        *values = in;
        return DS_OK;
    }
    DSI_TRY(open_bytes(r, in, (size_t)h->uncompressed_size - rep - def, values, err));
done:
    return rc;
}

static int start_booleans(dsi_parquet_reader *r, struct ds_slice in, struct ds_error *err)
{
    if (in.size < 4 || dsi_le32(in.data) > in.size - 4) {
        return corrupt(r, "a page ends in its booleans", err);
    }
    r->values.kind = DSI_PARQUET_VALUES_RLE;
    dsi_parquet_rle_init(&r->values.rle,
                         (struct ds_slice){in.data + 4, dsi_le32(in.data)}, 1);
    return DS_OK;
}

static int start_indices(dsi_parquet_reader *r, struct ds_slice in, struct ds_error *err)
{
    if (!r->has_dictionary) {
        return corrupt(r, "indices without a dictionary", err);
    }
    if (in.size == 0) { // All null: there is not even a width.
        r->values.kind = DSI_PARQUET_VALUES_PLAIN;
        r->values.plain = in;
        return DS_OK;
    }
    if (in.data[0] > 32) {
        return corrupt(r, "indices of more than 32 bits", err);
    }
    r->values.kind = DSI_PARQUET_VALUES_INDEXED;
    dsi_parquet_rle_init(&r->values.rle, (struct ds_slice){in.data + 1, in.size - 1},
                         in.data[0]);
    return DS_OK;
}

static int start_values(dsi_parquet_reader *r, struct ds_slice in, struct ds_error *err)
{
    struct dsi_parquet_values *v = &r->values;
    int rc = DS_OK;

    v->field = &r->leaf->field;
    v->dictionary = &r->dictionary;
    v->bit = 0;
    v->block_at = 0;
    v->block_count = 0;
    switch (r->header.encoding) {
    case DSI_PARQUET_PLAIN:
        v->kind = DSI_PARQUET_VALUES_PLAIN;
        v->plain = in;
        return DS_OK;
    case DSI_PARQUET_PLAIN_DICTIONARY:
    case DSI_PARQUET_RLE_DICTIONARY:
        return start_indices(r, in, err);
    case DSI_PARQUET_RLE:
        if (v->field->physical == DSI_PARQUET_BOOLEAN) {
            return start_booleans(r, in, err);
        }
        break;
    default:
        break;
    }
    r->plain.size = 0;
    r->plain.max = r->options.page_bytes_max;
    rc = in.size == 0
             ? DS_OK
             : dsi_parquet_to_plain(r->header.encoding, v->field, in,
                                    (size_t)r->header.value_count, &r->plain, err);
    if (rc < 0) {
        return dsi_wrap(err, rc, "column %s", r->name);
    }
    v->kind = DSI_PARQUET_VALUES_PLAIN;
    v->plain = dsi_buf_slice(&r->plain);
    return rc;
}

static int load_page(dsi_parquet_reader *r, struct ds_error *err)
{
    struct ds_slice values = {0};
    int rc = DS_OK;

    DSI_TRY(check_crc(r, err));
    if (r->header.type == DSI_PARQUET_PAGE_DATA_V2) {
        DSI_TRY(open_v2(r, &values, err));
    } else {
        DSI_TRY(
            open_bytes(r, r->body, (size_t)r->header.uncompressed_size, &values, err));
        if (r->leaf->max_def > 0) {
            DSI_TRY(take_levels(r, &values, err));
        }
    }
    r->levels_at = 0;
    r->levels_count = 0;
    DSI_TRY(start_values(r, values, err));
    r->loaded = true;
done:
    return rc;
}

// The levels of the next rows, at most `max`; nothing is taken yet.
static int next_span(dsi_parquet_reader *r, size_t max, struct span *out,
                     struct ds_error *err)
{
    uint32_t block[DSI_PARQUET_BLOCK];
    uint32_t value = 0;
    size_t left = r->page_rows_left < max ? r->page_rows_left : max;

    *out = (struct span){left, NULL, 0};
    if (r->leaf->max_def == 0) {
        return DS_OK;
    }
    if (r->levels_at == r->levels_count) {
        uint64_t repeats = dsi_parquet_rle_repeats(&r->def, &value);
        if (repeats > 0 && value <= (uint32_t)r->leaf->max_def) {
            out->rows = repeats < left ? (size_t)repeats : left;
            out->level = (uint8_t)value;
            return DS_OK;
        }
        r->levels_at = 0;
        r->levels_count = dsi_parquet_rle_some(&r->def, block, DSI_PARQUET_BLOCK);
        if (r->levels_count == 0) {
            return corrupt(r, "a page has fewer levels than rows", err);
        }
        for (size_t i = 0; i < r->levels_count; i++) {
            r->levels[i] = (uint8_t)block[i];
        }
    }
    size_t known = r->levels_count - r->levels_at;
    out->rows = known < left ? known : left;
    out->levels = r->levels + r->levels_at;
    for (size_t i = 0; i < out->rows; i++) {
        if (out->levels[i] > r->leaf->max_def) {
            return corrupt(r, "a definition level above its maximum", err);
        }
    }
    return DS_OK;
}

static void pass_span(dsi_parquet_reader *r, const struct span *s, size_t rows)
{
    if (s->levels) {
        r->levels_at += rows;
    } else if (r->leaf->max_def > 0) {
        dsi_parquet_rle_pass(&r->def, rows);
    }
    r->page_rows_left -= rows;
    r->rows_left -= (int64_t)rows;
}

static size_t count_present(const dsi_parquet_reader *r, const struct span *s)
{
    size_t present = 0;

    if (!s->levels) {
        return s->level == r->leaf->max_def ? s->rows : 0;
    }
    for (size_t i = 0; i < s->rows; i++) {
        present += s->levels[i] == r->leaf->max_def;
    }
    return present;
}

// Appends validity and levels of the first `rows` rows of a span; not yet counted.
static int append_validity(const dsi_parquet_reader *r, const struct span *s, size_t rows,
                           struct dsi_parquet_column *out, struct ds_error *err)
{
    struct span part = {rows, s->levels, s->level};
    size_t nulls = rows - count_present(r, &part);
    size_t at = out->rows;
    bool first = out->validity.size == 0;
    int rc = DS_OK;

    if (r->options.keep_levels) {
        DSI_TRY(dsi_buf_reserve(&out->defs, rows, err));
        if (s->levels) {
            DSI_TRY(dsi_buf_append(&out->defs, s->levels, rows, err));
        } else {
            memset(out->defs.data + out->defs.size, s->level, rows);
            out->defs.size += rows;
        }
    }
    if (nulls == 0 && out->null_count == 0) {
        return DS_OK;
    }
    DSI_TRY(dsi_buf_append_zero(&out->validity, (at + rows + 7) / 8 - out->validity.size,
                                err));
    if (first) {
        dsi_bits_fill(out->validity.data, 0, at);
    }
    if (nulls == 0) {
        dsi_bits_fill(out->validity.data, at, rows);
    } else if (nulls < rows) {
        for (size_t i = 0; i < rows; i++) {
            dsi_bit_or(out->validity.data, at + i, s->levels[i] == r->leaf->max_def);
        }
    }
    out->null_count += nulls;
done:
    return rc;
}

// Moves `present` values that stand together to where the levels say; zeros between.
static void spread(uint8_t *values, size_t width, const struct span *s, int32_t max_def,
                   size_t present)
{
    for (size_t row = s->rows; row > present; row--) {
        if (s->levels[row - 1] == max_def) {
            present--;
            memmove(values + (row - 1) * width, values + present * width, width);
        } else {
            memset(values + (row - 1) * width, 0, width);
        }
    }
}

static void spread_bits(uint8_t *bits, size_t at, const struct span *s, int32_t max_def,
                        size_t present)
{
    uint8_t packed[DSI_PARQUET_BLOCK / 8] = {0};
    size_t next = 0;

    dsi_bits_copy(packed, 0, bits, at, present);
    for (size_t i = 0; i < s->rows; i++) {
        bits[(at + i) / 8] &= (uint8_t) ~(1u << (at + i) % 8);
        if (s->levels[i] == max_def) {
            dsi_bit_or(bits, at + i, dsi_bit_get(packed, next++));
        }
    }
}

static int append_fixed(dsi_parquet_reader *r, struct span *s,
                        struct dsi_parquet_column *out, struct ds_error *err)
{
    size_t width = dsi_parquet_width(&r->leaf->field);
    size_t before = out->values.size;
    size_t present = 0;
    int rc = DS_OK;

    if (width == 0 && s->rows > DSI_PARQUET_BLOCK) {
        s->rows = DSI_PARQUET_BLOCK;
    }
    present = count_present(r, s);
    DSI_TRY(dsi_parquet_values_fixed(&r->values, present, out, err));
    if (width == 0) {
        DSI_TRY(dsi_buf_append_zero(
            &out->values, (out->rows + s->rows + 7) / 8 - out->values.size, err));
        if (present > 0 && present < s->rows) {
            spread_bits(out->values.data, out->rows, s, r->leaf->max_def, present);
        }
    } else if (present < s->rows) {
        if (s->rows > SIZE_MAX / width) {
            return corrupt(r, "more rows than memory has addresses", err);
        }
        DSI_TRY(dsi_buf_append_zero(&out->values, (s->rows - present) * width, err));
        if (present > 0) {
            spread(out->values.data + before, width, s, r->leaf->max_def, present);
        }
    }
    DSI_TRY(append_validity(r, s, s->rows, out, err));
done:
    return rc;
}

static int append_bytes(dsi_parquet_reader *r, struct span *s,
                        struct dsi_parquet_column *out, struct ds_error *err)
{
    uint8_t nulls[DSI_PARQUET_BLOCK];
    const uint8_t *levels = s->levels;
    size_t rows = 0;
    int rc = DS_OK;

    if (!levels && s->level != r->leaf->max_def) {
        s->rows = s->rows < DSI_PARQUET_BLOCK ? s->rows : DSI_PARQUET_BLOCK;
        memset(nulls, s->level, s->rows);
        levels = nulls;
    }
    if (out->values.size == 0) {
        DSI_TRY(dsi_buf_append_zero(&out->values, sizeof(int32_t), err));
    }
    DSI_TRY(dsi_parquet_values_bytes(&r->values, s->rows, levels, r->leaf->max_def, out,
                                     &rows, err));
    s->rows = rows;
    DSI_TRY(append_validity(r, s, rows, out, err));
done:
    return rc;
}

int dsi_parquet_reader_read(dsi_parquet_reader *r, size_t rows_max,
                            struct dsi_parquet_column *out, size_t *rows,
                            struct ds_error *err)
{
    bool bytes = r->leaf->field.physical == DSI_PARQUET_BYTE_ARRAY;
    int rc = DS_OK;

    *rows = 0;
    while (*rows < rows_max && r->rows_left > 0) {
        struct span s = {0};
        if (r->page_rows_left == 0) {
            DSI_TRY(next_page(r, err));
        }
        if (!r->loaded) {
            DSI_TRY(load_page(r, err));
        }
        DSI_TRY(next_span(r, rows_max - *rows, &s, err));
        if (bytes) {
            DSI_TRY(append_bytes(r, &s, out, err));
        } else {
            DSI_TRY(append_fixed(r, &s, out, err));
        }
        pass_span(r, &s, s.rows);
        out->rows += s.rows;
        out->elements += s.rows;
        out->slots += s.rows;
        *rows += s.rows;
        if (s.rows == 0) {
            break; // The next value does not fit: a short batch.
        }
    }
done:
    return rc;
}

int dsi_parquet_reader_skip(dsi_parquet_reader *r, int64_t rows, struct ds_error *err)
{
    struct dsi_parquet_column passed = DSI_PARQUET_COLUMN_INIT;
    int rc = DS_OK;

    if (rows > r->rows_left) {
        return dsi_corrupt(err, "column %s: %lld rows to skip, %lld left", r->name,
                           (long long)rows, (long long)r->rows_left);
    }
    while (rows > 0) {
        size_t n = 0;
        if (r->page_rows_left == 0) {
            DSI_TRY(next_page(r, err));
        }
        if ((int64_t)r->page_rows_left <= rows) {
            rows -= (int64_t)r->page_rows_left;
            r->rows_left -= (int64_t)r->page_rows_left;
            r->page_rows_left = 0;
            continue;
        }
        size_t want = rows < DSI_PARQUET_BLOCK ? (size_t)rows : DSI_PARQUET_BLOCK;
        DSI_TRY(dsi_parquet_reader_read(r, want, &passed, &n, err));
        rows -= (int64_t)n;
        dsi_parquet_column_release(&passed);
    }
done:
    dsi_parquet_column_release(&passed);
    return rc;
}

int64_t dsi_parquet_reader_rows_left(const dsi_parquet_reader *r)
{
    return r->rows_left;
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

int dsi_parquet_reader_new(const struct dsi_parquet_node *leaf,
                           const struct dsi_parquet_chunk *chunk, struct ds_slice bytes,
                           const struct dsi_parquet_read_options *options,
                           dsi_parquet_reader **out, struct ds_error *err)
{
    enum dsi_compression codec = DSI_COMPRESSION_NONE;
    char name[128];

    *out = NULL;
    dsi_parquet_path(leaf, name, sizeof name);
    if (leaf->max_rep > 0) {
        return dsi_fail(err, DS_EUNSUPPORTED,
                        "column %s: reading lists and maps is not supported", name);
    }
    if (!codec_of(chunk->codec, &codec)) {
        return dsi_fail(err, DS_EUNSUPPORTED,
                        "column %s: compression %s (%d) is not supported", name,
                        dsi_parquet_codec_name(chunk->codec), (int)chunk->codec);
    }
    if (chunk->size < 0 || (uint64_t)chunk->size != bytes.size) {
        return dsi_fail(err, DS_EINVALID, "column %s: %zu bytes of a chunk of %lld", name,
                        bytes.size, (long long)chunk->size);
    }
    dsi_parquet_reader *r = dsi_calloc(1, sizeof *r);
    if (!r) {
        return dsi_no_memory(err, "a parquet column reader");
    }
    memcpy(r->name, name, sizeof name);
    r->leaf = leaf;
    r->chunk = chunk;
    r->codec = codec;
    r->rest = bytes;
    r->rows_left = chunk->value_count;
    if (options) {
        r->options = *options;
    }
    if (r->options.page_bytes_max == 0) {
        r->options.page_bytes_max = (size_t)1 << 30;
    }
    *out = r;
    return DS_OK;
}
