// Both sides are below in pairs, put_x and get_x; they change together.
#include "txn/intent_bytes.h"

#include <string.h>

#include "base/error.h"
#include "base/text.h"

#define NONE UINT32_MAX

enum { PROPERTY_MIN = 8 }; // The least that one takes.

// --- numbers

int dsi_intent_put_number(struct dsi_buf *out, uint64_t v, size_t width,
                          struct ds_error *err)
{
    uint8_t bytes[8];

    for (size_t i = 0; i < width; i++) {
        bytes[i] = (uint8_t)(v >> (8 * i));
    }
    return dsi_buf_append(out, bytes, width, err);
}

int dsi_intent_put_u8(struct dsi_buf *out, unsigned v, struct ds_error *err)
{
    return dsi_intent_put_number(out, v, 1, err);
}

int dsi_intent_put_u32(struct dsi_buf *out, uint32_t v, struct ds_error *err)
{
    return dsi_intent_put_number(out, v, 4, err);
}

int dsi_intent_put_i64(struct dsi_buf *out, int64_t v, struct ds_error *err)
{
    return dsi_intent_put_number(out, (uint64_t)v, 8, err);
}

static int ends_early(const char *what, struct ds_error *err)
{
    return dsi_corrupt(err, "an intent that ends within its %s", what);
}

int dsi_intent_get_number(struct dsi_intent_reader *in, size_t width, const char *what,
                          uint64_t *out, struct ds_error *err)
{
    *out = 0;
    if (in->left < width) {
        return ends_early(what, err);
    }
    for (size_t i = 0; i < width; i++) {
        *out |= (uint64_t)in->at[i] << (8 * i);
    }
    in->at += width;
    in->left -= width;
    return DS_OK;
}

int dsi_intent_get_u8(struct dsi_intent_reader *in, unsigned max, const char *what,
                      unsigned *out, struct ds_error *err)
{
    uint64_t v = 0;
    int rc = dsi_intent_get_number(in, 1, what, &v, err);

    if (rc == DS_OK && v > max) {
        rc = dsi_corrupt(err, "an intent whose %s is %u", what, (unsigned)v);
    }
    *out = (unsigned)v;
    return rc;
}

int dsi_intent_get_u32(struct dsi_intent_reader *in, const char *what, uint32_t *out,
                       struct ds_error *err)
{
    uint64_t v = 0;
    int rc = dsi_intent_get_number(in, 4, what, &v, err);

    *out = (uint32_t)v;
    return rc;
}

int dsi_intent_get_i64(struct dsi_intent_reader *in, int64_t min, const char *what,
                       int64_t *out, struct ds_error *err)
{
    uint64_t v = 0;
    int rc = dsi_intent_get_number(in, 8, what, &v, err);

    *out = (int64_t)v;
    if (rc == DS_OK && *out < min) {
        rc = dsi_corrupt(err, "an intent whose %s is %lld", what, (long long)*out);
    }
    return rc;
}

int dsi_intent_get_i32(struct dsi_intent_reader *in, int32_t min, const char *what,
                       int32_t *out, struct ds_error *err)
{
    uint32_t v = 0;
    int rc = dsi_intent_get_u32(in, what, &v, err);

    *out = (int32_t)v;
    if (rc == DS_OK && *out < min) {
        rc = dsi_corrupt(err, "an intent whose %s is %d", what, (int)*out);
    }
    return rc;
}

int dsi_intent_get_count(struct dsi_intent_reader *in, size_t each, const char *what,
                         size_t *out, struct ds_error *err)
{
    uint32_t v = 0;
    int rc = dsi_intent_get_u32(in, what, &v, err);

    *out = v;
    if (rc == DS_OK && v > in->left / each) {
        rc = dsi_corrupt(err, "an intent that says to have %u %s", (unsigned)v, what);
    }
    return rc;
}

void *dsi_intent_keep(struct dsi_intent_reader *in, size_t count, size_t size)
{
    return dsi_arena_array(in->arena, count, size);
}

static int no_memory(struct ds_error *err)
{
    return dsi_no_memory(err, "reading an intent");
}

// --- bytes and texts

