// The shape of a shredded variant: which types its columns are read as.
#include "data/data_variant.h"

#include <string.h>

#include "base/error.h"
#include "data/data_schema.h"

static const struct dsi_parquet_node *child(const struct dsi_parquet_node *group,
                                            const char *name)
{
    const struct dsi_parquet_node *n = group->first_child;
    while (n && strcmp(n->field.name, name) != 0) {
        n = n->next;
    }
    return n;
}

bool dsi_data_variant_is_shredded(const struct dsi_parquet_node *group)
{
    return child(group, "typed_value") != NULL;
}

static bool kind_of_int32(const struct dsi_parquet_logical *l, enum dsi_variant_kind *out)
{
    switch (l->kind) {
    case DSI_PARQUET_LOGICAL_NONE:
        *out = DSI_VARIANT_INT32;
        return true;
    case DSI_PARQUET_LOGICAL_INTEGER:
        *out = l->bit_width == 8    ? DSI_VARIANT_INT8
               : l->bit_width == 16 ? DSI_VARIANT_INT16
                                    : DSI_VARIANT_INT32;
        return l->is_signed;
    case DSI_PARQUET_LOGICAL_DATE:
        *out = DSI_VARIANT_DATE;
        return true;
    case DSI_PARQUET_LOGICAL_DECIMAL:
        *out = DSI_VARIANT_DECIMAL4;
        return true;
    default:
        return false;
    }
}

static bool kind_of_int64(const struct dsi_parquet_logical *l, enum dsi_variant_kind *out)
{
    bool ns = l->unit == DSI_PARQUET_NANOS;

    switch (l->kind) {
    case DSI_PARQUET_LOGICAL_NONE:
        *out = DSI_VARIANT_INT64;
        return true;
    case DSI_PARQUET_LOGICAL_INTEGER:
        *out = DSI_VARIANT_INT64;
        return l->is_signed;
    case DSI_PARQUET_LOGICAL_DECIMAL:
        *out = DSI_VARIANT_DECIMAL8;
        return true;
    case DSI_PARQUET_LOGICAL_TIME:
        *out = DSI_VARIANT_TIME;
        return l->unit == DSI_PARQUET_MICROS && !l->utc;
    case DSI_PARQUET_LOGICAL_TIMESTAMP:
        *out = l->utc ? (ns ? DSI_VARIANT_TIMESTAMPTZ_NS : DSI_VARIANT_TIMESTAMPTZ)
                      : (ns ? DSI_VARIANT_TIMESTAMP_NS : DSI_VARIANT_TIMESTAMP);
        return l->unit != DSI_PARQUET_MILLIS;
    default:
        return false;
    }
}

static bool kind_of_bytes(const struct dsi_parquet_field *f, enum dsi_variant_kind *out)
{
    bool fixed = f->physical == DSI_PARQUET_FIXED;

    switch (f->logical.kind) {
    case DSI_PARQUET_LOGICAL_NONE:
        *out = DSI_VARIANT_BINARY;
        return !fixed;
    case DSI_PARQUET_LOGICAL_STRING:
        *out = DSI_VARIANT_STRING;
        return !fixed;
    case DSI_PARQUET_LOGICAL_DECIMAL:
        *out = DSI_VARIANT_DECIMAL16;
        return true;
    case DSI_PARQUET_LOGICAL_UUID:
        *out = DSI_VARIANT_UUID;
        return fixed && f->type_length == 16;
    default:
        return false;
    }
}

bool dsi_data_variant_kind(const struct dsi_parquet_field *leaf,
                           enum dsi_variant_kind *out)
{
    bool plain = leaf->logical.kind == DSI_PARQUET_LOGICAL_NONE;

    switch (leaf->physical) {
    case DSI_PARQUET_BOOLEAN:
        *out = DSI_VARIANT_BOOLEAN;
        return plain;
    case DSI_PARQUET_INT32:
        return kind_of_int32(&leaf->logical, out);
    case DSI_PARQUET_INT64:
        return kind_of_int64(&leaf->logical, out);
    case DSI_PARQUET_FLOAT:
        *out = DSI_VARIANT_FLOAT;
        return plain;
    case DSI_PARQUET_DOUBLE:
        *out = DSI_VARIANT_DOUBLE;
        return plain;
    case DSI_PARQUET_BYTE_ARRAY:
    case DSI_PARQUET_FIXED:
        return kind_of_bytes(leaf, out);
    case DSI_PARQUET_INT96:
    default:
        return false;
    }
}

static int odd(const struct dsi_parquet_node *n, const char *what, struct ds_error *err)
{
    char path[256];
    dsi_parquet_path(n, path, sizeof path);
    return dsi_corrupt(err, "column %s: a shredded variant: %s", path, what);
}

// A field of the type, for a node.
static void name_field(const struct dsi_parquet_node *n, struct dsi_field *out)
{
    *out = (struct dsi_field){.name = n->field.name,
                              .required = n->field.repetition == DSI_PARQUET_REQUIRED};
}

static int make_group(const struct dsi_parquet_node *group, int depth,
                      struct dsi_arena *arena, struct dsi_type *out,
                      struct ds_error *err);

