#include "codec/parquet/parquet.h"

// FileMetaData on the wire, read. parquet.thrift, FileMetaData and what is in it.
#include <assert.h>
#include <string.h>

#include "base/error.h"
#include "base/text.h"
#include "codec/parquet/parquet_bytes.h"
#include "codec/parquet/parquet_order.h"
#include "codec/parquet/parquet_page.h"
#include "codec/parquet/parquet_schema.h"

// A column chunk as it stands in the file: judged once the whole footer is known, since
// the schema and the column orders may follow it.
struct raw_chunk {
    struct dsi_parquet_chunk c;
    struct dsi_parquet_raw_statistics statistics;
    int32_t type;
    int64_t data_offset;
    int64_t dictionary_offset;
    bool has_meta;
    bool encrypted;
    bool elsewhere; // In another file.
};

struct raw_group {
    struct dsi_parquet_row_group g;
    struct raw_chunk *chunks;
    size_t chunk_count;
};

struct parse {
    struct dsi_thrift_reader r;
    struct dsi_parquet_file *file;
    struct dsi_arena *arena; // The file's.
    struct dsi_parquet_field *elements;
    size_t element_count;
    struct raw_group *groups;
    size_t group_count;
    enum dsi_parquet_column_order *orders;
    size_t order_count;
    int64_t data_end; // Where the footer starts in the file.
    struct ds_error *err;
};

static void *take_array(struct parse *p, size_t count, size_t size)
{
    return dsi_arena_array(p->arena, count, size);
}

static int no_memory(struct parse *p)
{
    return dsi_no_memory(p->err, "a parquet footer");
}

static int copy_text(struct parse *p, enum dsi_thrift_type type, const char **out)
{
    struct ds_slice text = {0};
    int rc = dsi_thrift_binary(&p->r, type, &text, p->err);

    if (rc == DS_OK) {
        *out = dsi_arena_strndup(p->arena, (const char *)text.data, text.size);
        if (!*out) {
            return no_memory(p);
        }
    }
    return rc;
}

int dsi_parquet_statistics_read(struct dsi_thrift_reader *r,
                                struct dsi_parquet_raw_statistics *out,
                                struct ds_error *err)
{
    struct dsi_thrift_field f = {0};
    struct dsi_parquet_statistics *s = &out->s;
    int rc = DS_OK;

    while ((rc = dsi_thrift_next(r, &f, err)) == DS_ROW) {
        switch (f.id) {
        case 1:
            out->has_old_max = true;
            DSI_TRY(dsi_thrift_binary(r, f.type, &out->old_max, err));
            break;
        case 2:
            out->has_old_min = true;
            DSI_TRY(dsi_thrift_binary(r, f.type, &out->old_min, err));
            break;
        case 3:
            DSI_TRY(dsi_thrift_i64(r, f.type, &s->null_count, err));
            break;
        case 4:
            DSI_TRY(dsi_thrift_i64(r, f.type, &s->distinct_count, err));
            break;
        case 5:
            s->has_max = true;
            DSI_TRY(dsi_thrift_binary(r, f.type, &s->max, err));
            break;
        case 6:
            s->has_min = true;
            DSI_TRY(dsi_thrift_binary(r, f.type, &s->min, err));
            break;
        case 7:
            DSI_TRY(dsi_thrift_bool(r, f.type, &s->max_exact, err));
            break;
        case 8:
            DSI_TRY(dsi_thrift_bool(r, f.type, &s->min_exact, err));
            break;
        case 9:
            DSI_TRY(dsi_thrift_i64(r, f.type, &s->nan_count, err));
            break;
        default:
            DSI_TRY(dsi_thrift_skip(r, f.type, err));
        }
    }
done:
    return rc;
}

