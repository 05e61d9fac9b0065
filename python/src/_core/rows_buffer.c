#include "rows_buffer.h"

#include <stdlib.h>

// A little more than the one before it had: the next batch of texts is rarely as long to
// the byte, and one that is too long is copied.
static int64_t first_room(const struct rows_buffer *b)
{
    int64_t room = b->before + b->before / 16;
    return room > 64 ? room : 64;
}

int rows_buffer_reserve(struct rows_buffer *b, int64_t more)
{
    int64_t room = b->room > 0 ? b->room : first_room(b);
    unsigned char *data = NULL;

    if (b->room - b->used >= more) {
        return 0;
    }
    while (room - b->used < more) {
        if (room > INT64_MAX / 2) {
            PyErr_NoMemory();
            return -1;
        }
        room *= 2;
    }
    data = realloc(b->data, (size_t)room);
    if (!data) {
        PyErr_NoMemory();
        return -1;
    }
    b->data = data;
    b->room = room;
    return 0;
}

void *rows_buffer_take(struct rows_buffer *b)
{
    void *data = b->data;

    *b = (struct rows_buffer){.before = b->used};
    return data;
}
