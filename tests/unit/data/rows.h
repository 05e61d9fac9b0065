// Schemas, values and batches for the tests of the data layer, random ones from a seed.
#ifndef DSI_TEST_DATA_ROWS_H
#define DSI_TEST_DATA_ROWS_H

#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "data/column_builder.h"
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
    case DSI_TYPE_UNKNOWN:
        return DSI_VALUE_NULL;
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
    case DSI_TYPE_GEOMETRY:
    case DSI_TYPE_GEOGRAPHY:
        v.as.bytes = (struct ds_slice){bytes, dsi_layout_width(&f->type)};
        if (dsi_layout_of(&f->type) == DSI_LAYOUT_BYTES) {
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
    case DSI_TYPE_GEOMETRY:
    case DSI_TYPE_GEOGRAPHY:
        return a->as.bytes.size == b->as.bytes.size &&
               (a->as.bytes.size == 0 ||
                memcmp(a->as.bytes.data, b->as.bytes.data, a->as.bytes.size) == 0);
    default:
        return memcmp(&a->as, &b->as, 8) == 0;
    }
}

// Two values of any type, at any depth. What null rows cover is not looked at.
static inline bool rows_same(const struct dsi_column *a, int64_t i,
                             const struct dsi_column *b, int64_t k)
{
    enum dsi_type_kind kind = a->field->type.kind;
    bool null = dsi_column_is_null(a, i);

    if (kind != b->field->type.kind || null != dsi_column_is_null(b, k)) {
        return false;
    }
    if (null) {
        return true;
    }
    if (dsi_layout_of(&a->field->type) != DSI_LAYOUT_NESTED) {
        struct dsi_value x;
        struct dsi_value y;
        dsi_column_value(a, i, &x);
        dsi_column_value(b, k, &y);
        return rows_same_value(&x, &y);
    }
    bool list = kind == DSI_TYPE_LIST || kind == DSI_TYPE_MAP;
    int64_t from = list ? dsi_column_offset(a, i) : a->offset + i;
    int64_t with = list ? dsi_column_offset(b, k) : b->offset + k;
    int64_t count = list ? dsi_column_offset(a, i + 1) - from : 1;
    bool same = a->child_count == b->child_count &&
                (!list || dsi_column_offset(b, k + 1) - with == count);
    for (size_t c = 0; same && c < a->child_count; c++) {
        for (int64_t n = 0; same && n < count; n++) {
            same = rows_same(&a->children[c], from + n, &b->children[c], with + n);
        }
    }
    return same;
}

static inline void rows_assert_same(const struct dsi_batch *a, int64_t a_row,
                                    const struct dsi_batch *b, int64_t b_row)
{
    assert_int_equal(a->column_count, b->column_count);
    for (size_t c = 0; c < a->column_count; c++) {
        if (!rows_same(&a->columns[c], a_row, &b->columns[c], b_row)) {
            fail_msg("column %s differs: row %lld and row %lld",
                     a->columns[c].field->name, (long long)a_row, (long long)b_row);
        }
    }
}

// Appends a random value of any type to a column.
static inline int rows_put(struct rows_random *r, struct dsi_column_builder *c,
                           struct ds_error *err)
{
    enum dsi_type_kind kind = c->field->type.kind;
    bool list = kind == DSI_TYPE_LIST || kind == DSI_TYPE_MAP;

    if (dsi_layout_of(&c->field->type) != DSI_LAYOUT_NESTED) {
        uint8_t bytes[ROWS_TEXT_MAX + 16];
        struct dsi_value v = rows_value(r, c->field, bytes);
        return dsi_column_builder_put(c, &v, err);
    }
    if (!c->field->required && rows_below(r, 5) == 0) {
        return dsi_column_builder_put(c, &DSI_VALUE_NULL, err);
    }
    for (int64_t n = list ? rows_below(r, 4) : 1; n > 0; n--) {
        for (size_t i = 0; i < c->child_count; i++) {
            int rc = rows_put(r, &c->children[i], err);
            if (rc < 0) {
                return rc;
            }
        }
    }
    return dsi_column_builder_end(c, err);
}