static int read_encodings(struct parse *p, enum dsi_thrift_type type, uint32_t *out)
{
    struct dsi_thrift_list list = {0};
    int rc = DS_OK;

    DSI_TRY(dsi_thrift_list(&p->r, type, DSI_THRIFT_I32, &list, p->err));
    for (size_t i = 0; i < list.count; i++) {
        int32_t encoding = 0;
        DSI_TRY(dsi_thrift_i32(&p->r, list.type, &encoding, p->err));
        if (encoding >= 0 && encoding < 32) {
            *out |= (uint32_t)1 << encoding;
        }
    }
done:
    return rc;
}

// One PageEncodingStats: `*indexed` and `*other` are about data pages.
static int read_page_encodings(struct parse *p, bool *indexed, bool *other)
{
    struct dsi_thrift_field f = {0};
    int32_t type = -1;
    int32_t encoding = -1;
    int32_t count = 0;
    int rc = DS_OK;

    while ((rc = dsi_thrift_next(&p->r, &f, p->err)) == DS_ROW) {
        int32_t *number = f.id == 1   ? &type
                          : f.id == 2 ? &encoding
                          : f.id == 3 ? &count
                                      : NULL;
        DSI_TRY(number ? dsi_thrift_i32(&p->r, f.type, number, p->err)
                       : dsi_thrift_skip(&p->r, f.type, p->err));
    }
    DSI_TRY(rc);
    if (type != DSI_PARQUET_PAGE_DICTIONARY && type != DSI_PARQUET_PAGE_INDEX) {
        bool by_dictionary = encoding == DSI_PARQUET_PLAIN_DICTIONARY ||
                             encoding == DSI_PARQUET_RLE_DICTIONARY;
        *(by_dictionary ? indexed : other) = true;
    }
done:
    return rc;
}

static int read_encoding_stats(struct parse *p, enum dsi_thrift_type type, bool *out)
{
    struct dsi_thrift_list list = {0};
    bool indexed = false;
    bool other = false;
    int rc = DS_OK;

    DSI_TRY(dsi_thrift_list(&p->r, type, DSI_THRIFT_STRUCT, &list, p->err));
    for (size_t i = 0; i < list.count; i++) {
        DSI_TRY(read_page_encodings(p, &indexed, &other));
    }
    *out = indexed && !other;
done:
    return rc;
}

static int read_meta_field(struct parse *p, const struct dsi_thrift_field *f,
                           struct raw_chunk *out)
{
    struct dsi_thrift_reader *r = &p->r;
    int32_t codec = 0;
    int rc = DS_OK;

    switch (f->id) {
    case 1:
        return dsi_thrift_i32(r, f->type, &out->type, p->err);
    case 2:
        return read_encodings(p, f->type, &out->c.encodings);
    case 4:
        DSI_TRY(dsi_thrift_i32(r, f->type, &codec, p->err));
        out->c.codec = (enum dsi_parquet_codec)codec;
        return DS_OK;
    case 5:
        return dsi_thrift_i64(r, f->type, &out->c.value_count, p->err);
    case 6:
        return dsi_thrift_i64(r, f->type, &out->c.uncompressed_size, p->err);
    case 7:
        return dsi_thrift_i64(r, f->type, &out->c.size, p->err);
    case 9:
        return dsi_thrift_i64(r, f->type, &out->data_offset, p->err);
    case 11:
        return dsi_thrift_i64(r, f->type, &out->dictionary_offset, p->err);
    case 12:
        DSI_TRY(dsi_thrift_struct(r, f->type, p->err));
        return dsi_parquet_statistics_read(r, &out->statistics, p->err);
    case 13:
        return f->type == DSI_THRIFT_LIST
                   ? read_encoding_stats(p, f->type, &out->c.all_indexed)
                   : dsi_thrift_skip(r, f->type, p->err);
    case 14:
    case 15: // Before the format had them, forks used these numbers for other things.
        if (f->type == DSI_THRIFT_I64 && f->id == 14) {
            return dsi_thrift_i64(r, f->type, &out->c.bloom_filter_offset, p->err);
        }
        if (f->type == DSI_THRIFT_I32 && f->id == 15) {
            return dsi_thrift_i32(r, f->type, &out->c.bloom_filter_size, p->err);
        }
        return dsi_thrift_skip(r, f->type, p->err);
    default:
        return dsi_thrift_skip(r, f->type, p->err);
    }
done:
    return rc;
}

