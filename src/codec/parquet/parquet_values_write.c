#include "codec/parquet/parquet_values_write.h"

#include <assert.h>
#include <string.h>

#include "base/error.h"
#include "codec/parquet/parquet_bits.h"
#include "codec/parquet/parquet_bytes.h"
#include "codec/parquet/parquet_page.h"
#include "codec/parquet/parquet_rle.h"

void dsi_parquet_values_writer_init(struct dsi_parquet_values_writer *v,
                                    const struct dsi_parquet_node *leaf,
                                    const struct dsi_parquet_write_options *options)
{
    memset(v, 0, sizeof *v);
    v->leaf = leaf;
    v->options = options;
    v->order = dsi_parquet_order_of(&leaf->field);
    v->dict.width = dsi_parquet_width(&leaf->field);
    dsi_parquet_values_next(v);
}

void dsi_parquet_values_writer_release(struct dsi_parquet_values_writer *v)
{
    dsi_buf_release(&v->plain);
    dsi_buf_release(&v->indices);
    dsi_buf_release(&v->scratch);
    dsi_parquet_dict_release(&v->dict);
}

void dsi_parquet_values_next(struct dsi_parquet_values_writer *v)
{
    const struct dsi_parquet_leaf_options *leaf =
        v->options->leaves ? &v->options->leaves[v->leaf->leaf] : NULL;

    assert(v->count == 0);
    v->indexed = !v->options->no_dictionary && !(leaf && leaf->no_dictionary) &&
                 v->leaf->field.physical != DSI_PARQUET_BOOLEAN;
    v->indexed_pages = 0;
    dsi_parquet_dict_reset(&v->dict);
}

void dsi_parquet_values_give_up(struct dsi_parquet_values_writer *v)
{
    assert(v->count == 0);
    v->indexed = false;
    if (v->indexed_pages == 0) {
        dsi_parquet_dict_reset(&v->dict);
    }
}

size_t dsi_parquet_values_size(const struct dsi_parquet_values_writer *v)
{
    size_t size = v->indexed ? v->count * 2 : v->plain.size;
    return size + (v->indexed || v->indexed_pages > 0 ? v->dict.plain.size : 0);
}

static size_t page_size(const struct dsi_parquet_values_writer *v)
{
    return v->indexed ? v->indices.size : v->plain.size;
}

bool dsi_parquet_values_full(const struct dsi_parquet_values_writer *v)
{
    return page_size(v) >= v->options->page_bytes;
}

static int64_t offset_at(const struct dsi_parquet_input *in, size_t i)
{
    if (in->wide_offsets) {
        int64_t wide = 0;
        memcpy(&wide, (const uint8_t *)in->offsets + i * sizeof wide, sizeof wide);
        return wide;
    }
    int32_t narrow = 0;
    memcpy(&narrow, (const uint8_t *)in->offsets + i * sizeof narrow, sizeof narrow);
    return narrow;
}

// Bytes that `count` elements take at most in plain encoding.
static uint64_t bytes_of(const struct dsi_parquet_input *in, size_t first, size_t count)
{
    uint64_t start = (uint64_t)offset_at(in, in->offset + first);
    return (uint64_t)offset_at(in, in->offset + first + count) - start + 4 * count;
}

size_t dsi_parquet_values_room(const struct dsi_parquet_values_writer *v,
                               const struct dsi_parquet_input *in, size_t first,
                               size_t count)
{
    size_t size = page_size(v);
    size_t left = 0; // Bytes that may still be added.

    if (dsi_parquet_values_full(v)) {
        return 0;
    }
    left = v->options->page_bytes - size - 1;
    if (v->indexed || v->dict.width > 0) {
        size_t fit = left / (v->indexed ? sizeof(uint32_t) : v->dict.width);
        return fit < count ? fit : count;
    }
    if (v->leaf->field.physical == DSI_PARQUET_BOOLEAN) {
        return left < count / 8 + 1 ? left * 8 : count;
    }
    if (count == 0 || bytes_of(in, first, count) <= left) {
        return count;
    }
    size_t fit = 0;
    while (count - fit > 1) { // `fit` do, `count` do not.
        size_t middle = fit + (count - fit) / 2;
        if (bytes_of(in, first, middle) <= left) {
            fit = middle;
        } else {
            count = middle;
        }
    }
    return fit;
}

