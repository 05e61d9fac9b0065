#include "model/expr.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "model/expr_literal.h"
#include "model/near_name.h"

struct binder {
    const struct dsi_schema *schema;
    struct dsi_arena *arena;
    struct ds_error *err;
};

static int no_memory(const struct binder *b)
{
    return dsi_no_memory(b->err, "binding a filter");
}

static int unknown_column(const struct binder *b, const struct dsi_expr *e)
{
    const struct dsi_type *root = &b->schema->root;
    char names[DSI_NEAR_NAMES_MAX];

    dsi_near_names(root->fields, root->field_count, e->column, names);
    return dsi_fail(b->err, DS_EINVALID, "filter, at character %zu: no column %.100s; %s",
                    e->position + 1, e->column, names);
}

static int new_bound(const struct binder *b, enum dsi_expr_op op,
                     const struct dsi_field *field, struct dsi_bound **out)
{
    *out = dsi_arena_alloc(b->arena, sizeof **out);
    if (!*out) {
        return no_memory(b);
    }
    (*out)->op = op;
    (*out)->field = field;
    return DS_OK;
}

static bool is_float(const struct dsi_field *f)
{
    return f->type.kind == DSI_TYPE_FLOAT || f->type.kind == DSI_TYPE_DOUBLE;
}

static enum dsi_expr_op negation(enum dsi_expr_op op)
{
    switch (op) {
    case DSI_EXPR_EQ:
        return DSI_EXPR_NE;
    case DSI_EXPR_NE:
        return DSI_EXPR_EQ;
    case DSI_EXPR_LT:
        return DSI_EXPR_GE;
    case DSI_EXPR_LE:
        return DSI_EXPR_GT;
    case DSI_EXPR_GT:
        return DSI_EXPR_LE;
    case DSI_EXPR_GE:
        return DSI_EXPR_LT;
    case DSI_EXPR_IN:
        return DSI_EXPR_NOT_IN;
    case DSI_EXPR_IS_NULL:
        return DSI_EXPR_NOT_NULL;
    case DSI_EXPR_NOT_NULL:
        return DSI_EXPR_IS_NULL;
    case DSI_EXPR_IS_NAN:
        return DSI_EXPR_NOT_NAN;
    case DSI_EXPR_NOT_NAN:
        return DSI_EXPR_IS_NAN;
    case DSI_EXPR_STARTS_WITH:
        return DSI_EXPR_NOT_STARTS_WITH;
    case DSI_EXPR_TRUE:
        return DSI_EXPR_FALSE;
    case DSI_EXPR_FALSE:
        return DSI_EXPR_TRUE;
    default:
        assert(false);
        return op;
    }
}

static int fit_literal(const struct binder *b, const struct dsi_expr *e,
                       const struct dsi_literal *l, const struct dsi_field *field,
                       struct dsi_fit *fit)
{
    char type[80];
    int rc = DS_OK;

    if (l->kind == DSI_LITERAL_NULL) {
        return dsi_fail(b->err, DS_EINVALID,
                        "filter, at character %zu: nothing compares with null; write "
                        "\"%.60s is null\" or \"is not null\"",
                        l->position + 1, e->column);
    }
    rc = dsi_expr_fit(l, &field->type, b->arena, fit, b->err);
    if (rc < 0) {
        dsi_type_format(&field->type, type, sizeof type);
        return dsi_wrap(b->err, rc,
                        "filter, at character %zu: %.60s for column %.100s, of type %s",
                        l->position + 1, l->text, e->column, type);
    }
    return DS_OK;
}

// Folds a comparison with what lies between, below or above the type's values.
static enum dsi_expr_op fold(enum dsi_expr_op op, const struct dsi_fit *fit)
{
    bool less = op == DSI_EXPR_LT || op == DSI_EXPR_LE;
    bool greater = op == DSI_EXPR_GT || op == DSI_EXPR_GE;

    if (fit->side == 0 && fit->exact) {
        return op;
    }
    if (op == DSI_EXPR_NE) {
        return DSI_EXPR_NOT_NULL;
    }
    if (fit->side == 0) {
        return less ? DSI_EXPR_LE : greater ? DSI_EXPR_GT : DSI_EXPR_FALSE;
    }
    return (fit->side > 0 && less) || (fit->side < 0 && greater) ? DSI_EXPR_NOT_NULL
                                                                 : DSI_EXPR_FALSE;
}

static int add_value(const struct binder *b, const struct dsi_value *v,
                     struct dsi_bound *leaf)
{
    struct dsi_value *values = dsi_arena_alloc(b->arena, sizeof *values);

    if (!values) {
        return no_memory(b);
    }
    *values = *v;
    leaf->values = values;
    leaf->value_count = 1;
    return DS_OK;
}

