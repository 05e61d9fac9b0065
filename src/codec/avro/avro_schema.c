#include "codec/avro/avro_schema.h"

#include <assert.h>
#include <string.h>

#include "base/error.h"
#include "base/map.h"
#include "base/text.h"
#include "codec/json/json_reader.h"

// Larger lower bounds say no more: no block of a file holds so much.
enum { SIZE_MIN_MAX = 1 << 30, FIXED_SIZE_MAX = 1 << 30, PRECISION_MAX = 38 };

struct parser {
    struct dsi_arena *arena;
    struct dsi_map names; // Full name -> struct dsi_avro_type.
    size_t field_count;
    size_t empty_field_count;
};

// The members of a type's JSON object; the inner ones as text, because they may stand in
// front of the name that they are to be known by.
struct attributes {
    const char *name;
    const char *namespace;
    const char *logical;
    struct ds_slice type;
    struct ds_slice fields;
    struct ds_slice items;
    struct ds_slice values;
    struct ds_slice symbols;
    int64_t size;
    int32_t precision;
    int32_t scale;
    int32_t element_id;
    int32_t key_id;
    int32_t value_id;
    bool adjust_to_utc;
};

// Where a type stands: the namespace around it, and how deep it is.
struct place {
    const char *namespace; // NULL: none.
    int depth;
};

static const struct {
    const char *name;
    size_t size_min;
} kinds[] = {
    [DSI_AVRO_NULL] = {"null", 0},     [DSI_AVRO_BOOLEAN] = {"boolean", 1},
    [DSI_AVRO_INT] = {"int", 1},       [DSI_AVRO_LONG] = {"long", 1},
    [DSI_AVRO_FLOAT] = {"float", 4},   [DSI_AVRO_DOUBLE] = {"double", 8},
    [DSI_AVRO_BYTES] = {"bytes", 1},   [DSI_AVRO_STRING] = {"string", 1},
    [DSI_AVRO_RECORD] = {"record", 0}, [DSI_AVRO_ENUM] = {"enum", 1},
    [DSI_AVRO_ARRAY] = {"array", 1},   [DSI_AVRO_MAP] = {"map", 1},
    [DSI_AVRO_UNION] = {"union", 1},   [DSI_AVRO_FIXED] = {"fixed", 0},
};

enum { KIND_COUNT = sizeof kinds / sizeof kinds[0] };

// Each logical type with the kind it annotates; a decimal and a uuid have two.
static const struct {
    const char *name;
    enum dsi_avro_logical logical;
    enum dsi_avro_kind kind;
} logicals[] = {
    {"decimal", DSI_AVRO_LOGICAL_DECIMAL, DSI_AVRO_FIXED},
    {"decimal", DSI_AVRO_LOGICAL_DECIMAL, DSI_AVRO_BYTES},
    {"uuid", DSI_AVRO_LOGICAL_UUID, DSI_AVRO_FIXED},
    {"uuid", DSI_AVRO_LOGICAL_UUID, DSI_AVRO_STRING},
    {"date", DSI_AVRO_LOGICAL_DATE, DSI_AVRO_INT},
    {"time-millis", DSI_AVRO_LOGICAL_TIME_MILLIS, DSI_AVRO_INT},
    {"time-micros", DSI_AVRO_LOGICAL_TIME_MICROS, DSI_AVRO_LONG},
    {"timestamp-millis", DSI_AVRO_LOGICAL_TIMESTAMP_MILLIS, DSI_AVRO_LONG},
    {"timestamp-micros", DSI_AVRO_LOGICAL_TIMESTAMP_MICROS, DSI_AVRO_LONG},
    {"timestamp-nanos", DSI_AVRO_LOGICAL_TIMESTAMP_NANOS, DSI_AVRO_LONG},
    {"local-timestamp-millis", DSI_AVRO_LOGICAL_TIMESTAMP_MILLIS, DSI_AVRO_LONG},
    {"local-timestamp-micros", DSI_AVRO_LOGICAL_TIMESTAMP_MICROS, DSI_AVRO_LONG},
    {"local-timestamp-nanos", DSI_AVRO_LOGICAL_TIMESTAMP_NANOS, DSI_AVRO_LONG},
    {"map", DSI_AVRO_LOGICAL_MAP, DSI_AVRO_ARRAY},
};

const char *dsi_avro_kind_name(enum dsi_avro_kind kind)
{
    return (size_t)kind < KIND_COUNT ? kinds[kind].name : "?";
}

