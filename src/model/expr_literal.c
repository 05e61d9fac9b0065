#include "model/expr_literal.h"

#include <assert.h>
#include <float.h>
#include <string.h>

#include "base/error.h"
#include "base/text.h"

static const int64_t day_ns = INT64_C(86400000000000);

static dsi_int128 floor_div(dsi_int128 a, dsi_int128 b)
{
    return a / b - (a % b < 0);
}

static void fit_range(dsi_int128 v, dsi_int128 min, dsi_int128 max, struct dsi_fit *out)
{
    out->side = v < min ? -1 : v > max;
}

// v * 10^-scale, cut to the scale of the type.
static int fit_number(const struct dsi_literal *l, int scale, dsi_int128 *floor,
                      struct dsi_fit *out, struct ds_error *err)
{
    double near = 0;

    for (int s = scale; s <= 38; s++) {
        dsi_int128 v = 0;
        if (dsi_decimal_parse(l->text, l->size, 38, s, &v)) {
            dsi_int128 unit = dsi_int128_pow10(s - scale);
            *floor = floor_div(v, unit);
            out->exact = *floor * unit == v;
            return DS_OK;
        }
    }
    if (!dsi_text_to_f64(l->text, l->size, &near) || near != near) {
        return dsi_fail(err, DS_EINVALID, "expected a number");
    }
    // Nothing of 38 digits reaches as far; what is nearer was refused for its fraction.
    if (near > -1e38 && near < 1e38) {
        return dsi_fail(err, DS_EINVALID, "at most 38 digits can be compared exactly");
    }
    out->side = near < 0 ? -1 : 1;
    return DS_OK;
}

static int fit_decimal(const struct dsi_literal *l, const struct dsi_type *type,
                       struct dsi_fit *out, struct ds_error *err)
{
    dsi_int128 v = 0;
    dsi_int128 max = 0;
    int rc =
        fit_number(l, type->kind == DSI_TYPE_DECIMAL ? type->scale : 0, &v, out, err);

    if (rc < 0 || out->side != 0) {
        return rc;
    }
    switch (type->kind) {
    case DSI_TYPE_INT:
        fit_range(v, INT32_MIN, INT32_MAX, out);
        out->floor.as.i32 = out->side == 0 ? (int32_t)v : 0;
        break;
    case DSI_TYPE_LONG:
        fit_range(v, INT64_MIN, INT64_MAX, out);
        out->floor.as.i64 = out->side == 0 ? (int64_t)v : 0;
        break;
    default:
        max = dsi_int128_pow10(type->precision) - 1;
        fit_range(v, -max, max, out);
        out->floor.as.decimal = v;
        break;
    }
    return DS_OK;
}

// A number beyond the type's largest still lies below infinity.
static int fit_float(const struct dsi_literal *l, bool wide, struct dsi_fit *out,
                     struct ds_error *err)
{
    double max = wide ? DBL_MAX : (double)FLT_MAX;
    double infinity = DBL_MAX * 2;
    bool infinite = memchr(l->text, 'n', l->size) || memchr(l->text, 'N', l->size);
    double v = 0;

    if (!dsi_text_to_f64(l->text, l->size, &v)) {
        return dsi_fail(err, DS_EINVALID, "expected a number");
    }
    if (v != v) {
        return dsi_fail(err, DS_EINVALID,
                        "NaN does not compare; write \"is nan\" or \"is not nan\"");
    }
    out->exact = true;
    if (!infinite && (v > max || v < -max)) {
        out->exact = false;
        v = v > 0 ? max : -infinity;
    }
    if (wide) {
        out->floor.as.f64 = v;
    } else {
        out->floor.as.f32 = (float)v;
    }
    return DS_OK;
}

static int fit_date(const struct dsi_literal *l, struct dsi_fit *out,
                    struct ds_error *err)
{
    int64_t days = 0;
    int64_t ns = 0;
    bool zone = false;

    if (!dsi_text_to_timestamp(l->text, l->size, &days, &ns, &zone) || zone) {
        return dsi_fail(err, DS_EINVALID, "expected a date like '2017-11-16'");
    }
    out->exact = ns == 0;
    fit_range(days, INT32_MIN, INT32_MAX, out);
    out->floor.as.i32 = out->side == 0 ? (int32_t)days : 0;
    return DS_OK;
}

static int fit_time(const struct dsi_literal *l, struct dsi_fit *out,
                    struct ds_error *err)
{
    int64_t ns = 0;

    if (!dsi_text_to_time_ns(l->text, l->size, &ns)) {
        return dsi_fail(err, DS_EINVALID, "expected a time like '22:31:08'");
    }
    out->exact = ns % 1000 == 0;
    out->floor.as.i64 = dsi_floor_div(ns, 1000);
    return DS_OK;
}

