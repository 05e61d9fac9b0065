#include <assert.h>
#include <string.h>

#include "base/error.h"
#include "codec/flatbuf/flatbuf.h"

enum { VTABLE_HEAD_SIZE = 4 };

static size_t position(const struct dsi_flat_writer *w)
{
    return w->out->size - w->base;
}

static void put_bytes(struct dsi_flat_writer *w, const void *bytes, size_t size)
{
    if (w->rc == DS_OK) {
        w->rc = dsi_buf_append(w->out, bytes, size, w->err);
    }
}

static void encode(uint8_t *p, int64_t value, size_t width)
{
    for (size_t i = 0; i < width; i++) {
        p[i] = (uint8_t)((uint64_t)value >> (8 * i));
    }
}

static void put_int(struct dsi_flat_writer *w, int64_t value, size_t width)
{
    uint8_t bytes[8];
    encode(bytes, value, width);
    put_bytes(w, bytes, width);
}

// Zeros until the position is `rest` more than a multiple of `align`.
static void pad(struct dsi_flat_writer *w, size_t align, size_t rest)
{
    while (w->rc == DS_OK && position(w) % align != rest) {
        w->rc = dsi_buf_append_byte(w->out, 0, w->err);
    }
}

void dsi_flat_writer_begin(struct dsi_flat_writer *w, struct dsi_buf *out,
                           struct ds_error *err)
{
    assert(out->size % 8 == 0);
    *w = (struct dsi_flat_writer){.out = out, .base = out->size, .err = err};
    put_int(w, 0, 4); // The root, when it is there.
}

int dsi_flat_writer_end(struct dsi_flat_writer *w)
{
    pad(w, 8, 0);
    return w->rc;
}

void dsi_flat_refer(struct dsi_flat_writer *w, size_t place, size_t target)
{
    if (w->rc == DS_OK) {
        assert(place < target && target <= position(w));
        encode(w->out->data + w->base + place, (int64_t)(target - place), 4);
    }
}

// Slots' offsets first, the table right behind, its widest fields in front: then every
// field is aligned when the table is 4 more than a multiple of 8.
size_t dsi_flat_put_table(struct dsi_flat_writer *w, const struct dsi_flat_slot *slots,
                          size_t count, size_t *places)
{
    uint16_t offsets[DSI_FLAT_SLOTS_MAX] = {0};
    size_t size = 4;
    size_t slots_size = VTABLE_HEAD_SIZE + 2 * count;
    bool root = position(w) == 4;

    assert(count <= DSI_FLAT_SLOTS_MAX);
    for (size_t width = 8; width > 0; width /= 2) {
        for (size_t i = 0; i < count; i++) {
            if (slots[i].width == width) {
                offsets[i] = (uint16_t)size;
                size += width;
            }
        }
    }
    pad(w, 8, (8 + 4 - slots_size % 8) % 8);
    put_int(w, (int64_t)slots_size, 2);
    put_int(w, (int64_t)size, 2);
    for (size_t i = 0; i < count; i++) {
        put_int(w, offsets[i], 2);
    }
    size_t at = position(w);
    put_int(w, (int64_t)slots_size, 4);
    for (size_t width = 8; width > 0; width /= 2) {
        for (size_t i = 0; i < count; i++) {
            if (slots[i].width == width) {
                put_int(w, slots[i].value, width);
            }
        }
    }
    for (size_t i = 0; places && i < count; i++) {
        places[i] = at + offsets[i];
    }
    if (root) {
        dsi_flat_refer(w, 0, at);
    }
    return at;
}

size_t dsi_flat_put_text(struct dsi_flat_writer *w, struct ds_slice text)
{
    size_t at = dsi_flat_put_vector(w, text, 1, 4);
    put_int(w, 0, 1); // A terminator, not counted.
    return at;
}

// A vector's number of elements, aligned so that the elements are.
static size_t begin_vector(struct dsi_flat_writer *w, size_t count, size_t align)
{
    assert(align == 4 || align == 8);
    pad(w, align, align - 4);
    size_t at = position(w);
    if (count > UINT32_MAX && w->rc == DS_OK) {
        w->rc = dsi_fail(w->err, DS_EUNSUPPORTED, "a vector of %zu elements", count);
    }
    put_int(w, (int64_t)count, 4);
    return at;
}

size_t dsi_flat_put_vector(struct dsi_flat_writer *w, struct ds_slice bytes, size_t size,
                           size_t align)
{
    size_t at = begin_vector(w, bytes.size / size, align);
    put_bytes(w, bytes.data, bytes.size);
    return at;
}

size_t dsi_flat_put_references(struct dsi_flat_writer *w, size_t count, size_t *first)
{
    size_t at = begin_vector(w, count, 4);

    *first = at + 4;
    if (w->rc == DS_OK) {
        w->rc = dsi_buf_append_zero(w->out, 4 * count, w->err);
    }
    return at;
}
