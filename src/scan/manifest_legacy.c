#include "scan/manifest_legacy.h"

#include <string.h>

#include "base/error.h"
#include "base/map.h"
#include "base/sha256.h"
#include "scan/scan.h"

// What DataShard's later versions recorded of a file's bytes.
static int check_sum(struct ds_slice bytes, const char *recorded, struct ds_error *err)
{
    char sum[DSI_SHA256_TEXT_SIZE];
    struct dsi_sha256 s;

    if (!recorded || recorded[0] == '\0') {
        return DS_OK;
    }
    dsi_sha256_init(&s);
    dsi_sha256_update(&s, bytes.data, bytes.size);
    dsi_sha256_text(&s, sum);
    return strcmp(sum, recorded) == 0
               ? DS_OK
               : dsi_corrupt(err, "its SHA-256 is not the recorded %.64s", recorded);
}

// Notes which entries of one manifest name a file that was named before.
static int note_repeats(const struct dsi_manifest *manifest, struct dsi_map *seen,
                        struct dsi_arena *arena, struct dsi_manifest_file *file,
                        struct ds_error *err)
{
    size_t *skipped = NULL;
    size_t count = 0;
    int rc = DS_OK;

    for (size_t i = 0; i < manifest->entry_count; i++) {
        const char *path = manifest->entries[i].file.path;
        if (!dsi_map_get_text(seen, path)) {
            DSI_TRY(dsi_map_put_text(seen, path, seen, err));
            continue;
        }
        skipped = dsi_arena_grow(arena, skipped, count, sizeof *skipped);
        if (!skipped) {
            return dsi_no_memory(err, "reading a manifest");
        }
        skipped[count++] = i;
    }
    file->skipped = skipped;
    file->skipped_count = count;
done:
    return rc;
}

int dsi_legacy_list_load(ds_storage *storage, struct ds_slice bytes,
                         const struct dsi_metadata *m,
                         const struct dsi_snapshot *snapshot,
                         struct dsi_manifest_list *out, struct ds_error *err)
{
    static const struct dsi_manifest_read_options options = {.skip_metrics = true};
    struct dsi_map seen = DSI_MAP_INIT;
    struct dsi_manifest manifest = {0};
    int rc = DS_OK;

    *out = (struct dsi_manifest_list){.arena = DSI_ARENA_INIT};
    DSI_TRY(
        check_sum(bytes, dsi_snapshot_summary(snapshot, "manifest-list-sha256"), err));
    DSI_TRY(dsi_legacy_list_parse(bytes, m, snapshot, out, err));
    for (size_t i = 0; i < out->count; i++) {
        DSI_TRY(dsi_manifest_load(storage, m, &out->files[i], &options, &manifest, err));
        DSI_TRY(note_repeats(&manifest, &seen, &out->arena, &out->files[i], err));
        dsi_manifest_release(&manifest);
    }
done:
    dsi_manifest_release(&manifest);
    dsi_map_release(&seen);
    if (rc < 0) {
        dsi_manifest_list_release(out);
    }
    return rc;
}

int dsi_legacy_manifest_load(struct ds_slice bytes, const struct dsi_manifest_file *file,
                             const struct dsi_metadata *m, struct dsi_manifest *out,
                             struct ds_error *err)
{
    size_t next = 0; // Of the skipped ones, which are in order.
    size_t kept = 0;
    int rc = DS_OK;

    *out = (struct dsi_manifest){.arena = DSI_ARENA_INIT};
    DSI_TRY(check_sum(bytes, file->checksum, err));
    DSI_TRY(dsi_legacy_manifest_parse(bytes, file, m, out, err));
    for (size_t i = 0; i < out->entry_count; i++) {
        if (next < file->skipped_count && file->skipped[next] == i) {
            next++;
        } else {
            out->entries[kept++] = out->entries[i];
        }
    }
    out->entry_count = kept;
done:
    return rc;
}
