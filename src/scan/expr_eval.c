#include <assert.h>
#include <string.h>

#include "base/alloc.h"
#include "base/error.h"
#include "base/text.h"
#include "scan/expr_match.h"

// A mask has one byte for each row, 1: passes. Leaves fill it in loops of one type and
// one operator, which compilers turn into vector code; AND and OR combine masks.

enum { SMALL_SET_MAX = 6 };

struct evaluation {
    const struct dsi_batch *batch;
    struct ds_error *err;
};

#define COMPARE_LOOP(type, op, literal)                                                  \
    do {                                                                                 \
        const type *restrict in = (const type *)c->values + c->offset;                   \
        const type v = (literal);                                                        \
        for (size_t i = 0; i < n; i++) {                                                 \
            mask[i] = in[i] op v;                                                        \
        }                                                                                \
    } while (0)

// NaN needs no thought here: C compares as IEEE 754 does, and so do filters.
#define COMPARE_ALL(type, literal)                                                       \
    switch (e->op) {                                                                     \
    case DSI_EXPR_EQ:                                                                    \
        COMPARE_LOOP(type, ==, literal);                                                 \
        break;                                                                           \
    case DSI_EXPR_NE:                                                                    \
        COMPARE_LOOP(type, !=, literal);                                                 \
        break;                                                                           \
    case DSI_EXPR_LT:                                                                    \
        COMPARE_LOOP(type, <, literal);                                                  \
        break;                                                                           \
    case DSI_EXPR_LE:                                                                    \
        COMPARE_LOOP(type, <=, literal);                                                 \
        break;                                                                           \
    case DSI_EXPR_GT:                                                                    \
        COMPARE_LOOP(type, >, literal);                                                  \
        break;                                                                           \
    default:                                                                             \
        COMPARE_LOOP(type, >=, literal);                                                 \
        break;                                                                           \
    }

static void compare_i32(const struct dsi_bound *e, const struct dsi_column *c, size_t n,
                        uint8_t *restrict mask)
{
    COMPARE_ALL(int32_t, e->values[0].as.i32)
}

static void compare_i64(const struct dsi_bound *e, const struct dsi_column *c, size_t n,
                        uint8_t *restrict mask)
{
    COMPARE_ALL(int64_t, e->values[0].as.i64)
}

static void compare_f32(const struct dsi_bound *e, const struct dsi_column *c, size_t n,
                        uint8_t *restrict mask)
{
    COMPARE_ALL(float, e->values[0].as.f32)
}

static void compare_f64(const struct dsi_bound *e, const struct dsi_column *c, size_t n,
                        uint8_t *restrict mask)
{
    COMPARE_ALL(double, e->values[0].as.f64)
}

static void test_nan(const struct dsi_bound *e, const struct dsi_column *c, size_t n,
                     uint8_t *mask)
{
    uint8_t other = e->op == DSI_EXPR_NOT_NAN;

    if (c->field->type.kind == DSI_TYPE_FLOAT) {
        const float *in = (const float *)c->values + c->offset;
        for (size_t i = 0; i < n; i++) {
            mask[i] = (in[i] != in[i]) != other;
        }
    } else {
        const double *in = (const double *)c->values + c->offset;
        for (size_t i = 0; i < n; i++) {
            mask[i] = (in[i] != in[i]) != other;
        }
    }
}

static struct ds_slice text_at(const struct dsi_column *c, size_t i)
{
    size_t at = (size_t)c->offset + i;
    size_t from = c->offsets ? (size_t)c->offsets[at] : (size_t)c->offsets64[at];
    size_t to = c->offsets ? (size_t)c->offsets[at + 1] : (size_t)c->offsets64[at + 1];

    return (struct ds_slice){(const uint8_t *)c->values + from, to - from};
}

static bool begins(struct ds_slice text, struct ds_slice prefix)
{
    return text.size >= prefix.size &&
           (prefix.size == 0 || memcmp(text.data, prefix.data, prefix.size) == 0);
}

