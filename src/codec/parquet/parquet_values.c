#include "codec/parquet/parquet_values.h"

#include <assert.h>
#include <string.h>

#include "base/alloc.h"
#include "base/error.h"
#include "codec/parquet/parquet_bits.h"
#include "codec/parquet/parquet_bytes.h"

enum { RUN_MIN = 32 }; // A run of one index that is worth its own way.

static int too_few(const struct dsi_parquet_values *v, struct ds_error *err)
{
    return dsi_corrupt(err, "column %s: a page ends before its last value",
                       v->field->name);
}

void dsi_parquet_dictionary_release(struct dsi_parquet_dictionary *d)
{
    dsi_buf_release(&d->bytes);
    dsi_free(d->values);
    d->values = NULL;
    d->count = 0;
}

// The next value of plain BYTE_ARRAYs; false when there is none.
static bool take_bytes(struct ds_slice *in, struct ds_slice *out)
{
    if (in->size < 4) {
        return false;
    }
    uint32_t size = dsi_le32(in->data);
    if (size > in->size - 4) {
        return false;
    }
    *out = (struct ds_slice){in->data + 4, size};
    in->data += 4 + (size_t)size;
    in->size -= 4 + (size_t)size;
    return true;
}

static int find_values(struct dsi_parquet_dictionary *d,
                       const struct dsi_parquet_field *f, size_t count,
                       struct ds_error *err)
{
    if (count > d->bytes.size / 4) { // A length is four bytes.
        return dsi_corrupt(err, "column %s: a dictionary of %zu values in %zu bytes",
                           f->name, count, d->bytes.size);
    }
    int rc = dsi_buf_reserve(&d->bytes, DSI_PARQUET_SLACK, err);
    if (rc < 0) {
        return rc;
    }
    struct ds_slice in = dsi_buf_slice(&d->bytes);
    d->values = dsi_malloc(count * sizeof *d->values);
    if (!d->values) {
        return dsi_no_memory(err, "a parquet dictionary");
    }
    d->size_max = 0;
    for (size_t i = 0; i < count; i++) {
        if (!take_bytes(&in, &d->values[i])) {
            return dsi_corrupt(err, "column %s: the dictionary ends in value %zu of %zu",
                               f->name, i, count);
        }
        size_t size = d->values[i].size;
        d->size_max = size > d->size_max ? size : d->size_max;
    }
    d->count = count;
    return DS_OK;
}

int dsi_parquet_dictionary_init(struct dsi_parquet_dictionary *d,
                                const struct dsi_parquet_field *f, size_t count,
                                struct ds_error *err)
{
    size_t width = dsi_parquet_width(f);

    if (f->physical == DSI_PARQUET_BYTE_ARRAY) {
        return find_values(d, f, count, err);
    }
    if (width == 0) {
        return dsi_fail(err, DS_EUNSUPPORTED, "column %s: a dictionary of booleans",
                        f->name);
    }
    if (count > d->bytes.size / width) {
        return dsi_corrupt(err, "column %s: a dictionary of %zu values in %zu bytes",
                           f->name, count, d->bytes.size);
    }
    if (!dsi_host_is_little() && (width == 4 || width == 8) &&
        f->physical != DSI_PARQUET_FIXED) {
        struct dsi_buf turned = DSI_BUF_INIT;
        int rc = dsi_buf_reserve(&turned, count * width, err);
        if (rc < 0) {
            return rc;
        }
        dsi_le_copy(turned.data, d->bytes.data, count, width);
        turned.size = count * width;
        dsi_buf_release(&d->bytes);
        d->bytes = turned;
    }
    d->count = count;
    return DS_OK;
}

// A dictionary of one value needs no bits; some writers then write nothing at all.
static bool indices_are_absent(const struct dsi_parquet_values *v)
{
    return v->kind == DSI_PARQUET_VALUES_INDEXED && v->rle.width == 0 &&
           v->rle.at == v->rle.end && v->rle.repeat_left == 0 && v->rle.packed_left == 0;
}

