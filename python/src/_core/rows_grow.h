// How the buffers of a column grow by one value.
#ifndef DATASHARD_PYTHON_ROWS_GROW_H
#define DATASHARD_PYTHON_ROWS_GROW_H

#include "rows_column.h"

/// Sets or clears the bit `at`, the last one. -1: MemoryError.
static inline int rows_add_bit(struct rows_buffer *b, int64_t at, bool on)
{
    unsigned bit = 1U << (at % 8);

    if (at / 8 >= b->used) {
        unsigned char none = 0;
        if (rows_buffer_add(b, &none, 1) < 0) {
            return -1;
        }
    }
    b->data[at / 8] =
        (unsigned char)(on ? b->data[at / 8] | bit : b->data[at / 8] & ~bit);
    return 0;
}

/// Counts one more value, which is or is not there. -1: MemoryError.
static inline int rows_count(struct rows_column *c, bool valid)
{
    if (c->type.kind == ROWS_NULL) {
        c->length++;
        c->nulls++;
        return 0;
    }
    if (!valid && !c->validity.data) {
        int64_t bytes = (c->length + 7) / 8;
        if (rows_buffer_reserve(&c->validity, bytes + 1) < 0) {
            return -1;
        }
        memset(c->validity.data, 0xff, (size_t)bytes);
        c->validity.used = bytes;
    }
    if (c->validity.data && rows_add_bit(&c->validity, c->length, valid) < 0) {
        return -1;
    }
    c->length++;
    c->nulls += !valid;
    return 0;
}

/// The end of the last value of a column with offsets. -1: MemoryError, or a ValueError
/// when a 32-bit offset cannot say it.
static inline int rows_add_offset(struct rows_context *context, struct rows_column *c,
                                  int64_t end, int64_t grown)
{
    int32_t narrow = (int32_t)end;

    if (c->type.offsets == ROWS_OFFSETS_64) {
        context->bulk += grown;
        return rows_buffer_add(&c->offsets, &end, sizeof end);
    }
    if (end > INT32_MAX) {
        PyErr_SetString(
            PyExc_ValueError,
            "the column has more than 2 GiB in one batch; write fewer rows at "
            "once, or use the large Arrow type");
        return -1;
    }
    context->bulk += grown;
    return rows_buffer_add(&c->offsets, &narrow, sizeof narrow);
}

#endif
