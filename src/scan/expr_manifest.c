#include "scan/expr_match.h"

struct summaries {
    const struct dsi_field_summary *items;
    size_t count;
};

static void read_bound(const struct dsi_type *type, struct ds_slice bytes,
                       struct dsi_value *out)
{
    if (!bytes.data || dsi_value_from_bytes(type, bytes, out, NULL) < 0 ||
        dsi_value_is_nan(out)) {
        *out = DSI_VALUE_NULL;
    }
}

static enum dsi_match match_leaf(const void *arg, const struct dsi_bound *leaf)
{
    const struct summaries *all = arg;
    struct dsi_range r = {true, true, true, DSI_VALUE_NULL, DSI_VALUE_NULL};
    int order = 0;

    if (leaf->field && (size_t)leaf->field->id < all->count) {
        const struct dsi_field_summary *s = &all->items[leaf->field->id];
        enum dsi_type_kind kind = leaf->field->type.kind;
        bool floats = kind == DSI_TYPE_FLOAT || kind == DSI_TYPE_DOUBLE;
        r.nulls = s->contains_null;
        r.nans = floats && s->contains_nan != 0;
        read_bound(&leaf->field->type, s->lower, &r.lower);
        read_bound(&leaf->field->type, s->upper, &r.upper);
        if (dsi_bound_compare(&r.lower, &r.upper, &order) && order > 0) {
            r.lower = DSI_VALUE_NULL;
            r.upper = DSI_VALUE_NULL;
        }
    }
    return dsi_match_leaf(leaf, &r);
}

bool dsi_projection_match_manifest(const struct dsi_projection *p,
                                   const struct dsi_field_summary *summaries,
                                   size_t count)
{
    struct summaries all = {summaries, count};

    if (count != p->field_count) {
        return true;
    }
    return dsi_match_tree(p->expr, match_leaf, &all) != DSI_MATCH_NONE;
}