static int take_index(struct dsi_parquet_values_writer *v, struct ds_slice value,
                      struct ds_error *err)
{
    uint32_t index = 0;
    int rc = dsi_parquet_dict_index(&v->dict, value, v->options->dictionary_bytes, &index,
                                    err);
    if (rc == DS_ROW) {
        memcpy(v->indices.data + v->indices.size, &index, sizeof index);
        v->indices.size += sizeof index;
        v->count++;
        v->plain_size += value.size + (v->dict.width > 0 ? 0 : 4);
    }
    return rc;
}

// The values of a run as they stand in a file.
static int stored(struct dsi_parquet_values_writer *v, const struct dsi_parquet_input *in,
                  const struct dsi_parquet_run *run, const uint8_t **out,
                  struct ds_error *err)
{
    enum dsi_parquet_physical p = v->leaf->field.physical;
    size_t width = v->dict.width;
    bool number = p != DSI_PARQUET_FIXED && p != DSI_PARQUET_INT96;
    int rc = DS_OK;

    *out = (const uint8_t *)in->values + (in->offset + run->first) * width;
    if (number && !dsi_host_is_little()) {
        v->scratch.size = 0;
        DSI_TRY(dsi_buf_reserve(&v->scratch, run->count * width, err));
        dsi_le_copy(v->scratch.data, *out, run->count, width);
        *out = v->scratch.data;
    }
done:
    return rc;
}

static int append_fixed(struct dsi_parquet_values_writer *v,
                        const struct dsi_parquet_input *in,
                        const struct dsi_parquet_run *run, size_t *taken,
                        struct ds_error *err)
{
    size_t width = v->dict.width;
    const uint8_t *from = NULL;
    int rc = DS_OK;

    if (run->count > SIZE_MAX / width) {
        return dsi_fail(err, DS_EUNSUPPORTED, "values of %zu bytes", width);
    }
    DSI_TRY(stored(v, in, run, &from, err));
    if (!v->indexed) {
        DSI_TRY(dsi_buf_append(&v->plain, from, run->count * width, err));
        v->count += run->count;
        v->plain_size += run->count * width;
        *taken += run->count;
        return DS_OK;
    }
    DSI_TRY(dsi_buf_reserve(&v->indices, run->count * sizeof(uint32_t), err));
    for (size_t i = 0; i < run->count; i++) {
        DSI_TRY(take_index(v, (struct ds_slice){from + i * width, width}, err));
        if (rc == DS_OK) {
            break;
        }
        ++*taken;
    }
    rc = DS_OK;
done:
    return rc;
}

static int append_booleans(struct dsi_parquet_values_writer *v,
                           const struct dsi_parquet_input *in,
                           const struct dsi_parquet_run *run, size_t *taken,
                           struct ds_error *err)
{
    size_t size = (v->count + run->count + 7) / 8;
    int rc = DS_OK;

    DSI_TRY(dsi_buf_append_zero(&v->plain, size - v->plain.size, err));
    dsi_bits_copy(v->plain.data, v->count, in->values, in->offset + run->first,
                  run->count);
    v->count += run->count;
    v->plain_size = size;
    *taken += run->count;
done:
    return rc;
}

static int take_bytes(const struct dsi_parquet_input *in, size_t element,
                      struct ds_slice *out, struct ds_error *err)
{
    int64_t start = offset_at(in, in->offset + element);
    int64_t end = offset_at(in, in->offset + element + 1);

    if (start < 0 || end < start || end - start > INT32_MAX) {
        return dsi_fail(err, DS_EINVALID, "offsets %lld and %lld", (long long)start,
                        (long long)end);
    }
    *out =
        (struct ds_slice){end > start ? in->bytes + start : NULL, (size_t)(end - start)};
    return DS_OK;
}

