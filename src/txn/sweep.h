// Files that nobody refers to any more: removed at once by who has found them, or, many
// of them, when nobody waits (housekeeper.h).
//
// (1) What goes was found before the version was made that forgets it (forgotten.h), and
//     is removed at any time after that: no name is ever used twice, and a manifest that
//     left the table's lists never comes back.
// (2) Best effort: what is not removed is waste, which a collector finds.
#ifndef DSI_TXN_SWEEP_H
#define DSI_TXN_SWEEP_H

#include "storage/storage.h"

// So many files are not removed before a commit returns.
enum { DSI_SWEEP_MANY = 32 };

struct dsi_sweep;

/// Of nothing yet; `storage` is borrowed until it is freed. NULL: no memory.
struct dsi_sweep *dsi_sweep_new(ds_storage *storage);
void dsi_sweep_free(struct dsi_sweep *s); // NULL is fine.

/// One file more (copied), which stays (2) when there is no memory for its name.
void dsi_sweep_add(struct dsi_sweep *s, const char *path);

/// How many files it is.
size_t dsi_sweep_size(const struct dsi_sweep *s);

/// Removes them, in the order in which they were added. Any thread; a second time does no
/// harm.
void dsi_sweep_run(const struct dsi_sweep *s);

#endif
