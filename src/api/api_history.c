#include "datashard/table.h"

#include "api/api_handle.h"
#include "base/error.h"

static int told(int answer, struct ds_error *err)
{
    return answer < 0 ? dsi_fail(err, answer, "stopped by the caller") : DS_OK;
}

int ds_table_properties(ds_table *table, ds_property_fn fn, void *arg,
                        struct ds_error *err)
{
    const struct dsi_metadata *m = NULL;
    int rc = DS_OK;

    DSI_TRY(dsi_handle_need(table, "ds_table_properties", "table", err));
    DSI_TRY(dsi_handle_metadata(table, &m, err));
    for (size_t i = 0; i < m->property_count; i++) {
        DSI_TRY(told(fn(arg, m->properties[i].key, m->properties[i].value), err));
    }
done:
    dsi_metadata_unref(m);
    return rc;
}

// The current snapshot and its ancestors, newest first, told one by one.
struct lineage {
    const struct dsi_metadata *metadata;
    int64_t *ids;
    size_t count;
};

// Each step goes to a snapshot that is there, and at most as often as there are any: a
// circle of parents in a broken file ends the walk.
static int find_lineage(const struct dsi_metadata *m, struct dsi_arena *arena,
                        struct lineage *out, struct ds_error *err)
{
    const struct dsi_snapshot *s = dsi_metadata_current_snapshot(m);

    out->metadata = m;
    out->ids = dsi_arena_array(arena, m->snapshot_count + 1, sizeof(int64_t));
    if (!out->ids) {
        return dsi_no_memory(err, "a table's lineage");
    }
    while (s && out->count < m->snapshot_count) {
        out->ids[out->count++] = s->snapshot_id;
        s = s->parent_id == DSI_SNAPSHOT_NONE ? NULL
                                              : dsi_metadata_snapshot(m, s->parent_id);
    }
    return DS_OK;
}

// Snapshots and the log are in the order of time, the lineage against it; `next` is
// where the last hit was, so that the whole pass over a long history stays linear.
static bool is_ancestor(const struct lineage *l, int64_t id, size_t *next)
{
    for (size_t i = 0; i < l->count; i++) {
        size_t at = (*next + i) % l->count;
        if (l->ids[l->count - 1 - at] == id) {
            *next = at + 1;
            return true;
        }
    }
    return false;
}

static void describe(const struct dsi_snapshot *s, bool current,
                     struct ds_snapshot_info *out)
{
    const char *operation = dsi_snapshot_summary(s, "operation");
    *out = (struct ds_snapshot_info){
        .struct_size = sizeof(*out),
        .is_current = current,
        .snapshot_id = s->snapshot_id,
        .parent_id = s->parent_id,
        .sequence_number = s->sequence_number,
        .timestamp_ms = s->timestamp_ms,
        .schema_id = s->schema_id,
        .operation = operation ? operation : "",
        .manifest_list = s->manifest_list ? s->manifest_list : "",
        .summary = {s->summary, s->summary_count},
    };
}

int ds_table_snapshots(ds_table *table, ds_snapshot_fn fn, void *arg,
                       struct ds_error *err)
{
    struct dsi_arena arena = DSI_ARENA_INIT;
    const struct dsi_metadata *m = NULL;
    struct lineage lineage = {0};
    size_t next = 0;
    int rc = DS_OK;

    DSI_TRY(dsi_handle_need(table, "ds_table_snapshots", "table", err));
    DSI_TRY(dsi_handle_metadata(table, &m, err));
    DSI_TRY(find_lineage(m, &arena, &lineage, err));
    for (size_t i = 0; i < m->snapshot_count; i++) {
        struct ds_snapshot_info info = {0};
        describe(m->snapshots[i],
                 is_ancestor(&lineage, m->snapshots[i]->snapshot_id, &next), &info);
        DSI_TRY(told(fn(arg, &info), err));
    }
done:
    dsi_metadata_unref(m);
    dsi_arena_release(&arena);
    return rc;
}

int ds_table_history(ds_table *table, ds_history_fn fn, void *arg, struct ds_error *err)
{
    struct dsi_arena arena = DSI_ARENA_INIT;
    const struct dsi_metadata *m = NULL;
    struct lineage lineage = {0};
    size_t next = 0;
    int rc = DS_OK;

    DSI_TRY(dsi_handle_need(table, "ds_table_history", "table", err));
    DSI_TRY(dsi_handle_metadata(table, &m, err));
    DSI_TRY(find_lineage(m, &arena, &lineage, err));
    for (size_t i = 0; i < m->snapshot_log_count; i++) {
        const struct dsi_snapshot_log_entry *e = &m->snapshot_log[i];
        const struct dsi_snapshot *s = dsi_metadata_snapshot(m, e->snapshot_id);
        struct ds_history_info info = {
            .struct_size = sizeof(info),
            .is_current_ancestor = is_ancestor(&lineage, e->snapshot_id, &next),
            .made_current_ms = e->timestamp_ms,
            .snapshot_id = e->snapshot_id,
            .parent_id = s ? s->parent_id : -1,
        };
        DSI_TRY(told(fn(arg, &info), err));
    }
done:
    dsi_metadata_unref(m);
    dsi_arena_release(&arena);
    return rc;
}

int ds_table_refs(ds_table *table, ds_ref_fn fn, void *arg, struct ds_error *err)
{
    const struct dsi_metadata *m = NULL;
    int rc = DS_OK;

    DSI_TRY(dsi_handle_need(table, "ds_table_refs", "table", err));
    DSI_TRY(dsi_handle_metadata(table, &m, err));
    for (size_t i = 0; i < m->ref_count; i++) {
        const struct dsi_ref *r = &m->refs[i];
        struct ds_ref_info info = {
            .struct_size = sizeof(info),
            .is_tag = r->kind == DSI_REF_TAG,
            .name = r->name,
            .snapshot_id = r->snapshot_id,
            .max_ref_age_ms = r->max_ref_age_ms,
            .max_snapshot_age_ms = r->max_snapshot_age_ms,
            .min_snapshots_to_keep = r->min_snapshots_to_keep,
        };
        DSI_TRY(told(fn(arg, &info), err));
    }
done:
    dsi_metadata_unref(m);
    return rc;
}
