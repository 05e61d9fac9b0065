// Text as a source that gives it in pieces of a chosen size, for the tests of text_*.c.
#ifndef DSI_TEST_TEXT_H
#define DSI_TEST_TEXT_H

#include "data/text_reader.h"
#include "harness.h"

#include <string.h>

struct pieces {
    const char *text;
    size_t size;
    size_t piece;      // Bytes a read gives at most.
    size_t pause_each; // Every so many reads it pauses; 0: never.
    size_t reads;
};

static ptrdiff_t read_pieces(void *arg, void *out, size_t size, struct ds_error *err)
{
    struct pieces *p = arg;
    size_t n = p->size < p->piece ? p->size : p->piece;
    (void)err;
    p->reads++;
    if (p->pause_each && p->reads % p->pause_each == 0) {
        return DS_READ_PAUSE;
    }
    n = n < size ? n : size;
    memcpy(out, p->text, n);
    p->text += n;
    p->size -= n;
    return (ptrdiff_t)n;
}

static inline struct pieces pieces_of(const char *text, size_t piece)
{
    return (struct pieces){text, strlen(text), piece, 0, 0};
}

#endif
