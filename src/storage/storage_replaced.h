// The end of files that are replaced again and again, put off until it costs nobody.
//
// (1) A file lives on while somebody holds it, so whoever replaces it does not have to
//     wait for its blocks to be given back; that is left to whoever lets it go.
// (2) One at a time, and none of a process that is gone: what is held is a descriptor.
#ifndef DSI_STORAGE_STORAGE_REPLACED_H
#define DSI_STORAGE_STORAGE_REPLACED_H

#include <stdatomic.h>

struct dsi_replaced {
    _Atomic int held; // The descriptor and one; 0: none.
};

/// Holds the file at `path`, if there is one and the system has such a thing, and lets go
/// of the one before. Any thread.
void dsi_replaced_hold(struct dsi_replaced *r, const char *path);

/// Lets go of what is held. Any thread, while the disk has other things to do.
void dsi_replaced_end(struct dsi_replaced *r);

#endif
