// Schemas as JSON. Iceberg specification, Appendix C, "Schemas".
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/text.h"
#include "codec/json/json_reader.h"
#include "codec/json/json_writer.h"
#include "model/type.h"

struct parser {
    struct dsi_json_reader r;
    struct dsi_arena *arena;
    struct ds_error *err;
    int32_t highest;
    int depth;
};

static int parse_type(struct parser *p, struct dsi_type *out);

// Fields while their number is not known yet; in the arena, doubled as they grow.
struct field_list {
    struct dsi_field *items;
    size_t count;
};

static int grow(struct parser *p, struct field_list *list)
{
    struct dsi_field *items =
        dsi_arena_grow(p->arena, list->items, list->count, sizeof *items);
    if (!items) {
        return dsi_no_memory(p->err, "reading a schema");
    }
    list->items = items;
    return DS_OK;
}

static int parse_default(struct parser *p, const char **out)
{
    struct ds_slice raw = {NULL, 0};
    int rc = dsi_json_skip(&p->r, &raw, p->err);
    if (rc < 0) {
        return rc;
    }
    if (dsi_json_key_is(raw, "null")) {
        return DS_OK;
    }
    *out = dsi_arena_strndup(p->arena, (const char *)raw.data, raw.size);
    return *out ? DS_OK : dsi_no_memory(p->err, "reading a schema");
}

// Which members an object had, so that a missing or a repeated one is told by name.
enum { HAS_ID = 1, HAS_NAME = 2, HAS_REQUIRED = 4, HAS_TYPE = 8 };

static int once(struct parser *p, unsigned *seen, unsigned bit, struct ds_slice key)
{
    if (*seen & bit) {
        return dsi_corrupt(p->err, "schema: '%.*s' comes twice in one object",
                           (int)key.size, (const char *)key.data);
    }
    *seen |= bit;
    return DS_OK;
}

static void note_id(struct parser *p, int32_t id)
{
    p->highest = id > p->highest ? id : p->highest;
}

static int parse_field(struct parser *p, struct dsi_field *f)
{
    struct ds_slice key = {NULL, 0};
    unsigned seen = 0;
    int rc = DS_OK;

    DSI_TRY(dsi_json_object_begin(&p->r, p->err));
    while ((rc = dsi_json_object_next(&p->r, &key, p->err)) == DS_ROW) {
        if (dsi_json_key_is(key, "id")) {
            DSI_TRY(once(p, &seen, HAS_ID, key));
            DSI_TRY(dsi_json_i32(&p->r, &f->id, p->err));
        } else if (dsi_json_key_is(key, "name")) {
            DSI_TRY(once(p, &seen, HAS_NAME, key));
            DSI_TRY(dsi_json_string(&p->r, &f->name, p->err));
        } else if (dsi_json_key_is(key, "required")) {
            DSI_TRY(once(p, &seen, HAS_REQUIRED, key));
            DSI_TRY(dsi_json_bool(&p->r, &f->required, p->err));
        } else if (dsi_json_key_is(key, "type")) {
            DSI_TRY(once(p, &seen, HAS_TYPE, key));
            DSI_TRY(parse_type(p, &f->type));
        } else if (dsi_json_key_is(key, "doc")) {
            bool null = false;
            DSI_TRY(dsi_json_null(&p->r, &null, p->err));
            if (!null) {
                DSI_TRY(dsi_json_string(&p->r, &f->doc, p->err));
            }
        } else if (dsi_json_key_is(key, "initial-default")) {
            DSI_TRY(parse_default(p, &f->initial_default));
        } else if (dsi_json_key_is(key, "write-default")) {
            DSI_TRY(parse_default(p, &f->write_default));
        } else {
            DSI_TRY(dsi_json_skip(&p->r, NULL, p->err));
        }
    }
    DSI_TRY(rc);
    if (seen != (HAS_ID | HAS_NAME | HAS_REQUIRED | HAS_TYPE)) {
        return dsi_corrupt(p->err, "schema: field '%s' (id %d) has no '%s'",
                           f->name ? f->name : "?", f->id,
                           !(seen & HAS_ID)         ? "id"
                           : !(seen & HAS_NAME)     ? "name"
                           : !(seen & HAS_REQUIRED) ? "required"
                                                    : "type");
    }
    note_id(p, f->id);
done:
    return rc;
}

