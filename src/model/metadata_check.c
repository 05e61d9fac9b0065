#include "model/metadata_check.h"

#include <string.h>

#include "base/error.h"
#include "base/map.h"

enum { CLOCK_SLACK_MS = 60000 }; // Clocks of several writers may differ by so much.

static int check_layout(const struct dsi_metadata *m, struct ds_error *err)
{
    if (m->format_version < 1) {
        return dsi_corrupt(err, "table metadata: format version %d",
                           (int)m->format_version);
    }
    if (!dsi_metadata_current_schema(m)) {
        return dsi_corrupt(err, "table metadata: current-schema-id %d is not in schemas",
                           (int)m->current_schema_id);
    }
    if (!dsi_metadata_default_spec(m)) {
        return dsi_corrupt(err,
                           "table metadata: default-spec-id %d is not in "
                           "partition-specs",
                           (int)m->default_spec_id);
    }
    if (!dsi_metadata_default_sort_order(m)) {
        return dsi_corrupt(err,
                           "table metadata: default-sort-order-id %d is not in "
                           "sort-orders",
                           (int)m->default_sort_order_id);
    }
    const struct dsi_partition_spec *spec = dsi_metadata_default_spec(m);
    for (size_t i = 0; i < spec->field_count; i++) {
        const struct dsi_partition_field *f = &spec->fields[i];
        if (f->transform.kind != DSI_TRANSFORM_VOID &&
            !dsi_schema_field(dsi_metadata_current_schema(m), f->source_id)) {
            return dsi_corrupt(err,
                               "table metadata: partition field '%s' is of column %d, "
                               "which the schema does not have",
                               f->name, (int)f->source_id);
        }
    }
    return DS_OK;
}

static int check_snapshots(const struct dsi_metadata *m, struct dsi_map *ids,
                           struct ds_error *err)
{
    int rc = DS_OK;

    for (size_t i = 0; i < m->snapshot_count; i++) {
        const struct dsi_snapshot *s = m->snapshots[i];
        long long id = (long long)s->snapshot_id;
        if (dsi_map_get_int(ids, s->snapshot_id)) {
            return dsi_corrupt(err, "table metadata: snapshot %lld is there twice", id);
        }
        if (s->sequence_number > m->last_sequence_number) {
            return dsi_corrupt(err,
                               "table metadata: snapshot %lld has sequence number %lld, "
                               "above last-sequence-number %lld",
                               id, (long long)s->sequence_number,
                               (long long)m->last_sequence_number);
        }
        if (!s->manifest_list && (m->format_version > 1 || !s->manifests)) {
            return dsi_corrupt(err, "table metadata: snapshot %lld has no manifest-list",
                               id);
        }
        DSI_TRY(dsi_map_put_int(ids, s->snapshot_id, (void *)(uintptr_t)s, err));
    }
done:
    return rc;
}

static int check_refs(const struct dsi_metadata *m, const struct dsi_map *ids,
                      struct ds_error *err)
{
    const struct dsi_ref *main = dsi_metadata_find_ref(m, DSI_REF_MAIN);
    int64_t current = m->current_snapshot_id;

    if (current != DSI_SNAPSHOT_NONE && !dsi_map_get_int(ids, current)) {
        return dsi_corrupt(err,
                           "table metadata: current-snapshot-id %lld is not in "
                           "snapshots",
                           (long long)current);
    }
    for (size_t i = 0; i < m->ref_count; i++) {
        if (!dsi_map_get_int(ids, m->refs[i].snapshot_id)) {
            return dsi_corrupt(err,
                               "table metadata: ref '%s' names snapshot %lld, which is "
                               "not there",
                               m->refs[i].name, (long long)m->refs[i].snapshot_id);
        }
    }
    if ((main ? main->snapshot_id : DSI_SNAPSHOT_NONE) != current) {
        return dsi_corrupt(err, "table metadata: branch main and current-snapshot-id "
                                "disagree");
    }
    return DS_OK;
}

static int check_logs(const struct dsi_metadata *m, struct ds_error *err)
{
    int64_t last = INT64_MIN;

    for (size_t i = 0; i < m->snapshot_log_count; i++) {
        int64_t at = m->snapshot_log[i].timestamp_ms;
        if (i > 0 && at < last - CLOCK_SLACK_MS) {
            return dsi_corrupt(err, "table metadata: the snapshot log goes back in time");
        }
        last = at;
    }
    if (m->snapshot_log_count > 0 && m->last_updated_ms < last - CLOCK_SLACK_MS) {
        return dsi_corrupt(err, "table metadata: last-updated-ms is before the snapshot "
                                "log's end");
    }
    for (size_t i = 0; i < m->metadata_log_count; i++) {
        int64_t at = m->metadata_log[i].timestamp_ms;
        if (i > 0 && at < last - CLOCK_SLACK_MS) {
            return dsi_corrupt(err, "table metadata: the metadata log goes back in time");
        }
        last = at;
    }
    if (m->metadata_log_count > 0 && m->last_updated_ms < last - CLOCK_SLACK_MS) {
        return dsi_corrupt(err, "table metadata: last-updated-ms is before the metadata "
                                "log's end");
    }
    return DS_OK;
}

int dsi_metadata_check(const struct dsi_metadata *m, struct ds_error *err)
{
    struct dsi_map ids = DSI_MAP_INIT;
    int rc = DS_OK;

    DSI_TRY(check_layout(m, err));
    DSI_TRY(check_snapshots(m, &ids, err));
    DSI_TRY(check_refs(m, &ids, err));
    DSI_TRY(check_logs(m, err));
done:
    dsi_map_release(&ids);
    return rc;
}