static int parse_type(struct parser *p, struct ds_slice json, struct place at,
                      const struct dsi_avro_type **out, struct ds_error *err);

static int member(struct dsi_json_reader *r, struct ds_slice key, struct attributes *a,
                  struct ds_error *err)
{
    static const struct {
        const char *key;
        size_t offset;
    } texts[] = {{"type", offsetof(struct attributes, type)},
                 {"fields", offsetof(struct attributes, fields)},
                 {"items", offsetof(struct attributes, items)},
                 {"values", offsetof(struct attributes, values)},
                 {"symbols", offsetof(struct attributes, symbols)}},
      strings[] = {{"name", offsetof(struct attributes, name)},
                   {"namespace", offsetof(struct attributes, namespace)},
                   {"logicalType", offsetof(struct attributes, logical)}},
      numbers[] = {{"precision", offsetof(struct attributes, precision)},
                   {"scale", offsetof(struct attributes, scale)},
                   {"element-id", offsetof(struct attributes, element_id)},
                   {"key-id", offsetof(struct attributes, key_id)},
                   {"value-id", offsetof(struct attributes, value_id)}};
    char *base = (char *)a;

    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        if (dsi_json_key_is(key, texts[i].key)) {
            return dsi_json_skip(r, (void *)(base + texts[i].offset), err);
        }
    }
    for (size_t i = 0; i < sizeof strings / sizeof strings[0]; i++) {
        if (dsi_json_key_is(key, strings[i].key)) {
            return dsi_json_string(r, (void *)(base + strings[i].offset), err);
        }
    }
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
        if (dsi_json_key_is(key, numbers[i].key)) {
            return dsi_json_i32(r, (void *)(base + numbers[i].offset), err);
        }
    }
    if (dsi_json_key_is(key, "size")) {
        return dsi_json_i64(r, &a->size, err);
    }
    if (dsi_json_key_is(key, "adjust-to-utc")) {
        return dsi_json_bool(r, &a->adjust_to_utc, err);
    }
    return dsi_json_skip(r, NULL, err); // "doc", "aliases", "order", and all the rest.
}

static int read_attributes(struct dsi_json_reader *r, struct attributes *a,
                           struct ds_error *err)
{
    struct ds_slice key = {NULL, 0};
    int rc = DS_OK;

    *a = (struct attributes){.size = -1,
                             .element_id = DSI_AVRO_ID_NONE,
                             .key_id = DSI_AVRO_ID_NONE,
                             .value_id = DSI_AVRO_ID_NONE};
    DSI_TRY(dsi_json_object_begin(r, err));
    while ((rc = dsi_json_object_next(r, &key, err)) == DS_ROW) {
        DSI_TRY(member(r, key, a, err));
    }
    if (rc == DS_OK && !a->type.data) {
        rc = dsi_corrupt(err, "avro schema: a type without \"type\"");
    }
done:
    return rc;
}

// "a.b.C" stays; "C" gets the namespace in front. The namespace for what is inside is
// what stands before the last dot.
static int full_name(struct parser *p, const char *name, struct place at,
                     const char **out, struct ds_error *err)
{
    *out = name;
    if (!strchr(name, '.') && at.namespace && at.namespace[0]) {
        *out = dsi_arena_printf(p->arena, "%s.%s", at.namespace, name);
    }
    return *out ? DS_OK : dsi_no_memory(err, "avro schema");
}

static int define(struct parser *p, struct dsi_avro_type *t, const struct attributes *a,
                  struct place *at, struct ds_error *err)
{
    const char *dot = NULL;
    int rc = DS_OK;

    if (!a->name || !a->name[0]) {
        return dsi_corrupt(err, "avro schema: a %s without a name",
                           dsi_avro_kind_name(t->kind));
    }
    if (a->namespace) {
        at->namespace = a->namespace;
    }
    DSI_TRY(full_name(p, a->name, *at, &t->name, err));
    dot = strrchr(t->name, '.');
    if (dot) {
        at->namespace = dsi_arena_strndup(p->arena, t->name, (size_t)(dot - t->name));
        if (!at->namespace) {
            return dsi_no_memory(err, "avro schema");
        }
    }
    if (dsi_map_get_text(&p->names, t->name)) {
        return dsi_corrupt(err, "avro schema: the type %s is defined twice", t->name);
    }
    DSI_TRY(dsi_map_put_text(&p->names, t->name, t, err));
done:
    return rc;
}

