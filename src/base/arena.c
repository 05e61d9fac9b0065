#include "base/arena.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"

enum { BLOCK_SIZE_MIN = 1024, BLOCK_SIZE_MAX = 256 * 1024, ALIGNMENT = 16 };

struct dsi_arena_block {
    struct dsi_arena_block *next;
    size_t size; // Of the payload.
    size_t used;
    size_t reserved; // Keeps the payload aligned.
};

static unsigned char *payload(struct dsi_arena_block *b)
{
    return (unsigned char *)b + sizeof *b;
}

static struct dsi_arena_block *add_block(struct dsi_arena *a, size_t need)
{
    size_t limit = a->bytes_max ? a->bytes_max : DSI_ARENA_BYTES_MAX;
    // Blocks double with what is held, so a small document costs one small block.
    size_t size = a->bytes_held < BLOCK_SIZE_MIN ? BLOCK_SIZE_MIN : a->bytes_held;
    if (size > BLOCK_SIZE_MAX) {
        size = BLOCK_SIZE_MAX;
    }
    if (size < need) {
        size = need;
    }
    if (need > limit || a->bytes_held > limit - need) {
        return NULL; // (2)
    }
    if (size > limit - a->bytes_held) {
        size = need;
    }
    struct dsi_arena_block *b = dsi_calloc(1, sizeof *b + size); // (1)
    if (b) {
        b->size = size;
        b->next = a->blocks;
        a->blocks = b;
        a->bytes_held += size;
    }
    return b;
}

void dsi_arena_release(struct dsi_arena *a)
{
    while (a->blocks) {
        struct dsi_arena_block *next = a->blocks->next;
        dsi_free(a->blocks);
        a->blocks = next;
    }
    a->bytes_held = 0;
}

void *dsi_arena_alloc(struct dsi_arena *a, size_t size)
{
    if (size > SIZE_MAX - sizeof(struct dsi_arena_block) - ALIGNMENT) {
        return NULL;
    }
    size = (size + ALIGNMENT - 1) & ~(size_t)(ALIGNMENT - 1);
    if (size == 0) {
        size = ALIGNMENT;
    }
    struct dsi_arena_block *b = a->blocks;
    if (!b || b->size - b->used < size) {
        b = add_block(a, size);
        if (!b) {
            return NULL;
        }
    }
    void *p = payload(b) + b->used;
    b->used += size;
    return p;
}

void *dsi_arena_array(struct dsi_arena *a, size_t count, size_t size)
{
    return size && count > SIZE_MAX / size ? NULL : dsi_arena_alloc(a, count * size);
}

void *dsi_arena_grow(struct dsi_arena *a, const void *items, size_t count, size_t size)
{
    if (count != 0 && (count & (count - 1)) != 0) {
        return (void *)(uintptr_t)items; // The caller's own, and not full.
    }
    if (count > SIZE_MAX / 2) {
        return NULL;
    }
    void *more = dsi_arena_array(a, count ? count * 2 : 1, size);
    if (more && count > 0) {
        memcpy(more, items, count * size);
    }
    return more;
}

char *dsi_arena_strdup(struct dsi_arena *a, const char *s)
{
    return dsi_arena_strndup(a, s, strlen(s));
}

char *dsi_arena_strndup(struct dsi_arena *a, const char *s, size_t size)
{
    char *copy = size == SIZE_MAX ? NULL : dsi_arena_alloc(a, size + 1);
    if (copy && size > 0) {
        memcpy(copy, s, size);
    }
    return copy;
}

char *dsi_arena_join(struct dsi_arena *a, const char *const *texts, size_t count)
{
    size_t size = 0;

    for (size_t i = 0; i < count; i++) {
        size_t more = strlen(texts[i]);
        if (more >= SIZE_MAX - size) {
            return NULL;
        }
        size += more;
    }
    char *joined = dsi_arena_alloc(a, size + 1);
    char *to = joined;
    for (size_t i = 0; joined && i < count; i++) {
        size_t more = strlen(texts[i]);
        memcpy(to, texts[i], more);
        to += more;
    }
    return joined;
}

char *dsi_arena_printf(struct dsi_arena *a, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    int size = vsnprintf(NULL, 0, fmt, args);
    va_end(args);
    char *text = size < 0 ? NULL : dsi_arena_alloc(a, (size_t)size + 1);
    if (text) {
        va_start(args, fmt);
        vsnprintf(text, (size_t)size + 1, fmt, args);
        va_end(args);
    }
    return text;
}

int dsi_arena_copy(struct dsi_arena *a, struct ds_slice bytes, struct ds_slice *out)
{
    char *copy = dsi_arena_strndup(a, (const char *)bytes.data, bytes.size);
    if (!copy) {
        return -1;
    }
    *out = (struct ds_slice){(const uint8_t *)copy, bytes.size};
    return 0;
}

void dsi_arena_adopt(struct dsi_arena *into, struct dsi_arena *from)
{
    struct dsi_arena_block **end = &into->blocks;
    while (*end) { // At the end: `into` goes on filling its newest block.
        end = &(*end)->next;
    }
    *end = from->blocks;
    into->bytes_held += from->bytes_held;
    from->blocks = NULL;
    from->bytes_held = 0;
}
