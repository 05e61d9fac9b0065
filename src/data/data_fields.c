#include "data/data_fields.h"

#include <assert.h>
#include <ctype.h>

#include "base/error.h"
#include "base/text.h"
#include "data/data_column.h"
#include "data/data_mapping.h"
#include "data/data_variant.h"

enum match { BY_ID, BY_MAPPING, BY_POSITION, BY_NAME, BY_PLACE };

// One root column being matched.
struct matching {
    const struct dsi_data_reader_options *options;
    enum match match;
    struct dsi_data_mapping mapping;
    struct dsi_arena *arena;
    struct dsi_data_leaf *leaves; // Of this root, so far.
    size_t leaf_count;
    struct ds_error *err;
};

// The full name of a field, as far as memory allows.
static const char *name_of(struct matching *m, const struct dsi_field *f)
{
    const char *name =
        f->id > 0 ? dsi_schema_full_name(m->options->schema, f->id, m->arena) : NULL;
    return name ? name : f->name;
}

static int no_memory(struct matching *m)
{
    return dsi_no_memory(m->err, "matching the columns of a file");
}

bool dsi_data_has_ids(const struct dsi_parquet_node *group)
{
    for (const struct dsi_parquet_node *n = group->first_child; n; n = n->next) {
        if (n->field.has_field_id || dsi_data_has_ids(n)) {
            return true;
        }
    }
    return false;
}

// The field of a group that is a field of the table; `place` is the latter's number.
static const struct dsi_parquet_node *find_node(struct matching *m,
                                                const struct dsi_parquet_node *group,
                                                const struct dsi_field *f, size_t place)
{
    bool root = group->parent == NULL;
    int32_t position = 0;

    for (const struct dsi_parquet_node *n = group->first_child; n; n = n->next) {
        bool found = false;
        bool same_name = strcmp(n->field.name, f->name) == 0;
        position++;
        switch (m->match) {
        case BY_ID:
            found = n->field.has_field_id && n->field.field_id == f->id;
            break;
        case BY_MAPPING:
            found = dsi_data_mapping_has(&m->mapping, f->id, n->field.name);
            break;
        case BY_POSITION:
            found = root ? position == f->id : same_name;
            break;
        case BY_NAME:
            found = same_name;
            break;
        case BY_PLACE:
            found = (size_t)position == place + 1;
            break;
        }
        if (found) {
            return n;
        }
    }
    return NULL;
}

// The identity partition value of a column; NULL when the file has none.
static const struct dsi_value *partition_value(const struct dsi_data_reader_options *o,
                                               const struct dsi_field *f)
{
    const struct dsi_partition_spec *spec =
        o->metadata ? dsi_metadata_spec(o->metadata, o->file->spec_id) : NULL;

    for (size_t i = 0; spec && i < spec->field_count && i < o->file->partition_count;
         i++) {
        if (spec->fields[i].source_id == f->id &&
            spec->fields[i].transform.kind == DSI_TRANSFORM_IDENTITY) {
            return &o->file->partition[i];
        }
    }
    return NULL;
}

// A value that was written under an older, narrower type.
static int widen(const struct dsi_value *v, const struct dsi_field *f,
                 struct dsi_value *out, struct ds_error *err)
{
    struct dsi_type from = {.kind = v->kind,
                            .precision = f->type.precision,
                            .scale = f->type.scale,
                            .length = f->type.length};
    *out = *v;
    if (v->null || v->kind == f->type.kind) {
        return DS_OK;
    }
    return dsi_value_cast(v, &from, &f->type, out, err);
}

// Whether a nested field's default is its empty value: all that the specification allows
// for a struct, and all that is read for the others.
static bool is_empty_default(const struct dsi_field *f)
{
    char text[40] = "";
    size_t size = 0;

    for (const char *c = f->initial_default; *c && size + 1 < sizeof text; c++) {
        if (!isspace((unsigned char)*c)) {
            text[size++] = *c;
        }
    }
    return strcmp(text, f->type.kind == DSI_TYPE_STRUCT ? "{}"
                        : f->type.kind == DSI_TYPE_LIST
                            ? "[]"
                            : "{\"keys\":[],\"values\":[]}") == 0;
}

