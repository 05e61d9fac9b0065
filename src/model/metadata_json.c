// Table metadata as JSON: Iceberg specification, "Table Metadata" and Appendix C.
#include "model/metadata.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/error.h"
#include "base/text.h"
#include "model/metadata_check.h"
#include "model/parts_json.h"

enum { EXTRAS_MAX = 1000 }; // Members we do not know: a file with more is no metadata.

// Snapshots that may have been forgotten since a version that is known.
enum { KNOWN_AHEAD = 256 };

struct parsing {
    struct dsi_json_reader r;
    struct dsi_metadata *m;
    const struct dsi_metadata *known; // May be NULL.
    size_t known_at;                  // Its snapshot that may be next.
    uint64_t seen;                    // One bit for each row of `members`.
    struct dsi_schema schema;         // v1's only one.
    struct dsi_partition_spec spec;   // Likewise.
};

static int no_memory(struct ds_error *err)
{
    return dsi_no_memory(err, "reading table metadata");
}

// Room for one more of `size` bytes.
static int grow(struct dsi_arena *a, const void **items, size_t count, size_t size,
                struct ds_error *err)
{
    void *more = dsi_arena_grow(a, *items, count, size);
    if (!more) {
        return no_memory(err);
    }
    *items = more;
    return DS_OK;
}

// The last element of such an array; ours to fill while parsing.
#define LAST(items, count) ((void *)(uintptr_t) & (items)[(count)])

// The elements of an array, each read into a zeroed place.
struct list {
    const void **items;
    size_t *count;
    size_t size;
    int (*read)(struct parsing *p, void *out, struct ds_error *err);
};

static int read_list(struct parsing *p, struct list list, struct ds_error *err)
{
    int rc = DS_OK;

    *list.count = 0;
    DSI_TRY(dsi_json_array_begin(&p->r, err));
    while ((rc = dsi_json_array_next(&p->r, err)) == DS_ROW) {
        DSI_TRY(grow(&p->m->arena, list.items, *list.count, list.size, err));
        uint8_t *items = (uint8_t *)(uintptr_t)*list.items;
        DSI_TRY(list.read(p, items + *list.count * list.size, err));
        ++*list.count;
    }
done:
    return rc;
}

#define READ_LIST(p, place, number, how)                                                 \
    read_list((p),                                                                       \
              (struct list){(const void **)&(place), &(number), sizeof *(place), (how)}, \
              err)

// --- unknown members (3)

static int twice(struct ds_slice key, struct ds_error *err)
{
    return dsi_corrupt(err, "table metadata: '%.*s' is there twice",
                       key.size > 80 ? 80 : (int)key.size, (const char *)key.data);
}

static int read_extra(struct parsing *p, struct ds_slice key, struct dsi_extras *to,
                      struct ds_error *err)
{
    struct dsi_arena *a = &p->m->arena;
    struct dsi_extra_member *e = NULL;
    struct ds_slice raw = {NULL, 0};
    int rc = DS_OK;

    for (size_t i = 0; i < to->count; i++) {
        if (dsi_json_key_is(key, to->members[i].key)) {
            return twice(key, err);
        }
    }
    if (to->count == EXTRAS_MAX) {
        return dsi_corrupt(err, "table metadata: more than %d unknown members",
                           EXTRAS_MAX);
    }
    DSI_TRY(grow(a, (const void **)&to->members, to->count, sizeof *to->members, err));
    DSI_TRY(dsi_json_skip(&p->r, &raw, err));
    e = LAST(to->members, to->count);
    DSI_TRY(dsi_json_key_text(&p->r, key, &e->key, err));
    if (dsi_arena_copy(a, raw, &e->json) < 0) {
        return no_memory(err);
    }
    to->count++;
done:
    return rc;
}

// --- the parts

static int read_schema(struct parsing *p, void *out, struct ds_error *err)
{
    struct ds_slice raw = {NULL, 0};
    int rc = dsi_json_skip(&p->r, &raw, err);
    return rc < 0 ? rc : dsi_schema_from_json(raw, p->r.arena, out, err);
}

static int read_schemas(struct parsing *p, struct ds_error *err)
{
    return READ_LIST(p, p->m->schemas, p->m->schema_count, read_schema);
}

static int read_spec(struct parsing *p, void *out, struct ds_error *err)
{
    return dsi_partition_spec_read(&p->r, false, out, err);
}

