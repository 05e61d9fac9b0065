// Arithmetic on numbers that came from a file: it says when it does not fit.
#ifndef DSI_BASE_CHECKED_H
#define DSI_BASE_CHECKED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

static inline bool dsi_add_size(size_t a, size_t b, size_t *out)
{
    *out = a + b;
    return *out >= a;
}

static inline bool dsi_mul_size(size_t a, size_t b, size_t *out)
{
    *out = a * b;
    return b == 0 || a <= SIZE_MAX / b;
}

static inline bool dsi_add_i64(int64_t a, int64_t b, int64_t *out)
{
    *out = (int64_t)((uint64_t)a + (uint64_t)b);
    return (b >= 0) == (*out >= a);
}

static inline bool dsi_mul_i64(int64_t a, int64_t b, int64_t *out)
{
    *out = (int64_t)((uint64_t)a * (uint64_t)b);
    if (a == 0 || b == 0) {
        return true;
    }
    return !(a == -1 && b == INT64_MIN) && !(b == -1 && a == INT64_MIN) && *out / b == a;
}

#endif
