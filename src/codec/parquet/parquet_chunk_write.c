#include "codec/parquet/parquet_chunk_write.h"

#include <assert.h>
#include <stddef.h>
#include <string.h>

#include "base/error.h"

#define BLOOM_FPP 0.01
#define BLOOM_BYTES ((size_t)1 << 20)

// Of a chunk the footer says 512 at most; the rest stands for the time to begin with it.
enum { CHUNK_BYTES = 2048 };

static void clear_histograms(struct dsi_parquet_chunk_writer *k)
{
    memset(k->rep_histogram, 0, ((size_t)k->leaf->max_rep + 1) * sizeof(int64_t));
    memset(k->def_histogram, 0, ((size_t)k->leaf->max_def + 1) * sizeof(int64_t));
}

void dsi_parquet_chunk_writer_init(struct dsi_parquet_chunk_writer *k,
                                   const struct dsi_parquet_node *leaf,
                                   const struct dsi_parquet_write_options *options,
                                   struct dsi_parquet_tools *tools)
{
    memset(k, 0, offsetof(struct dsi_parquet_chunk_writer, rep_histogram));
    k->leaf = leaf;
    clear_histograms(k);
    k->options = options;
    k->codec = options->codec;
    k->tools = tools;
    dsi_parquet_page_log_init(&k->log, leaf, options->bound_bytes);
    k->order = dsi_parquet_order_of(&leaf->field);
    dsi_parquet_path(leaf, k->name, sizeof k->name);
}

void dsi_parquet_chunk_writer_release(struct dsi_parquet_chunk_writer *k)
{
    dsi_parquet_pile_release(&k->pages);
    dsi_parquet_page_log_release(&k->log);
    dsi_parquet_bloom_release(&k->bloom);
    dsi_parquet_bounds_release(&k->page.bounds);
    dsi_parquet_bounds_release(&k->bounds);
    dsi_parquet_bounds_release(&k->file_bounds);
}

void dsi_parquet_chunk_next(struct dsi_parquet_chunk_writer *k)
{
    dsi_parquet_pile_reset(&k->pages);
    k->codec = k->options->codec;
    k->uncompressed_size = 0;
    k->value_count = 0;
    k->null_count = 0;
    k->row_count = 0;
    k->byte_count = 0;
    memset(k->page_counts, 0, sizeof k->page_counts);
    clear_histograms(k);
    dsi_parquet_bounds_reset(&k->bounds);
    dsi_parquet_page_log_reset(&k->log);
    dsi_parquet_bloom_release(&k->bloom);
}

// Appends a page's header to `out`, and counts the page.
static int put_header(struct dsi_parquet_chunk_writer *k,
                      const struct dsi_parquet_sheet *sheet, struct dsi_buf *out,
                      struct ds_error *err)
{
    size_t before = out->size;
    int rc = DS_OK;

    DSI_TRY(dsi_parquet_page_write(&sheet->page, out, err));
    k->uncompressed_size += (int64_t)(out->size - before + sheet->raw.size);
done:
    return rc;
}

// The press's: a page of this chunk is compressed.
static int take_page(struct dsi_parquet_sheet *sheet, int rc, struct ds_error *err)
{
    struct dsi_parquet_chunk_writer *k = sheet->chunk;
    struct dsi_buf *header = &k->tools->compressed;
    size_t offset = k->pages.size;

    DSI_TRY(rc);
    header->size = 0;
    DSI_TRY(put_header(k, sheet, header, err));
    DSI_TRY(dsi_parquet_pile_append(&k->pages, dsi_buf_slice(header), err));
    DSI_TRY(dsi_parquet_pile_append(&k->pages, dsi_parquet_sheet_body(sheet), err));
    sheet->taken = k->pages.size - offset;
    dsi_parquet_page_log_place(&k->log, sheet->number, offset, sheet->taken);
done:
    return rc < 0 ? dsi_wrap(err, rc, "column %s", k->name) : rc;
}

