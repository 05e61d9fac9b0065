// Values as bytes. Iceberg specification, Appendix D, "Binary single-value
// serialization".
#include <assert.h>
#include <math.h>
#include <string.h>

#include "base/checked.h"
#include "base/error.h"
#include "base/text.h"
#include "model/value.h"
#include "model/value_units.h"

static int put_le(struct dsi_buf *out, uint64_t v, size_t size, struct ds_error *err)
{
    uint8_t bytes[8];
    for (size_t i = 0; i < size; i++) {
        bytes[i] = (uint8_t)(v >> (8 * i));
    }
    return dsi_buf_append(out, bytes, size, err);
}

static uint64_t get_le(struct ds_slice bytes)
{
    uint64_t v = 0;
    for (size_t i = bytes.size; i > 0; i--) {
        v = v << 8 | bytes.data[i - 1];
    }
    return v;
}

int dsi_value_to_bytes(const struct dsi_value *v, struct dsi_buf *out,
                       struct ds_error *err)
{
    uint8_t decimal[16];
    uint32_t half = 0;
    uint64_t whole = 0;

    assert(!v->null);
    switch (v->kind) {
    case DSI_TYPE_BOOLEAN:
        return dsi_buf_append_byte(out, v->as.boolean, err);
    case DSI_TYPE_INT:
    case DSI_TYPE_DATE:
        return put_le(out, (uint32_t)v->as.i32, 4, err);
    case DSI_TYPE_LONG:
    case DSI_TYPE_TIME:
    case DSI_TYPE_TIMESTAMP:
    case DSI_TYPE_TIMESTAMPTZ:
    case DSI_TYPE_TIMESTAMP_NS:
    case DSI_TYPE_TIMESTAMPTZ_NS:
        return put_le(out, (uint64_t)v->as.i64, 8, err);
    case DSI_TYPE_FLOAT:
        memcpy(&half, &v->as.f32, sizeof half);
        return put_le(out, half, 4, err);
    case DSI_TYPE_DOUBLE:
        memcpy(&whole, &v->as.f64, sizeof whole);
        return put_le(out, whole, 8, err);
    case DSI_TYPE_DECIMAL:
        return dsi_buf_append(out, decimal, dsi_int128_to_be(v->as.decimal, decimal),
                              err);
    default:
        assert(dsi_kind_holds_bytes(v->kind));
        return dsi_buf_append(out, v->as.bytes.data, v->as.bytes.size, err);
    }
}

static int wrong_size(const struct dsi_type *type, struct ds_slice bytes,
                      struct ds_error *err)
{
    char name[64];
    dsi_type_format(type, name, sizeof name);
    return dsi_corrupt(err, "%zu bytes are no value of type %s", bytes.size, name);
}

static bool i64_from(const struct dsi_type *type, struct ds_slice bytes, int64_t *out)
{
    if (bytes.size == 8) {
        *out = (int64_t)get_le(bytes);
        return true;
    }
    if (bytes.size != 4 || type->kind == DSI_TYPE_TIME) {
        return false;
    }
    int32_t narrow = (int32_t)(uint32_t)get_le(bytes);
    if (type->kind == DSI_TYPE_LONG) { // It was an int.
        *out = narrow;
        return true;
    }
    // It was a date.
    return dsi_mul_i64(narrow, dsi_kind_is_ns(type->kind) ? DSI_DAY_NS : DSI_DAY_US, out);
}

static bool float_from(const struct dsi_type *type, struct ds_slice bytes,
                       struct dsi_value *v)
{
    uint64_t bits = bytes.size == 4 || bytes.size == 8 ? get_le(bytes) : 0;
    uint32_t half = (uint32_t)bits;
    if (bytes.size == 4) {
        memcpy(&v->as.f32, &half, sizeof half);
        if (type->kind == DSI_TYPE_DOUBLE) { // It was a float.
            v->as.f64 = (double)v->as.f32;
        }
        return true;
    }
    if (bytes.size == 8 && type->kind == DSI_TYPE_DOUBLE) {
        memcpy(&v->as.f64, &bits, sizeof bits);
        return true;
    }
    return false;
}

static bool bytes_fit(const struct dsi_type *type, struct ds_slice bytes)
{
    switch (type->kind) {
    case DSI_TYPE_STRING:
        return dsi_utf8_valid(bytes);
    case DSI_TYPE_UUID:
        return bytes.size == 16;
    case DSI_TYPE_FIXED:
        // A bound may be cut short, so less than the length is a value too.
        return bytes.size <= (size_t)type->length;
    default:
        return dsi_kind_holds_bytes(type->kind);
    }
}

int dsi_value_from_bytes(const struct dsi_type *type, struct ds_slice bytes,
                         struct dsi_value *out, struct ds_error *err)
{
    struct dsi_value v = {.kind = type->kind};
    bool fits = false;

    switch (type->kind) {
    case DSI_TYPE_BOOLEAN:
        fits = bytes.size == 1;
        v.as.boolean = fits && bytes.data[0] != 0;
        break;
    case DSI_TYPE_INT:
    case DSI_TYPE_DATE:
        fits = bytes.size == 4;
        v.as.i32 = fits ? (int32_t)(uint32_t)get_le(bytes) : 0;
        break;
    case DSI_TYPE_LONG:
    case DSI_TYPE_TIME:
    case DSI_TYPE_TIMESTAMP:
    case DSI_TYPE_TIMESTAMPTZ:
    case DSI_TYPE_TIMESTAMP_NS:
    case DSI_TYPE_TIMESTAMPTZ_NS:
        fits = i64_from(type, bytes, &v.as.i64);
        break;
    case DSI_TYPE_FLOAT:
    case DSI_TYPE_DOUBLE:
        fits = float_from(type, bytes, &v);
        break;
    case DSI_TYPE_DECIMAL:
        fits = dsi_int128_from_be(bytes.data, bytes.size, &v.as.decimal) &&
               dsi_int128_fits(v.as.decimal, type->precision);
        break;
    default:
        fits = bytes_fit(type, bytes);
        v.as.bytes = bytes;
        break;
    }
    if (!fits) {
        return wrong_size(type, bytes, err);
    }
    *out = v;
    return DS_OK;
}