static int read_specs(struct parsing *p, struct ds_error *err)
{
    return READ_LIST(p, p->m->specs, p->m->spec_count, read_spec);
}

static int read_order(struct parsing *p, void *out, struct ds_error *err)
{
    return dsi_sort_order_read(&p->r, out, err);
}

static int read_orders(struct parsing *p, struct ds_error *err)
{
    return READ_LIST(p, p->m->sort_orders, p->m->sort_order_count, read_order);
}

// Takes the next snapshot from those known before, where they are in the same order and
// some may be gone; NULL: it is another.
static const struct dsi_snapshot *take_known(struct parsing *p)
{
    size_t count = p->known ? p->known->snapshot_count : 0;

    for (size_t i = p->known_at; i < count && i - p->known_at < KNOWN_AHEAD; i++) {
        const struct dsi_snapshot *s = p->known->snapshots[i];
        if (s->raw.size > 1 && dsi_json_take(&p->r, s->raw)) {
            p->known_at = i + 1;
            return dsi_snapshot_ref(s);
        }
    }
    return NULL;
}

static int read_snapshot(struct parsing *p, void *out, struct ds_error *err)
{
    const struct dsi_snapshot **to = out;

    *to = take_known(p);
    return *to ? DS_OK : dsi_snapshot_read(&p->r, to, err);
}

static int read_snapshots(struct parsing *p, struct ds_error *err)
{
    return READ_LIST(p, p->m->snapshots, p->m->snapshot_count, read_snapshot);
}

static int compare_keys(const void *a, const void *b)
{
    return strcmp(((const struct ds_property *)a)->key,
                  ((const struct ds_property *)b)->key);
}

static int sort_properties(struct dsi_metadata *m, struct ds_error *err)
{
    struct ds_property *list = (struct ds_property *)(uintptr_t)m->properties;

    if (m->property_count > 1) {
        qsort(list, m->property_count, sizeof *list, compare_keys);
    }
    for (size_t i = 1; i < m->property_count; i++) {
        if (strcmp(list[i - 1].key, list[i].key) == 0) {
            return dsi_corrupt(err, "table metadata: property '%s' is there twice",
                               list[i].key);
        }
    }
    return DS_OK;
}

static int read_properties(struct parsing *p, struct ds_error *err)
{
    struct dsi_metadata *m = p->m;
    struct ds_property *item = NULL;
    struct ds_slice key = {NULL, 0};
    int rc = DS_OK;

    m->property_count = 0;
    DSI_TRY(dsi_json_object_begin(&p->r, err));
    while ((rc = dsi_json_object_next(&p->r, &key, err)) == DS_ROW) {
        DSI_TRY(grow(&m->arena, (const void **)&m->properties, m->property_count,
                     sizeof *m->properties, err));
        item = LAST(m->properties, m->property_count);
        DSI_TRY(dsi_json_key_text(&p->r, key, &item->key, err));
        DSI_TRY(dsi_json_string(&p->r, &item->value, err));
        m->property_count++;
    }
    DSI_TRY(rc);
    DSI_TRY(sort_properties(m, err));
done:
    return rc;
}

static int read_ref_kind(struct dsi_json_reader *r, struct dsi_ref *ref,
                         struct ds_error *err)
{
    const char *kind = NULL;
    int rc = dsi_json_string(r, &kind, err);

    if (rc < 0) {
        return rc;
    }
    ref->kind = dsi_text_equal_nocase(kind, "tag") ? DSI_REF_TAG : DSI_REF_BRANCH;
    return ref->kind == DSI_REF_TAG || dsi_text_equal_nocase(kind, "branch")
               ? DS_OK
               : dsi_json_unexpected(r, err, "a ref of type branch or tag");
}

// A limit of 0 or below is kept so that it can be refused; null is "not set".
static int read_limit(struct dsi_json_reader *r, int64_t *out, struct ds_error *err)
{
    bool null = false;
    int rc = dsi_json_null(r, &null, err);
    if (rc < 0 || null) {
        return rc;
    }
    rc = dsi_json_i64(r, out, err);
    *out = rc == DS_OK && *out < 0 ? -2 : *out;
    return rc;
}

