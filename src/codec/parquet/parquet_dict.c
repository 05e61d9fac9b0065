#include "codec/parquet/parquet_dict.h"

#include <assert.h>
#include <string.h>

#include "base/alloc.h"
#include "base/error.h"
#include "base/hash.h"
#include "codec/parquet/parquet_bytes.h"

enum { SLOTS_MIN = 64 };

void dsi_parquet_dict_release(struct dsi_parquet_dict *d)
{
    dsi_buf_release(&d->plain);
    dsi_buf_release(&d->ends);
    dsi_free(d->slots);
    d->slots = NULL;
    d->slot_count = 0;
    d->count = 0;
}

void dsi_parquet_dict_reset(struct dsi_parquet_dict *d)
{
    d->plain.size = 0;
    d->ends.size = 0;
    d->count = 0;
    if (d->slots) {
        memset(d->slots, 0, d->slot_count * sizeof *d->slots);
    }
}

static uint32_t end_of(const struct dsi_parquet_dict *d, uint32_t index)
{
    uint32_t end = 0;
    memcpy(&end, d->ends.data + (size_t)index * sizeof end, sizeof end);
    return end;
}

struct ds_slice dsi_parquet_dict_plain(const struct dsi_parquet_dict *d, uint32_t index)
{
    if (d->width > 0) {
        return (struct ds_slice){d->plain.data + index * d->width, d->width};
    }
    uint32_t start = index == 0 ? 0 : end_of(d, index - 1);
    return (struct ds_slice){d->plain.data + start, end_of(d, index) - start};
}

// Eight bytes at a time; good enough for a table of our own.
static uint64_t hash(struct ds_slice v)
{
    uint64_t h = v.size * 0x9e3779b97f4a7c15u;
    size_t i = 0;

    for (; i + 8 <= v.size; i += 8) {
        h = (h ^ dsi_le64(v.data + i)) * 0xff51afd7ed558ccdu;
        h ^= h >> 32;
    }
    for (; i < v.size; i++) {
        h = (h ^ v.data[i]) * 0x100000001b3u;
    }
    h ^= h >> 29;
    h *= 0xbf58476d1ce4e5b9u;
    return h ^ h >> 32;
}

// The value itself, without its length.
static struct ds_slice value_at(const struct dsi_parquet_dict *d, uint32_t index)
{
    struct ds_slice plain = dsi_parquet_dict_plain(d, index);
    size_t skip = d->width > 0 ? 0 : 4;
    return (struct ds_slice){plain.data + skip, plain.size - skip};
}

// Most values are numbers, for which a call of memcmp would be most of the work.
static bool equal(struct ds_slice a, struct ds_slice b)
{
    if (a.size != b.size) {
        return false;
    }
    switch (a.size) {
    case 0:
        return true;
    case 4:
        return dsi_le32(a.data) == dsi_le32(b.data);
    case 8:
        return dsi_le64(a.data) == dsi_le64(b.data);
    default:
        return memcmp(a.data, b.data, a.size) == 0;
    }
}

// The slot that has the value, or the empty one where it belongs.
static size_t find_slot(const struct dsi_parquet_dict *d, struct ds_slice value)
{
    size_t mask = d->slot_count - 1;
    size_t slot = (size_t)hash(value) & mask;

    while (d->slots[slot] != 0) {
        if (equal(value_at(d, d->slots[slot] - 1), value)) {
            break;
        }
        slot = (slot + 1) & mask;
    }
    return slot;
}

static int grow(struct dsi_parquet_dict *d, struct ds_error *err)
{
    size_t count = d->slot_count == 0 ? SLOTS_MIN : d->slot_count * 2;
    uint32_t *old = d->slots;
    uint32_t *slots = dsi_calloc(count, sizeof *slots);

    if (!slots) {
        return dsi_no_memory(err, "a parquet dictionary");
    }
    d->slots = slots;
    d->slot_count = count;
    for (size_t i = 0; i < d->count; i++) {
        d->slots[find_slot(d, value_at(d, (uint32_t)i))] = (uint32_t)i + 1;
    }
    dsi_free(old);
    return DS_OK;
}

static int add(struct dsi_parquet_dict *d, struct ds_slice value, struct ds_error *err)
{
    size_t before = d->plain.size;
    uint8_t length[4];
    int rc = DS_OK;

    if (d->width == 0) {
        dsi_put_le32(length, (uint32_t)value.size);
        DSI_TRY(dsi_buf_append(&d->plain, length, sizeof length, err));
    }
    DSI_TRY(dsi_buf_append(&d->plain, value.data, value.size, err));
    if (d->width == 0) {
        uint32_t end = (uint32_t)d->plain.size;
        DSI_TRY(dsi_buf_append(&d->ends, &end, sizeof end, err));
    }
    d->count++;
done:
    if (rc < 0) {
        d->plain.size = before;
    }
    return rc;
}

int dsi_parquet_dict_index(struct dsi_parquet_dict *d, struct ds_slice value,
                           size_t bytes_max, uint32_t *index, struct ds_error *err)
{
    size_t slot = 0;
    int rc = DS_OK;

    assert(d->width == 0 || value.size == d->width);
    if ((d->count + 1) * 2 > d->slot_count) {
        DSI_TRY(grow(d, err));
    }
    slot = find_slot(d, value);
    if (d->slots[slot] == 0) {
        size_t size = value.size + (d->width > 0 ? 0 : 4);
        if (bytes_max < d->plain.size || size > bytes_max - d->plain.size) {
            return DS_OK;
        }
        DSI_TRY(add(d, value, err));
        d->slots[slot] = (uint32_t)d->count; // (1)
    }
    *index = d->slots[slot] - 1;
    rc = DS_ROW;
done:
    return rc;
}
