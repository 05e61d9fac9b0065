#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/text.h"
#include "scan/expr_match.h"

// Every leaf but IS NULL and IS NOT NAN is FALSE for null, and every transform but void
// maps values to values, so "not null" follows from all of them. What more follows is
// what this file is about.

struct projector {
    const struct dsi_partition_spec *spec;
    const struct dsi_field *fields;
    struct dsi_arena *arena;
    struct ds_error *err;
};

static int no_memory(const struct projector *p)
{
    return dsi_no_memory(p->err, "projecting a filter to partitions");
}

static int new_leaf(const struct projector *p, enum dsi_expr_op op,
                    const struct dsi_field *field, struct dsi_bound **out)
{
    *out = dsi_arena_alloc(p->arena, sizeof **out);
    if (!*out) {
        return no_memory(p);
    }
    (*out)->op = op;
    (*out)->field = field;
    return DS_OK;
}

static int join(const struct projector *p, enum dsi_expr_op op, const struct dsi_bound *a,
                const struct dsi_bound *b, const struct dsi_bound **out)
{
    const struct dsi_bound **children =
        dsi_arena_array(p->arena, 2, sizeof(struct dsi_bound *));
    struct dsi_bound *both = NULL;
    int rc = children ? new_leaf(p, op, NULL, &both) : no_memory(p);

    if (rc < 0) {
        return rc;
    }
    children[0] = a;
    children[1] = b;
    both->children = children;
    both->child_count = 2;
    *out = both;
    return DS_OK;
}

static int order_values(const void *a, const void *b)
{
    int order = 0;

    return dsi_bound_compare(a, b, &order) ? order : 0;
}

static bool is_time(enum dsi_transform_kind kind)
{
    return kind >= DSI_TRANSFORM_YEAR && kind <= DSI_TRANSFORM_HOUR;
}

// Old writers rounded times before 1970 towards zero, so their partition may be the next
// one. True with *next when that must be allowed for.
static bool next_period(const struct dsi_transform *t, const struct dsi_value *v,
                        struct dsi_value *next)
{
    *next = *v;
    if (!is_time(t->kind) || v->null || v->as.i32 >= 0) {
        return false;
    }
    next->as.i32++;
    return true;
}

// The lowest bin of truncate on integers reaches below the smallest number, and writers
// wrap around: its name is then a large positive number, the one place where the
// transform falls as its source rises.
static bool wrapped_bin(const struct dsi_transform *t, bool wide, struct dsi_value *out)
{
    int64_t min = wide ? INT64_MIN : INT32_MIN;
    int64_t below = dsi_floor_mod(min, t->param);

    if (t->kind != DSI_TRANSFORM_TRUNCATE || t->param <= 0 || below == 0) {
        return false;
    }
    uint64_t bin = (uint64_t)min - (uint64_t)below;
    *out = (struct dsi_value){.kind = DSI_TYPE_LONG,
                              .as.i64 = wide ? (int64_t)bin : (int32_t)(uint32_t)bin};
    return true;
}

// The other partition that a value may have been put in, by writers of old times or when
// its column was narrower.
static bool other_partition(const struct dsi_transform *t, const struct dsi_value *source,
                            const struct dsi_value *partition, struct dsi_value *out)
{
    if (source->kind == DSI_TYPE_LONG && source->as.i64 >= INT32_MIN &&
        source->as.i64 < (int64_t)INT32_MIN + t->param) {
        return wrapped_bin(t, false, out);
    }
    return next_period(t, partition, out);
}

