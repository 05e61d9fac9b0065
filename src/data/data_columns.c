#include "data/data_columns.h"

#include <assert.h>
#include <string.h>

#include "base/alloc.h"
#include "base/error.h"
#include "data/column_layout.h"
#include "data/data_metrics.h"

enum {
    CHUNK_SMALL = 32 * 1024,       // A chunk that is always read whole.
    FETCH_BYTES_DEFAULT = 8 << 20, // So much is read at once, for all columns.
    WINDOW_MIN = 128 * 1024,       // Else, so much of each of them, or a page.
    WINDOW_MAX = 8 << 20,
    PAGES_GAP_MAX = 64 * 1024, // Pages that are read though nobody asked for them.
    INDEX_BYTES_MAX = 64 << 20,
};

static bool is_filtered(const struct dsi_data_filter *filter, int32_t id)
{
    for (size_t i = 0; filter && i < filter->id_count; i++) {
        if (filter->ids[i] == id) {
            return true;
        }
    }
    return false;
}

static int init_column(struct dsi_data_column *c, const struct dsi_data_origin *origin,
                       struct dsi_arena *arena, struct ds_error *err)
{
    int rc = dsi_data_source_new(origin, &c->decoder, err);
    size_t leaves = rc < 0 ? 0 : dsi_data_source_leaf_count(c->decoder);

    if (rc < 0) {
        return rc;
    }
    c->origin = origin;
    c->chunks = dsi_arena_array(arena, leaves, sizeof *c->chunks);
    if (!c->chunks) {
        return dsi_no_memory(err, "making a data file reader");
    }
    if (leaves == 1 && dsi_type_is_primitive(&c->field->type)) {
        const struct dsi_parquet_node *leaf = dsi_data_source_leaf(c->decoder, 0);
        c->leaf = leaf->max_rep == 0 ? leaf : NULL;
    }
    return DS_OK;
}

int dsi_data_columns_init(struct dsi_data_columns *c,
                          const struct dsi_data_reader_options *options,
                          struct ds_file *file, const struct dsi_parquet_file *parquet,
                          struct dsi_arena *arena, struct ds_error *err)
{
    const struct dsi_type *root = &options->schema->root;
    struct dsi_data_origin *origins = NULL;
    int rc = DS_OK;

    *c = (struct dsi_data_columns){.output_count = root->field_count};
    if (options->filter && options->output) {
        c->output_count = options->output->root.field_count;
    }
    c->items = dsi_arena_array(arena, root->field_count, sizeof *c->items);
    if (!c->items) {
        return dsi_no_memory(err, "making a data file reader");
    }
    c->fetch_max = options->fetch_bytes_max > 0 && options->fetch_bytes_max < INT64_MAX
                       ? (int64_t)options->fetch_bytes_max
                       : FETCH_BYTES_DEFAULT;
    dsi_data_io_init(&c->io, file);
    DSI_TRY(dsi_data_origins(options, parquet, arena, &origins, err));
    for (size_t i = 0; i < root->field_count; i++) {
        c->items[i].field = &root->fields[i];
        c->items[i].filtered = is_filtered(options->filter, root->fields[i].id);
        c->count++;
        DSI_TRY(init_column(&c->items[i], &origins[i], arena, err));
    }
done:
    return rc;
}

void dsi_data_columns_end(struct dsi_data_columns *c)
{
    for (size_t i = 0; i < c->count; i++) {
        if (c->items[i].begun) {
            dsi_data_source_end(c->items[i].decoder);
            c->items[i].begun = false;
        }
    }
    dsi_data_io_forget(&c->io);
    dsi_arena_release(&c->arena);
    memset(c->fetched, 0, sizeof c->fetched);
    c->group = NULL;
}

void dsi_data_columns_release(struct dsi_data_columns *c)
{
    dsi_data_columns_end(c);
    for (size_t i = 0; i < c->count; i++) {
        dsi_data_source_free(c->items[i].decoder);
    }
    dsi_data_io_release(&c->io);
    c->items = NULL;
    c->count = 0;
}

void dsi_data_columns_begin(struct dsi_data_columns *c,
                            const struct dsi_parquet_row_group *group, int64_t row_base)
{
    dsi_data_columns_end(c);
    c->group = group;
    c->row_base = row_base;
    c->everything = (struct dsi_row_range){0, group->row_count, false};
    c->chosen = (struct dsi_row_ranges){&c->everything, 1, 0};
}