static int find_named(struct parser *p, const char *name, struct place at,
                      const struct dsi_avro_type **out, struct ds_error *err)
{
    const char *full = NULL;
    int rc = full_name(p, name, at, &full, err);

    if (rc < 0) {
        return rc;
    }
    *out = dsi_map_get_text(&p->names, full);
    if (!*out) { // Some writers leave the namespace out.
        *out = dsi_map_get_text(&p->names, name);
    }
    return *out ? DS_OK : dsi_corrupt(err, "avro schema: unknown type \"%s\"", name);
}

static void set_logical(struct dsi_avro_type *t, const struct attributes *a)
{
    t->adjust_to_utc = a->adjust_to_utc;
    for (size_t i = 0; a->logical && i < sizeof logicals / sizeof logicals[0]; i++) {
        if (logicals[i].kind == t->kind && strcmp(logicals[i].name, a->logical) == 0) {
            t->logical = logicals[i].logical;
        }
    }
    bool decimal = a->precision >= 1 && a->precision <= PRECISION_MAX && a->scale >= 0 &&
                   a->scale <= a->precision;
    if (t->logical == DSI_AVRO_LOGICAL_DECIMAL && !decimal) {
        t->logical = DSI_AVRO_LOGICAL_NONE;
    } else if (t->logical == DSI_AVRO_LOGICAL_UUID && t->kind == DSI_AVRO_FIXED &&
               t->size != 16) {
        t->logical = DSI_AVRO_LOGICAL_NONE;
    } else if (t->logical == DSI_AVRO_LOGICAL_DECIMAL) {
        t->precision = a->precision;
        t->scale = a->scale;
    }
}

static int count_elements(struct ds_slice json, struct dsi_arena *arena, size_t *count,
                          struct ds_error *err)
{
    struct dsi_json_reader r;
    int rc = DS_OK;

    dsi_json_reader_init_checked(&r, json, arena, "avro schema");
    *count = 0;
    DSI_TRY(dsi_json_array_begin(&r, err));
    while ((rc = dsi_json_array_next(&r, err)) == DS_ROW) {
        DSI_TRY(dsi_json_skip(&r, NULL, err));
        (*count)++;
    }
done:
    return rc;
}

static int parse_field(struct parser *p, struct dsi_json_reader *r, struct place at,
                       struct dsi_avro_field *f, struct ds_error *err)
{
    struct ds_slice key = {NULL, 0};
    struct ds_slice type = {NULL, 0};
    int rc = DS_OK;

    f->id = DSI_AVRO_ID_NONE;
    DSI_TRY(dsi_json_object_begin(r, err));
    while ((rc = dsi_json_object_next(r, &key, err)) == DS_ROW) {
        if (dsi_json_key_is(key, "name")) {
            DSI_TRY(dsi_json_string(r, &f->name, err));
        } else if (dsi_json_key_is(key, "type")) {
            DSI_TRY(dsi_json_skip(r, &type, err));
        } else if (dsi_json_key_is(key, "field-id")) {
            DSI_TRY(dsi_json_i32(r, &f->id, err));
        } else {
            DSI_TRY(dsi_json_skip(r, NULL, err)); // "default", "doc", "order", …
        }
    }
    DSI_TRY(rc);
    if (!f->name || !type.data) {
        rc = dsi_corrupt(err, "avro schema: a field without a name or a type");
        goto done;
    }
    rc = parse_type(p, type, at, &f->type, err);
    if (rc < 0) {
        rc = dsi_wrap(err, rc, "field \"%.64s\"", f->name);
    }
done:
    return rc;
}

static int parse_record(struct parser *p, const struct attributes *a, struct place at,
                        struct dsi_avro_type *t, struct ds_error *err)
{
    struct dsi_json_reader r;
    struct dsi_avro_field *fields = NULL;
    size_t size_min = 0;
    int rc = DS_OK;

