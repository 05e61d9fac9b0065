#include "codec/parquet/parquet_dict.h"

#include <assert.h>
#include <string.h>

#include "base/alloc.h"
#include "base/error.h"
#include "codec/parquet/parquet_bytes.h"

// Slots are at most half full; a look-up may pass so many slots for nothing in a page,
// and so many more for each of its values.
enum { SLOTS_MIN = 256, PASSES_MIN = 4096, PASSES_EACH = 8 };

// A value of at most so many bytes is its own key, with its length in the highest byte;
// the key of a longer one has the highest bit.
enum { SHORT_MAX = 7 };

#define LONG_KEY ((uint64_t)1 << 63)

void dsi_parquet_dict_release(struct dsi_parquet_dict *d)
{
    dsi_buf_release(&d->plain);
    dsi_buf_release(&d->ends);
    dsi_buf_release(&d->used);
    dsi_free(d->slots);
    d->slots = NULL;
    d->slot_count = 0;
    d->count = 0;
}

void dsi_parquet_dict_reset(struct dsi_parquet_dict *d)
{
    d->plain.size = 0;
    d->ends.size = 0;
    d->used.size = 0;
    d->count = 0;
    d->page = 0;
    if (d->slots) {
        memset(d->slots, 0, d->slot_count * sizeof *d->slots);
    }
}

static uint32_t end_of(const struct dsi_parquet_dict *d, size_t index)
{
    uint32_t end = 0;
    memcpy(&end, d->ends.data + index * sizeof end, sizeof end);
    return end;
}

struct ds_slice dsi_parquet_dict_value(const struct dsi_parquet_dict *d, uint32_t index)
{
    assert(index < d->count);
    if (d->width > 0) {
        return (struct ds_slice){d->plain.data + (size_t)index * d->width, d->width};
    }
    uint32_t start = (index == 0 ? 0 : end_of(d, index - 1)) + 4;
    return (struct ds_slice){d->plain.data + start, end_of(d, index) - start};
}

void dsi_parquet_dict_cut(struct dsi_parquet_dict *d, size_t count)
{
    assert(count <= d->count);
    if (d->width > 0) {
        d->plain.size = count * d->width;
    } else {
        d->plain.size = count == 0 ? 0 : end_of(d, count - 1);
        d->ends.size = count * sizeof(uint32_t);
    }
    d->count = count;
    d->used.size = 0;
}

static uint64_t mix(uint64_t h, uint64_t word)
{
    h = (h ^ word) * 0xff51afd7ed558ccdu;
    return h ^ h >> 32;
}

static uint64_t long_key(const uint8_t *v, size_t size)
{
    uint64_t h = size * 0x9e3779b97f4a7c15u;

    for (size_t i = 0; i + 8 < size; i += 8) {
        h = mix(h, dsi_le64(v + i));
    }
    return mix(h, dsi_le64(v + size - 8)) | LONG_KEY; // The last eight, some once more.
}

// Needs the slack after a short value.
static inline uint64_t key_of(const uint8_t *v, size_t size)
{
    if (size > SHORT_MAX) {
        return long_key(v, size);
    }
    uint64_t mask = ((uint64_t)1 << size * 8) - 1;
    return (dsi_le64(v) & mask) | (uint64_t)size << 56;
}

static inline size_t home_of(uint64_t key, int shift)
{
    return (size_t)((key * 0x9e3779b97f4a7c15u) >> shift);
}

// Both are longer than SHORT_MAX.
static bool same_long(struct ds_slice a, const uint8_t *b, size_t size)
{
    if (a.size != size) {
        return false;
    }
    for (size_t i = 0; i + 8 < size; i += 8) {
        if (dsi_le64(a.data + i) != dsi_le64(b + i)) {
            return false;
        }
    }
    return dsi_le64(a.data + size - 8) == dsi_le64(b + size - 8);
}

static int grow(struct dsi_parquet_dict *d, struct ds_error *err)
{
    size_t count = d->slot_count == 0 ? SLOTS_MIN : d->slot_count * 2;
    struct dsi_parquet_dict_slot *slots = dsi_calloc(count, sizeof *slots);
    int shift = 64;

    if (!slots) {
        return dsi_no_memory(err, "a parquet dictionary");
    }
    for (size_t n = count; n > 1; n /= 2) {
        shift--;
    }
    for (size_t i = 0; i < d->slot_count; i++) {
        if (d->slots[i].index > 0) {
            size_t at = home_of(d->slots[i].key, shift);
            while (slots[at].index > 0) {
                at = (at + 1) & (count - 1);
            }
            slots[at] = d->slots[i];
        }
    }
    dsi_free(d->slots);
    d->slots = slots;
    d->slot_count = count;
    d->shift = shift;
    return DS_OK;
}

// Puts a new value at the end: DS_OK when there is no room for it below `bytes_max`.
static int add(struct dsi_parquet_dict *d, struct ds_slice value, size_t bytes_max,
               struct ds_error *err)
{
    size_t head = d->width > 0 ? 0 : 4;
    size_t size = value.size + head;
    int rc = DS_OK;

