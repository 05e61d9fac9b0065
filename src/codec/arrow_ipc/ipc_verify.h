// Whether what an array points with points at something. Each function takes an array of
// ours, from its first element on, whose buffers are long enough, and says what is wrong
// with it; NULL: nothing.
#ifndef DSI_CODEC_ARROW_IPC_VERIFY_H
#define DSI_CODEC_ARROW_IPC_VERIFY_H

#include "codec/arrow_ipc/ipc_layout.h"

/// Offsets ascend from 0 or more and stay within `end`.
const char *dsi_ipc_verify_offsets(const struct dsi_ipc_node *n,
                                   const struct ArrowArray *a, int64_t end);

/// Each list lies within `end` elements.
const char *dsi_ipc_verify_list_views(const struct dsi_ipc_node *n,
                                      const struct ArrowArray *a, int64_t end);

/// Views that are not null lie within their buffer, one of `count`, and begin with the
/// four bytes they say.
const char *dsi_ipc_verify_views(const struct ArrowArray *a, size_t count);

/// Indices that are not null are below `end`.
const char *dsi_ipc_verify_indices(const struct dsi_ipc_node *n,
                                   const struct ArrowArray *a, int64_t end);

/// Run ends ascend from 1 or more, are not null, and reach the array's length; there is a
/// value for each.
const char *dsi_ipc_verify_runs(const struct dsi_ipc_node *n, const struct ArrowArray *a);

#endif
