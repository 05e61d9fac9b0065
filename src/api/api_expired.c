#include "api/api_expired.h"

#include <stdio.h>
#include <string.h>

#include "base/error.h"

struct dsi_reading dsi_reading_of(const struct ds_table *table,
                                  const struct dsi_metadata *metadata,
                                  const struct dsi_snapshot *snapshot)
{
    return (struct dsi_reading){
        .catalog = table->catalog,
        .name = *dsi_table_name(table->table),
        .metadata = metadata,
        .snapshot_id = snapshot ? snapshot->snapshot_id : DSI_SNAPSHOT_NONE,
    };
}

int dsi_reading_keep(struct dsi_reading *r, struct dsi_arena *arena, struct ds_error *err)
{
    const char *ns = dsi_arena_strdup(arena, r->name.ns);
    const char *name = dsi_arena_strdup(arena, r->name.name);

    if (!ns || !name) {
        return dsi_no_memory(err, "a scan");
    }
    r->name = (struct dsi_table_name){ns, name};
    r->metadata = dsi_metadata_ref(r->metadata);
    dsi_refcount_add(&r->catalog->owners);
    return DS_OK;
}

void dsi_reading_drop(struct dsi_reading *r)
{
    dsi_metadata_unref(r->metadata);
    dsi_handle_catalog_unref(r->catalog);
    *r = (struct dsi_reading){0};
}

// True when the table is the same one, and has forgotten the snapshot.
static bool is_expired(const struct dsi_reading *r)
{
    const struct dsi_metadata *now = NULL;
    struct dsi_table *table = NULL;
    bool expired = false;

    if (dsi_table_open(r->catalog->catalog, &r->name, &table, NULL) == DS_OK) {
        now = dsi_table_metadata(table);
        expired = now->table_uuid && r->metadata->table_uuid &&
                  strcmp(now->table_uuid, r->metadata->table_uuid) == 0 &&
                  !dsi_metadata_snapshot(now, r->snapshot_id);
    }
    dsi_metadata_unref(now);
    dsi_table_free(table);
    return expired;
}

int dsi_reading_ended(const struct dsi_reading *r, int rc, struct ds_error *err)
{
    char lost[400] = "";

    if (rc != DS_ENOTFOUND || r->snapshot_id == DSI_SNAPSHOT_NONE || !is_expired(r)) {
        return rc;
    }
    if (err) {
        snprintf(lost, sizeof lost, " (%.390s)", err->message);
    }
    return dsi_fail(err, DS_EEXPIRED,
                    "snapshot %lld was expired while it was being read, and files of it "
                    "were removed%s; read the table again, and expire snapshots, or "
                    "remove their files, only when they are older than the longest read",
                    (long long)r->snapshot_id, lost);
}
