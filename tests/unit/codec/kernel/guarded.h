// Memory that ends where it says: one byte further the process dies, sanitizer or not.
#ifndef TESTS_UNIT_CODEC_KERNEL_GUARDED_H
#define TESTS_UNIT_CODEC_KERNEL_GUARDED_H

#include "harness.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "codec/kernel/kernel.h"

enum { GUARD_PAGE = 4096, GUARDED_MAX = 16 * GUARD_PAGE };

struct guarded {
    uint8_t *pages;
};

static inline struct guarded guarded_new(void)
{
    struct guarded g = {NULL};
    void *p = NULL;
    assert_int_equal(posix_memalign(&p, GUARD_PAGE, GUARDED_MAX + GUARD_PAGE), 0);
    g.pages = p;
    assert_int_equal(mprotect(g.pages + GUARDED_MAX, GUARD_PAGE, PROT_NONE), 0);
    return g;
}

static inline void guarded_free(struct guarded *g)
{
    assert_int_equal(mprotect(g->pages + GUARDED_MAX, GUARD_PAGE, PROT_READ | PROT_WRITE),
                     0);
    free(g->pages);
}

/// The last `size` bytes before the guard.
static inline uint8_t *guarded_last(const struct guarded *g, size_t size)
{
    assert_true(size <= GUARDED_MAX);
    return g->pages + GUARDED_MAX - size;
}

static inline uint64_t next_random(uint64_t *random)
{
    *random = *random * 6364136223846793005u + 1442695040888963407u;
    return *random >> 11;
}

static inline void fill_random(uint8_t *at, size_t size, uint64_t *random)
{
    for (size_t i = 0; i < size; i++) {
        at[i] = (uint8_t)next_random(random);
    }
}

/// The levels beyond plain C that this processor has, one after the other; NULL at the
/// end.
static inline const struct dsi_kernels *vector_kernels(int i)
{
    int level = DSI_CPU_SCALAR + 1 + i;
    return level <= (int)dsi_cpu_level_max() ? dsi_kernels_at((enum dsi_cpu_level)level)
                                             : NULL;
}

#endif