static int read_ref(struct parsing *p, struct dsi_ref *ref, struct ds_error *err)
{
    struct dsi_json_reader *r = &p->r;
    struct ds_slice key = {NULL, 0};
    bool has_kind = false;
    int rc = DS_OK;

    ref->snapshot_id = DSI_SNAPSHOT_NONE;
    ref->max_ref_age_ms = -1;
    ref->max_snapshot_age_ms = -1;
    ref->min_snapshots_to_keep = -1;
    DSI_TRY(dsi_json_object_begin(r, err));
    while ((rc = dsi_json_object_next(r, &key, err)) == DS_ROW) {
        if (dsi_json_key_is(key, "snapshot-id")) {
            DSI_TRY(dsi_json_i64(r, &ref->snapshot_id, err));
        } else if (dsi_json_key_is(key, "type")) {
            DSI_TRY(read_ref_kind(r, ref, err));
            has_kind = true;
        } else if (dsi_json_key_is(key, "max-ref-age-ms")) {
            DSI_TRY(read_limit(r, &ref->max_ref_age_ms, err));
        } else if (dsi_json_key_is(key, "max-snapshot-age-ms")) {
            DSI_TRY(read_limit(r, &ref->max_snapshot_age_ms, err));
        } else if (dsi_json_key_is(key, "min-snapshots-to-keep")) {
            DSI_TRY(read_limit(r, &ref->min_snapshots_to_keep, err));
        } else {
            DSI_TRY(read_extra(p, key, &ref->extras, err));
        }
    }
    DSI_TRY(rc);
    if (!has_kind || ref->snapshot_id == DSI_SNAPSHOT_NONE) {
        return dsi_corrupt(err, "table metadata: ref '%s' has no '%s'", ref->name,
                           has_kind ? "snapshot-id" : "type");
    }
done:
    return rc;
}

static int read_refs(struct parsing *p, struct ds_error *err)
{
    struct dsi_metadata *m = p->m;
    struct ds_slice key = {NULL, 0};
    struct dsi_ref *ref = NULL;
    int rc = DS_OK;

    m->ref_count = 0;
    DSI_TRY(dsi_json_object_begin(&p->r, err));
    while ((rc = dsi_json_object_next(&p->r, &key, err)) == DS_ROW) {
        DSI_TRY(
            grow(&m->arena, (const void **)&m->refs, m->ref_count, sizeof *m->refs, err));
        ref = LAST(m->refs, m->ref_count);
        DSI_TRY(dsi_json_key_text(&p->r, key, &ref->name, err));
        DSI_TRY(read_ref(p, ref, err));
        m->ref_count++;
    }
done:
    return rc;
}

static int read_snapshot_entry(struct parsing *p, void *out, struct ds_error *err)
{
    struct dsi_snapshot_log_entry *e = out;
    struct ds_slice key = {NULL, 0};
    int rc = DS_OK;

    e->timestamp_ms = e->snapshot_id = -1;
    DSI_TRY(dsi_json_object_begin(&p->r, err));
    while ((rc = dsi_json_object_next(&p->r, &key, err)) == DS_ROW) {
        if (dsi_json_key_is(key, "timestamp-ms")) {
            DSI_TRY(dsi_json_i64(&p->r, &e->timestamp_ms, err));
        } else if (dsi_json_key_is(key, "snapshot-id")) {
            DSI_TRY(dsi_json_i64(&p->r, &e->snapshot_id, err));
        } else {
            DSI_TRY(read_extra(p, key, &e->extras, err));
        }
    }
    DSI_TRY(rc);
    if (e->timestamp_ms < 0 || e->snapshot_id < 0) {
        rc = dsi_corrupt(err, "table metadata: a snapshot-log entry has no '%s'",
                         e->snapshot_id < 0 ? "snapshot-id" : "timestamp-ms");
    }
done:
    return rc;
}

static int read_snapshot_log(struct parsing *p, struct ds_error *err)
{
    return READ_LIST(p, p->m->snapshot_log, p->m->snapshot_log_count,
                     read_snapshot_entry);
}