static int match_place(struct matching *m, const struct dsi_field *f,
                       struct dsi_data_place at, struct dsi_data_origin *out);
static int match_absent(struct matching *m, const struct dsi_field *f,
                        struct dsi_data_origin *out);

static int make_children(struct matching *m, size_t count, struct dsi_data_origin *out)
{
    out->children = dsi_arena_array(m->arena, count, sizeof *out->children);
    out->child_count = count;
    return out->children ? DS_OK : no_memory(m);
}

// A nested field that the file has not: null, or empty.
static int match_absent_nested(struct matching *m, const struct dsi_field *f,
                               struct dsi_data_origin *out)
{
    int rc = DS_OK;

    if (!f->initial_default || strcmp(f->initial_default, "null") == 0) {
        return rc;
    }
    if (f->type.kind == DSI_TYPE_VARIANT || !is_empty_default(f)) {
        return dsi_fail(m->err, DS_EUNSUPPORTED,
                        "column %s (id %d): its default is not empty, and is not read",
                        name_of(m, f), (int)f->id);
    }
    out->kind = DSI_ORIGIN_EMPTY;
    if (f->type.kind != DSI_TYPE_STRUCT) {
        return rc;
    }
    DSI_TRY(make_children(m, f->type.field_count, out));
    for (size_t i = 0; i < out->child_count; i++) {
        DSI_TRY(match_absent(m, &f->type.fields[i], &out->children[i]));
    }
done:
    return rc;
}

static int match_absent(struct matching *m, const struct dsi_field *f,
                        struct dsi_data_origin *out)
{
    const struct dsi_value *partition = partition_value(m->options, f);
    int rc = DS_OK;

    *out = (struct dsi_data_origin){.field = f, .constant = DSI_VALUE_NULL};
    if (dsi_layout_of(&f->type) == DSI_LAYOUT_NESTED) {
        rc = match_absent_nested(m, f, out);
    } else if (partition) {
        rc = widen(partition, f, &out->constant, m->err);
    } else if (f->initial_default) {
        rc = dsi_value_from_json(&f->type, dsi_slice_text(f->initial_default), m->arena,
                                 &out->constant, m->err);
    }
    bool null = out->kind == DSI_ORIGIN_CONSTANT && out->constant.null;
    if (rc == DS_OK && f->required && null) {
        rc = dsi_corrupt(m->err, "column %s (id %d): required, but not in the file",
                         name_of(m, f), (int)f->id);
    }
    return rc;
}

static int add_leaf(struct matching *m, const struct dsi_parquet_node *node, bool keep,
                    size_t *index)
{
    struct dsi_data_leaf *leaves =
        dsi_arena_grow(m->arena, m->leaves, m->leaf_count, sizeof *leaves);
    if (!leaves) {
        return no_memory(m);
    }
    m->leaves = leaves;
    m->leaves[m->leaf_count] = (struct dsi_data_leaf){node, keep};
    *index = m->leaf_count++;
    return DS_OK;
}

// The leaf below a group that costs the least to read.
static const struct dsi_parquet_node *cheapest_leaf(const struct dsi_parquet_node *group)
{
    const struct dsi_parquet_node *best = NULL;

    for (const struct dsi_parquet_node *n = group->first_child; n; n = n->next) {
        const struct dsi_parquet_node *leaf = n->first_child ? cheapest_leaf(n) : n;
        bool text = leaf->field.physical == DSI_PARQUET_BYTE_ARRAY;
        if (!best || leaf->max_rep < best->max_rep ||
            (leaf->max_rep == best->max_rep && !text &&
             best->field.physical == DSI_PARQUET_BYTE_ARRAY)) {
            best = leaf;
        }
    }
    return best;
}

