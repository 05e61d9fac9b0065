#include "base/alloc.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/fault.h"

static const struct dsi_memory_ops libc_memory = {malloc, calloc, realloc, free};
static const struct dsi_memory_ops *memory = &libc_memory;

void dsi_memory_set(const struct dsi_memory_ops *ops)
{
    memory = ops ? ops : &libc_memory;
}

void *dsi_calloc(size_t count, size_t size)
{
    if (DSI_FAULT("alloc")) {
        return NULL;
    }
    // An empty request must not look like a failure.
    return count == 0 || size == 0 ? memory->calloc(1, 1) : memory->calloc(count, size);
}

void *dsi_malloc(size_t size)
{
    return DSI_FAULT("alloc") ? NULL : memory->malloc(size ? size : 1);
}

void *dsi_realloc(void *p, size_t size)
{
    return DSI_FAULT("alloc") ? NULL : memory->realloc(p, size ? size : 1);
}

void dsi_free(void *p)
{
    memory->free(p);
}

char *dsi_strdup(const char *s)
{
    return dsi_strndup(s, strlen(s));
}

char *dsi_strndup(const char *s, size_t size)
{
    char *copy = size == SIZE_MAX ? NULL : dsi_malloc(size + 1);
    if (copy) {
        if (size > 0) {
            memcpy(copy, s, size);
        }
        copy[size] = '\0';
    }
    return copy;
}
