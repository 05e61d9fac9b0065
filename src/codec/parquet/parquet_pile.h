// Bytes that wait until they are written: appended to, never moved. A buffer that grows
// to the size of a chunk would be copied, and its memory touched, several times over.
#ifndef DSI_CODEC_PARQUET_PILE_H
#define DSI_CODEC_PARQUET_PILE_H

#include "base/buf.h"

struct dsi_parquet_block {
    struct dsi_parquet_block *next;
    size_t size;
    size_t capacity;
    uint8_t bytes[];
};

/// All zero is an empty one.
struct dsi_parquet_pile {
    struct dsi_parquet_block *first;
    struct dsi_parquet_block *last; // That has bytes; those after it are kept for others.
    size_t size;
};

void dsi_parquet_pile_release(struct dsi_parquet_pile *p); // Usable afterwards.
void dsi_parquet_pile_reset(struct dsi_parquet_pile *p);   // Keeps the memory.

/// Appends all of the bytes; after an error some of them.
DS_MUST_CHECK int dsi_parquet_pile_append(struct dsi_parquet_pile *p,
                                          struct ds_slice bytes, struct ds_error *err);

/// The bytes, piece by piece: start with NULL; NULL comes after the last.
const struct dsi_parquet_block *
dsi_parquet_pile_next(const struct dsi_parquet_pile *p,
                      const struct dsi_parquet_block *block);

#endif