void dsi_data_columns_choose(struct dsi_data_columns *c, struct dsi_row_ranges chosen)
{
    c->chosen = chosen;
}

void dsi_data_columns_expect(struct dsi_data_columns *c,
                             const struct dsi_parquet_row_group *group)
{
    int64_t left = c->fetch_max;

    for (size_t i = 0; i < c->output_count; i++) {
        const struct dsi_data_source *decoder = c->items[i].decoder;
        size_t leaves = dsi_data_source_leaf_count(decoder);
        for (size_t k = 0; k < leaves && left > 0; k++) {
            size_t leaf = dsi_data_source_leaf(decoder, k)->leaf;
            const struct dsi_parquet_chunk *chunk = &group->columns[leaf];
            int64_t size = chunk->size < left ? chunk->size : left;
            dsi_data_io_expect(&c->io, chunk->offset, size);
            left -= size;
        }
    }
}

bool dsi_data_columns_is(const struct dsi_data_columns *c, size_t i,
                         enum dsi_data_which which)
{
    bool filtered = c->items[i].filtered;
    bool output = i < c->output_count;

    return which == DSI_DATA_FILTER ? filtered
                                    : output && !(which == DSI_DATA_REST && filtered);
}

// One leaf that is to be fetched.
struct job {
    const struct dsi_parquet_node *leaf;
    struct dsi_data_chunk *chunk;
    struct ds_slice index; // Its offset index, as it stands in the file.
};

struct plan {
    struct dsi_data_columns *columns;
    struct job *jobs;
    size_t count;
    struct dsi_data_wish *wishes;
    size_t wish_count;
    size_t wish_capacity;
};

// The leaves of columns that are not there yet.
static int list_jobs(struct plan *p, enum dsi_data_which which, struct ds_error *err)
{
    struct dsi_data_columns *c = p->columns;
    size_t count = 0;

    for (size_t i = 0; i < c->count; i++) {
        count += dsi_data_source_leaf_count(c->items[i].decoder);
    }
    p->jobs = dsi_arena_array(&c->arena, count, sizeof *p->jobs);
    if (!p->jobs) {
        return dsi_no_memory(err, "reading a data file");
    }
    for (size_t i = 0; i < c->count; i++) {
        struct dsi_data_column *item = &c->items[i];
        size_t leaves = item->begun || !dsi_data_columns_is(c, i, which)
                            ? 0
                            : dsi_data_source_leaf_count(item->decoder);
        for (size_t k = 0; k < leaves; k++) {
            const struct dsi_parquet_node *leaf = dsi_data_source_leaf(item->decoder, k);
            item->chunks[k] = (struct dsi_data_chunk){
                .mode = DSI_CHUNK_WHOLE, .chunk = &c->group->columns[leaf->leaf]};
            p->jobs[p->count++] = (struct job){leaf, &item->chunks[k], {NULL, 0}};
        }
    }
    return DS_OK;
}

static int wish(struct plan *p, int64_t offset, int64_t size, struct ds_slice *out,
                struct ds_error *err)
{
    if (size == 0) {
        *out = (struct ds_slice){NULL, 0};
        return DS_OK;
    }
    if (p->wish_count == p->wish_capacity) {
        size_t capacity = p->wish_capacity ? p->wish_capacity * 2 : 16;
        struct dsi_data_wish *wishes =
            dsi_realloc(p->wishes, capacity * sizeof *p->wishes);
        if (!wishes) {
            return dsi_no_memory(err, "reading a data file");
        }
        p->wishes = wishes;
        p->wish_capacity = capacity;
    }
    p->wishes[p->wish_count++] = (struct dsi_data_wish){offset, size, out};
    return DS_OK;
}

static int grant(struct plan *p, struct ds_error *err)
{
    int rc = dsi_data_io_fetch(&p->columns->io, p->wishes, p->wish_count, err);

    p->wish_count = 0;
    return rc;
}

static int64_t chosen_rows(const struct dsi_data_columns *c)
{
    int64_t rows = 0;

    for (size_t i = 0; i < c->chosen.count; i++) {
        rows += c->chosen.items[i].end - c->chosen.items[i].first;
    }
    return rows;
}