// Chooses the leaf whose levels tell the instances of a nested node: one that is read
// anyway, with the fewest slots; if there is none, any.
static int choose_levels(struct matching *m, struct dsi_data_origin *o)
{
    const struct dsi_parquet_node *best = NULL;

    for (size_t i = 0; i < o->child_count; i++) {
        const struct dsi_data_origin *c = &o->children[i];
        if (!c->node) {
            continue;
        }
        const struct dsi_parquet_node *n = m->leaves[c->index].node;
        if (!best || n->max_rep < best->max_rep) {
            best = n;
            o->index = c->index;
        }
    }
    if (best) {
        m->leaves[o->index].keep_levels = true;
        return DS_OK;
    }
    o->has_own_levels = true;
    return add_leaf(m, cheapest_leaf(o->node), true, &o->index);
}

static int wrong_type(struct matching *m, const struct dsi_field *f, const char *has)
{
    char want[64];

    dsi_type_format(&f->type, want, sizeof want);
    return dsi_corrupt(m->err, "column %s: the file has a %s, expected a %s",
                       name_of(m, f), has, want);
}

static int match_leaf(struct matching *m, const struct dsi_field *f,
                      struct dsi_data_origin *out)
{
    // Where parents may be null or repeat, a null of the leaf may be one of theirs.
    bool nested = out->node->parent->parent != NULL || out->node->max_rep > 0;
    bool keep =
        out->node->max_rep > 0 || (nested && f->required && out->shape.is_optional);
    int rc = DS_OK;

    if (dsi_layout_of(&f->type) == DSI_LAYOUT_NESTED) {
        return wrong_type(m, f, "plain column");
    }
    DSI_TRY(dsi_data_column_check(out->node, f, m->err));
    out->kind = DSI_ORIGIN_LEAF;
    out->leaf = out->node;
    DSI_TRY(add_leaf(m, out->node, keep, &out->index));
done:
    return rc;
}

// The fields of a struct, from those of a group.
static int match_struct(struct matching *m, const struct dsi_field *fields, size_t count,
                        struct dsi_data_origin *out)
{
    int rc = DS_OK;

    out->kind = DSI_ORIGIN_STRUCT;
    DSI_TRY(make_children(m, count, out));
    for (size_t i = 0; i < count; i++) {
        const struct dsi_parquet_node *n = find_node(m, out->node, &fields[i], i);
        struct dsi_data_place at = {n, false};
        DSI_TRY(n ? match_place(m, &fields[i], at, &out->children[i])
                  : match_absent(m, &fields[i], &out->children[i]));
    }
    DSI_TRY(choose_levels(m, out));
done:
    return rc;
}

static int match_entries(struct matching *m, const struct dsi_field *f,
                         struct dsi_data_origin *out)
{
    const struct dsi_type *t = &f->type;
    bool map = t->kind == DSI_TYPE_MAP;
    int rc = DS_OK;

    assert(t->field_count == (map ? 2 : 1));
    out->kind = DSI_ORIGIN_ENTRIES;
    DSI_TRY(make_children(m, t->field_count, out));
    DSI_TRY(match_place(m, &t->fields[0], out->shape.element, &out->children[0]));
    if (map) {
        DSI_TRY(out->shape.value.node
                    ? match_place(m, &t->fields[1], out->shape.value, &out->children[1])
                    : match_absent(m, &t->fields[1], &out->children[1]));
    }
    DSI_TRY(choose_levels(m, out));
done:
    return rc;
}

// The hidden type of a shredded variant; its fields are the group's, one by one.
static int match_shredded(struct matching *m, const struct dsi_field *f,
                          struct dsi_data_origin *out)
{
    struct dsi_field *hidden = dsi_arena_array(m->arena, 1, sizeof *hidden);
    struct dsi_data_origin *child = NULL;
    enum match outer = m->match;
    int rc = DS_OK;

