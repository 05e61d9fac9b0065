// A dictionary while a column chunk is written: values to indices.
#ifndef DSI_CODEC_PARQUET_DICT_H
#define DSI_CODEC_PARQUET_DICT_H

#include <stdbool.h>

#include "base/buf.h"

// (1) An index is the place of a value's first appearance, so it depends on the values
//     alone.
struct dsi_parquet_dict {
    size_t width;         // Bytes of a value; 0: BYTE_ARRAY.
    struct dsi_buf plain; // The dictionary page.
    struct dsi_buf ends;  // uint32: where each value ends in `plain`.
    uint32_t *slots;      // Index + 1; 0 is empty. A power of two of them, or none.
    size_t slot_count;
    size_t count;
};

void dsi_parquet_dict_release(struct dsi_parquet_dict *d);

/// Forgets the values, but keeps the memory.
void dsi_parquet_dict_reset(struct dsi_parquet_dict *d);

/// Finds or adds a value: DS_ROW with `*index`, which is the old `count` if it was added.
/// DS_OK when it is not there and would take the page past `bytes_max`.
DS_MUST_CHECK int dsi_parquet_dict_index(struct dsi_parquet_dict *d,
                                         struct ds_slice value, size_t bytes_max,
                                         uint32_t *index, struct ds_error *err);

/// A value as it stands in the page (a BYTE_ARRAY's length in front).
struct ds_slice dsi_parquet_dict_plain(const struct dsi_parquet_dict *d, uint32_t index);

#endif