    if (bytes_max < d->plain.size || size > bytes_max - d->plain.size) {
        return DS_OK;
    }
    DSI_TRY(dsi_buf_reserve(&d->plain, size, err));
    if (d->width == 0) {
        uint32_t end = (uint32_t)(d->plain.size + size);
        DSI_TRY(dsi_buf_append(&d->ends, &end, sizeof end, err));
        dsi_put_le32(d->plain.data + d->plain.size, (uint32_t)value.size);
    }
    if (value.size > 0) {
        memcpy(d->plain.data + d->plain.size + head, value.data, value.size);
    }
    d->plain.size += size;
    d->count++;
    rc = DS_ROW;
done:
    return rc;
}

// What is looked up, and where it is looked for.
struct look {
    struct ds_slice value;
    uint64_t key;
    size_t slot;
    size_t passes; // Slots that may still be passed.
};

// Adds a value that is not there, at the empty slot where it belongs; moves the slots
// when they become too full. DS_OK when the dictionary is full.
static int add_at(struct dsi_parquet_dict *d, struct look *l, size_t bytes_max,
                  struct ds_error *err)
{
    int rc = DS_OK;

    DSI_TRY(add(d, l->value, bytes_max, err));
    if (rc == DS_OK) {
        return DS_OK;
    }
    d->slots[l->slot] =
        (struct dsi_parquet_dict_slot){.key = l->key, .index = (uint32_t)d->count}; // (1)
    if (d->count * 2 > d->slot_count) {
        DSI_TRY(grow(d, err));
        l->slot = home_of(l->key, d->shift);
        while (d->slots[l->slot].index != (uint32_t)d->count) {
            l->slot = (l->slot + 1) & (d->slot_count - 1);
        }
    }
    rc = DS_ROW;
done:
    return rc;
}

// Finds the value's slot, or the empty one where it belongs: false when too many had to
// be passed. `exact`: the key is all of the value.
static inline bool find(const struct dsi_parquet_dict *d, struct look *l, bool exact)
{
    size_t mask = d->slot_count - 1;

    for (l->slot = home_of(l->key, d->shift);; l->slot = (l->slot + 1) & mask) {
        const struct dsi_parquet_dict_slot *s = &d->slots[l->slot];
        if (s->index == 0 || (s->key == l->key &&
                              (exact || same_long(dsi_parquet_dict_value(d, s->index - 1),
                                                  l->value.data, l->value.size)))) {
            return true;
        }
        if (l->passes-- == 0) {
            return false; // (2)
        }
    }
}

// With the width a constant (or 0), so that most of it goes.
static inline int index_all(struct dsi_parquet_dict *d,
                            const struct dsi_parquet_dict_values *v, size_t width,
                            size_t bytes_max, uint32_t *indices, struct ds_error *err)
{
    struct look l = {.passes = PASSES_MIN + PASSES_EACH * v->count};
    const uint8_t *at = v->bytes;
    uint32_t *used = (uint32_t *)(void *)d->used.data; // Room for all was made.
    size_t used_count = 0;
    int rc = DS_ROW;

    for (size_t i = 0; i < v->count; i++) {
        l.value = (struct ds_slice){at, width > 0 ? width : v->lengths[i]};
        l.key = width == 4   ? dsi_le32(at)
                : width == 8 ? dsi_le64(at)
                             : key_of(at, l.value.size);
        at += l.value.size;
        bool exact = width == 4 || width == 8 || l.value.size <= SHORT_MAX;
        if (!find(d, &l, exact)) {
            return DS_OK;
        }
        if (d->slots[l.slot].index == 0) {
            rc = add_at(d, &l, bytes_max, err);
            if (rc != DS_ROW) {
                return rc;
            }
        }
        struct dsi_parquet_dict_slot *s = &d->slots[l.slot];
        indices[i] = s->index - 1;
        if (s->page != d->page) {
            s->page = d->page;
            used[used_count++] = s->index - 1;
        }
    }
    d->used.size = used_count * sizeof *used;
    return rc;
}

int dsi_parquet_dict_index(struct dsi_parquet_dict *d,
                           const struct dsi_parquet_dict_values *values, size_t bytes_max,
                           uint32_t *indices, struct ds_error *err)
{
    int rc = DS_OK;

    assert((d->width == 0) == (values->lengths != NULL));
    if (d->slot_count == 0) {
        DSI_TRY(grow(d, err));
    }
    d->used.size = 0;
    DSI_TRY(dsi_buf_reserve(&d->used, values->count * sizeof(uint32_t), err));
    d->page++;
    switch (d->width) {
    case 0:
        return index_all(d, values, 0, bytes_max, indices, err);
    case 4:
        return index_all(d, values, 4, bytes_max, indices, err);
    case 8:
        return index_all(d, values, 8, bytes_max, indices, err);
    default:
        return index_all(d, values, d->width, bytes_max, indices, err);
    }
done:
    return rc;
}
