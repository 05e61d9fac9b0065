// What is done for a table while nobody waits for it, by a thread of the handle's own:
// removing files that a version has forgotten (sweep.h), and merging small files.
//
// (1) Whose swap takes the table's sequence numbers past a multiple of
//     DSI_KEY_MERGE_EVERY comes forward: of all writers one, and none asks another. Its
//     turn lasts until somebody else passes the next one. An appender comes forward when
//     it has nothing else to do. A turn of which history shows no merge some time after
//     it began was dropped: who passes an eighth of the way to the next one takes it up.
// (2) Nobody waits for the thread but who closes the handle, or forks. Closing lets it
//     work for as long as DSI_KEY_MERGE_AT_CLOSE or the caller says; then, and for a fork
//     at once, it is asked to stop, and does so before it reads another file, or as a
//     cancelled commit does (base/cancel.h). A child has none; what was stopped for it is
//     taken up at a later turn.
// (3) It works by a second handle of the table, and shares no lock with the first. What
//     fails is nobody's business: a line at debug level, and the next turn.
// (4) A handle has at most one thread. It removes before it merges; while DSI_SWEEPS_MAX
//     sweeps wait for it, or without one, whoever has made them removes by himself.
// (5) Sweeps are not lost: what waits when the thread stops for a fork is done by the
//     next one, and at the latest by who closes the handle. A child leaves them to its
//     parent.
#ifndef DSI_TXN_HOUSEKEEPER_H
#define DSI_TXN_HOUSEKEEPER_H

#include "txn/attempt.h"
#include "txn/sweep.h"

// So many sequence numbers make a turn; 128 when not set, or not a number above 0.
#define DSI_KEY_MERGE_EVERY "datashard.merge-small-files.every"
#define DSI_MERGE_EVERY 128

// So many milliseconds it may go on while its handle is being closed; 2,000 when not set,
// or not a number; 0: none.
#define DSI_KEY_MERGE_AT_CLOSE "datashard.merge-small-files.at-close-ms"
#define DSI_MERGE_AT_CLOSE_MS 2000

// A turn that began so long ago, by the times of its snapshots, and shows no merge was
// dropped: who began it has ended, or has found nothing.
#define DSI_MERGE_DROPPED_MS 10000

enum { DSI_SWEEPS_MAX = 4 };

struct dsi_housekeeper;

/// Of a handle, by dsi_table_housekeeper; NULL: no memory. Freed with it: waits until the
/// thread has ended, or was asked to after `wait_ms` (2), and has stopped. Below 0: as
/// long as the table's property says.
struct dsi_housekeeper *dsi_housekeeper_new(struct dsi_table *table);
void dsi_housekeeper_free(struct dsi_housekeeper *k, int64_t wait_ms); // NULL is fine.

/// `a` has ended with DSI_ATTEMPT_COMMITTED. Comes forward if it is a's turn (1) and the
/// table's small files are to be merged. Never waits.
void dsi_housekeeper_committed(const struct dsi_attempts *a);

/// Takes a sweep over, to run and to free. False: it is still the caller's (4). Never
/// waits.
bool dsi_housekeeper_sweep(struct dsi_table *table, struct dsi_sweep *s);

/// The caller has nothing else to do: comes forward if a few versions were made since
/// the handle's last look.
void dsi_housekeeper_idle(struct dsi_table *table);

/// Whether a thread is at work for this handle.
bool dsi_housekeeper_is_busy(struct dsi_table *table);

#endif
