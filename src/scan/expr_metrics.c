#include <assert.h>
#include <string.h>

#include "scan/expr_match.h"

// How the bounds lie to a value: -2 when it is not known.
enum { UNKNOWN_ORDER = -2 };

static int bound_order(const struct dsi_value *bound, const struct dsi_value *v)
{
    int order = 0;

    if (!dsi_bound_compare(bound, v, &order)) {
        return UNKNOWN_ORDER;
    }
    return (order > 0) - (order < 0);
}

static bool above(int order)
{
    return order == 1;
}

static bool below(int order)
{
    return order == -1;
}

static bool at_least(int order)
{
    return order == 0 || order == 1;
}

static bool at_most(int order)
{
    return order == 0 || order == -1;
}

static enum dsi_match opposite(enum dsi_match m)
{
    return m == DSI_MATCH_SOME ? m : m == DSI_MATCH_ALL ? DSI_MATCH_NONE : DSI_MATCH_ALL;
}

static enum dsi_match decide(bool all, bool none)
{
    return none ? DSI_MATCH_NONE : all ? DSI_MATCH_ALL : DSI_MATCH_SOME;
}

static enum dsi_match match_comparison(enum dsi_expr_op op, const struct dsi_range *r,
                                       const struct dsi_value *v)
{
    int low = bound_order(&r->lower, v);
    int high = bound_order(&r->upper, v);

    switch (op) {
    case DSI_EXPR_LT:
        return decide(below(high), at_least(low));
    case DSI_EXPR_LE:
        return decide(at_most(high), above(low));
    case DSI_EXPR_GT:
        return decide(above(low), at_most(high));
    case DSI_EXPR_GE:
        return decide(at_least(low), below(high));
    default:
        return decide(low == 0 && high == 0, above(low) || below(high));
    }
}

static enum dsi_match match_set(const struct dsi_bound *leaf, const struct dsi_range *r)
{
    for (size_t i = 0; i < leaf->value_count; i++) {
        enum dsi_match one = match_comparison(DSI_EXPR_EQ, r, &leaf->values[i]);
        if (one != DSI_MATCH_NONE) {
            return one;
        }
    }
    return DSI_MATCH_NONE;
}

static bool starts(const struct dsi_value *v, const struct dsi_value *prefix)
{
    return !v->null && v->kind == prefix->kind &&
           v->as.bytes.size >= prefix->as.bytes.size &&
           memcmp(v->as.bytes.data, prefix->as.bytes.data, prefix->as.bytes.size) == 0;
}

// Whatever starts with p is not below p, and lies between any two that start with it.
static enum dsi_match match_prefix(const struct dsi_value *prefix,
                                   const struct dsi_range *r)
{
    bool low = starts(&r->lower, prefix);
    bool none = below(bound_order(&r->upper, prefix)) ||
                (above(bound_order(&r->lower, prefix)) && !low);

    return decide(low && starts(&r->upper, prefix), none);
}

static enum dsi_match match_values(const struct dsi_bound *leaf,
                                   const struct dsi_range *r)
{
    switch (leaf->op) {
    case DSI_EXPR_TRUE:
    case DSI_EXPR_NOT_NULL:
    case DSI_EXPR_NOT_NAN:
        return DSI_MATCH_ALL;
    case DSI_EXPR_FALSE:
    case DSI_EXPR_IS_NULL:
    case DSI_EXPR_IS_NAN:
        return DSI_MATCH_NONE;
    case DSI_EXPR_IN:
        return match_set(leaf, r);
    case DSI_EXPR_NOT_IN:
        return opposite(match_set(leaf, r));
    case DSI_EXPR_STARTS_WITH:
        return match_prefix(&leaf->values[0], r);
    case DSI_EXPR_NOT_STARTS_WITH:
        return opposite(match_prefix(&leaf->values[0], r));
    case DSI_EXPR_NE:
        return opposite(match_comparison(DSI_EXPR_EQ, r, &leaf->values[0]));
    default:
        return match_comparison(leaf->op, r, &leaf->values[0]);
    }
}

static bool null_passes(enum dsi_expr_op op)
{
    return op == DSI_EXPR_TRUE || op == DSI_EXPR_IS_NULL || op == DSI_EXPR_NOT_NAN;
}

static bool nan_passes(enum dsi_expr_op op)
{
    return op == DSI_EXPR_TRUE || op == DSI_EXPR_NOT_NULL || op == DSI_EXPR_IS_NAN ||
           op == DSI_EXPR_NE || op == DSI_EXPR_NOT_IN;
}

enum dsi_match dsi_match_leaf(const struct dsi_bound *leaf, const struct dsi_range *r)
{
    bool some = false; // Some part has, or may have, rows that pass.
    bool rest = false; // Some part has, or may have, rows that do not.

    if (r->nulls) {
        *(null_passes(leaf->op) ? &some : &rest) = true;
    }
    if (r->nans) {
        *(nan_passes(leaf->op) ? &some : &rest) = true;
    }
    if (r->values) {
        enum dsi_match m = match_values(leaf, r);
        some = some || m != DSI_MATCH_NONE;
        rest = rest || m != DSI_MATCH_ALL;
    }
    return decide(!rest, !some);
}