static int read_metadata_entry(struct parsing *p, void *out, struct ds_error *err)
{
    struct dsi_metadata_log_entry *e = out;
    struct ds_slice key = {NULL, 0};
    int rc = DS_OK;

    e->timestamp_ms = -1;
    DSI_TRY(dsi_json_object_begin(&p->r, err));
    while ((rc = dsi_json_object_next(&p->r, &key, err)) == DS_ROW) {
        if (dsi_json_key_is(key, "timestamp-ms")) {
            DSI_TRY(dsi_json_i64(&p->r, &e->timestamp_ms, err));
        } else if (dsi_json_key_is(key, "metadata-file")) {
            DSI_TRY(dsi_json_string(&p->r, &e->metadata_file, err));
        } else {
            DSI_TRY(read_extra(p, key, &e->extras, err));
        }
    }
    DSI_TRY(rc);
    if (e->timestamp_ms < 0 || !e->metadata_file) {
        rc = dsi_corrupt(err, "table metadata: a metadata-log entry has no '%s'",
                         e->metadata_file ? "timestamp-ms" : "metadata-file");
    }
done:
    return rc;
}

static int read_metadata_log(struct parsing *p, struct ds_error *err)
{
    return READ_LIST(p, p->m->metadata_log, p->m->metadata_log_count,
                     read_metadata_entry);
}

static int read_version(struct parsing *p, struct ds_error *err)
{
    int rc = dsi_json_i32(&p->r, &p->m->format_version, err);

    if (rc == DS_OK && p->m->format_version > DSI_METADATA_VERSION_MAX) {
        rc =
            dsi_fail(err, DS_EUNSUPPORTED,
                     "the table has format version %d; this build knows versions 1 to %d",
                     (int)p->m->format_version, DSI_METADATA_VERSION_MAX);
    }
    if (rc == DS_OK && p->m->format_version < 1) {
        rc = dsi_corrupt(err, "table metadata: format version %d",
                         (int)p->m->format_version);
    }
    return rc;
}

static int read_v1_schema(struct parsing *p, struct ds_error *err)
{
    return read_schema(p, &p->schema, err);
}

static int read_v1_spec(struct parsing *p, struct ds_error *err)
{
    return dsi_partition_spec_read(&p->r, true, &p->spec, err);
}

// Where a member goes: a function, or a place in struct dsi_metadata.
#define PLACE(member) offsetof(struct dsi_metadata, member)

enum shape { FUNCTION, I32, I64, TEXT };

static const struct {
    const char *key;
    enum shape shape;
    int (*read)(struct parsing *p, struct ds_error *err);
    size_t place;
} members[] = {
    {"format-version", FUNCTION, read_version, 0},
    {"table-uuid", TEXT, NULL, PLACE(table_uuid)},
    {"location", TEXT, NULL, PLACE(location)},
    {"last-sequence-number", I64, NULL, PLACE(last_sequence_number)},
    {"last-updated-ms", I64, NULL, PLACE(last_updated_ms)},
    {"last-column-id", I32, NULL, PLACE(last_column_id)},
    {"schema", FUNCTION, read_v1_schema, 0},
    {"current-schema-id", I32, NULL, PLACE(current_schema_id)},
    {"schemas", FUNCTION, read_schemas, 0},
    {"partition-spec", FUNCTION, read_v1_spec, 0},
    {"default-spec-id", I32, NULL, PLACE(default_spec_id)},
    {"partition-specs", FUNCTION, read_specs, 0},
    {"last-partition-id", I32, NULL, PLACE(last_partition_id)},
    {"default-sort-order-id", I32, NULL, PLACE(default_sort_order_id)},
    {"sort-orders", FUNCTION, read_orders, 0},
    {"properties", FUNCTION, read_properties, 0},
    {"current-snapshot-id", I64, NULL, PLACE(current_snapshot_id)},
    {"next-row-id", I64, NULL, PLACE(next_row_id)},
    {"refs", FUNCTION, read_refs, 0},
    {"snapshots", FUNCTION, read_snapshots, 0},
    {"snapshot-log", FUNCTION, read_snapshot_log, 0},
    {"metadata-log", FUNCTION, read_metadata_log, 0},
};

enum { MEMBER_COUNT = sizeof members / sizeof members[0] };

static bool has(const struct parsing *p, const char *key)
{
    for (size_t i = 0; i < MEMBER_COUNT; i++) {
        if (strcmp(members[i].key, key) == 0) {
            return (p->seen >> i & 1) != 0;
        }
    }
    return false;
}

static int read_known(struct parsing *p, size_t row, struct ds_slice key,
                      struct ds_error *err)
{
    void *place = (char *)p->m + members[row].place;
    uint64_t bit = (uint64_t)1 << row;
    bool null = false;
    int rc = DS_OK;

