// Schemas, values and batches for the tests of the data layer, random ones from a seed.
#ifndef DSI_TEST_DATA_ROWS_H
#define DSI_TEST_DATA_ROWS_H

#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "data/column_layout.h"
#include "harness.h"

enum { ROWS_TEXT_MAX = 40 };

// Seeds are small and fixed, so that a failure is a line that anybody can run again.
struct rows_random {
    uint64_t state;
};

static inline uint64_t rows_next(struct rows_random *r)
{
    uint64_t z = (r->state += UINT64_C(0x9e3779b97f4a7c15)); // splitmix64
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

static inline int64_t rows_below(struct rows_random *r, int64_t below)
{
    return (int64_t)(rows_next(r) % (uint64_t)below);
}

#define ROWS_FIELD(id, name, required, ...)                                              \
    {                                                                                    \
        id, required, name, NULL, {__VA_ARGS__}, NULL, NULL                              \
    }

// One optional column of every flat type, and one required.
static const struct dsi_field rows_all_fields[] = {
    ROWS_FIELD(1, "b", false, .kind = DSI_TYPE_BOOLEAN),
    ROWS_FIELD(2, "i", false, .kind = DSI_TYPE_INT),
    ROWS_FIELD(3, "l", true, .kind = DSI_TYPE_LONG),
    ROWS_FIELD(4, "f", false, .kind = DSI_TYPE_FLOAT),
    ROWS_FIELD(5, "d", false, .kind = DSI_TYPE_DOUBLE),
    ROWS_FIELD(6, "dec9", false, .kind = DSI_TYPE_DECIMAL, .precision = 9, .scale = 2),
    ROWS_FIELD(7, "dec18", false, .kind = DSI_TYPE_DECIMAL, .precision = 18, .scale = 0),
    ROWS_FIELD(8, "dec38", false, .kind = DSI_TYPE_DECIMAL, .precision = 38, .scale = 10),
    ROWS_FIELD(9, "date", false, .kind = DSI_TYPE_DATE),
    ROWS_FIELD(10, "time", false, .kind = DSI_TYPE_TIME),
    ROWS_FIELD(11, "ts", false, .kind = DSI_TYPE_TIMESTAMP),
    ROWS_FIELD(12, "tstz", false, .kind = DSI_TYPE_TIMESTAMPTZ),
    ROWS_FIELD(13, "s", false, .kind = DSI_TYPE_STRING),
    ROWS_FIELD(14, "u", false, .kind = DSI_TYPE_UUID),
    ROWS_FIELD(15, "fix", false, .kind = DSI_TYPE_FIXED, .length = 5),
    ROWS_FIELD(16, "bin", false, .kind = DSI_TYPE_BINARY),
};

enum { ROWS_ALL_COUNT = sizeof rows_all_fields / sizeof rows_all_fields[0] };

static inline struct dsi_schema rows_schema(const struct dsi_field *fields, size_t count)
{
    return (struct dsi_schema){
        .root = {.kind = DSI_TYPE_STRUCT, .fields = fields, .field_count = count},
        .highest_id = count > 0 ? fields[count - 1].id : 0,
    };
}

static inline struct dsi_schema rows_all_schema(void)
{
    return rows_schema(rows_all_fields, ROWS_ALL_COUNT);
}

// Valid text of 1, 2, 3 and 4 byte characters in `bytes`.
static inline struct ds_slice rows_text(struct rows_random *r, uint8_t *bytes)
{
    static const char *const pieces[] = {
        "a", "zebra", "\xc3\xa9", "\xe2\x82\xac", "\xf0\x9f\x98\x80", " ", "SEA", "\x01"};
    size_t size = 0;
    for (int64_t n = rows_below(r, 8); n > 0; n--) {
        const char *p = pieces[rows_below(r, 8)];
        if (size + strlen(p) > ROWS_TEXT_MAX) {
            break;
        }
        memcpy(bytes + size, p, strlen(p));
        size += strlen(p);
    }
    return (struct ds_slice){bytes, size};
}

static inline dsi_int128 rows_decimal(struct rows_random *r, int32_t precision)
{
    dsi_int128 limit = dsi_int128_pow10(precision);
    dsi_int128 v = (dsi_int128)(((dsi_uint128)rows_next(r) << 64 | rows_next(r)) >> 2);
    v %= limit;
    if (rows_below(r, 8) == 0) {
        v = limit - 1;
    }
    return rows_below(r, 2) ? -v : v;
}

static inline double rows_double(struct rows_random *r)
{
    static const double special[] = {0.0, -0.0, 1.5, -2.25, 1e300, -1e-300};
    int64_t pick = rows_below(r, 12);
    if (pick < 6) {
        return special[pick];
    }
    if (pick == 6) {
        uint64_t bits = UINT64_C(0x7ff8000000000000);
        double nan = 0;
        memcpy(&nan, &bits, sizeof nan);
        return nan;
    }
    return (double)(int64_t)rows_next(r) / 1e9;
}

// A random value of a type, null one time in five if it may be; text lies in `bytes`.
static inline struct dsi_value rows_value(struct rows_random *r,
                                          const struct dsi_field *f, uint8_t *bytes)
{
    struct dsi_value v = {.kind = f->type.kind};

    if (!f->required && rows_below(r, 5) == 0) {
        return DSI_VALUE_NULL;
    }
    switch (f->type.kind) {
    case DSI_TYPE_BOOLEAN:
        v.as.boolean = rows_below(r, 2) == 1;
        break;
    case DSI_TYPE_INT:
    case DSI_TYPE_DATE:
        v.as.i32 = (int32_t)rows_next(r);
        break;
    case DSI_TYPE_FLOAT:
        v.as.f32 = (float)rows_double(r);
        break;
    case DSI_TYPE_DOUBLE:
        v.as.f64 = rows_double(r);
        break;
    case DSI_TYPE_DECIMAL:
        v.as.decimal = rows_decimal(r, f->type.precision);
        break;
    case DSI_TYPE_TIME:
        v.as.i64 = rows_below(r, INT64_C(86400000000));
        break;
    case DSI_TYPE_STRING:
        v.as.bytes = rows_text(r, bytes);
        break;
    case DSI_TYPE_UUID:
    case DSI_TYPE_FIXED:
    case DSI_TYPE_BINARY:
        v.as.bytes = (struct ds_slice){bytes, dsi_layout_width(&f->type)};
        if (f->type.kind == DSI_TYPE_BINARY) {
            v.as.bytes.size = (size_t)rows_below(r, ROWS_TEXT_MAX);
        }
        for (size_t i = 0; i < v.as.bytes.size; i++) {
            bytes[i] = (uint8_t)rows_next(r);
        }
        break;
    default:
        v.as.i64 = (int64_t)rows_next(r);
        break;
    }
    return v;
}

// Bit for bit: NaN equals itself, -0.0 is not 0.0.
static inline bool rows_same_value(const struct dsi_value *a, const struct dsi_value *b)
{
    if (a->null || b->null) {
        return a->null && b->null;
    }
    switch (a->kind) {
    case DSI_TYPE_BOOLEAN:
        return a->as.boolean == b->as.boolean;
    case DSI_TYPE_INT:
    case DSI_TYPE_DATE:
    case DSI_TYPE_FLOAT:
        return memcmp(&a->as, &b->as, 4) == 0;
    case DSI_TYPE_DECIMAL:
        return a->as.decimal == b->as.decimal;
    case DSI_TYPE_STRING:
    case DSI_TYPE_UUID:
    case DSI_TYPE_FIXED:
    case DSI_TYPE_BINARY:
        return a->as.bytes.size == b->as.bytes.size &&
               (a->as.bytes.size == 0 ||
                memcmp(a->as.bytes.data, b->as.bytes.data, a->as.bytes.size) == 0);
    default:
        return memcmp(&a->as, &b->as, 8) == 0;
    }
}

static inline void rows_assert_same(const struct dsi_batch *a, int64_t a_row,
                                    const struct dsi_batch *b, int64_t b_row)
{
    assert_int_equal(a->column_count, b->column_count);
    for (size_t c = 0; c < a->column_count; c++) {
        struct dsi_value x;
        struct dsi_value y;
        dsi_column_value(&a->columns[c], a_row, &x);
        dsi_column_value(&b->columns[c], b_row, &y);
        if (!rows_same_value(&x, &y)) {
            fail_msg("column %s differs: row %lld and row %lld",
                     a->columns[c].field->name, (long long)a_row, (long long)b_row);
        }
    }
}

// Appends random rows to a builder.
static inline int rows_build(struct rows_random *r, const struct dsi_schema *schema,
                             int64_t rows, struct dsi_batch_builder *b,
                             struct ds_error *err)
{
    for (int64_t i = 0; i < rows; i++) {
        for (size_t c = 0; c < schema->root.field_count; c++) {
            uint8_t bytes[ROWS_TEXT_MAX + 16];
            struct dsi_value v = rows_value(r, &schema->root.fields[c], bytes);
            int rc = dsi_batch_builder_set(b, c, &v, err);
            if (rc < 0) {
                return rc;
            }
        }
        int rc = dsi_batch_builder_end_row(b, err);
        if (rc < 0) {
            return rc;
        }
    }
    return DS_OK;
}

// A batch of random rows. On failure `out` is empty.
static inline int rows_make(struct rows_random *r, const struct dsi_schema *schema,
                            int64_t rows, struct dsi_batch *out, struct ds_error *err)
{
    struct dsi_batch_builder *b = NULL;
    *out = (struct dsi_batch){0};
    int rc = dsi_batch_builder_new(schema, &b, err);
    if (rc == DS_OK) {
        rc = rows_build(r, schema, rows, b, err);
    }
    if (rc == DS_OK) {
        rc = dsi_batch_builder_take(b, out, err);
    }
    dsi_batch_builder_free(b);
    return rc;
}

#endif
