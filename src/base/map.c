#include "base/map.h"

#include <stdint.h>
#include <string.h>

#include "base/alloc.h"
#include "base/error.h"
#include "base/hash.h"

struct dsi_map_entry {
    struct dsi_map_entry *next;
    uint64_t hash;
    struct ds_slice key;
    void *value;
};

void dsi_map_release(struct dsi_map *m)
{
    dsi_free(m->slots);
    m->slots = NULL;
    m->slot_count = 0;
    m->count = 0;
    dsi_arena_release(&m->keys);
}

static struct dsi_map_entry *find(const struct dsi_map *m, struct ds_slice key,
                                  uint64_t hash)
{
    if (m->slot_count == 0) {
        return NULL;
    }
    struct dsi_map_entry *e = m->slots[hash & (m->slot_count - 1)];
    while (e && !(e->hash == hash && e->key.size == key.size &&
                  (key.size == 0 || memcmp(e->key.data, key.data, key.size) == 0))) {
        e = e->next;
    }
    return e;
}

static int grow(struct dsi_map *m, struct ds_error *err)
{
    size_t wider = m->slot_count ? m->slot_count * 2 : 16;
    struct dsi_map_entry **slots = dsi_calloc(wider, sizeof *slots);
    if (!slots) {
        return dsi_no_memory(err, "growing a map");
    }
    for (size_t i = 0; i < m->slot_count; i++) {
        struct dsi_map_entry *e = m->slots[i];
        while (e) {
            struct dsi_map_entry *next = e->next;
            e->next = slots[e->hash & (wider - 1)];
            slots[e->hash & (wider - 1)] = e;
            e = next;
        }
    }
    dsi_free(m->slots);
    m->slots = slots;
    m->slot_count = wider;
    return DS_OK;
}

int dsi_map_put(struct dsi_map *m, struct ds_slice key, void *value, struct ds_error *err)
{
    uint64_t hash = dsi_hash(key.data, key.size);
    struct dsi_map_entry *e = find(m, key, hash);
    int rc = DS_OK;

    if (e) {
        e->value = value;
        return DS_OK;
    }
    if (m->count >= m->slot_count) {
        DSI_TRY(grow(m, err));
    }
    e = dsi_arena_alloc(&m->keys, sizeof *e);
    if (!e || dsi_arena_copy(&m->keys, key, &e->key) < 0) {
        return dsi_no_memory(err, "adding to a map");
    }
    e->hash = hash;
    e->value = value;
    e->next = m->slots[hash & (m->slot_count - 1)];
    m->slots[hash & (m->slot_count - 1)] = e;
    m->count++;
done:
    return rc;
}

void *dsi_map_get(const struct dsi_map *m, struct ds_slice key)
{
    struct dsi_map_entry *e = find(m, key, dsi_hash(key.data, key.size));
    return e ? e->value : NULL;
}

static struct ds_slice text_key(const char *text)
{
    return (struct ds_slice){(const uint8_t *)text, strlen(text)};
}

int dsi_map_put_text(struct dsi_map *m, const char *key, void *value,
                     struct ds_error *err)
{
    return dsi_map_put(m, text_key(key), value, err);
}

void *dsi_map_get_text(const struct dsi_map *m, const char *key)
{
    return dsi_map_get(m, text_key(key));
}

int dsi_map_put_int(struct dsi_map *m, int64_t key, void *value, struct ds_error *err)
{
    return dsi_map_put(m, (struct ds_slice){(const uint8_t *)&key, sizeof key}, value,
                       err);
}

void *dsi_map_get_int(const struct dsi_map *m, int64_t key)
{
    return dsi_map_get(m, (struct ds_slice){(const uint8_t *)&key, sizeof key});
}
