// The buffers of a record batch, found in its body and decompressed.
#ifndef DSI_CODEC_ARROW_IPC_BODY_H
#define DSI_CODEC_ARROW_IPC_BODY_H

#include "codec/arrow_ipc/ipc_array.h"
#include "codec/compress/compress.h"
#include "codec/flatbuf/flatbuf.h"

/// What a RecordBatch table says, and its buffers: `memory` holds their bytes.
struct dsi_ipc_body {
    const char *what; // For messages.
    int64_t rows;
    struct dsi_flat_vector nodes;    // FieldNode.
    struct dsi_flat_vector variadic; // int64.
    struct ds_slice *buffers;
    size_t buffer_count;
    struct dsi_ipc_memory *memory;
};

/// Reads a RecordBatch table and finds its buffers in `raw`, which is borrowed (memory
/// may be it, with one more owner). Ends by dsi_ipc_body_release. DS_ECORRUPT;
/// DS_EUNSUPPORTED for unknown compression.
DS_MUST_CHECK int dsi_ipc_body_open(const struct dsi_flat_table *batch,
                                    struct dsi_ipc_memory *raw,
                                    struct dsi_decompressor *decompressor,
                                    struct dsi_ipc_body *out, struct ds_error *err);
void dsi_ipc_body_release(struct dsi_ipc_body *b);

#endif
