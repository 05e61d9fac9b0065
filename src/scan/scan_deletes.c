#include "scan/scan_deletes.h"

#include <string.h>

#include "base/error.h"
#include "base/text.h"

// The reserved column "file_path" of position delete files.
enum { FILE_PATH_ID = 2147483546 };

static bool same_partition(const struct dsi_data_file *a, const struct dsi_data_file *b)
{
    if (a->spec_id != b->spec_id || a->partition_count != b->partition_count) {
        return false;
    }
    for (size_t i = 0; i < a->partition_count; i++) {
        if (!dsi_value_equal(&a->partition[i], &b->partition[i])) {
            return false;
        }
    }
    return true;
}

// Whether a position delete file's bounds leave out the path of a data file.
static bool excludes_path(const struct dsi_data_file *deletes, const char *path)
{
    struct ds_slice text = dsi_slice_text(path);

    for (size_t i = 0; i < deletes->column_count; i++) {
        const struct dsi_column_metrics *m = &deletes->columns[i];
        if (m->field_id == FILE_PATH_ID) {
            return (m->lower.data && dsi_slice_compare(text, m->lower) < 0) ||
                   (m->upper.data && dsi_slice_compare(text, m->upper) > 0);
        }
    }
    return false;
}

static bool applies(const struct dsi_manifest_entry *e, const struct dsi_plan_file *f)
{
    if (e->file.content == DSI_CONTENT_EQUALITY_DELETES) {
        return f->sequence_number < e->sequence_number &&
               (e->file.partition_count == 0 || same_partition(&e->file, f->file));
    }
    if (f->sequence_number > e->sequence_number) {
        return false;
    }
    if (e->file.referenced_data_file) {
        return strcmp(e->file.referenced_data_file, f->file->path) == 0;
    }
    return same_partition(&e->file, f->file) && !excludes_path(&e->file, f->file->path);
}

int dsi_deletes_check(const struct dsi_plan_request *request,
                      const struct dsi_manifest_file *deletes,
                      const struct dsi_plan *plan, struct ds_error *err)
{
    struct dsi_manifest_read_options options = {.skip_deleted = true};
    struct dsi_manifest manifest = {0};
    int rc = DS_OK;

    DSI_TRY(dsi_manifest_load(request->storage, request->metadata, deletes, &options,
                              &manifest, err));
    for (size_t i = 0; i < manifest.entry_count; i++) {
        const struct dsi_manifest_entry *e = &manifest.entries[i];
        for (size_t k = 0; e->status != DSI_ENTRY_DELETED && k < plan->count; k++) {
            if (applies(e, &plan->files[k])) {
                rc = dsi_fail(err, DS_EUNSUPPORTED,
                              "snapshot %lld has delete files, which cannot be read yet: "
                              "%s applies to %s; rewrite the data files, or read a "
                              "snapshot without",
                              (long long)request->snapshot->snapshot_id, e->file.path,
                              plan->files[k].file->path);
                goto done;
            }
        }
    }
done:
    dsi_manifest_release(&manifest);
    return rc;
}
