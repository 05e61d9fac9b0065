#include "data/data_shape.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"

const struct dsi_parquet_node *dsi_data_shape_child(const struct dsi_parquet_node *group,
                                                    const char *name)
{
    const struct dsi_parquet_node *n = group->first_child;

    while (n && strcmp(n->field.name, name) != 0) {
        n = n->next;
    }
    return n;
}

static int odd_shape(const struct dsi_parquet_node *n, const char *what,
                     struct ds_error *err)
{
    char path[256];

    dsi_parquet_path(n, path, sizeof path);
    return dsi_fail(err, DS_EUNSUPPORTED, "column %s: %s", path, what);
}

// Whether the repeated field of a list is its element, and no level between: rules 1 to 4
// of the format.
static bool is_two_levels(const struct dsi_parquet_node *list,
                          const struct dsi_parquet_node *repeated)
{
    char tuple[256];

    if (repeated->field.child_count != 1 ||
        repeated->first_child->field.repetition == DSI_PARQUET_REPEATED) {
        return true;
    }
    snprintf(tuple, sizeof tuple, "%s_tuple", list->field.name);
    return strcmp(repeated->field.name, "array") == 0 ||
           strcmp(repeated->field.name, tuple) == 0;
}

static struct dsi_data_place from_above(const struct dsi_parquet_node *n)
{
    return (struct dsi_data_place){n, false};
}

static int list_shape(const struct dsi_parquet_node *n, struct dsi_data_shape *out,
                      struct ds_error *err)
{
    const struct dsi_parquet_node *repeated = n->first_child;

    if (n->field.child_count != 1 || repeated->field.repetition != DSI_PARQUET_REPEATED) {
        return odd_shape(n, "a list must have one repeated field", err);
    }
    out->kind = DSI_SHAPE_LIST;
    out->entries = repeated;
    out->element = is_two_levels(n, repeated) ? (struct dsi_data_place){repeated, true}
                                              : from_above(repeated->first_child);
    return DS_OK;
}

static int map_shape(const struct dsi_parquet_node *n, struct dsi_data_shape *out,
                     struct ds_error *err)
{
    const struct dsi_parquet_node *repeated = n->first_child;

    if (n->field.child_count != 1 || repeated->field.repetition != DSI_PARQUET_REPEATED ||
        repeated->field.child_count < 1 || repeated->field.child_count > 2) {
        return odd_shape(n, "a map must have one repeated group of a key and a value",
                         err);
    }
    out->entries = repeated;
    out->element = from_above(repeated->first_child);
    out->kind = DSI_SHAPE_LIST;
    if (repeated->field.child_count == 2) {
        out->kind = DSI_SHAPE_MAP;
        out->value = from_above(repeated->first_child->next);
    }
    return DS_OK;
}

int dsi_data_shape_of(struct dsi_data_place at, struct dsi_data_shape *out,
                      struct ds_error *err)
{
    const struct dsi_parquet_node *n = at.node;

    assert(n->parent);
    *out = (struct dsi_data_shape){.rep = n->max_rep, .instance_def = n->element_def};
    if (n->field.repetition == DSI_PARQUET_REPEATED && !at.is_entry) {
        // Not annotated: a required list of required elements.
        out->kind = DSI_SHAPE_LIST;
        out->rep = n->parent->max_rep;
        out->instance_def = n->parent->element_def;
        out->entries = n;
        out->element = (struct dsi_data_place){n, true};
        return DS_OK;
    }
    out->is_optional = n->field.repetition == DSI_PARQUET_OPTIONAL;
    out->null_def = n->max_def - 1;
    if (n->field.child_count == 0) {
        out->kind = DSI_SHAPE_LEAF;
        return DS_OK;
    }
    switch (n->field.logical.kind) {
    case DSI_PARQUET_LOGICAL_LIST:
        return list_shape(n, out, err);
    case DSI_PARQUET_LOGICAL_MAP:
        return map_shape(n, out, err);
    case DSI_PARQUET_LOGICAL_VARIANT:
        out->kind = DSI_SHAPE_VARIANT;
        return DS_OK;
    default:
        out->kind = DSI_SHAPE_STRUCT;
        return DS_OK;
    }
}
