// What the columns of a table are called in files that have no field ids.
// Iceberg specification, "Column Projection" and "Name Mapping Serialization".
#ifndef DSI_DATA_DATA_MAPPING_H
#define DSI_DATA_DATA_MAPPING_H

#include "model/metadata.h"

struct dsi_data_mapped_name;

/// All names of all fields, nested ones too: an id is one field of the whole table.
struct dsi_data_mapping {
    bool exists;
    const struct dsi_data_mapped_name *names;
};

/// Reads a table's mapping into the arena; without one, or without a table (NULL), it
/// does not exist. DS_ECORRUPT.
DS_MUST_CHECK int dsi_data_mapping_read(const struct dsi_metadata *metadata,
                                        struct dsi_arena *arena,
                                        struct dsi_data_mapping *out,
                                        struct ds_error *err);

/// Whether a field may be called so.
bool dsi_data_mapping_has(const struct dsi_data_mapping *m, int32_t id, const char *name);

/// The mapping as it must be for files that have the names of the table's current schema:
/// those names, and what the table's own mapping says besides (a name that two columns of
/// a struct claim is the one's that is called so). JSON in the arena; NULL when the
/// table's own will do. DS_ECORRUPT.
DS_MUST_CHECK int dsi_data_mapping_complete(const struct dsi_metadata *metadata,
                                            struct dsi_arena *arena, const char **out,
                                            struct ds_error *err);

#endif