static int put_levels(struct dsi_parquet_chunk_writer *k,
                      const struct dsi_parquet_page_parts *parts, struct dsi_buf *out,
                      struct ds_error *err)
{
    int rc = DS_OK;

    DSI_TRY(dsi_parquet_page_log_levels(&k->log, parts->reps, parts->defs, err));
    for (uint32_t i = 0; i <= parts->reps->max; i++) {
        k->rep_histogram[i] += parts->reps->histogram[i];
    }
    for (uint32_t i = 0; i <= parts->defs->max; i++) {
        k->def_histogram[i] += parts->defs->histogram[i];
    }
    DSI_TRY(dsi_parquet_levels_end(parts->reps, out, err));
    DSI_TRY(dsi_parquet_levels_end(parts->defs, out, err));
done:
    return rc;
}

// Notes a page, but for its place among the chunk's.
static int note_page(struct dsi_parquet_chunk_writer *k,
                     const struct dsi_parquet_page_parts *parts, struct ds_error *err)
{
    bool bytes = k->leaf->field.physical == DSI_PARQUET_BYTE_ARRAY;
    const struct dsi_parquet_page_place place = {.first_row = k->row_count,
                                                 .row_count = (int64_t)parts->rows,
                                                 .byte_count =
                                                     bytes ? k->page.byte_count : -1};
    int rc = DS_OK;

    DSI_TRY(dsi_parquet_page_log_add(&k->log, &place, &k->page.bounds, parts->slots,
                                     k->page.count, err));
    k->row_count += (int64_t)parts->rows;
    k->value_count += (int64_t)parts->slots;
    k->null_count += (int64_t)(parts->slots - k->page.count);
    k->byte_count += k->page.byte_count;
    k->page_counts[k->page.encoding]++;
    DSI_TRY(dsi_parquet_bounds_merge(&k->bounds, k->order, &k->page.bounds, err));
done:
    return rc;
}

static const struct dsi_parquet_leaf_options *
leaf_options(const struct dsi_parquet_chunk_writer *k)
{
    static const struct dsi_parquet_leaf_options none = {0};
    return k->options->leaves ? &k->options->leaves[k->leaf->leaf] : &none;
}

static double bloom_rate(const struct dsi_parquet_chunk_writer *k)
{
    double fpp = leaf_options(k)->bloom_fpp;
    return fpp == 0 ? BLOOM_FPP : fpp;
}

// Before the values are counted, a filter is as large as it may be.
static int begin_bloom(struct dsi_parquet_chunk_writer *k, struct ds_error *err)
{
    const struct dsi_parquet_leaf_options *o = leaf_options(k);
    int64_t distinct = o->bloom_distinct > 0 ? o->bloom_distinct : INT64_MAX;
    int rc = DS_OK;

    k->page.bloom = NULL;
    if (!o->bloom_filter || k->leaf->field.physical == DSI_PARQUET_BOOLEAN) {
        return DS_OK;
    }
    if (!k->bloom.blocks) {
        DSI_TRY(dsi_parquet_bloom_new(
            distinct, bloom_rate(k),
            o->bloom_bytes_max ? o->bloom_bytes_max : BLOOM_BYTES, &k->bloom, err));
    }
    k->page.bloom = &k->bloom;
done:
    return rc < 0 ? dsi_wrap(err, rc, "column %s", k->name) : rc;
}

int dsi_parquet_chunk_page(struct dsi_parquet_chunk_writer *k,
                           const struct dsi_parquet_page_parts *parts,
                           struct ds_error *err)
{
    struct dsi_parquet_tools *t = k->tools;
    struct dsi_parquet_sheet *sheet = NULL;
    int rc = DS_OK;

