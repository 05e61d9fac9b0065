#include "data/arrow_plan.h"

#include "base/error.h"
#include "data/arrow_geo.h"
#include "data/arrow_words.h"
#include "model/near_name.h"

enum { LEVELS_MAX = 4 }; // Of dictionaries and run ends around the values of a column.

// What planning carries along.
struct planning {
    struct dsi_arena *arena;
    struct ds_error *err;
};

static int does_not_fit(struct planning *g, const struct ArrowSchema *s,
                        const struct dsi_arrow_plan *p)
{
    char type[64];
    char words[DSI_ARROW_WORDS_MAX];
    dsi_type_format(&p->field->type, type, sizeof type);
    dsi_arrow_words(s, words);
    return dsi_fail(g->err, DS_EINVALID,
                    "column %s: %s does not fit the table's %s; cast it", p->path, words,
                    type);
}

static int no_memory(struct planning *g)
{
    return dsi_no_memory(g->err, "planning an import");
}

// "outer.name", or "name" for a root.
static const char *join_path(struct planning *g, const char *outer, const char *name)
{
    return outer ? dsi_arena_printf(g->arena, "%s.%s", outer, name) : name;
}

// --- which of the producer's columns is which field

static const struct dsi_field *field_with_id(const struct dsi_field *fields, size_t count,
                                             int32_t id)
{
    for (size_t i = 0; i < count; i++) {
        if (fields[i].id == id && id > 0) {
            return &fields[i];
        }
    }
    return NULL;
}

static const struct dsi_field *field_with_name(const struct dsi_field *fields,
                                               size_t count, const char *name)
{
    for (size_t i = 0; i < count; i++) {
        if (strcmp(fields[i].name, name) == 0) {
            return &fields[i];
        }
    }
    return NULL;
}

// Ids count when every column has one that the table knows: the ids of a schema from
// elsewhere say nothing about this table.
static int ids_count(const struct ArrowSchema *schema, const struct dsi_field *fields,
                     size_t count, bool *out, struct ds_error *err)
{
    *out = schema->n_children > 0;
    for (int64_t i = 0; i < schema->n_children; i++) {
        int32_t id = -1;
        int rc = dsi_arrow_field_id(schema->children[i], &id, err);
        if (rc < 0) {
            return rc;
        }
        *out = *out && field_with_id(fields, count, id) != NULL;
    }
    return DS_OK;
}

// Which of `fields` one of the producer's columns is. `outer` is the path of the struct.
static int find_field(struct planning *g, const struct ArrowSchema *s, const char *outer,
                      const struct dsi_field *fields, size_t count, bool by_id,
                      size_t *out)
{
    const char *name = dsi_arrow_name(s);
    const char *path = join_path(g, outer, name);
    const struct dsi_field *named = field_with_name(fields, count, name);
    const struct dsi_field *found = named;

    if (!path) {
        return no_memory(g);
    }
    if (by_id) {
        int32_t id = -1;
        int rc = dsi_arrow_field_id(s, &id, g->err);
        if (rc < 0) {
            return rc;
        }
        found = field_with_id(fields, count, id);
        if (found && named && named != found) {
            return dsi_fail(g->err, DS_EINVALID,
                            "column %s: by its field id %d it is the table's column %s; "
                            "remove the ids, or rename it",
                            path, (int)id, found->name);
        }
    }
    if (!found) {
        char names[DSI_NEAR_NAMES_MAX];
        dsi_near_names(fields, count, name, names);
        return dsi_fail(g->err, DS_EINVALID,
                        "column %s: the table has no such column; %s", path, names);
    }
    *out = (size_t)(found - fields);
    return DS_OK;
}

// --- the layout of one column

static int plan_layer(struct planning *g, const struct ArrowSchema *s,
                      const struct dsi_arrow_plan *p, int level,
                      struct dsi_arrow_layer *out);

// One plan for each field of a type, none of them with a source yet.
static int begin_children(struct planning *g, const struct dsi_type *t, const char *outer,
                          struct dsi_arrow_layer *out)
{
    const struct dsi_field *fields = dsi_layout_children(t, &out->child_count);

    out->children = dsi_arena_array(g->arena, out->child_count, sizeof *out->children);
    if (!out->children) {
        return no_memory(g);
    }
    for (size_t i = 0; i < out->child_count; i++) {
        struct dsi_arrow_plan *p = &out->children[i];
        p->field = &fields[i];
        p->source = -1;
        p->path = join_path(g, outer, fields[i].name);
        if (!p->path) {
            return no_memory(g);
        }
    }
    return DS_OK;
}

