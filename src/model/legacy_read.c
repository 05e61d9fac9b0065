// The metadata JSON of DataShard's own layout, read.
#include "model/legacy.h"

#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/text.h"
#include "codec/json/json_reader.h"

enum { LISTS_MAX = 8, PROPERTIES_MAX = 10000 };

struct reading {
    struct dsi_json_reader r;
    struct dsi_legacy *l;
};

static int no_memory(struct ds_error *err)
{
    return dsi_no_memory(err, "reading DataShard's metadata");
}

bool dsi_legacy_is(struct ds_slice json)
{
    struct dsi_arena arena = DSI_ARENA_INIT;
    struct dsi_json_reader r;
    struct ds_slice key = {NULL, 0};
    bool theirs = false;
    bool iceberg = false;

    dsi_json_reader_init(&r, json, &arena, "metadata");
    int rc = dsi_json_object_begin(&r, NULL);
    while (rc >= 0 && dsi_json_object_next(&r, &key, NULL) == DS_ROW) {
        theirs = theirs || dsi_json_key_is(key, "format_version");
        iceberg = iceberg || dsi_json_key_is(key, "format-version");
        rc = dsi_json_skip(&r, NULL, NULL);
    }
    dsi_arena_release(&arena);
    return theirs && !iceberg;
}

void dsi_legacy_release(struct dsi_legacy *l)
{
    dsi_arena_release(&l->arena);
    *l = (struct dsi_legacy){.arena = DSI_ARENA_INIT};
}

struct dsi_legacy_schema *dsi_legacy_current(const struct dsi_legacy *l)
{
    for (size_t i = 0; i < l->schema_count; i++) {
        if (l->schemas[i].schema_id == l->current_schema_id) {
            return &l->schemas[i];
        }
    }
    return NULL;
}

static bool is_ours(enum dsi_type_kind kind)
{
    return kind <= DSI_TYPE_TIMESTAMPTZ || kind == DSI_TYPE_STRING ||
           kind == DSI_TYPE_FIXED || kind == DSI_TYPE_BINARY;
}

bool dsi_legacy_type(const char *text, struct dsi_arena *arena,
                     struct dsi_legacy_field *out)
{
    struct dsi_type type = {0};
    size_t size = strlen(text);
    char name[64] = "string"; // What DataShard wrote for whatever it did not know.

    out->lists = 0;
    out->was = dsi_arena_strdup(arena, text);
    while (size > 6 && strncmp(text, "list<", 5) == 0 && text[size - 1] == '>' &&
           out->lists < LISTS_MAX) {
        text += 5;
        size -= 6;
        out->lists++;
    }
    char *inner = dsi_arena_strndup(arena, text, size);
    if (!inner || !out->was) {
        return false;
    }
    if (strcmp(inner, "fixed") == 0) {
        snprintf(name, sizeof name, "binary");
    } else if (dsi_type_parse(inner, arena, &type, NULL) == DS_OK && is_ours(type.kind)) {
        dsi_type_format(&type, name, sizeof name);
    }
    out->type = dsi_arena_printf(arena, "\"%s\"", name);
    if (strcmp(name, inner) == 0) {
        out->was = NULL;
    }
    return out->type != NULL;
}

// "long", {"type": "long"}: DataShard looks at the innermost name and nothing else.
static int read_type(struct reading *p, struct dsi_legacy_field *f, struct ds_error *err)
{
    enum dsi_json_kind kind = DSI_JSON_NULL;
    struct ds_slice key = {NULL, 0};
    const char *text = "string";
    int rc = DS_OK;

    DSI_TRY(dsi_json_peek(&p->r, &kind, err));
    if (kind == DSI_JSON_STRING) {
        DSI_TRY(dsi_json_string(&p->r, &text, err));
    } else if (kind == DSI_JSON_OBJECT) {
        DSI_TRY(dsi_json_object_begin(&p->r, err));
        while ((rc = dsi_json_object_next(&p->r, &key, err)) == DS_ROW) {
            DSI_TRY(dsi_json_peek(&p->r, &kind, err));
            if (dsi_json_key_is(key, "type") && kind == DSI_JSON_STRING) {
                DSI_TRY(dsi_json_string(&p->r, &text, err));
            } else {
                DSI_TRY(dsi_json_skip(&p->r, NULL, err));
            }
        }
        DSI_TRY(rc);
    } else {
        DSI_TRY(dsi_json_skip(&p->r, NULL, err));
    }
    rc = dsi_legacy_type(text, &p->l->arena, f) ? DS_OK : no_memory(err);
done:
    return rc;
}