static int read_meta(struct parse *p, enum dsi_thrift_type type, struct raw_chunk *out)
{
    struct dsi_thrift_field f = {0};
    int rc = DS_OK;

    DSI_TRY(dsi_thrift_struct(&p->r, type, p->err));
    out->has_meta = true;
    while ((rc = dsi_thrift_next(&p->r, &f, p->err)) == DS_ROW) {
        DSI_TRY(read_meta_field(p, &f, out));
    }
done:
    return rc;
}

static int read_chunk(struct parse *p, struct raw_chunk *out)
{
    struct dsi_thrift_field f = {0};
    struct dsi_thrift_reader *r = &p->r;
    struct ds_slice path = {0};
    int rc = DS_OK;

    out->type = -1;
    out->statistics.s.null_count = -1;
    out->statistics.s.nan_count = -1;
    out->statistics.s.distinct_count = -1;
    while ((rc = dsi_thrift_next(r, &f, p->err)) == DS_ROW) {
        switch (f.id) {
        case 1:
            DSI_TRY(dsi_thrift_binary(r, f.type, &path, p->err));
            out->elsewhere = path.size > 0;
            break;
        case 3:
            DSI_TRY(read_meta(p, f.type, out));
            break;
        case 4:
            DSI_TRY(dsi_thrift_i64(r, f.type, &out->c.offset_index_offset, p->err));
            break;
        case 5:
            DSI_TRY(dsi_thrift_i32(r, f.type, &out->c.offset_index_size, p->err));
            break;
        case 6:
            DSI_TRY(dsi_thrift_i64(r, f.type, &out->c.column_index_offset, p->err));
            break;
        case 7:
            DSI_TRY(dsi_thrift_i32(r, f.type, &out->c.column_index_size, p->err));
            break;
        default:
            out->encrypted = out->encrypted || f.id == 8 || f.id == 9;
            DSI_TRY(dsi_thrift_skip(r, f.type, p->err));
        }
    }
done:
    return rc;
}

static int read_sorting_column(struct parse *p, struct dsi_parquet_sorting *out)
{
    struct dsi_thrift_field f = {0};
    int32_t leaf = 0;
    int rc = DS_OK;

    while ((rc = dsi_thrift_next(&p->r, &f, p->err)) == DS_ROW) {
        if (f.id == 1) {
            DSI_TRY(dsi_thrift_i32(&p->r, f.type, &leaf, p->err));
        } else if (f.id == 2) {
            DSI_TRY(dsi_thrift_bool(&p->r, f.type, &out->descending, p->err));
        } else if (f.id == 3) {
            DSI_TRY(dsi_thrift_bool(&p->r, f.type, &out->nulls_first, p->err));
        } else {
            DSI_TRY(dsi_thrift_skip(&p->r, f.type, p->err));
        }
    }
    DSI_TRY(rc);
    if (leaf < 0) {
        return dsi_corrupt(p->err, "parquet footer: rows sorted by column %d", leaf);
    }
    out->leaf = (size_t)leaf;
done:
    return rc;
}

static int read_sorting(struct parse *p, enum dsi_thrift_type type,
                        struct dsi_parquet_row_group *out)
{
    struct dsi_thrift_list list = {0};
    struct dsi_parquet_sorting *sorting = NULL;
    int rc = DS_OK;

    DSI_TRY(dsi_thrift_list(&p->r, type, DSI_THRIFT_STRUCT, &list, p->err));
    sorting = take_array(p, list.count, sizeof *sorting);
    if (!sorting) {
        return no_memory(p);
    }
    for (size_t i = 0; i < list.count; i++) {
        DSI_TRY(read_sorting_column(p, &sorting[i]));
    }
    out->sorting = sorting;
    out->sorting_count = list.count;
done:
    return rc;
}

