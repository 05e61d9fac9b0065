// Files made in advance: making a file takes some file systems long (they search for an
// inode that nobody had lately), so a storage that commits again and again makes those of
// its next commit while the disk syncs this one's, when its thread would only wait.
//
// (1) A spare has no name until whoever took it gives it one: whatever ends the process
//     before, nothing is left. It is as open as its directory was when it was made.
// (2) It is its process's alone: a child that was forked closes its copies, and names
//     none.
// (3) Only as many are made as each directory needed for each of the last two commits,
//     at most DSI_SPARES_MAX. Where the system has no files without names there are none.
#ifndef DSI_STORAGE_STORAGE_SPARE_H
#define DSI_STORAGE_STORAGE_SPARE_H

#include <stdbool.h>
#include <stdint.h>

#include "datashard/status.h"

struct dsi_spares;

enum { DSI_SPARES_MAX = 8 };

// An empty file, open for writing.
struct dsi_spare {
    int fd;
    uint64_t device;
    uint64_t inode;
};

/// Any thread may use them. Ends by dsi_spares_free.
DS_MUST_CHECK int dsi_spares_new(struct dsi_spares **out, struct ds_error *err);
void dsi_spares_free(struct dsi_spares *s); // NULL is fine.

/// Notes that a file is made in directory `dir`, and gives a spare for it: *out is the
/// caller's. False: there is none. *first says that none of the directory has been named
/// yet: it has to be named (dsi_spares_name) before anything is written to it.
bool dsi_spares_take(struct dsi_spares *s, const char *dir, struct dsi_spare *out,
                     bool *first);

/// Gives a spare of `dir` the name `path`, which shows that those of its directory can
/// have one. Negative errno: there are no more spares; `path` may have come to be.
int dsi_spares_name(struct dsi_spares *s, const char *dir, int fd, const char *path);

/// One of them could not be given a name: there are no more.
void dsi_spares_refuse(struct dsi_spares *s);

/// Makes what the next commit will need. To be called once for each commit.
void dsi_spares_fill(struct dsi_spares *s);

#endif
