#include "codec/parquet/parquet_order.h"

#include <assert.h>
#include <string.h>

#include "base/error.h"
#include "base/text.h"
#include "codec/parquet/parquet_bytes.h"

enum dsi_parquet_order dsi_parquet_order_of(const struct dsi_parquet_field *f)
{
    bool is_unsigned =
        f->logical.kind == DSI_PARQUET_LOGICAL_INTEGER && !f->logical.is_signed;

    switch (f->logical.kind) {
    case DSI_PARQUET_LOGICAL_INTERVAL:
    case DSI_PARQUET_LOGICAL_FLOAT16: // Ordered, but nothing we read or write has it.
    case DSI_PARQUET_LOGICAL_GEOMETRY:
    case DSI_PARQUET_LOGICAL_GEOGRAPHY:
    case DSI_PARQUET_LOGICAL_VARIANT:
    case DSI_PARQUET_LOGICAL_OTHER:
        return DSI_PARQUET_ORDER_NONE;
    default:
        break;
    }
    switch (f->physical) {
    case DSI_PARQUET_BOOLEAN:
        return DSI_PARQUET_ORDER_BOOLEAN;
    case DSI_PARQUET_INT32:
        return is_unsigned ? DSI_PARQUET_ORDER_U32 : DSI_PARQUET_ORDER_I32;
    case DSI_PARQUET_INT64:
        return is_unsigned ? DSI_PARQUET_ORDER_U64 : DSI_PARQUET_ORDER_I64;
    case DSI_PARQUET_FLOAT:
        return DSI_PARQUET_ORDER_F32;
    case DSI_PARQUET_DOUBLE:
        return DSI_PARQUET_ORDER_F64;
    case DSI_PARQUET_BYTE_ARRAY:
    case DSI_PARQUET_FIXED:
        return f->logical.kind == DSI_PARQUET_LOGICAL_DECIMAL ? DSI_PARQUET_ORDER_DECIMAL
                                                              : DSI_PARQUET_ORDER_BYTES;
    case DSI_PARQUET_INT96:
        break;
    }
    return DSI_PARQUET_ORDER_NONE;
}

// Two's complement of any lengths: sign first, then the bytes after the sign's filling.
static int compare_decimals(struct ds_slice a, struct ds_slice b)
{
    bool a_negative = a.size > 0 && a.data[0] >= 0x80;
    bool b_negative = b.size > 0 && b.data[0] >= 0x80;
    uint8_t filling = a_negative ? 0xff : 0;

    if (a_negative != b_negative) {
        return a_negative ? -1 : 1;
    }
    // Of one sign and length, two's complement orders as unsigned bytes.
    while (a.size > b.size && a.data[0] == filling) {
        a.data++;
        a.size--;
    }
    while (b.size > a.size && b.data[0] == filling) {
        b.data++;
        b.size--;
    }
    if (a.size != b.size) { // The longer one is further from zero.
        return (a.size > b.size) == a_negative ? -1 : 1;
    }
    return a.size == 0 ? 0 : memcmp(a.data, b.data, a.size);
}

// IEEE 754's totalOrder as the order of integers: negatives have their bits turned over.
static int64_t total_order(uint64_t bits, uint64_t sign)
{
    return bits & sign ? -(int64_t)(bits & ~sign) - 1 : (int64_t)bits;
}

static int compare_i64(int64_t a, int64_t b)
{
    return (a > b) - (a < b);
}

static int compare_u64(uint64_t a, uint64_t b)
{
    return (a > b) - (a < b);
}

int dsi_parquet_compare(enum dsi_parquet_order order, struct ds_slice a,
                        struct ds_slice b)
{
    switch (order) {
    case DSI_PARQUET_ORDER_BOOLEAN:
        return (int)a.data[0] - (int)b.data[0];
    case DSI_PARQUET_ORDER_I32:
        return compare_i64((int32_t)dsi_le32(a.data), (int32_t)dsi_le32(b.data));
    case DSI_PARQUET_ORDER_U32:
        return compare_u64(dsi_le32(a.data), dsi_le32(b.data));
    case DSI_PARQUET_ORDER_I64:
        return compare_i64((int64_t)dsi_le64(a.data), (int64_t)dsi_le64(b.data));
    case DSI_PARQUET_ORDER_U64:
        return compare_u64(dsi_le64(a.data), dsi_le64(b.data));
    case DSI_PARQUET_ORDER_F32:
        return compare_i64(total_order(dsi_le32(a.data), 1u << 31),
                           total_order(dsi_le32(b.data), 1u << 31));
    case DSI_PARQUET_ORDER_F64:
        return compare_i64(total_order(dsi_le64(a.data), (uint64_t)1 << 63),
                           total_order(dsi_le64(b.data), (uint64_t)1 << 63));
    case DSI_PARQUET_ORDER_BYTES:
        return dsi_slice_compare(a, b);
    case DSI_PARQUET_ORDER_DECIMAL:
        return compare_decimals(a, b);
    case DSI_PARQUET_ORDER_NONE:
        break;
    }
    assert(!"values without an order");
    return 0;
}

bool dsi_parquet_is_nan(enum dsi_parquet_order order, struct ds_slice plain)
{
    if (order == DSI_PARQUET_ORDER_F32) {
        return (dsi_le32(plain.data) & 0x7fffffff) > 0x7f800000;
    }
    return order == DSI_PARQUET_ORDER_F64 &&
           (dsi_le64(plain.data) & INT64_MAX) > (uint64_t)0x7ff << 52;
}

static bool has_width(const struct dsi_parquet_field *f, struct ds_slice plain)
{
    size_t width = f->physical == DSI_PARQUET_BOOLEAN ? 1 : dsi_parquet_width(f);
    return f->physical == DSI_PARQUET_BYTE_ARRAY || plain.size == width;
}