// A number, or 0 for whatever else stands there.
static int read_id(struct reading *p, int32_t *out, struct ds_error *err)
{
    struct ds_slice raw = {NULL, 0};
    int64_t id = 0;
    int rc = dsi_json_skip(&p->r, &raw, err);

    if (rc < 0) {
        return rc;
    }
    bool fits = dsi_text_to_i64((const char *)raw.data, raw.size, &id) && id > 0 &&
                id <= DSI_FIELD_ID_MAX;
    *out = fits ? (int32_t)id : 0;
    return DS_OK;
}

static int read_field(struct reading *p, struct dsi_legacy_field *f, struct ds_error *err)
{
    struct ds_slice key = {NULL, 0};
    enum dsi_json_kind kind = DSI_JSON_NULL;
    int rc = DS_OK;

    if (!dsi_legacy_type("string", &p->l->arena, f)) {
        return no_memory(err);
    }
    DSI_TRY(dsi_json_object_begin(&p->r, err));
    while ((rc = dsi_json_object_next(&p->r, &key, err)) == DS_ROW) {
        DSI_TRY(dsi_json_peek(&p->r, &kind, err));
        if (dsi_json_key_is(key, "id")) {
            DSI_TRY(read_id(p, &f->id, err));
        } else if (dsi_json_key_is(key, "name")) {
            DSI_TRY(dsi_json_string(&p->r, &f->name, err));
        } else if (dsi_json_key_is(key, "type")) {
            DSI_TRY(read_type(p, f, err));
        } else if (dsi_json_key_is(key, "required") && kind == DSI_JSON_BOOL) {
            DSI_TRY(dsi_json_bool(&p->r, &f->required, err));
        } else if (dsi_json_key_is(key, "doc") && kind == DSI_JSON_STRING) {
            DSI_TRY(dsi_json_string(&p->r, &f->doc, err));
        } else {
            DSI_TRY(dsi_json_skip(&p->r, NULL, err));
        }
    }
    DSI_TRY(rc);
    if (!f->name || f->name[0] == '\0') {
        rc = dsi_corrupt(err, "a field of a schema has no name");
    }
done:
    return rc;
}

static int read_fields(struct reading *p, struct dsi_legacy_schema *s,
                       struct ds_error *err)
{
    int rc = DS_OK;

    s->count = 0;
    DSI_TRY(dsi_json_array_begin(&p->r, err));
    while ((rc = dsi_json_array_next(&p->r, err)) == DS_ROW) {
        s->fields = dsi_arena_grow(&p->l->arena, s->fields, s->count, sizeof *s->fields);
        if (!s->fields) {
            return no_memory(err);
        }
        DSI_TRY(read_field(p, &s->fields[s->count], err));
        s->count++;
    }
done:
    return rc;
}

static int read_schema(struct reading *p, struct ds_error *err)
{
    struct dsi_legacy *l = p->l;
    struct dsi_legacy_schema *s = NULL;
    struct ds_slice key = {NULL, 0};
    int rc = DS_OK;

    l->schemas =
        dsi_arena_grow(&l->arena, l->schemas, l->schema_count, sizeof *l->schemas);
    if (!l->schemas) {
        return no_memory(err);
    }
    s = &l->schemas[l->schema_count];
    DSI_TRY(dsi_json_object_begin(&p->r, err));
    while ((rc = dsi_json_object_next(&p->r, &key, err)) == DS_ROW) {
        if (dsi_json_key_is(key, "schema_id")) {
            DSI_TRY(dsi_json_i32(&p->r, &s->schema_id, err));
        } else if (dsi_json_key_is(key, "fields")) {
            DSI_TRY(read_fields(p, s, err));
        } else {
            DSI_TRY(dsi_json_skip(&p->r, NULL, err));
        }
    }
    DSI_TRY(rc);
    l->schema_count++;
done:
    return rc;
}

