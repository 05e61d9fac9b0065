// A second thread for an append: it writes the rows of one batch while the caller makes
// the next. Where one of the two waits for the other, it compresses pages (base/crew.h).
//
// (1) Batches are appended in the order in which they are given: the files are those that
//     one thread alone would write.
// (2) At most three batches are there at a time: one that is written, one that waits, and
//     the one the caller makes.
// (3) Batches are released in the caller's thread; whose memory they are may want that.
#ifndef DSI_TXN_RELAY_H
#define DSI_TXN_RELAY_H

#include "txn/append.h"

struct dsi_relay;

/// Batches of so many rows are worth another thread, if there is a processor for it.
enum { DSI_RELAY_ROWS_MIN = 16384 };

/// Starts the thread. Until the end `append` is its alone; it is borrowed.
DS_MUST_CHECK int dsi_relay_new(struct dsi_append *append, struct dsi_relay **out,
                                struct ds_error *err);

/// Gives it a batch, which is taken over in any case; waits while another one waits. What
/// fails is the writing of an earlier one, or the caller has cancelled (base/cancel.h):
/// then only dsi_relay_free is left.
DS_MUST_CHECK int dsi_relay_give(struct dsi_relay *r, struct dsi_batch *batch,
                                 struct ds_error *err);

/// Waits until everything is written, or has failed, or the caller has cancelled.
DS_MUST_CHECK int dsi_relay_finish(struct dsi_relay *r, struct ds_error *err);

/// Ends the thread; what waits, or is being written, is not written. NULL is fine.
void dsi_relay_free(struct dsi_relay *r);

#endif