// Makes sure that there are indices in the block; how many.
static size_t fill_block(struct dsi_parquet_values *v)
{
    if (v->block_at < v->block_count) {
        return v->block_count - v->block_at;
    }
    v->block_at = 0;
    v->block_count = 0;
    if (indices_are_absent(v)) {
        memset(v->block, 0, sizeof v->block);
        v->block_count = DSI_PARQUET_BLOCK;
        return v->block_count;
    }
    while (v->block_count < DSI_PARQUET_BLOCK) {
        uint32_t value = 0;
        if (v->block_count > 0 && dsi_parquet_rle_repeats(&v->rle, &value) >= RUN_MIN) {
            break; // That is taken as a run.
        }
        size_t n = dsi_parquet_rle_some(&v->rle, v->block + v->block_count,
                                        DSI_PARQUET_BLOCK - v->block_count);
        if (n == 0) {
            break;
        }
        v->block_count += n;
    }
    return v->block_count;
}

static int check_indices(const struct dsi_parquet_values *v, const uint32_t *indices,
                         size_t count, struct ds_error *err)
{
    uint32_t max = v->rle.kernels->max_u32(indices, count);

    if (max >= v->dictionary->count) {
        return dsi_corrupt(err, "column %s: index %u into a dictionary of %zu values",
                           v->field->name, max, v->dictionary->count);
    }
    return DS_OK;
}

// Constant sizes make one load and one store of each copy. (Hardware gathers are slower.)
static void gather(const struct dsi_parquet_dictionary *d, size_t width,
                   const uint32_t *indices, size_t count, uint8_t *to)
{
    const uint8_t *from = d->bytes.data;

    if (width == 8) {
        for (size_t i = 0; i < count; i++) {
            memcpy(to + i * 8, from + (size_t)indices[i] * 8, 8);
        }
    } else if (width == 4) {
        for (size_t i = 0; i < count; i++) {
            memcpy(to + i * 4, from + (size_t)indices[i] * 4, 4);
        }
    } else if (width == 16) {
        for (size_t i = 0; i < count; i++) {
            memcpy(to + i * 16, from + (size_t)indices[i] * 16, 16);
        }
    } else {
        for (size_t i = 0; i < count; i++) {
            memcpy(to + i * width, from + indices[i] * width, width);
        }
    }
}

static void repeat(const uint8_t *value, size_t width, size_t count, uint8_t *to)
{
    if (width == 8) {
        for (size_t i = 0; i < count; i++) {
            memcpy(to + i * 8, value, 8);
        }
    } else if (width == 4) {
        for (size_t i = 0; i < count; i++) {
            memcpy(to + i * 4, value, 4);
        }
    } else {
        for (size_t i = 0; i < count; i++) {
            memcpy(to + i * width, value, width);
        }
    }
}

static int copy_plain(struct dsi_parquet_values *v, size_t width, size_t count,
                      uint8_t *to, struct ds_error *err)
{
    if (count > v->plain.size / width) {
        return too_few(v, err);
    }
    bool number = v->field->physical != DSI_PARQUET_FIXED && width != 12;
    if (number) {
        dsi_le_copy(to, v->plain.data, count, width);
    } else {
        memcpy(to, v->plain.data, count * width);
    }
    v->plain.data += count * width;
    v->plain.size -= count * width;
    return DS_OK;
}

static int append_bits(struct dsi_parquet_values *v, size_t count,
                       struct dsi_parquet_column *out, struct ds_error *err)
{
    size_t at = out->elements;
    int rc = DS_OK;

    DSI_TRY(
        dsi_buf_append_zero(&out->values, (at + count + 7) / 8 - out->values.size, err));
    if (v->kind == DSI_PARQUET_VALUES_PLAIN) {
        if (count > v->plain.size * 8 - v->bit) {
            return too_few(v, err);
        }
        dsi_bits_copy(out->values.data, at, v->plain.data, v->bit, count);
        v->bit += count;
        return DS_OK;
    }
    while (count > 0) {
        uint8_t bytes[DSI_PARQUET_BLOCK];
        uint8_t bits[DSI_PARQUET_BLOCK / 8];
        size_t max = count < DSI_PARQUET_BLOCK ? count : DSI_PARQUET_BLOCK;
        size_t n = dsi_parquet_rle_bytes(&v->rle, bytes, max);
        if (n == 0) {
            return too_few(v, err);
        }
        v->rle.kernels->levels_bits(bytes, n, 1, bits);
        dsi_bits_copy(out->values.data, at, bits, 0, n);
        at += n;
        count -= n;
    }
done:
    return rc;
}

