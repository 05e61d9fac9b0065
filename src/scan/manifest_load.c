#include "base/error.h"
#include "scan/manifest_legacy.h"
#include "scan/scan.h"

// No writer makes manifests or lists near this; it bounds what a wrong length can cost.
#define FILE_SIZE_MAX ((size_t)1 << 30)

// Old v1 snapshots name their manifests themselves, and nothing else about them. Their
// partition spec is 0, which is what other readers take.
static int list_v1(ds_storage *storage, const struct dsi_snapshot *snapshot,
                   struct dsi_manifest_list *out, struct ds_error *err)
{
    struct ds_file_info info = {0};
    int rc = DS_OK;

    out->files =
        dsi_arena_array(&out->arena, snapshot->manifest_count, sizeof *out->files);
    if (!out->files) {
        return dsi_no_memory(err, "listing manifests");
    }
    for (size_t i = 0; i < snapshot->manifest_count; i++) {
        char *path = dsi_arena_strdup(&out->arena, snapshot->manifests[i]);
        if (!path) {
            return dsi_no_memory(err, "listing manifests");
        }
        DSI_TRY(dsi_storage_stat(storage, path, &info, err));
        out->files[i] = (struct dsi_manifest_file){
            .path = path,
            .length = (int64_t)info.size,
            .content = DSI_MANIFEST_DATA,
            .added_snapshot_id = snapshot->snapshot_id,
            .added_files_count = -1,
            .existing_files_count = -1,
            .deleted_files_count = -1,
            .added_rows_count = -1,
            .existing_rows_count = -1,
            .deleted_rows_count = -1,
            .first_row_id = -1,
        };
        out->count++;
    }
done:
    return rc;
}

int dsi_snapshot_manifests(ds_storage *storage, const struct dsi_metadata *m,
                           const struct dsi_snapshot *snapshot,
                           struct dsi_manifest_list *out, struct ds_error *err)
{
    struct dsi_buf bytes = DSI_BUF_INIT_MAX(FILE_SIZE_MAX);
    int rc = DS_OK;

    *out = (struct dsi_manifest_list){.arena = DSI_ARENA_INIT};
    if (!snapshot->manifest_list) {
        DSI_TRY(list_v1(storage, snapshot, out, err));
    } else {
        DSI_TRY(dsi_storage_read(storage, snapshot->manifest_list, &bytes, err));
        DSI_TRY(m->is_legacy ? dsi_legacy_list_load(storage, dsi_buf_slice(&bytes), m,
                                                    snapshot, out, err)
                             : dsi_manifest_list_parse(dsi_buf_slice(&bytes), out, err));
    }
done:
    dsi_buf_release(&bytes);
    if (rc < 0) {
        dsi_manifest_list_release(out);
        rc = snapshot->manifest_list
                 ? dsi_wrap_file(err, rc, "reading", snapshot->manifest_list)
                 : rc;
        return dsi_wrap(err, rc, "snapshot %lld", (long long)snapshot->snapshot_id);
    }
    return DS_OK;
}

int dsi_manifest_load(ds_storage *storage, const struct dsi_metadata *m,
                      const struct dsi_manifest_file *file,
                      const struct dsi_manifest_read_options *options,
                      struct dsi_manifest *out, struct ds_error *err)
{
    struct dsi_buf bytes = DSI_BUF_INIT_MAX(FILE_SIZE_MAX);
    int rc = DS_OK;

    *out = (struct dsi_manifest){.arena = DSI_ARENA_INIT};
    if (file->key_metadata.size > 0) {
        rc = dsi_fail(err, DS_EUNSUPPORTED, "encrypted manifests are not supported");
        goto done;
    }
    DSI_TRY(dsi_storage_read(storage, file->path, &bytes, err));
    if (file->length > 0 && (uint64_t)file->length != bytes.size) {
        rc = dsi_corrupt(err, "the manifest list says %lld bytes, the file has %zu",
                         (long long)file->length, bytes.size);
        goto done;
    }
    DSI_TRY(m->is_legacy
                ? dsi_legacy_manifest_load(dsi_buf_slice(&bytes), file, m, out, err)
                : dsi_manifest_parse(dsi_buf_slice(&bytes), file, m, options, out, err));
done:
    dsi_buf_release(&bytes);
    return rc < 0 ? dsi_wrap_file(err, rc, "manifest", file->path) : rc;
}
