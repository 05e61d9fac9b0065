#include "datashard/table.h"

#include <string.h>

#include "api/api_handle.h"
#include "base/cancel.h"
#include "base/error.h"
#include "maint/relocate.h"

int ds_table_relocate(ds_table *table, const struct ds_relocate_options *options,
                      struct ds_relocate_result *result, struct ds_error *err)
{
    struct ds_relocate_options all = {0};
    struct ds_relocate_result full = {0};
    struct dsi_relocate_counts done = {0};
    struct ds_cancel_scope cancel = {0};
    int rc = DS_OK;

    DSI_TRY(dsi_handle_need(table, "ds_table_relocate", "table", err));
    if (options) {
        DSI_TRY(dsi_handle_size(options->struct_size, sizeof(all),
                                "struct ds_relocate_options", err));
        memcpy(&all, options, options->struct_size);
    }
    if (result) {
        DSI_TRY(dsi_handle_size(result->struct_size, sizeof(full),
                                "struct ds_relocate_result", err));
    }
    cancel.cancelled = all.cancelled;
    cancel.arg = all.cancelled_arg;
    dsi_cancel_begin(&cancel);
    rc = dsi_relocate(table->table, all.dry_run, &done, err);
    dsi_cancel_end(&cancel);
    if (result) {
        full = (struct ds_relocate_result){
            .struct_size = result->struct_size,
            .relocated = done.relocated,
            .snapshots = done.snapshots,
            .manifests = done.manifests,
            .data_files = done.data_files,
            .delete_files = done.delete_files,
            .bytes = done.bytes,
        };
        memcpy(result, &full, full.struct_size);
    }
done:
    return rc;
}
