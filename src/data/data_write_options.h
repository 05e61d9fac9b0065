// How a table's properties say that its Parquet files are to be written.
// Iceberg documentation, "Configuration", write.parquet.*; docs/write-properties.md for
// ours.
#ifndef DSI_DATA_DATA_WRITE_OPTIONS_H
#define DSI_DATA_DATA_WRITE_OPTIONS_H

#include "codec/parquet/parquet_write.h"
#include "data/data_stored.h"
#include "model/metadata.h"

/// Whether any property begins so. Those of a column end with its name: mostly there is
/// none, and then no column's need be looked for.
bool dsi_data_is_said_of_columns(const struct dsi_metadata *m, const char *prefix);

/// The options for files of this form, in the arena; their defaults for `m` NULL. Of the
/// sort order that the rows come in (0: none), the fields at its start that Parquet
/// orders alike are told. What a property says of a column that is not there, and
/// properties for other writers, are passed over. DS_EINVALID and DS_EUNSUPPORTED name
/// the property.
DS_MUST_CHECK int dsi_data_write_options(const struct dsi_metadata *m,
                                         const struct dsi_stored *stored,
                                         int32_t sort_order_id, struct dsi_arena *arena,
                                         struct dsi_parquet_write_options *out,
                                         struct ds_error *err);

#endif