// A run of one index, if that is what comes next: how many of at most `max` were taken.
static int fixed_run(struct dsi_parquet_values *v, size_t width, size_t max, uint8_t *to,
                     size_t *count, struct ds_error *err)
{
    uint32_t index = 0;
    uint64_t run = 0;
    int rc = DS_OK;

    *count = 0;
    if (v->block_at < v->block_count) {
        return DS_OK;
    }
    run = dsi_parquet_rle_repeats(&v->rle, &index);
    if (run < RUN_MIN) {
        return DS_OK;
    }
    DSI_TRY(check_indices(v, &index, 1, err));
    *count = run < max ? (size_t)run : max;
    repeat(v->dictionary->bytes.data + (size_t)index * width, width, *count, to);
    dsi_parquet_rle_pass(&v->rle, *count);
done:
    return rc;
}

int dsi_parquet_values_fixed(struct dsi_parquet_values *v, size_t count,
                             struct dsi_parquet_column *out, struct ds_error *err)
{
    size_t width = dsi_parquet_width(v->field);
    int rc = DS_OK;

    if (count == 0) {
        return DS_OK;
    }
    if (v->field->physical == DSI_PARQUET_BOOLEAN) {
        return append_bits(v, count, out, err);
    }
    if (count > SIZE_MAX / width) {
        return dsi_fail(err, DS_EUNSUPPORTED, "column %s: %zu values of %zu bytes",
                        v->field->name, count, width);
    }
    DSI_TRY(dsi_buf_reserve(&out->values, count * width, err));
    if (v->kind == DSI_PARQUET_VALUES_PLAIN) {
        DSI_TRY(copy_plain(v, width, count, out->values.data + out->values.size, err));
        out->values.size += count * width;
        return DS_OK;
    }
    while (count > 0) {
        size_t n = 0;
        uint8_t *to = out->values.data + out->values.size;
        DSI_TRY(fixed_run(v, width, count, to, &n, err));
        if (n == 0) {
            n = fill_block(v);
            n = n < count ? n : count;
            if (n == 0) {
                return too_few(v, err);
            }
            const uint32_t *indices = v->block + v->block_at;
            DSI_TRY(check_indices(v, indices, n, err));
            gather(v->dictionary, width, indices, n, to);
            v->block_at += n;
        }
        out->values.size += n * width;
        count -= n;
    }
done:
    return rc;
}

static int next_bytes(struct dsi_parquet_values *v, struct ds_slice *out,
                      struct ds_error *err)
{
    if (v->kind == DSI_PARQUET_VALUES_PLAIN) {
        struct ds_slice rest = v->plain; // Not taken until it is known to fit.
        return take_bytes(&rest, out) ? DS_OK : too_few(v, err);
    }
    if (fill_block(v) == 0) {
        return too_few(v, err);
    }
    uint32_t index = v->block[v->block_at];
    if (index >= v->dictionary->count) {
        return check_indices(v, &index, 1, err);
    }
    *out = v->dictionary->values[index];
    return DS_OK;
}

static void pass_bytes(struct dsi_parquet_values *v, struct ds_slice value)
{
    if (v->kind == DSI_PARQUET_VALUES_PLAIN) {
        v->plain.data += 4 + value.size;
        v->plain.size -= 4 + value.size;
    } else {
        v->block_at++;
    }
}

static size_t bytes_max(const struct dsi_parquet_column *out)
{
    size_t max = out->bytes.max ? out->bytes.max : INT32_MAX;
    return max < INT32_MAX ? max : INT32_MAX;
}

// Appends the next value; DS_ROW, or DS_OK when it does not fit. Whatever is unusual
// comes this way: the end of a page, large values, a column that is nearly full.
static int append_value(struct dsi_parquet_values *v, size_t max,
                        struct dsi_parquet_column *out, struct ds_error *err)
{
    struct ds_slice value = {0};
    int32_t end = 0;
    int rc = DS_OK;

