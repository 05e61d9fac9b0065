#include "txn/live.h"

#include "base/cancel.h"
#include "base/error.h"
#include "scan/scan.h"
#include "txn/conflict.h"
#include "txn/rebase.h"

static int tell_manifest(ds_storage *storage, const struct dsi_metadata *metadata,
                         const struct dsi_manifest_file *file, dsi_live_fn fn, void *arg,
                         struct ds_error *err)
{
    struct dsi_manifest_read_options options = {.skip_metrics = true,
                                                .skip_deleted = true};
    struct dsi_manifest m = {0};
    int rc = DS_OK;

    DSI_TRY(dsi_manifest_load(storage, metadata, file, &options, &m, err));
    for (size_t i = 0; i < m.entry_count; i++) {
        DSI_TRY(fn(arg, &m.entries[i].file, file->path, err));
    }
done:
    dsi_manifest_release(&m);
    return rc;
}

int dsi_live_files(ds_storage *storage, const struct dsi_metadata *metadata,
                   const struct dsi_change *change, dsi_live_fn fn, void *arg,
                   struct ds_error *err)
{
    const struct dsi_snapshot *snapshot = dsi_rebase_parent(metadata, change->branch);
    struct dsi_manifest_list list = {0};
    int rc = DS_OK;

    if (!snapshot) {
        return DS_OK;
    }
    DSI_TRY(dsi_snapshot_manifests(storage, metadata, snapshot, &list, err));
    for (size_t i = 0; i < list.count; i++) {
        const struct dsi_manifest_file *f = &list.files[i];
        DSI_TRY(dsi_cancel_check(err));
        if (f->content == DSI_MANIFEST_DATA &&
            (f->added_files_count != 0 || f->existing_files_count != 0)) {
            DSI_TRY(tell_manifest(storage, metadata, f, fn, arg, err));
        }
    }
done:
    dsi_manifest_list_release(&list);
    if (rc == DS_ENOTFOUND) {
        return dsi_conflict_fail(
            &(struct dsi_conflict){
                .rule = "snapshot-expired",
                .object = change->branch,
                .advice = "the version that the transaction began on was forgotten "
                          "meanwhile, and its files are gone; begin anew"},
            err);
    }
    return rc;
}
