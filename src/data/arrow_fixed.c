// Values of fixed size: numbers, decimals, dates and times, bits.
#include <math.h>

#include "base/checked.h"
#include "base/error.h"
#include "base/text.h"
#include "data/arrow_array.h"

#define DAY_US INT64_C(86400000000)
#define DAY_MS INT64_C(86400000)

// What a conversion of one value needs.
struct conversion {
    const struct dsi_arrow_format *from;
    const struct dsi_type *to;
    dsi_int128 limit; // DECIMAL: 10^precision.
};

// Converts the value at `in`; returns NULL, or what is wrong with it.
typedef const char *(*convert_fn)(const struct conversion *c, const uint8_t *in,
                                  uint8_t *out);

static const char *to_int(const struct conversion *c, const uint8_t *in, uint8_t *out)
{
    int32_t v = (int32_t)dsi_arrow_int(in, c->from->width, c->from->is_signed);
    memcpy(out, &v, sizeof v);
    return NULL;
}

static const char *to_long(const struct conversion *c, const uint8_t *in, uint8_t *out)
{
    int64_t v = dsi_arrow_int(in, c->from->width, c->from->is_signed);
    memcpy(out, &v, sizeof v);
    return NULL;
}

// IEEE 754 binary16: 1 sign, 5 exponent and 10 fraction bits.
static float half_to_float(const uint8_t *in)
{
    uint32_t h = (uint32_t)dsi_arrow_int(in, 2, false);
    uint32_t sign = (h & 0x8000) << 16;
    uint32_t exponent = h >> 10 & 0x1f;
    uint32_t fraction = h & 0x3ff;
    uint32_t bits = 0;
    float v = 0;

    if (exponent == 0) { // Zero, or a subnormal: fraction * 2^-24, exact in a float.
        v = (float)fraction * (1.0f / 16777216.0f);
        return sign ? -v : v;
    }
    bits = exponent == 0x1f ? 0x7f800000 : (exponent + 112) << 23;
    bits |= sign | fraction << 13;
    memcpy(&v, &bits, sizeof v);
    return v;
}

static const char *to_float(const struct conversion *c, const uint8_t *in, uint8_t *out)
{
    float v = half_to_float(in);
    (void)c;
    memcpy(out, &v, sizeof v);
    return NULL;
}

static const char *to_double(const struct conversion *c, const uint8_t *in, uint8_t *out)
{
    float f = 0;
    if (c->from->kind == DSI_ARROW_HALF) {
        f = half_to_float(in);
    } else {
        memcpy(&f, in, sizeof f);
    }
    double v = f;
    memcpy(out, &v, sizeof v);
    return NULL;
}

static const char *to_decimal(const struct conversion *c, const uint8_t *in, uint8_t *out)
{
    static const char digits[] = "more digits than the column's precision";
    dsi_int128 v = 0;

    if (c->from->width >= 16) {
        memcpy(&v, in, 16);
    } else {
        v = dsi_arrow_int(in, c->from->width, true);
    }
    if (c->from->width == 32) {
        int64_t high[2];
        int64_t sign = v < 0 ? -1 : 0;
        memcpy(high, in + 16, sizeof high);
        if (high[0] != sign || high[1] != sign) {
            return digits;
        }
    }
    if (v >= c->limit || v <= -c->limit) {
        return digits;
    }
    memcpy(out, &v, 16);
    return NULL;
}

static const char *to_date(const struct conversion *c, const uint8_t *in, uint8_t *out)
{
    int64_t ms = dsi_arrow_int(in, 8, true);
    int64_t days = dsi_floor_div(ms, DAY_MS);
    int32_t v = (int32_t)days;

    (void)c;
    if (dsi_floor_mod(ms, DAY_MS) != 0) {
        return "a date with a time of day";
    }
    if (v != days) {
        return "a date out of range";
    }
    memcpy(out, &v, sizeof v);
    return NULL;
}

// From one unit to another; NULL, or what is wrong.
static const char *scale_time(enum dsi_arrow_unit from, enum dsi_arrow_unit to, int64_t v,
                              int64_t *out)
{
    *out = v;
    for (; from < to; from++) {
        if (!dsi_mul_i64(*out, 1000, out)) {
            return "a timestamp out of range";
        }
    }
    for (; from > to; from--) {
        if (*out % 1000 != 0) {
            return "nanoseconds that the column's microseconds cannot hold";
        }
        *out /= 1000;
    }
    return NULL;
}

static const char *to_time(const struct conversion *c, const uint8_t *in, uint8_t *out)
{
    int64_t v = dsi_arrow_int(in, c->from->width, true);
    const char *wrong = scale_time(c->from->unit, DSI_ARROW_US, v, &v);

    if (wrong) {
        return wrong;
    }
    if (v < 0 || v >= DAY_US) {
        return "a time outside the day";
    }
    memcpy(out, &v, sizeof v);
    return NULL;
}

