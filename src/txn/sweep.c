#include "txn/sweep.h"

#include "base/alloc.h"
#include "txn/retire.h"

struct dsi_sweep {
    ds_storage *storage;
    struct dsi_arena arena;
    const struct dsi_metadata *metadata; // The version made.
    const struct dsi_snapshot **expired; // References.
    size_t expired_count;
    const char **files; // That fell out of the metadata log, or the ledger.
    size_t file_count;
};

static bool take_snapshots(struct dsi_sweep *s, const struct dsi_rebased *r)
{
    s->expired = dsi_arena_array(&s->arena, r->expired_count, sizeof *s->expired);
    for (size_t i = 0; s->expired && i < r->expired_count; i++) {
        s->expired[s->expired_count++] = dsi_snapshot_ref(r->expired[i]);
    }
    return s->expired != NULL;
}

static bool take_files(struct dsi_sweep *s, const char *const *files, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        char *path = dsi_arena_strdup(&s->arena, files[i]);
        if (!path) {
            return false;
        }
        s->files[s->file_count++] = path;
    }
    return true;
}

static bool removes_logs(const struct dsi_metadata *m)
{
    bool wanted = false;

    return dsi_metadata_property_bool(m, "write.metadata.delete-after-commit.enabled",
                                      false, &wanted, NULL) == DS_OK &&
           wanted;
}

struct dsi_sweep *dsi_sweep_new(ds_storage *storage, const struct dsi_rebased *r)
{
    struct dsi_sweep *s = dsi_calloc(1, sizeof *s);

    if (!s) {
        return NULL;
    }
    size_t dropped = removes_logs(r->metadata) ? r->dropped_count : 0;
    s->storage = storage;
    s->metadata = dsi_metadata_ref(r->metadata);
    s->files =
        dsi_arena_array(&s->arena, dropped + r->dropped_ledger_count, sizeof *s->files);
    if (!s->files || !take_snapshots(s, r) || !take_files(s, r->dropped, dropped) ||
        !take_files(s, r->dropped_ledger, r->dropped_ledger_count)) {
        dsi_sweep_free(s);
        return NULL;
    }
    return s;
}

void dsi_sweep_free(struct dsi_sweep *s)
{
    if (s) {
        for (size_t i = 0; i < s->expired_count; i++) {
            dsi_snapshot_unref(s->expired[i]);
        }
        dsi_metadata_unref(s->metadata);
        dsi_arena_release(&s->arena);
        dsi_free(s);
    }
}

size_t dsi_sweep_size(const struct dsi_sweep *s)
{
    return 2 * s->expired_count + s->file_count; // A list, and often a manifest.
}

void dsi_sweep_run(const struct dsi_sweep *s)
{
    dsi_retire_snapshots(s->storage, s->metadata, s->expired, s->expired_count);
    dsi_retire_metadata(s->storage, s->files, s->file_count);
}