    assert(parts->slots >= parts->rows && parts->rows > 0);
    if (parts->slots > INT32_MAX) {
        return dsi_fail(err, DS_EUNSUPPORTED, "column %s: a page of %zu values", k->name,
                        parts->slots);
    }
    DSI_TRY(dsi_parquet_press_sheet(&t->press, &t->compressor, &sheet, err));
    DSI_TRY(put_levels(k, parts, &sheet->raw, err));
    DSI_TRY(begin_bloom(k, err));
    DSI_TRY(dsi_parquet_values_end(parts->values, t, &sheet->raw, &k->page, err));
    if (parts->last && k->log.count == 0 && sheet->raw.size <= DSI_PARQUET_SMALL &&
        k->page.encoding != DSI_PARQUET_RLE_DICTIONARY) {
        k->codec = DSI_COMPRESSION_NONE;
    }
    sheet->codec = k->codec;
    sheet->level = k->page.level;
    sheet->page = (struct dsi_parquet_page){.type = DSI_PARQUET_PAGE_DATA,
                                            .value_count = (int32_t)parts->slots,
                                            .encoding = k->page.encoding,
                                            .def_encoding = DSI_PARQUET_RLE,
                                            .rep_encoding = DSI_PARQUET_RLE};
    sheet->chunk = k;
    sheet->number = k->log.count;
    sheet->take = take_page;
    DSI_TRY(note_page(k, parts, err));
    DSI_TRY(dsi_parquet_press_put(&t->press, &t->compressor, err));
done:
    return rc;
}

size_t dsi_parquet_chunk_loss(const struct dsi_parquet_chunk_writer *k)
{
    // Made for as many values as are seen, a filter of fewer is smaller.
    return CHUNK_BYTES + (leaf_options(k)->bloom_distinct > 0 ? k->bloom.size : 0);
}

static int end_dictionary(struct dsi_parquet_chunk_writer *k,
                          const struct dsi_parquet_dict *dict, struct dsi_buf *head,
                          struct ds_error *err)
{
    const struct dsi_parquet_write_options *o = k->options;
    struct dsi_parquet_sheet *sheet = &k->tools->press.alone;
    struct ds_slice body;
    int rc = DS_OK;

    head->size = 0;
    if (k->page_counts[DSI_PARQUET_RLE_DICTIONARY] == 0) {
        return DS_OK;
    }
    sheet->raw.size = 0;
    sheet->codec = o->codec;
    sheet->level = o->has_level ? o->level : DSI_COMPRESSION_LEVEL_DEFAULT;
    sheet->page = (struct dsi_parquet_page){.type = DSI_PARQUET_PAGE_DICTIONARY,
                                            .value_count = (int32_t)dict->count,
                                            .encoding = DSI_PARQUET_PLAIN};
    DSI_TRY(dsi_buf_append(&sheet->raw, dict->plain.data, dict->plain.size, err));
    DSI_TRY(dsi_parquet_press_one(sheet, &k->tools->compressor, err));
    DSI_TRY(put_header(k, sheet, head, err));
    body = dsi_parquet_sheet_body(sheet);
    DSI_TRY(dsi_buf_append(head, body.data, body.size, err));
done:
    return rc < 0 ? dsi_wrap(err, rc, "column %s", k->name) : rc;
}

static int copy_bound(struct dsi_arena *arena, bool has, struct ds_slice *bound,
                      struct ds_error *err)
{
    if (has && dsi_arena_copy(arena, *bound, bound) < 0) {
        return dsi_no_memory(err, "parquet statistics");
    }
    return DS_OK;
}

static int copy_histogram(const int64_t *from, int32_t max, struct dsi_arena *arena,
                          const int64_t **out, struct ds_error *err)
{
    int64_t *to = dsi_arena_array(arena, (size_t)max + 1, sizeof *to);

    if (!to) {
        return dsi_no_memory(err, "parquet statistics");
    }
    memcpy(to, from, ((size_t)max + 1) * sizeof *to);
    *out = to;
    return DS_OK;
}

