#include "codec/parquet/parquet_column.h"

#include <assert.h>
#include <string.h>

#include "base/error.h"
#include "codec/parquet/parquet_bits.h"
#include "codec/parquet/parquet_bytes.h"
#include "codec/parquet/parquet_page.h"
#include "codec/parquet/parquet_rle.h"

enum { BLOCK = 256 }; // Rows of fixed width between two looks at the page's size.

void dsi_parquet_column_writer_init(struct dsi_parquet_column_writer *c,
                                    const struct dsi_parquet_node *leaf,
                                    const struct dsi_parquet_write_options *options)
{
    memset(c, 0, sizeof *c);
    c->leaf = leaf;
    c->options = options;
    c->order = dsi_parquet_order_of(&leaf->field);
    c->dict.width = dsi_parquet_width(&leaf->field);
    dsi_parquet_path(leaf, c->name, sizeof c->name);
    dsi_parquet_column_next(c);
}

void dsi_parquet_column_writer_release(struct dsi_parquet_column_writer *c)
{
    dsi_buf_release(&c->levels);
    dsi_buf_release(&c->values);
    dsi_buf_release(&c->indices);
    dsi_buf_release(&c->pages);
    dsi_buf_release(&c->scratch);
    dsi_buf_release(&c->packed);
    dsi_compressor_release(&c->compressor);
    dsi_parquet_dict_release(&c->dict);
    dsi_parquet_bounds_release(&c->bounds);
    dsi_parquet_bounds_release(&c->file_bounds);
}

void dsi_parquet_column_next(struct dsi_parquet_column_writer *c)
{
    c->indexed =
        !c->options->no_dictionary && c->leaf->field.physical != DSI_PARQUET_BOOLEAN;
    c->pages.size = 0;
    c->uncompressed_size = 0;
    c->value_count = 0;
    c->null_count = 0;
    c->indexed_pages = 0;
    c->plain_pages = 0;
    dsi_parquet_dict_reset(&c->dict);
    dsi_parquet_bounds_reset(&c->bounds);
}

static void reset_page(struct dsi_parquet_column_writer *c)
{
    c->levels.size = 0;
    c->values.size = 0;
    c->indices.size = 0;
    c->page_rows = 0;
    c->page_values = 0;
    c->page_plain = 0;
}

// Compresses `raw` and appends it to `out` as a page; fills in the rest of `page`.
static int put_page(struct dsi_parquet_column_writer *c, struct ds_slice raw,
                    struct dsi_parquet_page *page, struct dsi_buf *out,
                    struct ds_error *err)
{
    const struct dsi_parquet_write_options *o = c->options;
    struct ds_slice body = raw;
    size_t before = out->size;
    int rc = DS_OK;

    if (o->codec != DSI_COMPRESSION_NONE) {
        c->scratch.size = 0;
        int level = o->has_level ? o->level : DSI_COMPRESSION_LEVEL_DEFAULT;
        DSI_TRY(
            dsi_compress_with(&c->compressor, o->codec, level, raw, &c->scratch, err));
        body = dsi_buf_slice(&c->scratch);
    }
    if (raw.size > INT32_MAX || body.size > INT32_MAX) {
        return dsi_fail(err, DS_EUNSUPPORTED, "column %s: a page of %zu bytes", c->name,
                        raw.size);
    }
    page->uncompressed_size = (int32_t)raw.size;
    page->compressed_size = (int32_t)body.size;
    page->has_crc = true;
    page->crc = dsi_crc32(0, body);
    DSI_TRY(dsi_parquet_page_write(page, out, err));
    c->uncompressed_size += (int64_t)(out->size - before + raw.size);
    DSI_TRY(dsi_buf_append(out, body.data, body.size, err));
done:
    return rc < 0 ? dsi_wrap(err, rc, "column %s", c->name) : rc;
}

static int put_levels(struct dsi_parquet_column_writer *c, struct ds_error *err)
{
    int width = dsi_parquet_bit_width((uint32_t)c->leaf->max_def);
    size_t at = c->packed.size;
    int rc = DS_OK;

    if (width == 0) {
        return DS_OK;
    }
    DSI_TRY(dsi_buf_append_zero(&c->packed, 4, err));
    DSI_TRY(dsi_parquet_rle_write((const uint32_t *)(const void *)c->levels.data,
                                  c->page_rows, width, &c->packed, err));
    dsi_put_le32(c->packed.data + at, (uint32_t)(c->packed.size - at - 4));
done:
    return rc;
}

