// What DataShard's metadata say, as Iceberg metadata: written as JSON and parsed by the
// one parser, so that every rule for metadata holds for it, too.
#include "model/legacy.h"

#include <string.h>

#include "base/error.h"
#include "base/map.h"
#include "base/text.h"
#include "codec/json/json_writer.h"
#include "model/location.h"

#define NAME_MAPPING "schema.name-mapping.default"

// A column: one name, in all schemas, since data files know nothing else.
struct column {
    const char *name;
    int32_t id;
    int lists;        // The most that any schema puts around it.
    int32_t elements; // The id of the outermost list's element; the others follow.
};

struct columns {
    struct dsi_arena *arena;
    struct dsi_map by_name; // To struct column.
    struct column **all;    // In order of appearance.
    size_t count;
    int32_t last_id;
};

static int no_memory(struct ds_error *err)
{
    return dsi_no_memory(err, "reading DataShard's metadata");
}

static size_t field_count(const struct dsi_legacy *l)
{
    size_t count = 0;
    for (size_t i = 0; i < l->schema_count; i++) {
        count += l->schemas[i].count;
    }
    return count;
}

static int add_column(struct columns *c, const struct dsi_legacy_field *f,
                      struct ds_error *err)
{
    struct column *known = dsi_map_get_text(&c->by_name, f->name);

    if (known) {
        known->id = known->id == f->id ? known->id : 0;
        known->lists = f->lists > known->lists ? f->lists : known->lists;
        return DS_OK;
    }
    known = dsi_arena_alloc(c->arena, sizeof *known);
    if (!known) {
        return no_memory(err);
    }
    *known = (struct column){f->name, f->id, f->lists, 0};
    c->all[c->count++] = known;
    return dsi_map_put_text(&c->by_name, f->name, known, err);
}

// The ids as they are, if they are good: one per name, one name per id. Otherwise new
// ones: nothing that is kept was stored under them.
static int settle_ids(struct columns *c, struct ds_error *err)
{
    struct dsi_map ids = DSI_MAP_INIT;
    bool good = true;
    int rc = DS_OK;

    for (size_t i = 0; i < c->count; i++) {
        struct column *x = c->all[i];
        good = good && x->id > 0 && !dsi_map_get_int(&ids, x->id);
        DSI_TRY(dsi_map_put_int(&ids, x->id, x, err));
    }
    for (size_t i = 0; i < c->count; i++) {
        struct column *x = c->all[i];
        x->id = good ? x->id : (int32_t)i + 1;
        c->last_id = x->id > c->last_id ? x->id : c->last_id;
    }
    for (size_t i = 0; i < c->count; i++) {
        struct column *x = c->all[i];
        if (x->lists > 0 && x->lists > DSI_FIELD_ID_MAX - c->last_id) {
            rc = dsi_corrupt(err, "field ids up to %d leave none for lists",
                             (int)c->last_id);
            goto done;
        }
        x->elements = c->last_id + 1;
        c->last_id += x->lists;
    }
done:
    dsi_map_release(&ids);
    return rc;
}

static int gather(const struct dsi_legacy *l, struct columns *c, struct ds_error *err)
{
    int rc = DS_OK;

    c->all = dsi_arena_array(c->arena, field_count(l) + 1, sizeof *c->all);
    if (!c->all) {
        return no_memory(err);
    }
    for (size_t i = 0; i < l->schema_count; i++) {
        for (size_t j = 0; j < l->schemas[i].count; j++) {
            DSI_TRY(add_column(c, &l->schemas[i].fields[j], err));
        }
    }
    DSI_TRY(settle_ids(c, err));
done:
    return rc;
}

static void write_type(struct dsi_json_writer *w, const struct dsi_legacy_field *f,
                       const struct column *c)
{
    for (int i = 0; i < f->lists; i++) {
        dsi_json_write_object_begin(w);
        dsi_json_write_member_string(w, "type", "list");
        dsi_json_write_member_i64(w, "element-id", c->elements + i);
        dsi_json_write_key(w, "element");
    }
    dsi_json_write_raw(w, dsi_slice_text(f->type));
    for (int i = 0; i < f->lists; i++) {
        dsi_json_write_member_bool(w, "element-required", false);
        dsi_json_write_object_end(w);
    }
}

