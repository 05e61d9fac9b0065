// A dictionary while a column chunk is written: the values of a page to indices, page by
// page.
//
// (1) An index is the place of a value's first appearance, so it depends on the values
//     alone.
// (2) The work is bounded, however the values collide: a dictionary that would be slow
//     says that it is full.
#ifndef DSI_CODEC_PARQUET_DICT_H
#define DSI_CODEC_PARQUET_DICT_H

#include <stdbool.h>

#include "base/buf.h"

/// Bytes that have to be readable after the last value of a page: short ones are loaded
/// as a whole word.
enum { DSI_PARQUET_DICT_SLACK = 8 };

struct dsi_parquet_dict_slot {
    uint64_t key;   // The value itself if it is short, else a hash of it.
    uint32_t index; // + 1; 0 is empty.
    uint32_t page;  // The last page that has the value.
};

struct dsi_parquet_dict {
    size_t width;         // Bytes of a value; 0: BYTE_ARRAY.
    struct dsi_buf plain; // The dictionary page.
    struct dsi_buf ends;  // uint32: where each value ends in `plain`.
    size_t count;

    uint32_t page;       // Pages so far.
    struct dsi_buf used; // uint32: the values of the last page, each once.

    struct dsi_parquet_dict_slot *slots; // A power of two of them, or none.
    size_t slot_count;
    int shift; // Of a hash, to a slot.
};

/// Values of a page. Numbers are little-endian.
struct dsi_parquet_dict_values {
    const uint8_t *bytes;    ///< One after the other, and the slack.
    const uint32_t *lengths; ///< BYTE_ARRAY: of each; else NULL.
    size_t count;
};

/// Forgets the values and frees the memory; usable afterwards.
void dsi_parquet_dict_release(struct dsi_parquet_dict *d);

/// Forgets the values, but keeps the memory.
void dsi_parquet_dict_reset(struct dsi_parquet_dict *d);

/// Finds or adds each value: DS_ROW with their `indices`, and d->used. DS_OK when one is
/// not there and would take the dictionary past `bytes_max`, or for (2): then only _cut,
/// _plain, _reset and _release may follow.
DS_MUST_CHECK int dsi_parquet_dict_index(struct dsi_parquet_dict *d,
                                         const struct dsi_parquet_dict_values *values,
                                         size_t bytes_max, uint32_t *indices,
                                         struct ds_error *err);

/// Forgets all values but the first `count`. Nothing can be looked up any more.
void dsi_parquet_dict_cut(struct dsi_parquet_dict *d, size_t count);

/// A value, without a length.
struct ds_slice dsi_parquet_dict_value(const struct dsi_parquet_dict *d, uint32_t index);

#endif