// Equality and prefixes of text, which need no order.
static void match_text(const struct dsi_bound *e, const struct dsi_column *c, size_t n,
                       uint8_t *mask)
{
    struct ds_slice v = e->values[0].as.bytes;
    bool whole = e->op == DSI_EXPR_EQ || e->op == DSI_EXPR_NE;
    uint8_t other = e->op == DSI_EXPR_NE || e->op == DSI_EXPR_NOT_STARTS_WITH;

    for (size_t i = 0; i < n; i++) {
        struct ds_slice text = text_at(c, i);
        mask[i] = (begins(text, v) && (!whole || text.size == v.size)) != other;
    }
}

static void order_text(const struct dsi_bound *e, const struct dsi_column *c, size_t n,
                       uint8_t *mask)
{
    struct ds_slice v = e->values[0].as.bytes;
    bool less = e->op == DSI_EXPR_LT || e->op == DSI_EXPR_LE;
    bool equal = e->op == DSI_EXPR_LE || e->op == DSI_EXPR_GE;

    for (size_t i = 0; i < n; i++) {
        int order = dsi_slice_compare(text_at(c, i), v);
        mask[i] = order == 0 ? equal : (order < 0) == less;
    }
}

static bool is_text(const struct dsi_column *c)
{
    enum dsi_type_kind kind = c->field->type.kind;

    return (kind == DSI_TYPE_STRING || kind == DSI_TYPE_BINARY) &&
           (c->offsets || c->offsets64);
}

static void match_each(const struct dsi_bound *e, const struct dsi_column *c, size_t n,
                       uint8_t *mask)
{
    for (size_t i = 0; i < n; i++) {
        struct dsi_value v;
        bool known = false;
        dsi_column_value(c, (int64_t)i, &v);
        mask[i] = dsi_bound_value(e, &v, &known);
        assert(known);
    }
}

static void match_values(const struct dsi_bound *e, const struct dsi_column *c, size_t n,
                         uint8_t *mask)
{
    bool compares = e->op >= DSI_EXPR_EQ && e->op <= DSI_EXPR_GE;

    if (e->op == DSI_EXPR_IS_NAN || e->op == DSI_EXPR_NOT_NAN) {
        test_nan(e, c, n, mask);
        return;
    }
    if (is_text(c) && e->op != DSI_EXPR_IN && e->op != DSI_EXPR_NOT_IN) {
        bool orders = e->op >= DSI_EXPR_LT && e->op <= DSI_EXPR_GE;
        (orders ? order_text : match_text)(e, c, n, mask);
        return;
    }
    switch (compares ? c->field->type.kind : DSI_TYPE_UNKNOWN) {
    case DSI_TYPE_INT:
    case DSI_TYPE_DATE:
        compare_i32(e, c, n, mask);
        break;
    case DSI_TYPE_LONG:
    case DSI_TYPE_TIME:
    case DSI_TYPE_TIMESTAMP:
    case DSI_TYPE_TIMESTAMPTZ:
    case DSI_TYPE_TIMESTAMP_NS:
    case DSI_TYPE_TIMESTAMPTZ_NS:
        compare_i64(e, c, n, mask);
        break;
    case DSI_TYPE_FLOAT:
        compare_f32(e, c, n, mask);
        break;
    case DSI_TYPE_DOUBLE:
        compare_f64(e, c, n, mask);
        break;
    default:
        match_each(e, c, n, mask);
        break;
    }
}

// A small set is faster as so many equalities than as a search for each row.
static void match_small_set(const struct dsi_bound *e, const struct dsi_column *c,
                            size_t n, uint8_t *one, uint8_t *mask)
{
    struct dsi_bound equal = {
        .op = DSI_EXPR_EQ, .field = e->field, .values = NULL, .value_count = 1};
    uint8_t other = e->op == DSI_EXPR_NOT_IN;

    memset(mask, other, n);
    for (size_t i = 0; i < e->value_count; i++) {
        equal.values = &e->values[i];
        match_values(&equal, c, n, one);
        for (size_t r = 0; r < n; r++) {
            mask[r] ^= one[r]; // No two values are equal, so at most once for a row.
        }
    }
}

