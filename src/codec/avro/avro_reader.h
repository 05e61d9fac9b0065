// Reading an Avro object container file that is all in memory.
// Avro specification, "Object Container Files".
//
// (1) Everything is borrowed from the file's bytes, or lives in the reader's arena (the
//     schema) or its block buffer (objects, until the next block).
// (2) A block that was handed out has at least size_min bytes for each of its objects.
#ifndef DSI_CODEC_AVRO_READER_H
#define DSI_CODEC_AVRO_READER_H

#include "codec/avro/avro_known.h"
#include "codec/compress/compress.h"

enum {
    DSI_AVRO_SYNC_SIZE = 16,
    DSI_AVRO_META_COUNT_MAX = 1000,
    DSI_AVRO_BLOCK_SIZE_MAX = 256 << 20 ///< Decompressed; more is DS_EUNSUPPORTED.
};

// One pair of the file's metadata map. Keys starting with "avro." are Avro's own.
struct dsi_avro_meta {
    struct ds_slice key;
    struct ds_slice value;
};

struct dsi_avro_reader {
    struct dsi_arena arena;
    const struct dsi_avro_type *schema;
    const struct dsi_avro_meta *meta;
    size_t meta_count;
    enum dsi_compression codec;
    uint8_t sync[DSI_AVRO_SYNC_SIZE];
    struct ds_slice file;
    struct ds_slice rest; // Blocks not yet read.
    struct dsi_buf block; // The newest block, if it was compressed.
};

/// Reads the header; `file` must stay there. DS_ECORRUPT, or DS_EUNSUPPORTED for a codec
/// we do not have. End with dsi_avro_reader_release, also after a failure.
DS_MUST_CHECK int dsi_avro_reader_init(struct dsi_avro_reader *r, struct ds_slice file,
                                       struct ds_error *err);
/// The same; its schema may be one of `known` (NULL: none are), and then lasts as long.
DS_MUST_CHECK int dsi_avro_reader_init_known(struct dsi_avro_reader *r,
                                             struct ds_slice file,
                                             struct dsi_avro_known *known,
                                             struct ds_error *err);
void dsi_avro_reader_release(struct dsi_avro_reader *r);

/// A value of the metadata map; false if the key is not there.
bool dsi_avro_reader_meta(const struct dsi_avro_reader *r, const char *key,
                          struct ds_slice *out);

/// DS_ROW: `*count` (at least 1) objects, encoded in `*objects`, borrowed until the next
/// call; DS_OK: the end. Whoever decodes them must find exactly so many bytes.
DS_MUST_CHECK int dsi_avro_reader_next(struct dsi_avro_reader *r, int64_t *count,
                                       struct ds_slice *objects, struct ds_error *err);

#endif
