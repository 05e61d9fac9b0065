#include "data/data_column.h"

#include <assert.h>
#include <stdio.h>

#include "base/checked.h"
#include "base/error.h"
#include "base/random.h"
#include "base/text.h"
#include "codec/kernel/kernel.h"
#include "data/data_convert.h"
#include "data/data_metrics.h"
#include "data/data_schema.h"

static bool is_timestamp(const struct dsi_type *t, bool ns)
{
    return ns ? t->kind == DSI_TYPE_TIMESTAMP_NS || t->kind == DSI_TYPE_TIMESTAMPTZ_NS
              : t->kind == DSI_TYPE_TIMESTAMP || t->kind == DSI_TYPE_TIMESTAMPTZ;
}

static bool is_geo(const struct dsi_type *t)
{
    return t->kind == DSI_TYPE_GEOMETRY || t->kind == DSI_TYPE_GEOGRAPHY;
}

// What other writers store for a type: the zone flag says nothing about the bytes, and
// old writers did not annotate their strings.
static bool readable(const struct dsi_type *from, const struct dsi_type *to)
{
    if (dsi_type_promotes(from, to)) {
        return true;
    }
    if ((is_timestamp(from, false) && is_timestamp(to, false)) ||
        (is_timestamp(from, true) && is_timestamp(to, true))) {
        return true;
    }
    if (from->kind == DSI_TYPE_DECIMAL && to->kind == DSI_TYPE_DECIMAL) {
        return from->scale == to->scale; // Values are checked against the precision.
    }
    if (to->kind == DSI_TYPE_UUID) { // DataShard's are not annotated, or are text.
        return from->kind == DSI_TYPE_STRING ||
               (from->kind == DSI_TYPE_FIXED && from->length == 16);
    }
    if (is_geo(to)) { // The table knows the reference system better than the file.
        return from->kind == to->kind || from->kind == DSI_TYPE_BINARY;
    }
    return (from->kind == DSI_TYPE_BINARY || from->kind == DSI_TYPE_STRING) &&
           (to->kind == DSI_TYPE_BINARY || to->kind == DSI_TYPE_STRING);
}

void dsi_data_column_name(const struct dsi_parquet_node *node,
                          const struct dsi_field *field, char *out, size_t size)
{
    if (node->parent && node->parent->parent) {
        dsi_parquet_path(node, out, size);
    } else {
        snprintf(out, size, "%s", field->name);
    }
}

int64_t dsi_data_column_row(const struct dsi_parquet_node *leaf,
                            const struct dsi_parquet_column *c, size_t element)
{
    int64_t row = -1;

    if (c->reps.size < c->slots || c->defs.size < c->slots) {
        return (int64_t)element;
    }
    for (size_t i = 0; i < c->slots; i++) {
        row += c->reps.data[i] == 0;
        if (c->defs.data[i] >= leaf->element_def && element-- == 0) {
            break;
        }
    }
    return row;
}

int dsi_data_column_check(const struct dsi_parquet_node *leaf,
                          const struct dsi_field *field, struct ds_error *err)
{
    struct dsi_type from;
    char have[64];
    char want[64];

    dsi_type_format(&field->type, want, sizeof want);
    int rc = dsi_data_leaf_type(leaf, &from, err);
    if (rc < 0) {
        return rc;
    }
    if (!readable(&from, &field->type)) {
        char path[256];
        dsi_data_column_name(leaf, field, path, sizeof path);
        dsi_type_format(&from, have, sizeof have);
        return dsi_corrupt(err, "column %s: the file has a %s, expected a %s", path, have,
                           want);
    }
    return DS_OK;
}

// A leaf on its way into a column.
struct moving {
    const struct dsi_parquet_node *leaf;
    struct dsi_parquet_column *in;
    struct dsi_type from;
    int64_t row_base;
    struct dsi_batch *b;
    struct dsi_column *out;
    struct ds_error *err;
};

static int value_error(const struct moving *m, int64_t element, const char *what)
{
    char path[256];
    int64_t row = dsi_data_column_row(m->leaf, m->in, (size_t)element);

    dsi_data_column_name(m->leaf, m->out->field, path, sizeof path);
    return dsi_corrupt(m->err, "column %s, row %lld: %s", path,
                       (long long)m->row_base + row, what);
}