static int read_columns(struct parse *p, enum dsi_thrift_type type, struct raw_group *out)
{
    struct dsi_thrift_list list = {0};
    int rc = DS_OK;

    DSI_TRY(dsi_thrift_list(&p->r, type, DSI_THRIFT_STRUCT, &list, p->err));
    out->chunks = take_array(p, list.count, sizeof *out->chunks);
    if (!out->chunks) {
        return no_memory(p);
    }
    out->chunk_count = list.count;
    for (size_t i = 0; i < list.count; i++) {
        DSI_TRY(read_chunk(p, &out->chunks[i]));
    }
done:
    return rc;
}

static int read_group(struct parse *p, struct raw_group *out)
{
    struct dsi_thrift_field f = {0};
    int rc = DS_OK;

    while ((rc = dsi_thrift_next(&p->r, &f, p->err)) == DS_ROW) {
        switch (f.id) {
        case 1:
            DSI_TRY(read_columns(p, f.type, out));
            break;
        case 2:
            DSI_TRY(dsi_thrift_i64(&p->r, f.type, &out->g.uncompressed_size, p->err));
            break;
        case 3:
            DSI_TRY(dsi_thrift_i64(&p->r, f.type, &out->g.row_count, p->err));
            break;
        case 4:
            DSI_TRY(read_sorting(p, f.type, &out->g));
            break;
        default:
            DSI_TRY(dsi_thrift_skip(&p->r, f.type, p->err));
        }
    }
done:
    return rc;
}

static int read_groups(struct parse *p, enum dsi_thrift_type type)
{
    struct dsi_thrift_list list = {0};
    int rc = DS_OK;

    DSI_TRY(dsi_thrift_list(&p->r, type, DSI_THRIFT_STRUCT, &list, p->err));
    p->groups = take_array(p, list.count, sizeof *p->groups);
    if (!p->groups) {
        return no_memory(p);
    }
    p->group_count = list.count;
    for (size_t i = 0; i < list.count; i++) {
        DSI_TRY(read_group(p, &p->groups[i]));
    }
done:
    return rc;
}

static int read_schema(struct parse *p, enum dsi_thrift_type type)
{
    struct dsi_thrift_list list = {0};
    int rc = DS_OK;

    DSI_TRY(dsi_thrift_list(&p->r, type, DSI_THRIFT_STRUCT, &list, p->err));
    p->elements = take_array(p, list.count, sizeof *p->elements);
    if (!p->elements) {
        return no_memory(p);
    }
    p->element_count = list.count;
    for (size_t i = 0; i < list.count; i++) {
        DSI_TRY(
            dsi_parquet_element_read(&p->r, i == 0, p->arena, &p->elements[i], p->err));
    }
done:
    return rc;
}

static int read_key_value(struct parse *p, struct ds_property *out)
{
    struct dsi_thrift_field f = {0};
    int rc = DS_OK;

    out->key = "";
    out->value = "";
    while ((rc = dsi_thrift_next(&p->r, &f, p->err)) == DS_ROW) {
        if (f.id == 1 || f.id == 2) {
            DSI_TRY(copy_text(p, f.type, f.id == 1 ? &out->key : &out->value));
        } else {
            DSI_TRY(dsi_thrift_skip(&p->r, f.type, p->err));
        }
    }
done:
    return rc;
}

static int read_key_values(struct parse *p, enum dsi_thrift_type type)
{
    struct dsi_thrift_list list = {0};
    struct ds_property *items = NULL;
    int rc = DS_OK;

    DSI_TRY(dsi_thrift_list(&p->r, type, DSI_THRIFT_STRUCT, &list, p->err));
    items = take_array(p, list.count, sizeof *items);
    if (!items) {
        return no_memory(p);
    }
    for (size_t i = 0; i < list.count; i++) {
        DSI_TRY(read_key_value(p, &items[i]));
    }
    p->file->key_values = (struct ds_properties){items, list.count};
done:
    return rc;
}

