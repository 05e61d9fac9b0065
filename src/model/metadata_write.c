// Table metadata written as JSON, in the order of members that Iceberg's Java library
// has: Iceberg specification, "Table Metadata" and Appendix C.
#include "model/metadata.h"

#include <assert.h>

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

// --- the long lists

// Where they are in what is written.
struct runs {
    struct dsi_metadata *keeper; // Who keeps that; NULL: nobody.
    struct dsi_text_run snapshots;
    struct dsi_text_run snapshot_log;
    struct dsi_text_run metadata_log;
};

// A list, of whose first entries the text may be there.
struct long_list {
    const char *key;
    size_t count;
    const struct dsi_text_run *run;
    void (*write)(struct dsi_json_writer *w, const struct dsi_metadata *m, size_t i);
    void (*note)(struct dsi_metadata *m, size_t i, size_t size); // NULL: it is known.
};

static void write_long_list(struct dsi_json_writer *w, const struct dsi_metadata *m,
                            const struct long_list *list, struct runs *runs,
                            struct dsi_text_run *now)
{
    const struct dsi_text_run *run = list->run;

    dsi_json_write_key(w, list->key);
    dsi_json_write_array_begin(w);
    now->at = w->out->size;
    now->count = list->count;
    assert(run->count <= list->count);
    if (run->count > 0) { // (2) of metadata_text.h
        dsi_json_write_raw(w, dsi_text_run_slice(m->text, run));
    }
    for (size_t i = run->count; i < list->count; i++) {
        size_t from = w->out->size + w->comma;
        list->write(w, m, i);
        if (runs->keeper && list->note) {
            list->note(runs->keeper, i, w->out->size - from);
        }
    }
    now->size = w->out->size - now->at;
    dsi_json_write_array_end(w);
}

static void write_snapshot(struct dsi_json_writer *w, const struct dsi_metadata *m,
                           size_t i)
{
    dsi_json_write_raw(w, m->snapshots[i]->raw); // (3) of metadata.h
}

static void write_snapshot_entry(struct dsi_json_writer *w, const struct dsi_metadata *m,
                                 size_t i)
{
    const struct dsi_snapshot_log_entry *e = &m->snapshot_log[i];

    dsi_json_write_object_begin(w);
    dsi_json_write_member_i64(w, "timestamp-ms", e->timestamp_ms);
    dsi_json_write_member_i64(w, "snapshot-id", e->snapshot_id);
    write_extras(w, &e->extras);
    dsi_json_write_object_end(w);
}

static void note_snapshot_entry(struct dsi_metadata *m, size_t i, size_t size)
{
    ((struct dsi_snapshot_log_entry *)(uintptr_t)m->snapshot_log)[i].text_size =
        (uint32_t)size; // Buffers hold at most 2 GiB.
}

static void write_metadata_entry(struct dsi_json_writer *w, const struct dsi_metadata *m,
                                 size_t i)
{
    const struct dsi_metadata_log_entry *e = &m->metadata_log[i];

    dsi_json_write_object_begin(w);
    dsi_json_write_member_i64(w, "timestamp-ms", e->timestamp_ms);
    dsi_json_write_member_string(w, "metadata-file", e->metadata_file);
    write_extras(w, &e->extras);
    dsi_json_write_object_end(w);
}

static void note_metadata_entry(struct dsi_metadata *m, size_t i, size_t size)
{
    ((struct dsi_metadata_log_entry *)(uintptr_t)m->metadata_log)[i].text_size =
        (uint32_t)size;
}

static void write_logs(struct dsi_json_writer *w, const struct dsi_metadata *m,
                       struct runs *runs)
{
    const struct long_list snapshot_log = {"snapshot-log", m->snapshot_log_count,
                                           &m->snapshot_log_run, write_snapshot_entry,
                                           note_snapshot_entry};
    const struct long_list metadata_log = {"metadata-log", m->metadata_log_count,
                                           &m->metadata_log_run, write_metadata_entry,
                                           note_metadata_entry};

    write_long_list(w, m, &snapshot_log, runs, &runs->snapshot_log);
    write_long_list(w, m, &metadata_log, runs, &runs->metadata_log);
}

static void write_content(struct dsi_json_writer *w, const struct dsi_metadata *m,
                          struct runs *runs)
{
    const struct long_list snapshots = {"snapshots", m->snapshot_count, &m->snapshots_run,
                                        write_snapshot, NULL};

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
    write_long_list(w, m, &snapshots, runs, &runs->snapshots);
    write_extras(w, &m->extras);
}

// About how long it will be: one allocation instead of many that double.
static size_t guess_size(const struct dsi_metadata *m)
{
    size_t entries = m->snapshot_log_count - m->snapshot_log_run.count;
    size_t files = m->metadata_log_count - m->metadata_log_run.count;
    size_t size = 4096 + 128 * entries + 256 * files + (m->text ? m->text->json.size : 0);

    for (size_t i = m->snapshots_run.count; i < m->snapshot_count; i++) {
        size += m->snapshots[i]->raw.size + 1;
    }
    return size;
}

static int write_all(const struct dsi_metadata *m, struct dsi_buf *out, struct runs *runs,
                     struct ds_error *err)
{
    struct dsi_json_writer w;
    size_t size = guess_size(m);
    int rc = DS_OK;

    if (out->size == 0 && out->capacity < size) {
        dsi_buf_release(out);                // Nothing in it is worth to be moved.
        size += runs->keeper ? size / 8 : 0; // (3) of metadata_text.h: they grow.
    }
    rc = dsi_buf_reserve(out, size, err);
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
    write_content(&w, m, runs);
    write_logs(&w, m, runs);
    dsi_json_write_object_end(&w);
    return dsi_json_writer_finish(&w);
}

int dsi_metadata_to_json(const struct dsi_metadata *m, struct dsi_buf *out,
                         struct ds_error *err)
{
    struct runs runs = {.keeper = NULL};

    return write_all(m, out, &runs, err);
}

int dsi_metadata_write(struct dsi_metadata *m, struct ds_slice *json,
                       struct ds_error *err)
{
    struct dsi_metadata_text *text = dsi_metadata_text_new(m->text);
    struct runs runs = {.keeper = m};
    int rc = DS_OK;

    if (!text) {
        return dsi_no_memory(err, "writing table metadata");
    }
    DSI_TRY(write_all(m, &text->json, &runs, err));
    dsi_metadata_text_unref(m->text); // (1) of metadata_text.h
    m->text = text;
    m->snapshots_run = runs.snapshots;
    m->snapshot_log_run = runs.snapshot_log;
    m->metadata_log_run = runs.metadata_log;
    *json = dsi_buf_slice(&text->json);
    text = NULL;
done:
    dsi_metadata_text_unref(text);
    return rc;
}
