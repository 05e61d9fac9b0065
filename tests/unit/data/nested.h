// Random nested schemas and batches for the tests of the data layer, as sloppy as the
// layout allows: offsets, gaps, and rubbish below nulls.
#ifndef DSI_TEST_DATA_NESTED_H
#define DSI_TEST_DATA_NESTED_H

#include "unit/data/rows.h"

struct nested_making {
    struct rows_random *r;
    struct dsi_arena *arena;
    int32_t id;
    bool unknown; // Types unknown may appear.
};

static inline struct dsi_type nested_primitive(struct nested_making *m)
{
    static const enum dsi_type_kind kinds[] = {
        DSI_TYPE_BOOLEAN, DSI_TYPE_INT,   DSI_TYPE_LONG,   DSI_TYPE_DOUBLE,
        DSI_TYPE_DECIMAL, DSI_TYPE_FIXED, DSI_TYPE_STRING, DSI_TYPE_BINARY};
    struct dsi_type t = {.kind = kinds[rows_below(m->r, 8)]};

    if (t.kind == DSI_TYPE_DECIMAL) {
        t.precision = (int32_t[]){5, 15, 30}[rows_below(m->r, 3)];
    }
    t.length = t.kind == DSI_TYPE_FIXED ? 3 : 0;
    return t;
}

static inline struct dsi_field nested_field(struct nested_making *m, const char *name,
                                            int depth, bool entry)
{
    struct dsi_field f = {
        .id = ++m->id, .name = name, .required = rows_below(m->r, 3) == 0};
    int64_t kind = depth > 0 ? rows_below(m->r, 6) : 5;
    size_t count = kind == 0 ? 1 + (size_t)rows_below(m->r, 3) : kind == 2 ? 2 : 1;
    static const char *const names[][3] = {
        {"a", "b", "c"}, {"element", NULL, NULL}, {"key", "value", NULL}};

    if (kind > 2) {
        f.type = nested_primitive(m);
        f.type.kind = kind == 3 ? DSI_TYPE_VARIANT : f.type.kind;
        if (m->unknown && !entry && rows_below(m->r, 8) == 0) {
            f.type = (struct dsi_type){.kind = DSI_TYPE_UNKNOWN};
            f.required = false;
        }
        return f;
    }
    struct dsi_field *fields = dsi_arena_array(m->arena, count, sizeof *fields);
    assert_non_null(fields);
    for (size_t i = 0; i < count; i++) {
        // The first is always stored.
        fields[i] = nested_field(m, names[kind][i], depth - 1, kind > 0 || i == 0);
        fields[i].required = fields[i].required || (kind == 2 && i == 0);
    }
    f.type.kind = kind == 0 ? DSI_TYPE_STRUCT : kind == 1 ? DSI_TYPE_LIST : DSI_TYPE_MAP;
    f.type.fields = fields;
    f.type.field_count = count;
    return f;
}

static inline struct dsi_schema nested_schema(struct rows_random *r, int depth,
                                              bool unknown, struct dsi_arena *arena)
{
    static const char *const names[] = {"r0", "r1", "r2", "r3"};
    struct nested_making m = {r, arena, 0, unknown};
    size_t count = 1 + (size_t)rows_below(r, 4);
    struct dsi_field *fields = dsi_arena_array(arena, count, sizeof *fields);

    assert_non_null(fields);
    for (size_t i = 0; i < count; i++) {
        fields[i] = nested_field(&m, names[i], depth, i == 0);
    }
    struct dsi_schema s = rows_schema(fields, count);
    s.highest_id = m.id;
    return s;
}

static inline void *nested_memory(struct dsi_batch *b, size_t size)
{
    void *p = dsi_batch_calloc(b, size + 1);
    assert_non_null(p);
    return p;
}

// Offsets of `rows` rows of a few things each from anywhere on; how many there are.
static inline int64_t nested_offsets(struct rows_random *r, struct dsi_batch *b,
                                     struct dsi_column *c, int64_t rows)
{
    bool wide = rows_below(r, 2) == 0;
    int32_t *narrow = wide ? NULL : nested_memory(b, (size_t)(rows + 1) * 4);
    int64_t *broad = wide ? nested_memory(b, (size_t)(rows + 1) * 8) : NULL;
    int64_t end = rows_below(r, 4);
    int64_t most = rows_below(r, 2) ? 2 : 6;

    for (int64_t i = 0; i <= rows; i++) {
        if (wide) {
            broad[i] = end;
        } else {
            narrow[i] = (int32_t)end;
        }
        if (i < rows) { // Null rows, too, may cover something.
            bool null = c->validity && !dsi_bit_get(c->validity, i);
            end += null && rows_below(r, 4) ? 0 : rows_below(r, most);
        }
    }
    c->offsets = narrow;
    c->offsets64 = broad;
    return end;
}