static int parse_fields(struct parser *p, struct dsi_type *out)
{
    struct field_list list = {NULL, 0};
    int rc = DS_OK;

    if (out->field_count > 0) {
        return dsi_corrupt(p->err, "schema: 'fields' comes twice in one object");
    }
    DSI_TRY(dsi_json_array_begin(&p->r, p->err));
    while ((rc = dsi_json_array_next(&p->r, p->err)) == DS_ROW) {
        DSI_TRY(grow(p, &list));
        DSI_TRY(parse_field(p, &list.items[list.count]));
        list.count++;
    }
    DSI_TRY(rc);
    out->fields = list.items;
    out->field_count = list.count;
done:
    return rc;
}

// The members of a nested type, whichever kind it turns out to be.
struct nested {
    const char *kind;
    struct dsi_field *children; // [0] "element" or "key", [1] "value".
    struct dsi_type fields;     // What "fields" held.
    unsigned seen;              // One bit for each of child_members.
    bool has_fields;
};

struct child_member {
    const char *key;
    int child;
    enum { CHILD_ID, CHILD_TYPE, CHILD_REQUIRED } part;
};

static const struct child_member child_members[] = {
    {"element-id", 0, CHILD_ID},
    {"element", 0, CHILD_TYPE},
    {"element-required", 0, CHILD_REQUIRED},
    {"key-id", 0, CHILD_ID},
    {"key", 0, CHILD_TYPE},
    {"value-id", 1, CHILD_ID},
    {"value", 1, CHILD_TYPE},
    {"value-required", 1, CHILD_REQUIRED},
};

enum {
    CHILD_MEMBER_COUNT = sizeof child_members / sizeof child_members[0],
    LIST_MEMBERS = 0x07, // The first three rows.
    MAP_MEMBERS = 0xf8,  // The other five.
};

static int parse_child_member(struct parser *p, struct nested *n, size_t row,
                              struct ds_slice key)
{
    const struct child_member *m = &child_members[row];
    struct dsi_field *child = &n->children[m->child];
    int rc = once(p, &n->seen, 1u << row, key);
    if (rc < 0) {
        return rc;
    }
    if (m->part == CHILD_ID) {
        rc = dsi_json_i32(&p->r, &child->id, p->err);
        note_id(p, child->id);
        return rc;
    }
    return m->part == CHILD_TYPE ? parse_type(p, &child->type)
                                 : dsi_json_bool(&p->r, &child->required, p->err);
}

static int parse_nested_member(struct parser *p, struct nested *n, struct ds_slice key)
{
    if (dsi_json_key_is(key, "type")) {
        return dsi_json_string(&p->r, &n->kind, p->err);
    }
    if (dsi_json_key_is(key, "fields")) {
        n->has_fields = true;
        return parse_fields(p, &n->fields);
    }
    for (size_t i = 0; i < CHILD_MEMBER_COUNT; i++) {
        if (dsi_json_key_is(key, child_members[i].key)) {
            return parse_child_member(p, n, i, key);
        }
    }
    return dsi_json_skip(&p->r, NULL, p->err);
}

static int missing(struct parser *p, const struct nested *n, unsigned wanted)
{
    for (size_t i = 0; i < CHILD_MEMBER_COUNT; i++) {
        if (wanted & ~n->seen & 1u << i) {
            return dsi_corrupt(p->err, "schema: a %s type has no '%s'", n->kind,
                               child_members[i].key);
        }
    }
    return DS_OK;
}

static int close_nested(struct parser *p, struct nested *n, struct dsi_type *out)
{
    if (!n->kind) {
        return dsi_corrupt(p->err, "schema: a nested type has no 'type'");
    }
    if (strcmp(n->kind, "struct") == 0) {
        if (!n->has_fields) {
            return dsi_corrupt(p->err, "schema: a struct type has no 'fields'");
        }
        *out = n->fields;
        out->kind = DSI_TYPE_STRUCT;
        return DS_OK;
    }
    out->fields = n->children;
    if (strcmp(n->kind, "list") == 0) {
        out->kind = DSI_TYPE_LIST;
        out->field_count = 1;
        n->children[0].name = "element";
        return missing(p, n, LIST_MEMBERS);
    }
    if (strcmp(n->kind, "map") == 0) {
        out->kind = DSI_TYPE_MAP;
        out->field_count = 2;
        n->children[0].name = "key";
        n->children[0].required = true;
        n->children[1].name = "value";
        return missing(p, n, MAP_MEMBERS);
    }
    return dsi_corrupt(
        p->err, "schema: a nested type is struct, list or map, not '%.80s'", n->kind);
}

