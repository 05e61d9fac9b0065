// FlatBuffers: the format Arrow's metadata are in, read in place and written.
// FlatBuffers, "Internals" (flatbuffers.dev).
//
// (1) Nothing outside of the buffer is ever read: every offset, size and vtable is
//     checked when it is followed, not before, so unused parts may be anything.
// (2) References point forward only and no path is longer than DSI_FLAT_DEPTH_MAX, so
//     walking a buffer ends. Parts may be shared, though: who walks a tree has to count.
// (3) Numbers are little endian in the buffer, at any alignment.
#ifndef DSI_CODEC_FLATBUF_H
#define DSI_CODEC_FLATBUF_H

#include <stdbool.h>

#include "base/buf.h"

enum { DSI_FLAT_DEPTH_MAX = 160, DSI_FLAT_SLOTS_MAX = 16 };

// --- Reading

/// A table: some fields, each in a numbered slot, present or not.
struct dsi_flat_table {
    struct ds_slice buffer; // All of it.
    const char *what;       // For messages; borrowed.
    size_t at;              // Where the table is in the buffer.
    size_t size;            // Its bytes.
    size_t vtable;          // Where its slots' offsets are,
    size_t slots;           // and how many.
    int depth;
};

/// Elements one after another: structs, numbers, or references.
struct dsi_flat_vector {
    struct dsi_flat_table parent; // For messages and depth.
    const uint8_t *data;          // count * the size asked for are there.
    size_t count;
    size_t at; // Of `data` in the buffer.
};

/// The root table of a buffer. `what` names the buffer in messages. DS_ECORRUPT.
DS_MUST_CHECK int dsi_flat_root(struct ds_slice buffer, const char *what,
                                struct dsi_flat_table *out, struct ds_error *err);

/// A signed integer (or bool, or enumeration) of `width` bytes; `fallback` when absent.
DS_MUST_CHECK int dsi_flat_int(const struct dsi_flat_table *t, size_t slot, size_t width,
                               int64_t fallback, int64_t *out, struct ds_error *err);

/// What a slot refers to; *found is false when it is absent.
DS_MUST_CHECK int dsi_flat_child(const struct dsi_flat_table *t, size_t slot, bool *found,
                                 struct dsi_flat_table *out, struct ds_error *err);
DS_MUST_CHECK int dsi_flat_text(const struct dsi_flat_table *t, size_t slot, bool *found,
                                struct ds_slice *out, struct ds_error *err);

/// A vector with elements of `size` bytes (4 for references); absent is empty.
DS_MUST_CHECK int dsi_flat_vector(const struct dsi_flat_table *t, size_t slot,
                                  size_t size, struct dsi_flat_vector *out,
                                  struct ds_error *err);

/// Element `i` of a vector of tables.
DS_MUST_CHECK int dsi_flat_element(const struct dsi_flat_vector *v, size_t i,
                                   struct dsi_flat_table *out, struct ds_error *err);

/// The little-endian integer of `width` bytes (1, 2, 4, 8) at `p`.
int64_t dsi_flat_read_int(const uint8_t *p, size_t width);

// --- Writing. Parents come before what they refer to. The first failure (memory) is kept
// and everything after it does nothing, so only dsi_flat_writer_end needs to be checked.

struct dsi_flat_writer {
    struct dsi_buf *out;
    size_t base; // Where the buffer begins in `out`.
    int rc;
    struct ds_error *err;
};

/// A field of a table to be written. All zero: absent.
struct dsi_flat_slot {
    size_t width; // 1, 2, 4, 8; 0: absent.
    int64_t value;
};

#define DSI_FLAT_REF ((struct dsi_flat_slot){4, 0}) // To be set by dsi_flat_refer.

/// Begins a buffer at the end of `out`, whose size is then a multiple of 8; the first
/// table written is its root. Both are borrowed until the end.
void dsi_flat_writer_begin(struct dsi_flat_writer *w, struct dsi_buf *out,
                           struct ds_error *err);

/// Pads the buffer to a multiple of 8 bytes. The first failure of all.
DS_MUST_CHECK int dsi_flat_writer_end(struct dsi_flat_writer *w);

/// Writes a table and sets places[i] (may be NULL) to where slot i is, for references.
/// Returns where the table is.
size_t dsi_flat_put_table(struct dsi_flat_writer *w, const struct dsi_flat_slot *slots,
                          size_t count, size_t *places);

/// Writes a text, or a vector with `bytes` as its elements (of `size` bytes each,
/// aligned to `align`, 4 or 8). Returns where it is.
size_t dsi_flat_put_text(struct dsi_flat_writer *w, struct ds_slice text);
size_t dsi_flat_put_vector(struct dsi_flat_writer *w, struct ds_slice bytes, size_t size,
                           size_t align);

/// Writes a vector of `count` references, element i of which is at `*first` + 4 * i.
/// Returns where it is.
size_t dsi_flat_put_references(struct dsi_flat_writer *w, size_t count, size_t *first);

/// Makes the reference at `place` refer to `target`, which comes after it.
void dsi_flat_refer(struct dsi_flat_writer *w, size_t place, size_t target);

#endif