// A struct's columns are told apart by id or name.
static int plan_struct(struct planning *g, const struct ArrowSchema *s,
                       const struct dsi_type *t, const char *outer,
                       struct dsi_arrow_layer *out)
{
    const struct dsi_field *fields = NULL;
    size_t count = 0;
    bool by_id = false;
    int rc = DS_OK;

    fields = dsi_layout_children(t, &count);
    out->source_count = s->n_children;
    DSI_TRY(begin_children(g, t, outer, out));
    for (int64_t i = 0; i < s->n_children; i++) {
        struct dsi_arrow_format f; // Only to know that its name may be looked at.
        DSI_TRY(dsi_arrow_format_read(s->children[i], &f, g->err));
    }
    DSI_TRY(ids_count(s, fields, count, &by_id, g->err));
    for (int64_t i = 0; i < s->n_children; i++) {
        size_t k = 0;
        DSI_TRY(find_field(g, s->children[i], outer, fields, count, by_id, &k));
        struct dsi_arrow_plan *p = &out->children[k];
        if (p->source >= 0) {
            rc = dsi_fail(g->err, DS_EINVALID, "column %s: there are two of them",
                          p->path);
            goto done;
        }
        p->source = i;
        DSI_TRY(plan_layer(g, s->children[i], p, 0, &p->layer));
    }
    for (size_t i = 0; i < count; i++) {
        if (out->children[i].source < 0 && fields[i].required) {
            rc = dsi_fail(g->err, DS_EINVALID, "column %s: it is required, and missing",
                          out->children[i].path);
            goto done;
        }
    }
done:
    return rc;
}

// A list's element, a map's key and value are told apart by where they are.
static int plan_elements(struct planning *g, const struct ArrowSchema *s,
                         const struct dsi_arrow_plan *p, struct dsi_arrow_layer *out)
{
    int rc = begin_children(g, &p->field->type, p->path, out);

    out->source_count = s->n_children;
    for (size_t i = 0; rc == DS_OK && i < out->child_count; i++) {
        out->children[i].source = (int64_t)i;
        rc = plan_layer(g, s->children[i], &out->children[i], 0, &out->children[i].layer);
    }
    return rc;
}

static int plan_map(struct planning *g, const struct ArrowSchema *s,
                    const struct dsi_arrow_plan *p, struct dsi_arrow_layer *out)
{
    const struct ArrowSchema *entries = s->children[0];
    struct dsi_arrow_format f;
    int rc = dsi_arrow_format_read(entries, &f, g->err);

    if (rc < 0) {
        return rc;
    }
    if (f.kind != DSI_ARROW_STRUCT || entries->n_children != 2 || entries->dictionary) {
        return dsi_fail(g->err, DS_EINVALID,
                        "column %s: the entries of an Arrow map are a struct of two",
                        p->path);
    }
    return plan_elements(g, entries, p, out);
}

// The table's field is nested; so must the producer's column be, and alike.
static int plan_nested(struct planning *g, const struct ArrowSchema *s,
                       const struct dsi_arrow_plan *p, struct dsi_arrow_layer *out)
{
    enum dsi_type_kind kind = p->field->type.kind;
    enum dsi_arrow_kind is = out->format.kind;

    if (kind == DSI_TYPE_LIST && is == DSI_ARROW_LIST) {
        return plan_elements(g, s, p, out);
    }
    if (kind == DSI_TYPE_MAP && is == DSI_ARROW_MAP) {
        return plan_map(g, s, p, out);
    }
    if (kind == DSI_TYPE_STRUCT && is == DSI_ARROW_STRUCT) {
        return plan_struct(g, s, &p->field->type, p->path, out);
    }
    if (kind == DSI_TYPE_VARIANT && is == DSI_ARROW_STRUCT) {
        for (int64_t i = 0; i < s->n_children; i++) {
            if (strcmp(dsi_arrow_name(s->children[i]), "typed_value") == 0) {
                return dsi_fail(g->err, DS_EUNSUPPORTED,
                                "column %s: a shredded variant; hand it over as "
                                "metadata and value",
                                p->path);
            }
        }
        return plan_struct(g, s, &p->field->type, p->path, out);
    }
    return does_not_fit(g, s, p);
}