static int parse_nested(struct parser *p, struct dsi_type *out)
{
    struct nested n = {NULL, NULL, {0}, 0, false};
    struct ds_slice key = {NULL, 0};
    int rc = DS_OK;

    n.children = dsi_arena_array(p->arena, 2, sizeof *n.children);
    if (!n.children) {
        return dsi_no_memory(p->err, "reading a schema");
    }
    DSI_TRY(dsi_json_object_begin(&p->r, p->err));
    while ((rc = dsi_json_object_next(&p->r, &key, p->err)) == DS_ROW) {
        DSI_TRY(parse_nested_member(p, &n, key));
    }
    DSI_TRY(rc);
    DSI_TRY(close_nested(p, &n, out));
done:
    return rc;
}

static int parse_type(struct parser *p, struct dsi_type *out)
{
    enum dsi_json_kind kind = DSI_JSON_NULL;
    const char *text = NULL;
    int rc = DS_OK;

    DSI_TRY(dsi_json_peek(&p->r, &kind, p->err));
    if (kind == DSI_JSON_OBJECT) {
        if (p->depth >= DSI_TYPE_DEPTH_MAX) {
            return dsi_corrupt(p->err, "schema: types nested more than %d deep",
                               DSI_TYPE_DEPTH_MAX);
        }
        p->depth++;
        rc = parse_nested(p, out);
        p->depth--;
        return rc;
    }
    DSI_TRY(dsi_json_string(&p->r, &text, p->err));
    rc = dsi_type_parse(text, p->arena, out, p->err);
    if (rc == DS_EINVALID) { // It is not the caller who wrote it.
        return dsi_wrap(p->err, DS_ECORRUPT, "schema");
    }
done:
    return rc;
}

static int parse_identifiers(struct parser *p, struct dsi_schema *s)
{
    int32_t *ids = NULL;
    size_t count = 0;
    int rc = DS_OK;

    DSI_TRY(dsi_json_array_begin(&p->r, p->err));
    while ((rc = dsi_json_array_next(&p->r, p->err)) == DS_ROW) {
        ids = dsi_arena_grow(p->arena, ids, count, sizeof *ids);
        if (!ids) {
            return dsi_no_memory(p->err, "reading a schema");
        }
        DSI_TRY(dsi_json_i32(&p->r, &ids[count++], p->err));
    }
    DSI_TRY(rc);
    s->identifier_ids = ids;
    s->identifier_count = count;
done:
    return rc;
}

static int parse_schema(struct parser *p, struct dsi_schema *s)
{
    struct nested n = {.kind = "struct"};
    struct ds_slice key = {NULL, 0};
    int rc = DS_OK;

    DSI_TRY(dsi_json_object_begin(&p->r, p->err));
    while ((rc = dsi_json_object_next(&p->r, &key, p->err)) == DS_ROW) {
        if (dsi_json_key_is(key, "schema-id")) {
            DSI_TRY(dsi_json_i32(&p->r, &s->schema_id, p->err));
        } else if (dsi_json_key_is(key, "identifier-field-ids")) {
            DSI_TRY(parse_identifiers(p, s));
        } else if (dsi_json_key_is(key, "type") || dsi_json_key_is(key, "fields")) {
            DSI_TRY(parse_nested_member(p, &n, key));
        } else {
            DSI_TRY(dsi_json_skip(&p->r, NULL, p->err));
        }
    }
    DSI_TRY(rc);
    if (strcmp(n.kind, "struct") != 0) {
        return dsi_corrupt(p->err, "schema: its type is 'struct', not '%.80s'", n.kind);
    }
    DSI_TRY(close_nested(p, &n, &s->root));
done:
    return rc;
}

int dsi_schema_from_json(struct ds_slice json, struct dsi_arena *arena,
                         struct dsi_schema *out, struct ds_error *err)
{
    struct parser p = {.arena = arena, .err = err};
    struct dsi_schema s = {.schema_id = 0};
    int rc = DS_OK;