// EQ and IN: the set of transformed literals. *known is false when one has no result.
static int transformed_set(const struct projector *p, const struct dsi_bound *leaf,
                           const struct dsi_transform *t, struct dsi_bound *out,
                           bool *known)
{
    struct dsi_value *values =
        dsi_arena_array(p->arena, 2 * leaf->value_count, sizeof *values);
    size_t count = 0;
    size_t kept = 0;

    if (!values) {
        return no_memory(p);
    }
    *known = true;
    for (size_t i = 0; i < leaf->value_count; i++) {
        struct dsi_value *v = &values[count++];
        if (dsi_transform_apply(t, &leaf->field->type, &leaf->values[i], v, NULL) < 0 ||
            v->null) {
            *known = false;
            return DS_OK;
        }
        count += other_partition(t, &leaf->values[i], v, v + 1);
    }
    qsort(values, count, sizeof *values, order_values);
    for (size_t i = 0; i < count; i++) {
        if (kept == 0 || order_values(&values[kept - 1], &values[i]) != 0) {
            values[kept++] = values[i];
        }
    }
    out->op = kept == 1 ? DSI_EXPR_EQ : DSI_EXPR_IN;
    out->values = values;
    out->value_count = kept;
    return DS_OK;
}

static int set_value(const struct projector *p, struct dsi_bound *out,
                     enum dsi_expr_op op, const struct dsi_value *v)
{
    struct dsi_value *copy = dsi_arena_alloc(p->arena, sizeof *copy);

    if (!copy) {
        return no_memory(p);
    }
    *copy = *v;
    out->op = op;
    out->values = copy;
    out->value_count = 1;
    return DS_OK;
}

// The nearest literal on the open side: i < 10 is i <= 9, and 9 may be in a lower bin.
static void close_end(enum dsi_expr_op op, struct dsi_value *v)
{
    int step = op == DSI_EXPR_LT ? -1 : op == DSI_EXPR_GT ? 1 : 0;

    switch (v->kind) {
    case DSI_TYPE_INT:
    case DSI_TYPE_DATE:
        if (v->as.i32 != (step < 0 ? INT32_MIN : INT32_MAX)) {
            v->as.i32 += step;
        }
        break;
    case DSI_TYPE_LONG:
    case DSI_TYPE_TIMESTAMP:
    case DSI_TYPE_TIMESTAMPTZ:
    case DSI_TYPE_TIMESTAMP_NS:
    case DSI_TYPE_TIMESTAMPTZ_NS:
        if (v->as.i64 != (step < 0 ? INT64_MIN : INT64_MAX)) {
            v->as.i64 += step;
        }
        break;
    default: // Stepping a decimal could leave its precision; the open end is kept as is.
        break;
    }
}

// LE on a truncated integer also lets the wrapped bins in; a column that is long now may
// have been int when the file was written.
static int or_wrapped(const struct projector *p, const struct dsi_transform *t,
                      const struct dsi_field *to, const struct dsi_bound **out)
{
    int rc = DS_OK;

    for (int wide = 0; wide < 2; wide++) {
        struct dsi_bound *leaf = NULL;
        struct dsi_value bin;
        if (wrapped_bin(t, wide == 1, &bin)) {
            DSI_TRY(new_leaf(p, DSI_EXPR_EQ, to, &leaf));
            DSI_TRY(set_value(p, leaf, DSI_EXPR_EQ, &bin));
            DSI_TRY(join(p, DSI_EXPR_OR, *out, leaf, out));
        }
    }
done:
    return rc;
}

// LT … GE through a transform that never falls as its source rises.
static int project_order(const struct projector *p, const struct dsi_bound *leaf,
                         const struct dsi_transform *t, struct dsi_bound *to,
                         const struct dsi_bound **out)
{
    bool integer =
        leaf->field->type.kind == DSI_TYPE_INT || leaf->field->type.kind == DSI_TYPE_LONG;
    bool less = leaf->op == DSI_EXPR_LT || leaf->op == DSI_EXPR_LE;
    struct dsi_value v = leaf->values[0];
    struct dsi_value bin = DSI_VALUE_NULL;
    int order = 0;

    close_end(leaf->op, &v);
    if (dsi_transform_apply(t, &leaf->field->type, &v, &bin, NULL) < 0 || bin.null) {
        return DS_OK; // Not null is what is left.
    }
    if (integer && (!dsi_bound_compare(&bin, &v, &order) || order > 0)) {
        return DS_OK; // The literal itself is in a wrapped bin.
    }
    if (less) {
        next_period(t, &bin, &bin);
    }
    int rc = set_value(p, to, less ? DSI_EXPR_LE : DSI_EXPR_GE, &bin);
    return rc == DS_OK && less && integer ? or_wrapped(p, t, to->field, out) : rc;
}