    DSI_TRY(dsi_json_null(&p->r, &null, err));
    if (null) {
        return DS_OK; // As if it were not there.
    }
    if (p->seen & bit) {
        return twice(key, err);
    }
    p->seen |= bit;
    switch (members[row].shape) {
    case I32:
        rc = dsi_json_i32(&p->r, place, err);
        break;
    case I64:
        rc = dsi_json_i64(&p->r, place, err);
        break;
    case TEXT:
        rc = dsi_json_string(&p->r, place, err);
        break;
    default:
        rc = members[row].read(p, err);
    }
done:
    return rc;
}

static int read_top_member(struct parsing *p, struct ds_slice key, struct ds_error *err)
{
    for (size_t i = 0; i < MEMBER_COUNT; i++) {
        if (dsi_json_key_is(key, members[i].key)) {
            return read_known(p, i, key, err);
        }
    }
    return read_extra(p, key, &p->m->extras, err);
}

// --- what older forms leave out

static int fill_v1(struct parsing *p, struct ds_error *err)
{
    struct dsi_metadata *m = p->m;
    int rc = DS_OK;

    if (m->schema_count == 0 && has(p, "schema")) {
        DSI_TRY(grow(&m->arena, (const void **)&m->schemas, 0, sizeof *m->schemas, err));
        *(struct dsi_schema *)LAST(m->schemas, 0) = p->schema;
        m->schema_count = 1;
        m->current_schema_id = p->schema.schema_id;
    }
    if (m->spec_count == 0 && has(p, "partition-spec")) {
        DSI_TRY(grow(&m->arena, (const void **)&m->specs, 0, sizeof *m->specs, err));
        *(struct dsi_partition_spec *)LAST(m->specs, 0) = p->spec;
        m->spec_count = 1;
        m->default_spec_id = 0;
    }
    if (m->sort_order_count == 0) {
        DSI_TRY(grow(&m->arena, (const void **)&m->sort_orders, 0, sizeof *m->sort_orders,
                     err));
        m->sort_order_count = 1; // The zeroed one: unsorted.
        m->default_sort_order_id = 0;
    }
done:
    return rc;
}

// DataShard 0.11 keeps a spec it was given under another number than 0 and writes by
// none: what its manifests name, and its default, is the spec 0 without fields that it
// leaves out.
static int fill_spec(struct parsing *p, struct ds_error *err)
{
    struct dsi_metadata *m = p->m;
    int rc = DS_OK;

    if (m->default_spec_id != 0 || m->spec_count == 0 || dsi_metadata_default_spec(m)) {
        return DS_OK;
    }
    DSI_TRY(
        grow(&m->arena, (const void **)&m->specs, m->spec_count, sizeof *m->specs, err));
    m->spec_count++; // The zeroed one.
done:
    return rc;
}

// A writer that wrote these too low must not make us give an id twice.
static void raise_last_ids(struct dsi_metadata *m)
{
    for (size_t i = 0; i < m->schema_count; i++) {
        int32_t id = m->schemas[i].highest_id;
        m->last_column_id = id > m->last_column_id ? id : m->last_column_id;
    }
    m->last_partition_id = m->last_partition_id < 999 ? 999 : m->last_partition_id;
    for (size_t i = 0; i < m->spec_count; i++) {
        for (size_t f = 0; f < m->specs[i].field_count; f++) {
            int32_t id = m->specs[i].fields[f].field_id;
            m->last_partition_id = id > m->last_partition_id ? id : m->last_partition_id;
        }
    }
}

// "No trailing slash", so that a path can be put behind it.
static void trim_location(struct dsi_metadata *m)
{
    size_t size = strlen(m->location);
    while (size > 1 && m->location[size - 1] == '/' && m->location[size - 2] != '/') {
        ((char *)(uintptr_t)m->location)[--size] = '\0';
    }
}

static int fill_refs(struct parsing *p, struct ds_error *err)
{
    struct dsi_metadata *m = p->m;

    if (has(p, "refs") || m->current_snapshot_id == DSI_SNAPSHOT_NONE) {
        return DS_OK;
    }
    struct dsi_ref *main = dsi_arena_alloc(&m->arena, sizeof *main);
    if (!main) {
        return no_memory(err);
    }
    *main = (struct dsi_ref){.name = DSI_REF_MAIN,
                             .snapshot_id = m->current_snapshot_id,
                             .max_ref_age_ms = -1,
                             .max_snapshot_age_ms = -1,
                             .min_snapshots_to_keep = -1};
    m->refs = main;
    m->ref_count = 1;
    return DS_OK;
}

