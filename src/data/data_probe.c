#include "data/data_probe.h"

#include <string.h>

#include "base/alloc.h"
#include "base/error.h"
#include "codec/parquet/parquet_bloom.h"
#include "codec/parquet/parquet_page.h"
#include "data/column_layout.h"
#include "data/data_schema.h"

// A dictionary larger than this in the file is not read before its values are needed, and
// this much is read to see how large it is.
enum { DICTIONARY_BYTES_MAX = 1 << 20, HEADER_BYTES = 4096 };

// What is known of a column's values in the row group at hand, read when it is first
// asked for.
struct loaded {
    bool tried;
    struct dsi_parquet_bloom bloom; // No blocks: there is none.
    struct dsi_buf page;            // The dictionary's, if there is no filter, and …
    dsi_parquet_reader *dictionary; // … a reader that has nothing else.
};

struct probe {
    struct dsi_data_columns *columns;
    struct loaded *loaded; // One for each column.
    int rc;                // What went wrong while probing.
    struct ds_error *err;
};

// The bytes of an integer, least significant first, whatever the host.
static enum dsi_stored put_int(uint64_t v, size_t width, struct dsi_buf *out)
{
    for (size_t i = 0; i < width; i++) {
        if (dsi_buf_append_byte(out, (uint8_t)(v >> (8 * i)), NULL) < 0) {
            return DSI_STORED_MANY;
        }
    }
    return DSI_STORED_ONE;
}

static enum dsi_stored put_bytes(struct ds_slice bytes, struct dsi_buf *out)
{
    return dsi_buf_append(out, bytes.data, bytes.size, NULL) < 0 ? DSI_STORED_MANY
                                                                 : DSI_STORED_ONE;
}

static enum dsi_stored put_integer(const struct dsi_parquet_field *f, int64_t v,
                                   struct dsi_buf *out)
{
    if (f->logical.kind == DSI_PARQUET_LOGICAL_INTEGER && !f->logical.is_signed) {
        return DSI_STORED_MANY; // The same bits are another number.
    }
    if (f->physical == DSI_PARQUET_INT64) {
        return put_int((uint64_t)v, 8, out);
    }
    if (f->physical != DSI_PARQUET_INT32) {
        return DSI_STORED_MANY;
    }
    return v < INT32_MIN || v > INT32_MAX ? DSI_STORED_NEVER
                                          : put_int((uint64_t)v, 4, out);
}

// Both zeros are equal, and are stored as they are; NaN equals nothing.
static enum dsi_stored put_float(const struct dsi_parquet_field *f,
                                 const struct dsi_value *v, struct dsi_buf *out)
{
    uint64_t bits = 0;

    if (v->kind == DSI_TYPE_FLOAT && f->physical == DSI_PARQUET_FLOAT) {
        uint32_t half = 0;
        memcpy(&half, &v->as.f32, sizeof half);
        return v->as.f32 == 0 ? DSI_STORED_MANY : put_int(half, 4, out);
    }
    if (v->kind == DSI_TYPE_DOUBLE && f->physical == DSI_PARQUET_DOUBLE) {
        memcpy(&bits, &v->as.f64, sizeof bits);
        return v->as.f64 == 0 ? DSI_STORED_MANY : put_int(bits, 8, out);
    }
    return DSI_STORED_MANY;
}

static enum dsi_stored put_decimal(const struct dsi_parquet_field *f, dsi_int128 v,
                                   struct dsi_buf *out)
{
    size_t width = (size_t)f->type_length;

    if (f->physical == DSI_PARQUET_INT32 || f->physical == DSI_PARQUET_INT64) {
        return v < INT64_MIN || v > INT64_MAX ? DSI_STORED_NEVER
                                              : put_integer(f, (int64_t)v, out);
    }
    if (f->physical != DSI_PARQUET_FIXED || width > 16) {
        return DSI_STORED_MANY; // Byte arrays may have any number of leading zeros.
    }
    dsi_int128 limit = width < 16 ? (dsi_int128)1 << (8 * width - 1) : 0;
    if (width < 16 && (v >= limit || v < -limit)) {
        return DSI_STORED_NEVER;
    }
    for (size_t i = width; i-- > 0;) {
        if (dsi_buf_append_byte(out, (uint8_t)((dsi_uint128)v >> (8 * i)), NULL) < 0) {
            return DSI_STORED_MANY;
        }
    }
    return DSI_STORED_ONE;
}

