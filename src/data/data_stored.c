#include "data/data_stored.h"

#include <assert.h>
#include <string.h>

#include "base/error.h"
#include "base/text.h"
#include "data/data_schema.h"

// A node being planned: what its parent says of it.
struct place {
    const char *prefix; // "a.b.", or "".
    size_t column;
    uint8_t def; // The level at which there is a parent's value, or entry.
    uint8_t rep;
    size_t depth; // Groups it is in, the root among them.
    bool in_list;
};

struct planning {
    struct dsi_arena *arena;
    struct dsi_stored *out;
    struct ds_error *err;
};

static int no_memory(struct planning *p)
{
    return dsi_no_memory(p->err, "planning how a schema is stored");
}

static int cannot(struct planning *p, const char *name, const char *what)
{
    return dsi_fail(p->err, DS_EUNSUPPORTED, "column %s: %s cannot be written to Parquet",
                    name, what);
}

// How many Parquet fields a field makes at most.
static size_t count_fields(const struct dsi_field *f, int depth)
{
    size_t count = 4; // A map's own; others have fewer.

    for (size_t i = 0; depth < DSI_TYPE_DEPTH_MAX && i < f->type.field_count; i++) {
        count += count_fields(&f->type.fields[i], depth + 1);
    }
    return count;
}

static struct dsi_parquet_field *add_field(struct planning *p, const char *name,
                                           enum dsi_parquet_repetition repetition)
{
    struct dsi_parquet_field *f = &p->out->fields[p->out->field_count++];

    *f = (struct dsi_parquet_field){.name = name, .repetition = repetition};
    return f;
}

static struct dsi_parquet_field *add_own_field(struct planning *p,
                                               const struct dsi_field *f)
{
    struct dsi_parquet_field *stored =
        add_field(p, f->name, f->required ? DSI_PARQUET_REQUIRED : DSI_PARQUET_OPTIONAL);

    stored->has_field_id = true;
    stored->field_id = f->id;
    return stored;
}

static void add_leaf(struct planning *p, const struct dsi_field *f,
                     struct dsi_parquet_field *stored, bool in_list,
                     struct dsi_stored_node *n)
{
    n->kind = DSI_STORED_LEAF;
    n->stored = stored;
    n->leaf = p->out->leaf_count++;
    p->out->leaves[n->leaf] =
        (struct dsi_stored_leaf){.field = f, .node = n, .in_list = in_list};
}

static int add_node(struct planning *p, const struct dsi_field *f, struct place at,
                    struct dsi_stored_node *n);

// The fields of `t` that are stored, as children of `n`.
static int add_children(struct planning *p, const struct dsi_type *t,
                        const struct place *at, struct dsi_stored_node *n)
{
    struct dsi_stored_node *children =
        dsi_arena_array(p->arena, t->field_count, sizeof *children);
    struct place below = *at;
    int rc = DS_OK;

    below.prefix = dsi_arena_printf(p->arena, "%s.", n->name);
    if (!children || !below.prefix) {
        return no_memory(p);
    }
    for (size_t i = 0; i < t->field_count; i++) {
        if (t->fields[i].type.kind != DSI_TYPE_UNKNOWN) {
            below.column = i;
            DSI_TRY(add_node(p, &t->fields[i], below, &children[n->child_count]));
            n->child_count++;
        }
    }
    n->children = children;
done:
    return rc;
}

static int add_struct(struct planning *p, const struct dsi_field *f, struct place at,
                      struct dsi_stored_node *n)
{
    struct dsi_parquet_field *stored = add_own_field(p, f);
    int rc = DS_OK;

    at.depth++;
    DSI_TRY(add_children(p, &f->type, &at, n));
    stored->child_count = n->child_count;
    if (n->child_count == 0) {
        return cannot(p, n->name, "a struct of which nothing is stored");
    }
done:
    return rc;
}

static int add_list(struct planning *p, const struct dsi_field *f, struct place at,
                    struct dsi_stored_node *n)
{
    bool map = f->type.kind == DSI_TYPE_MAP;
    struct dsi_parquet_field *stored = add_own_field(p, f);
    int rc = DS_OK;

    stored->child_count = 1;
    stored->logical.kind = map ? DSI_PARQUET_LOGICAL_MAP : DSI_PARQUET_LOGICAL_LIST;
    stored = add_field(p, map ? "key_value" : "list", DSI_PARQUET_REPEATED);
    stored->child_count = f->type.field_count;
    at.def++;
    at.rep++;
    at.depth += 2;
    at.in_list = true;
    n->kind = DSI_STORED_LIST;
    n->rep = at.rep;
    DSI_TRY(add_children(p, &f->type, &at, n));
    if (n->child_count < f->type.field_count) {
        return cannot(p, n->name, "a list or map of type unknown");
    }
done:
    return rc;
}