    if (!a->fields.data) {
        return dsi_corrupt(err, "avro schema: the record %s has no \"fields\"", t->name);
    }
    DSI_TRY(count_elements(a->fields, p->arena, &t->field_count, err));
    p->field_count += t->field_count;
    if (p->field_count > DSI_AVRO_FIELDS_MAX) {
        return dsi_corrupt(err, "avro schema: more than %d fields", DSI_AVRO_FIELDS_MAX);
    }
    fields = dsi_arena_array(p->arena, t->field_count, sizeof *fields);
    if (!fields) {
        return dsi_no_memory(err, "avro schema");
    }
    t->fields = fields;
    t->size_min =
        1; // While it is open: a value of a type that holds itself is not empty.
    dsi_json_reader_init_checked(&r, a->fields, p->arena, "avro schema");
    DSI_TRY(dsi_json_array_begin(&r, err));
    for (size_t i = 0; i < t->field_count; i++) {
        DSI_TRY(dsi_json_array_next(&r, err));
        DSI_TRY(parse_field(p, &r, at, &fields[i], err));
        size_min += fields[i].type->size_min;
        size_min = size_min < SIZE_MIN_MAX ? size_min : SIZE_MIN_MAX;
        p->empty_field_count += fields[i].type->size_min == 0;
    }
    if (p->empty_field_count > DSI_AVRO_EMPTY_FIELDS_MAX) {
        return dsi_corrupt(err, "avro schema: more than %d fields without content",
                           DSI_AVRO_EMPTY_FIELDS_MAX);
    }
    t->size_min = size_min;
    rc = DS_OK;
done:
    return rc;
}

static int parse_named(struct parser *p, const struct attributes *a, struct place at,
                       struct dsi_avro_type *t, struct ds_error *err)
{
    int rc = define(p, t, a, &at, err);

    if (rc < 0) {
        return rc;
    }
    if (t->kind == DSI_AVRO_RECORD) {
        return parse_record(p, a, at, t, err);
    }
    if (t->kind == DSI_AVRO_ENUM) {
        return a->symbols.data
                   ? count_elements(a->symbols, p->arena, &t->symbol_count, err)
                   : dsi_corrupt(err, "avro schema: the enum %s has no symbols", t->name);
    }
    if (a->size < 0 || a->size > FIXED_SIZE_MAX) {
        return dsi_corrupt(err, "avro schema: the fixed %s has the size %lld", t->name,
                           (long long)a->size);
    }
    t->size = (size_t)a->size;
    t->size_min = t->size;
    return DS_OK;
}

static int parse_object(struct parser *p, struct dsi_json_reader *r, struct place at,
                        const struct dsi_avro_type **out, struct ds_error *err)
{
    struct attributes a;
    struct dsi_avro_type *t = NULL;
    struct ds_slice inner = {NULL, 0};
    size_t kind = 0;
    int rc = DS_OK;

    DSI_TRY(read_attributes(r, &a, err));
    while (kind < KIND_COUNT &&
           !(a.type.size == strlen(kinds[kind].name) + 2 &&
             memcmp(a.type.data + 1, kinds[kind].name, strlen(kinds[kind].name)) == 0)) {
        kind++;
    }
    if (kind == KIND_COUNT || kind == DSI_AVRO_UNION) {
        // {"type": {…}}, {"type": […]} and {"type": "a.name"} stand for what is inside.
        return parse_type(p, a.type, at, out, err);
    }
    t = dsi_arena_alloc(p->arena, sizeof *t);
    if (!t) {
        return dsi_no_memory(err, "avro schema");
    }
    *out = t;
    t->kind = (enum dsi_avro_kind)kind;
    t->size_min = kinds[kind].size_min;
    t->element_id = a.element_id;
    t->key_id = a.key_id;
    t->value_id = a.value_id;
    inner = t->kind == DSI_AVRO_ARRAY ? a.items : a.values;
    if (t->kind == DSI_AVRO_RECORD || t->kind == DSI_AVRO_ENUM ||
        t->kind == DSI_AVRO_FIXED) {
        rc = parse_named(p, &a, at, t, err);
    } else if ((t->kind == DSI_AVRO_ARRAY || t->kind == DSI_AVRO_MAP) && !inner.data) {
        rc = dsi_corrupt(err, "avro schema: an %s of nothing", kinds[kind].name);
    } else if (t->kind == DSI_AVRO_ARRAY || t->kind == DSI_AVRO_MAP) {
        rc = parse_type(p, inner, at, &t->items, err);
    }
    set_logical(t, &a);
done:
    return rc;
}

static int parse_union(struct parser *p, struct dsi_json_reader *r, struct ds_slice json,
                       struct place at, const struct dsi_avro_type **out,
                       struct ds_error *err)
{
    const struct dsi_avro_type **branches = NULL;
    struct dsi_avro_type *t = dsi_arena_alloc(p->arena, sizeof *t);
    struct ds_slice branch = {NULL, 0};
    int rc = DS_OK;

