#include "core_held.h"

#include <errno.h>
#include <stdlib.h>

#include "core_share.h"

struct core_held {
    struct ArrowSchema schema;
    struct ArrowArray *arrays;
    size_t count;
    size_t capacity;
    size_t given; // So many are the consumer's by now.
};

struct core_held *core_held_new(const struct ArrowSchema *schema)
{
    struct core_held *held = calloc(1, sizeof *held);

    if (held && core_schema_copy(schema, &held->schema) < 0) {
        free(held);
        held = NULL;
    }
    return held;
}

void core_held_free(struct core_held *held)
{
    if (!held) {
        return;
    }
    for (size_t i = held->given; i < held->count; i++) {
        held->arrays[i].release(&held->arrays[i]);
    }
    held->schema.release(&held->schema);
    free(held->arrays);
    free(held);
}

int core_held_add(struct core_held *held, struct ArrowArray *array)
{
    if (held->count == held->capacity) {
        size_t capacity = held->capacity ? held->capacity * 2 : 16;
        struct ArrowArray *arrays =
            realloc(held->arrays, capacity * sizeof *held->arrays);
        if (!arrays) {
            array->release(array);
            return -1;
        }
        held->arrays = arrays;
        held->capacity = capacity;
    }
    held->arrays[held->count++] = *array;
    array->release = NULL;
    return 0;
}

static int held_schema(struct ArrowArrayStream *s, struct ArrowSchema *out)
{
    const struct core_held *held = s->private_data;
    return core_schema_copy(&held->schema, out) < 0 ? ENOMEM : 0;
}

static int held_next(struct ArrowArrayStream *s, struct ArrowArray *out)
{
    struct core_held *held = s->private_data;

    *out = (struct ArrowArray){0};
    if (held->given < held->count) {
        *out = held->arrays[held->given++];
    }
    return 0;
}

static const char *held_error(struct ArrowArrayStream *s)
{
    (void)s;
    return NULL;
}

static void held_release(struct ArrowArrayStream *s)
{
    core_held_free(s->private_data);
    s->release = NULL;
}

void core_held_stream(struct core_held *held, struct ArrowArrayStream *out)
{
    *out =
        (struct ArrowArrayStream){held_schema, held_next, held_error, held_release, held};
}
