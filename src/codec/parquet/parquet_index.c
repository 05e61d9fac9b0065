#include "codec/parquet/parquet_index.h"

#include <assert.h>
#include <string.h>

#include "base/error.h"
#include "codec/parquet/parquet_order.h"
#include "codec/thrift/thrift.h"

// Lists on the wire, before anybody compared their lengths.
struct int_list {
    int64_t *items;
    size_t count;
    bool there;
};

struct raw_bounds {
    bool *all_null;
    size_t all_null_count;
    struct ds_slice *min;
    size_t min_count;
    struct ds_slice *max;
    size_t max_count;
    int32_t boundary;
    struct int_list nulls;
    struct int_list nans;
    struct int_list reps;
    struct int_list defs;
};

struct parse {
    const struct dsi_parquet_node *leaf;
    const struct dsi_parquet_chunk *chunk;
    int64_t row_count;
    struct dsi_arena *arena;
    struct dsi_parquet_page_index *out;
    struct ds_error *err;
};

static int no_memory(struct parse *p)
{
    return dsi_no_memory(p->err, "a page index");
}

static int corrupt(struct parse *p, const char *what, size_t page)
{
    char name[128];

    dsi_parquet_path(p->leaf, name, sizeof name);
    return dsi_corrupt(p->err, "parquet page index: column %s, page %zu of %zu: %s", name,
                       page, p->out->page_count, what);
}

static int read_ints(struct parse *p, struct dsi_thrift_reader *r,
                     enum dsi_thrift_type type, struct int_list *out)
{
    struct dsi_thrift_list list = {0};
    int rc = DS_OK;

    DSI_TRY(dsi_thrift_list(r, type, DSI_THRIFT_I64, &list, p->err));
    out->items = dsi_arena_array(p->arena, list.count, sizeof *out->items);
    if (!out->items) {
        return no_memory(p);
    }
    for (size_t i = 0; i < list.count; i++) {
        DSI_TRY(dsi_thrift_i64(r, list.type, &out->items[i], p->err));
    }
    out->count = list.count;
    out->there = list.count > 0; // Some writers put an empty list for nothing.
done:
    return rc;
}

static int read_place(struct parse *p, struct dsi_thrift_reader *r,
                      struct dsi_parquet_page_place *out)
{
    struct dsi_thrift_field f = {0};
    int rc = DS_OK;

    *out = (struct dsi_parquet_page_place){.offset = -1, .size = -1, .first_row = -1};
    while ((rc = dsi_thrift_next(r, &f, p->err)) == DS_ROW) {
        if (f.id == 1) {
            DSI_TRY(dsi_thrift_i64(r, f.type, &out->offset, p->err));
        } else if (f.id == 2) {
            DSI_TRY(dsi_thrift_i32(r, f.type, &out->size, p->err));
        } else if (f.id == 3) {
            DSI_TRY(dsi_thrift_i64(r, f.type, &out->first_row, p->err));
        } else {
            DSI_TRY(dsi_thrift_skip(r, f.type, p->err));
        }
    }
done:
    return rc;
}

static int read_places(struct parse *p, struct dsi_thrift_reader *r,
                       enum dsi_thrift_type type)
{
    struct dsi_thrift_list list = {0};
    int rc = DS_OK;

    DSI_TRY(dsi_thrift_list(r, type, DSI_THRIFT_STRUCT, &list, p->err));
    p->out->places = dsi_arena_array(p->arena, list.count, sizeof *p->out->places);
    if (!p->out->places) {
        return no_memory(p);
    }
    p->out->page_count = list.count;
    for (size_t i = 0; i < list.count; i++) {
        DSI_TRY(read_place(p, r, &p->out->places[i]));
    }
done:
    return rc;
}

// (1), and how many rows each page has.
static int judge_places(struct parse *p, const struct int_list *byte_counts)
{
    size_t count = p->out->page_count;
    int64_t at = p->chunk->offset;
    int64_t end = p->chunk->offset + p->chunk->size; // Inside the file, so it fits.

    if (count == 0 && p->row_count > 0) {
        return corrupt(p, "no pages for its rows", 0);
    }
    if (byte_counts->there && byte_counts->count != count) {
        return corrupt(p, "byte counts of another number of pages", byte_counts->count);
    }
    for (size_t i = 0; i < count; i++) {
        struct dsi_parquet_page_place *page = &p->out->places[i];
        int64_t next = i + 1 < count ? page[1].first_row : p->row_count;
        if (page->offset < at || page->offset > end || page->size <= 0 ||
            page->size > end - page->offset) {
            return corrupt(p, "not inside its chunk, or over another page", i);
        }
        if (page->first_row < 0 || (i == 0 && page->first_row != 0) ||
            next <= page->first_row || next > p->row_count) {
            return corrupt(p, "its rows do not follow the page before", i);
        }
        at = page->offset + page->size;
        page->row_count = next - page->first_row;
        page->byte_count = byte_counts->there ? byte_counts->items[i] : -1;
        if (page->byte_count < -1) {
            return corrupt(p, "a negative size", i);
        }
    }
    return DS_OK;
}