    if (!t) {
        return dsi_no_memory(err, "avro schema");
    }
    *out = t;
    t->kind = DSI_AVRO_UNION;
    t->size_min = kinds[DSI_AVRO_UNION].size_min;
    DSI_TRY(count_elements(json, p->arena, &t->branch_count, err));
    branches = dsi_arena_array(p->arena, t->branch_count, sizeof *branches);
    if (!branches) {
        return dsi_no_memory(err, "avro schema");
    }
    t->branches = branches;
    DSI_TRY(dsi_json_array_begin(r, err));
    for (size_t i = 0; i < t->branch_count; i++) {
        DSI_TRY(dsi_json_array_next(r, err));
        DSI_TRY(dsi_json_skip(r, &branch, err));
        DSI_TRY(parse_type(p, branch, at, &branches[i], err));
        if (branches[i]->kind == DSI_AVRO_UNION) {
            return dsi_corrupt(err, "avro schema: a union in a union"); // (3)
        }
    }
    rc = DS_OK;
done:
    return rc;
}

static int parse_name(struct parser *p, struct dsi_json_reader *r, struct place at,
                      const struct dsi_avro_type **out, struct ds_error *err)
{
    const char *name = NULL;
    int rc = dsi_json_string(r, &name, err);

    if (rc < 0) {
        return rc;
    }
    for (size_t i = 0; i <= DSI_AVRO_STRING; i++) { // The primitive kinds come first.
        if (strcmp(name, kinds[i].name) == 0) {
            struct dsi_avro_type *t = dsi_arena_alloc(p->arena, sizeof *t);
            if (!t) {
                return dsi_no_memory(err, "avro schema");
            }
            t->kind = (enum dsi_avro_kind)i;
            t->size_min = kinds[i].size_min;
            *out = t;
            return DS_OK;
        }
    }
    return find_named(p, name, at, out, err);
}

// Recursion is bounded by DSI_AVRO_DEPTH_MAX.
static int parse_type(struct parser *p, struct ds_slice json, struct place at,
                      const struct dsi_avro_type **out, struct ds_error *err)
{
    struct dsi_json_reader r;
    enum dsi_json_kind kind = DSI_JSON_NULL;
    int rc = DS_OK;

    if (at.depth >= DSI_AVRO_DEPTH_MAX) {
        return dsi_corrupt(err, "avro schema: nested more than %d deep",
                           DSI_AVRO_DEPTH_MAX);
    }
    at.depth++;
    dsi_json_reader_init_checked(&r, json, p->arena, "avro schema");
    DSI_TRY(dsi_json_peek(&r, &kind, err));
    switch (kind) {
    case DSI_JSON_STRING:
        DSI_TRY(parse_name(p, &r, at, out, err));
        break;
    case DSI_JSON_OBJECT:
        DSI_TRY(parse_object(p, &r, at, out, err));
        break;
    case DSI_JSON_ARRAY:
        DSI_TRY(parse_union(p, &r, json, at, out, err));
        break;
    default:
        rc = dsi_json_unexpected(&r, err, "an Avro type");
    }
done:
    return rc;
}

int dsi_avro_schema_parse(struct ds_slice json, struct dsi_arena *arena,
                          const struct dsi_avro_type **out, struct ds_error *err)
{
    struct parser p = {.arena = arena, .names = DSI_MAP_INIT};
    struct place top = {NULL, 0};
    struct dsi_json_reader r;
    int rc = DS_OK;

    *out = NULL;
    dsi_json_reader_init(&r, json, arena, "avro schema");
    DSI_TRY(
        dsi_json_skip(&r, NULL, err)); // All of it is checked before any of it is used.
    DSI_TRY(dsi_json_end(&r, err));
    DSI_TRY(parse_type(&p, json, top, out, err));
    assert(*out);
done:
    dsi_map_release(&p.names);
    return rc;
}

const struct dsi_avro_field *dsi_avro_schema_field(const struct dsi_avro_type *record,
                                                   int32_t id)
{
    for (size_t i = 0; record->kind == DSI_AVRO_RECORD && i < record->field_count; i++) {
        if (record->fields[i].id == id) {
            return &record->fields[i];
        }
    }
    return NULL;
}

const struct dsi_avro_type *dsi_avro_schema_value_type(const struct dsi_avro_type *t)
{
    const struct dsi_avro_type *found = NULL;

    if (t->kind != DSI_AVRO_UNION) {
        return t;
    }
    for (size_t i = 0; i < t->branch_count; i++) {
        if (t->branches[i]->kind != DSI_AVRO_NULL) {
            if (found) {
                return NULL;
            }
            found = t->branches[i];
        }
    }
    return found;
}