    if (!hidden) {
        return no_memory(m);
    }
    *hidden = (struct dsi_field){.required = f->required, .name = f->name};
    DSI_TRY(dsi_data_variant_type(out->node, m->arena, &hidden->type, m->err));
    DSI_TRY(make_children(m, 1, out));
    child = &out->children[0];
    *child =
        (struct dsi_data_origin){.field = hidden, .node = out->node, .shape = out->shape};
    m->match = BY_PLACE;
    rc = match_struct(m, hidden->type.fields, hidden->type.field_count, child);
    m->match = outer;
    out->kind = DSI_ORIGIN_SHREDDED;
    out->index = child->index;
done:
    return rc;
}

static int match_variant(struct matching *m, const struct dsi_field *f,
                         struct dsi_data_origin *out)
{
    enum match outer = m->match;
    size_t count = 0;
    const struct dsi_field *fields = dsi_layout_children(&f->type, &count);
    int rc = DS_OK;

    if (dsi_data_variant_is_shredded(out->node)) {
        return match_shredded(m, f, out);
    }
    m->match = BY_NAME;
    rc = match_struct(m, fields, count, out);
    m->match = outer;
    return rc;
}

static int match_place(struct matching *m, const struct dsi_field *f,
                       struct dsi_data_place at, struct dsi_data_origin *out)
{
    static const char *const shapes[] = {"plain column", "struct", "list", "map",
                                         "variant"};
    int rc = DS_OK;

    *out = (struct dsi_data_origin){.field = f, .node = at.node};
    DSI_TRY(dsi_data_shape_of(at, &out->shape, m->err));
    switch (out->shape.kind) {
    case DSI_SHAPE_LEAF:
        return match_leaf(m, f, out);
    case DSI_SHAPE_STRUCT:
        if (f->type.kind == DSI_TYPE_STRUCT) {
            return match_struct(m, f->type.fields, f->type.field_count, out);
        }
        break;
    case DSI_SHAPE_LIST: // Also a map without values.
        if (f->type.kind == DSI_TYPE_LIST ||
            (f->type.kind == DSI_TYPE_MAP &&
             at.node->field.logical.kind == DSI_PARQUET_LOGICAL_MAP)) {
            return match_entries(m, f, out);
        }
        break;
    case DSI_SHAPE_MAP:
        if (f->type.kind == DSI_TYPE_MAP) {
            return match_entries(m, f, out);
        }
        break;
    case DSI_SHAPE_VARIANT:
        if (f->type.kind == DSI_TYPE_VARIANT) {
            return match_variant(m, f, out);
        }
        break;
    }
    return wrong_type(m, f, shapes[out->shape.kind]);
done:
    return rc;
}

static int match_root(struct matching *m, const struct dsi_parquet_node *root,
                      size_t place, struct dsi_data_origin *out)
{
    const struct dsi_field *f = &m->options->schema->root.fields[place];
    const struct dsi_parquet_node *n = find_node(m, root, f, place);
    struct dsi_data_place at = {n, false};
    int rc = DS_OK;

    m->leaves = NULL;
    m->leaf_count = 0;
    DSI_TRY(n ? match_place(m, f, at, out) : match_absent(m, f, out));
    out->leaves = m->leaves;
    out->leaf_count = m->leaf_count;
done:
    return rc;
}

int dsi_data_origins(const struct dsi_data_reader_options *options,
                     const struct dsi_parquet_file *file, struct dsi_arena *arena,
                     struct dsi_data_origin **out, struct ds_error *err)
{
    size_t count = options->schema->root.field_count;
    struct dsi_data_origin *origins = dsi_arena_array(arena, count, sizeof *origins);
    struct matching m = {.options = options, .arena = arena, .err = err};
    int rc = DS_OK;

    if (!origins) {
        return dsi_no_memory(err, "matching the columns of a file");
    }
    DSI_TRY(dsi_data_mapping_read(options->metadata, arena, &m.mapping, err));
    m.match = options->own_schema            ? BY_NAME
              : dsi_data_has_ids(file->root) ? BY_ID
              : m.mapping.exists             ? BY_MAPPING
                                             : BY_POSITION;
    for (size_t i = 0; i < count; i++) {
        DSI_TRY(match_root(&m, file->root, i, &origins[i]));
    }
    *out = origins;
done:
    return rc;
}
