// Writing an Avro object container file into a buffer.
// Avro specification, "Object Container Files".
//
// (1) The same schema, metadata, codec and objects give the same bytes: the sync marker
// is
//     the caller's, or a hash of the header.
#ifndef DSI_CODEC_AVRO_WRITER_H
#define DSI_CODEC_AVRO_WRITER_H

#include "codec/avro/avro_binary.h"
#include "codec/avro/avro_reader.h"

struct dsi_avro_write {
    struct ds_slice schema; // JSON.
    const struct dsi_avro_meta *meta;
    size_t meta_count;
    enum dsi_compression codec; // NONE, DEFLATE, SNAPPY or ZSTD.
    int level;
    const uint8_t *sync; // 16 bytes; NULL: a hash of the header.
    size_t block_size;   // A block ends when it has reached so much; 0: 64,000.
};

struct dsi_avro_writer {
    struct dsi_buf *out;
    struct dsi_buf block; // The objects of the block being filled, encoded.
    int64_t object_count; // In it.
    size_t block_size;
    enum dsi_compression codec;
    int level;
    uint8_t sync[DSI_AVRO_SYNC_SIZE];
};

/// Appends the header to `out`, which must outlive the writer. End with
/// dsi_avro_writer_release, also after a failure; what was appended then means nothing.
DS_MUST_CHECK int dsi_avro_writer_init(struct dsi_avro_writer *w, struct dsi_buf *out,
                                       const struct dsi_avro_write *spec,
                                       struct ds_error *err);
void dsi_avro_writer_release(struct dsi_avro_writer *w);

/// Ends an object: its encoding was appended to w->block.
DS_MUST_CHECK int dsi_avro_writer_object(struct dsi_avro_writer *w, struct ds_error *err);

/// Appends the last block.
DS_MUST_CHECK int dsi_avro_writer_finish(struct dsi_avro_writer *w, struct ds_error *err);

/// The codec for an Iceberg name (write.manifest.compression-codec): gzip, zstd, snappy,
/// uncompressed (and Avro's own names), in any case. DS_EINVALID names the others.
DS_MUST_CHECK int dsi_avro_codec_parse(const char *name, enum dsi_compression *out,
                                       struct ds_error *err);

#endif
