#include "txn/rebase_add.h"

#include <assert.h>

#include "base/error.h"
#include "txn/conflict.h"
#include "txn/paths.h"

static int there(const struct dsi_rewrite_input *in, const struct dsi_manifest_entry *e,
                 struct ds_error *err)
{
    return dsi_conflict_fail(
        &(struct dsi_conflict){.rule = "file-added",
                               .object = e->file.path,
                               .advice = "somebody has added the same file since the "
                                         "transaction began; its rows are there",
                               .winner =
                                   dsi_metadata_snapshot(in->metadata, e->snapshot_id)},
        err);
}

int dsi_rebase_add(const struct dsi_rewrite_input *in, struct dsi_arena *arena,
                   const struct dsi_manifest_file ***needs, size_t *count,
                   struct ds_error *err)
{
    struct dsi_rebase_files files;
    const char *path = NULL;
    int rc = DS_OK;

    assert(in->operation->kind == DSI_OPERATION_ADD);
    *needs = NULL;
    *count = 0;
    DSI_TRY(dsi_rebase_files_find(&files, in, DSI_REBASE_SINCE, arena, err));
    *needs = files.needs;
    *count = files.needs_count;
    for (size_t i = 0; *count == 0 && i < in->row_count; i++) {
        const struct dsi_manifest *m = files.contents[i];
        for (size_t k = 0; m && k < m->entry_count; k++) {
            const struct dsi_manifest_entry *e = &m->entries[k];
            DSI_TRY(dsi_path_form(e->file.path, arena, &path, err));
            if (e->status != DSI_ENTRY_DELETED && dsi_map_get_text(&files.wanted, path)) {
                rc = there(in, e, err);
                goto done;
            }
        }
    }
done:
    dsi_rebase_files_release(&files);
    return rc;
}
