#include <assert.h>
#include <string.h>

#include "base/error.h"
#include "base/text.h"
#include "model/expr.h"

static bool as_integer(const struct dsi_value *v, int64_t *out)
{
    switch (v->kind) {
    case DSI_TYPE_INT:
    case DSI_TYPE_DATE:
        *out = v->as.i32;
        return true;
    case DSI_TYPE_LONG:
    case DSI_TYPE_TIME:
    case DSI_TYPE_TIMESTAMP:
    case DSI_TYPE_TIMESTAMPTZ:
    case DSI_TYPE_TIMESTAMP_NS:
    case DSI_TYPE_TIMESTAMPTZ_NS:
        *out = v->as.i64;
        return true;
    default:
        return false;
    }
}

static bool as_float(const struct dsi_value *v, double *out)
{
    if (v->kind == DSI_TYPE_FLOAT) {
        *out = (double)v->as.f32;
    } else if (v->kind == DSI_TYPE_DOUBLE) {
        *out = v->as.f64;
    } else {
        return false;
    }
    return *out == *out;
}

// Kinds that may meet: equal ones, and what an int was promoted to or is stored as.
static bool integers_meet(enum dsi_type_kind a, enum dsi_type_kind b)
{
    bool plain_a = a == DSI_TYPE_INT || a == DSI_TYPE_LONG || a == DSI_TYPE_DATE;
    bool plain_b = b == DSI_TYPE_INT || b == DSI_TYPE_LONG || b == DSI_TYPE_DATE;

    return a == b || (plain_a && plain_b);
}

bool dsi_bound_compare(const struct dsi_value *a, const struct dsi_value *b, int *order)
{
    int64_t ia = 0;
    int64_t ib = 0;
    double fa = 0;
    double fb = 0;

    *order = 0;
    if (a->null || b->null) {
        return false;
    }
    if (as_integer(a, &ia) && as_integer(b, &ib)) {
        *order = (ia > ib) - (ia < ib);
        return integers_meet(a->kind, b->kind);
    }
    if (as_float(a, &fa) && as_float(b, &fb)) {
        *order = (fa > fb) - (fa < fb);
        return true;
    }
    if (a->kind != b->kind || a->kind == DSI_TYPE_FLOAT || a->kind == DSI_TYPE_DOUBLE) {
        return false;
    }
    switch (a->kind) {
    case DSI_TYPE_BOOLEAN:
        *order = a->as.boolean - b->as.boolean;
        return true;
    case DSI_TYPE_DECIMAL:
        *order = (a->as.decimal > b->as.decimal) - (a->as.decimal < b->as.decimal);
        return true;
    case DSI_TYPE_STRING:
    case DSI_TYPE_UUID:
    case DSI_TYPE_FIXED:
    case DSI_TYPE_BINARY:
        *order = dsi_slice_compare(a->as.bytes, b->as.bytes);
        return true;
    default:
        return false;
    }
}

static bool in_set(const struct dsi_bound *e, const struct dsi_value *v, bool *known)
{
    size_t low = 0;
    size_t high = e->value_count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = 0;
        if (!dsi_bound_compare(v, &e->values[middle], &order)) {
            *known = false;
            return false;
        }
        if (order == 0) {
            return true;
        }
        if (order < 0) {
            high = middle;
        } else {
            low = middle + 1;
        }
    }
    return false;
}

static bool has_prefix(const struct dsi_value *v, const struct dsi_value *prefix)
{
    struct ds_slice text = v->as.bytes;
    struct ds_slice start = prefix->as.bytes;

    return text.size >= start.size &&
           (start.size == 0 || memcmp(text.data, start.data, start.size) == 0);
}

static bool compare_value(const struct dsi_bound *e, const struct dsi_value *v,
                          bool *known)
{
    int order = 0;

    if (!dsi_bound_compare(v, &e->values[0], &order)) {
        *known = false;
        return false;
    }
    switch (e->op) {
    case DSI_EXPR_EQ:
        return order == 0;
    case DSI_EXPR_NE:
        return order != 0;
    case DSI_EXPR_LT:
        return order < 0;
    case DSI_EXPR_LE:
        return order <= 0;
    case DSI_EXPR_GT:
        return order > 0;
    default:
        return order >= 0;
    }
}

static bool leaf_value(const struct dsi_bound *e, const struct dsi_value *v, bool *known)
{
    bool nan = !v->null && dsi_value_is_nan(v);

    switch (e->op) {
    case DSI_EXPR_TRUE:
        return true;
    case DSI_EXPR_IS_NULL:
        return v->null;
    case DSI_EXPR_NOT_NULL:
        return !v->null;
    case DSI_EXPR_IS_NAN:
        return nan;
    case DSI_EXPR_NOT_NAN:
        return !nan;
    default:
        break;
    }
    if (v->null || e->op == DSI_EXPR_FALSE) {
        return false;
    }
    if (nan) {
        return e->op == DSI_EXPR_NE || e->op == DSI_EXPR_NOT_IN;
    }
    switch (e->op) {
    case DSI_EXPR_IN:
        return in_set(e, v, known);
    case DSI_EXPR_NOT_IN:
        return !in_set(e, v, known);
    case DSI_EXPR_STARTS_WITH:
    case DSI_EXPR_NOT_STARTS_WITH:
        if (v->kind != DSI_TYPE_STRING && v->kind != DSI_TYPE_BINARY) {
            *known = false;
            return false;
        }
        return has_prefix(v, &e->values[0]) == (e->op == DSI_EXPR_STARTS_WITH);
    default:
        return compare_value(e, v, known);
    }
}

