// Table metadata written as JSON, in the order of members that Iceberg's Java library
// has: Iceberg specification, "Table Metadata" and Appendix C.
#include "model/metadata.h"

#include "base/error.h"
#include "model/parts_json.h"

// (3) of metadata.h
static void write_extras(struct dsi_json_writer *w, const struct dsi_extras *extras)
{
    for (size_t i = 0; i < extras->count; i++) {
        dsi_json_write_member_raw(w, extras->members[i].key, extras->members[i].json);
    }
}

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
        write_extras(w, &ref->extras);
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
        write_extras(w, &m->snapshot_log[i].extras);
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
        write_extras(w, &m->metadata_log[i].extras);
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
    // Java writes -1 for "none", but nothing at all from version 3 on.
    if (m->current_snapshot_id != DSI_SNAPSHOT_NONE || m->format_version < 3) {
        dsi_json_write_member_i64(w, "current-snapshot-id", m->current_snapshot_id);
    }
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
    write_extras(w, &m->extras);
}

// About how long it will be: one allocation instead of many that double.
static size_t guess_size(const struct dsi_metadata *m)
{
    size_t size = 4096 + 128 * m->snapshot_log_count + 256 * m->metadata_log_count;
    for (size_t i = 0; i < m->snapshot_count; i++) {
        size += m->snapshots[i]->raw.size + 1;
    }
    return size;
}

int dsi_metadata_to_json(const struct dsi_metadata *m, struct dsi_buf *out,
                         struct ds_error *err)
{
    struct dsi_json_writer w;
    int rc = dsi_buf_reserve(out, guess_size(m), err);

    if (rc < 0) {
        return rc;
    }
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