static int parse_offsets(struct parse *p, struct ds_slice in)
{
    struct dsi_thrift_reader r;
    struct dsi_thrift_field f = {0};
    struct int_list byte_counts = {0};
    int rc = DS_OK;

    dsi_thrift_reader_init(&r, in, "parquet offset index");
    while ((rc = dsi_thrift_next(&r, &f, p->err)) == DS_ROW) {
        if (f.id == 1) {
            DSI_TRY(read_places(p, &r, f.type));
        } else if (f.id == 2) {
            DSI_TRY(read_ints(p, &r, f.type, &byte_counts));
        } else {
            DSI_TRY(dsi_thrift_skip(&r, f.type, p->err));
        }
    }
    DSI_TRY(rc);
    DSI_TRY(judge_places(p, &byte_counts));
done:
    return rc;
}

static int read_bools(struct parse *p, struct dsi_thrift_reader *r,
                      enum dsi_thrift_type type, struct raw_bounds *out)
{
    struct dsi_thrift_list list = {0};
    int rc = DS_OK;

    DSI_TRY(dsi_thrift_list(r, type, DSI_THRIFT_TRUE, &list, p->err));
    out->all_null = dsi_arena_array(p->arena, list.count, sizeof *out->all_null);
    if (!out->all_null) {
        return no_memory(p);
    }
    out->all_null_count = list.count;
    for (size_t i = 0; i < list.count; i++) {
        DSI_TRY(dsi_thrift_bool_element(r, &out->all_null[i], p->err));
    }
done:
    return rc;
}

static int read_slices(struct parse *p, struct dsi_thrift_reader *r,
                       enum dsi_thrift_type type, struct ds_slice **out, size_t *count)
{
    struct dsi_thrift_list list = {0};
    int rc = DS_OK;

    DSI_TRY(dsi_thrift_list(r, type, DSI_THRIFT_BINARY, &list, p->err));
    *out = dsi_arena_array(p->arena, list.count, sizeof **out);
    if (!*out) {
        return no_memory(p);
    }
    *count = list.count;
    for (size_t i = 0; i < list.count; i++) {
        DSI_TRY(dsi_thrift_binary(r, list.type, &(*out)[i], p->err));
    }
done:
    return rc;
}

static int read_bounds_field(struct parse *p, struct dsi_thrift_reader *r,
                             const struct dsi_thrift_field *f, struct raw_bounds *out)
{
    switch (f->id) {
    case 1:
        return read_bools(p, r, f->type, out);
    case 2:
        return read_slices(p, r, f->type, &out->min, &out->min_count);
    case 3:
        return read_slices(p, r, f->type, &out->max, &out->max_count);
    case 4:
        return dsi_thrift_i32(r, f->type, &out->boundary, p->err);
    case 5:
        return read_ints(p, r, f->type, &out->nulls);
    case 6:
        return read_ints(p, r, f->type, &out->reps);
    case 7:
        return read_ints(p, r, f->type, &out->defs);
    case 8:
        return read_ints(p, r, f->type, &out->nans);
    default:
        return dsi_thrift_skip(r, f->type, p->err);
    }
}

static bool has_length(const struct int_list *l, size_t pages, size_t each)
{
    return !l->there || (l->count % each == 0 && l->count / each == pages);
}

static bool has_negative(const struct int_list *l)
{
    for (size_t i = 0; i < l->count; i++) {
        if (l->items[i] < 0) {
            return true;
        }
    }
    return false;
}

