#include "txn/expire.h"

#include "base/error.h"

// True when so many may be due. A branch keeps its newest keep_min at least, so below
// that and a batch there is nothing to look for.
static int may_be_due(const struct dsi_metadata *m, int64_t batch, bool *out,
                      struct ds_error *err)
{
    int64_t keep_min = 0;
    int rc = dsi_metadata_property_i64(m, "history.expire.min-snapshots-to-keep", 1, 1,
                                       &keep_min, err);

    for (size_t i = 0; i < m->ref_count; i++) { // A branch may have its own.
        int64_t own = m->refs[i].min_snapshots_to_keep;
        keep_min = own >= 0 && own < keep_min ? own : keep_min;
    }
    *out = m->snapshot_count >= (uint64_t)batch &&
           m->snapshot_count - (uint64_t)batch >= (uint64_t)keep_min;
    return rc;
}

// So many at once; a number that makes no sense is an error.
static int batch_of(const struct dsi_metadata *m, int64_t *out, struct ds_error *err)
{
    int rc =
        dsi_metadata_property_i64(m, DSI_KEY_EXPIRE_BATCH, DSI_EXPIRE_BATCH, 1, out, err);
    *out = *out < DSI_EXPIRE_BATCH_MAX ? *out : DSI_EXPIRE_BATCH_MAX;
    return rc;
}

size_t dsi_expire_log_batch(const struct dsi_metadata *m)
{
    bool wanted = false;
    int64_t batch = 1;

    return dsi_metadata_property_bool(m, DSI_KEY_EXPIRE_ON_COMMIT, false, &wanted,
                                      NULL) == DS_OK &&
                   wanted && batch_of(m, &batch, NULL) == DS_OK
               ? (size_t)batch
               : 1;
}

int dsi_expire_due(const struct dsi_metadata *m, int64_t now_ms, struct dsi_arena *arena,
                   int64_t **ids, size_t *count, struct ds_error *err)
{
    bool wanted = false;
    bool allowed = false;
    int64_t batch = 0;
    size_t most = 0;
    int rc = DS_OK;

    *ids = NULL;
    *count = 0;
    DSI_TRY(dsi_metadata_property_bool(m, DSI_KEY_EXPIRE_ON_COMMIT, false, &wanted, err));
    DSI_TRY(dsi_metadata_property_bool(m, "gc.enabled", true, &allowed, err));
    DSI_TRY(batch_of(m, &batch, err));
    if (wanted && allowed) {
        DSI_TRY(may_be_due(m, batch, &wanted, err));
    }
    if (!wanted || !allowed) {
        goto done;
    }
    DSI_TRY(dsi_metadata_expired(m, now_ms, arena, ids, count, err));
    most = batch > DSI_EXPIRE_MAX ? (size_t)batch : DSI_EXPIRE_MAX;
    *count = *count < (uint64_t)batch ? 0 : *count < most ? *count : most;
done:
    return rc;
}
