// Whether a row group has a value at all: by Bloom filters and dictionaries.
#ifndef DSI_DATA_DATA_PROBE_H
#define DSI_DATA_DATA_PROBE_H

#include "data/data_columns.h"

/// A value of a column's type as the file stores it, in plain encoding (a BYTE_ARRAY
/// without its length): how values are hashed, and what dictionaries hold.
enum dsi_stored {
    DSI_STORED_ONE,   // It is stored in one way, now in `out`.
    DSI_STORED_NEVER, // No row of the file can have it.
    DSI_STORED_MANY,  // In more than one, or it is not known how.
};

enum dsi_stored dsi_data_stored_value(const struct dsi_parquet_node *leaf,
                                      const struct dsi_type *type,
                                      const struct dsi_value *v, struct dsi_buf *out);

/// DSI_MATCH_NONE when the row group that was begun has no row that passes.
DS_MUST_CHECK int dsi_data_probe(struct dsi_data_columns *c,
                                 const struct dsi_data_filter *filter,
                                 enum dsi_match *out, struct ds_error *err);

#endif
