// Any bytes are a manifest of a small partitioned table or an error; what was read can be
// written, and then reads back as the same entries.
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "model/manifest.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char table[] =
    "{\"format-version\":2,\"table-uuid\":\"f79c3e09-677c-4bbd-a479-3f349cb785e7\","
    "\"location\":\"file:///t\",\"last-sequence-number\":9,\"last-updated-ms\":1000,"
    "\"last-column-id\":10,\"current-schema-id\":0,\"schemas\":[{\"type\":\"struct\","
    "\"schema-id\":0,\"fields\":["
    "{\"id\":1,\"name\":\"id\",\"required\":false,\"type\":\"long\"},"
    "{\"id\":2,\"name\":\"origin\",\"required\":false,\"type\":\"string\"},"
    "{\"id\":3,\"name\":\"day\",\"required\":false,\"type\":\"date\"},"
    "{\"id\":4,\"name\":\"ts\",\"required\":false,\"type\":\"timestamp\"},"
    "{\"id\":5,\"name\":\"tz\",\"required\":false,\"type\":\"timestamptz\"},"
    "{\"id\":6,\"name\":\"price\",\"required\":false,\"type\":\"decimal(9, 2)\"},"
    "{\"id\":7,\"name\":\"x\",\"required\":false,\"type\":\"double\"},"
    "{\"id\":8,\"name\":\"flag\",\"required\":false,\"type\":\"boolean\"}]}],"
    "\"default-spec-id\":0,\"last-partition-id\":1006,\"partition-specs\":[{\"spec-id\":"
    "0,"
    "\"fields\":["
    "{\"source-id\":2,\"field-id\":1000,\"name\":\"a\",\"transform\":\"identity\"},"
    "{\"source-id\":5,\"field-id\":1001,\"name\":\"b\",\"transform\":\"month\"},"
    "{\"source-id\":3,\"field-id\":1002,\"name\":\"c\",\"transform\":\"identity\"},"
    "{\"source-id\":6,\"field-id\":1003,\"name\":\"d\",\"transform\":\"identity\"},"
    "{\"source-id\":1,\"field-id\":1004,\"name\":\"e\",\"transform\":\"bucket[4]\"},"
    "{\"source-id\":8,\"field-id\":1005,\"name\":\"f\",\"transform\":\"identity\"},"
    "{\"source-id\":4,\"field-id\":1006,\"name\":\"g\",\"transform\":\"day\"}]}],"
    "\"sort-orders\":[{\"order-id\":0,\"fields\":[]}],\"default-sort-order-id\":0,"
    "\"properties\":{},\"current-snapshot-id\":-1,\"refs\":{},\"snapshots\":[],"
    "\"snapshot-log\":[],\"metadata-log\":[]}";

static void write_again(const struct dsi_metadata *m,
                        const struct dsi_manifest_file *file,
                        const struct dsi_manifest *read)
{
    const struct dsi_manifest_write w = {.format_version = 3,
                                         .schema = dsi_metadata_current_schema(m),
                                         .spec = dsi_metadata_spec(m, 0),
                                         .content = file->content,
                                         .snapshot_id = 7,
                                         .compression = "uncompressed",
                                         .compression_level = -1};
    struct dsi_arena arena = DSI_ARENA_INIT;
    struct dsi_buf out = DSI_BUF_INIT;
    struct dsi_manifest_file made;
    struct dsi_manifest again;

    if (dsi_manifest_build(&w, read->entries, read->entry_count, &arena, &out, &made,
                           NULL) == DS_OK) {
        if (dsi_manifest_parse(dsi_buf_slice(&out), file, m, NULL, &again, NULL) !=
                DS_OK ||
            again.entry_count != read->entry_count) {
            abort();
        }
        for (size_t i = 0; i < again.entry_count; i++) {
            const struct dsi_manifest_entry *a = &again.entries[i];
            const struct dsi_manifest_entry *b = &read->entries[i];
            if (a->sequence_number != b->sequence_number ||
                strcmp(a->file.path, b->file.path) != 0 ||
                a->file.column_count != b->file.column_count) {
                abort();
            }
        }
        dsi_manifest_release(&again);
    }
    dsi_buf_release(&out);
    dsi_arena_release(&arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct dsi_metadata *m;
    struct ds_error err = {0};

    if (!m && dsi_metadata_parse(dsi_slice_text(table), &m, &err) < 0) {
        abort();
    }
    for (int i = 0; i < 3; i++) {
        const struct dsi_manifest_file file = {.path = "m.avro",
                                               .content = i == 2 ? DSI_MANIFEST_DELETES
                                                                 : DSI_MANIFEST_DATA,
                                               .sequence_number = INT64_C(5) * i,
                                               .added_snapshot_id = 7,
                                               .first_row_id = i == 1 ? 100 : -1};
        const struct dsi_manifest_read_options options = {.skip_metrics = i == 2};
        struct dsi_manifest read;
        int rc = dsi_manifest_parse((struct ds_slice){data, size}, &file, m, &options,
                                    &read, &err);
        if (rc == DS_OK && i < 2) {
            write_again(m, &file, &read);
        } else if (rc < 0 && (read.entry_count != 0 || err.message[0] == '\0')) {
            abort();
        }
        dsi_manifest_release(&read);
    }
    return 0;
}