static int judge_lengths(struct parse *p, const struct raw_bounds *raw)
{
    size_t pages = p->out->page_count;

    if (raw->all_null_count != pages || raw->min_count != pages ||
        raw->max_count != pages || !has_length(&raw->nulls, pages, 1) ||
        !has_length(&raw->nans, pages, 1) ||
        !has_length(&raw->reps, pages, (size_t)p->leaf->max_rep + 1) ||
        !has_length(&raw->defs, pages, (size_t)p->leaf->max_def + 1)) {
        return corrupt(p, "the column index is of another number of pages",
                       raw->all_null_count);
    }
    if (has_negative(&raw->nulls) || has_negative(&raw->nans) ||
        has_negative(&raw->reps) || has_negative(&raw->defs)) {
        return corrupt(p, "a negative count in the column index", 0);
    }
    return DS_OK;
}

// What of one page may be believed (2).
static int judge_page(struct parse *p, const struct raw_bounds *raw, size_t i,
                      struct dsi_parquet_page_bounds *out)
{
    struct dsi_parquet_raw_statistics s = {.s = {.has_min = !raw->all_null[i],
                                                 .has_max = !raw->all_null[i],
                                                 .min = raw->min[i],
                                                 .max = raw->max[i]}};
    struct dsi_parquet_statistics t =
        dsi_parquet_statistics_trust(&s, &p->leaf->field, p->chunk->order);
    int64_t rows = p->out->places[i].row_count;

    *out = (struct dsi_parquet_page_bounds){
        .all_null = raw->all_null[i],
        .has_min = t.has_min,
        .has_max = t.has_max,
        .min = t.min,
        .max = t.max,
        .null_count = raw->nulls.there ? raw->nulls.items[i] : -1,
        .nan_count = raw->nans.there ? raw->nans.items[i] : -1,
    };
    if (p->leaf->max_rep == 0 &&
        (out->null_count > rows || out->nan_count > rows ||
         (out->all_null && out->null_count >= 0 && out->null_count != rows) ||
         (!out->all_null && out->null_count == rows))) {
        return corrupt(p, "its counts of nulls and NaNs are not those of its rows", i);
    }
    return DS_OK;
}

static int parse_bounds(struct parse *p, struct ds_slice in)
{
    struct dsi_thrift_reader r;
    struct dsi_thrift_field f = {0};
    struct raw_bounds raw = {0};
    struct dsi_parquet_page_bounds *bounds = NULL;
    int rc = DS_OK;

    if (dsi_arena_copy(p->arena, in, &in) < 0) { // The bounds point into it.
        return no_memory(p);
    }
    dsi_thrift_reader_init(&r, in, "parquet column index");
    while ((rc = dsi_thrift_next(&r, &f, p->err)) == DS_ROW) {
        DSI_TRY(read_bounds_field(p, &r, &f, &raw));
    }
    DSI_TRY(rc);
    DSI_TRY(judge_lengths(p, &raw));
    bounds = dsi_arena_array(p->arena, p->out->page_count + 1, sizeof *bounds);
    if (!bounds) {
        return no_memory(p);
    }
    for (size_t i = 0; i < p->out->page_count; i++) {
        DSI_TRY(judge_page(p, &raw, i, &bounds[i]));
    }
    p->out->bounds = bounds;
    p->out->boundary = raw.boundary == 1   ? DSI_PARQUET_ASCENDING
                       : raw.boundary == 2 ? DSI_PARQUET_DESCENDING
                                           : DSI_PARQUET_UNORDERED;
    p->out->rep_histograms = raw.reps.there ? raw.reps.items : NULL;
    p->out->def_histograms = raw.defs.there ? raw.defs.items : NULL;
done:
    return rc;
}

int dsi_parquet_page_index_parse(const struct dsi_parquet_node *leaf,
                                 const struct dsi_parquet_chunk *chunk,
                                 struct ds_slice offset_index,
                                 struct ds_slice column_index, struct dsi_arena *arena,
                                 struct dsi_parquet_page_index *out, struct ds_error *err)
{
    struct parse p = {leaf, chunk, chunk->row_count, arena, out, err};
    int rc = DS_OK;

    *out = (struct dsi_parquet_page_index){0};
    DSI_TRY(parse_offsets(&p, offset_index));
    if (column_index.size > 0) {
        DSI_TRY(parse_bounds(&p, column_index));
    }
done:
    return rc;
}

int dsi_parquet_offset_index_write(const struct dsi_parquet_page_index *index,
                                   struct dsi_buf *out, struct ds_error *err)
{
    struct dsi_thrift_writer w;
    bool has_bytes = index->page_count > 0;