// `not (x < 5)` is TRUE for NaN, as `x < 5` is FALSE for it and not unknown.
static int or_nan(const struct binder *b, struct dsi_bound *leaf,
                  const struct dsi_bound **out)
{
    const struct dsi_bound **children =
        dsi_arena_array(b->arena, 2, sizeof(struct dsi_bound *));
    struct dsi_bound *nan = NULL;
    struct dsi_bound *either = NULL;
    int rc = DS_OK;

    if (!children) {
        return no_memory(b);
    }
    DSI_TRY(new_bound(b, DSI_EXPR_IS_NAN, leaf->field, &nan));
    *out = nan;
    if (leaf->op == DSI_EXPR_FALSE) {
        return DS_OK;
    }
    DSI_TRY(new_bound(b, DSI_EXPR_OR, NULL, &either));
    children[0] = leaf;
    children[1] = nan;
    either->children = children;
    either->child_count = 2;
    *out = either;
done:
    return rc;
}

static int bind_comparison(const struct binder *b, const struct dsi_expr *e,
                           const struct dsi_field *field, bool negated,
                           const struct dsi_bound **out)
{
    enum dsi_expr_op op = negated ? negation(e->op) : e->op;
    struct dsi_bound *leaf = NULL;
    struct dsi_fit fit;
    int rc = DS_OK;

    DSI_TRY(fit_literal(b, e, &e->literals[0], field, &fit));
    DSI_TRY(new_bound(b, fold(op, &fit), field, &leaf));
    if (leaf->op >= DSI_EXPR_EQ && leaf->op <= DSI_EXPR_GE) {
        DSI_TRY(add_value(b, &fit.floor, leaf));
    }
    *out = leaf;
    if (negated && is_float(field) && op >= DSI_EXPR_LT && op <= DSI_EXPR_GE) {
        rc = or_nan(b, leaf, out);
    }
done:
    return rc;
}

static int order_values(const void *a, const void *b)
{
    int order = 0;

    return dsi_bound_compare(a, b, &order) ? order : 0;
}

// A null in the list makes IN unknown for what is not found, so NOT IN is never TRUE.
static int bind_in(const struct binder *b, const struct dsi_expr *e,
                   const struct dsi_field *field, bool negated,
                   const struct dsi_bound **out)
{
    struct dsi_value *values =
        dsi_arena_array(b->arena, e->literal_count, sizeof *values);
    struct dsi_bound *leaf = NULL;
    size_t count = 0;
    size_t kept = 0;
    bool has_null = false;
    int rc = values ? DS_OK : no_memory(b);

    DSI_TRY(rc);
    DSI_TRY(new_bound(b, negated ? DSI_EXPR_NOT_IN : DSI_EXPR_IN, field, &leaf));
    for (size_t i = 0; i < e->literal_count; i++) {
        struct dsi_fit fit;
        if (e->literals[i].kind == DSI_LITERAL_NULL) {
            has_null = true;
            continue;
        }
        DSI_TRY(fit_literal(b, e, &e->literals[i], field, &fit));
        if (fit.side == 0 && fit.exact) {
            values[count++] = fit.floor;
        }
    }
    if (count > 0) {
        qsort(values, count, sizeof *values, order_values);
    }
    for (size_t i = 0; i < count; i++) {
        if (kept == 0 || order_values(&values[kept - 1], &values[i]) != 0) {
            values[kept++] = values[i];
        }
    }
    leaf->values = values;
    leaf->value_count = kept;
    if (negated && has_null) {
        leaf->op = DSI_EXPR_FALSE;
    } else if (kept == 0) {
        leaf->op = negated ? DSI_EXPR_NOT_NULL : DSI_EXPR_FALSE;
    } else if (kept == 1) {
        leaf->op = negated ? DSI_EXPR_NE : DSI_EXPR_EQ;
    }
    *out = leaf;
done:
    return rc;
}

static int wrong_type(const struct binder *b, const struct dsi_expr *e,
                      const struct dsi_field *field, const char *wanted)
{
    char type[80];

    dsi_type_format(&field->type, type, sizeof type);
    return dsi_fail(b->err, DS_EINVALID,
                    "filter, at character %zu: column %.100s is of type %s; expected %s",
                    e->position + 1, e->column, type, wanted);
}

static int bind_test(const struct binder *b, const struct dsi_expr *e,
                     const struct dsi_field *field, bool negated,
                     const struct dsi_bound **out)
{
    struct dsi_value truth = {.kind = DSI_TYPE_BOOLEAN, .as.boolean = !negated};
    struct dsi_bound *leaf = NULL;
    struct dsi_fit fit;
    int rc = DS_OK;

    if ((e->op == DSI_EXPR_IS_NAN || e->op == DSI_EXPR_NOT_NAN) && !is_float(field)) {
        return wrong_type(b, e, field, "a float or double for IS NAN");
    }
    if (e->op == DSI_EXPR_TRUTH && field->type.kind != DSI_TYPE_BOOLEAN) {
        return wrong_type(b, e, field, "a comparison, or IS, IN, BETWEEN, LIKE after it");
    }
    if (e->op == DSI_EXPR_STARTS_WITH && field->type.kind != DSI_TYPE_STRING) {
        return wrong_type(b, e, field, "a string for LIKE");
    }
    if (e->op == DSI_EXPR_TRUTH) {
        DSI_TRY(new_bound(b, DSI_EXPR_EQ, field, &leaf));
        DSI_TRY(add_value(b, &truth, leaf));
    } else {
        DSI_TRY(new_bound(b, negated ? negation(e->op) : e->op, field, &leaf));
    }
    if (e->op == DSI_EXPR_STARTS_WITH) {
        DSI_TRY(fit_literal(b, e, &e->literals[0], field, &fit));
        DSI_TRY(add_value(b, &fit.floor, leaf));
        if (e->literals[0].size == 0) { // LIKE '%'
            leaf->op = negated ? DSI_EXPR_FALSE : DSI_EXPR_NOT_NULL;
        }
    }
    *out = leaf;
done:
    return rc;
}

