#include "codec/parquet/parquet_schema.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"

const char *dsi_parquet_physical_name(enum dsi_parquet_physical p)
{
    static const char *const names[] = {"BOOLEAN", "INT32",  "INT64",      "INT96",
                                        "FLOAT",   "DOUBLE", "BYTE_ARRAY", "FIXED"};
    return (unsigned)p < sizeof names / sizeof *names ? names[p] : "an unknown type";
}

const char *dsi_parquet_codec_name(enum dsi_parquet_codec c)
{
    static const char *const names[] = {"none",   "snappy", "gzip", "LZO",
                                        "Brotli", "LZ4",    "zstd", "lz4_raw"};
    return (unsigned)c < sizeof names / sizeof *names ? names[c] : "an unknown codec";
}

size_t dsi_parquet_width(const struct dsi_parquet_field *f)
{
    switch (f->physical) {
    case DSI_PARQUET_INT32:
    case DSI_PARQUET_FLOAT:
        return 4;
    case DSI_PARQUET_INT64:
    case DSI_PARQUET_DOUBLE:
        return 8;
    case DSI_PARQUET_INT96:
        return 12;
    case DSI_PARQUET_FIXED:
        return (size_t)f->type_length;
    case DSI_PARQUET_BOOLEAN:
    case DSI_PARQUET_BYTE_ARRAY:
        break;
    }
    return 0;
}

void dsi_parquet_path(const struct dsi_parquet_node *n, char *out, size_t size)
{
    const struct dsi_parquet_node *way[DSI_PARQUET_DEPTH_MAX];
    size_t depth = 0;
    size_t used = 0;

    if (size == 0) {
        return;
    }
    out[0] = '\0';
    for (; n && n->parent && depth < DSI_PARQUET_DEPTH_MAX; n = n->parent) {
        way[depth++] = n;
    }
    while (depth > 0 && used + 1 < size) {
        const char *name = way[--depth]->field.name;
        int n_out = snprintf(out + used, size - used, "%s%s", used ? "." : "", name);
        used = n_out < 0 || (size_t)n_out >= size - used ? size : used + (size_t)n_out;
    }
}

const struct dsi_parquet_node *dsi_parquet_file_field(const struct dsi_parquet_file *f,
                                                      int32_t field_id)
{
    const struct dsi_parquet_node *n = f->root;

    while (n) {
        if (n != f->root && n->field.has_field_id && n->field.field_id == field_id) {
            return n;
        }
        if (n->first_child) {
            n = n->first_child;
            continue;
        }
        while (n && !n->next) {
            n = n->parent;
        }
        n = n ? n->next : NULL;
    }
    return NULL;
}

// A group whose children are still to come.
struct open_group {
    struct dsi_parquet_node *node;
    struct dsi_parquet_node *last_child;
    size_t children_left;
};

static int check_element(const struct dsi_parquet_field *f, bool is_root, size_t left,
                         struct ds_error *err)
{
    if (f->child_count > left) {
        return dsi_corrupt(err,
                           "parquet schema: \"%s\" has %zu children, %zu elements follow",
                           f->name, f->child_count, left);
    }
    if (!is_root && f->child_count == 0 && f->physical == DSI_PARQUET_FIXED &&
        f->type_length < 1) {
        return dsi_corrupt(err, "parquet schema: \"%s\" is FIXED of %d bytes", f->name,
                           f->type_length);
    }
    return DS_OK;
}

static void link_child(struct open_group *group, struct dsi_parquet_node *n)
{
    int32_t nullable = n->field.repetition != DSI_PARQUET_REQUIRED;
    int32_t repeated = n->field.repetition == DSI_PARQUET_REPEATED;

    assert(group->children_left > 0);
    n->parent = group->node;
    n->max_def = group->node->max_def + nullable;
    n->max_rep = group->node->max_rep + repeated;
    n->element_def = repeated ? n->max_def : group->node->element_def;
    if (group->last_child) {
        group->last_child->next = n;
    } else {
        group->node->first_child = n;
    }
    group->last_child = n;
    group->children_left--;
}

int dsi_parquet_schema_build(const struct dsi_parquet_field *elements, size_t count,
                             struct dsi_arena *arena, struct dsi_parquet_schema *out,
                             struct ds_error *err)
{
    struct open_group open[DSI_PARQUET_DEPTH_MAX];
    size_t depth = 0;
    int rc = DS_OK;

    if (count == 0) {
        return dsi_corrupt(err, "parquet schema: there is no root");
    }
    struct dsi_parquet_node *nodes = dsi_arena_array(arena, count, sizeof *nodes);
    out->leaves = dsi_arena_array(arena, count, sizeof(struct dsi_parquet_node *));
    out->leaf_count = 0;
    if (!nodes || !out->leaves) {
        return dsi_no_memory(err, "a parquet schema");
    }
    out->root = nodes;
    for (size_t i = 0; i < count; i++) {
        struct dsi_parquet_node *n = &nodes[i];
        n->field = elements[i];
        DSI_TRY(check_element(&n->field, i == 0, count - i - 1, err));
        if (i == 0) {
            n->field.repetition = DSI_PARQUET_REQUIRED; // Some files say otherwise.
        } else {
            if (depth == 0) {
                return dsi_corrupt(err, "parquet schema: \"%s\" belongs to no group",
                                   n->field.name);
            }
            link_child(&open[depth - 1], n);
        }
        if (i > 0 && n->field.child_count == 0) {
            n->leaf = out->leaf_count;
            out->leaves[out->leaf_count++] = n;
        } else if (depth == DSI_PARQUET_DEPTH_MAX) {
            return dsi_corrupt(err, "parquet schema: \"%s\" is nested deeper than %d",
                               n->field.name, DSI_PARQUET_DEPTH_MAX);
        } else {
            open[depth++] = (struct open_group){n, NULL, n->field.child_count};
        }
        while (depth > 0 && open[depth - 1].children_left == 0) {
            depth--;
        }
    }
    if (depth > 0) {
        return dsi_corrupt(err, "parquet schema: group \"%s\" lacks children",
                           open[depth - 1].node->field.name);
    }
done:
    return rc;
}
