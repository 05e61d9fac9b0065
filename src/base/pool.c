#include "base/pool.h"

#include <assert.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "base/alloc.h"
#include "base/error.h"
#include "base/refcount.h"

enum { SLOTS = 128, WASTE_MAX = 4 };

// Nobody waits: a block belongs to whoever gets it out of its slot, in one exchange. Its
// capacity is written into the block itself; the slot has it too, but only as a hint,
// since it may be of the block before.
struct slot {
    _Atomic(void *) block;
    atomic_size_t capacity;
};

struct dsi_pool {
    struct dsi_refcount owners;
    size_t max;
    atomic_size_t bytes; // Of the blocks that are kept.
    struct slot slots[SLOTS];
};

int dsi_pool_new(struct dsi_pool **out, struct ds_error *err)
{
    struct dsi_pool *p = dsi_calloc(1, sizeof *p);

    *out = NULL;
    if (!p) {
        return dsi_no_memory(err, "making a pool of buffers");
    }
    dsi_refcount_init(&p->owners);
    p->max = DSI_POOL_BYTES_MAX;
    atomic_init(&p->bytes, 0);
    for (size_t i = 0; i < SLOTS; i++) {
        atomic_init(&p->slots[i].block, NULL);
        atomic_init(&p->slots[i].capacity, 0);
    }
    *out = p;
    return DS_OK;
}

struct dsi_pool *dsi_pool_common(void)
{
    static struct dsi_pool common = {.max = DSI_POOL_COMMON_MAX};
    return &common;
}

struct dsi_pool *dsi_pool_share(struct dsi_pool *p)
{
    if (p) {
        dsi_refcount_add(&p->owners);
    }
    return p;
}

void dsi_pool_drop(struct dsi_pool *p)
{
    if (!p || !dsi_refcount_drop(&p->owners)) {
        return;
    }
    for (size_t i = 0; i < SLOTS; i++) {
        dsi_free(atomic_load(&p->slots[i].block));
    }
    dsi_free(p);
}

// The next of eight steps between powers of two: blocks of about one size then are of one
// size, and fit each other's use.
static size_t round_up(size_t size)
{
    size_t step = DSI_POOL_BLOCK_MIN / 8;

    if (size > SIZE_MAX / 2) {
        return size;
    }
    while (step * 16 <= size) {
        step *= 2;
    }
    return (size + step - 1) / step * step;
}

static bool suits(size_t capacity, size_t size)
{
    return capacity >= size && capacity / WASTE_MAX <= size;
}

// The slot of the smallest block that is large enough, and not by far too large; SLOTS:
// none.
static size_t find(struct dsi_pool *p, size_t size)
{
    size_t best = SLOTS;
    size_t least = SIZE_MAX;

    for (size_t i = 0; i < SLOTS; i++) {
        size_t capacity =
            atomic_load_explicit(&p->slots[i].capacity, memory_order_relaxed);
        if (suits(capacity, size) && capacity < least &&
            atomic_load_explicit(&p->slots[i].block, memory_order_relaxed)) {
            best = i;
            least = capacity;
        }
    }
    return best;
}

static size_t capacity_in(const void *block)
{
    size_t capacity = 0;
    memcpy(&capacity, block, sizeof capacity);
    return capacity;
}

void *dsi_pool_take(struct dsi_pool *p, size_t size, size_t *capacity)
{
    size = round_up(size);
    size_t i = find(p, size);
    void *block = i < SLOTS ? atomic_exchange(&p->slots[i].block, NULL) : NULL;
    if (block) {
        *capacity = capacity_in(block);
        atomic_fetch_sub(&p->bytes, *capacity);
        if (suits(*capacity, size)) {
            return block;
        }
        dsi_pool_give(p, block, *capacity); // Another thread had changed the slot.
    }
    *capacity = size;
    return dsi_malloc(size);
}

void dsi_pool_give(struct dsi_pool *p, void *block, size_t capacity)
{
    assert(block);
    if (capacity < DSI_POOL_BLOCK_MIN || capacity > p->max) {
        dsi_free(block);
        return;
    }
    if (atomic_fetch_add(&p->bytes, capacity) > p->max - capacity) { // (1)
        atomic_fetch_sub(&p->bytes, capacity);
        dsi_free(block);
        return;
    }
    memcpy(block, &capacity, sizeof capacity);
    for (size_t i = 0; i < SLOTS; i++) {
        void *empty = NULL;
        if (!atomic_load_explicit(&p->slots[i].block, memory_order_relaxed) &&
            atomic_compare_exchange_strong(&p->slots[i].block, &empty, block)) {
            atomic_store_explicit(&p->slots[i].capacity, capacity, memory_order_relaxed);
            return;
        }
    }
    atomic_fetch_sub(&p->bytes, capacity);
    dsi_free(block);
}
