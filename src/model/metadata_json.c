// Table metadata as JSON: Iceberg specification, "Table Metadata" and Appendix C.
#include "model/metadata.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/error.h"
#include "base/text.h"
#include "model/metadata_check.h"
#include "model/parts_json.h"

// What was said, of what is not kept as such.
struct parsing {
    struct dsi_json_reader r;
    struct dsi_metadata *m;
    bool has_version;
    bool has_sequence;
    bool has_schema_id;
    bool has_spec_id;
    bool has_order_id;
    bool has_partition_id;
    bool has_refs;
    bool has_row_id;
    struct dsi_schema schema; // v1's only one.
    bool has_schema;
    struct dsi_partition_spec spec; // Likewise.
    bool has_spec;
};

static int no_memory(struct ds_error *err)
{
    return dsi_no_memory(err, "reading table metadata");
}

// Room for one more of `size` bytes in an array that doubles: when `count` is a power of
// two (or 0) it is full.
static int grow(struct dsi_arena *a, const void **items, size_t count, size_t size,
                struct ds_error *err)
{
    if (count != 0 && (count & (count - 1)) != 0) {
        return DS_OK;
    }
    void *more = dsi_arena_array(a, count ? count * 2 : 1, size);
    if (!more) {
        return no_memory(err);
    }
    if (count > 0) {
        memcpy(more, *items, count * size);
    }
    *items = more;
    return DS_OK;
}

// The last element of such an array; ours to fill while parsing.
#define LAST(items, count) ((void *)(uintptr_t) & (items)[(count)])

static int read_schema(struct dsi_json_reader *r, struct dsi_schema *out,
                       struct ds_error *err)
{
    struct ds_slice raw = {NULL, 0};
    int rc = dsi_json_skip(r, &raw, err);
    return rc < 0 ? rc : dsi_schema_from_json(raw, r->arena, out, err);
}

static int read_schemas(struct parsing *p, struct ds_error *err)
{
    struct dsi_metadata *m = p->m;
    int rc = DS_OK;

    m->schema_count = 0;
    DSI_TRY(dsi_json_array_begin(&p->r, err));
    while ((rc = dsi_json_array_next(&p->r, err)) == DS_ROW) {
        DSI_TRY(grow(&m->arena, (const void **)&m->schemas, m->schema_count,
                     sizeof *m->schemas, err));
        DSI_TRY(read_schema(&p->r, LAST(m->schemas, m->schema_count), err));
        m->schema_count++;
    }
done:
    return rc;
}

static int read_specs(struct parsing *p, struct ds_error *err)
{
    struct dsi_metadata *m = p->m;
    int rc = DS_OK;

    m->spec_count = 0;
    DSI_TRY(dsi_json_array_begin(&p->r, err));
    while ((rc = dsi_json_array_next(&p->r, err)) == DS_ROW) {
        DSI_TRY(grow(&m->arena, (const void **)&m->specs, m->spec_count, sizeof *m->specs,
                     err));
        DSI_TRY(
            dsi_partition_spec_read(&p->r, false, LAST(m->specs, m->spec_count), err));
        m->spec_count++;
    }
done:
    return rc;
}

static int read_orders(struct parsing *p, struct ds_error *err)
{
    struct dsi_metadata *m = p->m;
    int rc = DS_OK;

    m->sort_order_count = 0;
    DSI_TRY(dsi_json_array_begin(&p->r, err));
    while ((rc = dsi_json_array_next(&p->r, err)) == DS_ROW) {
        DSI_TRY(grow(&m->arena, (const void **)&m->sort_orders, m->sort_order_count,
                     sizeof *m->sort_orders, err));
        DSI_TRY(
            dsi_sort_order_read(&p->r, LAST(m->sort_orders, m->sort_order_count), err));
        m->sort_order_count++;
    }
done:
    return rc;
}

