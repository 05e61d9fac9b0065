#include "codec/parquet/parquet_values_write.h"

#include <assert.h>
#include <string.h>

#include "base/error.h"
#include "codec/parquet/parquet_bits.h"
#include "codec/parquet/parquet_bytes.h"
#include "codec/parquet/parquet_page.h"
#include "codec/parquet/parquet_rle.h"

// A page of indices is smaller than its values: so many times a page's limit may wait.
enum { INDEXED_PAGE_TIMES = 4 };

// A page with fewer values does not tell how the next ones will be.
enum { TELLING = 1024 };

// If nearly all of so many values are different, no dictionary is made of more.
enum { PROBED = 4096, PROBED_ALIKE_MIN = PROBED / 16 };

// What suits one chunk suits the next ones, as long as they have no more values together.
enum { KEPT_VALUES = 1 << 20 };

// Nothing is known of the values.
static void begin(struct dsi_parquet_values_writer *v)
{
    v->state = DSI_PARQUET_VALUES_FIRST;
    v->level = v->options->has_level ? v->options->level : DSI_COMPRESSION_LEVEL_DEFAULT;
}

void dsi_parquet_values_writer_init(struct dsi_parquet_values_writer *v,
                                    const struct dsi_parquet_node *leaf,
                                    const struct dsi_parquet_write_options *options)
{
    memset(v, 0, sizeof *v);
    v->leaf = leaf;
    v->options = options;
    v->order = dsi_parquet_order_of(&leaf->field);
    v->dict.width = dsi_parquet_width(&leaf->field);
    v->bytes.pooled = true;
    v->lengths.pooled = true;
    begin(v);
}

void dsi_parquet_values_writer_release(struct dsi_parquet_values_writer *v)
{
    dsi_buf_release(&v->bytes);
    dsi_buf_release(&v->lengths);
    dsi_parquet_dict_release(&v->dict);
}

void dsi_parquet_values_next(struct dsi_parquet_values_writer *v)
{
    const bool left = v->state == DSI_PARQUET_VALUES_SETTLED && v->dict.count > 0;

    assert(v->count == 0);
    if (v->since >= KEPT_VALUES ||
        left) { // A dictionary that paid for a while may again.
        begin(v);
    }
    dsi_parquet_dict_reset(&v->dict);
}

static const struct dsi_parquet_leaf_options *
leaf_options(const struct dsi_parquet_values_writer *v)
{
    static const struct dsi_parquet_leaf_options none = {0};
    return v->options->leaves ? &v->options->leaves[v->leaf->leaf] : &none;
}

static size_t plain_size(const struct dsi_parquet_values_writer *v)
{
    return v->bytes.size + v->lengths.size; // A length takes four bytes here and there.
}

static size_t size_limit(const struct dsi_parquet_values_writer *v)
{
    bool indexed = v->state == DSI_PARQUET_VALUES_INDEXED;
    return v->options->page_bytes * (indexed ? INDEXED_PAGE_TIMES : 1);
}

size_t dsi_parquet_values_size(const struct dsi_parquet_values_writer *v)
{
    size_t page = v->state == DSI_PARQUET_VALUES_INDEXED ? v->count * 2 : plain_size(v);
    return page + v->dict.plain.size;
}

