#include "datashard/migrate.h"

#include <string.h>

#include "api/api_handle.h"
#include "base/error.h"
#include "maint/migrate.h"

int ds_table_migrate(const char *location, const struct ds_migrate_options *options,
                     char **report, struct ds_error *err)
{
    struct ds_migrate_options all = {0};
    struct dsi_arena arena = DSI_ARENA_INIT;
    struct dsi_buf text = DSI_BUF_INIT;
    ds_storage *storage = NULL;
    char *where = NULL;
    size_t size = 0;
    int rc = DS_OK;

    DSI_TRY(dsi_handle_need(report, "ds_table_migrate", "report", err));
    *report = NULL;
    DSI_TRY(dsi_handle_need(location, "ds_table_migrate", "location", err));
    if (options) {
        DSI_TRY(dsi_handle_size(options->struct_size, sizeof(all),
                                "struct ds_migrate_options", err));
        memcpy(&all, options, options->struct_size);
    }
    DSI_TRY(dsi_handle_location(location, &arena, &where, err));
    DSI_TRY(dsi_storage_router_new(&storage, err));
    DSI_TRY(dsi_migrate(&(struct dsi_migrate){.storage = storage,
                                              .table = where,
                                              .metadata_file = all.metadata_file,
                                              .dry_run = all.dry_run,
                                              .remove_old = all.remove_old,
                                              .progress = all.progress,
                                              .progress_arg = all.progress_arg},
                        &text, err));
    DSI_TRY(dsi_buf_append_byte(&text, 0, err));
    *report = (char *)dsi_buf_take(&text, &size);
done:
    dsi_storage_free(storage);
    dsi_buf_release(&text);
    dsi_arena_release(&arena);
    return rc;
}