// Whether a chunk is read whole, however few of its rows are wanted.
static bool is_small(const struct dsi_data_columns *c, const struct dsi_parquet_chunk *k)
{
    return k->size <= CHUNK_SMALL && k->size <= c->fetch_max;
}

// Reads the offset indexes of chunks that are worth it.
static int read_indexes(struct plan *p, struct ds_error *err)
{
    struct dsi_data_columns *c = p->columns;
    int rc = DS_OK;

    for (size_t i = 0; i < p->count; i++) {
        struct job *j = &p->jobs[i];
        const struct dsi_parquet_chunk *k = j->chunk->chunk;
        if (!is_small(c, k) && k->offset_index_offset > 0 && k->offset_index_size > 0 &&
            k->offset_index_size <= INDEX_BYTES_MAX &&
            dsi_data_io_has(&c->io, k->offset_index_offset, k->offset_index_size)) {
            DSI_TRY(
                wish(p, k->offset_index_offset, k->offset_index_size, &j->index, err));
        }
    }
    DSI_TRY(grant(p, err));
    for (size_t i = 0; i < p->count; i++) {
        struct job *j = &p->jobs[i];
        struct ds_slice none = {NULL, 0};
        if (j->index.size == 0) {
            continue;
        }
        rc = dsi_parquet_page_index_parse(j->leaf, j->chunk->chunk, j->index, none,
                                          &c->arena, &j->chunk->index, err);
        if (rc == DS_OK && j->chunk->index.page_count > 0) {
            j->chunk->mode = DSI_CHUNK_SEGMENTS;
        }
        rc = rc == DS_ECORRUPT ? DS_OK : rc; // As good as none.
        DSI_TRY(rc);
    }
done:
    return rc;
}

// Whether any chosen row is on a page. `*range` only goes on.
static bool is_chosen(const struct dsi_data_columns *c,
                      const struct dsi_parquet_page_place *page, size_t *range)
{
    while (*range < c->chosen.count && c->chosen.items[*range].end <= page->first_row) {
        (*range)++;
    }
    return *range < c->chosen.count &&
           c->chosen.items[*range].first < page->first_row + page->row_count;
}

// Puts the pages with chosen rows into segments of about `bytes_max`.
static int cut_segments(struct dsi_data_columns *c, struct dsi_data_chunk *k,
                        int64_t bytes_max, struct ds_error *err)
{
    const struct dsi_parquet_page_place *places = k->index.places;
    struct dsi_data_segment *s = NULL;
    size_t range = 0;

    k->segments = dsi_arena_array(&c->arena, k->index.page_count, sizeof *k->segments);
    if (!k->segments) {
        return dsi_no_memory(err, "reading a data file");
    }
    k->segment_count = 0;
    for (size_t i = 0; i < k->index.page_count; i++) {
        if (!is_chosen(c, &places[i], &range)) {
            continue;
        }
        bool near = s && places[i].offset == places[s->end_page - 1].offset +
                                                 places[s->end_page - 1].size;
        near = near || (s && s->end_page < i &&
                        places[i].offset - places[s->end_page].offset <= PAGES_GAP_MAX);
        if (!near || places[i].offset + places[i].size - places[s->first_page].offset >
                         bytes_max) {
            s = &k->segments[k->segment_count++];
            s->first_page = i;
        }
        s->end_page = i + 1;
    }
    return DS_OK;
}

static int64_t segment_size(const struct dsi_data_chunk *k,
                            const struct dsi_data_segment *s)
{
    const struct dsi_parquet_page_place *last = &k->index.places[s->end_page - 1];
    return last->offset + last->size - k->index.places[s->first_page].offset;
}

static int64_t plan_size(const struct plan *p)
{
    int64_t total = 0;

    for (size_t i = 0; i < p->count; i++) {
        const struct dsi_data_chunk *k = p->jobs[i].chunk;
        total += k->mode == DSI_CHUNK_WHOLE ? k->chunk->size : 0;
        for (size_t n = 0; n < k->segment_count; n++) {
            total += segment_size(k, &k->segments[n]);
        }
    }
    return total;
}