int dsi_intent_put_bytes(struct dsi_buf *out, struct ds_slice bytes, struct ds_error *err)
{
    int rc = DS_OK;

    if (bytes.size >= NONE) {
        return dsi_fail(err, DS_EUNSUPPORTED, "an intent with %zu bytes in one piece",
                        bytes.size);
    }
    DSI_TRY(dsi_intent_put_u32(out, bytes.data ? (uint32_t)bytes.size : NONE, err));
    DSI_TRY(dsi_buf_append(out, bytes.data, bytes.data ? bytes.size : 0, err));
done:
    return rc;
}

int dsi_intent_put_text(struct dsi_buf *out, const char *text, struct ds_error *err)
{
    return dsi_intent_put_bytes(
        out, (struct ds_slice){(const uint8_t *)text, text ? strlen(text) : 0}, err);
}

// Borrowed from the input.
static int get_piece(struct dsi_intent_reader *in, const char *what, struct ds_slice *out,
                     struct ds_error *err)
{
    uint32_t size = 0;
    int rc = dsi_intent_get_u32(in, what, &size, err);

    *out = (struct ds_slice){0};
    if (rc < 0 || size == NONE) {
        return rc;
    }
    if (size > in->left) {
        return ends_early(what, err);
    }
    *out = (struct ds_slice){in->at, size};
    in->at += size;
    in->left -= size;
    return DS_OK;
}

int dsi_intent_get_bytes(struct dsi_intent_reader *in, const char *what,
                         struct ds_slice *out, struct ds_error *err)
{
    struct ds_slice piece = {0};
    int rc = get_piece(in, what, &piece, err);

    *out = (struct ds_slice){0};
    if (rc == DS_OK && piece.data && dsi_arena_copy(in->arena, piece, out) < 0) {
        rc = no_memory(err);
    }
    return rc;
}

int dsi_intent_get_text(struct dsi_intent_reader *in, const char *what, const char **out,
                        struct ds_error *err)
{
    struct ds_slice piece = {0};
    int rc = get_piece(in, what, &piece, err);

    *out = NULL;
    if (rc < 0 || !piece.data) {
        return rc;
    }
    if (!dsi_utf8_valid(piece) || memchr(piece.data, 0, piece.size)) {
        return dsi_corrupt(err, "an intent whose %s is no text", what);
    }
    *out = dsi_arena_strndup(in->arena, (const char *)piece.data, piece.size);
    return *out ? DS_OK : no_memory(err);
}

int dsi_intent_need_text(struct dsi_intent_reader *in, const char *what, const char **out,
                         struct ds_error *err)
{
    int rc = dsi_intent_get_text(in, what, out, err);

    return rc == DS_OK && (!*out || !**out)
               ? dsi_corrupt(err, "an intent without %s", what)
               : rc;
}

// --- properties

int dsi_intent_put_properties(struct dsi_buf *out, struct ds_properties p,
                              struct ds_error *err)
{
    int rc = dsi_intent_put_u32(out, (uint32_t)p.count, err);

    for (size_t i = 0; rc == DS_OK && i < p.count; i++) {
        rc = dsi_intent_put_text(out, p.items[i].key, err);
        if (rc == DS_OK) {
            rc = dsi_intent_put_text(out, p.items[i].value, err);
        }
    }
    return rc;
}

int dsi_intent_get_properties(struct dsi_intent_reader *in, bool removals,
                              const char *what, struct ds_properties *out,
                              struct ds_error *err)
{
    struct ds_property *items = NULL;
    size_t count = 0;
    int rc = DS_OK;

    DSI_TRY(dsi_intent_get_count(in, PROPERTY_MIN, what, &count, err));
    if (count > 0 && !(items = dsi_intent_keep(in, count, sizeof *items))) {
        rc = no_memory(err);
        goto done;
    }
    for (size_t i = 0; i < count; i++) {
        DSI_TRY(dsi_intent_need_text(in, what, &items[i].key, err));
        DSI_TRY(dsi_intent_get_text(in, what, &items[i].value, err));
        if (!items[i].value && !removals) {
            rc = dsi_corrupt(err, "an intent with an entry of its %s without a value",
                             what);
            goto done;
        }
    }
    *out = (struct ds_properties){items, count};
done:
    return rc;
}