static int read_snapshots(struct parsing *p, struct ds_error *err)
{
    struct dsi_metadata *m = p->m;
    const struct dsi_snapshot *s = NULL;
    bool null = false;
    int rc = dsi_json_null(&p->r, &null, err);

    if (rc < 0 || null) {
        return rc;
    }
    DSI_TRY(dsi_json_array_begin(&p->r, err));
    while ((rc = dsi_json_array_next(&p->r, err)) == DS_ROW) {
        DSI_TRY(grow(&m->arena, (const void **)&m->snapshots, m->snapshot_count,
                     sizeof *m->snapshots, err));
        DSI_TRY(dsi_snapshot_read(&p->r, &s, err));
        *(const struct dsi_snapshot **)LAST(m->snapshots, m->snapshot_count) = s;
        m->snapshot_count++;
    }
done:
    return rc;
}

static int compare_keys(const void *a, const void *b)
{
    return strcmp(((const struct ds_property *)a)->key,
                  ((const struct ds_property *)b)->key);
}

// Sorts by key; of two with one key the last one counts.
static void sort_properties(struct dsi_metadata *m)
{
    struct ds_property *list = (struct ds_property *)(uintptr_t)m->properties;
    size_t kept = 0;

    if (m->property_count > 1) {
        qsort(list, m->property_count, sizeof *list, compare_keys);
    }
    for (size_t i = 0; i < m->property_count; i++) {
        if (kept > 0 && strcmp(list[kept - 1].key, list[i].key) == 0) {
            kept--;
        }
        list[kept++] = list[i];
    }
    m->property_count = kept;
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
        item->key = dsi_arena_strndup(&m->arena, (const char *)key.data, key.size);
        if (!item->key) {
            return no_memory(err);
        }
        DSI_TRY(dsi_json_string(&p->r, &item->value, err));
        m->property_count++;
    }
    if (rc == DS_OK) {
        sort_properties(m);
    }
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

static int read_ref(struct dsi_json_reader *r, struct dsi_ref *ref, struct ds_error *err)
{
    struct ds_slice key = {NULL, 0};
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
        } else if (dsi_json_key_is(key, "max-ref-age-ms")) {
            DSI_TRY(dsi_json_i64(r, &ref->max_ref_age_ms, err));
        } else if (dsi_json_key_is(key, "max-snapshot-age-ms")) {
            DSI_TRY(dsi_json_i64(r, &ref->max_snapshot_age_ms, err));
        } else if (dsi_json_key_is(key, "min-snapshots-to-keep")) {
            DSI_TRY(dsi_json_i64(r, &ref->min_snapshots_to_keep, err));
        } else {
            DSI_TRY(dsi_json_skip(r, NULL, err));
        }
    }
done:
    return rc;
}

static int read_refs(struct parsing *p, struct ds_error *err)
{
    struct dsi_metadata *m = p->m;
    struct ds_slice key = {NULL, 0};
    struct dsi_ref *ref = NULL;
    bool null = false;
    int rc = dsi_json_null(&p->r, &null, err);

    if (rc < 0 || null) {
        return rc;
    }
    p->has_refs = true;
    m->ref_count = 0;
    DSI_TRY(dsi_json_object_begin(&p->r, err));
    while ((rc = dsi_json_object_next(&p->r, &key, err)) == DS_ROW) {
        DSI_TRY(
            grow(&m->arena, (const void **)&m->refs, m->ref_count, sizeof *m->refs, err));
        ref = LAST(m->refs, m->ref_count);
        ref->name = dsi_arena_strndup(&m->arena, (const char *)key.data, key.size);
        if (!ref->name) {
            return no_memory(err);
        }
        DSI_TRY(read_ref(&p->r, ref, err));
        m->ref_count++;
    }
done:
    return rc;
}