static inline void nested_values(struct rows_random *r, struct dsi_batch *b,
                                 struct dsi_column *c, int64_t rows)
{
    const struct dsi_type *t = &c->field->type;
    size_t width = dsi_layout_width(t);
    size_t size = (size_t)rows * (width > 0 ? width : 1);
    if (dsi_layout_of(t) == DSI_LAYOUT_BYTES) {
        size = (size_t)nested_offsets(r, b, c, rows);
    }
    uint8_t *bytes = nested_memory(b, size);
    for (size_t i = 0; i < size; i++) {
        bytes[i] = (uint8_t)('a' + rows_below(r, 26));
    }
    for (int64_t i = 0; t->kind == DSI_TYPE_DECIMAL && i < rows; i++) {
        dsi_int128 v = rows_below(r, 100000) - 50000;
        memcpy(bytes + i * 16, &v, 16);
    }
    c->values = bytes;
}

static inline void nested_column(struct rows_random *r, struct dsi_batch *b,
                                 struct dsi_column *c, int64_t length)
{
    const struct dsi_type *t = &c->field->type;
    int64_t below = 0;

    c->length = length;
    c->offset = rows_below(r, 3) ? 0 : rows_below(r, 10);
    c->null_count = -1;
    int64_t rows = c->offset + length;
    if (t->kind == DSI_TYPE_UNKNOWN) {
        return;
    }
    if (!c->field->required && rows_below(r, 3)) {
        uint8_t *bits = nested_memory(b, dsi_bits_size(rows));
        int64_t nulls = 1 + rows_below(r, 6); // One in so many, or all.
        for (int64_t i = 0; i < rows; i++) {
            if (nulls > 1 && rows_below(r, nulls)) {
                dsi_bit_set(bits, i);
            }
        }
        c->validity = bits;
    }
    if (t->kind == DSI_TYPE_LIST || t->kind == DSI_TYPE_MAP) {
        below = nested_offsets(r, b, c, rows) + rows_below(r, 3);
    } else if (t->kind == DSI_TYPE_STRUCT || t->kind == DSI_TYPE_VARIANT) {
        below = rows;
    } else {
        nested_values(r, b, c, rows);
    }
    for (size_t i = 0; i < c->child_count; i++) {
        nested_column(r, b, &c->children[i], below);
    }
}

static inline void nested_make(struct rows_random *r, const struct dsi_schema *schema,
                               int64_t rows, struct dsi_batch *b)
{
    assert_int_equal(dsi_batch_init(b, schema, NULL), DS_OK);
    b->rows = rows;
    for (size_t i = 0; i < b->column_count; i++) {
        nested_column(r, b, &b->columns[i], rows);
    }
}

static inline int64_t nested_offset(const struct dsi_column *c, int64_t row)
{
    return c->offsets ? c->offsets[c->offset + row] : c->offsets64[c->offset + row];
}

// Whether two rows hold the same value, all the way down.
static inline bool nested_same(const struct dsi_column *a, int64_t i,
                               const struct dsi_column *b, int64_t k)
{
    const struct dsi_type *t = &a->field->type;
    bool null = t->kind == DSI_TYPE_UNKNOWN || dsi_column_is_null(a, i);
    int64_t count = 1;
    int64_t at_a = a->offset + i;
    int64_t at_b = b->offset + k;

    if (null || t->kind == DSI_TYPE_UNKNOWN || dsi_column_is_null(b, k)) {
        return null && (t->kind == DSI_TYPE_UNKNOWN || dsi_column_is_null(b, k));
    }
    if (dsi_layout_of(t) != DSI_LAYOUT_NESTED) {
        struct dsi_value x;
        struct dsi_value y;
        dsi_column_value(a, i, &x);
        dsi_column_value(b, k, &y);
        return dsi_value_equal(&x, &y);
    }
    if (t->kind == DSI_TYPE_LIST || t->kind == DSI_TYPE_MAP) {
        at_a = nested_offset(a, i);
        at_b = nested_offset(b, k);
        count = nested_offset(a, i + 1) - at_a;
        if (count != nested_offset(b, k + 1) - at_b) {
            return false;
        }
    }
    for (size_t c = 0; c < a->child_count; c++) {
        for (int64_t n = 0; n < count; n++) {
            if (!nested_same(&a->children[c], at_a + n, &b->children[c], at_b + n)) {
                return false;
            }
        }
    }
    return true;
}

#endif