static void write_schema(struct dsi_json_writer *w, const struct dsi_legacy_schema *s,
                         const struct columns *c)
{
    dsi_json_write_object_begin(w);
    dsi_json_write_member_string(w, "type", "struct");
    dsi_json_write_member_i64(w, "schema-id", s->schema_id);
    dsi_json_write_key(w, "fields");
    dsi_json_write_array_begin(w);
    for (size_t i = 0; i < s->count; i++) {
        const struct dsi_legacy_field *f = &s->fields[i];
        const struct column *x = dsi_map_get_text(&c->by_name, f->name);
        dsi_json_write_object_begin(w);
        dsi_json_write_member_i64(w, "id", x->id);
        dsi_json_write_member_string(w, "name", f->name);
        dsi_json_write_member_bool(w, "required", f->required);
        dsi_json_write_key(w, "type");
        write_type(w, f, x);
        if (f->doc) {
            dsi_json_write_member_string(w, "doc", f->doc);
        }
        dsi_json_write_object_end(w);
    }
    dsi_json_write_array_end(w);
    dsi_json_write_object_end(w);
}

// Specification, "Name Mapping Serialization". Arrow calls a list's element "item" in
// older files.
static void write_elements(struct dsi_json_writer *w, const struct column *c)
{
    static const char *const names[] = {"element", "item", "array"};

    for (int i = 0; i < c->lists; i++) {
        dsi_json_write_key(w, "fields");
        dsi_json_write_array_begin(w);
        dsi_json_write_object_begin(w);
        dsi_json_write_member_i64(w, "field-id", c->elements + i);
        dsi_json_write_key(w, "names");
        dsi_json_write_array_begin(w);
        for (size_t j = 0; j < sizeof names / sizeof names[0]; j++) {
            dsi_json_write_string(w, names[j]);
        }
        dsi_json_write_array_end(w);
    }
    for (int i = 0; i < c->lists; i++) {
        dsi_json_write_object_end(w);
        dsi_json_write_array_end(w);
    }
}

static int write_mapping(const struct columns *c, struct dsi_buf *out,
                         struct ds_error *err)
{
    struct dsi_json_writer w;

    dsi_json_writer_init(&w, out, err);
    dsi_json_write_array_begin(&w);
    for (size_t i = 0; i < c->count; i++) {
        dsi_json_write_object_begin(&w);
        dsi_json_write_member_i64(&w, "field-id", c->all[i]->id);
        dsi_json_write_key(&w, "names");
        dsi_json_write_array_begin(&w);
        dsi_json_write_string(&w, c->all[i]->name);
        dsi_json_write_array_end(&w);
        write_elements(&w, c->all[i]);
        dsi_json_write_object_end(&w);
    }
    dsi_json_write_array_end(&w);
    return dsi_json_writer_finish(&w);
}

// Specification, "Snapshots": reserved names are not ours to hand on with another
// meaning.
static void write_snapshot(struct dsi_json_writer *w, const struct dsi_legacy_snapshot *s,
                           int64_t sequence_number, bool has_schema)
{
    dsi_json_write_object_begin(w);
    dsi_json_write_member_i64(w, "sequence-number", sequence_number);
    dsi_json_write_member_i64(w, "snapshot-id", s->snapshot_id);
    if (s->parent_id >= 0) {
        dsi_json_write_member_i64(w, "parent-snapshot-id", s->parent_id);
    }
    dsi_json_write_member_i64(w, "timestamp-ms", s->timestamp_ms);
    dsi_json_write_key(w, "summary");
    dsi_json_write_object_begin(w);
    dsi_json_write_member_string(w, "operation", s->operation ? s->operation : "append");
    for (size_t i = 0; i < s->summary_count; i++) {
        if (strcmp(s->summary[i].key, "operation") != 0) {
            dsi_json_write_member_string(w, s->summary[i].key, s->summary[i].value);
        }
    }
    dsi_json_write_object_end(w);
    dsi_json_write_member_string(w, "manifest-list", s->manifest_list);
    if (has_schema) {
        dsi_json_write_member_i64(w, "schema-id", s->schema_id);
    }
    dsi_json_write_object_end(w);
}

