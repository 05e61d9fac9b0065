#include "txn/intent_file.h"

#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/hash.h"
#include "txn/intent_bytes.h"
#include "txn/paths.h"

#define MAGIC UINT32_C(0x46495344) // "DSIF"

enum {
    VERSION = 1,
    IDENTITY_SIZE = DSI_UUID_TEXT_SIZE - 1,
    NONCE_SIZE = DSI_NONCE_TEXT_SIZE - 1,
};

static int path_of(const struct dsi_metadata *m, const char *identity, const char *nonce,
                   struct dsi_arena *arena, const char **out, struct ds_error *err)
{
    char name[DSI_UUID_TEXT_SIZE + DSI_NONCE_TEXT_SIZE + 16];
    char *path = NULL;

    snprintf(name, sizeof name, "%s-%s-intent.bin", identity, nonce);
    int rc = dsi_metadata_file_path(m, name, arena, &path, err);
    *out = path;
    return rc;
}

int dsi_intent_file_path(const struct dsi_metadata *m, const struct dsi_change *change,
                         struct dsi_arena *arena, const char **out, struct ds_error *err)
{
    return path_of(m, change->identity, change->nonce, arena, out, err);
}

int dsi_intent_file_put(ds_storage *storage, const char *path,
                        const struct dsi_change *change, struct ds_slice bytes,
                        struct dsi_buf *slot, struct ds_error *err)
{
    int rc = DS_OK;

    DSI_TRY(dsi_intent_put_u32(slot, MAGIC, err));
    DSI_TRY(dsi_intent_put_u32(slot, VERSION, err));
    DSI_TRY(dsi_buf_append(slot, change->identity, IDENTITY_SIZE, err));
    DSI_TRY(dsi_buf_append(slot, change->nonce, NONCE_SIZE, err));
    DSI_TRY(dsi_intent_put_i64(slot, (int64_t)bytes.size, err));
    DSI_TRY(dsi_intent_put_i64(slot, (int64_t)dsi_hash(bytes.data, bytes.size), err));
    DSI_TRY(dsi_storage_put(storage, path, bytes, DS_PUT_LATER, err));
done:
    return rc;
}

bool dsi_intent_is_in_file(struct ds_slice slot)
{
    struct dsi_intent_reader in = {slot.data, slot.size, NULL};
    uint32_t magic = 0;

    return dsi_intent_get_u32(&in, "head", &magic, NULL) == DS_OK && magic == MAGIC;
}

// What a slot says of the file.
struct told {
    char identity[DSI_UUID_TEXT_SIZE];
    char nonce[DSI_NONCE_TEXT_SIZE];
    int64_t size;
    uint64_t sum;
};

// Both become parts of a file's name, so they are exactly what they should be.
static int read_slot(struct ds_slice slot, struct told *out, struct ds_error *err)
{
    struct dsi_intent_reader in = {slot.data, slot.size, NULL};
    struct dsi_uuid uuid;
    uint32_t magic = 0;
    uint32_t version = 0;
    int rc = DS_OK;

    DSI_TRY(dsi_intent_get_u32(&in, "head", &magic, err));
    DSI_TRY(dsi_intent_get_u32(&in, "head", &version, err));
    if (magic != MAGIC || version != VERSION || in.left < IDENTITY_SIZE + NONCE_SIZE ||
        !dsi_uuid_parse((const char *)in.at, IDENTITY_SIZE, &uuid)) {
        return dsi_corrupt(err, "a slot that names no file with an intent");
    }
    dsi_uuid_format(&uuid, out->identity);
    memcpy(out->nonce, in.at + IDENTITY_SIZE, NONCE_SIZE);
    out->nonce[NONCE_SIZE] = '\0';
    in.at += IDENTITY_SIZE + NONCE_SIZE;
    in.left -= IDENTITY_SIZE + NONCE_SIZE;
    DSI_TRY(dsi_intent_get_i64(&in, 0, "size", &out->size, err));
    DSI_TRY(dsi_intent_get_number(&in, 8, "sum", &out->sum, err));
    if (in.left > 0 ||
        strspn(out->nonce, "0123456789abcdef") != DSI_NONCE_TEXT_SIZE - 1) {
        rc = dsi_corrupt(err, "a slot that names no file with an intent");
    }
done:
    return rc;
}

int dsi_intent_file_get(ds_storage *storage, const struct dsi_metadata *m,
                        struct ds_slice slot, struct dsi_buf *out, struct ds_error *err)
{
    struct dsi_arena arena = DSI_ARENA_INIT;
    struct told told = {.size = 0};
    const char *path = NULL;
    int rc = DS_OK;

    DSI_TRY(read_slot(slot, &told, err));
    DSI_TRY(path_of(m, told.identity, told.nonce, &arena, &path, err));
    DSI_TRY(dsi_storage_read(storage, path, out, err));
    if ((uint64_t)told.size != out->size || told.sum != dsi_hash(out->data, out->size)) {
        rc = dsi_corrupt(err, "file %s is not the intent that was published", path);
    }
done:
    dsi_arena_release(&arena);
    return rc;
}
