// What one codec gives to the table in compress.c. For files of this folder only.
#ifndef DSI_CODEC_COMPRESS_CODEC_H
#define DSI_CODEC_COMPRESS_CODEC_H

#include "base/buf.h"

/// The contracts are those of compress.h; levels are already checked, and `size` bytes at
/// `out` are really there (never NULL). *state is NULL, or what the codec left there in a
/// call that succeeded (with the same level): working memory, made at need, ended by the
/// free function beside. A failed call's state is freed by the table.
struct dsi_compress_codec {
    const char *name;
    int level_min; // With level_max below it, the codec has no levels.
    int level_max;
    int level_default;
    bool has_quick; // It takes DSI_COMPRESSION_LEVEL_QUICK, too.
    size_t ratio;   // At most so many bytes come from one, give or take a header.
    int (*compress)(void **state, int level, struct ds_slice in, struct dsi_buf *out,
                    struct ds_error *err); // NULL: only read.
    void (*compress_free)(void *state);    // NULL: the codec keeps no state.
    bool one_level;                        // That state is for one level only.
    int (*decompress)(void **state, struct ds_slice in, uint8_t *out, size_t size,
                      struct ds_error *err);
    void (*decompress_free)(void *state); // NULL: the codec keeps no state.
    int (*decompress_all)(struct ds_slice in, struct dsi_buf *out,
                          struct ds_error *err); // NULL: the format does not say enough.
};

// What may follow raw deflate data: Python writers make it from a zlib stream, take the
// head off, and leave all or part of the Adler-32 at the end.
enum { DSI_DEFLATE_TAIL_MAX = 4 };

// A match of LZ4 grows by 255 with each byte.
enum { DSI_LZ4_RATIO = 256 };

extern const struct dsi_compress_codec dsi_compress_gzip;
extern const struct dsi_compress_codec dsi_compress_deflate;
extern const struct dsi_compress_codec dsi_compress_zstd;
extern const struct dsi_compress_codec dsi_compress_snappy;
extern const struct dsi_compress_codec dsi_compress_lz4_raw;
extern const struct dsi_compress_codec dsi_compress_brotli;
extern const struct dsi_compress_codec dsi_compress_lz4_frame;
extern const struct dsi_compress_codec dsi_compress_lz4_hadoop;

/// Inflates a stream of unknown size with zlib: gzip members if `gzip`, else raw deflate.
DS_MUST_CHECK int dsi_inflate_stream(bool gzip, struct ds_slice in, struct dsi_buf *out,
                                     struct ds_error *err);

#endif
