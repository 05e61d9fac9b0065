// Binary single-value serialization: Iceberg specification, Appendix D.
#include "model/value.h"

#include <string.h>

#include "base/error.h"

static int append_le(struct dsi_buf *out, uint64_t v, size_t size, struct ds_error *err)
{
    uint8_t bytes[8];
    for (size_t i = 0; i < size; i++) {
        bytes[i] = (uint8_t)(v >> (8 * i));
    }
    return dsi_buf_append(out, bytes, size, err);
}

int dsi_value_to_bytes(const struct dsi_value *v, struct dsi_buf *out,
                       struct ds_error *err)
{
    uint32_t bits32 = 0;
    uint64_t bits64 = 0;
    uint8_t be[16];

    switch (v->kind) {
    case DSI_TYPE_BOOLEAN:
        return dsi_buf_append_byte(out, v->as.boolean, err);
    case DSI_TYPE_INT:
    case DSI_TYPE_DATE:
        return append_le(out, (uint32_t)v->as.i32, 4, err);
    case DSI_TYPE_LONG:
    case DSI_TYPE_TIME:
    case DSI_TYPE_TIMESTAMP:
    case DSI_TYPE_TIMESTAMPTZ:
    case DSI_TYPE_TIMESTAMP_NS:
    case DSI_TYPE_TIMESTAMPTZ_NS:
        return append_le(out, (uint64_t)v->as.i64, 8, err);
    case DSI_TYPE_FLOAT:
        memcpy(&bits32, &v->as.f32, 4);
        return append_le(out, bits32, 4, err);
    case DSI_TYPE_DOUBLE:
        memcpy(&bits64, &v->as.f64, 8);
        return append_le(out, bits64, 8, err);
    case DSI_TYPE_DECIMAL:
        return dsi_buf_append(out, be, dsi_int128_to_be(v->as.decimal, be), err);
    default:
        return dsi_buf_append(out, v->as.bytes.data, v->as.bytes.size, err);
    }
}

static uint64_t read_le(struct ds_slice bytes)
{
    uint64_t v = 0;
    for (size_t i = bytes.size; i > 0; i--) {
        v = v << 8 | bytes.data[i - 1];
    }
    return v;
}

static int wrong_size(const struct dsi_type *type, struct ds_slice bytes,
                      struct ds_error *err)
{
    char name[64];
    dsi_type_format(type, name, sizeof name);
    return dsi_corrupt(err, "a %s value of %zu bytes", name, bytes.size);
}

// A date's four bytes under a timestamp: written before the column was promoted.
static bool read_promoted_date(const struct dsi_type *type, struct ds_slice bytes,
                               struct dsi_value *out)
{
    static const struct dsi_type date = {.kind = DSI_TYPE_DATE};
    struct dsi_value days = {.kind = DSI_TYPE_DATE};
    days.as.i32 = (int32_t)read_le(bytes);
    return dsi_value_cast(&days, &date, type, out, NULL) == DS_OK;
}

static bool read_i64(const struct dsi_type *type, struct ds_slice bytes,
                     struct dsi_value *out)
{
    if (bytes.size == 4 && type->kind == DSI_TYPE_LONG) {
        out->as.i64 = (int32_t)read_le(bytes);
        return true;
    }
    if (bytes.size == 4 && type->kind != DSI_TYPE_TIME) {
        return read_promoted_date(type, bytes, out);
    }
    out->as.i64 = (int64_t)read_le(bytes);
    return bytes.size == 8;
}

static bool read_f64(struct ds_slice bytes, struct dsi_value *out)
{
    uint64_t bits = read_le(bytes);
    if (bytes.size == 4) {
        uint32_t narrow = (uint32_t)bits;
        float f = 0;
        memcpy(&f, &narrow, 4);
        out->as.f64 = (double)f;
        return true;
    }
    memcpy(&out->as.f64, &bits, 8);
    return bytes.size == 8;
}

int dsi_value_from_bytes(const struct dsi_type *type, struct ds_slice bytes,
                         struct dsi_value *out, struct ds_error *err)
{
    bool ok = true;
    uint32_t bits = 0;

    *out = (struct dsi_value){.kind = type->kind};
    switch (type->kind) {
    case DSI_TYPE_BOOLEAN:
        ok = bytes.size == 1;
        out->as.boolean = ok && bytes.data[0] != 0;
        break;
    case DSI_TYPE_INT:
    case DSI_TYPE_DATE:
        ok = bytes.size == 4;
        out->as.i32 = ok ? (int32_t)read_le(bytes) : 0;
        break;
    case DSI_TYPE_LONG:
    case DSI_TYPE_TIME:
    case DSI_TYPE_TIMESTAMP:
    case DSI_TYPE_TIMESTAMPTZ:
    case DSI_TYPE_TIMESTAMP_NS:
    case DSI_TYPE_TIMESTAMPTZ_NS:
        ok = bytes.size <= 8 && read_i64(type, bytes, out);
        break;
    case DSI_TYPE_FLOAT:
        ok = bytes.size == 4;
        bits = ok ? (uint32_t)read_le(bytes) : 0;
        memcpy(&out->as.f32, &bits, 4);
        break;
    case DSI_TYPE_DOUBLE:
        ok = bytes.size <= 8 && read_f64(bytes, out);
        break;
    case DSI_TYPE_DECIMAL:
        ok = dsi_int128_from_be(bytes.data, bytes.size, &out->as.decimal) &&
             dsi_int128_fits(out->as.decimal, 38);
        break;
    case DSI_TYPE_UUID:
    case DSI_TYPE_FIXED:
        ok = bytes.size == (type->kind == DSI_TYPE_UUID ? 16 : (size_t)type->length);
        out->as.bytes = bytes;
        break;
    case DSI_TYPE_STRING:
    case DSI_TYPE_BINARY:
    case DSI_TYPE_GEOMETRY:
    case DSI_TYPE_GEOGRAPHY:
        out->as.bytes = bytes;
        break;
    default:
        ok = false;
    }
    return ok ? DS_OK : wrong_size(type, bytes, err);
}
