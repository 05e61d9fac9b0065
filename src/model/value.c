#include "model/value.h"

#include <assert.h>
#include <limits.h>
#include <math.h>
#include <string.h>

#include "base/error.h"
#include "base/text.h"

static int order_of(bool less, bool more)
{
    return more - less;
}

// The bits of a double as an integer that orders as Iceberg sorts floats: -NaN first, NaN
// last, -0 before +0 (specification, "Sorting").
static int64_t sortable(double v)
{
    int64_t bits = 0;
    memcpy(&bits, &v, sizeof bits);
    return bits < 0 ? INT64_MIN - bits - 1 : bits;
}

int dsi_value_compare(const struct dsi_value *a, const struct dsi_value *b)
{
    assert(!a->null && !b->null && a->kind == b->kind);
    switch (a->kind) {
    case DSI_TYPE_BOOLEAN:
        return order_of(a->as.boolean<b->as.boolean, a->as.boolean> b->as.boolean);
    case DSI_TYPE_INT:
    case DSI_TYPE_DATE:
        return order_of(a->as.i32<b->as.i32, a->as.i32> b->as.i32);
    case DSI_TYPE_LONG:
    case DSI_TYPE_TIME:
    case DSI_TYPE_TIMESTAMP:
    case DSI_TYPE_TIMESTAMPTZ:
    case DSI_TYPE_TIMESTAMP_NS:
    case DSI_TYPE_TIMESTAMPTZ_NS:
        return order_of(a->as.i64<b->as.i64, a->as.i64> b->as.i64);
    case DSI_TYPE_FLOAT: {
        int64_t x = sortable((double)a->as.f32);
        int64_t y = sortable((double)b->as.f32);
        return order_of(x<y, x> y);
    }
    case DSI_TYPE_DOUBLE: {
        int64_t x = sortable(a->as.f64);
        int64_t y = sortable(b->as.f64);
        return order_of(x<y, x> y);
    }
    case DSI_TYPE_DECIMAL:
        return order_of(a->as.decimal<b->as.decimal, a->as.decimal> b->as.decimal);
    default:
        return dsi_slice_compare(a->as.bytes, b->as.bytes);
    }
}

bool dsi_value_equal(const struct dsi_value *a, const struct dsi_value *b)
{
    if (a->null || b->null) {
        return a->null && b->null;
    }
    return a->kind == b->kind && dsi_value_compare(a, b) == 0;
}

bool dsi_value_is_nan(const struct dsi_value *v)
{
    return !v->null && ((v->kind == DSI_TYPE_FLOAT && isnan(v->as.f32)) ||
                        (v->kind == DSI_TYPE_DOUBLE && isnan(v->as.f64)));
}

int dsi_value_copy(const struct dsi_value *v, struct dsi_arena *arena,
                   struct dsi_value *out, struct ds_error *err)
{
    *out = *v;
    switch (v->kind) {
    case DSI_TYPE_STRING:
    case DSI_TYPE_UUID:
    case DSI_TYPE_FIXED:
    case DSI_TYPE_BINARY:
    case DSI_TYPE_GEOMETRY:
    case DSI_TYPE_GEOGRAPHY:
        if (!v->null && dsi_arena_copy(arena, v->as.bytes, &out->as.bytes) < 0) {
            return dsi_no_memory(err, "copying a value");
        }
        return DS_OK;
    default:
        return DS_OK;
    }
}

static int misfit(const struct dsi_type *from, const struct dsi_type *to,
                  struct ds_error *err)
{
    char a[64];
    char b[64];
    dsi_type_format(from, a, sizeof a);
    dsi_type_format(to, b, sizeof b);
    return dsi_fail(err, DS_EINVALID, "a value of type %s does not fit %s", a, b);
}

static bool rescale(dsi_int128 v, int32_t from, int32_t to, int32_t precision,
                    dsi_int128 *out)
{
    if (to >= from) {
        dsi_int128 factor = dsi_int128_pow10(to - from);
        if (!dsi_int128_fits(v, precision > to - from ? precision - (to - from) : 0)) {
            return false;
        }
        *out = v * factor;
        return true;
    }
    dsi_int128 factor = dsi_int128_pow10(from - to);
    *out = v / factor;
    return v % factor == 0 && dsi_int128_fits(*out, precision);
}

// A whole number, whatever integer type carries it.
static bool whole(const struct dsi_value *v, int64_t *out)
{
    switch (v->kind) {
    case DSI_TYPE_INT:
        *out = v->as.i32;
        return true;
    case DSI_TYPE_LONG:
        *out = v->as.i64;
        return true;
    default:
        return false;
    }
}

static bool cast_whole(int64_t n, const struct dsi_type *to, struct dsi_value *out)
{
    switch (to->kind) {
    case DSI_TYPE_INT:
        out->as.i32 = (int32_t)n;
        return n >= INT32_MIN && n <= INT32_MAX;
    case DSI_TYPE_LONG:
        out->as.i64 = n;
        return true;
    case DSI_TYPE_FLOAT:
        out->as.f32 = (float)n;
        return true;
    case DSI_TYPE_DOUBLE:
        out->as.f64 = (double)n;
        return true;
    case DSI_TYPE_DECIMAL:
        return rescale(n, 0, to->scale, to->precision, &out->as.decimal);
    default:
        return false;
    }
}

static bool cast_date(int32_t days, const struct dsi_type *to, struct dsi_value *out)
{
    const int64_t day_us = INT64_C(86400000000);

    switch (to->kind) {
    case DSI_TYPE_TIMESTAMP:
    case DSI_TYPE_TIMESTAMPTZ:
        out->as.i64 = days * day_us;
        return days >= INT64_MIN / day_us && days <= INT64_MAX / day_us;
    case DSI_TYPE_TIMESTAMP_NS:
    case DSI_TYPE_TIMESTAMPTZ_NS:
        if (days < INT64_MIN / (day_us * 1000) || days > INT64_MAX / (day_us * 1000)) {
            return false;
        }
        out->as.i64 = days * day_us * 1000;
        return true;
    default:
        return false;
    }
}

int dsi_value_cast(const struct dsi_value *v, const struct dsi_type *from,
                   const struct dsi_type *to, struct dsi_value *out, struct ds_error *err)
{
    int64_t n = 0;
    bool fits = false;

    *out = *v;
    out->kind = to->kind;
    if (v->null) {
        return DS_OK;
    }
    if (from->kind == DSI_TYPE_DECIMAL && to->kind == DSI_TYPE_DECIMAL) {
        fits = rescale(v->as.decimal, from->scale, to->scale, to->precision,
                       &out->as.decimal);
    } else if (from->kind == to->kind) {
        fits = from->kind != DSI_TYPE_FIXED || from->length == to->length;
    } else if (whole(v, &n)) {
        fits = cast_whole(n, to, out);
    } else if (from->kind == DSI_TYPE_FLOAT && to->kind == DSI_TYPE_DOUBLE) {
        out->as.f64 = (double)v->as.f32;
        fits = true;
    } else if (from->kind == DSI_TYPE_DATE) {
        fits = cast_date(v->as.i32, to, out);
    }
    return fits ? DS_OK : misfit(from, to, err);
}
