// Finding fields in a schema, and what the specification asks of one.
#include <assert.h>
#include <string.h>

#include "base/error.h"
#include "base/map.h"
#include "base/text.h"
#include "model/type.h"

static const struct dsi_field *find_id(const struct dsi_type *t, int32_t id, int depth)
{
    if (depth > DSI_TYPE_DEPTH_MAX) {
        return NULL;
    }
    for (size_t i = 0; i < t->field_count; i++) {
        const struct dsi_field *f = &t->fields[i];
        const struct dsi_field *found =
            f->id == id ? f : find_id(&f->type, id, depth + 1);
        if (found) {
            return found;
        }
    }
    return NULL;
}

const struct dsi_field *dsi_schema_field(const struct dsi_schema *s, int32_t id)
{
    return find_id(&s->root, id, 0);
}

struct name_search {
    bool nocase;
    const struct dsi_field *found;
    int matches;
};

static bool prefix_equal(const char *name, const char *prefix, size_t size, bool nocase)
{
    for (size_t i = 0; i < size; i++) {
        char a = name[i];
        char b = prefix[i];
        if (nocase) {
            a = a >= 'A' && a <= 'Z' ? (char)(a | 0x20) : a;
            b = b >= 'A' && b <= 'Z' ? (char)(b | 0x20) : b;
        }
        if (a != b || a == '\0') {
            return false;
        }
    }
    return true;
}

// A name may itself hold dots, so every field that is a prefix is tried.
static void find_name(const struct dsi_type *t, const char *name, int depth,
                      struct name_search *s)
{
    for (size_t i = 0; i < t->field_count && depth <= DSI_TYPE_DEPTH_MAX; i++) {
        const struct dsi_field *f = &t->fields[i];
        size_t size = strlen(f->name);
        if (!prefix_equal(name, f->name, size, s->nocase)) {
            continue;
        }
        if (name[size] == '\0') {
            s->found = f;
            s->matches++;
        } else if (name[size] == '.') {
            find_name(&f->type, name + size + 1, depth + 1, s);
        }
    }
}

const struct dsi_field *dsi_schema_field_by_name(const struct dsi_schema *s,
                                                 const char *name)
{
    struct name_search exact = {false, NULL, 0};
    struct name_search loose = {true, NULL, 0};
    find_name(&s->root, name, 0, &exact);
    if (exact.found) {
        return exact.found;
    }
    find_name(&s->root, name, 0, &loose);
    return loose.matches == 1 ? loose.found : NULL;
}

// The fields from the root down to `id`, in path; how many, 0 when it is not there.
static size_t find_path(const struct dsi_type *t, int32_t id,
                        const struct dsi_field *path[DSI_TYPE_DEPTH_MAX + 1],
                        size_t depth)
{
    if (depth > DSI_TYPE_DEPTH_MAX) {
        return 0;
    }
    for (size_t i = 0; i < t->field_count; i++) {
        path[depth] = &t->fields[i];
        if (t->fields[i].id == id) {
            return depth + 1;
        }
        size_t n = find_path(&t->fields[i].type, id, path, depth + 1);
        if (n > 0) {
            return n;
        }
    }
    return 0;
}

const char *dsi_schema_full_name(const struct dsi_schema *s, int32_t id,
                                 struct dsi_arena *arena)
{
    const struct dsi_field *path[DSI_TYPE_DEPTH_MAX + 1];
    size_t count = find_path(&s->root, id, path, 0);
    size_t size = 0;
    if (count == 0) {
        return NULL;
    }
    for (size_t i = 0; i < count; i++) {
        size += strlen(path[i]->name) + 1;
    }
    char *name = dsi_arena_alloc(arena, size);
    char *at = name;
    for (size_t i = 0; name && i < count; i++) {
        size_t n = strlen(path[i]->name);
        if (i > 0) {
            *at++ = '.';
        }
        memcpy(at, path[i]->name, n);
        at += n;
    }
    return name;
}

bool dsi_schema_equal(const struct dsi_schema *a, const struct dsi_schema *b)
{
    if (a->identifier_count != b->identifier_count ||
        !dsi_type_equal(&a->root, &b->root)) {
        return false;
    }
    for (size_t i = 0; i < a->identifier_count; i++) { // They are a set.
        bool found = false;
        for (size_t j = 0; j < b->identifier_count && !found; j++) {
            found = a->identifier_ids[i] == b->identifier_ids[j];
        }
        if (!found) {
            return false;
        }
    }
    return true;
}

// Deeper ones could be written, but their JSON would be too deep to be read again: a
// struct takes three brackets a level, of DSI_JSON_DEPTH_MAX.
enum { STRICT_DEPTH_MAX = 40, STRICT_NAME_MAX = 255 };

struct check {
    bool strict; // What we make; tables of others may have more.
    struct dsi_map ids;
    struct dsi_map names; // Of one struct.
    struct ds_error *err;
};