// Of the specs only the names of their fields, to tell that they were left out.
static int read_spec_field(struct reading *p, struct ds_error *err)
{
    struct dsi_legacy *l = p->l;
    struct ds_slice key = {NULL, 0};
    const char *name = "?";
    int rc = DS_OK;

    DSI_TRY(dsi_json_object_begin(&p->r, err));
    while ((rc = dsi_json_object_next(&p->r, &key, err)) == DS_ROW) {
        if (dsi_json_key_is(key, "name")) {
            DSI_TRY(dsi_json_string(&p->r, &name, err));
        } else {
            DSI_TRY(dsi_json_skip(&p->r, NULL, err));
        }
    }
    DSI_TRY(rc);
    l->partition_fields =
        dsi_arena_grow(&l->arena, l->partition_fields, l->partition_field_count,
                       sizeof *l->partition_fields);
    if (!l->partition_fields) {
        return no_memory(err);
    }
    l->partition_fields[l->partition_field_count++] = name;
done:
    return rc;
}

static int read_spec(struct reading *p, struct ds_error *err)
{
    struct ds_slice key = {NULL, 0};
    int rc = DS_OK;

    DSI_TRY(dsi_json_object_begin(&p->r, err));
    while ((rc = dsi_json_object_next(&p->r, &key, err)) == DS_ROW) {
        if (!dsi_json_key_is(key, "fields")) {
            DSI_TRY(dsi_json_skip(&p->r, NULL, err));
            continue;
        }
        DSI_TRY(dsi_json_array_begin(&p->r, err));
        while ((rc = dsi_json_array_next(&p->r, err)) == DS_ROW) {
            DSI_TRY(read_spec_field(p, err));
        }
        DSI_TRY(rc);
    }
done:
    return rc;
}

// Any value as text, as a property must be; NULL for null.
static int read_text(struct reading *p, const char **out, struct ds_error *err)
{
    enum dsi_json_kind kind = DSI_JSON_NULL;
    struct ds_slice raw = {NULL, 0};
    int rc = DS_OK;

    *out = NULL;
    DSI_TRY(dsi_json_peek(&p->r, &kind, err));
    if (kind == DSI_JSON_STRING) {
        DSI_TRY(dsi_json_string(&p->r, out, err));
        goto done;
    }
    DSI_TRY(dsi_json_skip(&p->r, &raw, err));
    if (kind != DSI_JSON_NULL) {
        *out = dsi_arena_strndup(&p->l->arena, (const char *)raw.data, raw.size);
        rc = *out ? DS_OK : no_memory(err);
    }
done:
    return rc;
}

static bool has_key(const struct ds_property *items, size_t count, const char *key)
{
    for (size_t i = 0; i < count; i++) {
        if (strcmp(items[i].key, key) == 0) {
            return true;
        }
    }
    return false;
}

static int read_properties(struct reading *p, struct ds_property **items, size_t *count,
                           struct ds_error *err)
{
    struct ds_slice key = {NULL, 0};
    bool null = false;
    int rc = DS_OK;

    DSI_TRY(dsi_json_null(&p->r, &null, err));
    if (null) {
        return DS_OK;
    }
    DSI_TRY(dsi_json_object_begin(&p->r, err));
    while ((rc = dsi_json_object_next(&p->r, &key, err)) == DS_ROW) {
        const char *name = NULL;
        const char *value = NULL;
        DSI_TRY(dsi_json_key_text(&p->r, key, &name, err));
        DSI_TRY(read_text(p, &value, err));
        if (!value || has_key(*items, *count, name)) {
            continue;
        }
        if (*count == PROPERTIES_MAX) {
            return dsi_corrupt(err, "more than %d properties in one place",
                               PROPERTIES_MAX);
        }
        *items = dsi_arena_grow(&p->l->arena, *items, *count, sizeof **items);
        if (!*items) {
            return no_memory(err);
        }
        (*items)[(*count)++] = (struct ds_property){name, value};
    }
done:
    return rc;
}

