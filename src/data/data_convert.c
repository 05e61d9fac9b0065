#include "data/data_convert.h"

#include <string.h>

#include "base/int128.h"

#define MICROS_PER_DAY INT64_C(86400000000)

// Loops without a branch: what does not fit is noted, and looked at once, at the end.

static int32_t load32(const uint8_t *in)
{
    int32_t v = 0;
    memcpy(&v, in, sizeof v);
    return v;
}

static int64_t load64(const uint8_t *in)
{
    int64_t v = 0;
    memcpy(&v, in, sizeof v);
    return v;
}

static void store64(uint8_t *out, int64_t v)
{
    memcpy(out, &v, sizeof v);
}

static void store128(uint8_t *out, dsi_int128 v)
{
    memcpy(out, &v, sizeof v);
}

static bool ints_to_longs(bool is_unsigned, const uint8_t *in, size_t rows, uint8_t *out)
{

    for (size_t i = 0; i < rows; i++) {
        int32_t v = load32(in + i * 4);
        store64(out + i * 8, is_unsigned ? (int64_t)(uint32_t)v : v);
    }
    return true;
}

static bool floats_to_doubles(const uint8_t *in, size_t rows, uint8_t *out)
{
    for (size_t i = 0; i < rows; i++) {
        float v = 0;
        memcpy(&v, in + i * 4, sizeof v);
        double wide = v;
        memcpy(out + i * 8, &wide, sizeof wide);
    }
    return true;
}

// Numbers of 4 or 8 bytes become unscaled values of `digits` digits.
static bool numbers_to_decimals(size_t width, int digits, const uint8_t *in, size_t rows,
                                uint8_t *out)
{
    uint64_t bad = 0;
    // More than 18 digits hold any of them: then the bound lets everything through.
    uint64_t most = digits > 18 ? INT64_MAX : (uint64_t)dsi_int128_pow10(digits) - 1;

    if (width == 4) {
        for (size_t i = 0; i < rows; i++) {
            int64_t v = load32(in + i * 4);
            bad |= (uint64_t)v + most > 2 * most;
            store128(out + i * 16, v);
        }
        return !bad;
    }
    if (digits > 18) {
        for (size_t i = 0; i < rows; i++) {
            store128(out + i * 16, load64(in + i * 8));
        }
        return true;
    }
    for (size_t i = 0; i < rows; i++) {
        int64_t v = load64(in + i * 8);
        bad |= (uint64_t)v + most > 2 * most; // Below -most it wraps to something large.
        store128(out + i * 16, v);
    }
    return !bad;
}

static uint64_t load_be64(const uint8_t *in)
{
    uint64_t v = 0;
    for (int i = 0; i < 8; i++) {
        v = v << 8 | in[i];
    }
    return v;
}

// Big-endian numbers of `width` bytes, 1 to 16. Sixteen bytes are read for each: the last
// ones from a copy.
static bool bytes_to_decimals(size_t width, int digits, const uint8_t *in, size_t rows,
                              uint8_t *out)
{
    dsi_int128 most = dsi_int128_pow10(digits) - 1;
    int shift = 128 - 8 * (int)width;
    bool bad = false;
    uint8_t last[32] = {0};

    for (size_t i = 0; i < rows; i++) {
        const uint8_t *at = in + i * width;
        if ((rows - i) * width < 16) {
            memcpy(last, at, width);
            at = last;
        }
        dsi_uint128 all = (dsi_uint128)load_be64(at) << 64 | load_be64(at + 8);
        dsi_int128 v = (dsi_int128)all >> shift; // Arithmetic: the sign comes along.
        bad |= v > most || v < -most;
        store128(out + i * 16, v);
    }
    return !bad;
}

static bool millis_to_micros(const uint8_t *in, size_t rows, uint8_t *out)
{
    const uint64_t most = INT64_MAX / 1000;
    uint64_t bad = 0;

    for (size_t i = 0; i < rows; i++) {
        int64_t v = load64(in + i * 8);
        bad |= (uint64_t)v + most > 2 * most;
        store64(out + i * 8, (int64_t)((uint64_t)v * 1000));
    }
    return !bad;
}

static bool nanos_to_micros(const uint8_t *in, size_t rows, uint8_t *out)
{
    for (size_t i = 0; i < rows; i++) {
        int64_t v = load64(in + i * 8);
        store64(out + i * 8, v / 1000 - (v % 1000 < 0)); // Down, also before 1970.
    }
    return true;
}

