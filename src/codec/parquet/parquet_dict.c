#include "codec/parquet/parquet_dict.h"

#include <assert.h>
#include <string.h>

#include "base/alloc.h"
#include "base/error.h"
#include "codec/parquet/parquet_bytes.h"

// Slots are at most half full: to begin with there are as many as the first page may
// need, within bounds.
enum { SLOTS_LEAST = 16, SLOTS_FIRST = 256 };

// A look-up may pass so many slots for nothing in a page, and so many more for each of
// its values.
enum { PASSES_MIN = 4096, PASSES_EACH = 8 };

// A value of at most so many bytes is its own key, with its length in the highest byte;
// the key of a longer one has the highest bit.
enum { SHORT_MAX = 7 };

// Where a value came again so many times, so many of the next are compared at once.
enum { RUN_WORTH = 16, RUN = 64 };

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
    d->page = 0;
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

// Needs the slack after the value.
static inline uint64_t short_key(const uint8_t *v, size_t size)
{
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

static size_t first_slots(size_t values)
{
    size_t count = SLOTS_LEAST;

    while (count < SLOTS_FIRST && count / 2 < values) {
        count *= 2;
    }
    return count;
}

// To a power of two.
static int grow(struct dsi_parquet_dict *d, size_t count, struct ds_error *err)
{
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

// Adds a value that is not there, at the empty slot where it belongs; moves the slots
// when they become too full. DS_OK when the dictionary is full.
static int add_at(struct dsi_parquet_dict *d, size_t slot, uint64_t key,
                  struct ds_slice value, size_t bytes_max, struct ds_error *err)
{
    int rc = add(d, value, bytes_max, err);

    if (rc == DS_ROW) {
        d->slots[slot] = (struct dsi_parquet_dict_slot){
            .key = key, .index = (uint32_t)d->count, .page = d->page}; // (1)
        if (d->count * 2 > d->slot_count) {
            int grown = grow(d, d->slot_count * 2, err);
            rc = grown < 0 ? grown : rc;
        }
    }
    return rc;
}

// A page being looked up. What does not change while nothing is added is at hand.
struct lookup {
    struct dsi_parquet_dict *d;
    size_t bytes_max;
    struct dsi_parquet_dict_slot *slots;
    size_t mask;
    int shift;
    size_t passes; // Slots that may still be passed.
    uint32_t *used;
};

static void begin(struct lookup *l, struct dsi_parquet_dict *d)
{
    l->d = d;
    l->slots = d->slots;
    l->mask = d->slot_count - 1;
    l->shift = d->shift;
}

// Is it the value of a slot that has its key? Both are longer than SHORT_MAX.
static bool is_in_slot(const struct lookup *l, size_t slot, const uint8_t *v, size_t size)
{
    return same_long(dsi_parquet_dict_value(l->d, l->slots[slot].index - 1), v, size);
}

// The way of a value that is not in the slot where it belongs: on to the next ones.
// DS_OK when the dictionary is full.
static int search(struct lookup *l, uint64_t key, struct ds_slice value, bool exact,
                  uint32_t *index, struct ds_error *err)
{
    size_t slot = home_of(key, l->shift);
    int rc = DS_OK;

    for (; l->slots[slot].index != 0; slot = (slot + 1) & l->mask) {
        if (l->slots[slot].key == key &&
            (exact || is_in_slot(l, slot, value.data, value.size))) {
            struct dsi_parquet_dict_slot *s = &l->slots[slot];
            *index = s->index - 1;
            if (s->page != l->d->page) {
                s->page = l->d->page;
                *l->used++ = *index;
            }
            return DS_ROW;
        }
        if (l->passes-- == 0) {
            return DS_OK; // (2)
        }
    }
    DSI_TRY(add_at(l->d, slot, key, value, l->bytes_max, err));
    if (rc == DS_ROW) {
        begin(l, l->d);
        *index = (uint32_t)l->d->count - 1;
        *l->used++ = *index;
    }
done:
    return rc;
}

// The value is in this slot, which the page may not have used so far.
static inline uint32_t take_slot(struct lookup *l, struct dsi_parquet_dict_slot *s,
                                 uint32_t page)
{
    if (s->page != page) {
        s->page = page;
        *l->used++ = s->index - 1;
    }
    return s->index - 1;
}

static int index_words(struct lookup *l, const struct dsi_parquet_dict_values *v,
                       uint32_t *indices, struct ds_error *err)
{
    size_t width = l->d->width;
    uint32_t page = l->d->page;
    const uint8_t *at = v->bytes;

    for (size_t i = 0; i < v->count; i++, at += width) {
        uint64_t key = width == 8 ? dsi_le64(at) : dsi_le32(at);
        struct dsi_parquet_dict_slot *s = &l->slots[home_of(key, l->shift)];
        if (s->key == key && s->index != 0) {
            indices[i] = take_slot(l, s, page);
            continue;
        }
        int rc = search(l, key, (struct ds_slice){at, width}, true, &indices[i], err);
        if (rc != DS_ROW) {
            return rc;
        }
    }
    return DS_ROW;
}

// Is the value at `v` what is `size` bytes before it, which has that size too?
static inline bool is_repeated(const uint8_t *v, size_t size)
{
    if (size > SHORT_MAX) {
        return same_long((struct ds_slice){v - size, size}, v, size);
    }
    return short_key(v - size, size) == short_key(v, size);
}

// Whether the values from `i` on, RUN of them, all are what stands before them.
static bool is_run(const struct dsi_parquet_dict_values *v, size_t i, const uint8_t *at,
                   size_t size)
{
    uint32_t odd = 0;

    if (v->count - i < RUN) {
        return false;
    }
    for (size_t k = 0; v->lengths && k < RUN; k++) {
        odd |= v->lengths[i + k] ^ (uint32_t)size;
    }
    return odd == 0 && memcmp(at - size, at, RUN * size) == 0;
}

// How many values from `i` on repeat the one before them, which has `size` bytes; their
// indices are its.
static size_t index_repeated(const struct dsi_parquet_dict_values *v, size_t i,
                             const uint8_t *at, size_t size, uint32_t *indices)
{
    size_t first = i;
    uint32_t index = i > 0 ? indices[i - 1] : 0;

    while (i > 0 && i < v->count && (!v->lengths || v->lengths[i] == size) &&
           is_repeated(at, size)) {
        size_t n = i - first >= RUN_WORTH && is_run(v, i, at, size) ? RUN : 1;
        for (size_t k = 0; k < n; k++) {
            indices[i + k] = index;
        }
        i += n;
        at += n * size;
    }
    return i - first;
}

static int index_bytes(struct lookup *l, const struct dsi_parquet_dict_values *v,
                       uint32_t *indices, struct ds_error *err)
{
    uint32_t page = l->d->page;
    const uint8_t *at = v->bytes;
    size_t size = l->d->width;

    for (size_t i = 0; i < v->count; i++, at += size) {
        size_t again = index_repeated(v, i, at, size, indices);
        at += again * size;
        i += again;
        if (i == v->count) {
            break;
        }
        size = v->lengths ? v->lengths[i] : size;
        bool exact = size <= SHORT_MAX;
        uint64_t key = exact ? short_key(at, size) : long_key(at, size);
        size_t slot = home_of(key, l->shift);
        struct dsi_parquet_dict_slot *s = &l->slots[slot];
        if (s->key == key && s->index != 0 && (exact || is_in_slot(l, slot, at, size))) {
            indices[i] = take_slot(l, s, page);
            continue;
        }
        int rc = search(l, key, (struct ds_slice){at, size}, exact, &indices[i], err);
        if (rc != DS_ROW) {
            return rc;
        }
    }
    return DS_ROW;
}

int dsi_parquet_dict_index(struct dsi_parquet_dict *d,
                           const struct dsi_parquet_dict_values *values, size_t bytes_max,
                           uint32_t *indices, struct ds_error *err)
{
    struct lookup l = {.bytes_max = bytes_max,
                       .passes = PASSES_MIN + PASSES_EACH * values->count};
    int rc = DS_OK;

    assert((d->width == 0) == (values->lengths != NULL));
    if (d->slot_count == 0) {
        DSI_TRY(grow(d, first_slots(values->count), err));
    }
    d->used.size = 0;
    DSI_TRY(dsi_buf_reserve(&d->used, values->count * sizeof(uint32_t), err));
    d->page++;
    begin(&l, d);
    l.used = (uint32_t *)(void *)d->used.data;
    rc = d->width == 4 || d->width == 8 ? index_words(&l, values, indices, err)
                                        : index_bytes(&l, values, indices, err);
    if (rc == DS_ROW) {
        d->used.size = (size_t)((uint8_t *)l.used - d->used.data);
    }
done:
    return rc;
}
