#include "datashard/write.h"

#include <string.h>

#include "api/api_handle.h"
#include "base/cancel.h"
#include "base/error.h"
#include "txn/optimize.h"

static int read_options(const struct ds_optimize_options *options,
                        struct dsi_optimize *out, struct ds_cancel_scope *cancel,
                        struct ds_error *err)
{
    struct ds_optimize_options all = {0};
    int rc = DS_OK;

    *out = (struct dsi_optimize){0};
    *cancel = (struct ds_cancel_scope){0};
    if (!options) {
        return DS_OK;
    }
    DSI_TRY(dsi_handle_size(options->struct_size, sizeof(all),
                            "struct ds_optimize_options", err));
    memcpy(&all, options, options->struct_size);
    if (all.small_bytes < 0 || all.files_min < 0 || all.files_min == 1) {
        rc = dsi_fail(err, DS_EINVALID,
                      "small_bytes is 0 or more, files_min is 0 or at least 2");
        goto done;
    }
    out->file_bytes_max = all.small_bytes;
    out->files_min = (size_t)all.files_min;
    cancel->cancelled = all.cancelled;
    cancel->arg = all.cancelled_arg;
done:
    return rc;
}

int ds_table_optimize(ds_table *table, const struct ds_optimize_options *options,
                      struct ds_optimize_result *result, struct ds_error *err)
{
    struct ds_optimize_result full = {0};
    struct dsi_optimized done = {0};
    struct dsi_optimize limits;
    struct ds_cancel_scope cancel;
    int rc = DS_OK;

    DSI_TRY(dsi_handle_need(table, "ds_table_optimize", "table", err));
    if (result) {
        DSI_TRY(dsi_handle_size(result->struct_size, sizeof(full),
                                "struct ds_optimize_result", err));
    }
    rc = read_options(options, &limits, &cancel, err);
    dsi_cancel_begin(&cancel);
    rc = rc < 0 ? rc : dsi_optimize(table->table, &limits, &done, err);
    dsi_cancel_end(&cancel);
    if (result) {
        full = (struct ds_optimize_result){
            .struct_size = result->struct_size,
            .files = done.files,
            .made = done.made,
            .rows = done.rows,
            .bytes = done.bytes,
            .commits = done.commits,
        };
        memcpy(result, &full, full.struct_size);
    }
done:
    return rc;
}