static size_t code_points(struct ds_slice s)
{
    size_t count = 0;

    for (size_t i = 0; i < s.size; i++) {
        count += (s.data[i] & 0xc0) != 0x80;
    }
    return count;
}

// A prefix of the source against the first `width` characters that the partition keeps.
static int project_prefix(const struct projector *p, const struct dsi_bound *leaf,
                          const struct dsi_transform *t, struct dsi_bound *to)
{
    bool negated = leaf->op == DSI_EXPR_NOT_STARTS_WITH;
    size_t length = code_points(leaf->values[0].as.bytes);
    size_t width = (size_t)t->param;
    struct dsi_value cut = DSI_VALUE_NULL;

    if (length < width) {
        return set_value(p, to, leaf->op, &leaf->values[0]);
    }
    if (length == width) {
        return set_value(p, to, negated ? DSI_EXPR_NE : DSI_EXPR_EQ, &leaf->values[0]);
    }
    if (negated ||
        dsi_transform_apply(t, &leaf->field->type, &leaf->values[0], &cut, NULL) < 0) {
        return DS_OK;
    }
    return set_value(p, to, DSI_EXPR_EQ, &cut);
}

// `to` comes as NOT_NULL on the partition field, which always follows here.
static int project_values(const struct projector *p, const struct dsi_bound *leaf,
                          const struct dsi_transform *t, struct dsi_bound *to,
                          const struct dsi_bound **out)
{
    bool ordered = t->kind == DSI_TRANSFORM_TRUNCATE || is_time(t->kind);
    struct dsi_bound set = *to;
    bool known = false;
    int rc = DS_OK;

    switch (leaf->op) {
    case DSI_EXPR_EQ:
    case DSI_EXPR_IN:
        rc = transformed_set(p, leaf, t, &set, &known);
        if (rc == DS_OK && known) {
            *to = set;
        }
        return rc;
    case DSI_EXPR_LT:
    case DSI_EXPR_LE:
    case DSI_EXPR_GT:
    case DSI_EXPR_GE:
        return ordered ? project_order(p, leaf, t, to, out) : DS_OK;
    case DSI_EXPR_STARTS_WITH:
    case DSI_EXPR_NOT_STARTS_WITH:
        return t->kind == DSI_TRANSFORM_TRUNCATE ? project_prefix(p, leaf, t, to) : DS_OK;
    default:
        return DS_OK;
    }
}

static int project_field(const struct projector *p, const struct dsi_bound *leaf,
                         size_t position, const struct dsi_bound **out)
{
    const struct dsi_transform *t = &p->spec->fields[position].transform;
    struct dsi_bound *to = NULL;
    int rc = DS_OK;

    DSI_TRY(new_leaf(p, DSI_EXPR_NOT_NULL, &p->fields[position], &to));
    *out = to;
    if (t->kind == DSI_TRANSFORM_VOID || t->kind == DSI_TRANSFORM_UNKNOWN) {
        to->op = DSI_EXPR_TRUE;
    } else if (t->kind == DSI_TRANSFORM_IDENTITY) {
        to->op = leaf->op;
        to->values = leaf->values;
        to->value_count = leaf->value_count;
    } else if (leaf->op == DSI_EXPR_IS_NULL) {
        to->op = leaf->op;
    } else if (leaf->op == DSI_EXPR_NOT_NAN || leaf->op == DSI_EXPR_TRUE) {
        to->op = DSI_EXPR_TRUE;
    } else {
        rc = project_values(p, leaf, t, to, out);
    }
done:
    return rc;
}

