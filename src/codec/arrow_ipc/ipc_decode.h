// Messages to Arrow arrays. No I/O: whoever has the bytes hands them over.
//
// (1) Of an array given out, everything that Arrow's layout says is there: buffers are
//     long enough, offsets ascend and stay inside, indices and views point at something.
//     What values mean (UTF-8, ranges, null counts) is left to who takes them.
// (2) Memory is bounded by the bytes of a message: what it claims to hold uncompressed is
//     believed as codec/compress believes it, and rows that take no bytes are few.
#ifndef DSI_CODEC_ARROW_IPC_DECODE_H
#define DSI_CODEC_ARROW_IPC_DECODE_H

#include "codec/arrow_ipc/ipc_array.h"
#include "codec/arrow_ipc/ipc_message.h"
#include "codec/compress/compress.h"

struct dsi_ipc_decoder {
    struct dsi_arena arena; // The layout.
    struct ArrowSchema schema;
    struct dsi_ipc_layout layout;
    struct ArrowArray *dictionaries; // By index; not released: it has come.
    struct dsi_decompressor decompressor;
};

/// Begins with a Schema table. Ends by dsi_ipc_decoder_release, after failures too.
DS_MUST_CHECK int dsi_ipc_decoder_init(struct dsi_ipc_decoder *d,
                                       const struct dsi_flat_table *schema,
                                       struct ds_error *err);
void dsi_ipc_decoder_release(struct dsi_ipc_decoder *d);

/// Takes a dictionary batch: a new dictionary, the next one of the same id, or more
/// values of it. `body` is borrowed; arrays made of it become owners too. DS_ECORRUPT.
DS_MUST_CHECK int dsi_ipc_decode_dictionary(struct dsi_ipc_decoder *d,
                                            const struct dsi_ipc_message *m,
                                            struct dsi_ipc_memory *body,
                                            struct ds_error *err);

/// Makes an array (a struct of the columns; the caller releases it) of a record batch.
DS_MUST_CHECK int dsi_ipc_decode_batch(struct dsi_ipc_decoder *d,
                                       const struct dsi_ipc_message *m,
                                       struct dsi_ipc_memory *body,
                                       struct ArrowArray *out, struct ds_error *err);

#endif
