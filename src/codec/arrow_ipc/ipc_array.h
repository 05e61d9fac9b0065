// Arrow arrays that point into memory which many of them share.
//
// (1) The memory is freed when the last array that needs it is released: a consumer may
//     move a child out and release its parent, as Arrow allows.
#ifndef DSI_CODEC_ARROW_IPC_ARRAY_H
#define DSI_CODEC_ARROW_IPC_ARRAY_H

#include "base/buf.h"
#include "base/refcount.h"
#include "codec/arrow_ipc/ipc_layout.h"
#include "datashard/arrow.h"

/// Bytes with several owners.
struct dsi_ipc_memory {
    struct dsi_refcount owners;
    struct dsi_buf bytes;
};

/// Moves a buffer's bytes into shared memory, with one owner. On failure they are freed.
DS_MUST_CHECK int dsi_ipc_memory_new(struct dsi_buf *bytes, struct dsi_ipc_memory **out,
                                     struct ds_error *err);
struct dsi_ipc_memory *dsi_ipc_memory_ref(struct dsi_ipc_memory *m);
void dsi_ipc_memory_unref(struct dsi_ipc_memory *m); // NULL is fine.

/// An array with room for buffers, children and a dictionary. `memory` (may be NULL) gets
/// one more owner. Children are filled in by dsi_ipc_array_child one by one, and counted
/// by the caller in n_children as they become whole. Release ends it, whole or not.
DS_MUST_CHECK int dsi_ipc_array_new(struct dsi_ipc_memory *memory, size_t buffer_count,
                                    size_t child_count, bool dictionary,
                                    struct ArrowArray *out, struct ds_error *err);
void dsi_ipc_array_set_buffer(struct ArrowArray *a, size_t i, const void *bytes);
struct ArrowArray *dsi_ipc_array_child(struct ArrowArray *a, size_t i);

/// Gives the array one more piece of memory to own, as dsi_ipc_array_new does.
void dsi_ipc_array_keep(struct ArrowArray *a, struct dsi_ipc_memory *memory);

/// The array's place for its dictionary; NULL if it was made without.
struct ArrowArray *dsi_ipc_array_dictionary(struct ArrowArray *a);

/// Another array, all the way down, over the same memory. `a` is one of ours.
DS_MUST_CHECK int dsi_ipc_array_copy(const struct ArrowArray *a, struct ArrowArray *out,
                                     struct ds_error *err);

/// Rows [first, first + rows) of a batch of ours, as a struct whose children begin there.
DS_MUST_CHECK int dsi_ipc_array_slice(const struct ArrowArray *a, int64_t first,
                                      int64_t rows, struct ArrowArray *out,
                                      struct ds_error *err);

/// An array without elements.
DS_MUST_CHECK int dsi_ipc_array_empty(const struct dsi_ipc_node *n,
                                      struct ArrowArray *out, struct ds_error *err);

/// The elements of `a` and then those of `b`, in new memory. Both are ours, of layout
/// `n`, and begin at their first element. DS_EUNSUPPORTED for nested values.
DS_MUST_CHECK int dsi_ipc_array_concat(const struct dsi_ipc_node *n,
                                       const struct ArrowArray *a,
                                       const struct ArrowArray *b, struct ArrowArray *out,
                                       struct ds_error *err);

/// For buffers that have no bytes but may not be NULL: enough zeros for one element.
extern const uint64_t dsi_ipc_zeros[4];

#endif
