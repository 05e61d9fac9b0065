#include "base/pool.h"

#include <assert.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "base/alloc.h"

enum { SLOTS = 512 };

// One that would take the place of too many others.
#define LARGE (DSI_POOL_BYTES_MAX / 4)

// What a kept block begins with; the pages behind it may be lent.
struct head {
    size_t capacity;
    bool lent;
};

// A block belongs to whoever gets it out of its slot, in one exchange. The others are
// only hints: they may be of the block before.
struct slot {
    _Atomic(struct head *) block;
    atomic_size_t capacity;
    atomic_bool lent;
};

static struct {
    atomic_size_t bytes; // Of the blocks that are kept.
    atomic_size_t busy;
    atomic_size_t next; // The slot whose block has to go next.
    struct slot slots[SLOTS];
} pool;

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
    return capacity >= size && capacity - size <= size / 4;
}

static size_t capacity_at(size_t slot)
{
    return atomic_load_explicit(&pool.slots[slot].capacity, memory_order_relaxed);
}

static bool has_block(size_t slot)
{
    return atomic_load_explicit(&pool.slots[slot].block, memory_order_relaxed) != NULL;
}

// Whether the block of a slot is worth lending, and is not lent.
static bool can_lend(size_t slot)
{
    return has_block(slot) && capacity_at(slot) >= DSI_POOL_LEND_MIN &&
           !atomic_load_explicit(&pool.slots[slot].lent, memory_order_relaxed);
}

// The slot of the smallest block that is large enough, and not by far too large; SLOTS:
// none.
static size_t find(size_t size)
{
    size_t best = SLOTS;
    size_t least = SIZE_MAX;

    for (size_t i = 0; i < SLOTS && least > size; i++) {
        size_t capacity = capacity_at(i);
        if (suits(capacity, size) && capacity < least && has_block(i)) {
            best = i;
            least = capacity;
        }
    }
    return best;
}

// The block of a slot, which is nobody else's then; NULL: there is none.
static struct head *get(size_t slot)
{
    struct head *h = atomic_exchange(&pool.slots[slot].block, NULL);

    if (h) {
        atomic_fetch_sub(&pool.bytes, h->capacity);
    }
    return h;
}

static bool put(size_t slot, struct head *h)
{
    struct head *empty = NULL;
    struct head was = *h; // In the slot it may be somebody else's at once.

    if (has_block(slot) ||
        !atomic_compare_exchange_strong(&pool.slots[slot].block, &empty, h)) {
        return false;
    }
    atomic_store_explicit(&pool.slots[slot].capacity, was.capacity, memory_order_relaxed);
    atomic_store_explicit(&pool.slots[slot].lent, was.lent, memory_order_relaxed);
    return true;
}

static void drop(struct head *h)
{
    dsi_memory_unmap(h, h->capacity);
}

static void drop_next(void)
{
    struct head *h = get(atomic_fetch_add(&pool.next, 1) % SLOTS);

    if (h) {
        drop(h);
    }
}

// Keeps the block, instead of others if it has to be (1).
static void keep(struct head *h)
{
    size_t capacity = h->capacity;
    size_t bytes = atomic_fetch_add(&pool.bytes, capacity) + capacity;

    for (size_t i = 0; i < SLOTS && bytes > DSI_POOL_BYTES_MAX; i++) {
        drop_next();
        bytes = atomic_load(&pool.bytes);
    }
    for (size_t i = 0; i < SLOTS && bytes <= DSI_POOL_BYTES_MAX; i++) {
        if (put(i, h)) {
            return;
        }
    }
    atomic_fetch_sub(&pool.bytes, capacity);
    drop_next(); // The slots were all taken: there is room for the one after this.
    drop(h);
}

static void lend(struct head *h)
{
    if (h->capacity >= DSI_POOL_LEND_MIN) {
        dsi_memory_lend(h + 1, h->capacity - sizeof *h);
        h->lent = true;
    }
}

void *dsi_pool_take(size_t size, size_t *capacity)
{
    size_t i = SLOTS;

    *capacity = size = round_up(size);
    if (size < DSI_POOL_BLOCK_MIN) {
        return dsi_malloc(size);
    }
    i = find(size);
    struct head *h = i < SLOTS ? get(i) : NULL;
    if (h && suits(h->capacity, size)) {
        *capacity = h->capacity;
        return h;
    }
    if (h) { // Another thread had changed the slot.
        keep(h);
    }
    return dsi_memory_map(size);
}

void dsi_pool_give(void *block, size_t capacity)
{
    struct head *h = block;

    assert(block);
    if (capacity < DSI_POOL_BLOCK_MIN) {
        dsi_free(block);
        return;
    }
    *h = (struct head){.capacity = capacity};
    if (capacity > LARGE) {
        drop(h);
        return;
    }
    if (atomic_load(&pool.busy) == 0) {
        lend(h);
    }
    keep(h);
}

void dsi_pool_begin(void)
{
    atomic_fetch_add(&pool.busy, 1);
}

void dsi_pool_end(void)
{
    if (atomic_fetch_sub(&pool.busy, 1) > 1) {
        return;
    }
    for (size_t i = 0; i < SLOTS; i++) {
        struct head *h = can_lend(i) ? get(i) : NULL;
        if (h) {
            lend(h);
            keep(h);
        }
    }
}

size_t dsi_pool_empty(void)
{
    size_t bytes = 0;

    for (size_t i = 0; i < SLOTS; i++) {
        struct head *h = get(i);
        if (h) {
            bytes += h->capacity;
            drop(h);
        }
    }
    return bytes;
}
