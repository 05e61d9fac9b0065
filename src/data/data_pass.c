#include "data/data_pass.h"

#include <assert.h>
#include <string.h>

#include "base/alloc.h"
#include "base/error.h"
#include "data/column_layout.h"

enum {
    // Going to a row costs about as much as decoding so many.
    STEP_ROWS = 32,
    // Where hardly anything passes the filter looks at more rows at once, or its batches
    // would be tiny.
    BLOCK_GROWTH_MAX = 4,
};

void dsi_data_pass_release(struct dsi_data_pass *p)
{
    dsi_free(p->chosen);
    p->chosen = NULL;
    p->chosen_capacity = 0;
}

void dsi_data_pass_begin(struct dsi_data_pass *p, struct dsi_row_ranges ranges)
{
    p->ranges = ranges;
    p->range = 0;
    p->row = ranges.count > 0 ? ranges.items[0].first : 0;
    p->block_rows = p->block_rows ? p->block_rows : p->options->batch_rows_max;
}

static int64_t smaller(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

// Decodes `*rows` rows of some columns from p->row on, or fewer (2).
static int decode(struct dsi_data_pass *p, enum dsi_data_which which, struct dsi_batch *b,
                  int64_t *rows, struct ds_error *err)
{
    struct dsi_data_columns *c = p->columns;
    int rc = DS_OK;

    DSI_TRY(dsi_data_columns_fetch(c, which, err));
    for (size_t i = 0; i < c->count; i++) {
        struct dsi_data_column *item = &c->items[i];
        if (!dsi_data_columns_is(c, i, which)) {
            continue;
        }
        DSI_TRY(dsi_data_source_seek(item->decoder, p->row, err));
        DSI_TRY(dsi_data_source_read(item->decoder, *rows, p->options->batch_bytes_max, b,
                                     &b->columns[i], err));
        *rows = smaller(*rows, b->columns[i].length);
    }
    for (size_t i = 0; i < c->count; i++) {
        if (c->items[i].begun && b->columns[i].length > *rows) {
            DSI_TRY(dsi_data_source_give_back(c->items[i].decoder, *rows, &b->columns[i],
                                              err));
        }
    }
    b->rows = *rows;
done:
    return rc;
}

// Forgets the columns that only the filter needed: they are the last ones.
static void put_out(struct dsi_data_pass *p, struct dsi_batch *b, struct dsi_batch *out)
{
    if (p->options->filter && p->options->output) {
        b->schema = p->options->output;
    }
    b->column_count = p->columns->output_count;
    *out = *b;
    *b = (struct dsi_batch){0};
}

// Rows that all pass.
static int next_sure(struct dsi_data_pass *p, int64_t rows, struct dsi_batch *out,
                     struct ds_error *err)
{
    struct dsi_batch b = {0};
    int rc = DS_OK;

    rows = smaller(rows, p->options->batch_rows_max);
    DSI_TRY(dsi_batch_init(&b, p->options->schema, err));
    b.rows = rows;
    if (p->columns->output_count > 0) {
        DSI_TRY(decode(p, DSI_DATA_OUTPUT, &b, &rows, err));
        p->rows_read += (uint64_t)rows;
    }
    p->row += rows;
    put_out(p, &b, out);
done:
    dsi_batch_release(&b);
    return rc;
}

static int64_t count_runs(const int64_t *rows, size_t count)
{
    int64_t runs = 0;

    for (size_t i = 0; i < count; i++) {
        runs += i == 0 || rows[i] != rows[i - 1] + 1;
    }
    return runs;
}

// Decodes the chosen rows alone; fewer of them when the text of a column fills its
// buffer. `b` has the filter's columns, of `rows` rows.
static int pick(struct dsi_data_pass *p, const struct dsi_batch *b, size_t *count,
                struct dsi_batch *out, struct ds_error *err)
{
    struct dsi_data_columns *c = p->columns;
    int rc = DS_OK;

    DSI_TRY(dsi_data_columns_fetch(c, DSI_DATA_REST, err));
    DSI_TRY(dsi_batch_init(
        out, p->options->output ? p->options->output : p->options->schema, err));
    for (size_t i = 0; i < c->output_count; i++) {
        if (!c->items[i].filtered) {
            DSI_TRY(dsi_data_source_seek(c->items[i].decoder, p->row, err));
            DSI_TRY(dsi_data_source_pick(c->items[i].decoder, p->chosen, *count,
                                         p->options->batch_bytes_max, out,
                                         &out->columns[i], err));
            *count = (size_t)smaller((int64_t)*count, out->columns[i].length);
        }
    }
    for (size_t i = 0; i < c->output_count; i++) {
        struct dsi_column *column = &out->columns[i];
        if (c->items[i].filtered) {
            DSI_TRY(dsi_column_gather(out, &b->columns[i], p->chosen, (int64_t)*count,
                                      column, err));
        } else if (column->length > (int64_t)*count) { // (2)
            column->length = (int64_t)*count;
            column->null_count = column->validity ? -1 : 0;
        }
    }
    out->rows = (int64_t)*count;
    p->rows_late += *count;
done:
    return rc;
}

// Decodes everything the block has and takes what was chosen. Fewer rows when the text of
// a column fills its buffer: the rows the block had shrink with it.
static int take(struct dsi_data_pass *p, struct dsi_batch *b, int64_t *rows,
                size_t *count, struct dsi_batch *out, struct ds_error *err)
{
    int rc = DS_OK;

    DSI_TRY(decode(p, DSI_DATA_REST, b, rows, err));
    while (*count > 0 && p->chosen[*count - 1] >= *rows) {
        (*count)--;
    }
    b->column_count = p->columns->output_count;
    if (p->options->output) {
        b->schema = p->options->output;
    }
    if ((int64_t)*count == *rows) {
        put_out(p, b, out);
    } else if (*count > 0) {
        DSI_TRY(dsi_batch_take(b, p->chosen, *count, out, err));
    }
done:
    return rc;
}

static int reserve_chosen(struct dsi_data_pass *p, int64_t rows, struct ds_error *err)
{
    if (p->chosen_capacity >= (size_t)rows) {
        return DS_OK;
    }
    dsi_free(p->chosen);
    p->chosen = dsi_malloc((size_t)rows * sizeof *p->chosen);
    p->chosen_capacity = p->chosen ? (size_t)rows : 0;
    return p->chosen ? DS_OK : dsi_no_memory(err, "filtering rows");
}

// Rows that may pass: looks at the next block, of at most `rows`. *out stays empty when
// nothing in it passes.
static int next_block(struct dsi_data_pass *p, int64_t rows, struct dsi_batch *out,
                      struct ds_error *err)
{
    const struct dsi_data_filter *f = p->options->filter;
    struct dsi_batch b = {0};
    size_t count = 0;
    int rc = DS_OK;

    rows = smaller(rows, p->block_rows);
    DSI_TRY(reserve_chosen(p, rows, err));
    DSI_TRY(dsi_batch_init(&b, p->options->schema, err));
    DSI_TRY(decode(p, DSI_DATA_FILTER, &b, &rows, err));
    p->rows_read += (uint64_t)rows;
    DSI_TRY(f->eval(f->arg, &b, p->chosen, &count, err));
    p->block_rows = (int64_t)count * BLOCK_GROWTH_MAX < rows
                        ? p->options->batch_rows_max * BLOCK_GROWTH_MAX
                        : p->options->batch_rows_max;
    if (p->columns->output_count == 0) {
        out->rows = (int64_t)count;
    } else if (count > 0) {
        if (count > (size_t)p->options->batch_rows_max) { // (1)
            count = (size_t)p->options->batch_rows_max;
            rows = p->chosen[count - 1] + 1;
        }
        size_t wanted = count;
        if (count_runs(p->chosen, count) * STEP_ROWS <= rows) {
            DSI_TRY(pick(p, &b, &count, out, err));
            rows = count < wanted ? p->chosen[count - 1] + 1 : rows;
        } else {
            DSI_TRY(take(p, &b, &rows, &count, out, err));
        }
    }
    p->row += rows;
done:
    dsi_batch_release(&b);
    return rc;
}

int dsi_data_pass_next(struct dsi_data_pass *p, struct dsi_batch *out,
                       struct ds_error *err)
{
    int rc = DS_OK;

    *out = (struct dsi_batch){0};
    while (p->range < p->ranges.count && out->rows == 0) {
        const struct dsi_row_range *range = &p->ranges.items[p->range];
        if (p->row >= range->end) {
            p->range++;
            p->row = p->range < p->ranges.count ? p->ranges.items[p->range].first : 0;
        } else if (range->sure || !p->options->filter) {
            DSI_TRY(next_sure(p, range->end - p->row, out, err));
        } else {
            DSI_TRY(next_block(p, range->end - p->row, out, err));
        }
    }
    rc = out->rows > 0 ? DS_ROW : DS_OK;
done:
    if (rc < 0) {
        dsi_batch_release(out);
    }
    return rc;
}