static bool same_unit(const struct dsi_parquet_field *f, enum dsi_parquet_unit unit)
{
    return f->physical == DSI_PARQUET_INT64 && f->logical.unit == unit;
}

enum dsi_stored dsi_data_stored_value(const struct dsi_parquet_node *leaf,
                                      const struct dsi_type *type,
                                      const struct dsi_value *v, struct dsi_buf *out)
{
    const struct dsi_parquet_field *f = &leaf->field;
    bool bytes = f->physical == DSI_PARQUET_BYTE_ARRAY;
    struct dsi_type from;

    out->size = 0;
    if (v->null || v->kind != type->kind || dsi_data_leaf_type(leaf, &from, NULL) < 0) {
        return DSI_STORED_MANY;
    }
    bool integer = from.kind == DSI_TYPE_INT || from.kind == DSI_TYPE_LONG;
    switch (type->kind) {
    case DSI_TYPE_INT:
        return integer ? put_integer(f, v->as.i32, out) : DSI_STORED_MANY;
    case DSI_TYPE_LONG:
        return integer ? put_integer(f, v->as.i64, out) : DSI_STORED_MANY;
    case DSI_TYPE_DATE:
        return from.kind == type->kind ? put_integer(f, v->as.i32, out) : DSI_STORED_MANY;
    case DSI_TYPE_TIME:
    case DSI_TYPE_TIMESTAMP:
    case DSI_TYPE_TIMESTAMPTZ:
        return same_unit(f, DSI_PARQUET_MICROS) ? put_integer(f, v->as.i64, out)
                                                : DSI_STORED_MANY;
    case DSI_TYPE_TIMESTAMP_NS:
    case DSI_TYPE_TIMESTAMPTZ_NS:
        return same_unit(f, DSI_PARQUET_NANOS) ? put_integer(f, v->as.i64, out)
                                               : DSI_STORED_MANY;
    case DSI_TYPE_FLOAT:
    case DSI_TYPE_DOUBLE:
        return put_float(f, v, out);
    case DSI_TYPE_DECIMAL:
        return from.kind == type->kind && from.scale == type->scale
                   ? put_decimal(f, v->as.decimal, out)
                   : DSI_STORED_MANY;
    case DSI_TYPE_STRING:
    case DSI_TYPE_BINARY:
        return bytes ? put_bytes(v->as.bytes, out) : DSI_STORED_MANY;
    case DSI_TYPE_UUID:
    case DSI_TYPE_FIXED:
        return f->physical == DSI_PARQUET_FIXED &&
                       (size_t)f->type_length == v->as.bytes.size
                   ? put_bytes(v->as.bytes, out)
                   : DSI_STORED_MANY;
    default:
        return DSI_STORED_MANY;
    }
}

static int load_bloom(struct probe *p, const struct dsi_parquet_chunk *chunk,
                      struct dsi_parquet_bloom *out, struct ds_error *err)
{
    struct dsi_data_io *io = &p->columns->io;
    struct dsi_buf bytes = DSI_BUF_INIT;
    int64_t offset = chunk->bloom_filter_offset;
    size_t size = chunk->bloom_filter_size > 0 ? (size_t)chunk->bloom_filter_size : 0;
    int rc = DS_OK;

    if (offset <= 0 || !dsi_data_io_has(io, offset, 1)) {
        return DS_OK;
    }
    if (size == 0) { // An older file: the header says.
        int64_t left = (int64_t)dsi_file_size(io->file) - offset;
        left = left < DSI_PARQUET_BLOOM_HEAD ? left : DSI_PARQUET_BLOOM_HEAD;
        DSI_TRY(dsi_data_io_read(io, offset, left, &bytes, err));
        DSI_TRY(dsi_parquet_bloom_size(dsi_buf_slice(&bytes), &size, err));
    }
    if (size <= DSI_PARQUET_BLOOM_MAX + DSI_PARQUET_BLOOM_HEAD &&
        dsi_data_io_has(io, offset, (int64_t)size)) {
        DSI_TRY(dsi_data_io_read(io, offset, (int64_t)size, &bytes, err));
        DSI_TRY(dsi_parquet_bloom_parse(dsi_buf_slice(&bytes), out, err));
    }
done:
    dsi_buf_release(&bytes);
    // One that breaks the format, or is of another kind, is as good as none.
    return rc == DS_ECORRUPT || rc == DS_EUNSUPPORTED ? DS_OK : rc;
}

