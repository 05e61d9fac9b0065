// Changes a Parquet file so that it stays one: what depends on the change (sizes,
// offsets, checksums, compression) is made to fit again, so that it reaches the code
// behind the first checks. Bytes that are no Parquet file are left alone.
#ifndef DSI_FUZZ_PARQUET_MUTATE_H
#define DSI_FUZZ_PARQUET_MUTATE_H

#include "base/buf.h"

/// Appends a changed form of `in` to `out`, which is empty; the same seed makes the same
/// change. False, and nothing in `out`, when `in` cannot be taken apart.
bool dsi_parquet_mutate(struct ds_slice in, uint64_t seed, struct dsi_buf *out);

#endif