static bool int96_to_micros(const uint8_t *in, size_t rows, uint8_t *out)
{
    for (size_t i = 0; i < rows; i++) {
        int64_t v = 0;
        if (!dsi_parquet_int96_to_micros(in + i * 12, &v)) {
            return false;
        }
        store64(out + i * 8, v);
    }
    return true;
}

static bool times_to_micros(const struct dsi_parquet_field *f, const uint8_t *in,
                            size_t rows, uint8_t *out)
{
    enum dsi_parquet_unit unit = f->logical.unit;
    uint64_t bad = 0;

    if (f->physical == DSI_PARQUET_INT32 && unit == DSI_PARQUET_MILLIS) {
        for (size_t i = 0; i < rows; i++) {
            int64_t v = load32(in + i * 4);
            bad |= (uint64_t)v >= (uint64_t)(MICROS_PER_DAY / 1000);
            store64(out + i * 8, v * 1000);
        }
        return !bad;
    }
    if (f->physical != DSI_PARQUET_INT64 || unit != DSI_PARQUET_MICROS) {
        return false;
    }
    for (size_t i = 0; i < rows; i++) {
        int64_t v = load64(in + i * 8);
        bad |= (uint64_t)v >= (uint64_t)MICROS_PER_DAY;
        store64(out + i * 8, v);
    }
    return !bad;
}

static bool timestamps(const struct dsi_parquet_field *f, const struct dsi_type *from,
                       const uint8_t *in, size_t rows, uint8_t *out)
{
    bool micros = from->kind == DSI_TYPE_TIMESTAMP || from->kind == DSI_TYPE_TIMESTAMPTZ;

    if (!micros) { // A date, or nanoseconds: rare.
        return false;
    }
    if (f->physical == DSI_PARQUET_INT96) {
        return int96_to_micros(in, rows, out);
    }
    if (f->physical == DSI_PARQUET_INT64 && f->logical.unit == DSI_PARQUET_MILLIS) {
        return millis_to_micros(in, rows, out);
    }
    if (f->physical == DSI_PARQUET_INT64 && f->logical.unit == DSI_PARQUET_NANOS) {
        return nanos_to_micros(in, rows, out);
    }
    return false;
}

static bool decimals(const struct dsi_parquet_field *f, const struct dsi_type *from,
                     const struct dsi_type *to, const uint8_t *in, size_t rows,
                     uint8_t *out)
{
    int digits = from->precision < to->precision ? from->precision : to->precision;
    size_t width = dsi_parquet_width(f);

    if (from->kind != DSI_TYPE_DECIMAL || from->scale != to->scale) {
        return false;
    }
    if (f->physical == DSI_PARQUET_INT32 || f->physical == DSI_PARQUET_INT64) {
        return numbers_to_decimals(width, digits, in, rows, out);
    }
    return f->physical == DSI_PARQUET_FIXED && width > 0 && width <= 16 &&
           bytes_to_decimals(width, digits, in, rows, out);
}

bool dsi_data_convert(const struct dsi_parquet_field *f, const struct dsi_type *from,
                      const struct dsi_type *to, const uint8_t *in, size_t rows,
                      uint8_t *out)
{
    if (rows == 0) {
        return true;
    }
    bool is_unsigned = f->logical.kind == DSI_PARQUET_LOGICAL_INTEGER &&
                       !f->logical.is_signed && from->kind == DSI_TYPE_LONG;
    switch (to->kind) {
    case DSI_TYPE_LONG:
        return f->physical == DSI_PARQUET_INT32 &&
               ints_to_longs(is_unsigned, in, rows, out);
    case DSI_TYPE_DOUBLE:
        return f->physical == DSI_PARQUET_FLOAT && floats_to_doubles(in, rows, out);
    case DSI_TYPE_DECIMAL:
        return decimals(f, from, to, in, rows, out);
    case DSI_TYPE_TIMESTAMP:
    case DSI_TYPE_TIMESTAMPTZ:
        return timestamps(f, from, in, rows, out);
    case DSI_TYPE_TIME:
        return from->kind == DSI_TYPE_TIME && times_to_micros(f, in, rows, out);
    default:
        return false;
    }
}