static int put_indices(struct dsi_parquet_column_writer *c, struct ds_error *err)
{
    // Not 0 bits for a single value: there are readers that stumble over it.
    uint32_t last = c->dict.count > 1 ? (uint32_t)c->dict.count - 1 : 1;
    int width = dsi_parquet_bit_width(last);
    int rc = DS_OK;

    DSI_TRY(dsi_buf_append_byte(&c->packed, (uint8_t)width, err));
    DSI_TRY(dsi_parquet_rle_write((const uint32_t *)(const void *)c->indices.data,
                                  c->page_values, width, &c->packed, err));
done:
    return rc;
}

// Turns the page's indices back into plain values, and goes on without a dictionary.
static int give_up_dictionary(struct dsi_parquet_column_writer *c, struct ds_error *err)
{
    const uint32_t *indices = (const uint32_t *)(const void *)c->indices.data;
    int rc = DS_OK;

    assert(c->values.size == 0);
    for (size_t i = 0; i < c->page_values; i++) {
        struct ds_slice v = dsi_parquet_dict_plain(&c->dict, indices[i]);
        DSI_TRY(dsi_buf_append(&c->values, v.data, v.size, err));
    }
    c->indices.size = 0;
    c->indexed = false;
    if (c->indexed_pages == 0) {
        dsi_parquet_dict_reset(&c->dict);
    }
done:
    return rc;
}

// Does the dictionary with the page's indices take less than the plain values?
static bool dictionary_pays(const struct dsi_parquet_column_writer *c)
{
    size_t bits = c->page_values * (size_t)dsi_parquet_bit_width((uint32_t)c->dict.count);
    return c->dict.plain.size + bits / 8 < c->page_plain;
}

static int end_page(struct dsi_parquet_column_writer *c, struct ds_error *err)
{
    struct dsi_parquet_page page = {.type = DSI_PARQUET_PAGE_DATA};
    int rc = DS_OK;

    if (c->page_rows == 0) {
        return DS_OK;
    }
    if (c->indexed && c->indexed_pages == 0 && !dictionary_pays(c)) {
        DSI_TRY(give_up_dictionary(c, err)); // The first page decides for the chunk.
    }
    c->packed.size = 0;
    DSI_TRY(put_levels(c, err));
    if (c->indexed) {
        DSI_TRY(put_indices(c, err));
    } else {
        DSI_TRY(dsi_buf_append(&c->packed, c->values.data, c->values.size, err));
    }
    page.value_count = (int32_t)c->page_rows;
    page.encoding = c->indexed ? DSI_PARQUET_RLE_DICTIONARY : DSI_PARQUET_PLAIN;
    page.def_encoding = DSI_PARQUET_RLE;
    page.rep_encoding = DSI_PARQUET_RLE;
    DSI_TRY(put_page(c, dsi_buf_slice(&c->packed), &page, &c->pages, err));
    c->value_count += (int64_t)c->page_rows;
    c->null_count += (int64_t)(c->page_rows - c->page_values);
    c->indexed_pages += c->indexed;
    c->plain_pages += !c->indexed;
    reset_page(c);
done:
    return rc;
}

static bool page_is_full(const struct dsi_parquet_column_writer *c)
{
    size_t bytes = c->indexed ? c->indices.size : c->values.size;
    return c->page_rows >= c->options->page_rows || bytes >= c->options->page_bytes;
}

// The definition level of a row.
static uint32_t level_of(const struct dsi_parquet_column_writer *c,
                         const struct dsi_parquet_input *in, size_t row)
{
    if (in->defs) {
        return in->defs[row];
    }
    bool valid = dsi_bit_get(in->validity, in->offset + row);
    return valid ? (uint32_t)c->leaf->max_def : (uint32_t)c->leaf->max_def - 1;
}

// Reads the levels of some rows into `levels`; counts the values that are there.
static int take_levels(const struct dsi_parquet_column_writer *c,
                       const struct dsi_parquet_part *part, uint32_t *levels,
                       size_t *present, struct ds_error *err)
{
    const struct dsi_parquet_input *in = part->in;
    uint32_t max = (uint32_t)c->leaf->max_def;

    *present = 0;
    if (!in->defs && !in->validity) {
        for (size_t i = 0; i < part->rows; i++) {
            levels[i] = max;
        }
        *present = part->rows;
        return DS_OK;
    }
    for (size_t i = 0; i < part->rows; i++) {
        levels[i] = level_of(c, in, part->from + i);
        if (levels[i] > max) { // Also what is below level 0: a null of a required column.
            return dsi_fail(err, DS_EINVALID, "column %s: %s in row %lld", c->name,
                            in->defs ? "a level above its maximum"
                                     : "a null in a required column",
                            (long long)part->row_base + (long long)(part->from + i));
        }
        *present += levels[i] == max;
    }
    return DS_OK;
}

