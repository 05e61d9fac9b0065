// Split block Bloom filters: "not in this chunk", for equality and IN.
// Parquet format 2.12, BloomFilter.md. Values are hashed in plain encoding (a BYTE_ARRAY
// without its length) with XXH64, seed 0.
#ifndef DSI_CODEC_PARQUET_BLOOM_H
#define DSI_CODEC_PARQUET_BLOOM_H

#include "codec/parquet/parquet.h"

struct dsi_parquet_bloom {
    uint8_t *blocks; ///< From dsi_malloc; 32 bytes each.
    size_t size;     ///< In bytes: of ours a power of two, of others a multiple of 32.
};

uint64_t dsi_parquet_bloom_hash(struct ds_slice value);

/// An empty filter for so many distinct values at this rate of false positives, of at
/// most `bytes_max` (but 32 at least). End with dsi_parquet_bloom_release. DS_EINVALID
/// for a rate that is none.
DS_MUST_CHECK int dsi_parquet_bloom_new(int64_t distinct, double fpp, size_t bytes_max,
                                        struct dsi_parquet_bloom *out,
                                        struct ds_error *err);
void dsi_parquet_bloom_release(struct dsi_parquet_bloom *b);

/// Halves the filter as long as its false positives, by the bits that are set, stay at
/// this rate or below: for one that was made before its values were counted.
void dsi_parquet_bloom_fold(struct dsi_parquet_bloom *b, double fpp);

void dsi_parquet_bloom_add(struct dsi_parquet_bloom *b, uint64_t hash);

/// False: no such value was added. True: perhaps.
bool dsi_parquet_bloom_has(const struct dsi_parquet_bloom *b, uint64_t hash);

/// Appends header and blocks, as they stand in a file.
DS_MUST_CHECK int dsi_parquet_bloom_write(const struct dsi_parquet_bloom *b,
                                          struct dsi_buf *out, struct ds_error *err);

/// How many bytes a filter takes in the file, by its first bytes (DSI_PARQUET_BLOOM_HEAD
/// of them are enough, or fewer at the end of the file): for chunks that do not say.
enum { DSI_PARQUET_BLOOM_HEAD = 64, DSI_PARQUET_BLOOM_MAX = 128 << 20 };
DS_MUST_CHECK int dsi_parquet_bloom_size(struct ds_slice head, size_t *size,
                                         struct ds_error *err);

/// Reads a filter, header in front; it is to be released. DS_ECORRUPT; DS_EUNSUPPORTED
/// for another algorithm.
DS_MUST_CHECK int dsi_parquet_bloom_parse(struct ds_slice in,
                                          struct dsi_parquet_bloom *out,
                                          struct ds_error *err);

#endif