static int add_variant(struct planning *p, const struct dsi_field *f,
                       const struct place *at, struct dsi_stored_node *n)
{
    static const char *const names[] = {"metadata", "value"};
    struct dsi_stored_node *children = dsi_arena_array(p->arena, 2, sizeof *children);
    struct dsi_parquet_field *stored = add_own_field(p, f);

    stored->child_count = 2;
    stored->logical.kind = DSI_PARQUET_LOGICAL_VARIANT;
    for (size_t i = 0; children && i < 2; i++) {
        stored = add_field(p, names[i], DSI_PARQUET_REQUIRED);
        stored->physical = DSI_PARQUET_BYTE_ARRAY;
        children[i] = (struct dsi_stored_node){
            .column = i,
            .name = dsi_arena_printf(p->arena, "%s.%s", n->name, names[i]),
            .required = true,
            .def = n->def,
            .index = p->out->node_count++};
        add_leaf(p, f, stored, at->in_list, &children[i]);
        if (!children[i].name) {
            return no_memory(p);
        }
    }
    n->children = children;
    n->child_count = 2;
    return children ? DS_OK : no_memory(p);
}

// "geography(srid:4326, karney)": the reference system and the edges of a leaf.
static int add_geo(struct planning *p, const struct dsi_type *t, const char *name,
                   struct dsi_parquet_logical *out)
{
    // The format's own numbers.
    static const char *const algorithms[] = {"spherical", "vincenty", "thomas", "andoyer",
                                             "karney"};
    const char *open = t->text ? strchr(t->text, '(') : NULL;
    const char *end = open ? strrchr(open, ')') : NULL;
    const char *comma = NULL;
    const char *edges = NULL;
    bool known = false;

    if (!open || !end) {
        return DS_OK;
    }
    comma = t->kind == DSI_TYPE_GEOGRAPHY ? strchr(open, ',') : NULL;
    edges = comma ? comma + 1 + strspn(comma + 1, " ") : NULL;
    edges =
        edges ? dsi_arena_strndup(p->arena, edges, (size_t)(end - edges)) : "spherical";
    out->crs =
        dsi_arena_strndup(p->arena, open + 1, (size_t)((comma ? comma : end) - open - 1));
    if (!edges || !out->crs) {
        return no_memory(p);
    }
    for (int32_t i = 0; i < 5; i++) {
        if (dsi_text_equal_nocase(edges, algorithms[i])) {
            out->algorithm = i;
            known = true;
        }
    }
    return known ? DS_OK : cannot(p, name, "edges of an unknown kind");
}

static int add_node(struct planning *p, const struct dsi_field *f, struct place at,
                    struct dsi_stored_node *n)
{
    struct dsi_parquet_field *stored = NULL;
    int rc = DS_OK;

    at.def = (uint8_t)(at.def + !f->required);
    *n = (struct dsi_stored_node){.kind = DSI_STORED_GROUP,
                                  .column = at.column,
                                  .required = f->required,
                                  .def = at.def,
                                  .index = p->out->node_count++};
    n->name = dsi_arena_join(p->arena, (const char *const[]){at.prefix, f->name}, 2);
    if (!n->name) {
        return no_memory(p);
    }
    if (at.depth + 2 > DSI_PARQUET_DEPTH_MAX && f->type.field_count > 0) {
        return cannot(p, n->name, "a type nested so deeply");
    }
    switch (f->type.kind) {
    case DSI_TYPE_STRUCT:
        return add_struct(p, f, at, n);
    case DSI_TYPE_LIST:
    case DSI_TYPE_MAP:
        return add_list(p, f, at, n);
    case DSI_TYPE_VARIANT:
        return add_variant(p, f, &at, n);
    default:
        break;
    }
    stored = &p->out->fields[p->out->field_count++];
    DSI_TRY(dsi_data_parquet_field(f, stored, p->err));
    if (f->type.kind == DSI_TYPE_GEOMETRY || f->type.kind == DSI_TYPE_GEOGRAPHY) {
        DSI_TRY(add_geo(p, &f->type, n->name, &stored->logical));
    }
    add_leaf(p, f, stored, at.in_list, n);
done:
    return rc;
}

int dsi_data_stored(const struct dsi_schema *schema, struct dsi_arena *arena,
                    struct dsi_stored *out, struct ds_error *err)
{
    struct planning p = {arena, out, err};
    const struct dsi_type *root = &schema->root;
    struct dsi_stored_node *roots =
        dsi_arena_array(arena, root->field_count, sizeof *roots);
    size_t most = 0;
    int rc = DS_OK;

    for (size_t i = 0; i < root->field_count; i++) {
        most += count_fields(&root->fields[i], 0);
    }
    *out =
        (struct dsi_stored){.fields = dsi_arena_array(arena, most, sizeof *out->fields),
                            .leaves = dsi_arena_array(arena, most, sizeof *out->leaves),
                            .roots = roots};
    if (!roots || !out->fields || !out->leaves) {
        return no_memory(&p);
    }
    for (size_t i = 0; i < root->field_count; i++) {
        if (root->fields[i].type.kind != DSI_TYPE_UNKNOWN) {
            struct place at = {.prefix = "", .column = i, .depth = 1};
            DSI_TRY(add_node(&p, &root->fields[i], at, &roots[out->root_count]));
            out->root_count++;
        }
    }
    assert(out->field_count <= most);
done:
    return rc;
}
