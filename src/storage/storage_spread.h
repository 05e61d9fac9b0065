// Where a directory's files are made when the file system takes long to make them there.
//
// Without a journal, ext4 does not give out an inode again for a minute or more after its
// file was removed, and looks at all of those in the part of the disk where the directory
// is, whenever it makes a file in it: where as many files go as come, thousands. It is
// spared that by making them, without names, in directories of other parts of the disk;
// named they are in the one that they are for.
//
// (1) Nobody is asked which file system it is: where DSI_SPREAD_AFTER files in a row took
//     longer than DSI_SPREAD_SLOW_NS each, the directory is given up as the place to make
//     them, if there is a way to have directories far from each other.
// (2) `<dir>/.datashard-spread/` has DSI_SPREAD_WAYS of them at most. All processes use
//     the same; they stay, and nothing is ever in them that has a name.
// (3) Who may not use them, or finds no way, makes the files in the directory itself.
// (4) One after the other is used, each of which comes to be when its turn comes: for
//     DSI_SPREAD_TURN files, or until DSI_SPREAD_LEAST in a row took longer than
//     DSI_SPREAD_LONG_NS, for somebody may have removed files there, too. Where many were
//     slow one after the other it is the machine, and each is given more time.
#ifndef DSI_STORAGE_STORAGE_SPREAD_H
#define DSI_STORAGE_STORAGE_SPREAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    DSI_SPREAD_AFTER = 16,
    DSI_SPREAD_SLOW_NS = 30000,
    DSI_SPREAD_WAYS = 256,
    DSI_SPREAD_TURN = 1024,
    DSI_SPREAD_LEAST = 4,
    DSI_SPREAD_LONG_NS = 16000,
    DSI_SPREAD_TRIED = 64, // From so many slow ways in a row on DSI_SPREAD_LEAST doubles,
    DSI_SPREAD_DOUBLED = 8, // so often, and is DSI_SPREAD_TURN then.
};

/// Of a directory. All zero: its files are made in itself. One thread at a time.
struct dsi_spread {
    bool refused;        // It does not work here (3).
    bool begun;          // One of them was in use (4).
    unsigned slow;       // So many in a row took long, up to DSI_SPREAD_AFTER.
    unsigned way;        // Which of them is in use, while …
    unsigned left;       // … so many files are still to be made there.
    unsigned slow_there; // So many in a row took long there, …
    unsigned slow_ways;  // … and so many ways in a row were left for that.
};

enum { DSI_SPREAD_HERE = -1 };

/// Where the next file is to be made: DSI_SPREAD_HERE, or the number of a directory.
int dsi_spread_next(struct dsi_spread *s);

/// A file was made there, and took so long; 0: it could not be made.
void dsi_spread_made(struct dsi_spread *s, int where, int64_t ns);

/// As posix' open_unnamed for `dir`, in the place that dsi_spread_next told, which comes
/// to be if it is not there.
int dsi_spread_open(const char *dir, int where);

#endif