// What lies under a null is any bits, so nulls have the last word.
static void set_nulls(const struct dsi_column *c, size_t n, uint8_t passes, uint8_t *mask)
{
    for (size_t i = 0; c->validity && i < n; i++) {
        size_t at = (size_t)c->offset + i;
        if (!((c->validity[at / 8] >> (at % 8)) & 1)) {
            mask[i] = passes;
        }
    }
}

static const struct dsi_column *find_column(const struct dsi_batch *b, int32_t id)
{
    for (size_t i = 0; i < b->column_count; i++) {
        if (b->columns[i].field->id == id) {
            return &b->columns[i];
        }
    }
    return NULL;
}

static int eval_leaf(const struct evaluation *ev, const struct dsi_bound *e,
                     uint8_t *mask)
{
    const struct dsi_column *c = NULL;
    size_t n = (size_t)ev->batch->rows;
    uint8_t *one = NULL;

    if (e->op == DSI_EXPR_TRUE || e->op == DSI_EXPR_FALSE) {
        memset(mask, e->op == DSI_EXPR_TRUE, n);
        return DS_OK;
    }
    c = find_column(ev->batch, e->field->id);
    if (!c) {
        return dsi_fail(ev->err, DS_EBUG, "filtering: the batch lacks column %s",
                        e->field->name);
    }
    if (e->op == DSI_EXPR_IS_NULL || e->op == DSI_EXPR_NOT_NULL) {
        memset(mask, e->op == DSI_EXPR_NOT_NULL, n);
        if (c->field->type.kind == DSI_TYPE_UNKNOWN) {
            memset(mask, e->op == DSI_EXPR_IS_NULL, n);
        }
    } else if ((e->op == DSI_EXPR_IN || e->op == DSI_EXPR_NOT_IN) &&
               e->value_count <= SMALL_SET_MAX) {
        one = dsi_malloc(n);
        if (!one) {
            return dsi_no_memory(ev->err, "filtering rows");
        }
        match_small_set(e, c, n, one, mask);
        dsi_free(one);
    } else {
        match_values(e, c, n, mask);
    }
    set_nulls(c, n, e->op == DSI_EXPR_IS_NULL || e->op == DSI_EXPR_NOT_NAN, mask);
    return DS_OK;
}

// As deep as the parser lets an expression be.
static int eval_any(const struct evaluation *ev, const struct dsi_bound *e, uint8_t *mask)
{
    size_t n = (size_t)ev->batch->rows;
    bool all = e->op == DSI_EXPR_AND;
    uint8_t *one = NULL;
    int rc = DS_OK;

    if (!all && e->op != DSI_EXPR_OR) {
        return eval_leaf(ev, e, mask);
    }
    one = dsi_malloc(n);
    if (!one) {
        return dsi_no_memory(ev->err, "filtering rows");
    }
    memset(mask, all, n);
    // Done early when nothing is left that the other children could change.
    for (size_t i = 0; i < e->child_count && memchr(mask, all, n); i++) {
        DSI_TRY(eval_any(ev, e->children[i], one));
        for (size_t r = 0; r < n; r++) {
            mask[r] = all ? mask[r] & one[r] : mask[r] | one[r];
        }
    }
done:
    dsi_free(one);
    return rc;
}

int dsi_expr_eval(const struct dsi_bound *e, const struct dsi_batch *b, int64_t *rows,
                  size_t *count, struct ds_error *err)
{
    struct evaluation ev = {b, err};
    size_t n = (size_t)b->rows;
    uint8_t *mask = dsi_malloc(n + 1);
    int rc = mask ? DS_OK : dsi_no_memory(err, "filtering rows");

    *count = 0;
    DSI_TRY(rc);
    DSI_TRY(eval_any(&ev, e, mask));
    for (size_t i = 0; i < n; i++) {
        rows[*count] = (int64_t)i;
        *count += mask[i];
    }
done:
    dsi_free(mask);
    return rc;
}