static bool has_schema(const struct dsi_legacy *l, int32_t id)
{
    for (size_t i = 0; i < l->schema_count; i++) {
        if (l->schemas[i].schema_id == id) {
            return true;
        }
    }
    return false;
}

// Snapshots from before there were sequence numbers are counted in their order. *last is
// the highest number.
static void write_snapshots(struct dsi_json_writer *w, const struct dsi_legacy *l,
                            int64_t *last)
{
    int64_t at = 0;

    dsi_json_write_key(w, "snapshots");
    dsi_json_write_array_begin(w);
    for (size_t i = 0; i < l->snapshot_count; i++) {
        const struct dsi_legacy_snapshot *s = &l->snapshots[i];
        at = s->sequence_number > at ? s->sequence_number : at + (at < INT64_MAX);
        write_snapshot(w, s, at, has_schema(l, s->schema_id));
    }
    dsi_json_write_array_end(w);
    *last = at > l->last_sequence_number ? at : l->last_sequence_number;
}

static void write_log_entry(struct dsi_json_writer *w, int64_t id, int64_t at,
                            int64_t *last)
{
    *last = at > *last ? at : *last; // A log does not go back in time.
    dsi_json_write_object_begin(w);
    dsi_json_write_member_i64(w, "timestamp-ms", *last);
    dsi_json_write_member_i64(w, "snapshot-id", id);
    dsi_json_write_object_end(w);
}

// Entries of snapshots that are gone are left out. Where there is no log, the snapshots
// are it.
static int write_log(struct dsi_json_writer *w, const struct dsi_legacy *l, int64_t *last,
                     struct ds_error *err)
{
    struct dsi_map ids = DSI_MAP_INIT;
    int rc = DS_OK;

    *last = 0;
    dsi_json_write_key(w, "snapshot-log");
    dsi_json_write_array_begin(w);
    for (size_t i = 0; i < l->snapshot_count; i++) {
        const struct dsi_legacy_snapshot *s = &l->snapshots[i];
        DSI_TRY(dsi_map_put_int(&ids, s->snapshot_id, (void *)(uintptr_t)s, err));
        if (l->log_count == 0) {
            write_log_entry(w, s->snapshot_id, s->timestamp_ms, last);
        }
    }
    for (size_t i = 0; i < l->log_count; i++) {
        if (dsi_map_get_int(&ids, l->log[i].snapshot_id)) {
            write_log_entry(w, l->log[i].snapshot_id, l->log[i].timestamp_ms, last);
        }
    }
    dsi_json_write_array_end(w);
done:
    dsi_map_release(&ids);
    return rc;
}

static void write_layout(struct dsi_json_writer *w)
{
    dsi_json_write_member_i64(w, "default-spec-id", 0);
    dsi_json_write_member_raw(w, "partition-specs",
                              dsi_slice_text("[{\"spec-id\":0,\"fields\":[]}]"));
    dsi_json_write_member_i64(w, "last-partition-id", 999);
    dsi_json_write_member_i64(w, "default-sort-order-id", 0);
    dsi_json_write_member_raw(w, "sort-orders",
                              dsi_slice_text("[{\"order-id\":0,\"fields\":[]}]"));
}

static void write_properties(struct dsi_json_writer *w, const struct dsi_legacy *l,
                             struct ds_slice mapping)
{
    dsi_json_write_key(w, "properties");
    dsi_json_write_object_begin(w);
    for (size_t i = 0; i < l->property_count; i++) {
        if (strcmp(l->properties[i].key, NAME_MAPPING) != 0) {
            dsi_json_write_member_string(w, l->properties[i].key, l->properties[i].value);
        }
    }
    dsi_json_write_key(w, NAME_MAPPING);
    dsi_json_write_slice(w, mapping);
    dsi_json_write_object_end(w);
}