    DSI_TRY(next_bytes(v, &value, err));
    if (value.size > max - out->bytes.size) {
        if (out->bytes.size == 0) { // It never will.
            return dsi_fail(err, DS_EUNSUPPORTED,
                            "column %s: a value of %zu bytes; the limit is %zu",
                            v->field->name, value.size, max);
        }
        return DS_OK;
    }
    if (value.size > out->bytes.capacity - out->bytes.size) {
        DSI_TRY(dsi_buf_reserve(&out->bytes, value.size, err));
    }
    if (value.size > 0) {
        memcpy(out->bytes.data + out->bytes.size, value.data, value.size);
        out->bytes.size += value.size;
    }
    end = (int32_t)out->bytes.size;
    memcpy(out->values.data + out->values.size, &end, sizeof end);
    out->values.size += sizeof end;
    pass_bytes(v, value);
    rc = DS_ROW;
done:
    return rc;
}

// Copies a value whose slack may be read, to where slack may be written.
static inline void copy_short(uint8_t *to, const uint8_t *from, size_t size)
{
    memcpy(to, from, DSI_PARQUET_SLACK);
    if (size > DSI_PARQUET_SLACK) {
        memcpy(to + DSI_PARQUET_SLACK, from + DSI_PARQUET_SLACK,
               size - DSI_PARQUET_SLACK);
    }
}

// Makes room for `size` bytes and the slack; false when the column may not have as many.
static int make_room(struct dsi_parquet_column *out, size_t max, size_t size, bool *ok,
                     struct ds_error *err)
{
    size_t left = max - out->bytes.size;

    *ok = left >= DSI_PARQUET_SLACK && size <= left - DSI_PARQUET_SLACK;
    return *ok ? dsi_buf_reserve(&out->bytes, size + DSI_PARQUET_SLACK, err) : DS_OK;
}

// Plain values as long as both sides have slack; how many.
static int copy_plain_bytes(struct dsi_parquet_values *v, size_t count, size_t max,
                            struct dsi_parquet_column *out, size_t *done,
                            struct ds_error *err)
{
    enum { FEW = 16 }; // Not worth room for a page.
    const uint8_t *at = v->plain.data;
    size_t left = v->plain.size;
    uint8_t *to = NULL;
    uint8_t *ends = NULL;
    size_t i = 0;
    bool ok = false;
    int rc = DS_OK;

    *done = 0;
    if (count < FEW) {
        return DS_OK;
    }
    DSI_TRY(make_room(out, max, left, &ok, err)); // There are no more bytes than that.
    if (!ok) {
        return DS_OK;
    }
    to = out->bytes.data + out->bytes.size;
    ends = out->values.data + out->values.size;
    for (; i < count && left >= 4 + DSI_PARQUET_SLACK; i++) {
        size_t size = dsi_le32(at);
        if (size > left - 4) {
            break;
        }
        copy_short(to, at + 4, size);
        to += size;
        at += 4 + size;
        left -= 4 + size;
        int32_t end = (int32_t)(to - out->bytes.data);
        memcpy(ends + i * sizeof end, &end, sizeof end);
    }
    out->bytes.size = (size_t)(to - out->bytes.data);
    out->values.size += i * sizeof(int32_t);
    v->plain = (struct ds_slice){at, left};
    *done = i;
done:
    return rc;
}

static size_t block_bytes(const struct dsi_parquet_dictionary *d, const uint32_t *indices,
                          size_t count)
{
    enum { LITTLE = 64 }; // So small that the sum need not be known.
    size_t sum = 0;

    if (d->size_max <= LITTLE) {
        return count * d->size_max;
    }
    for (size_t i = 0; i < count; i++) {
        sum += d->values[indices[i]].size;
    }
    return sum;
}

// Values of the block at hand, if there is room for all of them; how many.
static int copy_indexed_bytes(struct dsi_parquet_values *v, size_t count, size_t max,
                              struct dsi_parquet_column *out, size_t *done,
                              struct ds_error *err)
{
    const struct ds_slice *values = v->dictionary->values;
    size_t n = fill_block(v);
    const uint32_t *indices = v->block + v->block_at;
    uint8_t *to = NULL;
    uint8_t *ends = NULL;
    bool ok = false;
    int rc = DS_OK;