// Bytes of a shape, marked with a CRS, must mean what the table's do.
static int check_geo(struct planning *g, const struct ArrowSchema *s,
                     const struct dsi_arrow_plan *p)
{
    const struct dsi_type *t = &p->field->type;
    struct ds_slice metadata = {NULL, 0};
    struct dsi_type is;
    bool marked = false;
    bool known = false;
    int rc = dsi_arrow_extension_is(s, DSI_ARROW_GEO_NAME, &marked, &metadata, g->err);

    if (rc == DS_OK && marked) {
        rc = dsi_arrow_geo_read(metadata, p->path, g->arena, &is, &known, g->err);
    }
    if (rc == DS_OK && known && !dsi_arrow_geo_same(&is, t)) {
        rc = dsi_fail(g->err, DS_EINVALID, "column %s: %.80s does not fit the table's %s",
                      p->path, is.text, t->text);
    }
    return rc;
}

static int plan_value(struct planning *g, const struct ArrowSchema *s,
                      const struct dsi_arrow_plan *p, const struct dsi_arrow_layer *layer)
{
    enum dsi_type_kind kind = p->field->type.kind;

    if (!dsi_arrow_fits(&layer->format, &p->field->type)) {
        return does_not_fit(g, s, p);
    }
    return kind == DSI_TYPE_GEOMETRY || kind == DSI_TYPE_GEOGRAPHY ? check_geo(g, s, p)
                                                                   : DS_OK;
}

static int plan_run_ends(struct planning *g, const struct ArrowSchema *s,
                         const struct dsi_arrow_plan *p, struct dsi_arrow_layer *out)
{
    int rc = dsi_arrow_format_read(s, &out->run_ends, g->err);

    if (rc == DS_OK && (out->run_ends.kind != DSI_ARROW_INT || !out->run_ends.is_signed ||
                        out->run_ends.width < 2 || s->dictionary)) {
        rc = dsi_fail(g->err, DS_EINVALID, "column %s: its run ends are '%.40s'", p->path,
                      s->format);
    }
    return rc;
}

static int plan_layer(struct planning *g, const struct ArrowSchema *s,
                      const struct dsi_arrow_plan *p, int level,
                      struct dsi_arrow_layer *out)
{
    const struct ArrowSchema *inner = s->dictionary;
    int rc = DS_OK;

    DSI_TRY(dsi_arrow_format_read(s, &out->format, g->err));
    if (level > LEVELS_MAX) {
        return dsi_fail(g->err, DS_EUNSUPPORTED,
                        "column %s: dictionaries inside dictionaries, %d deep", p->path,
                        level);
    }
    out->dictionary = inner != NULL;
    if (inner && out->format.kind != DSI_ARROW_INT) {
        return dsi_fail(g->err, DS_EINVALID,
                        "column %s: the indices of its dictionary are '%.40s'", p->path,
                        s->format);
    }
    if (!inner && out->format.kind == DSI_ARROW_RUN_ENDS) {
        DSI_TRY(plan_run_ends(g, s->children[0], p, out));
        inner = s->children[1];
    }
    if (inner) {
        out->inner = dsi_arena_alloc(g->arena, sizeof *out->inner);
        return out->inner ? plan_layer(g, inner, p, level + 1, out->inner) : no_memory(g);
    }
    if (out->format.kind == DSI_ARROW_NULL && !p->field->required) {
        return DS_OK;
    }
    if (dsi_layout_of(&p->field->type) == DSI_LAYOUT_NESTED) {
        return plan_nested(g, s, p, out);
    }
    rc = plan_value(g, s, p, out);
done:
    return rc;
}

int dsi_arrow_plan_struct(const struct ArrowSchema *schema, const struct dsi_type *type,
                          struct dsi_arena *arena, struct dsi_arrow_layer *out,
                          struct ds_error *err)
{
    struct planning g = {arena, err};
    int rc = dsi_arrow_format_read(schema, &out->format, err);

    if (rc < 0) {
        return rc;
    }
    if (out->format.kind != DSI_ARROW_STRUCT || schema->dictionary) {
        return dsi_fail(err, DS_EINVALID,
                        "the Arrow schema is '%.40s', not a struct of columns",
                        schema->format);
    }
    return plan_struct(&g, schema, type, NULL, out);
}
