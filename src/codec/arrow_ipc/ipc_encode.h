// Arrow arrays to the Arrow IPC format, as a stream or as a file.
//
// (1) What is written can be read again: an array whose buffers do not fit its schema or
//     its length, as far as Arrow lets anybody know, is refused before anything of its
//     batch is written.
// (2) Buffers are not copied where they can be written as they are.
// (3) Bodies and buffers begin at multiples of 64 bytes of their message; the bytes
//     depend on the values of the arrays and on how they are cut into batches alone.
#ifndef DSI_CODEC_ARROW_IPC_ENCODE_H
#define DSI_CODEC_ARROW_IPC_ENCODE_H

#include "codec/compress/compress.h"
#include "datashard/arrow.h"
#include "datashard/rows.h"

struct dsi_ipc_encoder;

struct dsi_ipc_encode_options {
    ds_write_fn write;
    void *write_arg;
    bool file;                  // With a footer; otherwise a stream.
    enum dsi_compression codec; // NONE, LZ4_FRAME or ZSTD.
    int level;                  // DSI_COMPRESSION_LEVEL_DEFAULT, or one of the codec's.
};

/// Begins: writes the schema, which is borrowed until the end. Ends by
/// dsi_ipc_encoder_free. DS_EINVALID, DS_EUNSUPPORTED: see dsi_ipc_layout_read.
DS_MUST_CHECK int dsi_ipc_encoder_new(const struct ArrowSchema *schema,
                                      const struct dsi_ipc_encode_options *options,
                                      struct dsi_ipc_encoder **out, struct ds_error *err);

/// Writes a batch (a struct of the columns), and before it the dictionaries that are not
/// there yet. DS_EINVALID for arrays that make no sense; DS_EUNSUPPORTED for a file whose
/// dictionary changes, which only streams can have.
DS_MUST_CHECK int dsi_ipc_encoder_batch(struct dsi_ipc_encoder *e,
                                        const struct ArrowArray *batch,
                                        struct ds_error *err);

/// Writes the end. Nothing follows but dsi_ipc_encoder_free.
DS_MUST_CHECK int dsi_ipc_encoder_finish(struct dsi_ipc_encoder *e, struct ds_error *err);
void dsi_ipc_encoder_free(struct dsi_ipc_encoder *e); // NULL is fine.

#endif