static bool under_list(const struct dsi_type *t, int32_t id, bool repeated)
{
    for (size_t i = 0; i < t->field_count; i++) {
        const struct dsi_field *f = &t->fields[i];
        bool inside = repeated || t->kind != DSI_TYPE_STRUCT;
        if (f->id == id ? inside : under_list(&f->type, id, inside)) {
            return true;
        }
    }
    return false;
}

static int bind_leaf(const struct binder *b, const struct dsi_expr *e, bool negated,
                     const struct dsi_bound **out)
{
    const struct dsi_field *field = dsi_schema_field_by_name(b->schema, e->column);

    if (!field) {
        return unknown_column(b, e);
    }
    if (under_list(&b->schema->root, field->id, false)) {
        return wrong_type(b, e, field, "a column that is not inside a list or map");
    }
    if (!dsi_type_is_primitive(&field->type) && e->op != DSI_EXPR_IS_NULL &&
        e->op != DSI_EXPR_NOT_NULL) {
        return wrong_type(b, e, field, "only IS [NOT] NULL for it");
    }
    if (e->op == DSI_EXPR_IN) {
        return bind_in(b, e, field, negated, out);
    }
    return e->op >= DSI_EXPR_EQ && e->op <= DSI_EXPR_GE
               ? bind_comparison(b, e, field, negated, out)
               : bind_test(b, e, field, negated, out);
}

// Adds one child to a list being joined by `op`. True when it decides the whole: FALSE in
// an AND, TRUE in an OR.
static bool join_child(enum dsi_expr_op op, const struct dsi_bound *child,
                       const struct dsi_bound **items, size_t *count)
{
    enum dsi_expr_op neutral = op == DSI_EXPR_AND ? DSI_EXPR_TRUE : DSI_EXPR_FALSE;

    if (child->op == negation(neutral)) {
        items[0] = child;
        *count = 1;
        return true;
    }
    if (child->op != neutral) {
        items[(*count)++] = child;
    }
    return false;
}

static int bind_any(const struct binder *b, const struct dsi_expr *e, bool negated,
                    const struct dsi_bound **out);

static int bind_joined(const struct binder *b, const struct dsi_expr *e, bool negated,
                       const struct dsi_bound **out)
{
    // De Morgan holds in three-valued logic too.
    enum dsi_expr_op op = (e->op == DSI_EXPR_AND) != negated ? DSI_EXPR_AND : DSI_EXPR_OR;
    const struct dsi_bound **items =
        dsi_arena_array(b->arena, e->child_count, sizeof(struct dsi_bound *));
    struct dsi_bound *joined = NULL;
    size_t count = 0;
    bool decided = false;
    int rc = items ? DS_OK : no_memory(b);

    DSI_TRY(rc);
    for (size_t i = 0; i < e->child_count; i++) { // All are bound: all may be wrong.
        const struct dsi_bound *child = NULL;
        DSI_TRY(bind_any(b, e->children[i], negated, &child));
        decided = decided || join_child(op, child, items, &count);
    }
    if (count == 1) {
        *out = items[0];
        return DS_OK;
    }
    DSI_TRY(new_bound(b, op, NULL, &joined));
    if (count == 0) {
        joined->op = op == DSI_EXPR_AND ? DSI_EXPR_TRUE : DSI_EXPR_FALSE;
    }
    joined->children = items;
    joined->child_count = count;
    *out = joined;
done:
    return rc;
}

// As deep as the parser lets an expression be.
static int bind_any(const struct binder *b, const struct dsi_expr *e, bool negated,
                    const struct dsi_bound **out)
{
    struct dsi_bound *constant = NULL;
    int rc = DS_OK;

    switch (e->op) {
    case DSI_EXPR_NOT:
        return bind_any(b, e->children[0], !negated, out);
    case DSI_EXPR_AND:
    case DSI_EXPR_OR:
        return bind_joined(b, e, negated, out);
    case DSI_EXPR_TRUE:
    case DSI_EXPR_FALSE:
        rc = new_bound(b, negated ? negation(e->op) : e->op, NULL, &constant);
        *out = constant;
        return rc;
    default:
        return bind_leaf(b, e, negated, out);
    }
}

int dsi_expr_bind(const struct dsi_expr *e, const struct dsi_schema *schema,
                  struct dsi_arena *arena, const struct dsi_bound **out,
                  struct ds_error *err)
{
    struct binder b = {schema, arena, err};
    const struct dsi_bound *bound = NULL;
    int rc = bind_any(&b, e, false, &bound);

    *out = rc < 0 ? NULL : bound;
    return rc;
}