static int read_table_properties(struct reading *p, struct ds_error *err)
{
    return read_properties(p, &p->l->properties, &p->l->property_count, err);
}

// A number; null leaves what is there.
static int read_number(struct reading *p, int64_t *out, struct ds_error *err)
{
    bool null = false;
    int rc = dsi_json_null(&p->r, &null, err);
    return rc < 0 || null ? rc : dsi_json_i64(&p->r, out, err);
}

static int read_snapshot_member(struct reading *p, struct dsi_legacy_snapshot *s,
                                struct ds_slice key, struct ds_error *err)
{
    int64_t schema_id = -1;
    int rc = DS_OK;

    if (dsi_json_key_is(key, "snapshot_id")) {
        return read_number(p, &s->snapshot_id, err);
    }
    if (dsi_json_key_is(key, "parent_snapshot_id")) {
        return read_number(p, &s->parent_id, err);
    }
    if (dsi_json_key_is(key, "sequence_number")) {
        return read_number(p, &s->sequence_number, err);
    }
    if (dsi_json_key_is(key, "timestamp_ms")) {
        return read_number(p, &s->timestamp_ms, err);
    }
    if (dsi_json_key_is(key, "schema_id")) {
        rc = read_number(p, &schema_id, err);
        s->schema_id = schema_id >= 0 && schema_id <= INT32_MAX ? (int32_t)schema_id : -1;
        return rc;
    }
    if (dsi_json_key_is(key, "manifest_list")) {
        return read_text(p, &s->manifest_list, err);
    }
    if (dsi_json_key_is(key, "operation")) {
        return read_text(p, &s->operation, err);
    }
    if (dsi_json_key_is(key, "summary")) {
        return read_properties(p, &s->summary, &s->summary_count, err);
    }
    return dsi_json_skip(&p->r, NULL, err);
}

static int read_snapshot(struct reading *p, struct ds_error *err)
{
    struct dsi_legacy *l = p->l;
    struct dsi_legacy_snapshot *s = NULL;
    struct ds_slice key = {NULL, 0};
    int rc = DS_OK;

    l->snapshots =
        dsi_arena_grow(&l->arena, l->snapshots, l->snapshot_count, sizeof *l->snapshots);
    if (!l->snapshots) {
        return no_memory(err);
    }
    s = &l->snapshots[l->snapshot_count];
    *s = (struct dsi_legacy_snapshot){.snapshot_id = DSI_SNAPSHOT_NONE,
                                      .parent_id = DSI_SNAPSHOT_NONE,
                                      .sequence_number = -1,
                                      .timestamp_ms = -1,
                                      .schema_id = -1};
    DSI_TRY(dsi_json_object_begin(&p->r, err));
    while ((rc = dsi_json_object_next(&p->r, &key, err)) == DS_ROW) {
        DSI_TRY(read_snapshot_member(p, s, key, err));
    }
    DSI_TRY(rc);
    if (s->snapshot_id < 0 || s->timestamp_ms < 0 || !s->manifest_list) {
        return dsi_corrupt(err, "a snapshot has no '%s'",
                           s->snapshot_id < 0    ? "snapshot_id"
                           : s->timestamp_ms < 0 ? "timestamp_ms"
                                                 : "manifest_list");
    }
    DSI_TRY(dsi_legacy_path(l->location, s->manifest_list, &l->arena, &s->manifest_list,
                            err));
    l->snapshot_count++;
done:
    return rc;
}

static int read_log_entry(struct reading *p, struct ds_error *err)
{
    struct dsi_legacy *l = p->l;
    struct dsi_snapshot_log_entry e = {.timestamp_ms = -1, .snapshot_id = -1};
    struct ds_slice key = {NULL, 0};
    int rc = DS_OK;

    DSI_TRY(dsi_json_object_begin(&p->r, err));
    while ((rc = dsi_json_object_next(&p->r, &key, err)) == DS_ROW) {
        if (dsi_json_key_is(key, "timestamp_ms")) {
            DSI_TRY(read_number(p, &e.timestamp_ms, err));
        } else if (dsi_json_key_is(key, "snapshot_id")) {
            DSI_TRY(read_number(p, &e.snapshot_id, err));
        } else {
            DSI_TRY(dsi_json_skip(&p->r, NULL, err));
        }
    }
    DSI_TRY(rc);
    l->log = dsi_arena_grow(&l->arena, l->log, l->log_count, sizeof *l->log);
    if (!l->log) {
        return no_memory(err);
    }
    l->log[l->log_count++] = e;
done:
    return rc;
}