static int write_metadata(const struct dsi_legacy *l, const struct columns *c,
                          struct ds_slice mapping, struct dsi_buf *out,
                          struct ds_error *err)
{
    struct dsi_json_writer w;
    int64_t last_ms = 0;
    int64_t last_sequence = 0;
    int rc = DS_OK;

    dsi_json_writer_init(&w, out, err);
    dsi_json_write_object_begin(&w);
    dsi_json_write_member_i64(&w, "format-version", 2);
    dsi_json_write_member_string(&w, "table-uuid", l->table_uuid);
    dsi_json_write_member_string(&w, "location", l->location);
    dsi_json_write_member_i64(&w, "last-column-id", c->last_id);
    dsi_json_write_member_i64(&w, "current-schema-id", l->current_schema_id);
    dsi_json_write_key(&w, "schemas");
    dsi_json_write_array_begin(&w);
    for (size_t i = 0; i < l->schema_count; i++) {
        write_schema(&w, &l->schemas[i], c);
    }
    dsi_json_write_array_end(&w);
    write_layout(&w);
    write_properties(&w, l, mapping);
    if (l->current_snapshot_id >= 0) {
        dsi_json_write_member_i64(&w, "current-snapshot-id", l->current_snapshot_id);
    }
    write_snapshots(&w, l, &last_sequence);
    dsi_json_write_member_i64(&w, "last-sequence-number", last_sequence);
    DSI_TRY(write_log(&w, l, &last_ms, err));
    dsi_json_write_member_i64(&w, "last-updated-ms",
                              l->last_updated_ms > last_ms ? l->last_updated_ms
                                                           : last_ms);
    dsi_json_write_member_raw(&w, "metadata-log", dsi_slice_text("[]"));
    dsi_json_write_object_end(&w);
    rc = dsi_json_writer_finish(&w);
done:
    return rc;
}

int dsi_legacy_to_metadata(const struct dsi_legacy *l, struct dsi_metadata **out,
                           struct ds_error *err)
{
    struct dsi_arena arena = DSI_ARENA_INIT;
    struct columns columns = {.arena = &arena, .by_name = DSI_MAP_INIT};
    struct dsi_buf mapping = DSI_BUF_INIT;
    struct dsi_buf json = DSI_BUF_INIT;
    int rc = DS_OK;

    *out = NULL;
    DSI_TRY(gather(l, &columns, err));
    DSI_TRY(write_mapping(&columns, &mapping, err));
    DSI_TRY(write_metadata(l, &columns, dsi_buf_slice(&mapping), &json, err));
    DSI_TRY(dsi_metadata_parse(dsi_buf_slice(&json), out, err));
done:
    dsi_map_release(&columns.by_name);
    dsi_buf_release(&mapping);
    dsi_buf_release(&json);
    dsi_arena_release(&arena);
    return rc < 0 ? dsi_wrap(err, rc, "DataShard's metadata as Iceberg's") : rc;
}

int dsi_legacy_path(const char *location, const char *text, struct dsi_arena *arena,
                    const char **out, struct ds_error *err)
{
    const char *root = strstr(location, "://");
    const char *path = dsi_text_starts_with(text, "file://") ? text + 7 : text;
    char *joined = NULL;
    char *checked = NULL;

    root = root ? root + 3 : location;
    size_t size = strlen(root);
    if (strncmp(path, root, size) == 0 && path[size] == '/') {
        path += size; // A full path below the table.
    }
    path += strspn(path, "/");
    joined = dsi_arena_printf(arena, "%s/%s", location, path);
    if (!joined) {
        return no_memory(err);
    }
    int rc = dsi_location_normalize(joined, arena, &checked, err);
    if (rc < 0) {
        return rc == DS_ENOMEM
                   ? rc
                   : dsi_wrap(err, DS_ECORRUPT, "a path that leaves the table");
    }
    *out = checked;
    return DS_OK;
}
