// Rows of a batch, of any nesting, to what the Parquet codec takes: for each leaf its
// elements and the levels of its slots.
// Dremel, Melnik et al. 2010; Parquet's README, "Nested Encoding".
//
// (1) Buffers of the batch are passed on as they are wherever a leaf's elements follow
//     each other; only decimals, and what null lists leave gaps in, are copied.
// (2) What nulls cover in a batch is never looked at.
#ifndef DSI_DATA_DATA_SHRED_H
#define DSI_DATA_DATA_SHRED_H

#include "codec/parquet/parquet_write.h"
#include "data/batch.h"
#include "data/data_stored.h"

struct dsi_shred;

/// `stored` is borrowed. End with dsi_shred_free.
DS_MUST_CHECK int dsi_shred_new(const struct dsi_stored *stored, struct dsi_shred **out,
                                struct ds_error *err);
void dsi_shred_free(struct dsi_shred *s); // NULL is fine.

/// Shreds rows [first, first + count) of a batch of the stored schema: `*out` has one
/// input per leaf, borrowed until the next call and from the batch. DS_EINVALID by name
/// and row of the batch for a null where none may be.
DS_MUST_CHECK int dsi_shred_rows(struct dsi_shred *s, const struct dsi_batch *b,
                                 int64_t first, int64_t count,
                                 const struct dsi_parquet_input **out,
                                 struct ds_error *err);

#endif