    if (dsi_arena_copy(arena, json, &s.raw) < 0) {
        return dsi_no_memory(err, "reading a schema");
    }
    dsi_json_reader_init(&p.r, json, arena, "schema");
    DSI_TRY(parse_schema(&p, &s));
    DSI_TRY(dsi_json_end(&p.r, err));
    s.highest_id = p.highest;
    rc = dsi_schema_check_stored(&s, err);
    if (rc == DS_EINVALID) {
        return dsi_wrap(err, DS_ECORRUPT, "schema %d", s.schema_id);
    }
    *out = s;
done:
    return rc;
}

static void write_type(struct dsi_json_writer *w, const struct dsi_type *t, int depth);

static void write_fields(struct dsi_json_writer *w, const struct dsi_type *t, int depth)
{
    dsi_json_write_key(w, "fields");
    dsi_json_write_array_begin(w);
    for (size_t i = 0; i < t->field_count; i++) {
        const struct dsi_field *f = &t->fields[i];
        dsi_json_write_object_begin(w);
        dsi_json_write_member_i64(w, "id", f->id);
        dsi_json_write_member_string(w, "name", f->name);
        dsi_json_write_member_bool(w, "required", f->required);
        dsi_json_write_key(w, "type");
        write_type(w, &f->type, depth + 1);
        if (f->doc) {
            dsi_json_write_member_string(w, "doc", f->doc);
        }
        if (f->initial_default) {
            dsi_json_write_member_raw(w, "initial-default",
                                      dsi_slice_text(f->initial_default));
        }
        if (f->write_default) {
            dsi_json_write_member_raw(w, "write-default",
                                      dsi_slice_text(f->write_default));
        }
        dsi_json_write_object_end(w);
    }
    dsi_json_write_array_end(w);
}

static void write_nested(struct dsi_json_writer *w, const struct dsi_type *t, int depth)
{
    dsi_json_write_object_begin(w);
    if (t->kind == DSI_TYPE_STRUCT) {
        dsi_json_write_member_string(w, "type", "struct");
        write_fields(w, t, depth);
    } else if (t->kind == DSI_TYPE_LIST) {
        dsi_json_write_member_string(w, "type", "list");
        dsi_json_write_member_i64(w, "element-id", t->fields[0].id);
        dsi_json_write_key(w, "element");
        write_type(w, &t->fields[0].type, depth + 1);
        dsi_json_write_member_bool(w, "element-required", t->fields[0].required);
    } else {
        dsi_json_write_member_string(w, "type", "map");
        dsi_json_write_member_i64(w, "key-id", t->fields[0].id);
        dsi_json_write_key(w, "key");
        write_type(w, &t->fields[0].type, depth + 1);
        dsi_json_write_member_i64(w, "value-id", t->fields[1].id);
        dsi_json_write_key(w, "value");
        write_type(w, &t->fields[1].type, depth + 1);
        dsi_json_write_member_bool(w, "value-required", t->fields[1].required);
    }
    dsi_json_write_object_end(w);
}

static void write_type(struct dsi_json_writer *w, const struct dsi_type *t, int depth)
{
    char text[64];
    if (depth > DSI_TYPE_DEPTH_MAX) {
        if (w->rc == DS_OK) {
            w->rc = dsi_fail(w->err, DS_EINVALID, "types nested more than %d deep",
                             DSI_TYPE_DEPTH_MAX);
        }
    } else if (!dsi_type_is_primitive(t)) {
        write_nested(w, t, depth);
    } else if (t->text) {
        dsi_json_write_string(w, t->text);
    } else {
        dsi_type_format(t, text, sizeof text);
        dsi_json_write_string(w, text);
    }
}

int dsi_schema_to_json(const struct dsi_schema *s, struct dsi_buf *out,
                       struct ds_error *err)
{
    struct dsi_json_writer w;
    dsi_json_writer_init(&w, out, err);
    if (s->raw.size > 0) {
        dsi_json_write_raw(&w, s->raw);
        return dsi_json_writer_finish(&w);
    }
    dsi_json_write_object_begin(&w);
    dsi_json_write_member_string(&w, "type", "struct");
    dsi_json_write_member_i64(&w, "schema-id", s->schema_id);
    if (s->identifier_count > 0) {
        dsi_json_write_key(&w, "identifier-field-ids");
        dsi_json_write_array_begin(&w);
        for (size_t i = 0; i < s->identifier_count; i++) {
            dsi_json_write_i64(&w, s->identifier_ids[i]);
        }
        dsi_json_write_array_end(&w);
    }
    write_fields(&w, &s->root, 0);
    dsi_json_write_object_end(&w);
    return dsi_json_writer_finish(&w);
}
