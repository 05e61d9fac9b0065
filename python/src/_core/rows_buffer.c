#include "rows_buffer.h"

#include <stdlib.h>

int rows_buffer_reserve(struct rows_buffer *b, int64_t more)
{
    int64_t room = b->room > 0 ? b->room : b->before > 64 ? b->before : 64;
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