static int read_orders(struct parse *p, enum dsi_thrift_type type)
{
    struct dsi_thrift_list list = {0};
    int rc = DS_OK;

    DSI_TRY(dsi_thrift_list(&p->r, type, DSI_THRIFT_STRUCT, &list, p->err));
    p->orders = take_array(p, list.count, sizeof *p->orders);
    if (!p->orders) {
        return no_memory(p);
    }
    p->order_count = list.count;
    for (size_t i = 0; i < list.count; i++) {
        struct dsi_thrift_field f = {0};
        while ((rc = dsi_thrift_next(&p->r, &f, p->err)) == DS_ROW) {
            p->orders[i] = f.id == 1   ? DSI_PARQUET_COLUMN_ORDER_TYPE
                           : f.id == 2 ? DSI_PARQUET_COLUMN_ORDER_IEEE754
                                       : DSI_PARQUET_COLUMN_ORDER_OTHER;
            DSI_TRY(dsi_thrift_skip(&p->r, f.type, p->err));
        }
        DSI_TRY(rc);
    }
done:
    return rc;
}

static int read_file(struct parse *p)
{
    struct dsi_thrift_field f = {0};
    bool has_groups = false;
    int rc = DS_OK;

    while ((rc = dsi_thrift_next(&p->r, &f, p->err)) == DS_ROW) {
        switch (f.id) {
        case 2:
            DSI_TRY(read_schema(p, f.type));
            break;
        case 3:
            DSI_TRY(dsi_thrift_i64(&p->r, f.type, &p->file->row_count, p->err));
            break;
        case 4:
            DSI_TRY(read_groups(p, f.type));
            has_groups = true;
            break;
        case 5:
            DSI_TRY(read_key_values(p, f.type));
            break;
        case 6:
            DSI_TRY(copy_text(p, f.type, &p->file->created_by));
            break;
        case 7:
            DSI_TRY(read_orders(p, f.type));
            break;
        default:
            DSI_TRY(dsi_thrift_skip(&p->r, f.type, p->err));
        }
    }
    if (rc == DS_OK && !has_groups) { // An empty file has an empty list.
        return dsi_corrupt(p->err, "parquet footer: there is no list of row groups");
    }
done:
    return rc;
}

static int copy_bound(struct parse *p, bool has, struct ds_slice *bound)
{
    if (has && dsi_arena_copy(p->arena, *bound, bound) < 0) {
        return no_memory(p);
    }
    return DS_OK;
}

// Before 1.2.9, parquet-mr did not count the dictionary's header in a chunk's size (the
// format's issue PARQUET-816): a hundred bytes hold it.
static bool forgets_headers(const char *created_by)
{
    static const char *const old[] = {"parquet-mr version 0.", "parquet-mr version 1.0.",
                                      "parquet-mr version 1.1.",
                                      "parquet-mr version 1.2."};

    for (size_t i = 0; i < sizeof old / sizeof *old; i++) {
        if (dsi_text_starts_with(created_by, old[i])) {
            return true;
        }
    }
    return strcmp(created_by, "parquet-mr") == 0;
}

static int judge_place(struct parse *p, const struct raw_chunk *raw, const char *name,
                       size_t group, struct dsi_parquet_chunk *out)
{
    int64_t start = raw->data_offset;

    if (raw->dictionary_offset > 0 && raw->dictionary_offset < start) {
        start = raw->dictionary_offset;
    }
    if (out->value_count == 0 && start < 4) {
        start = 4; // A chunk without pages is nowhere.
        out->size = 0;
    }
    if (start < 4 || out->size < 0 || start > p->data_end ||
        out->size > p->data_end - start) { // (1)
        return dsi_corrupt(p->err,
                           "parquet footer: column %s, row group %zu: %lld bytes at %lld "
                           "are not inside the %lld before the footer",
                           name, group, (long long)out->size, (long long)start,
                           (long long)p->data_end);
    }
    if (out->value_count < 0 || out->uncompressed_size < 0) {
        return dsi_corrupt(p->err,
                           "parquet footer: column %s, row group %zu: %lld values", name,
                           group, (long long)out->value_count);
    }
    if (forgets_headers(p->file->created_by)) {
        int64_t more = p->data_end - start - out->size;
        out->size += more < 100 ? more : 100;
    }
    out->offset = start;
    return DS_OK;
}