// Decides how each chunk comes (2).
static int decide(struct plan *p, struct ds_error *err)
{
    struct dsi_data_columns *c = p->columns;
    int64_t leaves = p->count > 0 ? (int64_t)p->count : 1;
    int64_t window = c->fetch_max / leaves;
    int64_t least = c->fetch_max < WINDOW_MIN ? 1 : WINDOW_MIN;
    bool large = plan_size(p) > c->fetch_max;
    bool narrow = chosen_rows(c) < c->group->row_count / 8 * 7;
    int rc = DS_OK;

    window = window < least ? least : window > WINDOW_MAX ? WINDOW_MAX : window;
    if (!large && !narrow) {
        return DS_OK;
    }
    DSI_TRY(read_indexes(p, err));
    for (size_t i = 0; i < p->count; i++) {
        struct dsi_data_chunk *k = p->jobs[i].chunk;
        if (k->mode == DSI_CHUNK_SEGMENTS) {
            DSI_TRY(cut_segments(c, k, window, err));
        } else if (p->jobs[i].leaf->max_rep == 0 && !is_small(c, k->chunk)) {
            k->mode = DSI_CHUNK_STREAM;
            k->window_bytes = window;
        }
    }
done:
    return rc;
}

static int fetch_planned(struct plan *p, struct ds_error *err)
{
    bool at_once = plan_size(p) <= p->columns->fetch_max;
    int rc = DS_OK;

    for (size_t i = 0; i < p->count; i++) {
        struct dsi_data_chunk *k = p->jobs[i].chunk;
        int64_t head = k->mode == DSI_CHUNK_WHOLE ? k->chunk->size
                       : k->mode == DSI_CHUNK_SEGMENTS
                           ? k->index.places[0].offset - k->chunk->offset
                           : 0;
        DSI_TRY(wish(p, k->chunk->offset, head, &k->head, err));
        for (size_t n = 0; at_once && n < k->segment_count; n++) {
            struct dsi_data_segment *s = &k->segments[n];
            DSI_TRY(wish(p, k->index.places[s->first_page].offset, segment_size(k, s),
                         &s->bytes, err));
        }
    }
    DSI_TRY(grant(p, err));
done:
    return rc;
}

int dsi_data_columns_fetch(struct dsi_data_columns *c, enum dsi_data_which which,
                           struct ds_error *err)
{
    struct plan p = {.columns = c};
    int rc = DS_OK;

    assert(c->group);
    if (c->fetched[which]) {
        return DS_OK;
    }
    DSI_TRY(list_jobs(&p, which, err));
    DSI_TRY(decide(&p, err));
    DSI_TRY(fetch_planned(&p, err));
    for (size_t i = 0; i < c->count; i++) {
        struct dsi_data_column *item = &c->items[i];
        if (!item->begun && dsi_data_columns_is(c, i, which)) {
            item->begun = true;
            DSI_TRY(dsi_data_source_begin(item->decoder, &c->io, c->group, item->chunks,
                                          c->row_base, err));
        }
    }
    c->fetched[which] = true;
done:
    dsi_free(p.wishes);
    return rc;
}

int dsi_data_columns_metrics(const struct dsi_data_columns *c,
                             const struct dsi_parquet_row_group *group,
                             struct dsi_arena *arena, struct dsi_column_metrics **out,
                             struct ds_error *err)
{
    struct dsi_column_metrics *m = dsi_arena_array(arena, c->count, sizeof *m);
    int rc = DS_OK;

    if (!m) {
        return dsi_no_memory(err, "looking at a row group's statistics");
    }
    for (size_t i = 0; i < c->count; i++) {
        const struct dsi_data_column *item = &c->items[i];
        m[i] = (struct dsi_column_metrics){.field_id = item->field->id,
                                           .column_size = -1,
                                           .value_count = -1,
                                           .null_count = -1,
                                           .nan_count = -1};
        if (item->leaf) {
            DSI_TRY(dsi_metrics_of_chunk(item->field, item->leaf,
                                         &group->columns[item->leaf->leaf], arena, &m[i],
                                         err));
        } else if (dsi_data_source_leaf_count(item->decoder) == 0 &&
                   dsi_type_is_primitive(&item->field->type)) {
            DSI_TRY(dsi_metrics_of_constant(item->field, &item->origin->constant,
                                            group->row_count, arena, &m[i], err));
        }
    }
    *out = m;
done:
    return rc;
}
