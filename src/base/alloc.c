#include "base/alloc.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/fault.h"

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define DSI_SANITIZED
#endif
#elif defined(__SANITIZE_ADDRESS__)
#define DSI_SANITIZED
#endif

#ifdef DSI_SANITIZED

// A sanitizer sees the ends of these, and who forgets one.
static void *system_map(size_t size)
{
    return malloc(size);
}

static void system_unmap(void *p, size_t size)
{
    (void)size;
    free(p);
}

#else

static void *system_map(size_t size)
{
    void *p =
        mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    return p == MAP_FAILED ? NULL : p;
}

static void system_unmap(void *p, size_t size)
{
    (void)munmap(p, size);
}

#endif

// The pages that are wholly of these bytes. A refusal changes nothing.
static void system_lend(void *p, size_t size)
{
#ifdef MADV_FREE
    long page = sysconf(_SC_PAGESIZE);
    size_t ahead = page > 0 ? -(uintptr_t)p & ((size_t)page - 1) : size;
    size_t rest = size > ahead ? (size - ahead) & ~((size_t)page - 1) : 0;

    if (rest > 0) {
        (void)madvise((char *)p + ahead, rest, MADV_FREE);
    }
#else
    (void)p;
    (void)size;
#endif
}

static const struct dsi_memory_ops libc_memory = {
    malloc, calloc, realloc, free, system_map, system_unmap, system_lend};
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

void *dsi_memory_map(size_t size)
{
    return DSI_FAULT("alloc") ? NULL : memory->map(size);
}

void dsi_memory_unmap(void *p, size_t size)
{
    memory->unmap(p, size);
}

void dsi_memory_lend(void *p, size_t size)
{
    memory->lend(p, size);
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
