#include "codec/avro/avro_known.h"

#include <stdatomic.h>

#include "base/alloc.h"
#include "base/error.h"
#include "base/text.h"

struct entry {
    struct dsi_arena arena; // Of the schema and its text.
    struct ds_slice json;
    const struct dsi_avro_type *schema;
};

// Filled from the front, each once: without a lock, which a fork could copy.
struct dsi_avro_known {
    struct entry *_Atomic entries[DSI_AVRO_KNOWN_MAX];
};

static void free_entry(struct entry *e)
{
    if (e) {
        dsi_arena_release(&e->arena);
        dsi_free(e);
    }
}

// The schema, or NULL; *place is the first that is free, or DSI_AVRO_KNOWN_MAX.
static const struct dsi_avro_type *find(struct dsi_avro_known *k, struct ds_slice json,
                                        size_t *place)
{
    for (*place = 0; *place < DSI_AVRO_KNOWN_MAX; (*place)++) {
        const struct entry *e = atomic_load(&k->entries[*place]);
        if (!e) {
            return NULL;
        }
        if (dsi_slice_equal(e->json, json)) {
            return e->schema;
        }
    }
    return NULL;
}

static int new_entry(struct ds_slice json, struct entry **out, struct ds_error *err)
{
    struct entry *e = dsi_calloc(1, sizeof *e);
    int rc = DS_OK;

    if (!e || dsi_arena_copy(&e->arena, json, &e->json) < 0) {
        rc = dsi_no_memory(err, "avro schema");
        goto done;
    }
    DSI_TRY(dsi_avro_schema_parse(e->json, &e->arena, &e->schema, err));
    *out = e;
    e = NULL;
done:
    free_entry(e);
    return rc;
}

int dsi_avro_known_parse(struct dsi_avro_known *k, struct ds_slice json,
                         struct dsi_arena *arena, const struct dsi_avro_type **out,
                         struct ds_error *err)
{
    struct entry *made = NULL;
    size_t place = DSI_AVRO_KNOWN_MAX;
    int rc = DS_OK;

    *out = k && json.size <= DSI_AVRO_KNOWN_SIZE_MAX ? find(k, json, &place) : NULL;
    if (*out) {
        return DS_OK;
    }
    if (place == DSI_AVRO_KNOWN_MAX) {
        return dsi_avro_schema_parse(json, arena, out, err);
    }
    DSI_TRY(new_entry(json, &made, err));
    while (!*out && place < DSI_AVRO_KNOWN_MAX) {
        struct entry *none = NULL;
        if (atomic_compare_exchange_strong(&k->entries[place], &none, made)) {
            *out = made->schema;
            made = NULL;
        } else {
            *out = find(k, json, &place); // Another thread was first.
        }
    }
    if (!*out) {
        rc = dsi_avro_schema_parse(json, arena, out, err);
    }
done:
    free_entry(made);
    return rc;
}

void dsi_avro_known_free(struct dsi_avro_known *k)
{
    for (size_t i = 0; k && i < DSI_AVRO_KNOWN_MAX; i++) {
        free_entry(atomic_load(&k->entries[i]));
    }
    dsi_free(k);
}

int dsi_avro_known_new(struct dsi_avro_known **out, struct ds_error *err)
{
    *out = dsi_calloc(1, sizeof **out);
    return *out ? DS_OK : dsi_no_memory(err, "avro schemas");
}
