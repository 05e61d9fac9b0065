// Where the values of each column come from in one data file.
// Iceberg specification, "Column Projection", "Name Mapping Serialization".
#ifndef DSI_DATA_DATA_FIELDS_H
#define DSI_DATA_DATA_FIELDS_H

#include "codec/parquet/parquet.h"
#include "data/data_file.h"

struct dsi_data_origin {
    const struct dsi_parquet_node *leaf; // NULL: not in the file, all rows are …
    struct dsi_value constant;           // … this, perhaps null.
};

/// One per column of options->schema, in the arena. A file with field ids is matched by
/// them; one without by the table's name mapping, or, if it has none, by position as
/// Java does. DS_ECORRUPT for a required column that is nowhere, or one whose type in the
/// file cannot be read as the table's; DS_EUNSUPPORTED for nested ones.
DS_MUST_CHECK int dsi_data_origins(const struct dsi_data_reader_options *options,
                                   const struct dsi_parquet_file *file,
                                   struct dsi_arena *arena, struct dsi_data_origin **out,
                                   struct ds_error *err);

#endif
