// A read function over bytes: in pieces of any size, with pauses.
#ifndef DSI_TEST_IPC_FEED_H
#define DSI_TEST_IPC_FEED_H

#include "datashard/rows.h"
#include "unit/codec/arrow_ipc/ipc_sample.h"

struct feed {
    struct ds_slice bytes;
    size_t piece; // At most so many at once; 0: all.
    bool pauses;  // Before each piece.
    bool paused;
    size_t calls;
};

static inline ptrdiff_t feed_read(void *arg, void *out, size_t size, struct ds_error *err)
{
    struct feed *f = arg;
    (void)err;

    f->calls++;
    if (f->pauses && !f->paused) {
        f->paused = true;
        return DS_READ_PAUSE;
    }
    f->paused = false;
    size = size < f->bytes.size ? size : f->bytes.size;
    size = f->piece > 0 && size > f->piece ? f->piece : size;
    if (size > 0) {
        memcpy(out, f->bytes.data, size);
        f->bytes.data += size;
        f->bytes.size -= size;
    }
    return (ptrdiff_t)size;
}

#endif