// As arrow_bytes.c does: all bytes at once, and each value only if that fails.
static int check_text(const struct moving *m)
{
    const struct dsi_column *c = m->out;
    const uint8_t *bytes = c->values;
    int32_t end = c->offsets[c->length];
    enum dsi_text_kind kind = dsi_kernels()->text_kind(bytes, (size_t)end);
    bool valid = kind != DSI_TEXT_BAD;

    if (kind == DSI_TEXT_ASCII) { // A value may begin anywhere.
        return DS_OK;
    }
    for (int64_t i = 0; valid && i < c->length; i++) {
        int32_t at = c->offsets[i];
        valid = at == end || (bytes[at] & 0xc0) != 0x80;
    }
    for (int64_t i = 0; !valid && i < c->length; i++) {
        if (!dsi_column_is_null(c, i) && !dsi_utf8_valid(dsi_column_bytes(c, i))) {
            return value_error(m, i, "text that is not UTF-8");
        }
    }
    return DS_OK;
}

static int move_bytes(const struct moving *m)
{
    struct dsi_column *out = m->out;
    static const uint8_t nothing[1];
    static const int32_t no_offsets[1];
    const void *offsets = NULL;
    int rc = DS_OK;

    DSI_TRY(dsi_batch_own_buf(m->b, &m->in->values, &offsets, m->err));
    DSI_TRY(dsi_batch_own_buf(m->b, &m->in->bytes, &out->values, m->err));
    out->offsets = offsets ? offsets : no_offsets; // Nothing was ever appended.
    if (!out->values) {
        out->values = nothing;
    }
    if (out->field->type.kind == DSI_TYPE_STRING) {
        DSI_TRY(check_text(m));
    }
done:
    return rc;
}

// One stored value as a parquet value; the codec's buffers are in the host's order.
static void stored_value(const struct dsi_parquet_field *f, const uint8_t *at,
                         struct dsi_parquet_value *out)
{
    out->physical = f->physical;
    switch (f->physical) {
    case DSI_PARQUET_INT32:
        memcpy(&out->as.i32, at, 4);
        break;
    case DSI_PARQUET_FLOAT:
        memcpy(&out->as.f32, at, 4);
        break;
    case DSI_PARQUET_INT64:
        memcpy(&out->as.i64, at, 8);
        break;
    case DSI_PARQUET_DOUBLE:
        memcpy(&out->as.f64, at, 8);
        break;
    default:
        out->as.bytes = (struct ds_slice){at, dsi_parquet_width(f)};
        break;
    }
}

// IEEE 754 binary16.
static float half_to_float(const uint8_t in[2])
{
    uint32_t h = (uint32_t)in[0] | (uint32_t)in[1] << 8;
    uint32_t exponent = h >> 10 & 0x1f;
    uint32_t bits = (h & 0x8000) << 16 | (h & 0x3ff) << 13;
    float v = 0;

    if (exponent == 0) { // Zero, or a subnormal: fraction * 2^-24, exact in a float.
        v = (float)(h & 0x3ff) * (1.0f / 16777216.0f);
        return h & 0x8000 ? -v : v;
    }
    bits |= exponent == 0x1f ? 0x7f800000 : (exponent + 112) << 23;
    memcpy(&v, &bits, sizeof v);
    return v;
}

// A stored value as one of the leaf's Iceberg type. A time of day with nanoseconds is
// none.
static bool value_of(const struct dsi_parquet_field *f, const struct dsi_type *from,
                     const struct dsi_parquet_value *pv, struct dsi_value *out)
{
    if (from->kind == DSI_TYPE_TIME && f->logical.unit == DSI_PARQUET_NANOS &&
        pv->as.i64 % 1000 != 0) {
        return false;
    }
    if (f->physical == DSI_PARQUET_INT96) {
        *out = (struct dsi_value){.kind = from->kind};
        return dsi_parquet_int96_to_micros(pv->as.bytes.data, &out->as.i64);
    }
    if (f->physical == DSI_PARQUET_FIXED && from->kind == DSI_TYPE_FLOAT) {
        *out = (struct dsi_value){.kind = from->kind};
        out->as.f32 = half_to_float(pv->as.bytes.data);
        return true;
    }
    return dsi_metrics_value(f, from, pv, out);
}

