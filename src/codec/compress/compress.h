// Compression: one table of codecs, whole blocks in, whole blocks out.
#ifndef DSI_CODEC_COMPRESS_H
#define DSI_CODEC_COMPRESS_H

#include "base/buf.h"

enum dsi_compression {
    DSI_COMPRESSION_NONE,
    DSI_COMPRESSION_GZIP,    ///< RFC 1952; reading takes several members.
    DSI_COMPRESSION_DEFLATE, ///< RFC 1951, raw: Avro's "deflate". Up to 4 bytes may
                             ///< follow.
    DSI_COMPRESSION_ZSTD,    ///< Frames with their content size.
    DSI_COMPRESSION_SNAPPY,  ///< The raw block format.
    DSI_COMPRESSION_LZ4_RAW, ///< One LZ4 block, no frame.
};

/// The level that stands for the codec's own default.
#define DSI_COMPRESSION_LEVEL_DEFAULT (-1)

/// "zstd" …, for messages.
const char *dsi_compression_name(enum dsi_compression c);

/// Appends the compressed form of `in` to `out`. The same input and level give the same
/// bytes. DS_EINVALID for a level the codec does not have.
DS_MUST_CHECK int dsi_compress(enum dsi_compression c, int level, struct ds_slice in,
                               struct dsi_buf *out, struct ds_error *err);

/// Decompresses `in` into exactly `size` bytes at `out`; DS_ECORRUPT when the data are
/// malformed or give any other number of bytes.
DS_MUST_CHECK int dsi_decompress(enum dsi_compression c, struct ds_slice in, uint8_t *out,
                                 size_t size, struct ds_error *err);

/// Decompresses data whose size nobody knows, appending to `out`; its maximum bounds the
/// work, so a bomb ends in DS_EUNSUPPORTED. Not for LZ4_RAW, which cannot tell.
DS_MUST_CHECK int dsi_decompress_all(enum dsi_compression c, struct ds_slice in,
                                     struct dsi_buf *out, struct ds_error *err);

/// CRC-32 (IEEE), continuing from `seed`; start with 0.
uint32_t dsi_crc32(uint32_t seed, struct ds_slice bytes);

#endif