static int read_snapshot_log(struct parsing *p, struct ds_error *err)
{
    struct dsi_metadata *m = p->m;
    struct dsi_snapshot_log_entry *e = NULL;
    struct ds_slice key = {NULL, 0};
    int rc = DS_OK;

    m->snapshot_log_count = 0;
    DSI_TRY(dsi_json_array_begin(&p->r, err));
    while ((rc = dsi_json_array_next(&p->r, err)) == DS_ROW) {
        DSI_TRY(grow(&m->arena, (const void **)&m->snapshot_log, m->snapshot_log_count,
                     sizeof *m->snapshot_log, err));
        e = LAST(m->snapshot_log, m->snapshot_log_count);
        DSI_TRY(dsi_json_object_begin(&p->r, err));
        while ((rc = dsi_json_object_next(&p->r, &key, err)) == DS_ROW) {
            if (dsi_json_key_is(key, "timestamp-ms")) {
                DSI_TRY(dsi_json_i64(&p->r, &e->timestamp_ms, err));
            } else if (dsi_json_key_is(key, "snapshot-id")) {
                DSI_TRY(dsi_json_i64(&p->r, &e->snapshot_id, err));
            } else {
                DSI_TRY(dsi_json_skip(&p->r, NULL, err));
            }
        }
        DSI_TRY(rc);
        m->snapshot_log_count++;
    }
done:
    return rc;
}

static int read_metadata_log(struct parsing *p, struct ds_error *err)
{
    struct dsi_metadata *m = p->m;
    struct dsi_metadata_log_entry *e = NULL;
    struct ds_slice key = {NULL, 0};
    int rc = DS_OK;

    m->metadata_log_count = 0;
    DSI_TRY(dsi_json_array_begin(&p->r, err));
    while ((rc = dsi_json_array_next(&p->r, err)) == DS_ROW) {
        DSI_TRY(grow(&m->arena, (const void **)&m->metadata_log, m->metadata_log_count,
                     sizeof *m->metadata_log, err));
        e = LAST(m->metadata_log, m->metadata_log_count);
        e->metadata_file = "";
        DSI_TRY(dsi_json_object_begin(&p->r, err));
        while ((rc = dsi_json_object_next(&p->r, &key, err)) == DS_ROW) {
            if (dsi_json_key_is(key, "timestamp-ms")) {
                DSI_TRY(dsi_json_i64(&p->r, &e->timestamp_ms, err));
            } else if (dsi_json_key_is(key, "metadata-file")) {
                DSI_TRY(dsi_json_string(&p->r, &e->metadata_file, err));
            } else {
                DSI_TRY(dsi_json_skip(&p->r, NULL, err));
            }
        }
        DSI_TRY(rc);
        m->metadata_log_count++;
    }
done:
    return rc;
}

static int read_extra(struct parsing *p, struct ds_slice key, struct ds_error *err)
{
    struct dsi_metadata *m = p->m;
    struct dsi_extra_member *e = NULL;
    struct ds_slice raw = {NULL, 0};
    int rc = DS_OK;

    DSI_TRY(grow(&m->arena, (const void **)&m->extras, m->extra_count, sizeof *m->extras,
                 err));
    DSI_TRY(dsi_json_skip(&p->r, &raw, err));
    e = LAST(m->extras, m->extra_count);
    e->key = dsi_arena_strndup(&m->arena, (const char *)key.data, key.size);
    if (!e->key || dsi_arena_copy(&m->arena, raw, &e->json) < 0) {
        return no_memory(err);
    }
    m->extra_count++;
done:
    return rc;
}

static int read_current_snapshot(struct parsing *p, struct ds_error *err)
{
    bool null = false;
    int rc = dsi_json_null(&p->r, &null, err);
    return rc < 0 || null ? rc : dsi_json_i64(&p->r, &p->m->current_snapshot_id, err);
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
    p->has_version = rc == DS_OK;
    return rc;
}

// Members that are one number or one text, and where they go.
static int read_scalar(struct parsing *p, struct ds_slice key, bool *known,
                       struct ds_error *err)
{
    struct dsi_metadata *m = p->m;
    const struct {
        const char *key;
        int32_t *i32;
        int64_t *i64;
        const char **text;
        bool *seen;
    } scalars[] = {
        {"table-uuid", NULL, NULL, &m->table_uuid, NULL},
        {"location", NULL, NULL, &m->location, NULL},
        {"last-sequence-number", NULL, &m->last_sequence_number, NULL, &p->has_sequence},
        {"last-updated-ms", NULL, &m->last_updated_ms, NULL, NULL},
        {"last-column-id", &m->last_column_id, NULL, NULL, NULL},
        {"current-schema-id", &m->current_schema_id, NULL, NULL, &p->has_schema_id},
        {"default-spec-id", &m->default_spec_id, NULL, NULL, &p->has_spec_id},
        {"last-partition-id", &m->last_partition_id, NULL, NULL, &p->has_partition_id},
        {"default-sort-order-id", &m->default_sort_order_id, NULL, NULL,
         &p->has_order_id},
        {"next-row-id", NULL, &m->next_row_id, NULL, &p->has_row_id},
    };

