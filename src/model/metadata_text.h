// The text that a version of a table was written as. The next version says most of it
// again: its three long lists lose some of their first entries and get some new ones. So
// what stands of them is copied in three pieces, instead of written entry by entry.
//
// (1) A text never changes, and is counted. A metadata holds one at most: its own when it
//     was written to be kept (dsi_metadata_write); else that of the version it was made
//     from, never an older one in between.
// (2) A run is what the first entries of a list are in that text, with the commas between
//     them: byte for byte what they are written as one by one.
// (3) Of all texts of a line of versions, one after the other, the memory of one that
//     nobody has any more is kept for the next: memory that is new would cost more than
//     what is written there.
// (4) Whoever changes a list otherwise than by adding at its end says so here.
#ifndef DSI_MODEL_METADATA_TEXT_H
#define DSI_MODEL_METADATA_TEXT_H

#include "base/buf.h"
#include "base/refcount.h"

struct dsi_text_line;

struct dsi_metadata_text {
    struct dsi_refcount owners;
    struct dsi_buf json;
    struct dsi_text_line *line; // (3)
};

/// Some of a text (2). Zeroed: of no entry.
struct dsi_text_run {
    size_t at;
    size_t size;
    size_t count; // Of entries.
};

/// An empty one that comes after `last` (may be NULL), or NULL. Owned: end it with
/// dsi_metadata_text_unref.
struct dsi_metadata_text *dsi_metadata_text_new(const struct dsi_metadata_text *last);
struct dsi_metadata_text *dsi_metadata_text_ref(struct dsi_metadata_text *t); // NULL too.
void dsi_metadata_text_unref(struct dsi_metadata_text *t); // NULL is fine.

/// The bytes of a run; its count is not 0.
struct ds_slice dsi_text_run_slice(const struct dsi_metadata_text *t,
                                   const struct dsi_text_run *run);

/// The first entry of the list, whose text has `size` bytes, is gone (4).
void dsi_text_run_drop_first(struct dsi_text_run *run, size_t size);

/// Others than the first are gone, or all (4): they are written one by one again.
void dsi_text_run_forget(struct dsi_text_run *run);

#endif