enum dsi_match dsi_match_tree(const struct dsi_bound *e,
                              enum dsi_match (*leaf)(const void *arg,
                                                     const struct dsi_bound *leaf),
                              const void *arg)
{
    // What leaves the answer to the other children, and what settles it.
    enum dsi_match neutral = e->op == DSI_EXPR_AND ? DSI_MATCH_ALL : DSI_MATCH_NONE;
    enum dsi_match result = neutral;

    assert(e->op != DSI_EXPR_NOT);
    if (e->op != DSI_EXPR_AND && e->op != DSI_EXPR_OR) {
        return leaf(arg, e);
    }
    for (size_t i = 0; i < e->child_count; i++) {
        enum dsi_match one = dsi_match_tree(e->children[i], leaf, arg);
        if (one == opposite(neutral)) {
            return one;
        }
        if (one == DSI_MATCH_SOME) {
            result = one;
        }
    }
    return result;
}

// A file's are in order of their ids, a row group's in order of its columns.
static const struct dsi_column_metrics *find_metrics(const struct dsi_rows_view *v,
                                                     int32_t id)
{
    for (size_t i = 0; i < v->column_count; i++) {
        if (v->columns[i].field_id == id) {
            return &v->columns[i];
        }
    }
    return NULL;
}

static void read_bound(const struct dsi_type *type, struct ds_slice bytes,
                       struct dsi_value *out)
{
    if (!bytes.data || !dsi_type_is_primitive(type) ||
        dsi_value_from_bytes(type, bytes, out, NULL) < 0 || dsi_value_is_nan(out)) {
        *out = DSI_VALUE_NULL;
    }
}

static void range_of_metrics(const struct dsi_column_metrics *m,
                             const struct dsi_type *type, int64_t rows,
                             struct dsi_range *out)
{
    int order = 0;
    // Counts that do not add up are somebody's mistake: nothing follows from them.
    bool odd = rows < 0 || (m->value_count >= 0 && m->value_count != rows) ||
               m->null_count > rows || m->nan_count > rows;

    if (!odd && m->null_count == 0) {
        out->nulls = false;
    }
    if (!odd && m->nan_count == 0) {
        out->nans = false;
    }
    if (!odd && m->null_count == rows) {
        out->nans = false;
        out->values = false;
    }
    if (!odd && m->nan_count == rows && out->nans) {
        out->nulls = false;
        out->values = false;
    }
    if (!odd && m->null_count > 0 && m->nan_count > 0 &&
        m->nan_count == rows - m->null_count) {
        out->values = false;
    }
    read_bound(type, m->lower, &out->lower);
    read_bound(type, m->upper, &out->upper);
    if (dsi_bound_compare(&out->lower, &out->upper, &order) && order > 0) {
        out->lower = DSI_VALUE_NULL;
        out->upper = DSI_VALUE_NULL;
    }
}

// An identity partition value is the value of every row.
static bool range_of_partition(const struct dsi_rows_view *v, int32_t id,
                               struct dsi_range *out)
{
    for (size_t i = 0; v->spec && i < v->spec->field_count; i++) {
        const struct dsi_partition_field *f = &v->spec->fields[i];
        const struct dsi_value *value = &v->partition[i];
        if (f->source_id != id || f->transform.kind != DSI_TRANSFORM_IDENTITY) {
            continue;
        }
        bool nan = !value->null && dsi_value_is_nan(value);
        *out = (struct dsi_range){value->null, nan, !value->null && !nan, *value, *value};
        return true;
    }
    return false;
}

static enum dsi_match match_rows_leaf(const void *arg, const struct dsi_bound *leaf)
{
    const struct dsi_rows_view *v = arg;
    struct dsi_range r = {true, true, true, DSI_VALUE_NULL, DSI_VALUE_NULL};
    const struct dsi_column_metrics *m = NULL;

    if (leaf->field) {
        enum dsi_type_kind kind = leaf->field->type.kind;
        r.nans = kind == DSI_TYPE_FLOAT || kind == DSI_TYPE_DOUBLE;
        m = find_metrics(v, leaf->field->id);
        if (!range_of_partition(v, leaf->field->id, &r) && m) {
            range_of_metrics(m, &leaf->field->type, v->rows, &r);
        }
    }
    return dsi_match_leaf(leaf, &r);
}

enum dsi_match dsi_match_rows(const struct dsi_bound *e, const struct dsi_rows_view *v)
{
    return v->rows == 0 ? DSI_MATCH_NONE : dsi_match_tree(e, match_rows_leaf, v);
}

struct has_call {
    bool (*has)(void *arg, int32_t field_id, const struct dsi_value *v);
    void *arg;
};

static enum dsi_match match_has_leaf(const void *arg, const struct dsi_bound *leaf)
{
    const struct has_call *call = arg;

    if (leaf->op == DSI_EXPR_FALSE) {
        return DSI_MATCH_NONE;
    }
    if (leaf->op != DSI_EXPR_EQ && leaf->op != DSI_EXPR_IN) {
        return DSI_MATCH_SOME;
    }
    for (size_t i = 0; i < leaf->value_count; i++) {
        if (call->has(call->arg, leaf->field->id, &leaf->values[i])) {
            return DSI_MATCH_SOME;
        }
    }
    return DSI_MATCH_NONE;
}

enum dsi_match dsi_match_values(const struct dsi_bound *e,
                                bool (*has)(void *arg, int32_t field_id,
                                            const struct dsi_value *v),
                                void *arg)
{
    struct has_call call = {has, arg};

    return dsi_match_tree(e, match_has_leaf, &call);
}