    for (size_t i = 0; i < sizeof scalars / sizeof scalars[0]; i++) {
        if (!dsi_json_key_is(key, scalars[i].key)) {
            continue;
        }
        *known = true;
        if (scalars[i].seen) {
            *scalars[i].seen = true;
        }
        return scalars[i].i32   ? dsi_json_i32(&p->r, scalars[i].i32, err)
               : scalars[i].i64 ? dsi_json_i64(&p->r, scalars[i].i64, err)
                                : dsi_json_string(&p->r, scalars[i].text, err);
    }
    return DS_OK;
}

static int read_top_member(struct parsing *p, struct ds_slice key, struct ds_error *err)
{
    static const struct {
        const char *key;
        int (*read)(struct parsing *p, struct ds_error *err);
    } lists[] = {
        {"format-version", read_version},
        {"schemas", read_schemas},
        {"partition-specs", read_specs},
        {"sort-orders", read_orders},
        {"properties", read_properties},
        {"current-snapshot-id", read_current_snapshot},
        {"snapshots", read_snapshots},
        {"refs", read_refs},
        {"snapshot-log", read_snapshot_log},
        {"metadata-log", read_metadata_log},
    };
    bool known = false;
    int rc = read_scalar(p, key, &known, err);

    if (rc < 0 || known) {
        return rc;
    }
    for (size_t i = 0; i < sizeof lists / sizeof lists[0]; i++) {
        if (dsi_json_key_is(key, lists[i].key)) {
            return lists[i].read(p, err);
        }
    }
    if (dsi_json_key_is(key, "schema")) {
        p->has_schema = true;
        return read_schema(&p->r, &p->schema, err);
    }
    if (dsi_json_key_is(key, "partition-spec")) {
        p->has_spec = true;
        return dsi_partition_spec_read(&p->r, true, &p->spec, err);
    }
    return read_extra(p, key, err);
}

// --- what older forms leave out
// ------------------------------------------------------------

static int fill_v1(struct parsing *p, struct ds_error *err)
{
    struct dsi_metadata *m = p->m;
    int rc = DS_OK;

    if (m->schema_count == 0 && p->has_schema) {
        DSI_TRY(grow(&m->arena, (const void **)&m->schemas, 0, sizeof *m->schemas, err));
        *(struct dsi_schema *)LAST(m->schemas, 0) = p->schema;
        m->schema_count = 1;
        m->current_schema_id = p->schema.schema_id;
        p->has_schema_id = true;
    }
    if (m->spec_count == 0 && p->has_spec) {
        DSI_TRY(grow(&m->arena, (const void **)&m->specs, 0, sizeof *m->specs, err));
        *(struct dsi_partition_spec *)LAST(m->specs, 0) = p->spec;
        m->spec_count = 1;
        p->has_spec_id = true;
    }
    if (!p->has_partition_id) {
        m->last_partition_id = 999;
        for (size_t i = 0; i < m->spec_count; i++) {
            for (size_t f = 0; f < m->specs[i].field_count; f++) {
                int32_t id = m->specs[i].fields[f].field_id;
                m->last_partition_id =
                    id > m->last_partition_id ? id : m->last_partition_id;
            }
        }
        p->has_partition_id = true;
    }
    if (m->sort_order_count == 0) {
        DSI_TRY(grow(&m->arena, (const void **)&m->sort_orders, 0, sizeof *m->sort_orders,
                     err));
        m->sort_order_count = 1; // The zeroed one: unsorted.
        p->has_order_id = true;
    }
done:
    return rc;
}