static int put_bytes(struct dsi_parquet_values_writer *v, struct ds_slice value,
                     struct ds_error *err)
{
    int rc = DS_OK;

    DSI_TRY(dsi_buf_reserve(&v->plain, 4 + value.size, err));
    dsi_put_le32(v->plain.data + v->plain.size, (uint32_t)value.size);
    if (value.size > 0) {
        memcpy(v->plain.data + v->plain.size + 4, value.data, value.size);
    }
    v->plain.size += 4 + value.size;
    v->plain_size += 4 + value.size;
    v->count++;
done:
    return rc;
}

static int append_bytes(struct dsi_parquet_values_writer *v,
                        const struct dsi_parquet_input *in,
                        const struct dsi_parquet_run *run, size_t *taken,
                        struct ds_error *err)
{
    int rc = DS_OK;

    DSI_TRY(dsi_buf_reserve(&v->indices, run->count * sizeof(uint32_t), err));
    for (size_t i = 0; i < run->count; i++) {
        struct ds_slice value = {0};
        DSI_TRY(take_bytes(in, run->first + i, &value, err));
        if (v->indexed) {
            DSI_TRY(take_index(v, value, err));
            if (rc == DS_OK) {
                break;
            }
        } else {
            DSI_TRY(put_bytes(v, value, err));
        }
        ++*taken;
    }
    rc = DS_OK;
done:
    return rc;
}

int dsi_parquet_values_append(struct dsi_parquet_values_writer *v,
                              const struct dsi_parquet_input *in,
                              const struct dsi_parquet_run *runs, size_t run_count,
                              size_t *taken, struct ds_error *err)
{
    int rc = DS_OK;

    *taken = 0;
    for (size_t i = 0; i < run_count; i++) {
        size_t before = *taken;
        switch (v->leaf->field.physical) {
        case DSI_PARQUET_BOOLEAN:
            DSI_TRY(append_booleans(v, in, &runs[i], taken, err));
            break;
        case DSI_PARQUET_BYTE_ARRAY:
            DSI_TRY(append_bytes(v, in, &runs[i], taken, err));
            break;
        default:
            DSI_TRY(append_fixed(v, in, &runs[i], taken, err));
        }
        if (*taken - before < runs[i].count) { // The dictionary is full.
            assert(v->indexed);
            break;
        }
    }
done:
    return rc;
}

static uint32_t index_at(const struct dsi_parquet_values_writer *v, size_t i)
{
    uint32_t index = 0;
    memcpy(&index, v->indices.data + i * sizeof index, sizeof index);
    return index;
}

void dsi_parquet_values_cut(struct dsi_parquet_values_writer *v, size_t count)
{
    assert(v->indexed && count <= v->count);
    for (size_t i = count; i < v->count; i++) {
        v->plain_size -= dsi_parquet_dict_plain(&v->dict, index_at(v, i)).size;
    }
    v->count = count;
    v->indices.size = count * sizeof(uint32_t);
}

// Turns the page's indices back into plain values, and goes on without a dictionary.
static int make_plain(struct dsi_parquet_values_writer *v, struct ds_error *err)
{
    int rc = DS_OK;

    assert(v->plain.size == 0 && v->indexed_pages == 0);
    for (size_t i = 0; i < v->count; i++) {
        struct ds_slice s = dsi_parquet_dict_plain(&v->dict, index_at(v, i));
        DSI_TRY(dsi_buf_append(&v->plain, s.data, s.size, err));
    }
    v->indices.size = 0;
    v->indexed = false;
    dsi_parquet_dict_reset(&v->dict);
done:
    return rc;
}

// Does the dictionary with the page's indices take less than the plain values?
static bool dictionary_pays(const struct dsi_parquet_values_writer *v)
{
    size_t bits = v->count * (size_t)dsi_parquet_bit_width((uint32_t)v->dict.count);
    return v->dict.plain.size + bits / 8 < v->plain_size;
}