// Appends random rows to a builder.
static inline int rows_build(struct rows_random *r, const struct dsi_schema *schema,
                             int64_t rows, struct dsi_batch_builder *b,
                             struct ds_error *err)
{
    for (int64_t i = 0; i < rows; i++) {
        for (size_t c = 0; c < schema->root.field_count; c++) {
            int rc = rows_put(r, dsi_batch_builder_column(b, c), err);
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

// A schema made up from a seed, nested to `depth`. It must not move.
enum { ROWS_NESTED_FIELDS = 400 };

struct rows_nested {
    struct dsi_schema schema;
    struct dsi_field fields[ROWS_NESTED_FIELDS];
    char names[ROWS_NESTED_FIELDS][16];
    size_t used;
};

static inline struct dsi_type rows_nested_type(struct rows_random *r,
                                               struct rows_nested *n, int depth);

static inline const struct dsi_field *
rows_nested_fields(struct rows_random *r, struct rows_nested *n, size_t count, int depth)
{
    struct dsi_field *fields = &n->fields[n->used];
    size_t first = n->used;

    n->used += count;
    assert_true(n->used <= ROWS_NESTED_FIELDS);
    for (size_t i = 0; i < count; i++) {
        snprintf(n->names[first + i], sizeof n->names[0], "f%zu", first + i);
        fields[i] = (struct dsi_field){.id = (int32_t)(first + i) + 1,
                                       .name = n->names[first + i],
                                       .required = rows_below(r, 3) == 0};
        fields[i].type = rows_nested_type(r, n, depth);
        if (fields[i].type.kind == DSI_TYPE_UNKNOWN) {
            fields[i].required = false;
        }
    }
    return fields;
}

static inline struct dsi_type rows_nested_type(struct rows_random *r,
                                               struct rows_nested *n, int depth)
{
    static const struct dsi_type more[] = {
        {.kind = DSI_TYPE_UNKNOWN},
        {.kind = DSI_TYPE_VARIANT},
        {.kind = DSI_TYPE_GEOMETRY, .text = "geometry"},
        {.kind = DSI_TYPE_GEOGRAPHY, .text = "geography"},
        {.kind = DSI_TYPE_TIMESTAMP_NS},
    };
    bool full = n->used + 5 > ROWS_NESTED_FIELDS;
    int64_t pick = depth > 0 && !full ? rows_below(r, 10) : 9;
    struct dsi_type t = {.kind = DSI_TYPE_STRUCT};

    if (pick < 3) {
        t.field_count = 1 + (size_t)rows_below(r, 4);
        t.fields = rows_nested_fields(r, n, t.field_count, depth - 1);
    } else if (pick < 6) {
        t.kind = DSI_TYPE_LIST;
        t.field_count = 1;
        t.fields = rows_nested_fields(r, n, 1, depth - 1);
        ((struct dsi_field *)t.fields)->name = "element";
    } else if (pick < 8) {
        t.kind = DSI_TYPE_MAP;
        t.field_count = 2;
        t.fields = rows_nested_fields(r, n, 2, depth - 1);
        struct dsi_field *entries = (struct dsi_field *)t.fields;
        entries[0].name = "key";
        entries[0].required = true;
        entries[1].name = "value";
        if (entries[0].type.kind == DSI_TYPE_UNKNOWN) {
            entries[0].type.kind = DSI_TYPE_LONG;
        }
    } else {
        int64_t flat = rows_below(r, ROWS_ALL_COUNT + 5);
        t = flat < ROWS_ALL_COUNT ? rows_all_fields[flat].type
                                  : more[flat - ROWS_ALL_COUNT];
    }
    return t;
}

static inline void rows_nested_make(struct rows_random *r, size_t columns, int depth,
                                    struct rows_nested *n)
{
    memset(n, 0, sizeof *n);
    const struct dsi_field *fields = rows_nested_fields(r, n, columns, depth);
    n->schema = rows_schema(fields, columns);
    n->schema.highest_id = (int32_t)n->used;
}

#endif
