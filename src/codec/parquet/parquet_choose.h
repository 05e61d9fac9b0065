// Which encoding suits the values of a page: some of them are encoded and compressed in
// every way that is allowed, and the smallest result wins.
//
// (1) The choice depends on the values and the options alone.
#ifndef DSI_CODEC_PARQUET_CHOOSE_H
#define DSI_CODEC_PARQUET_CHOOSE_H

#include "codec/compress/compress.h"
#include "codec/parquet/parquet_encode.h"
#include "codec/parquet/parquet_press.h"
#include "codec/parquet/parquet_write.h"

/// Of so few bytes it does not matter how small they become, and to begin with it takes a
/// codec longer than all else, here and in readers.
enum { DSI_PARQUET_SMALL = 256 };

/// What values took when they were tried.
struct dsi_parquet_price {
    size_t count;      // Of the values.
    size_t plain;      // Bytes they take in plain encoding …
    size_t encoded;    // … encoded …
    size_t compressed; // … and compressed, unless there are few (DSI_PARQUET_SMALL) …
    int level;         // … at this level, which suits them.
};

/// Working memory of who ends pages; one will do for all columns that a thread writes.
/// All zero at first; pages of all columns go through its press.
struct dsi_parquet_tools {
    struct dsi_compressor compressor;
    struct dsi_buf indices;    // uint32: of a page's values, in a dictionary.
    struct dsi_buf encoded;    // A sample that is tried …
    struct dsi_buf compressed; // … and what it becomes.
    struct dsi_parquet_press press;
};

void dsi_parquet_tools_release(struct dsi_parquet_tools *t);

/// What a trial needs to know; borrowed.
struct dsi_parquet_terms {
    const struct dsi_parquet_write_options *options;
    enum dsi_parquet_encode wish;
};

/// Finds the best encoding other than a dictionary, and what it takes for a sample from
/// the start of the page.
DS_MUST_CHECK int dsi_parquet_choose(struct dsi_parquet_tools *t,
                                     const struct dsi_parquet_terms *terms,
                                     const struct dsi_parquet_encode_input *page,
                                     int32_t *encoding, struct dsi_parquet_price *price,
                                     struct ds_error *err);

/// The sample's size.
enum { DSI_PARQUET_SAMPLE = 8192 };

/// What a page of dictionary indices would take, of which the dictionary's growth is
/// `added` of its entries: bytes for the values of `other`.
struct dsi_parquet_indexed {
    const uint32_t *indices;
    size_t count;
    int width;       // Bits of an index.
    size_t added;    // Entries that the second half of the page added.
    size_t distinct; // Entries that the page added in all …
    size_t bytes;    // … and what they take.
};

/// Does the dictionary take less than `other`? Then `*level` suits its indices.
DS_MUST_CHECK int dsi_parquet_choose_indexed(struct dsi_parquet_tools *t,
                                             const struct dsi_parquet_terms *terms,
                                             const struct dsi_parquet_indexed *page,
                                             const struct dsi_parquet_price *other,
                                             bool *yes, int *level, struct ds_error *err);

#endif