bool dsi_parquet_values_full(const struct dsi_parquet_values_writer *v)
{
    return plain_size(v) >= size_limit(v);
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
    size_t left = 0; // Bytes that may still be added.

    if (dsi_parquet_values_full(v)) {
        return 0;
    }
    left = size_limit(v) - plain_size(v) - 1;
    if (v->dict.width > 0) {
        size_t fit = left / v->dict.width;
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

static int append_fixed(struct dsi_parquet_values_writer *v,
                        const struct dsi_parquet_input *in,
                        const struct dsi_parquet_run *run, struct ds_error *err)
{
    enum dsi_parquet_physical p = v->leaf->field.physical;
    size_t width = v->dict.width;
    const uint8_t *from = (const uint8_t *)in->values + (in->offset + run->first) * width;
    int rc = DS_OK;

    if (run->count > SIZE_MAX / width) {
        return dsi_fail(err, DS_EUNSUPPORTED, "values of %zu bytes", width);
    }
    DSI_TRY(dsi_buf_reserve(&v->bytes, run->count * width, err));
    if (p == DSI_PARQUET_FIXED || p == DSI_PARQUET_INT96) {
        memcpy(v->bytes.data + v->bytes.size, from, run->count * width);
    } else {
        dsi_le_copy(v->bytes.data + v->bytes.size, from, run->count, width);
    }
    v->bytes.size += run->count * width;
done:
    return rc;
}

static int append_booleans(struct dsi_parquet_values_writer *v,
                           const struct dsi_parquet_input *in,
                           const struct dsi_parquet_run *run, struct ds_error *err)
{
    size_t size = (v->count + run->count + 7) / 8;
    int rc = DS_OK;

    DSI_TRY(dsi_buf_append_zero(&v->bytes, size - v->bytes.size, err));
    dsi_bits_copy(v->bytes.data, v->count, in->values, in->offset + run->first,
                  run->count);
done:
    return rc;
}

// Lengths from offsets; false when an offset is negative or below the one before, or a
// value is too long.
static bool narrow_lengths(const uint8_t *offsets, size_t count, uint32_t *out)
{
    uint32_t last = 0;
    uint32_t odd = 0;

    memcpy(&last, offsets, sizeof last);
    odd = last;
    for (size_t i = 0; i < count; i++) {
        uint32_t next = 0;
        memcpy(&next, offsets + (i + 1) * sizeof next, sizeof next);
        out[i] = next - last;
        odd |= next | out[i];
        last = next;
    }
    return odd >> 31 == 0;
}

static bool wide_lengths(const uint8_t *offsets, size_t count, uint32_t *out)
{
    uint64_t last = 0;
    uint64_t odd = 0;

    memcpy(&last, offsets, sizeof last);
    odd = last >> 63;
    for (size_t i = 0; i < count; i++) {
        uint64_t next = 0;
        memcpy(&next, offsets + (i + 1) * sizeof next, sizeof next);
        out[i] = (uint32_t)(next - last);
        odd |= next >> 63 | (next - last) >> 31;
        last = next;
    }
    return odd == 0;
}

// Finds the value that is wrong: `*taken` others come before it.
static int bad_offsets(const struct dsi_parquet_input *in,
                       const struct dsi_parquet_run *run, size_t *taken,
                       struct ds_error *err)
{
    for (size_t i = run->first;; i++, ++*taken) {
        int64_t start = offset_at(in, in->offset + i);
        int64_t end = offset_at(in, in->offset + i + 1);
        assert(i < run->first + run->count);
        if (start < 0 || end < start || end - start > INT32_MAX) {
            return dsi_fail(err, DS_EINVALID, "offsets %lld and %lld", (long long)start,
                            (long long)end);
        }
    }
}

static int append_bytes(struct dsi_parquet_values_writer *v,
                        const struct dsi_parquet_input *in,
                        const struct dsi_parquet_run *run, size_t *taken,
                        struct ds_error *err)
{
    const uint8_t *offsets = in->offsets;
    size_t first = in->offset + run->first;
    uint32_t *lengths = NULL;
    int64_t start = offset_at(in, first);
    size_t size = (size_t)(offset_at(in, first + run->count) - start);
    bool good = false;
    int rc = DS_OK;

    DSI_TRY(dsi_buf_reserve(&v->lengths, run->count * sizeof *lengths, err));
    lengths = (uint32_t *)(void *)(v->lengths.data + v->lengths.size);
    good = in->wide_offsets ? wide_lengths(offsets + first * 8, run->count, lengths)
                            : narrow_lengths(offsets + first * 4, run->count, lengths);
    if (!good) {
        return bad_offsets(in, run, taken, err);
    }
    if (size > 0) {
        DSI_TRY(dsi_buf_append(&v->bytes, in->bytes + start, size, err));
    }
    v->lengths.size += run->count * sizeof *lengths;
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
        switch (v->leaf->field.physical) {
        case DSI_PARQUET_BOOLEAN:
            DSI_TRY(append_booleans(v, in, &runs[i], err));
            break;
        case DSI_PARQUET_BYTE_ARRAY:
            DSI_TRY(append_bytes(v, in, &runs[i], taken, err));
            break;
        default:
            DSI_TRY(append_fixed(v, in, &runs[i], err));
        }
        v->count += runs[i].count;
        *taken += runs[i].count;
    }
done:
    return rc;
}

static struct dsi_parquet_encode_input
encode_input(const struct dsi_parquet_values_writer *v)
{
    bool bytes = v->leaf->field.physical == DSI_PARQUET_BYTE_ARRAY;
    return (struct dsi_parquet_encode_input){
        .field = &v->leaf->field,
        .count = v->count,
        .bytes = v->bytes.data,
        .lengths = bytes ? (const uint32_t *)(const void *)v->lengths.data : NULL};
}

// Not 0 for a single value: there are readers that stumble over it.
static int index_width(const struct dsi_parquet_dict *d)
{
    return dsi_parquet_bit_width(d->count > 1 ? (uint32_t)d->count - 1 : 1);
}

static uint32_t *indices_of(const struct dsi_parquet_tools *t)
{
    return (uint32_t *)(void *)t->indices.data;
}

// Looks the page's values up in the dictionary; `*fits` is false when they do not.
static int index_page(struct dsi_parquet_values_writer *v, struct dsi_parquet_tools *t,
                      bool *fits, struct ds_error *err)
{
    const struct dsi_parquet_leaf_options *o = leaf_options(v);
    struct dsi_parquet_dict_values values = {.count = v->count};
    int rc = DS_OK;

    *fits = false;
    if (v->options->no_dictionary || o->no_dictionary || v->count == 0 ||
        v->leaf->field.physical == DSI_PARQUET_BOOLEAN) {
        return DS_OK;
    }
    DSI_TRY(dsi_buf_reserve(&v->bytes, DSI_PARQUET_DICT_SLACK, err));
    DSI_TRY(dsi_buf_reserve(&t->indices, v->count * sizeof(uint32_t), err));
    values.bytes = v->bytes.data;
    values.lengths = encode_input(v).lengths;
    if (v->state == DSI_PARQUET_VALUES_FIRST && v->count > PROBED) {
        values.count = PROBED;
        DSI_TRY(dsi_parquet_dict_index(&v->dict, &values, v->options->dictionary_bytes,
                                       indices_of(t), err));
        if (rc != DS_ROW || v->dict.count > PROBED - PROBED_ALIKE_MIN) {
            return DS_OK;
        }
        values.count = v->count;
    }
    DSI_TRY(dsi_parquet_dict_index(&v->dict, &values, v->options->dictionary_bytes,
                                   indices_of(t), err));
    *fits = rc == DS_ROW;
    rc = DS_OK;
done:
    return rc;
}

// How many entries the second half of the chunk's first page added.
static size_t added_late(const struct dsi_parquet_values_writer *v,
                         const struct dsi_parquet_tools *t)
{
    const uint32_t *indices = indices_of(t);
    uint32_t last = 0;

    for (size_t i = 0; i < v->count / 2; i++) {
        last = indices[i] > last ? indices[i] : last;
    }
    return v->dict.count - last - 1;
}

// How this page and those after it will be encoded, given that a dictionary would do.
static int decide(struct dsi_parquet_values_writer *v, struct dsi_parquet_tools *t,
                  bool fits, struct ds_error *err)
{
    const struct dsi_parquet_terms terms = {v->options, leaf_options(v)->encode};
    const struct dsi_parquet_encode_input in = encode_input(v);
    int rc = DS_OK;

    v->since = 0;
    v->tried = v->count;
    v->added = v->dict.count;
    DSI_TRY(dsi_parquet_choose(t, &terms, &in, &v->encoding, &v->other, err));
    v->level = v->other.level;
    fits = fits && v->other.plain > DSI_PARQUET_SMALL;
    if (fits) {
        int level = v->level;
        const struct dsi_parquet_indexed page = {.indices = indices_of(t),
                                                 .count = v->count,
                                                 .width = index_width(&v->dict),
                                                 .added = added_late(v, t),
                                                 .distinct = v->dict.count,
                                                 .bytes = v->dict.plain.size};
        DSI_TRY(
            dsi_parquet_choose_indexed(t, &terms, &page, &v->other, &fits, &level, err));
        v->level = fits ? level : v->level;
    }
    if (fits) {
        v->state = DSI_PARQUET_VALUES_INDEXED;
    } else {
        dsi_parquet_dict_release(&v->dict);
        if (v->count >= TELLING) {
            v->state = DSI_PARQUET_VALUES_SETTLED;
        }
    }
done:
    return rc;
}

// Does a later page still gain by the dictionary, that had so much before it?
static bool still_pays(const struct dsi_parquet_values_writer *v, size_t count_before,
                       size_t size_before)
{
    size_t added = v->dict.count - count_before;
    double shrink = (double)v->other.compressed / (double)v->other.encoded;
    double grown = (double)(v->dict.plain.size - size_before) * shrink;
    double indices = (double)v->count * index_width(&v->dict) / 8;
    double other = (double)v->other.compressed / (double)v->other.count;

    return added < v->count / 4 || grown + indices < other * (double)v->count * 1.5;
}

// Is the first page of a chunk, which the dictionary of the one before suited, like the
// page that was tried then?
static bool is_alike(const struct dsi_parquet_values_writer *v)
{
    double added = (double)v->added * (double)v->count / (double)v->tried;
    return (double)v->dict.count <= added + added / 4;
}

static int settle(struct dsi_parquet_values_writer *v, struct dsi_parquet_tools *t,
                  struct ds_error *err)
{
    size_t count = v->dict.count;
    size_t size = v->dict.plain.size;
    bool fits = false;
    int rc = DS_OK;

    if (v->state == DSI_PARQUET_VALUES_SETTLED) {
        return DS_OK;
    }
    if (v->count == 0) { // Nulls.
        v->encoding = DSI_PARQUET_PLAIN;
        return DS_OK;
    }
    DSI_TRY(index_page(v, t, &fits, err));
    if (v->state == DSI_PARQUET_VALUES_FIRST || (count == 0 && !(fits && is_alike(v)))) {
        v->state = DSI_PARQUET_VALUES_FIRST;
        return decide(v, t, fits, err);
    }
    if (count == 0) {
        return DS_OK;
    }
    if (!fits || !still_pays(v, count, size)) {
        const struct dsi_parquet_terms terms = {v->options, leaf_options(v)->encode};
        const struct dsi_parquet_encode_input in = encode_input(v);
        dsi_parquet_dict_cut(&v->dict, count);
        DSI_TRY(dsi_parquet_choose(t, &terms, &in, &v->encoding, &v->other, err));
        v->state = DSI_PARQUET_VALUES_SETTLED;
    }
done:
    return rc;
}

// Each value of the dictionary that the page uses is looked at once, but for NaN.
static int bound_indexed(const struct dsi_parquet_values_writer *v,
                         struct dsi_parquet_bounds *b, struct ds_error *err)
{
    const uint32_t *used = (const uint32_t *)(const void *)v->dict.used.data;
    int rc = DS_OK;

    for (size_t i = 0; i < v->dict.used.size / sizeof *used; i++) {
        DSI_TRY(dsi_parquet_bounds_add(b, v->order,
                                       dsi_parquet_dict_value(&v->dict, used[i]), err));
    }
    b->nan_count = (int64_t)dsi_parquet_count_nans(v->order, v->bytes.data, v->count);
done:
    return rc;
}

static int bound_bits(const struct dsi_parquet_values_writer *v,
                      struct dsi_parquet_bounds *b, struct ds_error *err)
{
    bool seen[2] = {false, false};
    int rc = DS_OK;

    for (size_t i = 0; i < v->count; i++) {
        seen[dsi_bit_get(v->bytes.data, i)] = true;
    }
    for (uint8_t bit = 0; bit < 2; bit++) {
        if (seen[bit]) {
            DSI_TRY(dsi_parquet_bounds_add(b, v->order, (struct ds_slice){&bit, 1}, err));
        }
    }
done:
    return rc;
}

static int bound_page(const struct dsi_parquet_values_writer *v,
                      struct dsi_parquet_bounds *b, struct ds_error *err)
{
    size_t width = v->dict.width;

    if (v->count == 0) {
        return DS_OK;
    }
    if (v->state == DSI_PARQUET_VALUES_INDEXED) {
        return bound_indexed(v, b, err);
    }
    if (v->leaf->field.physical == DSI_PARQUET_BOOLEAN) {
        return bound_bits(v, b, err);
    }
    if (width > 0) {
        b->nan_count = (int64_t)dsi_parquet_count_nans(v->order, v->bytes.data, v->count);
        return dsi_parquet_bounds_add_all(b, v->order, v->bytes.data, width, v->count,
                                          err);
    }
    return dsi_parquet_bounds_add_bytes(b, v->order, v->bytes.data,
                                        (const uint32_t *)(const void *)v->lengths.data,
                                        v->count, err);
}

static void add_to_bloom(const struct dsi_parquet_values_writer *v,
                         struct dsi_parquet_bloom *b)
{
    const uint32_t *used = (const uint32_t *)(const void *)v->dict.used.data;
    const uint32_t *lengths = (const uint32_t *)(const void *)v->lengths.data;
    bool indexed = v->state == DSI_PARQUET_VALUES_INDEXED;
    size_t count = indexed ? v->dict.used.size / sizeof *used : v->count;
    const uint8_t *at = v->bytes.size > 0 ? v->bytes.data : (const uint8_t *)"";

    for (size_t i = 0; i < count; i++) {
        struct ds_slice value = {at, v->dict.width > 0 ? v->dict.width : lengths[i]};
        value = indexed ? dsi_parquet_dict_value(&v->dict, used[i]) : value;
        at += indexed ? 0 : value.size;
        dsi_parquet_bloom_add(b, dsi_parquet_bloom_hash(value));
    }
}

int dsi_parquet_values_end(struct dsi_parquet_values_writer *v,
                           struct dsi_parquet_tools *t, struct dsi_buf *out,
                           struct dsi_parquet_page_values *page, struct ds_error *err)
{
    struct dsi_parquet_encode_input in;
    int rc = DS_OK;

    DSI_TRY(settle(v, t, err));
    in = encode_input(v);
    dsi_parquet_bounds_reset(&page->bounds);
    DSI_TRY(bound_page(v, &page->bounds, err));
    if (page->bloom) {
        add_to_bloom(v, page->bloom);
    }
    if (v->state == DSI_PARQUET_VALUES_INDEXED) {
        int width = index_width(&v->dict);
        page->encoding = DSI_PARQUET_RLE_DICTIONARY;
        DSI_TRY(dsi_buf_append_byte(out, (uint8_t)width, err));
        DSI_TRY(dsi_parquet_rle_write(indices_of(t), v->count, width, out, err));
    } else {
        page->encoding = v->encoding;
        DSI_TRY(dsi_parquet_encode(v->encoding, &in, out, err));
    }
    v->since += v->count;
    page->count = v->count;
    page->level = v->level;
    page->byte_count = in.lengths ? (int64_t)v->bytes.size : 0;
    v->count = 0;
    v->bytes.size = 0;
    v->lengths.size = 0;
done:
    return rc;
}
