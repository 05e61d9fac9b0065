#include "data/column_layout.h"

#include <assert.h>

#include "base/error.h"

enum dsi_layout dsi_layout_of(const struct dsi_type *t)
{
    switch (t->kind) {
    case DSI_TYPE_UNKNOWN:
        return DSI_LAYOUT_NONE;
    case DSI_TYPE_BOOLEAN:
        return DSI_LAYOUT_BITS;
    case DSI_TYPE_STRING:
    case DSI_TYPE_BINARY:
    case DSI_TYPE_GEOMETRY:
    case DSI_TYPE_GEOGRAPHY:
        return DSI_LAYOUT_BYTES;
    case DSI_TYPE_STRUCT:
    case DSI_TYPE_LIST:
    case DSI_TYPE_MAP:
    case DSI_TYPE_VARIANT:
        return DSI_LAYOUT_NESTED;
    default:
        return DSI_LAYOUT_FIXED;
    }
}

bool dsi_layout_has_offsets(const struct dsi_type *t)
{
    return dsi_layout_of(t) == DSI_LAYOUT_BYTES || t->kind == DSI_TYPE_LIST ||
           t->kind == DSI_TYPE_MAP;
}

size_t dsi_layout_width(const struct dsi_type *t)
{
    switch (t->kind) {
    case DSI_TYPE_INT:
    case DSI_TYPE_DATE:
    case DSI_TYPE_FLOAT:
        return 4;
    case DSI_TYPE_LONG:
    case DSI_TYPE_TIME:
    case DSI_TYPE_TIMESTAMP:
    case DSI_TYPE_TIMESTAMPTZ:
    case DSI_TYPE_TIMESTAMP_NS:
    case DSI_TYPE_TIMESTAMPTZ_NS:
    case DSI_TYPE_DOUBLE:
        return 8;
    case DSI_TYPE_DECIMAL:
    case DSI_TYPE_UUID:
        return 16;
    case DSI_TYPE_FIXED:
        return (size_t)t->length;
    default:
        return 0;
    }
}

// The set bits of a word, without a builtin; compilers know this form.
static int64_t popcount(uint64_t x)
{
    x -= (x >> 1) & UINT64_C(0x5555555555555555);
    x = (x & UINT64_C(0x3333333333333333)) + ((x >> 2) & UINT64_C(0x3333333333333333));
    x = (x + (x >> 4)) & UINT64_C(0x0f0f0f0f0f0f0f0f);
    return (int64_t)(x * UINT64_C(0x0101010101010101) >> 56);
}

int64_t dsi_bits_count(const uint8_t *bits, int64_t first, int64_t count)
{
    int64_t i = first;
    int64_t end = first + count;
    int64_t set = 0;

    for (; i < end && (i & 7) != 0; i++) {
        set += dsi_bit_get(bits, i);
    }
    for (; end - i >= 64; i += 64) {
        uint64_t word = 0;
        memcpy(&word, bits + (i >> 3), sizeof word);
        set += popcount(word);
    }
    for (; i < end; i++) {
        set += dsi_bit_get(bits, i);
    }
    return set;
}

void dsi_bits_copy(uint8_t *out, const uint8_t *bits, int64_t first, int64_t count)
{
    size_t size = dsi_bits_size(count);
    const uint8_t *in = bits + (first >> 3);
    unsigned shift = (unsigned)(first & 7);

    if (count == 0) {
        return;
    }
    // The byte after the last is read only where the wanted bits reach into it.
    size_t in_size = dsi_bits_size((int64_t)shift + count);
    for (size_t i = 0; i < size; i++) {
        unsigned low = in[i];
        unsigned high = shift != 0 && i + 1 < in_size ? in[i + 1] : 0;
        out[i] = (uint8_t)((low >> shift) | (high << (8 - shift)));
    }
    if ((count & 7) != 0) {
        out[size - 1] = (uint8_t)(out[size - 1] & ((1u << (count & 7)) - 1));
    }
}

void *dsi_batch_calloc(struct dsi_batch *b, size_t size)
{
    void *p = dsi_batch_malloc(b, size);
    if (p) {
        memset(p, 0, size);
    }
    return p;
}

int64_t dsi_column_null_count(const struct dsi_column *c)
{
    if (!c->validity) {
        return 0;
    }
    if (c->null_count >= 0) {
        return c->null_count;
    }
    return c->length - dsi_bits_count(c->validity, c->offset, c->length);
}

