// Bytes that grow at their end, and are given away as an Arrow buffer.
#ifndef DATASHARD_PYTHON_ROWS_BUFFER_H
#define DATASHARD_PYTHON_ROWS_BUFFER_H

#include "core_python.h"

#include <stdint.h>
#include <string.h>

/// All zero is an empty one. Its data are the owner's to free.
struct rows_buffer {
    unsigned char *data;
    int64_t used;
    int64_t room;
    int64_t before; ///< How many the one before it had, which this one may need too.
};

/// Makes room for so many more bytes. -1: MemoryError.
int rows_buffer_reserve(struct rows_buffer *b, int64_t more);

/// Gives the data away (NULL when there are none): the buffer is empty afterwards.
void *rows_buffer_take(struct rows_buffer *b);

/// Appends bytes. -1: MemoryError.
static inline int rows_buffer_add(struct rows_buffer *b, const void *bytes, int64_t size)
{
    if (b->room - b->used < size && rows_buffer_reserve(b, size) < 0) {
        return -1;
    }
    if (size > 0) {
        memcpy(b->data + b->used, bytes, (size_t)size);
    }
    b->used += size;
    return 0;
}

#endif