// How many rows lead up to the value number `values`, excluding its own.
static size_t rows_before(const uint32_t *levels, uint32_t max, size_t values)
{
    size_t row = 0;

    for (;; row++) {
        if (levels[row] == max) {
            if (values == 0) {
                return row;
            }
            values--;
        }
    }
}

// Adds values to the page's indices, until the dictionary is full; `*taken` of them.
static int take_indices(struct dsi_parquet_column_writer *c, const uint8_t *values,
                        size_t count, size_t *taken, struct ds_error *err)
{
    size_t width = c->dict.width;
    int rc = DS_OK;

    DSI_TRY(dsi_buf_reserve(&c->indices, count * sizeof(uint32_t), err));
    for (*taken = 0; *taken < count; (*taken)++) {
        struct ds_slice v = {values + *taken * width, width};
        size_t before = c->dict.count;
        uint32_t index = 0;
        DSI_TRY(dsi_parquet_dict_index(&c->dict, v, c->options->dictionary_bytes, &index,
                                       err));
        if (rc == DS_OK) {
            break;
        }
        if (c->dict.count > before) { // Values seen before are bounded already.
            DSI_TRY(dsi_parquet_bounds_add(&c->bounds, c->order, v, err));
        }
        memcpy(c->indices.data + c->indices.size, &index, sizeof index);
        c->indices.size += sizeof index;
    }
    rc = DS_OK;
done:
    return rc;
}

// The values that are there, in plain encoding and in a row, at the end of c->values.
static int stage_fixed(struct dsi_parquet_column_writer *c,
                       const struct dsi_parquet_part *part, const uint32_t *levels,
                       size_t present, struct ds_error *err)
{
    enum dsi_parquet_physical p = c->leaf->field.physical;
    size_t width = c->dict.width;
    bool number = p != DSI_PARQUET_FIXED && p != DSI_PARQUET_INT96;
    const uint8_t *from = NULL;
    uint8_t *to = NULL;
    int rc = DS_OK;

    if (present == 0) {
        return DS_OK;
    }
    if (width > SIZE_MAX / BLOCK) {
        return dsi_fail(err, DS_EUNSUPPORTED, "column %s: values of %zu bytes", c->name,
                        width);
    }
    DSI_TRY(dsi_buf_reserve(&c->values, present * width, err));
    to = c->values.data + c->values.size;
    from = (const uint8_t *)part->in->values + (part->in->offset + part->from) * width;
    if (present == part->rows) {
        memcpy(to, from, present * width);
    } else {
        for (size_t i = 0; i < part->rows; i++) {
            if (levels[i] == (uint32_t)c->leaf->max_def) {
                memcpy(to, from + i * width, width);
                to += width;
            }
        }
        to = c->values.data + c->values.size;
    }
    if (number && !dsi_host_is_little()) {
        for (size_t i = 0; i < present; i++) {
            uint8_t turned[8];
            memcpy(turned, to + i * width, width);
            dsi_le_copy(to + i * width, turned, 1, width);
        }
    }
done:
    return rc;
}

static int append_fixed(struct dsi_parquet_column_writer *c,
                        const struct dsi_parquet_part *part, const uint32_t *levels,
                        size_t present, size_t *rows, struct ds_error *err)
{
    size_t width = c->dict.width;
    size_t taken = present;
    const uint8_t *staged = NULL;
    int rc = DS_OK;

    *rows = part->rows;
    DSI_TRY(stage_fixed(c, part, levels, present, err));
    staged = present > 0 ? c->values.data + c->values.size : NULL;
    if (c->indexed) {
        DSI_TRY(take_indices(c, staged, present, &taken, err));
        if (taken < present) {
            *rows = rows_before(levels, (uint32_t)c->leaf->max_def, taken);
        }
    } else {
        DSI_TRY(dsi_parquet_bounds_add_all(&c->bounds, c->order, staged, width, present,
                                           err));
        c->values.size += present * width;
    }
    c->bounds.nan_count += (int64_t)dsi_parquet_count_nans(c->order, staged, taken);
    c->page_values += taken;
    c->page_plain += taken * width;
done:
    return rc;
}

