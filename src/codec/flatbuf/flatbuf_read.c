#include <assert.h>
#include <string.h>

#include "base/error.h"
#include "codec/flatbuf/flatbuf.h"

enum { REFERENCE_SIZE = 4, VTABLE_HEAD_SIZE = 4 };

int64_t dsi_flat_read_int(const uint8_t *p, size_t width)
{
    uint64_t bits = 0;

    for (size_t i = 0; i < width; i++) {
        bits |= (uint64_t)p[i] << (8 * i);
    }
    switch (width) {
    case 1:
        return (int8_t)bits;
    case 2:
        return (int16_t)bits;
    case 4:
        return (int32_t)bits;
    default:
        return (int64_t)bits;
    }
}

static uint32_t read_u32(const uint8_t *p)
{
    return (uint32_t)dsi_flat_read_int(p, 4);
}

static int corrupt(const struct dsi_flat_table *t, size_t at, const char *what,
                   struct ds_error *err)
{
    return dsi_corrupt(err, "%s: byte %zu of the metadata: %s", t->what, at, what);
}

// Whether `size` bytes are there at `at`.
static bool is_inside(const struct dsi_flat_table *t, size_t at, size_t size)
{
    return at <= t->buffer.size && size <= t->buffer.size - at;
}

// Follows the reference at `place`, which is inside.
static int follow(const struct dsi_flat_table *t, size_t place, size_t *out,
                  struct ds_error *err)
{
    uint32_t distance = read_u32(t->buffer.data + place);

    if (distance < REFERENCE_SIZE || !is_inside(t, place, distance)) {
        return corrupt(t, place, "a reference leads out of the buffer", err);
    }
    *out = place + distance;
    return DS_OK;
}

// Fills in `t`, whose buffer, what and depth are set, from what is at `at`.
static int open_table(struct dsi_flat_table *t, size_t at, struct ds_error *err)
{
    if (t->depth > DSI_FLAT_DEPTH_MAX) {
        return corrupt(t, at, "tables are nested too deeply", err);
    }
    if (!is_inside(t, at, 4)) {
        return corrupt(t, at, "a table leads out of the buffer", err);
    }
    int64_t vtable = (int64_t)at - dsi_flat_read_int(t->buffer.data + at, 4);
    if (vtable < 0 || !is_inside(t, (size_t)vtable, VTABLE_HEAD_SIZE)) {
        return corrupt(t, at, "a table's slots are out of the buffer", err);
    }
    const uint8_t *head = t->buffer.data + vtable;
    size_t slots_size = (uint16_t)dsi_flat_read_int(head, 2);
    t->at = at;
    t->vtable = (size_t)vtable;
    t->size = (uint16_t)dsi_flat_read_int(head + 2, 2);
    if (slots_size < VTABLE_HEAD_SIZE || slots_size % 2 != 0 ||
        !is_inside(t, t->vtable, slots_size)) {
        return corrupt(t, t->vtable, "a table's slots make no sense", err);
    }
    if (t->size < 4 || !is_inside(t, at, t->size)) {
        return corrupt(t, at, "a table is larger than the buffer", err);
    }
    t->slots = (slots_size - VTABLE_HEAD_SIZE) / 2;
    return DS_OK;
}

int dsi_flat_root(struct ds_slice buffer, const char *what, struct dsi_flat_table *out,
                  struct ds_error *err)
{
    size_t at = 0;

    *out = (struct dsi_flat_table){.buffer = buffer, .what = what};
    if (buffer.size < REFERENCE_SIZE) {
        return corrupt(out, 0, "too short for anything", err);
    }
    int rc = follow(out, 0, &at, err);
    return rc < 0 ? rc : open_table(out, at, err);
}

// Where the field of a slot is in the buffer, with its `width` bytes; 0: absent.
static int field_at(const struct dsi_flat_table *t, size_t slot, size_t width,
                    size_t *out, struct ds_error *err)
{
    *out = 0;
    if (slot >= t->slots) {
        return DS_OK;
    }
    size_t place = t->vtable + VTABLE_HEAD_SIZE + 2 * slot;
    size_t offset = (uint16_t)dsi_flat_read_int(t->buffer.data + place, 2);
    if (offset == 0) {
        return DS_OK;
    }
    if (offset < 4 || offset > t->size || width > t->size - offset) {
        return corrupt(t, place, "a field is outside of its table", err);
    }
    *out = t->at + offset;
    return DS_OK;
}

int dsi_flat_int(const struct dsi_flat_table *t, size_t slot, size_t width,
                 int64_t fallback, int64_t *out, struct ds_error *err)
{
    size_t at = 0;
    int rc = field_at(t, slot, width, &at, err);

    *out =
        rc == DS_OK && at > 0 ? dsi_flat_read_int(t->buffer.data + at, width) : fallback;
    return rc;
}

// As field_at, of what the field refers to; 0: absent.
static int target_at(const struct dsi_flat_table *t, size_t slot, size_t *out,
                     struct ds_error *err)
{
    size_t at = 0;
    int rc = field_at(t, slot, REFERENCE_SIZE, &at, err);

    *out = 0;
    return rc < 0 || at == 0 ? rc : follow(t, at, out, err);
}

int dsi_flat_child(const struct dsi_flat_table *t, size_t slot, bool *found,
                   struct dsi_flat_table *out, struct ds_error *err)
{
    size_t at = 0;
    int rc = target_at(t, slot, &at, err);

    *out = (struct dsi_flat_table){
        .buffer = t->buffer, .what = t->what, .depth = t->depth + 1};
    *found = at > 0;
    return rc < 0 || at == 0 ? rc : open_table(out, at, err);
}

int dsi_flat_vector(const struct dsi_flat_table *t, size_t slot, size_t size,
                    struct dsi_flat_vector *out, struct ds_error *err)
{
    size_t at = 0;
    int rc = target_at(t, slot, &at, err);

    assert(size > 0);
    *out = (struct dsi_flat_vector){.parent = *t};
    if (rc < 0 || at == 0) {
        return rc;
    }
    if (!is_inside(t, at, REFERENCE_SIZE)) {
        return corrupt(t, at, "a vector leads out of the buffer", err);
    }
    out->count = read_u32(t->buffer.data + at);
    out->at = at + REFERENCE_SIZE;
    out->data = t->buffer.data + out->at;
    if (out->count > (t->buffer.size - out->at) / size) {
        return corrupt(t, at, "a vector is longer than the buffer", err);
    }
    return DS_OK;
}

int dsi_flat_text(const struct dsi_flat_table *t, size_t slot, bool *found,
                  struct ds_slice *out, struct ds_error *err)
{
    struct dsi_flat_vector v;
    int rc = dsi_flat_vector(t, slot, 1, &v, err);

    *found = rc == DS_OK && v.data;
    *out = (struct ds_slice){v.data, v.count};
    if (*found && (!is_inside(t, v.at + v.count, 1) || v.data[v.count] != 0)) {
        *found = false;
        return corrupt(t, v.at, "a text has no end", err);
    }
    return rc;
}

int dsi_flat_element(const struct dsi_flat_vector *v, size_t i,
                     struct dsi_flat_table *out, struct ds_error *err)
{
    size_t at = 0;

    assert(i < v->count);
    *out = (struct dsi_flat_table){
        .buffer = v->parent.buffer, .what = v->parent.what, .depth = v->parent.depth + 1};
    int rc = follow(out, v->at + REFERENCE_SIZE * i, &at, err);
    return rc < 0 ? rc : open_table(out, at, err);
}
