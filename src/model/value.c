// Comparing, copying and widening values.
#include "model/value.h"

#include <assert.h>
#include <math.h>
#include <string.h>

#include "base/checked.h"
#include "base/error.h"
#include "base/text.h"
#include "model/value_units.h"

// Maps a double's bits so that unsigned order is Iceberg's: -NaN first, NaN last.
static uint64_t f64_order(double v)
{
    uint64_t bits = 0;
    if (isnan(v)) { // All NaNs of a sign are one value.
        return signbit(v) ? 0 : UINT64_MAX;
    }
    memcpy(&bits, &v, sizeof bits);
    return bits >> 63 ? ~bits : bits | (uint64_t)1 << 63;
}

#define ORDER(a, b) (((a) > (b)) - ((a) < (b)))

int dsi_value_compare(const struct dsi_value *a, const struct dsi_value *b)
{
    assert(!a->null && !b->null && a->kind == b->kind);
    switch (a->kind) {
    case DSI_TYPE_BOOLEAN:
        return ORDER(a->as.boolean, b->as.boolean);
    case DSI_TYPE_INT:
    case DSI_TYPE_DATE:
        return ORDER(a->as.i32, b->as.i32);
    case DSI_TYPE_LONG:
    case DSI_TYPE_TIME:
    case DSI_TYPE_TIMESTAMP:
    case DSI_TYPE_TIMESTAMPTZ:
    case DSI_TYPE_TIMESTAMP_NS:
    case DSI_TYPE_TIMESTAMPTZ_NS:
        return ORDER(a->as.i64, b->as.i64);
    case DSI_TYPE_FLOAT: // Widening keeps order, sign and NaN.
        return ORDER(f64_order((double)a->as.f32), f64_order((double)b->as.f32));
    case DSI_TYPE_DOUBLE:
        return ORDER(f64_order(a->as.f64), f64_order(b->as.f64));
    case DSI_TYPE_DECIMAL:
        return ORDER(a->as.decimal, b->as.decimal);
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

bool dsi_kind_holds_bytes(enum dsi_type_kind kind)
{
    return kind == DSI_TYPE_STRING || kind == DSI_TYPE_UUID || kind == DSI_TYPE_FIXED ||
           kind == DSI_TYPE_BINARY || kind == DSI_TYPE_GEOMETRY ||
           kind == DSI_TYPE_GEOGRAPHY;
}

static int no_cast(const struct dsi_type *from, const struct dsi_type *to,
                   struct ds_error *err)
{
    char a[64];
    char b[64];
    dsi_type_format(from, a, sizeof a);
    dsi_type_format(to, b, sizeof b);
    return dsi_fail(err, DS_EINVALID, "a value of type %s does not fit the type %s", a,
                    b);
}

static bool cast_decimal(const struct dsi_value *v, const struct dsi_type *from,
                         const struct dsi_type *to, struct dsi_value *out)
{
    return from->scale == to->scale && dsi_int128_fits(v->as.decimal, to->precision) &&
           (out->as.decimal = v->as.decimal, true);
}

static bool cast_date(int32_t days, enum dsi_type_kind to, struct dsi_value *out)
{
    int64_t unit = to == DSI_TYPE_TIMESTAMP      ? DSI_DAY_US
                   : to == DSI_TYPE_TIMESTAMP_NS ? DSI_DAY_NS
                                                 : 0;
    return unit > 0 && dsi_mul_i64(days, unit, &out->as.i64);
}

int dsi_value_cast(const struct dsi_value *v, const struct dsi_type *from,
                   const struct dsi_type *to, struct dsi_value *out, struct ds_error *err)
{
    struct dsi_value wide = {.kind = to->kind};
    bool fits = false;

    if (v->null) {
        *out = DSI_VALUE_NULL;
        return DS_OK;
    }
    assert(v->kind == from->kind);
    if (from->kind == to->kind && from->kind != DSI_TYPE_DECIMAL) {
        fits = from->length == to->length;
        wide = *v;
    } else if (from->kind == DSI_TYPE_DECIMAL && to->kind == DSI_TYPE_DECIMAL) {
        fits = cast_decimal(v, from, to, &wide);
    } else if (from->kind == DSI_TYPE_INT && to->kind == DSI_TYPE_LONG) {
        wide.as.i64 = v->as.i32;
        fits = true;
    } else if (from->kind == DSI_TYPE_LONG && to->kind == DSI_TYPE_INT) {
        fits = v->as.i64 >= INT32_MIN && v->as.i64 <= INT32_MAX;
        wide.as.i32 = (int32_t)(fits ? v->as.i64 : 0);
    } else if (from->kind == DSI_TYPE_FLOAT && to->kind == DSI_TYPE_DOUBLE) {
        wide.as.f64 = (double)v->as.f32;
        fits = true;
    } else if (from->kind == DSI_TYPE_DATE) {
        fits = cast_date(v->as.i32, to->kind, &wide);
    }
    if (!fits) {
        return no_cast(from, to, err);
    }
    *out = wide;
    return DS_OK;
}

int dsi_value_copy(const struct dsi_value *v, struct dsi_arena *arena,
                   struct dsi_value *out, struct ds_error *err)
{
    struct dsi_value copy = *v;
    if (!v->null && dsi_kind_holds_bytes(v->kind) &&
        dsi_arena_copy(arena, v->as.bytes, &copy.as.bytes) < 0) {
        return dsi_no_memory(err, "copying a value");
    }
    *out = copy;
    return DS_OK;
}