// Without a zone a timestamptz literal is UTC; with one, a plain timestamp cannot tell
// what is meant.
static int fit_timestamp(const struct dsi_literal *l, enum dsi_type_kind kind,
                         struct dsi_fit *out, struct ds_error *err)
{
    bool nanos = kind == DSI_TYPE_TIMESTAMP_NS || kind == DSI_TYPE_TIMESTAMPTZ_NS;
    bool zoned = kind == DSI_TYPE_TIMESTAMPTZ || kind == DSI_TYPE_TIMESTAMPTZ_NS;
    dsi_int128 unit = nanos ? 1 : 1000;
    int64_t days = 0;
    int64_t ns = 0;
    bool zone = false;

    if (!dsi_text_to_timestamp(l->text, l->size, &days, &ns, &zone)) {
        return dsi_fail(err, DS_EINVALID, "expected a time like '2017-11-16 22:31:08%s'",
                        zoned ? "Z" : "");
    }
    if (zone && !zoned) {
        return dsi_fail(err, DS_EINVALID,
                        "the column has no time zone, so the literal must not have one");
    }
    dsi_int128 all = (dsi_int128)days * day_ns + ns;
    dsi_int128 v = floor_div(all, unit);
    out->exact = v * unit == all;
    fit_range(v, INT64_MIN, INT64_MAX, out);
    out->floor.as.i64 = out->side == 0 ? (int64_t)v : 0;
    return DS_OK;
}

static int fit_exact(const struct dsi_literal *l, const struct dsi_type *type,
                     struct dsi_arena *arena, struct dsi_fit *out, struct ds_error *err)
{
    out->exact = true;
    if (type->kind == DSI_TYPE_STRING) {
        out->floor.as.bytes = (struct ds_slice){(const uint8_t *)l->text, l->size};
        return DS_OK;
    }
    return dsi_value_parse(type, l->text, l->size, arena, &out->floor, err);
}

static bool is_temporal(enum dsi_type_kind kind)
{
    return kind == DSI_TYPE_DATE ||
           (kind >= DSI_TYPE_TIMESTAMP && kind <= DSI_TYPE_TIMESTAMPTZ_NS);
}

// Whether the way the literal is written goes with the type at all.
static int check_kind(const struct dsi_literal *l, const struct dsi_type *type,
                      struct ds_error *err)
{
    bool number = type->kind >= DSI_TYPE_INT && type->kind <= DSI_TYPE_DECIMAL;
    bool fits = false;

    switch (l->kind) {
    case DSI_LITERAL_NUMBER:
        fits = number;
        break;
    case DSI_LITERAL_BOOL:
        fits = type->kind == DSI_TYPE_BOOLEAN;
        break;
    case DSI_LITERAL_TYPED:
        fits = type->kind == l->type ||
               (is_temporal(type->kind) && is_temporal(l->type)) ||
               (type->kind == DSI_TYPE_FIXED && l->type == DSI_TYPE_BINARY);
        break;
    default:
        fits = true;
        break;
    }
    if (fits) {
        return DS_OK;
    }
    bool quote = l->kind == DSI_LITERAL_NUMBER || l->kind == DSI_LITERAL_BOOL;
    return dsi_fail(err, DS_EINVALID, "expected %s",
                    number                           ? "a number"
                    : type->kind == DSI_TYPE_BOOLEAN ? "true or false"
                    : quote                          ? "text in 'single quotes'"
                                                     : "a literal of the column's type");
}

int dsi_expr_fit(const struct dsi_literal *literal, const struct dsi_type *type,
                 struct dsi_arena *arena, struct dsi_fit *out, struct ds_error *err)
{
    int rc = check_kind(literal, type, err);

    assert(literal->kind != DSI_LITERAL_NULL);
    *out = (struct dsi_fit){.floor.kind = type->kind};
    if (rc < 0) {
        return rc;
    }
    switch (type->kind) {
    case DSI_TYPE_INT:
    case DSI_TYPE_LONG:
    case DSI_TYPE_DECIMAL:
        return fit_decimal(literal, type, out, err);
    case DSI_TYPE_FLOAT:
    case DSI_TYPE_DOUBLE:
        return fit_float(literal, type->kind == DSI_TYPE_DOUBLE, out, err);
    case DSI_TYPE_DATE:
        return fit_date(literal, out, err);
    case DSI_TYPE_TIME:
        return fit_time(literal, out, err);
    case DSI_TYPE_TIMESTAMP:
    case DSI_TYPE_TIMESTAMPTZ:
    case DSI_TYPE_TIMESTAMP_NS:
    case DSI_TYPE_TIMESTAMPTZ_NS:
        return fit_timestamp(literal, type->kind, out, err);
    case DSI_TYPE_BOOLEAN:
    case DSI_TYPE_STRING:
    case DSI_TYPE_UUID:
    case DSI_TYPE_FIXED:
    case DSI_TYPE_BINARY:
        return fit_exact(literal, type, arena, out, err);
    default:
        return dsi_fail(err, DS_EINVALID,
                        "values of this type do not compare; only IS [NOT] NULL asks");
    }
}