static int append_booleans(struct dsi_parquet_column_writer *c,
                           const struct dsi_parquet_part *part, const uint32_t *levels,
                           size_t present, struct ds_error *err)
{
    size_t bits = c->page_values + present;
    const uint8_t *from = part->in->values;
    unsigned seen = 0; // Bit v: the value v.
    int rc = DS_OK;

    DSI_TRY(dsi_buf_append_zero(&c->values, (bits + 7) / 8 - c->values.size, err));
    for (size_t i = 0; i < part->rows; i++) {
        if (levels[i] == (uint32_t)c->leaf->max_def) {
            uint8_t v = dsi_bit_get(from, part->in->offset + part->from + i);
            dsi_bit_or(c->values.data, c->page_values, v);
            c->page_values++;
            seen |= 1u << v;
        }
    }
    for (uint8_t v = 0; v < 2; v++) {
        if (seen >> v & 1) {
            DSI_TRY(dsi_parquet_bounds_add(&c->bounds, c->order, (struct ds_slice){&v, 1},
                                           err));
        }
    }
    c->page_plain = c->values.size;
done:
    return rc;
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

static int take_bytes(const struct dsi_parquet_column_writer *c,
                      const struct dsi_parquet_part *part, size_t i, struct ds_slice *out,
                      struct ds_error *err)
{
    const struct dsi_parquet_input *in = part->in;
    int64_t start = offset_at(in, in->offset + part->from + i);
    int64_t end = offset_at(in, in->offset + part->from + i + 1);

    if (start < 0 || end < start || end - start > INT32_MAX) {
        return dsi_fail(err, DS_EINVALID, "column %s: offsets %lld and %lld in row %lld",
                        c->name, (long long)start, (long long)end,
                        (long long)part->row_base + (long long)(part->from + i));
    }
    *out =
        (struct ds_slice){end > start ? in->bytes + start : NULL, (size_t)(end - start)};
    return DS_OK;
}

static int put_bytes(struct dsi_parquet_column_writer *c, struct ds_slice v,
                     struct ds_error *err)
{
    int rc = DS_OK;

    DSI_TRY(dsi_buf_reserve(&c->values, 4 + v.size, err));
    dsi_put_le32(c->values.data + c->values.size, (uint32_t)v.size);
    if (v.size > 0) {
        memcpy(c->values.data + c->values.size + 4, v.data, v.size);
    }
    c->values.size += 4 + v.size;
    DSI_TRY(dsi_parquet_bounds_add(&c->bounds, c->order, v, err));
done:
    return rc;
}

// Row by row: a page ends after the value that fills it, however long the rows are.
static int append_bytes(struct dsi_parquet_column_writer *c,
                        const struct dsi_parquet_part *part, const uint32_t *levels,
                        size_t *rows, struct ds_error *err)
{
    int rc = DS_OK;

    assert(c->dict.width == 0);
    for (*rows = 0; *rows < part->rows; (*rows)++) {
        struct ds_slice v = {0};
        if (levels[*rows] != (uint32_t)c->leaf->max_def) {
            continue;
        }
        if ((c->indexed ? c->indices.size : c->values.size) >= c->options->page_bytes) {
            break;
        }
        DSI_TRY(take_bytes(c, part, *rows, &v, err));
        if (c->indexed) {
            size_t before = c->dict.count;
            uint32_t index = 0;
            DSI_TRY(dsi_parquet_dict_index(&c->dict, v, c->options->dictionary_bytes,
                                           &index, err));
            if (rc == DS_OK) {
                break;
            }
            if (c->dict.count > before) {
                DSI_TRY(dsi_parquet_bounds_add(&c->bounds, c->order, v, err));
            }
            DSI_TRY(dsi_buf_append(&c->indices, &index, sizeof index, err));
        } else {
            DSI_TRY(put_bytes(c, v, err));
        }
        c->page_values++;
        c->page_plain += 4 + v.size;
    }
    rc = DS_OK;
done:
    return rc;
}

// Appends at most a block to the page at hand; `*rows` were, fewer when the page is full
// or the dictionary is.
static int append_block(struct dsi_parquet_column_writer *c,
                        const struct dsi_parquet_part *part, size_t *rows,
                        struct ds_error *err)
{
    uint32_t levels[BLOCK];
    size_t present = 0;
    int rc = DS_OK;

    DSI_TRY(take_levels(c, part, levels, &present, err));
    switch (c->leaf->field.physical) {
    case DSI_PARQUET_BOOLEAN:
        *rows = part->rows;
        DSI_TRY(append_booleans(c, part, levels, present, err));
        break;
    case DSI_PARQUET_BYTE_ARRAY:
        DSI_TRY(append_bytes(c, part, levels, rows, err));
        break;
    default:
        DSI_TRY(append_fixed(c, part, levels, present, rows, err));
    }
    if (c->leaf->max_def > 0) {
        DSI_TRY(dsi_buf_append(&c->levels, levels, *rows * sizeof *levels, err));
    }
    c->page_rows += *rows;
done:
    return rc;
}

int dsi_parquet_column_append(struct dsi_parquet_column_writer *c,
                              struct dsi_parquet_part part, struct ds_error *err)
{
    int rc = DS_OK;

    while (part.rows > 0) {
        // (1) Blocks end at multiples of their size since the page began.
        struct dsi_parquet_part block = part;
        size_t room = c->options->page_rows - c->page_rows;
        size_t taken = 0;
        block.rows = BLOCK - c->page_rows % BLOCK;
        block.rows = block.rows < room ? block.rows : room;
        block.rows = block.rows < part.rows ? block.rows : part.rows;
        DSI_TRY(append_block(c, &block, &taken, err));
        part.from += taken;
        part.rows -= taken;
        if (page_is_full(c) &&
            (taken == 0 || c->page_rows % BLOCK == 0 ||
             c->page_rows == c->options->page_rows || taken < block.rows)) {
            DSI_TRY(end_page(c, err));
        } else if (taken < block.rows) { // The dictionary is full.
            assert(c->indexed);
            DSI_TRY(end_page(c, err));
            c->indexed = false;
        }
    }
done:
    return rc;
}

size_t dsi_parquet_column_size(const struct dsi_parquet_column_writer *c)
{
    size_t page = c->page_rows / 8;
    page += c->indexed ? c->page_values * 2 : c->values.size;
    page += c->indexed || c->indexed_pages > 0 ? c->dict.plain.size : 0;
    return c->pages.size + page;
}

static int end_dictionary(struct dsi_parquet_column_writer *c, struct dsi_buf *head,
                          struct ds_error *err)
{
    struct dsi_parquet_page page = {.type = DSI_PARQUET_PAGE_DICTIONARY,
                                    .value_count = (int32_t)c->dict.count,
                                    .encoding = DSI_PARQUET_PLAIN};

    head->size = 0;
    if (c->indexed_pages == 0) {
        return DS_OK;
    }
    return put_page(c, dsi_buf_slice(&c->dict.plain), &page, head, err);
}

static int copy_bound(struct dsi_arena *arena, bool has, struct ds_slice *bound,
                      struct ds_error *err)
{
    if (has && dsi_arena_copy(arena, *bound, bound) < 0) {
        return dsi_no_memory(err, "parquet statistics");
    }
    return DS_OK;
}

int dsi_parquet_column_end(struct dsi_parquet_column_writer *c, int64_t file_offset,
                           struct dsi_arena *arena, struct dsi_buf *head,
                           struct dsi_parquet_written *out, struct ds_error *err)
{
    int rc = DS_OK;

    DSI_TRY(end_page(c, err));
    DSI_TRY(end_dictionary(c, head, err));
    *out = (struct dsi_parquet_written){
        .offset = file_offset,
        .size = (int64_t)(head->size + c->pages.size),
        .uncompressed_size = c->uncompressed_size,
        .value_count = c->value_count,
        .data_offset = file_offset + (int64_t)head->size,
        .has_dictionary = head->size > 0,
        .indexed_pages = c->indexed_pages,
        .plain_pages = c->plain_pages,
    };
    DSI_TRY(dsi_parquet_bounds_store(&c->bounds, &c->leaf->field, c->options->bound_bytes,
                                     &c->scratch, &out->statistics, err));
    out->statistics.null_count = c->null_count;
    DSI_TRY(copy_bound(arena, out->statistics.has_min, &out->statistics.min, err));
    DSI_TRY(copy_bound(arena, out->statistics.has_max, &out->statistics.max, err));
    DSI_TRY(dsi_parquet_bounds_merge(&c->file_bounds, c->order, &c->bounds, err));
    c->summary.compressed_size += out->size;
    c->summary.value_count += c->value_count;
    c->summary.null_count += c->null_count;
done:
    return rc;
}