    *done = 0;
    n = n < count ? n : count;
    DSI_TRY(check_indices(v, indices, n, err));
    DSI_TRY(make_room(out, max, block_bytes(v->dictionary, indices, n), &ok, err));
    if (n == 0 || !ok) {
        return DS_OK;
    }
    to = out->bytes.data + out->bytes.size;
    ends = out->values.data + out->values.size;
    for (size_t i = 0; i < n; i++) {
        struct ds_slice value = values[indices[i]];
        copy_short(to, value.data, value.size);
        to += value.size;
        int32_t end = (int32_t)(to - out->bytes.data);
        memcpy(ends + i * sizeof end, &end, sizeof end);
    }
    out->bytes.size = (size_t)(to - out->bytes.data);
    out->values.size += n * sizeof(int32_t);
    v->block_at += n;
    *done = n;
done:
    return rc;
}

int dsi_parquet_values_bytes(struct dsi_parquet_values *v, size_t count,
                             struct dsi_parquet_column *out, size_t *done,
                             struct ds_error *err)
{
    size_t max = bytes_max(out);
    int rc = DS_OK;

    *done = 0;
    if (count == 0) {
        return DS_OK;
    }
    DSI_TRY(dsi_buf_reserve(&out->values, count * sizeof(int32_t), err));
    while (*done < count) {
        size_t n = 0;
        if (v->kind == DSI_PARQUET_VALUES_PLAIN) {
            DSI_TRY(copy_plain_bytes(v, count - *done, max, out, &n, err));
        } else {
            DSI_TRY(copy_indexed_bytes(v, count - *done, max, out, &n, err));
        }
        *done += n;
        if (n == 0) {
            DSI_TRY(append_value(v, max, out, err));
            if (rc == DS_OK) {
                break;
            }
            ++*done;
        }
    }
    rc = DS_OK;
done:
    return rc;
}

int dsi_parquet_values_expect(const struct dsi_parquet_values *v, size_t left,
                              size_t count, struct dsi_parquet_column *out,
                              struct ds_error *err)
{
    enum { MANY = 1024, EXPECT_MAX = 8 << 20 };
    const struct dsi_parquet_dictionary *d = v->dictionary;
    bool indexed = v->kind == DSI_PARQUET_VALUES_INDEXED;
    size_t bytes = indexed ? d->bytes.size : v->plain.size; // With lengths.
    size_t values = indexed ? d->count : left;
    bool ok = false;

    if (count < MANY || values == 0) {
        return DS_OK;
    }
    size_t average = bytes / values;
    return average > EXPECT_MAX / count
               ? DS_OK
               : make_room(out, bytes_max(out), count * average, &ok, err);
}

// BYTE_ARRAY: the lengths have to be walked.
static int skip_bytes(struct dsi_parquet_values *v, size_t count, struct ds_error *err)
{
    struct ds_slice rest = v->plain;
    struct ds_slice value = {0};

    for (size_t i = 0; i < count; i++) {
        if (!take_bytes(&rest, &value)) {
            return too_few(v, err);
        }
    }
    v->plain = rest;
    return DS_OK;
}

static int skip_plain(struct dsi_parquet_values *v, size_t count, struct ds_error *err)
{
    size_t width = dsi_parquet_width(v->field);

    if (v->field->physical == DSI_PARQUET_BYTE_ARRAY) {
        return skip_bytes(v, count, err);
    }
    if (v->field->physical == DSI_PARQUET_BOOLEAN) {
        if (count > v->plain.size * 8 - v->bit) {
            return too_few(v, err);
        }
        v->bit += count;
        return DS_OK;
    }
    if (width > 0 && count > v->plain.size / width) {
        return too_few(v, err);
    }
    v->plain.data += count * width;
    v->plain.size -= count * width;
    return DS_OK;
}

int dsi_parquet_values_skip(struct dsi_parquet_values *v, size_t count,
                            struct ds_error *err)
{
    if (count == 0) {
        return DS_OK;
    }
    if (v->kind == DSI_PARQUET_VALUES_PLAIN) {
        return skip_plain(v, count, err);
    }
    size_t known = v->block_count - v->block_at;
    known = known < count ? known : count;
    v->block_at += known;
    count -= known;
    if (indices_are_absent(v)) {
        return DS_OK;
    }
    return dsi_parquet_rle_skip(&v->rle, count) == count ? DS_OK : too_few(v, err);
}