    dsi_thrift_writer_begin(&w, out, err);
    dsi_thrift_write_list(&w, 1, DSI_THRIFT_STRUCT, index->page_count);
    for (size_t i = 0; i < index->page_count; i++) {
        const struct dsi_parquet_page_place *page = &index->places[i];
        dsi_thrift_element_struct(&w);
        dsi_thrift_write_i64(&w, 1, page->offset);
        dsi_thrift_write_i32(&w, 2, page->size);
        dsi_thrift_write_i64(&w, 3, page->first_row);
        dsi_thrift_write_struct_end(&w);
        has_bytes = has_bytes && page->byte_count >= 0;
    }
    if (has_bytes) {
        dsi_thrift_write_list(&w, 2, DSI_THRIFT_I64, index->page_count);
        for (size_t i = 0; i < index->page_count; i++) {
            dsi_thrift_element_i64(&w, index->places[i].byte_count);
        }
    }
    return dsi_thrift_writer_end(&w);
}

bool dsi_parquet_column_index_possible(const struct dsi_parquet_page_index *index)
{
    for (size_t i = 0; index->bounds && i < index->page_count; i++) {
        const struct dsi_parquet_page_bounds *b = &index->bounds[i];
        if (!b->all_null && (!b->has_min || !b->has_max)) {
            return false;
        }
    }
    return index->bounds != NULL;
}

static void write_histograms(struct dsi_thrift_writer *w, int32_t id,
                             const int64_t *counts, size_t count)
{
    if (counts) {
        dsi_thrift_write_list(w, id, DSI_THRIFT_I64, count);
        for (size_t i = 0; i < count; i++) {
            dsi_thrift_element_i64(w, counts[i]);
        }
    }
}

static void write_bounds(struct dsi_thrift_writer *w,
                         const struct dsi_parquet_page_index *index)
{
    const struct ds_slice none = {NULL, 0};

    dsi_thrift_write_list(w, 1, DSI_THRIFT_TRUE, index->page_count);
    for (size_t i = 0; i < index->page_count; i++) {
        dsi_thrift_element_bool(w, index->bounds[i].all_null);
    }
    dsi_thrift_write_list(w, 2, DSI_THRIFT_BINARY, index->page_count);
    for (size_t i = 0; i < index->page_count; i++) {
        const struct dsi_parquet_page_bounds *b = &index->bounds[i];
        dsi_thrift_element_binary(w, b->all_null ? none : b->min);
    }
    dsi_thrift_write_list(w, 3, DSI_THRIFT_BINARY, index->page_count);
    for (size_t i = 0; i < index->page_count; i++) {
        const struct dsi_parquet_page_bounds *b = &index->bounds[i];
        dsi_thrift_element_binary(w, b->all_null ? none : b->max);
    }
    dsi_thrift_write_i32(w, 4, (int32_t)index->boundary);
}

int dsi_parquet_column_index_write(const struct dsi_parquet_node *leaf,
                                   const struct dsi_parquet_page_index *index,
                                   struct dsi_buf *out, struct ds_error *err)
{
    size_t count = index->page_count;
    bool has_nulls = true;
    bool has_nans = leaf->field.physical == DSI_PARQUET_FLOAT ||
                    leaf->field.physical == DSI_PARQUET_DOUBLE ||
                    leaf->field.logical.kind == DSI_PARQUET_LOGICAL_FLOAT16;
    struct dsi_thrift_writer w;

    assert(dsi_parquet_column_index_possible(index));
    for (size_t i = 0; i < count; i++) {
        has_nulls = has_nulls && index->bounds[i].null_count >= 0;
        has_nans = has_nans && index->bounds[i].nan_count >= 0;
    }
    dsi_thrift_writer_begin(&w, out, err);
    write_bounds(&w, index);
    if (has_nulls) {
        dsi_thrift_write_list(&w, 5, DSI_THRIFT_I64, count);
        for (size_t i = 0; i < count; i++) {
            dsi_thrift_element_i64(&w, index->bounds[i].null_count);
        }
    }
    write_histograms(&w, 6, index->rep_histograms, count * ((size_t)leaf->max_rep + 1));
    write_histograms(&w, 7, index->def_histograms, count * ((size_t)leaf->max_def + 1));
    if (has_nans) {
        dsi_thrift_write_list(&w, 8, DSI_THRIFT_I64, count);
        for (size_t i = 0; i < count; i++) {
            dsi_thrift_element_i64(&w, index->bounds[i].nan_count);
        }
    }
    return dsi_thrift_writer_end(&w);
}
