#include "data/data_select.h"

#include "base/error.h"
#include "codec/parquet/parquet_index.h"
#include "data/data_metrics.h"

// An index larger than this is not worth reading.
enum { INDEX_BYTES_MAX = 64 << 20 };

// A column of the filter that has a page index, and the page at the row looked at.
struct paged {
    const struct dsi_data_column *column;
    size_t position; // In the schema.
    struct dsi_parquet_page_index index;
    size_t page;
    bool used; // The page was part of a range that was kept.
    struct dsi_column_metrics known;
};

struct selection {
    struct dsi_data_columns *columns;
    const struct dsi_data_filter *filter;
    struct dsi_arena *arena;
    struct dsi_column_metrics *metrics; // What `match` is asked with.
    struct paged *paged;
    size_t paged_count;
    size_t capacity; // Of the ranges.
};

static bool has_index(const struct dsi_data_columns *c,
                      const struct dsi_data_column *item)
{
    const struct dsi_parquet_chunk *k =
        item->leaf ? &c->group->columns[item->leaf->leaf] : NULL;

    return item->filtered && k && k->offset_index_offset > 0 &&
           k->column_index_offset > 0 && k->offset_index_size > 0 &&
           k->column_index_size > 0 && k->offset_index_size <= INDEX_BYTES_MAX &&
           k->column_index_size <= INDEX_BYTES_MAX &&
           dsi_data_io_has(&c->io, k->offset_index_offset, k->offset_index_size) &&
           dsi_data_io_has(&c->io, k->column_index_offset, k->column_index_size);
}

// Reads and parses the columns' indexes; one that breaks the format is as good as none.
static int load_indexes(struct selection *s, struct ds_error *err)
{
    struct dsi_data_columns *c = s->columns;
    struct dsi_data_wish *wishes =
        dsi_arena_array(s->arena, c->count, 2 * sizeof *wishes);
    struct ds_slice *bytes = dsi_arena_array(s->arena, c->count, 2 * sizeof *bytes);
    size_t count = 0;
    int rc = DS_OK;

    s->paged = dsi_arena_array(s->arena, c->count, sizeof *s->paged);
    if (!s->paged || !wishes || !bytes) {
        return dsi_no_memory(err, "looking at a page index");
    }
    for (size_t i = 0; i < c->count; i++) {
        const struct dsi_data_column *item = &c->items[i];
        if (has_index(c, item)) {
            const struct dsi_parquet_chunk *k = &c->group->columns[item->leaf->leaf];
            wishes[2 * count] = (struct dsi_data_wish){
                k->offset_index_offset, k->offset_index_size, &bytes[2 * count]};
            wishes[2 * count + 1] = (struct dsi_data_wish){
                k->column_index_offset, k->column_index_size, &bytes[2 * count + 1]};
            s->paged[count++] = (struct paged){.column = item, .position = i};
        }
    }
    DSI_TRY(dsi_data_io_fetch(&c->io, wishes, 2 * count, err));
    for (size_t i = 0; i < count; i++) {
        struct paged *p = &s->paged[i];
        rc = dsi_parquet_page_index_parse(
            p->column->leaf, &c->group->columns[p->column->leaf->leaf], bytes[2 * i],
            bytes[2 * i + 1], s->arena, &p->index, err);
        if (rc == DS_OK && p->index.bounds && p->index.page_count > 0) {
            s->paged[s->paged_count++] = *p;
        }
        rc = rc == DS_ECORRUPT ? DS_OK : rc;
        DSI_TRY(rc);
    }
done:
    return rc;
}

// What is known of the page at hand, in the form in which row groups are judged.
static int learn_page(struct selection *s, struct paged *p, struct ds_error *err)
{
    const struct dsi_parquet_page_bounds *b = &p->index.bounds[p->page];
    struct dsi_parquet_chunk as_chunk = {.value_count = -1,
                                         .statistics = {.has_min = b->has_min,
                                                        .has_max = b->has_max,
                                                        .min = b->min,
                                                        .max = b->max,
                                                        .null_count = b->null_count,
                                                        .nan_count = b->nan_count,
                                                        .distinct_count = -1}};

    p->used = false;
    return dsi_metrics_of_chunk(p->column->field, p->column->leaf, &as_chunk, s->arena,
                                &p->known, err);
}

// Counts of `of` rows, said of `rows` of them: none and all carry over, the rest does
// not.
static int64_t narrow_count(int64_t count, int64_t of, int64_t rows)
{
    return count == 0 ? 0 : count == of ? rows : -1;
}

