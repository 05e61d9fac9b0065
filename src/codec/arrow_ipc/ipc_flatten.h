// A tree of arrays made flat: the nodes and buffers of a record batch, ready to write.
#ifndef DSI_CODEC_ARROW_IPC_FLATTEN_H
#define DSI_CODEC_ARROW_IPC_FLATTEN_H

#include "base/buf.h"
#include "codec/arrow_ipc/ipc_layout.h"
#include "codec/compress/compress.h"

enum { DSI_IPC_BUFFER_ALIGNMENT = 64 };

/// Bytes of a body: a producer's own, or `made` ones.
struct dsi_ipc_piece {
    const uint8_t *bytes; // NULL: at `at` of `made`.
    size_t at;
    size_t size; // Padding to DSI_IPC_BUFFER_ALIGNMENT follows.
};

struct dsi_ipc_flat {
    enum dsi_compression codec;
    int level;
    struct dsi_compressor compressor;

    struct dsi_buf nodes;    // FieldNode structs.
    struct dsi_buf buffers;  // Buffer structs.
    struct dsi_buf variadic; // int64: how many buffers the views have.
    struct dsi_buf pieces;   // struct dsi_ipc_piece, in order.
    struct dsi_buf made;     // What had to be shifted, rebased or compressed.
    struct dsi_buf scratch;
    uint64_t body_size;
};

void dsi_ipc_flat_release(struct dsi_ipc_flat *f);

/// Empties it for another batch.
void dsi_ipc_flat_clear(struct dsi_ipc_flat *f);

/// Adds elements [skip, skip + length) of an array and all below it, whose buffers are
/// borrowed until the next clear. DS_EINVALID by column for arrays that make no sense.
DS_MUST_CHECK int dsi_ipc_flatten(struct dsi_ipc_flat *f, const struct dsi_ipc_node *n,
                                  const struct ArrowArray *a, int64_t skip,
                                  int64_t length, struct ds_error *err);

/// Checks that an array has the buffers, children and dictionary of its layout, and
/// elements [skip, skip + length).
DS_MUST_CHECK int dsi_ipc_check_shape(const struct dsi_ipc_node *n,
                                      const struct ArrowArray *a, int64_t skip,
                                      int64_t length, struct ds_error *err);

#endif
