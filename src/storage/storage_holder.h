// Who has a file locked: for the words that are told to those who wait for it too long.
//
// (1) The system says which process has locked which file (proc(5), "/proc/locks"), but
//     not of other machines and other containers.
// (2) It decides nothing: when it is told it may be over.
#ifndef DSI_STORAGE_STORAGE_HOLDER_H
#define DSI_STORAGE_STORAGE_HOLDER_H

#include <stdbool.h>

enum { DSI_HOLDER_SIZE = 96 };

/// Finds a process that has locked the file `path` for writing, by fcntl(2) or flock(2),
/// and says which: "process 4711 (python3)", or "process 4711 (python3, stopped)". False:
/// none is seen (1), or it is this one itself. The file is not opened: who closes a file
/// gives up his own locks on it.
bool dsi_holder_find(const char *path, char out[DSI_HOLDER_SIZE]);

#endif
