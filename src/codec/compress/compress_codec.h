// What one codec gives to the table in compress.c. For files of this folder only.
#ifndef DSI_CODEC_COMPRESS_CODEC_H
#define DSI_CODEC_COMPRESS_CODEC_H

#include "base/buf.h"

/// The contracts are those of compress.h; levels are already checked, and `size` bytes at
/// `out` are really there (never NULL). All members are required but decompress_all.
struct dsi_compress_codec {
    const char *name;
    int level_min; // With level_max below it, the codec has no levels.
    int level_max;
    int level_default;
    int (*compress)(int level, struct ds_slice in, struct dsi_buf *out,
                    struct ds_error *err);
    int (*decompress)(struct ds_slice in, uint8_t *out, size_t size,
                      struct ds_error *err);
    int (*decompress_all)(struct ds_slice in, struct dsi_buf *out,
                          struct ds_error *err); // NULL: the format does not say enough.
};

// What may follow raw deflate data: Python writers make it from a zlib stream, take the
// head off, and leave all or part of the Adler-32 at the end.
enum { DSI_DEFLATE_TAIL_MAX = 4 };

extern const struct dsi_compress_codec dsi_compress_gzip;
extern const struct dsi_compress_codec dsi_compress_deflate;
extern const struct dsi_compress_codec dsi_compress_zstd;
extern const struct dsi_compress_codec dsi_compress_snappy;
extern const struct dsi_compress_codec dsi_compress_lz4_raw;

/// Inflates a stream of unknown size with zlib: gzip members if `gzip`, else raw deflate.
DS_MUST_CHECK int dsi_inflate_stream(bool gzip, struct ds_slice in, struct dsi_buf *out,
                                     struct ds_error *err);

#endif