// A zero bound stands for both zeros: writers disagree about which one is smaller.
static void widen_zeros(enum dsi_parquet_order order, struct dsi_parquet_statistics *s)
{
    static const uint8_t plus[8] = {0};
    static const uint8_t minus_f32[4] = {0, 0, 0, 0x80};
    static const uint8_t minus_f64[8] = {0, 0, 0, 0, 0, 0, 0, 0x80};
    bool is_f32 = order == DSI_PARQUET_ORDER_F32;

    if (order != DSI_PARQUET_ORDER_F32 && order != DSI_PARQUET_ORDER_F64) {
        return;
    }
    const uint8_t *minus = is_f32 ? minus_f32 : minus_f64;
    size_t size = is_f32 ? sizeof minus_f32 : sizeof minus_f64;
    if (s->has_min && memcmp(s->min.data, plus, size) == 0) {
        s->min.data = minus;
    }
    if (s->has_max && memcmp(s->max.data, minus, size) == 0) {
        s->max.data = plus;
    }
}

// Orders the deprecated pair got right, because they are signed.
static bool was_signed(enum dsi_parquet_order order)
{
    switch (order) {
    case DSI_PARQUET_ORDER_BOOLEAN:
    case DSI_PARQUET_ORDER_I32:
    case DSI_PARQUET_ORDER_I64:
    case DSI_PARQUET_ORDER_F32:
    case DSI_PARQUET_ORDER_F64:
        return true;
    default:
        return false;
    }
}

struct dsi_parquet_statistics
dsi_parquet_statistics_trust(const struct dsi_parquet_raw_statistics *raw,
                             const struct dsi_parquet_field *f,
                             enum dsi_parquet_column_order order)
{
    struct dsi_parquet_statistics s = raw->s;
    enum dsi_parquet_order by = dsi_parquet_order_of(f);
    bool is_float = by == DSI_PARQUET_ORDER_F32 || by == DSI_PARQUET_ORDER_F64;
    bool known = order == DSI_PARQUET_COLUMN_ORDER_TYPE ||
                 (order == DSI_PARQUET_COLUMN_ORDER_IEEE754 && is_float);

    if (!known || (!s.has_min && !s.has_max)) {
        s.has_min = raw->has_old_min && was_signed(by);
        s.has_max = raw->has_old_max && was_signed(by);
        s.min = raw->old_min;
        s.max = raw->old_max;
        s.min_exact = false;
        s.max_exact = false;
    }
    if (by == DSI_PARQUET_ORDER_NONE) {
        s.has_min = false;
        s.has_max = false;
    }
    s.has_min = s.has_min && has_width(f, s.min);
    s.has_max = s.has_max && has_width(f, s.max);
    // A NaN made the writer's comparisons fail, so the other bound is no better.
    if ((s.has_min && dsi_parquet_is_nan(by, s.min)) ||
        (s.has_max && dsi_parquet_is_nan(by, s.max))) {
        s.has_min = false;
        s.has_max = false;
    }
    widen_zeros(by, &s);
    if (s.has_min && s.has_max && dsi_parquet_compare(by, s.min, s.max) > 0) {
        s.has_min = false;
        s.has_max = false;
    }
    return s;
}

int dsi_parquet_value_read(const struct dsi_parquet_field *f, struct ds_slice plain,
                           struct dsi_parquet_value *out, struct ds_error *err)
{
    if (!has_width(f, plain)) {
        return dsi_corrupt(err, "column %s: a value of %zu bytes, not a %s", f->name,
                           plain.size, dsi_parquet_physical_name(f->physical));
    }
    out->physical = f->physical;
    switch (f->physical) {
    case DSI_PARQUET_BOOLEAN:
        out->as.boolean = plain.data[0] != 0;
        break;
    case DSI_PARQUET_INT32:
        out->as.i32 = (int32_t)dsi_le32(plain.data);
        break;
    case DSI_PARQUET_INT64:
        out->as.i64 = (int64_t)dsi_le64(plain.data);
        break;
    case DSI_PARQUET_FLOAT: {
        uint32_t bits = dsi_le32(plain.data);
        memcpy(&out->as.f32, &bits, sizeof bits);
        break;
    }
    case DSI_PARQUET_DOUBLE: {
        uint64_t bits = dsi_le64(plain.data);
        memcpy(&out->as.f64, &bits, sizeof bits);
        break;
    }
    case DSI_PARQUET_BYTE_ARRAY:
    case DSI_PARQUET_FIXED:
    case DSI_PARQUET_INT96:
        out->as.bytes = plain;
        break;
    }
    return DS_OK;
}

bool dsi_parquet_int96_to_micros(const uint8_t bytes[12], int64_t *out)
{
    const int64_t day_micros = (int64_t)86400 * 1000000;
    const int64_t epoch = 2440588; // 1970-01-01 as a Julian day.
    int64_t days = (int64_t)dsi_le32(bytes + 8) - epoch;
    int64_t nanos = (int64_t)dsi_le64(bytes);

    // 2^32 days are 2^32 * 8.64e10 < 2^69 microseconds: they may well not fit.
    if (days > INT64_MAX / day_micros - 1 || days < INT64_MIN / day_micros + 1) {
        return false;
    }
    int64_t micros = days * day_micros;
    int64_t rest = dsi_floor_div(nanos, 1000);
    if ((rest > 0 && micros > INT64_MAX - rest) ||
        (rest < 0 && micros < INT64_MIN - rest)) {
        return false;
    }
    *out = micros + rest;
    return true;
}