static int judge_chunk(struct parse *p, size_t group, size_t i,
                       struct dsi_parquet_chunk *out)
{
    const struct raw_chunk *raw = &p->groups[group].chunks[i];
    const struct dsi_parquet_node *leaf = p->file->leaves[i];
    enum dsi_parquet_column_order order =
        i < p->order_count ? p->orders[i] : DSI_PARQUET_COLUMN_ORDER_ABSENT;
    char name[128];
    int rc = DS_OK;

    dsi_parquet_path(leaf, name, sizeof name);
    if (raw->encrypted || raw->elsewhere) {
        return dsi_fail(p->err, DS_EUNSUPPORTED, "parquet footer: column %s is %s", name,
                        raw->encrypted ? "encrypted" : "in another file");
    }
    if (!raw->has_meta || raw->type != (int32_t)leaf->field.physical) {
        return dsi_corrupt(p->err,
                           "parquet footer: column %s, row group %zu: physical type %d "
                           "where the schema says %s",
                           name, group, raw->type,
                           dsi_parquet_physical_name(leaf->field.physical));
    }
    *out = raw->c;
    DSI_TRY(judge_place(p, raw, name, group, out));
    out->row_count = p->groups[group].g.row_count;
    if (leaf->max_rep == 0 && out->value_count != out->row_count) {
        return dsi_corrupt(p->err,
                           "parquet footer: column %s, row group %zu: %lld values in "
                           "%lld rows",
                           name, group, (long long)out->value_count,
                           (long long)p->groups[group].g.row_count);
    }
    out->order = order;
    out->statistics = dsi_parquet_statistics_trust(&raw->statistics, &leaf->field, order);
    DSI_TRY(copy_bound(p, out->statistics.has_min, &out->statistics.min));
    DSI_TRY(copy_bound(p, out->statistics.has_max, &out->statistics.max));
done:
    return rc;
}

static int judge_group(struct parse *p, size_t group, struct dsi_parquet_row_group *out)
{
    const struct raw_group *raw = &p->groups[group];
    struct dsi_parquet_chunk *chunks = NULL;
    int rc = DS_OK;

    *out = raw->g;
    if (raw->chunk_count != p->file->leaf_count || out->row_count < 0) {
        return dsi_corrupt(p->err,
                           "parquet footer: row group %zu has %zu chunks for %zu columns "
                           "and %lld rows",
                           group, raw->chunk_count, p->file->leaf_count,
                           (long long)out->row_count);
    }
    chunks = take_array(p, raw->chunk_count, sizeof *chunks);
    if (!chunks) {
        return no_memory(p);
    }
    for (size_t i = 0; i < raw->chunk_count; i++) {
        DSI_TRY(judge_chunk(p, group, i, &chunks[i]));
        out->offset =
            i == 0 || chunks[i].offset < out->offset ? chunks[i].offset : out->offset;
        out->compressed_size += chunks[i].size; // Each is below the file's size.
    }
    out->columns = chunks;
    for (size_t i = 0; i < out->sorting_count; i++) {
        if (out->sorting[i].leaf >= p->file->leaf_count) {
            return dsi_corrupt(p->err, "parquet footer: rows sorted by column %zu of %zu",
                               out->sorting[i].leaf, p->file->leaf_count);
        }
    }
done:
    return rc;
}

static int judge_leaves(struct parse *p)
{
    for (size_t i = 0; i < p->file->leaf_count; i++) {
        const char *fault = dsi_parquet_leaf_fault(&p->file->leaves[i]->field);
        if (fault) {
            char name[128];
            dsi_parquet_path(p->file->leaves[i], name, sizeof name);
            return dsi_corrupt(p->err, "parquet schema: column %s: %s", name, fault);
        }
    }
    return DS_OK;
}

