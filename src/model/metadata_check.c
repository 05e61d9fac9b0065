#include "model/metadata_check.h"

#include <string.h>

#include "base/error.h"
#include "base/map.h"

enum { CLOCK_SLACK_MS = 60000 }; // Clocks of several writers may differ by so much.

// The members of one list, for "no id twice".
struct id_list {
    const char *what;
    const struct dsi_metadata *m;
    size_t count;
    int32_t (*id)(const struct dsi_metadata *m, size_t i);
};

static int32_t schema_id(const struct dsi_metadata *m, size_t i)
{
    return m->schemas[i].schema_id;
}

static int32_t spec_id(const struct dsi_metadata *m, size_t i)
{
    return m->specs[i].spec_id;
}

static int32_t order_id(const struct dsi_metadata *m, size_t i)
{
    return m->sort_orders[i].order_id;
}

static int check_unique(const struct id_list *list, struct ds_error *err)
{
    struct dsi_map seen = DSI_MAP_INIT;
    int rc = DS_OK;

    for (size_t i = 0; i < list->count; i++) {
        int32_t id = list->id(list->m, i);
        if (dsi_map_get_int(&seen, id)) {
            rc = dsi_corrupt(err, "table metadata: two of '%s' have the id %d",
                             list->what, (int)id);
            break;
        }
        DSI_TRY(dsi_map_put_int(&seen, id, &seen, err)); // Any pointer will do.
    }
done:
    dsi_map_release(&seen);
    return rc;
}

static int check_ids(const struct dsi_metadata *m, struct ds_error *err)
{
    const struct id_list lists[] = {
        {"schemas", m, m->schema_count, schema_id},
        {"partition-specs", m, m->spec_count, spec_id},
        {"sort-orders", m, m->sort_order_count, order_id},
    };
    int rc = DS_OK;
    for (size_t i = 0; i < sizeof lists / sizeof lists[0]; i++) {
        DSI_TRY(check_unique(&lists[i], err));
    }
done:
    return rc;
}

static int no_such(struct ds_error *err, const char *member, int32_t id, const char *list)
{
    return dsi_corrupt(err, "table metadata: %s %d is not in %s", member, (int)id, list);
}

static int check_layout(const struct dsi_metadata *m, struct ds_error *err)
{
    const struct dsi_schema *schema = dsi_metadata_current_schema(m);
    const struct dsi_partition_spec *spec = dsi_metadata_default_spec(m);
    const struct dsi_sort_order *order = dsi_metadata_default_sort_order(m);
    int rc = DS_OK;

    if (!schema) {
        return no_such(err, "current-schema-id", m->current_schema_id, "schemas");
    }
    if (!spec) {
        return no_such(err, "default-spec-id", m->default_spec_id, "partition-specs");
    }
    if (!order) {
        return no_such(err, "default-sort-order-id", m->default_sort_order_id,
                       "sort-orders");
    }
    DSI_TRY(check_ids(m, err));
    DSI_TRY(dsi_partition_spec_check(spec, schema, err));
    DSI_TRY(dsi_sort_order_check(order, schema, err));
done:
    return rc == DS_EINVALID ? dsi_wrap(err, DS_ECORRUPT, "table metadata") : rc;
}

static int check_snapshots(const struct dsi_metadata *m, struct dsi_map *ids,
                           struct ds_error *err)
{
    int rc = DS_OK;

    if (m->last_sequence_number < 0 ||
        (m->format_version == 1 && m->last_sequence_number != 0)) {
        return dsi_corrupt(err, "table metadata: last-sequence-number %lld in version %d",
                           (long long)m->last_sequence_number, (int)m->format_version);
    }
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
        DSI_TRY(dsi_map_put_int(ids, s->snapshot_id, (void *)(uintptr_t)s, err));
    }
done:
    return rc;
}

int dsi_ref_check(const struct dsi_ref *ref, struct ds_error *err)
{
    bool tag = ref->kind == DSI_REF_TAG;

    if (ref->name[0] == '\0') {
        return dsi_fail(err, DS_EINVALID, "a branch or tag without a name");
    }
    if (tag && strcmp(ref->name, DSI_REF_MAIN) == 0) {
        return dsi_fail(err, DS_EINVALID, "ref 'main' is a tag; it is always a branch");
    }
    if (tag && (ref->max_snapshot_age_ms != -1 || ref->min_snapshots_to_keep != -1)) {
        return dsi_fail(err, DS_EINVALID,
                        "tag '%s' limits snapshots, which only a branch can", ref->name);
    }
    if (ref->max_ref_age_ms == 0 || ref->max_ref_age_ms < -1 ||
        ref->max_snapshot_age_ms == 0 || ref->max_snapshot_age_ms < -1 ||
        ref->min_snapshots_to_keep == 0 || ref->min_snapshots_to_keep < -1) {
        return dsi_fail(err, DS_EINVALID, "ref '%s' has a limit that is not above 0",
                        ref->name);
    }
    return DS_OK;
}

static int check_ref_names(const struct dsi_metadata *m, struct ds_error *err)
{
    struct dsi_map names = DSI_MAP_INIT;
    int rc = DS_OK;

    for (size_t i = 0; i < m->ref_count; i++) {
        if (dsi_map_get_text(&names, m->refs[i].name)) {
            rc = dsi_corrupt(err, "table metadata: ref '%s' is there twice",
                             m->refs[i].name);
            break;
        }
        DSI_TRY(dsi_map_put_text(&names, m->refs[i].name, &names, err));
    }
done:
    dsi_map_release(&names);
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
        int rc = dsi_ref_check(&m->refs[i], err);
        if (rc < 0) {
            return dsi_wrap(err, DS_ECORRUPT, "table metadata");
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
    DSI_TRY(check_ref_names(m, err));
    DSI_TRY(check_refs(m, &ids, err));
    DSI_TRY(check_logs(m, err));
done:
    dsi_map_release(&ids);
    return rc;
}
