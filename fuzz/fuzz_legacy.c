// Any bytes are metadata, a manifest list or a manifest of DataShard's own layout, or an
// error; what was read is a table, and rows and entries that can be relied on.
#include <stdlib.h>

#include "base/error.h"
#include "base/text.h"
#include "model/legacy.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char table[] =
    "{\"format_version\": 2, \"table_uuid\": \"u\", \"current_schema_id\": 0,"
    "\"schemas\": [{\"schema_id\": 0, \"fields\": []}], \"current_snapshot_id\": 20,"
    "\"snapshots\": ["
    "{\"snapshot_id\": 10, \"timestamp_ms\": 1, \"manifest_list\": \"a\"},"
    "{\"snapshot_id\": 20, \"timestamp_ms\": 2, \"manifest_list\": \"b\"}]}";

static struct dsi_metadata *metadata_of(struct ds_slice json)
{
    struct dsi_metadata *m = NULL;
    struct dsi_legacy l;

    if (dsi_legacy_read(json, "file:///t", &l, NULL) == DS_OK) {
        DSI_IGNORE(dsi_legacy_to_metadata(&l, &m, NULL)); // NULL then.
    }
    dsi_legacy_release(&l);
    return m;
}

static void try_manifest(struct ds_slice bytes, const struct dsi_metadata *m)
{
    static const struct dsi_manifest_file row = {
        .path = "x", .sequence_number = 2, .added_snapshot_id = 20, .first_row_id = -1};
    struct dsi_manifest manifest;

    if (dsi_legacy_manifest_parse(bytes, &row, m, &manifest, NULL) == DS_OK) {
        for (size_t i = 0; i < manifest.entry_count; i++) {
            const struct dsi_manifest_entry *e = &manifest.entries[i];
            if (!dsi_text_starts_with(e->file.path, "file:///t/") ||
                e->file.record_count < 0 || e->sequence_number < 0 ||
                !e->file.partition) {
                abort();
            }
        }
    } else if (manifest.entry_count != 0) {
        abort();
    }
    dsi_manifest_release(&manifest);
}

static void try_list(struct ds_slice bytes, const struct dsi_metadata *m)
{
    struct dsi_manifest_list list;

    if (dsi_legacy_list_parse(bytes, m, m->snapshots[1], &list, NULL) == DS_OK) {
        for (size_t i = 0; i < list.count; i++) {
            const struct dsi_manifest_file *f = &list.files[i];
            if (!dsi_text_starts_with(f->path, "file:///t/") || f->length < 0 ||
                f->sequence_number < f->min_sequence_number) {
                abort();
            }
        }
    } else if (list.count != 0) {
        abort();
    }
    dsi_manifest_list_release(&list);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct ds_slice bytes = {data, size};
    struct dsi_metadata *m = metadata_of(dsi_slice_text(table));
    struct dsi_metadata *other = metadata_of(bytes);

    if (!m || (other && !dsi_metadata_current_schema(other))) {
        abort();
    }
    try_list(bytes, m);
    try_manifest(bytes, m);
    dsi_metadata_unref(other);
    dsi_metadata_unref(m);
    return 0;
}
