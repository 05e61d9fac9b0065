// The columns of manifests and manifest lists, once: the Avro schemas that we write and
// the order in which values follow come from the same rows.
// Iceberg specification, "Manifests", "Manifest Lists", Appendix A, "Avro".
#ifndef DSI_MODEL_MANIFEST_SCHEMA_H
#define DSI_MODEL_MANIFEST_SCHEMA_H

#include "model/partition.h"

struct dsi_manifest_column {
    int32_t id;
    const char *name;
    const char *json; // The Avro field; NULL: the partition record.
    int32_t version_min;
};

extern const struct dsi_manifest_column dsi_data_file_columns[];
extern const size_t dsi_data_file_column_count;
extern const struct dsi_manifest_column dsi_manifest_file_columns[];
extern const size_t dsi_manifest_file_column_count;

/// Appends the Avro schema of manifest entries; `types` are those of the partition
/// fields.
DS_MUST_CHECK int dsi_manifest_entry_schema(int32_t version,
                                            const struct dsi_partition_spec *spec,
                                            const struct dsi_type *types,
                                            struct dsi_buf *out, struct ds_error *err);

/// Appends the Avro schema of manifest list rows.
DS_MUST_CHECK int dsi_manifest_list_schema(int32_t version, struct dsi_buf *out,
                                           struct ds_error *err);

/// The name of a column by its field id, for messages; "?" if it is none of ours.
const char *dsi_manifest_column_name(int32_t id);

#endif