// Converts one value to the type that is read; false when it does not fit.
static bool convert_value(const struct dsi_parquet_field *f, const struct dsi_type *from,
                          const struct dsi_type *to, const struct dsi_parquet_value *pv,
                          uint8_t *out)
{
    struct dsi_value v;

    assert(out);
    if (!value_of(f, from, pv, &v)) {
        return false;
    }
    if (to->kind == DSI_TYPE_DECIMAL) {
        if (!dsi_int128_fits(v.as.decimal, to->precision)) {
            return false;
        }
        memcpy(out, &v.as.decimal, 16);
        return true;
    }
    bool same =
        from->kind == to->kind || (is_timestamp(from, false) && is_timestamp(to, false));
    if (!same && dsi_value_cast(&v, from, to, &v, NULL) < 0) {
        return false;
    }
    memcpy(out, &v.as, dsi_layout_width(to)); // Each member begins where the union does.
    return true;
}

// Whether the codec's values are the batch's, byte for byte, and need no check.
static bool same_bytes(const struct dsi_parquet_field *f, const struct dsi_type *from,
                       const struct dsi_type *to)
{
    bool micros =
        f->physical == DSI_PARQUET_INT64 && f->logical.unit == DSI_PARQUET_MICROS;
    bool nanos = f->physical == DSI_PARQUET_INT64 && f->logical.unit == DSI_PARQUET_NANOS;

    switch (to->kind) {
    case DSI_TYPE_TIMESTAMP:
    case DSI_TYPE_TIMESTAMPTZ:
        return micros && is_timestamp(from, false);
    case DSI_TYPE_TIMESTAMP_NS:
    case DSI_TYPE_TIMESTAMPTZ_NS:
        return nanos && is_timestamp(from, true);
    case DSI_TYPE_TIME:
    case DSI_TYPE_DECIMAL:
        return false;
    case DSI_TYPE_LONG:
        return f->physical == DSI_PARQUET_INT64;
    case DSI_TYPE_FLOAT:
        return f->physical == DSI_PARQUET_FLOAT;
    case DSI_TYPE_UUID:
        return f->physical == DSI_PARQUET_FIXED;
    default:
        return from->kind == to->kind;
    }
}

static int move_fixed(const struct moving *m)
{
    const struct dsi_parquet_field *f = &m->leaf->field;
    const struct dsi_type *to = &m->out->field->type;
    size_t count = m->in->elements;
    size_t width = dsi_layout_width(to);
    size_t stored = dsi_parquet_width(f);
    const uint8_t *in = m->in->values.data;

    if (same_bytes(f, &m->from, to)) {
        return dsi_batch_own_buf(m->b, &m->in->values, &m->out->values, m->err);
    }
    uint8_t *values = dsi_batch_malloc(m->b, count * width);
    if (!values) {
        return dsi_no_memory(m->err, "converting a column");
    }
    m->out->values = values;
    if (dsi_data_convert(f, &m->from, to, in, count, values)) {
        return DS_OK;
    }
    memset(values, 0, count * width); // Nulls are zeros.
    for (int64_t i = 0; i < m->out->length; i++) {
        struct dsi_parquet_value pv;
        if (dsi_column_is_null(m->out, i)) {
            continue;
        }
        stored_value(f, in + (size_t)i * stored, &pv);
        if (!convert_value(f, &m->from, to, &pv, values + (size_t)i * width)) {
            return value_error(m, i, "a value out of its type's range");
        }
    }
    return DS_OK;
}

// Decimals that the file stores as byte arrays of any length.
static int move_byte_decimals(const struct moving *m)
{
    const int32_t *offsets = (const int32_t *)(const void *)m->in->values.data;
    uint8_t *values = dsi_batch_calloc(m->b, m->in->elements * 16);

    if (!values) {
        return dsi_no_memory(m->err, "converting a column");
    }
    m->out->values = values;
    for (int64_t i = 0; i < m->out->length; i++) {
        struct dsi_parquet_value pv = {.physical = DSI_PARQUET_BYTE_ARRAY};
        if (dsi_column_is_null(m->out, i)) {
            continue;
        }
        pv.as.bytes = (struct ds_slice){m->in->bytes.data + offsets[i],
                                        (size_t)(offsets[i + 1] - offsets[i])};
        if (!convert_value(&m->leaf->field, &m->from, &m->out->field->type, &pv,
                           values + i * 16)) {
            return value_error(m, i, "a value out of its type's range");
        }
    }
    return DS_OK;
}

