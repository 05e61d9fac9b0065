// A hash table from bytes to a pointer. Keys are copied; values are the caller's.
#ifndef DSI_BASE_MAP_H
#define DSI_BASE_MAP_H

#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"
#include "datashard/status.h"

struct dsi_map_entry;

struct dsi_map {
    struct dsi_map_entry **slots; // A power of two of them, or none.
    size_t slot_count;
    size_t count;
    struct dsi_arena keys;
};

#define DSI_MAP_INIT                                                                     \
    {                                                                                    \
        NULL, 0, 0, DSI_ARENA_INIT                                                       \
    }

void dsi_map_release(struct dsi_map *m);

/// Sets key to value, replacing what was there. DS_ENOMEM leaves the map as it was.
DS_MUST_CHECK int dsi_map_put(struct dsi_map *m, struct ds_slice key, void *value,
                              struct ds_error *err);

/// The value, or NULL when the key is not there.
void *dsi_map_get(const struct dsi_map *m, struct ds_slice key);

/// The same for strings.
DS_MUST_CHECK int dsi_map_put_text(struct dsi_map *m, const char *key, void *value,
                                   struct ds_error *err);
void *dsi_map_get_text(const struct dsi_map *m, const char *key);

/// The same for numbers (field ids, snapshot ids).
DS_MUST_CHECK int dsi_map_put_int(struct dsi_map *m, int64_t key, void *value,
                                  struct ds_error *err);
void *dsi_map_get_int(const struct dsi_map *m, int64_t key);

#endif
