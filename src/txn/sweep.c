#include "txn/sweep.h"

#include "base/alloc.h"
#include "base/arena.h"
#include "base/error.h"

struct dsi_sweep {
    ds_storage *storage;
    struct dsi_arena arena;
    const char **paths;
    size_t count;
};

struct dsi_sweep *dsi_sweep_new(ds_storage *storage)
{
    struct dsi_sweep *s = dsi_calloc(1, sizeof *s);

    if (s) {
        s->storage = storage;
    }
    return s;
}

void dsi_sweep_free(struct dsi_sweep *s)
{
    if (s) {
        dsi_arena_release(&s->arena);
        dsi_free(s);
    }
}

void dsi_sweep_add(struct dsi_sweep *s, const char *path)
{
    const char **paths = dsi_arena_grow(&s->arena, s->paths, s->count, sizeof *paths);
    const char *copy = dsi_arena_strdup(&s->arena, path);

    s->paths = paths ? paths : s->paths;
    if (paths && copy) {
        s->paths[s->count++] = copy;
    }
}

size_t dsi_sweep_size(const struct dsi_sweep *s)
{
    return s->count;
}

void dsi_sweep_run(const struct dsi_sweep *s)
{
    for (size_t i = 0; i < s->count; i++) {
        DSI_IGNORE(dsi_storage_remove(s->storage, s->paths[i], NULL)); // (2)
    }
}
