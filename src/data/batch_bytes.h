// Batches as bytes, for a reader that has the very same schema: what small appends travel
// as between processes. Not a format to keep: both sides run on one machine, in one boot.
#ifndef DSI_DATA_BATCH_BYTES_H
#define DSI_DATA_BATCH_BYTES_H

#include "data/batch.h"

/// Appends one batch to `out` (whose maximum bounds it: DS_ENOSPACE… as dsi_buf says).
/// Several batches may follow one another. UNKNOWN columns take no bytes.
DS_MUST_CHECK int dsi_batch_encode(const struct dsi_batch *b, struct dsi_buf *out,
                                   struct ds_error *err);

/// Reads the batch at *at of `bytes` and moves *at behind it: DS_ROW with *out (owned;
/// its buffers are copies), DS_OK at the end. Nothing is believed: sizes, offsets, UTF-8,
/// required columns, depth; DS_ECORRUPT otherwise. `schema` outlives the batch.
DS_MUST_CHECK int dsi_batch_decode(const struct dsi_schema *schema, struct ds_slice bytes,
                                   size_t *at, struct dsi_batch *out,
                                   struct ds_error *err);

#endif