// Fields for the children of a group, whatever they are.
static int make_fields(const struct dsi_parquet_node *group, struct dsi_arena *arena,
                       struct dsi_field **fields, struct dsi_type *out,
                       struct ds_error *err)
{
    size_t count = group->field.child_count;
    size_t i = 0;

    *fields = dsi_arena_array(arena, count, sizeof **fields);
    if (!*fields) {
        return dsi_no_memory(err, "reading a shredded variant's schema");
    }
    for (const struct dsi_parquet_node *n = group->first_child; n; n = n->next, i++) {
        name_field(n, &(*fields)[i]);
    }
    *out = (struct dsi_type){
        .kind = DSI_TYPE_STRUCT, .fields = *fields, .field_count = count};
    return DS_OK;
}

static int make_list(const struct dsi_parquet_node *n, int depth, struct dsi_arena *arena,
                     struct dsi_type *out, struct ds_error *err)
{
    const struct dsi_parquet_node *list = n->first_child;
    struct dsi_field *element = dsi_arena_alloc(arena, sizeof *element);

    if (!element) {
        return dsi_no_memory(err, "reading a shredded variant's schema");
    }
    if (n->field.child_count != 1 || list->field.repetition != DSI_PARQUET_REPEATED ||
        list->field.child_count != 1 || list->first_child->field.child_count == 0 ||
        list->first_child->field.repetition == DSI_PARQUET_REPEATED) {
        return odd(n, "expected a list of groups in three levels", err);
    }
    name_field(list->first_child, element);
    *out = (struct dsi_type){.kind = DSI_TYPE_LIST, .fields = element, .field_count = 1};
    return make_group(list->first_child, depth + 1, arena, &element->type, err);
}

static int make_leaf(const struct dsi_parquet_node *n, struct dsi_type *out,
                     struct ds_error *err)
{
    enum dsi_variant_kind kind = DSI_VARIANT_NULL;

    if (!dsi_data_variant_kind(&n->field, &kind)) {
        char path[256];
        dsi_parquet_path(n, path, sizeof path);
        return dsi_fail(err, DS_EUNSUPPORTED,
                        "column %s: a variant cannot be shredded as this Parquet %s "
                        "(logical type %d)",
                        path, dsi_parquet_physical_name(n->field.physical),
                        (int)n->field.logical.kind);
    }
    return dsi_data_leaf_type(n, out, err);
}

static int make_typed(const struct dsi_parquet_node *n, int depth,
                      struct dsi_arena *arena, struct dsi_type *out, struct ds_error *err)
{
    struct dsi_field *fields = NULL;
    size_t i = 0;

    if (n->field.child_count == 0) {
        return make_leaf(n, out, err);
    }
    if (n->field.logical.kind == DSI_PARQUET_LOGICAL_LIST) {
        return make_list(n, depth, arena, out, err);
    }
    int rc = make_fields(n, arena, &fields, out, err);
    for (const struct dsi_parquet_node *f = n->first_child; rc == DS_OK && f;
         f = f->next, i++) {
        if (f->field.child_count == 0 || f->field.repetition == DSI_PARQUET_REPEATED) {
            return odd(f, "expected a group of value and typed_value", err);
        }
        rc = make_group(f, depth + 1, arena, &fields[i].type, err);
    }
    return rc;
}

// A group of "value" and "typed_value", and at the top "metadata".
static int make_group(const struct dsi_parquet_node *group, int depth,
                      struct dsi_arena *arena, struct dsi_type *out, struct ds_error *err)
{
    struct dsi_field *fields = NULL;
    size_t i = 0;

    if (depth > DSI_TYPE_DEPTH_MAX / 2) { // Each level is two of the type's.
        return odd(group, "nested too deeply", err);
    }
    int rc = make_fields(group, arena, &fields, out, err);
    for (const struct dsi_parquet_node *n = group->first_child; rc == DS_OK && n;
         n = n->next, i++) {
        bool metadata = depth == 0 && strcmp(n->field.name, "metadata") == 0;
        if (n->field.repetition == DSI_PARQUET_REPEATED) {
            rc = odd(n, "it repeats", err);
        } else if (metadata || strcmp(n->field.name, "value") == 0) {
            fields[i].type = (struct dsi_type){.kind = DSI_TYPE_BINARY};
            if (n->field.child_count > 0 || n->field.physical != DSI_PARQUET_BYTE_ARRAY) {
                rc = odd(n, "expected BYTE_ARRAY", err);
            }
        } else if (strcmp(n->field.name, "typed_value") == 0) {
            rc = make_typed(n, depth, arena, &fields[i].type, err);
        } else {
            rc = odd(n, "expected value or typed_value", err);
        }
    }
    return rc;
}

int dsi_data_variant_type(const struct dsi_parquet_node *group, struct dsi_arena *arena,
                          struct dsi_type *out, struct ds_error *err)
{
    if (!child(group, "metadata")) {
        return odd(group, "it has no metadata", err);
    }
    return make_group(group, 0, arena, out, err);
}