static int judge_file(struct parse *p)
{
    struct dsi_parquet_schema schema = {0};
    int64_t rows = 0;
    struct dsi_parquet_row_group *groups = NULL;
    int rc = DS_OK;

    DSI_TRY(dsi_parquet_schema_build(p->elements, p->element_count, p->arena, &schema,
                                     p->err));
    p->file->root = schema.root;
    p->file->leaves = schema.leaves;
    p->file->leaf_count = schema.leaf_count;
    DSI_TRY(judge_leaves(p));
    groups = take_array(p, p->group_count, sizeof *groups);
    if (!groups) {
        return no_memory(p);
    }
    for (size_t i = 0; i < p->group_count; i++) {
        DSI_TRY(judge_group(p, i, &groups[i]));
        if (groups[i].row_count > INT64_MAX - rows) {
            return dsi_corrupt(p->err, "parquet footer: more than 2^63 rows");
        }
        rows += groups[i].row_count;
    }
    if (p->file->row_count == 0) {
        p->file->row_count = rows; // Some writers leave it out.
    }
    if (rows != p->file->row_count) {
        return dsi_corrupt(p->err,
                           "parquet footer: %lld rows, but %lld in its row groups",
                           (long long)p->file->row_count, (long long)rows);
    }
    p->file->row_groups = groups;
    p->file->row_group_count = p->group_count;
done:
    return rc;
}

int dsi_parquet_footer_size(const uint8_t tail[DSI_PARQUET_TAIL_SIZE], int64_t file_size,
                            size_t *size, struct ds_error *err)
{
    int64_t footer = dsi_le32(tail);

    if (memcmp(tail + 4, "PARE", 4) == 0) {
        return dsi_fail(err, DS_EUNSUPPORTED, "parquet: the footer is encrypted");
    }
    if (memcmp(tail + 4, "PAR1", 4) != 0) {
        return dsi_corrupt(err, "not a parquet file: it does not end with PAR1");
    }
    if (file_size < DSI_PARQUET_FILE_SIZE_MIN ||
        footer > file_size - DSI_PARQUET_FILE_SIZE_MIN) {
        return dsi_corrupt(err, "parquet: a footer of %lld bytes in a file of %lld",
                           (long long)footer, (long long)file_size);
    }
    *size = (size_t)footer + DSI_PARQUET_TAIL_SIZE;
    return DS_OK;
}

void dsi_parquet_file_release(struct dsi_parquet_file *f)
{
    dsi_arena_release(&f->arena);
    memset(f, 0, sizeof *f);
}

int dsi_parquet_file_parse(struct ds_slice footer, int64_t file_size,
                           struct dsi_parquet_file *out, struct ds_error *err)
{
    struct parse p = {.file = out, .arena = &out->arena, .err = err};
    size_t size = 0;
    int rc = DS_OK;

    memset(out, 0, sizeof *out);
    out->created_by = "";
    if (footer.size < DSI_PARQUET_TAIL_SIZE) {
        return dsi_corrupt(err, "parquet: a footer of %zu bytes", footer.size);
    }
    DSI_TRY(dsi_parquet_footer_size(footer.data + footer.size - DSI_PARQUET_TAIL_SIZE,
                                    file_size, &size, err));
    if (size != footer.size) {
        return dsi_corrupt(err, "parquet: %zu bytes of a footer of %zu", footer.size,
                           size);
    }
    p.data_end = file_size - (int64_t)size;
    footer.size -= DSI_PARQUET_TAIL_SIZE;
    dsi_thrift_reader_init(&p.r, footer, "parquet footer");
    DSI_TRY(read_file(&p));
    DSI_TRY(judge_file(&p));
done:
    if (rc < 0) {
        dsi_parquet_file_release(out);
    }
    return rc;
}
