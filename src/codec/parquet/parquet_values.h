// The values of one data page, decoded into an Arrow column. Used by the chunk reader.
#ifndef DSI_CODEC_PARQUET_VALUES_H
#define DSI_CODEC_PARQUET_VALUES_H

#include "codec/parquet/parquet_read.h"
#include "codec/parquet/parquet_rle.h"

enum { DSI_PARQUET_BLOCK = 1024 }; // Levels and indices are decoded so many at a time.

// Bytes that may be read behind a dictionary, and written behind a column's bytes while
// they grow: short values are then copied by stores of one size.
enum { DSI_PARQUET_SLACK = 32 };

/// A chunk's dictionary.
struct dsi_parquet_dictionary {
    struct dsi_buf bytes;    // The page, decompressed; numbers in the host's order.
    struct ds_slice *values; // BYTE_ARRAY: where each value lies in `bytes`.
    size_t size_max;         // BYTE_ARRAY: of the largest value.
    size_t count;
};

void dsi_parquet_dictionary_release(struct dsi_parquet_dictionary *d);

/// Makes a dictionary of a plain page of `count` values; `d->bytes` holds the page.
DS_MUST_CHECK int dsi_parquet_dictionary_init(struct dsi_parquet_dictionary *d,
                                              const struct dsi_parquet_field *f,
                                              size_t count, struct ds_error *err);

enum dsi_parquet_values_kind {
    DSI_PARQUET_VALUES_PLAIN,
    DSI_PARQUET_VALUES_INDEXED, // By a dictionary.
    DSI_PARQUET_VALUES_RLE,     // Booleans.
};

struct dsi_parquet_values {
    enum dsi_parquet_values_kind kind;
    const struct dsi_parquet_field *field;
    const struct dsi_parquet_dictionary *dictionary;
    struct ds_slice plain; // What is left; BOOLEAN: all, with `bit` the next one.
    size_t bit;
    struct dsi_parquet_rle rle;
    uint32_t block[DSI_PARQUET_BLOCK]; // Indices (or booleans) read ahead.
    size_t block_at;
    size_t block_count;
};

/// Appends `count` values to out->values (not BYTE_ARRAY) after its out->elements,
/// without counting them; BOOLEAN: at most DSI_PARQUET_BLOCK. DS_ECORRUPT when the page
/// has fewer.
DS_MUST_CHECK int dsi_parquet_values_fixed(struct dsi_parquet_values *v, size_t count,
                                           struct dsi_parquet_column *out,
                                           struct ds_error *err);

/// BYTE_ARRAY: appends `count` values and their ends, after a first offset that is there.
/// Stops before `out->bytes` would pass its maximum; `*done` is how many were appended.
DS_MUST_CHECK int dsi_parquet_values_bytes(struct dsi_parquet_values *v, size_t count,
                                           struct dsi_parquet_column *out, size_t *done,
                                           struct ds_error *err);

/// BYTE_ARRAY: makes room for the bytes of about `count` values, of which the page has
/// `left` more, unless they might be too many; what they really need is not known.
DS_MUST_CHECK int dsi_parquet_values_expect(const struct dsi_parquet_values *v,
                                            size_t left, size_t count,
                                            struct dsi_parquet_column *out,
                                            struct ds_error *err);

/// Passes over `count` values of any type without looking at them: no index is checked,
/// nothing is appended. DS_ECORRUPT when the page has fewer.
DS_MUST_CHECK int dsi_parquet_values_skip(struct dsi_parquet_values *v, size_t count,
                                          struct ds_error *err);

#endif
