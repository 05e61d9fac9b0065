#include "codec/parquet/parquet_pile.h"

#include <string.h>

#include "base/error.h"
#include "base/pool.h"

enum { BLOCK_MIN = 2048, BLOCK_MAX = 1 << 20 };

void dsi_parquet_pile_release(struct dsi_parquet_pile *p)
{
    while (p->first) {
        struct dsi_parquet_block *next = p->first->next;
        dsi_pool_give(p->first, sizeof *next + p->first->capacity);
        p->first = next;
    }
    *p = (struct dsi_parquet_pile){0};
}

void dsi_parquet_pile_reset(struct dsi_parquet_pile *p)
{
    for (struct dsi_parquet_block *b = p->first; b; b = b->next) {
        b->size = 0;
    }
    p->last = p->first;
    p->size = 0;
}

// A block behind the last, as large as all before it together.
static int add_block(struct dsi_parquet_pile *p, struct ds_error *err)
{
    size_t capacity = p->size < BLOCK_MIN   ? BLOCK_MIN
                      : p->size > BLOCK_MAX ? BLOCK_MAX
                                            : p->size;
    struct dsi_parquet_block *b = dsi_pool_take(sizeof *b + capacity, &capacity);

    if (!b) {
        return dsi_no_memory(err, "parquet pages to write");
    }
    b->next = NULL;
    b->size = 0;
    b->capacity = capacity - sizeof *b;
    *(p->last ? &p->last->next : &p->first) = b;
    p->last = b;
    return DS_OK;
}

int dsi_parquet_pile_append(struct dsi_parquet_pile *p, struct ds_slice bytes,
                            struct ds_error *err)
{
    int rc = DS_OK;

    while (bytes.size > 0) {
        struct dsi_parquet_block *b = p->last;
        if (b && b->size == b->capacity && b->next) {
            p->last = b->next;
            continue;
        }
        if (!b || b->size == b->capacity) {
            DSI_TRY(add_block(p, err));
            continue;
        }
        size_t room = b->capacity - b->size;
        size_t n = bytes.size < room ? bytes.size : room;
        memcpy(b->bytes + b->size, bytes.data, n);
        b->size += n;
        p->size += n;
        bytes.data += n;
        bytes.size -= n;
    }
done:
    return rc;
}

const struct dsi_parquet_block *
dsi_parquet_pile_next(const struct dsi_parquet_pile *p,
                      const struct dsi_parquet_block *block)
{
    const struct dsi_parquet_block *next = block ? block->next : p->first;
    return next && next->size > 0 ? next : NULL;
}