static int put_indices(struct dsi_parquet_values_writer *v, struct dsi_buf *out,
                       struct ds_error *err)
{
    // Not 0 bits for a single value: there are readers that stumble over it.
    uint32_t last = v->dict.count > 1 ? (uint32_t)v->dict.count - 1 : 1;
    int width = dsi_parquet_bit_width(last);
    int rc = DS_OK;

    DSI_TRY(dsi_buf_append_byte(out, (uint8_t)width, err));
    DSI_TRY(dsi_parquet_rle_write((const uint32_t *)(const void *)v->indices.data,
                                  v->count, width, out, err));
done:
    return rc;
}

// Each value of the dictionary that the page uses is looked at once, but for NaN.
static int bound_indexed(struct dsi_parquet_values_writer *v,
                         struct dsi_parquet_bounds *b, struct ds_error *err)
{
    size_t skip = v->dict.width > 0 ? 0 : 4;
    int rc = DS_OK;

    v->scratch.size = 0;
    DSI_TRY(dsi_buf_append_zero(&v->scratch, v->dict.count, err));
    for (size_t i = 0; i < v->count; i++) {
        uint8_t *seen = &v->scratch.data[index_at(v, i)]; // 1: is bounded; 2: is a NaN.
        if (*seen == 0) {
            struct ds_slice s = dsi_parquet_dict_plain(&v->dict, index_at(v, i));
            s = (struct ds_slice){s.data + skip, s.size - skip};
            *seen = dsi_parquet_is_nan(v->order, s) ? 2 : 1;
            DSI_TRY(dsi_parquet_bounds_add(b, v->order, s, err));
        }
        b->nan_count += *seen == 2;
    }
done:
    return rc;
}

static int bound_plain(const struct dsi_parquet_values_writer *v,
                       struct dsi_parquet_bounds *b, struct ds_error *err)
{
    const uint8_t *at = v->plain.data;
    size_t width = v->dict.width;
    int rc = DS_OK;

    if (width > 0) {
        b->nan_count = (int64_t)dsi_parquet_count_nans(v->order, at, v->count);
        return dsi_parquet_bounds_add_all(b, v->order, at, width, v->count, err);
    }
    for (size_t i = 0; i < v->count; i++) {
        uint8_t bit = 0;
        struct ds_slice s = {&bit, 1};
        if (v->leaf->field.physical == DSI_PARQUET_BOOLEAN) {
            bit = dsi_bit_get(at, i);
        } else {
            s = (struct ds_slice){at + 4, dsi_le32(at)};
            at += 4 + s.size;
        }
        DSI_TRY(dsi_parquet_bounds_add(b, v->order, s, err));
    }
done:
    return rc;
}

int dsi_parquet_values_end(struct dsi_parquet_values_writer *v, struct dsi_buf *out,
                           struct dsi_parquet_page_values *page, struct ds_error *err)
{
    bool bytes = v->leaf->field.physical == DSI_PARQUET_BYTE_ARRAY;
    int rc = DS_OK;

    if (v->indexed && v->indexed_pages == 0 && !dictionary_pays(v)) {
        DSI_TRY(make_plain(v, err)); // The first page decides for the chunk.
    }
    page->count = v->count;
    page->encoding = v->indexed ? DSI_PARQUET_RLE_DICTIONARY : DSI_PARQUET_PLAIN;
    page->byte_count = bytes ? (int64_t)(v->plain_size - 4 * v->count) : 0;
    dsi_parquet_bounds_reset(&page->bounds);
    if (v->indexed) {
        DSI_TRY(bound_indexed(v, &page->bounds, err));
        DSI_TRY(put_indices(v, out, err));
    } else {
        DSI_TRY(bound_plain(v, &page->bounds, err));
        DSI_TRY(dsi_buf_append(out, v->plain.data, v->plain.size, err));
    }
    v->indexed_pages += v->indexed;
    v->count = 0;
    v->plain_size = 0;
    v->plain.size = 0;
    v->indices.size = 0;
done:
    return rc;
}