static int read_array(struct reading *p,
                      int (*item)(struct reading *p, struct ds_error *err),
                      struct ds_error *err)
{
    bool null = false;
    int rc = DS_OK;

    DSI_TRY(dsi_json_null(&p->r, &null, err));
    if (null) {
        return DS_OK;
    }
    DSI_TRY(dsi_json_array_begin(&p->r, err));
    while ((rc = dsi_json_array_next(&p->r, err)) == DS_ROW) {
        DSI_TRY(item(p, err));
    }
done:
    return rc;
}

static int read_version(struct reading *p, struct ds_error *err)
{
    int64_t version = 0;
    int rc = read_number(p, &version, err);

    if (rc == DS_OK && (version < 1 || version > 2)) {
        return dsi_fail(err, DS_EUNSUPPORTED,
                        "DataShard's metadata has format version %lld; 1 and 2 are known",
                        (long long)version);
    }
    return rc;
}

static int read_member(struct reading *p, struct ds_slice key, struct ds_error *err)
{
    static const struct {
        const char *key;
        int (*item)(struct reading *p, struct ds_error *err);
    } arrays[] = {{"schemas", read_schema},
                  {"partition_specs", read_spec},
                  {"snapshots", read_snapshot},
                  {"snapshot_log", read_log_entry}};
    struct dsi_legacy *l = p->l;
    int64_t id = 0;

    for (size_t i = 0; i < sizeof arrays / sizeof arrays[0]; i++) {
        if (dsi_json_key_is(key, arrays[i].key)) {
            return read_array(p, arrays[i].item, err);
        }
    }
    if (dsi_json_key_is(key, "format_version")) {
        return read_version(p, err);
    }
    if (dsi_json_key_is(key, "table_uuid")) {
        return read_text(p, &l->table_uuid, err);
    }
    if (dsi_json_key_is(key, "last_sequence_number")) {
        return read_number(p, &l->last_sequence_number, err);
    }
    if (dsi_json_key_is(key, "last_updated_ms")) {
        return read_number(p, &l->last_updated_ms, err);
    }
    if (dsi_json_key_is(key, "current_snapshot_id")) {
        return read_number(p, &l->current_snapshot_id, err);
    }
    if (dsi_json_key_is(key, "current_schema_id")) {
        int rc = read_number(p, &id, err);
        l->current_schema_id = id >= 0 && id <= INT32_MAX ? (int32_t)id : -1;
        return rc;
    }
    if (dsi_json_key_is(key, "properties")) {
        return read_table_properties(p, err);
    }
    return dsi_json_skip(&p->r, NULL, err);
}

int dsi_legacy_read(struct ds_slice json, const char *location, struct dsi_legacy *out,
                    struct ds_error *err)
{
    struct reading p = {.l = out};
    struct ds_slice key = {NULL, 0};
    int rc = DS_OK;

    *out = (struct dsi_legacy){.arena = DSI_ARENA_INIT,
                               .current_snapshot_id = DSI_SNAPSHOT_NONE};
    out->location = dsi_arena_strdup(&out->arena, location);
    if (!out->location) {
        return no_memory(err);
    }
    dsi_json_reader_init(&p.r, json, &out->arena, "DataShard's metadata");
    DSI_TRY(dsi_json_object_begin(&p.r, err));
    while ((rc = dsi_json_object_next(&p.r, &key, err)) == DS_ROW) {
        DSI_TRY(read_member(&p, key, err));
    }
    DSI_TRY(rc);
    DSI_TRY(dsi_json_end(&p.r, err));
    if (!out->table_uuid) {
        rc = dsi_corrupt(err, "DataShard's metadata has no 'table_uuid'");
    }
done:
    return rc;
}