bool dsi_bound_value(const struct dsi_bound *e, const struct dsi_value *v, bool *known)
{
    bool all = e->op == DSI_EXPR_AND;

    *known = true;
    if (e->op != DSI_EXPR_AND && e->op != DSI_EXPR_OR) {
        return leaf_value(e, v, known);
    }
    for (size_t i = 0; i < e->child_count; i++) {
        bool sure = true;
        bool one = dsi_bound_value(e->children[i], v, &sure);
        if (sure && one != all) {
            *known = true;
            return one;
        }
        *known = *known && sure;
    }
    return all;
}

struct ids {
    int32_t *ids;
    size_t count;
};

static size_t count_leaves(const struct dsi_bound *e)
{
    size_t count = e->field ? 1 : 0;

    for (size_t i = 0; i < e->child_count; i++) {
        count += count_leaves(e->children[i]);
    }
    return count;
}

static void collect(const struct dsi_bound *e, struct ids *out)
{
    size_t at = 0;

    if (e->field) {
        while (at < out->count && out->ids[at] < e->field->id) {
            at++;
        }
        if (at == out->count || out->ids[at] != e->field->id) {
            memmove(out->ids + at + 1, out->ids + at,
                    (out->count - at) * sizeof *out->ids);
            out->ids[at] = e->field->id;
            out->count++;
        }
    }
    for (size_t i = 0; i < e->child_count; i++) {
        collect(e->children[i], out);
    }
}

int dsi_bound_fields(const struct dsi_bound *e, struct dsi_arena *arena, int32_t **ids,
                     size_t *count, struct ds_error *err)
{
    struct ids all = {dsi_arena_array(arena, count_leaves(e) + 1, sizeof(int32_t)), 0};

    if (!all.ids) {
        return dsi_no_memory(err, "listing the columns of a filter");
    }
    collect(e, &all);
    *ids = all.ids;
    *count = all.count;
    return DS_OK;
}

static const char *op_text(enum dsi_expr_op op)
{
    static const char *const texts[] = {
        [DSI_EXPR_TRUE] = "true",
        [DSI_EXPR_FALSE] = "false",
        [DSI_EXPR_AND] = " and ",
        [DSI_EXPR_OR] = " or ",
        [DSI_EXPR_NOT] = "not ",
        [DSI_EXPR_EQ] = " = ",
        [DSI_EXPR_NE] = " <> ",
        [DSI_EXPR_LT] = " < ",
        [DSI_EXPR_LE] = " <= ",
        [DSI_EXPR_GT] = " > ",
        [DSI_EXPR_GE] = " >= ",
        [DSI_EXPR_IN] = " in ",
        [DSI_EXPR_NOT_IN] = " not in ",
        [DSI_EXPR_IS_NULL] = " is null",
        [DSI_EXPR_NOT_NULL] = " is not null",
        [DSI_EXPR_IS_NAN] = " is nan",
        [DSI_EXPR_NOT_NAN] = " is not nan",
        [DSI_EXPR_STARTS_WITH] = " starts with ",
        [DSI_EXPR_NOT_STARTS_WITH] = " does not start with ",
        [DSI_EXPR_TRUTH] = "",
    };
    return texts[op];
}

static int format_leaf(const struct dsi_bound *e, struct dsi_buf *out,
                       struct ds_error *err)
{
    bool set = e->op == DSI_EXPR_IN || e->op == DSI_EXPR_NOT_IN;
    bool shows = set || (e->op >= DSI_EXPR_EQ && e->op <= DSI_EXPR_GE) ||
                 e->op >= DSI_EXPR_STARTS_WITH;
    int rc = DS_OK;

    DSI_TRY(dsi_buf_append_text(out, e->field->name, err));
    DSI_TRY(dsi_buf_append_text(out, op_text(e->op), err));
    if (set) {
        DSI_TRY(dsi_buf_append_text(out, "(", err));
    }
    for (size_t i = 0; shows && i < e->value_count; i++) {
        DSI_TRY(dsi_buf_append_text(out, i ? ", " : "", err));
        DSI_TRY(dsi_value_format(&e->values[i], &e->field->type, out, err));
    }
    if (set) {
        DSI_TRY(dsi_buf_append_text(out, ")", err));
    }
done:
    return rc;
}

int dsi_bound_format(const struct dsi_bound *e, struct dsi_buf *out, struct ds_error *err)
{
    int rc = DS_OK;

    if (e->op == DSI_EXPR_TRUE || e->op == DSI_EXPR_FALSE) {
        return dsi_buf_append_text(out, op_text(e->op), err);
    }
    if (e->op != DSI_EXPR_AND && e->op != DSI_EXPR_OR) {
        return format_leaf(e, out, err);
    }
    for (size_t i = 0; i < e->child_count; i++) {
        DSI_TRY(dsi_buf_append_text(out, i ? op_text(e->op) : "(", err));
        DSI_TRY(dsi_bound_format(e->children[i], out, err));
    }
    rc = dsi_buf_append_text(out, ")", err);
done:
    return rc;
}