static int move_text_uuids(const struct moving *m)
{
    const int32_t *offsets = (const int32_t *)(const void *)m->in->values.data;
    uint8_t *values = dsi_batch_calloc(m->b, m->in->elements * 16);

    if (!values) {
        return dsi_no_memory(m->err, "converting a column");
    }
    m->out->values = values;
    for (int64_t i = 0; i < m->out->length; i++) {
        struct dsi_uuid uuid;
        const char *text = (const char *)m->in->bytes.data + offsets[i];
        if (dsi_column_is_null(m->out, i)) {
            continue;
        }
        if (!dsi_uuid_parse(text, (size_t)(offsets[i + 1] - offsets[i]), &uuid)) {
            return value_error(m, i, "a text that is no UUID");
        }
        memcpy(values + i * 16, uuid.bytes, sizeof uuid.bytes);
    }
    return DS_OK;
}

// Fixed layouts in byte arrays.
static int move_byte_values(const struct moving *m)
{
    return m->out->field->type.kind == DSI_TYPE_UUID ? move_text_uuids(m)
                                                     : move_byte_decimals(m);
}

static int move_values(const struct moving *m)
{
    static const uint8_t nothing[1];
    bool bytes = m->leaf->field.physical == DSI_PARQUET_BYTE_ARRAY;
    int rc = DS_OK;

    if (m->from.kind == DSI_TYPE_UNKNOWN) {
        return dsi_column_fill_null(m->b, (int64_t)m->in->elements, m->out, m->err);
    }
    switch (dsi_layout_of(&m->out->field->type)) {
    case DSI_LAYOUT_BITS:
        rc = dsi_batch_own_buf(m->b, &m->in->values, &m->out->values, m->err);
        break;
    case DSI_LAYOUT_BYTES:
        return move_bytes(m);
    default:
        rc = bytes ? move_byte_values(m) : move_fixed(m);
        break;
    }
    if (rc == DS_OK && !m->out->values) {
        m->out->values = nothing; // No elements at all.
    }
    return rc;
}

// A required field has no nulls but those of the parents it has in the file. They are no
// nulls of its own, and mean nothing.
static int check_required(const struct moving *m)
{
    const struct dsi_parquet_node *leaf = m->leaf;
    bool nested = (leaf->parent && leaf->parent->parent) || leaf->max_rep > 0;
    bool optional = leaf->field.repetition == DSI_PARQUET_OPTIONAL;
    size_t element = 0;

    if (!m->out->field->required || m->in->null_count == 0) {
        return DS_OK;
    }
    for (int64_t i = 0; !nested && i < m->out->length; i++) {
        if (dsi_column_is_null(m->out, i)) {
            return value_error(m, i, "null in a required column");
        }
    }
    for (size_t i = 0; optional && i < m->in->defs.size; i++) {
        if (m->in->defs.data[i] == leaf->max_def - 1) {
            return value_error(m, (int64_t)element, "null in a required column");
        }
        element += m->in->defs.data[i] >= leaf->element_def;
    }
    m->out->validity = NULL;
    m->out->null_count = 0;
    return DS_OK;
}

int dsi_data_column_move(const struct dsi_parquet_node *leaf,
                         struct dsi_parquet_column *in, int64_t row_base,
                         struct dsi_batch *b, struct dsi_column *out,
                         struct ds_error *err)
{
    struct moving m = {
        .leaf = leaf, .in = in, .row_base = row_base, .b = b, .out = out, .err = err};
    const void *validity = NULL;
    int rc = DS_OK;

    out->length = (int64_t)in->elements;
    out->offset = 0;
    out->null_count = (int64_t)in->null_count;
    out->validity = NULL; // It may have been read into before.
    if (in->null_count > 0) {
        DSI_TRY(dsi_batch_own_buf(b, &in->validity, &validity, err));
        out->validity = validity;
    }
    DSI_TRY(dsi_data_leaf_type(leaf, &m.from, err));
    DSI_TRY(move_values(&m));
    DSI_TRY(check_required(&m));
done:
    dsi_buf_release(&in->validity);
    dsi_buf_release(&in->values);
    dsi_buf_release(&in->bytes);
    return rc;
}
