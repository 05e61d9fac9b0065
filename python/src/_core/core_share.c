#include "core_share.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

enum { DEPTH_MAX = 64 };

static void schema_release(struct ArrowSchema *s)
{
    for (int64_t i = 0; i < s->n_children && s->children; i++) {
        if (s->children[i] && s->children[i]->release) {
            s->children[i]->release(s->children[i]);
        }
        free(s->children[i]);
    }
    free(s->children);
    if (s->dictionary && s->dictionary->release) {
        s->dictionary->release(s->dictionary);
    }
    free(s->dictionary);
    free((char *)s->format);
    free((char *)s->name);
    free((char *)s->metadata);
    s->release = NULL;
}

static char *bytes_copy(const char *from, size_t size)
{
    char *copy = malloc(size);

    if (copy) {
        memcpy(copy, from, size);
    }
    return copy;
}

// Metadata is: how many pairs, then for each the size and bytes of key and value.
static size_t metadata_size(const char *metadata)
{
    int32_t count = 0;
    size_t at = sizeof count;

    memcpy(&count, metadata, sizeof count);
    for (int64_t i = 0; i < 2 * (int64_t)count; i++) {
        int32_t size = 0;
        memcpy(&size, metadata + at, sizeof size);
        at += sizeof size + (size_t)(size > 0 ? size : 0);
    }
    return at;
}

static int schema_copy(const struct ArrowSchema *from, struct ArrowSchema *out, int depth)
{
    bool ok = depth < DEPTH_MAX;

    *out = (struct ArrowSchema){.flags = from->flags, .release = schema_release};
    out->format = bytes_copy(from->format, strlen(from->format) + 1);
    ok = ok && out->format;
    if (from->name) {
        out->name = bytes_copy(from->name, strlen(from->name) + 1);
        ok = ok && out->name;
    }
    if (from->metadata) {
        out->metadata = bytes_copy(from->metadata, metadata_size(from->metadata));
        ok = ok && out->metadata;
    }
    if (ok && from->n_children > 0) {
        out->children = calloc((size_t)from->n_children, sizeof *out->children);
        ok = out->children;
        out->n_children = ok ? from->n_children : 0;
    }
    for (int64_t i = 0; ok && i < from->n_children; i++) {
        out->children[i] = calloc(1, sizeof **out->children);
        ok = out->children[i] &&
             schema_copy(from->children[i], out->children[i], depth + 1) == 0;
    }
    if (ok && from->dictionary) {
        out->dictionary = calloc(1, sizeof *out->dictionary);
        ok = out->dictionary &&
             schema_copy(from->dictionary, out->dictionary, depth + 1) == 0;
    }
    if (!ok) {
        schema_release(out);
        return -1;
    }
    return 0;
}

int core_schema_copy(const struct ArrowSchema *from, struct ArrowSchema *out)
{
    return schema_copy(from, out, 0);
}

struct core_shared {
    atomic_long owners;
    struct ArrowArray array;
};

struct core_shared *core_shared_new(struct ArrowArray *array)
{
    struct core_shared *shared = malloc(sizeof *shared);

    if (!shared) {
        array->release(array);
        return NULL;
    }
    atomic_init(&shared->owners, 1);
    shared->array = *array;
    array->release = NULL;
    return shared;
}

void core_shared_unref(struct core_shared *shared)
{
    if (shared && atomic_fetch_sub(&shared->owners, 1) == 1) {
        shared->array.release(&shared->array);
        free(shared);
    }
}

const struct ArrowArray *core_shared_array(const struct core_shared *shared)
{
    return &shared->array;
}

// Every part has a hold of its own, as a consumer may move it out of its parent.
static void part_release(struct ArrowArray *a)
{
    for (int64_t i = 0; i < a->n_children && a->children; i++) {
        if (a->children[i] && a->children[i]->release) {
            a->children[i]->release(a->children[i]);
        }
        free(a->children[i]);
    }
    free(a->children);
    if (a->dictionary && a->dictionary->release) {
        a->dictionary->release(a->dictionary);
    }
    free(a->dictionary);
    core_shared_unref(a->private_data);
    a->release = NULL;
}

static int part(struct core_shared *shared, const struct ArrowArray *from,
                struct ArrowArray *out, int depth)
{
    bool ok = depth < DEPTH_MAX;

    *out = *from;
    out->children = NULL;
    out->dictionary = NULL;
    out->n_children = 0;
    out->release = part_release;
    out->private_data = shared;
    atomic_fetch_add(&shared->owners, 1);
    if (ok && from->n_children > 0) {
        out->children = calloc((size_t)from->n_children, sizeof *out->children);
        ok = out->children;
        out->n_children = ok ? from->n_children : 0;
    }
    for (int64_t i = 0; ok && i < from->n_children; i++) {
        out->children[i] = calloc(1, sizeof **out->children);
        ok = out->children[i] &&
             part(shared, from->children[i], out->children[i], depth + 1) == 0;
    }
    if (ok && from->dictionary) {
        out->dictionary = calloc(1, sizeof *out->dictionary);
        ok = out->dictionary &&
             part(shared, from->dictionary, out->dictionary, depth + 1) == 0;
    }
    if (!ok) {
        part_release(out);
        return -1;
    }
    return 0;
}

int core_shared_export(struct core_shared *shared, struct ArrowArray *out)
{
    return part(shared, &shared->array, out, 0);
}