static int project_leaf(const struct projector *p, const struct dsi_bound *leaf,
                        const struct dsi_bound **out)
{
    struct dsi_bound *any = NULL;
    int rc = DS_OK;

    *out = NULL;
    if (leaf->op == DSI_EXPR_FALSE || !leaf->field) {
        *out = leaf;
        return DS_OK;
    }
    for (size_t i = 0; i < p->spec->field_count; i++) {
        const struct dsi_bound *one = NULL;
        if (p->spec->fields[i].source_id != leaf->field->id) {
            continue;
        }
        DSI_TRY(project_field(p, leaf, i, &one));
        if (*out) {
            DSI_TRY(join(p, DSI_EXPR_AND, *out, one, out));
        } else {
            *out = one;
        }
    }
    if (!*out) {
        DSI_TRY(new_leaf(p, DSI_EXPR_TRUE, NULL, &any));
        *out = any;
    }
done:
    return rc;
}

static int project_any(const struct projector *p, const struct dsi_bound *e,
                       const struct dsi_bound **out)
{
    const struct dsi_bound **children = NULL;
    struct dsi_bound *joined = NULL;
    int rc = DS_OK;

    if (e->op != DSI_EXPR_AND && e->op != DSI_EXPR_OR) {
        return project_leaf(p, e, out);
    }
    children = dsi_arena_array(p->arena, e->child_count, sizeof(struct dsi_bound *));
    if (!children) {
        return no_memory(p);
    }
    for (size_t i = 0; i < e->child_count; i++) {
        DSI_TRY(project_any(p, e->children[i], &children[i]));
    }
    DSI_TRY(new_leaf(p, e->op, NULL, &joined));
    joined->children = children;
    joined->child_count = e->child_count;
    *out = joined;
done:
    return rc;
}

int dsi_project(const struct dsi_bound *e, const struct dsi_partition_spec *spec,
                const struct dsi_schema *schema, struct dsi_arena *arena,
                struct dsi_projection *out, struct ds_error *err)
{
    struct dsi_type *types = NULL;
    struct dsi_field *fields = dsi_arena_array(arena, spec->field_count, sizeof *fields);
    struct projector p = {spec, fields, arena, err};
    int rc = fields ? DS_OK : no_memory(&p);

    DSI_TRY(rc);
    DSI_TRY(dsi_partition_types(spec, schema, arena, &types, err));
    for (size_t i = 0; i < spec->field_count; i++) {
        fields[i].id = (int32_t)i;
        fields[i].name = spec->fields[i].name;
        fields[i].type = types[i];
    }
    *out = (struct dsi_projection){NULL, fields, spec->field_count};
    rc = project_any(&p, e, &out->expr);
done:
    return rc;
}

struct tuple {
    const struct dsi_value *values;
    size_t count;
};

static enum dsi_match match_value(const void *arg, const struct dsi_bound *leaf)
{
    const struct tuple *t = arg;
    bool known = false;

    if (!leaf->field || leaf->op == DSI_EXPR_FALSE) {
        return leaf->op == DSI_EXPR_FALSE ? DSI_MATCH_NONE : DSI_MATCH_SOME;
    }
    if ((size_t)leaf->field->id >= t->count) {
        return DSI_MATCH_SOME;
    }
    bool passes = dsi_bound_value(leaf, &t->values[leaf->field->id], &known);
    return passes || !known ? DSI_MATCH_SOME : DSI_MATCH_NONE;
}

bool dsi_projection_match(const struct dsi_projection *p, const struct dsi_value *values,
                          size_t count)
{
    struct tuple t = {values, count};

    return count != p->field_count ||
           dsi_match_tree(p->expr, match_value, &t) != DSI_MATCH_NONE;
}