static enum dsi_match judge(struct selection *s, const struct dsi_column_metrics *whole,
                            int64_t rows)
{
    struct dsi_data_columns *c = s->columns;

    for (size_t i = 0; i < c->count; i++) {
        if (!c->items[i].filtered) {
            continue; // Nobody looks.
        }
        s->metrics[i] = whole[i];
        s->metrics[i].value_count = -1;
        s->metrics[i].null_count =
            narrow_count(whole[i].null_count, c->group->row_count, rows);
        s->metrics[i].nan_count =
            narrow_count(whole[i].nan_count, c->group->row_count, rows);
    }
    for (size_t i = 0; i < s->paged_count; i++) {
        const struct paged *p = &s->paged[i];
        const struct dsi_parquet_page_bounds *b = &p->index.bounds[p->page];
        int64_t of = p->index.places[p->page].row_count;
        struct dsi_column_metrics *m = &s->metrics[p->position];
        *m = p->known;
        m->null_count = b->all_null ? rows : narrow_count(m->null_count, of, rows);
        m->nan_count = narrow_count(m->nan_count, of, rows);
    }
    return s->filter->match(s->filter->arg, rows, s->metrics, c->count);
}

static int add_range(struct selection *s, struct dsi_row_range range,
                     struct dsi_row_ranges *out, struct ds_error *err)
{
    struct dsi_row_range *last = out->count > 0 ? &out->items[out->count - 1] : NULL;

    if (last && last->end == range.first && last->sure == range.sure) {
        last->end = range.end;
        return DS_OK;
    }
    if (out->count == s->capacity) {
        size_t capacity = s->capacity ? s->capacity * 2 : 16;
        struct dsi_row_range *items =
            dsi_arena_array(s->arena, capacity, sizeof *out->items);
        if (!items) {
            return dsi_no_memory(err, "choosing pages");
        }
        for (size_t i = 0; i < out->count; i++) {
            items[i] = out->items[i];
        }
        out->items = items;
        s->capacity = capacity;
    }
    out->items[out->count++] = range;
    return DS_OK;
}

static int64_t page_end(const struct paged *p)
{
    const struct dsi_parquet_page_place *place = &p->index.places[p->page];
    return place->first_row + place->row_count;
}

// Moves each column on to the page that has `row`.
static int go_to_row(struct selection *s, int64_t row, struct dsi_row_ranges *out,
                     struct ds_error *err)
{
    int rc = DS_OK;

    for (size_t i = 0; i < s->paged_count; i++) {
        struct paged *p = &s->paged[i];
        bool moved = page_end(p) <= row;
        if (moved) {
            out->pages_skipped += !p->used;
        }
        while (page_end(p) <= row) {
            p->page++;
        }
        if (moved) {
            DSI_TRY(learn_page(s, p, err));
        }
    }
done:
    return rc;
}

// Walks the row group from page border to page border, of whatever column.
static int walk(struct selection *s, const struct dsi_column_metrics *whole,
                struct dsi_row_range all, struct dsi_row_ranges *out,
                struct ds_error *err)
{
    int rc = DS_OK;

    for (size_t i = 0; i < s->paged_count; i++) {
        while (page_end(&s->paged[i]) <= all.first) {
            s->paged[i].page++;
        }
        DSI_TRY(learn_page(s, &s->paged[i], err));
    }
    for (int64_t row = all.first, end = all.end; row < all.end;
         row = end, end = all.end) {
        DSI_TRY(go_to_row(s, row, out, err));
        for (size_t i = 0; i < s->paged_count; i++) {
            end = page_end(&s->paged[i]) < end ? page_end(&s->paged[i]) : end;
        }
        enum dsi_match m = judge(s, whole, end - row);
        if (m == DSI_MATCH_NONE) {
            continue;
        }
        for (size_t i = 0; i < s->paged_count; i++) {
            s->paged[i].used = true;
        }
        struct dsi_row_range range = {row, end, m == DSI_MATCH_ALL};
        DSI_TRY(add_range(s, range, out, err));
    }
    for (size_t i = 0; i < s->paged_count; i++) {
        out->pages_skipped += !s->paged[i].used;
    }
done:
    return rc;
}

int dsi_data_select(struct dsi_data_columns *c, const struct dsi_data_filter *filter,
                    const struct dsi_column_metrics *metrics, struct dsi_row_range all,
                    struct dsi_arena *arena, struct dsi_row_ranges *out,
                    struct ds_error *err)
{
    struct selection s = {.columns = c, .filter = filter, .arena = arena};
    int rc = DS_OK;

    *out = (struct dsi_row_ranges){0};
    DSI_TRY(load_indexes(&s, err));
    if (s.paged_count == 0) {
        DSI_TRY(add_range(&s, all, out, err));
        return DS_OK;
    }
    s.metrics = dsi_arena_array(arena, c->count, sizeof *s.metrics);
    if (!s.metrics) {
        return dsi_no_memory(err, "choosing pages");
    }
    DSI_TRY(walk(&s, metrics, all, out, err));
done:
    return rc;
}