static const char *to_timestamp(const struct conversion *c, const uint8_t *in,
                                uint8_t *out)
{
    bool ns =
        c->to->kind == DSI_TYPE_TIMESTAMP_NS || c->to->kind == DSI_TYPE_TIMESTAMPTZ_NS;
    int64_t v = dsi_arrow_int(in, 8, true);
    const char *wrong =
        scale_time(c->from->unit, ns ? DSI_ARROW_NS : DSI_ARROW_US, v, &v);
    if (!wrong) {
        memcpy(out, &v, sizeof v);
    }
    return wrong;
}

// The function for a pair of types; NULL: the bytes are the same in both.
static convert_fn choose(const struct dsi_arrow_format *f, const struct dsi_type *t)
{
    bool same_width = f->width == dsi_layout_width(t);
    switch (t->kind) {
    case DSI_TYPE_INT:
        return same_width ? NULL : to_int;
    case DSI_TYPE_LONG:
        return same_width ? NULL : to_long;
    case DSI_TYPE_FLOAT:
        return same_width ? NULL : to_float;
    case DSI_TYPE_DOUBLE:
        return same_width ? NULL : to_double;
    case DSI_TYPE_DECIMAL:
        return to_decimal;
    case DSI_TYPE_DATE:
        return same_width ? NULL : to_date;
    case DSI_TYPE_TIME:
        return to_time;
    case DSI_TYPE_TIMESTAMP:
    case DSI_TYPE_TIMESTAMPTZ:
        return f->unit == DSI_ARROW_US ? NULL : to_timestamp;
    case DSI_TYPE_TIMESTAMP_NS:
    case DSI_TYPE_TIMESTAMPTZ_NS:
        return f->unit == DSI_ARROW_NS ? NULL : to_timestamp;
    default:
        return NULL;
    }
}

// Whether a value of this layout may be read where the producer put it.
static bool usable(const void *values, size_t width)
{
    return (width != 4 && width != 8) || (uintptr_t)values % width == 0;
}

static void borrow(const struct dsi_arrow_view *v, struct dsi_column *out)
{
    out->length = v->rows;
    out->offset = v->first;
    out->null_count = v->nulls;
    out->validity = v->validity;
    out->values = v->array->buffers[1];
}

// Runs a conversion over the rows. `values` NULL: only to check them.
static int convert_rows(const struct dsi_arrow_view *v, const struct dsi_type *t,
                        convert_fn convert, uint8_t *values, struct ds_error *err)
{
    size_t width = dsi_layout_width(t);
    const uint8_t *in =
        (const uint8_t *)v->array->buffers[1] + (size_t)v->first * v->format.width;
    struct conversion c = {&v->format, t, 0};
    uint8_t scratch[16];

    if (t->kind == DSI_TYPE_DECIMAL) {
        c.limit = dsi_int128_pow10(t->precision);
    }
    bool all = !v->validity && !v->live;
    for (int64_t i = 0; i < v->rows; i++) {
        if (!all && dsi_arrow_view_is_null(v, i)) {
            continue;
        }
        const char *wrong = convert(&c, in + (size_t)i * v->format.width,
                                    values ? values + (size_t)i * width : scratch);
        if (wrong) {
            return dsi_arrow_row_error(v, i, wrong, err);
        }
    }
    return DS_OK;
}

int dsi_arrow_convert_fixed(struct dsi_batch *b, const struct dsi_arrow_view *v,
                            struct dsi_column *out, struct ds_error *err)
{
    const struct dsi_type *t = &out->field->type;
    size_t width = dsi_layout_width(t);
    const void *in = v->array->buffers[1];

    if (!in) {
        return dsi_fail(err, DS_EINVALID, "column %s: its Arrow array has no values",
                        v->name);
    }
    convert_fn convert = choose(&v->format, t);
    bool same_bytes =
        !convert || (v->format.width == width &&
                     (convert == to_decimal ||
                      (convert == to_time && v->format.unit == DSI_ARROW_US)));
    if (same_bytes && usable(in, width)) {
        borrow(v, out);
        return convert ? convert_rows(v, t, convert, NULL, err) : DS_OK;
    }
    uint8_t *values = (size_t)v->rows > SIZE_MAX / 2 / width
                          ? NULL
                          : dsi_batch_calloc(b, (size_t)v->rows * width);
    if (!values) {
        return dsi_no_memory(err, "converting a column");
    }
    out->values = values;
    int rc = dsi_arrow_copy_validity(b, v, out, err);
    if (rc < 0) {
        return rc;
    }
    if (!convert) {
        memcpy(values, (const uint8_t *)in + (size_t)v->first * width,
               (size_t)v->rows * width);
        return DS_OK;
    }
    return convert_rows(v, t, convert, values, err);
}
