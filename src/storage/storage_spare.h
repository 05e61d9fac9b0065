// Files made in advance: making a file takes some file systems long (they search for an
// inode that nobody had lately), so a storage that commits again and again makes those of
// its next commit while the disk syncs this one's, when its thread would only wait.
//
// (1) A spare has no name until whoever took it gives it one: whatever ends the process
//     before, nothing is left.
// (2) It is its process's alone: a child that was forked closes its copies, and names
//     none.
// (3) Only as many are made as each directory needed for each of the last two commits,
//     at most DSI_SPARES_MAX. Where the system has no files without names there are none.
#ifndef DSI_STORAGE_STORAGE_SPARE_H
#define DSI_STORAGE_STORAGE_SPARE_H

#include <stdbool.h>

#include "datashard/status.h"

struct dsi_spares;

enum { DSI_SPARES_MAX = 8 };

/// Any thread may use them. Ends by dsi_spares_free.
DS_MUST_CHECK int dsi_spares_new(struct dsi_spares **out, struct ds_error *err);
void dsi_spares_free(struct dsi_spares *s); // NULL is fine.

/// Notes that a file is made in directory `dir`, and makes it of a spare: an empty file,
/// open for writing, is the result, which has the name `path` in `dir`, or none yet.
/// *named says whether it must have it, and then whether it has: the first of a directory
/// is named at once, which shows that it can be done. -ENOENT: there is none. Any other
/// negative: it failed, and will not be tried again; `path` may have come to be.
int dsi_spares_take(struct dsi_spares *s, const char *dir, const char *path, bool *named);

/// One of them could not be given a name: there are no more.
void dsi_spares_refuse(struct dsi_spares *s);

/// Makes what the next commit will need. To be called once for each commit.
void dsi_spares_fill(struct dsi_spares *s);

#endif