// Reads the dictionary of a chunk whose values are all in it.
static int load_dictionary(struct probe *p, const struct dsi_data_column *c,
                           struct loaded *l, struct ds_error *err)
{
    const struct dsi_parquet_chunk *k = &p->columns->group->columns[c->leaf->leaf];
    const struct dsi_parquet_read_options options = {.partial = true};
    int64_t size = k->size < HEADER_BYTES ? k->size : HEADER_BYTES;
    struct dsi_parquet_page h;
    struct ds_slice page = {0};
    size_t head = 0;
    int rc = DS_OK;

    if (!k->all_indexed || k->size == 0) {
        return DS_OK;
    }
    DSI_TRY(dsi_data_io_read(&p->columns->io, k->offset, size, &l->page, err));
    rc = dsi_parquet_page_head(dsi_buf_slice(&l->page), &h, &head, err);
    if (rc < 0 || h.type != DSI_PARQUET_PAGE_DICTIONARY ||
        h.compressed_size > DICTIONARY_BYTES_MAX ||
        (int64_t)head + h.compressed_size > k->size) {
        return DS_OK; // Whoever reads the rows will say what is wrong.
    }
    size = (int64_t)head + h.compressed_size;
    if (size > (int64_t)l->page.size) {
        DSI_TRY(dsi_data_io_read(&p->columns->io, k->offset, size, &l->page, err));
    }
    page = (struct ds_slice){l->page.data, (size_t)size};
    DSI_TRY(dsi_parquet_reader_new(c->leaf, k, page, &options, &l->dictionary, err));
done:
    return rc == DS_EUNSUPPORTED ? DS_OK : rc;
}

static bool has_stored(struct probe *p, struct loaded *l, struct ds_slice plain)
{
    bool there = true;

    if (l->bloom.blocks) {
        return dsi_parquet_bloom_has(&l->bloom, dsi_parquet_bloom_hash(plain));
    }
    if (l->dictionary) {
        int rc = dsi_parquet_reader_find(l->dictionary, plain, &there, p->err);
        p->rc = rc == DS_ECORRUPT || rc == DS_EUNSUPPORTED ? DS_OK : rc;
        there = there || rc < 0;
        if (rc < 0) {
            dsi_parquet_reader_free(l->dictionary);
            l->dictionary = NULL;
        }
    }
    return there;
}

static bool has(void *arg, int32_t field_id, const struct dsi_value *v)
{
    struct probe *p = arg;
    const struct dsi_data_column *c = NULL;
    struct dsi_buf plain = DSI_BUF_INIT;
    struct loaded *l = NULL;
    bool there = true;

    for (size_t i = 0; i < p->columns->count; i++) {
        if (p->columns->items[i].field->id == field_id) {
            c = &p->columns->items[i];
            l = &p->loaded[i];
        }
    }
    if (!c || !c->leaf || p->rc < 0) {
        return true;
    }
    if (!l->tried) {
        l->tried = true;
        p->rc =
            load_bloom(p, &p->columns->group->columns[c->leaf->leaf], &l->bloom, p->err);
        if (p->rc == DS_OK && !l->bloom.blocks) {
            p->rc = load_dictionary(p, c, l, p->err);
        }
    }
    if (p->rc == DS_OK && (l->bloom.blocks || l->dictionary)) {
        switch (dsi_data_stored_value(c->leaf, &c->field->type, v, &plain)) {
        case DSI_STORED_ONE:
            there = has_stored(p, l, dsi_buf_slice(&plain));
            break;
        case DSI_STORED_NEVER:
            there = false;
            break;
        case DSI_STORED_MANY:
            break;
        }
    }
    dsi_buf_release(&plain);
    return there;
}

int dsi_data_probe(struct dsi_data_columns *c, const struct dsi_data_filter *filter,
                   enum dsi_match *out, struct ds_error *err)
{
    struct probe p = {.columns = c, .err = err};

    *out = DSI_MATCH_SOME;
    p.loaded = dsi_calloc(c->count + 1, sizeof *p.loaded);
    if (!p.loaded) {
        return dsi_no_memory(err, "looking for a value");
    }
    enum dsi_match m = filter->probe(filter->arg, has, &p);
    for (size_t i = 0; i < c->count; i++) {
        dsi_parquet_bloom_release(&p.loaded[i].bloom);
        dsi_parquet_reader_free(p.loaded[i].dictionary);
        dsi_buf_release(&p.loaded[i].page);
    }
    dsi_free(p.loaded);
    *out = p.rc < 0 ? DSI_MATCH_SOME : m;
    return p.rc;
}