static int check_presence(const struct parsing *p, struct ds_error *err)
{
    const struct dsi_metadata *m = p->m;
    const struct {
        const char *member;
        int from_version; // Where it is required.
        bool there;       // In a form that is as good.
    } needed[] = {
        {"format-version", 0, false},
        {"location", 1, false},
        {"last-updated-ms", 1, false},
        {"last-column-id", 1, false},
        {"schemas", 1, m->schema_count > 0},
        {"current-schema-id", 1, !has(p, "schemas")},
        {"partition-specs", 1, m->spec_count > 0},
        {"default-spec-id", 1, !has(p, "partition-specs")},
        {"sort-orders", 1, m->sort_order_count > 0},
        {"table-uuid", 2, false},
        {"last-sequence-number", 2, false},
        {"last-partition-id", 2, false},
        {"default-sort-order-id", 2, false},
        {"next-row-id", 3, false},
    };

    for (size_t i = 0; i < sizeof needed / sizeof needed[0]; i++) {
        if (m->format_version >= needed[i].from_version && !needed[i].there &&
            !has(p, needed[i].member)) {
            return dsi_corrupt(err, "table metadata: '%s' is missing", needed[i].member);
        }
    }
    return DS_OK;
}

static int read_all(struct parsing *p, struct ds_error *err)
{
    struct ds_slice key = {NULL, 0};
    int rc = DS_OK;

    DSI_TRY(dsi_json_object_begin(&p->r, err));
    while ((rc = dsi_json_object_next(&p->r, &key, err)) == DS_ROW) {
        DSI_TRY(read_top_member(p, key, err));
    }
    DSI_TRY(rc);
    DSI_TRY(dsi_json_end(&p->r, err));
    if (p->m->format_version == 1) {
        DSI_TRY(fill_v1(p, err));
    }
    DSI_TRY(check_presence(p, err));
    DSI_TRY(fill_spec(p, err));
    raise_last_ids(p->m);
    trim_location(p->m);
    DSI_TRY(fill_refs(p, err));
    DSI_TRY(dsi_metadata_check(p->m, err));
done:
    return rc;
}

// The version of metadata that could not be read; 0 when even that cannot be.
static int32_t version_of(struct ds_slice json)
{
    struct dsi_arena arena = DSI_ARENA_INIT;
    struct dsi_json_reader r;
    struct ds_slice key = {NULL, 0};
    int32_t version = 0;
    int rc = DS_OK;

    dsi_json_reader_init(&r, json, &arena, "table metadata");
    rc = dsi_json_object_begin(&r, NULL);
    while (rc >= 0 && (rc = dsi_json_object_next(&r, &key, NULL)) == DS_ROW) {
        if (dsi_json_key_is(key, "format-version")) {
            rc = dsi_json_i32(&r, &version, NULL);
            break;
        }
        rc = dsi_json_skip(&r, NULL, NULL);
    }
    dsi_arena_release(&arena);
    return rc < 0 ? 0 : version;
}

int dsi_metadata_parse_again(struct ds_slice json, const struct dsi_metadata *known,
                             struct dsi_metadata **out, struct ds_error *err)
{
    struct parsing p = {.known = known};
    int rc = DS_OK;

    *out = NULL;
    p.m = dsi_calloc(1, sizeof *p.m);
    if (!p.m) {
        return no_memory(err);
    }
    dsi_refcount_init(&p.m->owners);
    p.m->current_snapshot_id = DSI_SNAPSHOT_NONE;
    dsi_json_reader_init(&p.r, json, &p.m->arena, "table metadata");
    DSI_TRY(read_all(&p, err));
    *out = p.m;
    p.m = NULL;
done:
    dsi_metadata_unref(p.m);
    if (rc == DS_ECORRUPT && version_of(json) > DSI_METADATA_VERSION_MAX) {
        // Not broken: what looked wrong is how that version does it.
        return dsi_fail(
            err, DS_EUNSUPPORTED,
            "the table has format version %d; this build knows versions 1 to %d",
            (int)version_of(json), DSI_METADATA_VERSION_MAX);
    }
    return rc;
}

int dsi_metadata_parse(struct ds_slice json, struct dsi_metadata **out,
                       struct ds_error *err)
{
    return dsi_metadata_parse_again(json, NULL, out, err);
}