static int end_sizes(const struct dsi_parquet_chunk_writer *k, struct dsi_arena *arena,
                     struct dsi_parquet_written *out, struct ds_error *err)
{
    bool bytes = k->leaf->field.physical == DSI_PARQUET_BYTE_ARRAY;
    int rc = DS_OK;

    out->byte_count = bytes ? k->byte_count : -1;
    if (k->leaf->max_rep > 0) {
        DSI_TRY(copy_histogram(k->rep_histogram, k->leaf->max_rep, arena,
                               &out->rep_histogram, err));
    }
    if (k->leaf->max_def > 1) {
        DSI_TRY(copy_histogram(k->def_histogram, k->leaf->max_def, arena,
                               &out->def_histogram, err));
    }
done:
    return rc;
}

int dsi_parquet_chunk_end(struct dsi_parquet_chunk_writer *k,
                          const struct dsi_parquet_dict *dict, int64_t file_offset,
                          struct dsi_arena *arena, struct dsi_buf *head,
                          struct dsi_parquet_written *out, struct ds_error *err)
{
    int rc = DS_OK;

    DSI_TRY(end_dictionary(k, dict, head, err));
    *out = (struct dsi_parquet_written){
        .codec = k->codec,
        .offset = file_offset,
        .size = (int64_t)(head->size + k->pages.size),
        .uncompressed_size = k->uncompressed_size,
        .value_count = k->value_count,
        .data_offset = file_offset + (int64_t)head->size,
        .has_dictionary = head->size > 0,
    };
    memcpy(out->pages, k->page_counts, sizeof out->pages);
    DSI_TRY(dsi_parquet_bounds_store(&k->bounds, &k->leaf->field, k->options->bound_bytes,
                                     &k->tools->compressed, &out->statistics, err));
    out->statistics.null_count = k->null_count;
    DSI_TRY(end_sizes(k, arena, out, err));
    DSI_TRY(copy_bound(arena, out->statistics.has_min, &out->statistics.min, err));
    DSI_TRY(copy_bound(arena, out->statistics.has_max, &out->statistics.max, err));
    DSI_TRY(dsi_parquet_bounds_merge(&k->file_bounds, k->order, &k->bounds, err));
    k->summary.compressed_size += out->size;
    k->summary.value_count += k->value_count;
    k->summary.null_count += k->null_count;
done:
    return rc;
}

int dsi_parquet_chunk_bloom(struct dsi_parquet_chunk_writer *k, int64_t file_offset,
                            struct dsi_parquet_written *written, struct dsi_buf *out,
                            struct ds_error *err)
{
    int rc = DS_OK;

    out->size = 0;
    if (!k->bloom.blocks) {
        return DS_OK;
    }
    if (leaf_options(k)->bloom_distinct == 0) {
        dsi_parquet_bloom_fold(&k->bloom, bloom_rate(k));
    }
    DSI_TRY(dsi_parquet_bloom_write(&k->bloom, out, err));
    written->bloom_offset = file_offset;
    written->bloom_size = (int32_t)out->size;
done:
    return rc;
}

int dsi_parquet_chunk_indexes(struct dsi_parquet_chunk_writer *k,
                              struct dsi_parquet_written *written,
                              struct dsi_buf *column_indexes,
                              struct dsi_buf *offset_indexes, struct ds_error *err)
{
    size_t columns = column_indexes->size;
    size_t offsets = offset_indexes->size;
    int rc = DS_OK;

    DSI_TRY(dsi_parquet_page_log_write(&k->log, written->data_offset, column_indexes,
                                       offset_indexes, err));
    columns = column_indexes->size - columns;
    offsets = offset_indexes->size - offsets;
    if (columns > INT32_MAX || offsets > INT32_MAX) {
        return dsi_fail(err, DS_EUNSUPPORTED, "column %s: an index of %zu bytes", k->name,
                        columns > offsets ? columns : offsets);
    }
    written->column_index_size = (int32_t)columns;
    written->offset_index_size = (int32_t)offsets;
done:
    return rc;
}