static int check_name(struct check *c, const struct dsi_field *f)
{
    size_t size = strlen(f->name);
    const struct dsi_field *other = NULL;
    char lower[STRICT_NAME_MAX + 1];

    if (size == 0) {
        return dsi_fail(c->err, DS_EINVALID, "field %d has no name", f->id);
    }
    if (!dsi_utf8_valid(dsi_slice_text(f->name))) {
        return dsi_fail(c->err, DS_EINVALID, "the name of field %d is not UTF-8", f->id);
    }
    if (!c->strict) {
        other = dsi_map_get_text(&c->names, f->name);
        return other
                   ? dsi_fail(c->err, DS_EINVALID, "fields %d and %d are both named '%s'",
                              other->id, f->id, f->name)
                   : dsi_map_put_text(&c->names, f->name, (void *)f, c->err);
    }
    if (size > STRICT_NAME_MAX) {
        return dsi_fail(c->err, DS_EINVALID,
                        "the name '%.40s…' has %zu bytes; %d is the most", f->name, size,
                        STRICT_NAME_MAX);
    }
    for (size_t i = 0; i <= size; i++) {
        char ch = f->name[i];
        lower[i] = ch >= 'A' && ch <= 'Z' ? (char)(ch | 0x20) : ch;
    }
    other = dsi_map_get_text(&c->names, lower);
    return other ? dsi_fail(c->err, DS_EINVALID,
                            "two fields are named '%s' and '%s': names "
                            "may not be equal, nor differ by case only",
                            other->name, f->name)
                 : dsi_map_put_text(&c->names, lower, (void *)f, c->err);
}

static int check_id(struct check *c, const struct dsi_field *f)
{
    if (f->id < 1 || f->id > DSI_FIELD_ID_MAX) {
        return dsi_fail(c->err, DS_EINVALID, "field '%s' has the id %d: ids are 1 to %d",
                        f->name, f->id, DSI_FIELD_ID_MAX);
    }
    const struct dsi_field *other = dsi_map_get_int(&c->ids, f->id);
    if (other) {
        return dsi_fail(c->err, DS_EINVALID, "fields '%s' and '%s' have one id, %d",
                        other->name, f->name, f->id);
    }
    return dsi_map_put_int(&c->ids, f->id, (void *)f, c->err);
}

static int check_type(struct check *c, const struct dsi_type *t, int depth)
{
    int rc = DS_OK;
    int limit = c->strict ? STRICT_DEPTH_MAX : DSI_TYPE_DEPTH_MAX;
    if (depth > limit) {
        return dsi_fail(c->err, DS_EINVALID, "types nested more than %d deep", limit);
    }
    dsi_map_release(&c->names);
    for (size_t i = 0; i < t->field_count; i++) {
        const struct dsi_field *f = &t->fields[i];
        DSI_TRY(check_id(c, f));
        if (t->kind == DSI_TYPE_STRUCT) {
            DSI_TRY(check_name(c, f));
        }
        if (f->type.kind == DSI_TYPE_UNKNOWN && f->required) {
            return dsi_fail(c->err, DS_EINVALID,
                            "field '%s' is required, but its type is unknown", f->name);
        }
    }
    for (size_t i = 0; i < t->field_count; i++) {
        DSI_TRY(check_type(c, &t->fields[i].type, depth + 1));
    }
done:
    return rc;
}

static int check_identifier(const struct dsi_schema *s, int32_t id, struct ds_error *err)
{
    const struct dsi_field *path[DSI_TYPE_DEPTH_MAX + 1];
    size_t count = find_path(&s->root, id, path, 0);
    if (count == 0) {
        return dsi_fail(err, DS_EINVALID, "identifier field %d is not in the schema", id);
    }
    const struct dsi_field *f = path[count - 1];
    if (!dsi_type_is_primitive(&f->type) || f->type.kind == DSI_TYPE_FLOAT ||
        f->type.kind == DSI_TYPE_DOUBLE || !f->required) {
        return dsi_fail(
            err, DS_EINVALID,
            "identifier field '%s' must be required, primitive and no float or "
            "double",
            f->name);
    }
    for (size_t i = 0; i + 1 < count; i++) {
        if (path[i]->type.kind != DSI_TYPE_STRUCT || !path[i]->required) {
            return dsi_fail(err, DS_EINVALID,
                            "identifier field '%s' is inside '%s', which is "
                            "not a required struct",
                            f->name, path[i]->name);
        }
    }
    return DS_OK;
}

static int check_schema(const struct dsi_schema *s, bool strict, struct ds_error *err)
{
    struct check c = {strict, DSI_MAP_INIT, DSI_MAP_INIT, err};
    int rc = DS_OK;

    DSI_TRY(check_type(&c, &s->root, 0));
    for (size_t i = 0; i < s->identifier_count; i++) {
        DSI_TRY(check_identifier(s, s->identifier_ids[i], err));
    }
done:
    dsi_map_release(&c.ids);
    dsi_map_release(&c.names);
    return rc;
}

int dsi_schema_check_stored(const struct dsi_schema *s, struct ds_error *err)
{
    return check_schema(s, false, err);
}

int dsi_schema_check(const struct dsi_schema *s, struct ds_error *err)
{
    return check_schema(s, true, err);
}