static int fill_refs(struct parsing *p, struct ds_error *err)
{
    struct dsi_metadata *m = p->m;

    if (p->has_refs || m->current_snapshot_id == DSI_SNAPSHOT_NONE) {
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
    bool v2 = m->format_version >= 2;
    const struct {
        const char *member;
        bool there;
    } needed[] = {
        {"format-version", p->has_version},
        {"location", m->location != NULL},
        {"table-uuid", m->table_uuid || !v2},
        {"last-sequence-number", p->has_sequence || !v2},
        {"schemas", m->schema_count > 0},
        {"current-schema-id", p->has_schema_id},
        {"partition-specs", m->spec_count > 0},
        {"default-spec-id", p->has_spec_id},
        {"last-partition-id", p->has_partition_id},
        {"sort-orders", m->sort_order_count > 0},
        {"default-sort-order-id", p->has_order_id},
        {"next-row-id", p->has_row_id || m->format_version < 3},
    };

    for (size_t i = 0; i < sizeof needed / sizeof needed[0]; i++) {
        if (!needed[i].there) {
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
    DSI_TRY(fill_refs(p, err));
    DSI_TRY(dsi_metadata_check(p->m, err));
done:
    return rc;
}

int dsi_metadata_parse(struct ds_slice json, struct dsi_metadata **out,
                       struct ds_error *err)
{
    struct parsing p = {.has_version = false};
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
    if (rc == DS_EINVALID) { // A schema that is wrong, in a file, is a broken file.
        return dsi_wrap(err, DS_ECORRUPT, "table metadata");
    }
    return rc;
}

// --- writing
// ---------------------------------------------------------------------------------

static void write_refs(struct dsi_json_writer *w, const struct dsi_metadata *m)
{
    dsi_json_write_key(w, "refs");
    dsi_json_write_object_begin(w);
    for (size_t i = 0; i < m->ref_count; i++) {
        const struct dsi_ref *ref = &m->refs[i];
        dsi_json_write_key(w, ref->name);
        dsi_json_write_object_begin(w);
        dsi_json_write_member_i64(w, "snapshot-id", ref->snapshot_id);
        dsi_json_write_member_string(w, "type",
                                     ref->kind == DSI_REF_TAG ? "tag" : "branch");
        if (ref->min_snapshots_to_keep >= 0) {
            dsi_json_write_member_i64(w, "min-snapshots-to-keep",
                                      ref->min_snapshots_to_keep);
        }
        if (ref->max_snapshot_age_ms >= 0) {
            dsi_json_write_member_i64(w, "max-snapshot-age-ms", ref->max_snapshot_age_ms);
        }
        if (ref->max_ref_age_ms >= 0) {
            dsi_json_write_member_i64(w, "max-ref-age-ms", ref->max_ref_age_ms);
        }
        dsi_json_write_object_end(w);
    }
    dsi_json_write_object_end(w);
}

static void write_schema(struct dsi_json_writer *w, const struct dsi_schema *s)
{
    struct dsi_buf json = DSI_BUF_INIT;

    if (s->raw.size > 0) {
        dsi_json_write_raw(w, s->raw);
    } else if (dsi_schema_to_json(s, &json, w->err) == DS_OK) {
        dsi_json_write_raw(w, dsi_buf_slice(&json));
    } else {
        w->rc = w->rc < 0 ? w->rc : DS_ENOMEM;
    }
    dsi_buf_release(&json);
}

static void write_layout(struct dsi_json_writer *w, const struct dsi_metadata *m)
{
    if (m->format_version == 1) {
        dsi_json_write_key(w, "schema");
        write_schema(w, dsi_metadata_current_schema(m));
    }
    dsi_json_write_member_i64(w, "current-schema-id", m->current_schema_id);
    dsi_json_write_key(w, "schemas");
    dsi_json_write_array_begin(w);
    for (size_t i = 0; i < m->schema_count; i++) {
        write_schema(w, &m->schemas[i]);
    }
    dsi_json_write_array_end(w);
    if (m->format_version == 1) {
        dsi_json_write_key(w, "partition-spec");
        dsi_partition_spec_write(w, dsi_metadata_default_spec(m), true);
    }
    dsi_json_write_member_i64(w, "default-spec-id", m->default_spec_id);
    dsi_json_write_key(w, "partition-specs");
    dsi_json_write_array_begin(w);
    for (size_t i = 0; i < m->spec_count; i++) {
        dsi_partition_spec_write(w, &m->specs[i], false);
    }
    dsi_json_write_array_end(w);
    dsi_json_write_member_i64(w, "last-partition-id", m->last_partition_id);
    dsi_json_write_member_i64(w, "default-sort-order-id", m->default_sort_order_id);
    dsi_json_write_key(w, "sort-orders");
    dsi_json_write_array_begin(w);
    for (size_t i = 0; i < m->sort_order_count; i++) {
        dsi_sort_order_write(w, &m->sort_orders[i]);
    }
    dsi_json_write_array_end(w);
}

static void write_logs(struct dsi_json_writer *w, const struct dsi_metadata *m)
{
    dsi_json_write_key(w, "snapshot-log");
    dsi_json_write_array_begin(w);
    for (size_t i = 0; i < m->snapshot_log_count; i++) {
        dsi_json_write_object_begin(w);
        dsi_json_write_member_i64(w, "timestamp-ms", m->snapshot_log[i].timestamp_ms);
        dsi_json_write_member_i64(w, "snapshot-id", m->snapshot_log[i].snapshot_id);
        dsi_json_write_object_end(w);
    }
    dsi_json_write_array_end(w);
    dsi_json_write_key(w, "metadata-log");
    dsi_json_write_array_begin(w);
    for (size_t i = 0; i < m->metadata_log_count; i++) {
        dsi_json_write_object_begin(w);
        dsi_json_write_member_i64(w, "timestamp-ms", m->metadata_log[i].timestamp_ms);
        dsi_json_write_member_string(w, "metadata-file",
                                     m->metadata_log[i].metadata_file);
        dsi_json_write_object_end(w);
    }
    dsi_json_write_array_end(w);
}

static void write_content(struct dsi_json_writer *w, const struct dsi_metadata *m)
{
    dsi_json_write_key(w, "properties");
    dsi_json_write_object_begin(w);
    for (size_t i = 0; i < m->property_count; i++) {
        dsi_json_write_member_string(w, m->properties[i].key, m->properties[i].value);
    }
    dsi_json_write_object_end(w);
    dsi_json_write_member_i64(w, "current-snapshot-id", m->current_snapshot_id);
    if (m->format_version >= 3) {
        dsi_json_write_member_i64(w, "next-row-id", m->next_row_id);
    }
    write_refs(w, m);
    dsi_json_write_key(w, "snapshots");
    dsi_json_write_array_begin(w);
    for (size_t i = 0; i < m->snapshot_count; i++) {
        dsi_json_write_raw(w, m->snapshots[i]->raw); // (3) of metadata.h
    }
    dsi_json_write_array_end(w);
    for (size_t i = 0; i < m->extra_count; i++) {
        dsi_json_write_member_raw(w, m->extras[i].key, m->extras[i].json);
    }
}

int dsi_metadata_to_json(const struct dsi_metadata *m, struct dsi_buf *out,
                         struct ds_error *err)
{
    struct dsi_json_writer w;

    dsi_json_writer_init(&w, out, err);
    dsi_json_write_object_begin(&w);
    dsi_json_write_member_i64(&w, "format-version", m->format_version);
    if (m->table_uuid) {
        dsi_json_write_member_string(&w, "table-uuid", m->table_uuid);
    }
    dsi_json_write_member_string(&w, "location", m->location);
    if (m->format_version >= 2) {
        dsi_json_write_member_i64(&w, "last-sequence-number", m->last_sequence_number);
    }
    dsi_json_write_member_i64(&w, "last-updated-ms", m->last_updated_ms);
    dsi_json_write_member_i64(&w, "last-column-id", m->last_column_id);
    write_layout(&w, m);
    write_content(&w, m);
    write_logs(&w, m);
    dsi_json_write_object_end(&w);
    return dsi_json_writer_finish(&w);
}
