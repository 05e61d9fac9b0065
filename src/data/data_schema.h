// Iceberg's types in Parquet files.
// Iceberg specification, Appendix A "Parquet", and what other writers put there.
#ifndef DSI_DATA_DATA_SCHEMA_H
#define DSI_DATA_DATA_SCHEMA_H

#include "codec/parquet/parquet.h"
#include "model/type.h"
#include "storage/storage.h"

/// The Parquet field for a column of a primitive type; of a GEOMETRY or GEOGRAPHY without
/// what is in its parentheses. DS_EUNSUPPORTED by name for what is no primitive.
DS_MUST_CHECK int dsi_data_parquet_field(const struct dsi_field *f,
                                         struct dsi_parquet_field *out,
                                         struct ds_error *err);

/// The Iceberg type of a leaf. DS_EUNSUPPORTED by name where there is none (uint64).
DS_MUST_CHECK int dsi_data_leaf_type(const struct dsi_parquet_node *leaf,
                                     struct dsi_type *out, struct ds_error *err);

/// The schema of a file: its field ids, or fresh ones if a field has none.
DS_MUST_CHECK int dsi_data_parquet_schema(const struct dsi_parquet_file *file,
                                          struct dsi_arena *arena, struct dsi_schema *out,
                                          struct ds_error *err);

/// Reads and parses a file's footer, in one read of its tail where that is enough, and
/// sees that the file begins as it ends (four bytes more, where the tail is not all of
/// it). DS_ECORRUPT for what is no Parquet file.
DS_MUST_CHECK int dsi_data_footer_read(struct ds_file *f, struct dsi_parquet_file *out,
                                       struct ds_error *err);

#endif