int dsi_column_make(struct dsi_batch *b, struct dsi_column *out, int64_t count,
                    size_t bytes, bool nulls, struct ds_error *err)
{
    const struct dsi_type *t = &out->field->type;
    enum dsi_layout layout = dsi_layout_of(t);
    bool ok = true;

    if (count > DSI_BATCH_ROWS_MAX || bytes > DSI_COLUMN_BYTES_MAX) {
        return dsi_fail(
            err, DS_EUNSUPPORTED,
            "column %s: %lld rows, %zu bytes are too much for one batch; hand "
            "over smaller ones",
            out->field->name, (long long)count, bytes);
    }
    out->length = count;
    out->offset = 0;
    out->null_count = 0;
    out->validity = NULL;
    out->values = NULL;
    out->offsets = NULL;
    out->offsets64 = NULL;
    if (layout != DSI_LAYOUT_NESTED) {
        size_t width = dsi_layout_width(t);
        ok = width == 0 || (size_t)count <= SIZE_MAX / 2 / width;
        size_t size = layout == DSI_LAYOUT_BITS    ? dsi_bits_size(count)
                      : layout == DSI_LAYOUT_BYTES ? bytes
                                                   : (size_t)count * width;
        out->values = ok ? dsi_batch_calloc(b, size) : NULL;
        ok = out->values != NULL;
    }
    if (ok && dsi_layout_has_offsets(t)) {
        out->offsets = dsi_batch_calloc(b, ((size_t)count + 1) * sizeof *out->offsets);
        ok = out->offsets != NULL;
    }
    if (ok && nulls) {
        out->validity = dsi_batch_calloc(b, dsi_bits_size(count));
        out->null_count = count;
        ok = out->validity != NULL;
    }
    return ok ? DS_OK : dsi_no_memory(err, "making a column");
}

int dsi_column_fill_null(struct dsi_batch *b, int64_t count, struct dsi_column *out,
                         struct ds_error *err)
{
    int64_t below = dsi_layout_has_offsets(&out->field->type) ? 0 : count;
    int rc = dsi_column_make(b, out, count, 0, true, err);

    for (size_t i = 0; rc == DS_OK && i < out->child_count; i++) {
        rc = dsi_column_fill_null(b, below, &out->children[i], err);
    }
    return rc;
}

// The bytes of a value as a column of FIXED layout has them.
static void value_to_fixed(const struct dsi_value *v, size_t width, uint8_t *out)
{
    switch (v->kind) {
    case DSI_TYPE_DECIMAL:
        memcpy(out, &v->as.decimal, 16);
        break;
    case DSI_TYPE_UUID:
    case DSI_TYPE_FIXED:
        assert(v->as.bytes.size == width);
        memcpy(out, v->as.bytes.data, width);
        break;
    default:
        memcpy(out, &v->as, width); // Each member of the union begins where it begins.
        break;
    }
}

int dsi_column_fill(struct dsi_batch *b, const struct dsi_value *v, int64_t count,
                    struct dsi_column *out, struct ds_error *err)
{
    enum dsi_layout layout = dsi_layout_of(&out->field->type);
    size_t bytes = 0;

    if (v->null || layout == DSI_LAYOUT_NONE) {
        return dsi_column_fill_null(b, count, out, err);
    }
    assert(layout != DSI_LAYOUT_NESTED);
    if (layout == DSI_LAYOUT_BYTES) {
        bytes = v->as.bytes.size;
        if (bytes != 0 && (size_t)count > DSI_COLUMN_BYTES_MAX / bytes) {
            bytes = SIZE_MAX; // dsi_column_make says so.
        } else {
            bytes *= (size_t)count;
        }
    }
    int rc = dsi_column_make(b, out, count, bytes, false, err);
    if (rc < 0) {
        return rc;
    }
    uint8_t *values = (uint8_t *)out->values; // Ours, made just now.
    int32_t *offsets = (int32_t *)out->offsets;
    size_t width = dsi_layout_width(&out->field->type);
    if (layout == DSI_LAYOUT_BITS) {
        memset(values, v->as.boolean ? 0xff : 0, dsi_bits_size(count));
        return DS_OK;
    }
    for (int64_t i = 0; i < count; i++) {
        if (layout == DSI_LAYOUT_FIXED) {
            value_to_fixed(v, width, values + (size_t)i * width);
        } else {
            size_t at = (size_t)i * v->as.bytes.size;
            if (v->as.bytes.size > 0) {
                memcpy(values + at, v->as.bytes.data, v->as.bytes.size);
            }
            offsets[i + 1] = (int32_t)(at + v->as.bytes.size);
        }
    }
    return DS_OK;
}
