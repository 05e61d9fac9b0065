// Compression: one table of codecs, whole blocks in, whole blocks out.
//
// (1) The same input and level give the same bytes, whatever a compressor did before.
// (2) Nothing is allocated because the data say so: a size is believed as far as the
//     codec could reach it from the bytes there are.
// (3) A failed call leaves the output buffer's size as it was.
#ifndef DSI_CODEC_COMPRESS_H
#define DSI_CODEC_COMPRESS_H

#include <stdbool.h>

#include "base/buf.h"

enum dsi_compression {
    DSI_COMPRESSION_NONE,
    DSI_COMPRESSION_GZIP,       ///< RFC 1952; reading takes several members.
    DSI_COMPRESSION_DEFLATE,    ///< RFC 1951, raw: Avro's "deflate". Up to 4 bytes may
                                ///< follow.
    DSI_COMPRESSION_ZSTD,       ///< Frames with their content size.
    DSI_COMPRESSION_SNAPPY,     ///< The raw block format.
    DSI_COMPRESSION_LZ4_RAW,    ///< One LZ4 block, no frame.
    DSI_COMPRESSION_BROTLI,     ///< RFC 7932.
    DSI_COMPRESSION_LZ4_FRAME,  ///< LZ4's own frames, as Arrow IPC has them.
    DSI_COMPRESSION_LZ4_HADOOP, ///< Parquet's old "LZ4". Read only.
};

enum { DSI_COMPRESSION_COUNT = DSI_COMPRESSION_LZ4_HADOOP + 1 };

/// The level that stands for the codec's own default.
#define DSI_COMPRESSION_LEVEL_DEFAULT (-1)

/// zstd alone: its level 1 with a table that stays in the nearest cache, and matches of
/// seven bytes and more. A sixth less time; what has many short repetitions gets larger.
#define DSI_COMPRESSION_LEVEL_QUICK (-1000)

/// "zstd" …, for messages.
const char *dsi_compression_name(enum dsi_compression c);

/// Whether any `from` bytes of the codec could hold `to` bytes, give or take a header.
bool dsi_compression_is_plausible(enum dsi_compression c, size_t from, size_t to);

/// Appends the compressed form of `in` to `out`. The same input and level give the same
/// bytes. DS_EINVALID for a level the codec does not have, DS_EUNSUPPORTED for a codec
/// that is only read.
DS_MUST_CHECK int dsi_compress(enum dsi_compression c, int level, struct ds_slice in,
                               struct dsi_buf *out, struct ds_error *err);

/// Decompresses `in` into exactly `size` bytes at `out`; DS_ECORRUPT when the data are
/// malformed or give any other number of bytes.
DS_MUST_CHECK int dsi_decompress(enum dsi_compression c, struct ds_slice in, uint8_t *out,
                                 size_t size, struct ds_error *err);

/// Decompresses data whose size nobody knows, appending to `out`; its maximum bounds the
/// work, so a bomb ends in DS_EUNSUPPORTED. Not for LZ4_RAW and LZ4_HADOOP, which cannot
/// tell.
DS_MUST_CHECK int dsi_decompress_all(enum dsi_compression c, struct ds_slice in,
                                     struct dsi_buf *out, struct ds_error *err);

/// Working memory of a codec, kept from one call to the next: for who compresses many
/// blocks. All zero is a fresh one. For one thread at a time; any codec and level may
/// follow any other, but only a call like the one before saves something.
struct dsi_compressor {
    enum dsi_compression codec; // Of `state`.
    int level;
    void *state; // NULL: none yet.
};

struct dsi_decompressor {
    enum dsi_compression codec; // Of `state`.
    void *state;                // NULL: none yet.
};

/// As dsi_compress and dsi_decompress.
DS_MUST_CHECK int dsi_compress_with(struct dsi_compressor *with, enum dsi_compression c,
                                    int level, struct ds_slice in, struct dsi_buf *out,
                                    struct ds_error *err);
DS_MUST_CHECK int dsi_decompress_with(struct dsi_decompressor *with,
                                      enum dsi_compression c, struct ds_slice in,
                                      uint8_t *out, size_t size, struct ds_error *err);

/// Appends exactly `size` bytes to `out`, or fails as dsi_decompress does. A size that
/// the codec cannot reach is DS_ECORRUPT at once; one that it hardly reaches is not
/// believed before the bytes are there.
DS_MUST_CHECK int dsi_decompress_append(struct dsi_decompressor *with,
                                        enum dsi_compression c, struct ds_slice in,
                                        size_t size, struct dsi_buf *out,
                                        struct ds_error *err);

/// Frees what is kept; fresh and usable afterwards.
void dsi_compressor_release(struct dsi_compressor *c);
void dsi_decompressor_release(struct dsi_decompressor *d);

/// CRC-32 (IEEE), continuing from `seed`; start with 0.
uint32_t dsi_crc32(uint32_t seed, struct ds_slice bytes);

#endif
