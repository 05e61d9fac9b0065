#include "data/data_source.h"

#include <assert.h>

#include "base/alloc.h"
#include "base/error.h"
#include "data/column_layout.h"
#include "data/data_assemble.h"

// A leaf being decoded.
struct leaf {
    const struct dsi_parquet_node *node;
    bool keep_levels;
    struct dsi_data_pages pages;
};

struct dsi_data_source {
    const struct dsi_data_origin *origin;
    const struct dsi_parquet_row_group *group; // NULL: none begun.
    struct leaf *leaves;
    struct dsi_parquet_column *columns; // One for each leaf; empty between calls.
    size_t leaf_count;
    int64_t row; // Of the group, to be read next.
    int64_t row_base;
    int64_t last; // Rows of the last read.
};

int dsi_data_source_new(const struct dsi_data_origin *origin,
                        struct dsi_data_source **out, struct ds_error *err)
{
    size_t count = origin->leaf_count > 0 ? origin->leaf_count : 1;
    struct dsi_data_source *s = dsi_calloc(1, sizeof *s);
    struct leaf *leaves = dsi_calloc(count, sizeof *leaves);
    struct dsi_parquet_column *columns = dsi_calloc(count, sizeof *columns);

    *out = NULL;
    if (!s || !leaves || !columns) {
        dsi_free(s);
        dsi_free(leaves);
        dsi_free(columns);
        return dsi_no_memory(err, "making a column's decoder");
    }
    for (size_t i = 0; i < origin->leaf_count; i++) {
        leaves[i].node = origin->leaves[i].node;
        leaves[i].keep_levels = origin->leaves[i].keep_levels;
        dsi_parquet_column_use_pool(&columns[i]);
    }
    s->origin = origin;
    s->leaves = leaves;
    s->columns = columns;
    s->leaf_count = origin->leaf_count;
    *out = s;
    return DS_OK;
}

static void release_columns(struct dsi_data_source *s)
{
    for (size_t i = 0; i < s->leaf_count; i++) {
        dsi_parquet_column_release(&s->columns[i]);
    }
}

void dsi_data_source_end(struct dsi_data_source *s)
{
    for (size_t i = 0; i < s->leaf_count; i++) {
        dsi_data_pages_end(&s->leaves[i].pages);
    }
    release_columns(s);
    s->group = NULL;
}

void dsi_data_source_free(struct dsi_data_source *s)
{
    if (s) {
        dsi_data_source_end(s);
        dsi_free(s->leaves);
        dsi_free(s->columns);
        dsi_free(s);
    }
}

size_t dsi_data_source_leaf_count(const struct dsi_data_source *s)
{
    return s->leaf_count;
}

const struct dsi_parquet_node *dsi_data_source_leaf(const struct dsi_data_source *s,
                                                    size_t i)
{
    assert(i < s->leaf_count);
    return s->leaves[i].node;
}

int64_t dsi_data_source_row(const struct dsi_data_source *s)
{
    return s->row;
}

int dsi_data_source_begin(struct dsi_data_source *s, struct dsi_data_io *io,
                          const struct dsi_parquet_row_group *group,
                          const struct dsi_data_chunk *chunks, int64_t row_base,
                          struct ds_error *err)
{
    int rc = DS_OK;

    dsi_data_source_end(s);
    s->group = group;
    s->row_base = row_base;
    s->row = 0;
    s->last = 0;
    for (size_t i = 0; i < s->leaf_count; i++) {
        struct leaf *l = &s->leaves[i];
        DSI_TRY(dsi_data_pages_begin(&l->pages, io, l->node, &chunks[i], group->row_count,
                                     l->keep_levels, err));
    }
done:
    return rc;
}

// Puts all leaves at a row of the group.
static int go(struct dsi_data_source *s, int64_t row, struct ds_error *err)
{
    int rc = DS_OK;

    for (size_t i = 0; i < s->leaf_count; i++) {
        DSI_TRY(dsi_data_pages_go(&s->leaves[i].pages, row, err));
    }
done:
    return rc;
}

// Empties a leaf's column, with bounds for what is read next.
static void set_bounds(struct dsi_parquet_column *c, size_t bytes_max)
{
    enum { SLOT_BYTES = 16, SLOTS_MIN = 4096 }; // Of an entry and its levels, roughly.

    dsi_parquet_column_release(c);
    c->bytes.max = bytes_max;
    c->reps.max = bytes_max > 0 ? bytes_max / SLOT_BYTES + SLOTS_MIN : 0;
}

// Reads the next rows of a leaf: `*count` becomes how many.
static int read_leaf(struct dsi_data_source *s, size_t i, size_t bytes_max, size_t *count,
                     struct ds_error *err)
{
    struct leaf *l = &s->leaves[i];
    struct dsi_parquet_column *c = &s->columns[i];
    size_t got = 0;
    int rc = DS_OK;

    set_bounds(c, bytes_max);
    rc = dsi_data_pages_read(&l->pages, *count, c, &got, err);
    if (rc == DS_EUNSUPPORTED) { // Perhaps one row that is larger: it comes alone.
        set_bounds(c, 0);
        DSI_TRY(dsi_data_pages_go(&l->pages, s->row, err));
        rc = dsi_data_pages_read(&l->pages, 1, c, &got, err);
    }
    DSI_TRY(rc);
    if (got == 0) {
        char path[256];
        dsi_parquet_path(l->node, path, sizeof path);
        rc = dsi_corrupt(err, "column %s: its data end at row %lld of %lld", path,
                         (long long)s->row, (long long)s->group->row_count);
    }
    *count = got;
done:
    return rc;
}

// Reads chosen rows of a leaf, run by run, likewise. No row may get alone.
static int pick_leaf(struct dsi_data_source *s, size_t i, const int64_t *rows,
                     size_t bytes_max, size_t *count, struct ds_error *err)
{
    struct leaf *l = &s->leaves[i];
    size_t got = 0;
    int rc = DS_OK;

    set_bounds(&s->columns[i], bytes_max);
    while (got < *count) {
        size_t run = 1;
        size_t n = 0;
        while (got + run < *count && rows[got + run] == rows[got] + (int64_t)run) {
            run++;
        }
        DSI_TRY(dsi_data_pages_go(&l->pages, s->row + rows[got], err));
        DSI_TRY(dsi_data_pages_read(&l->pages, run, &s->columns[i], &n, err));
        got += n;
        if (n < run) {
            break; // Its text fills the buffer.
        }
    }
    *count = got;
done:
    return rc;
}

// The next rows of all leaves, or the chosen ones (`rows` is not NULL): as many of each.
// Text goes first, as it may stop early; leaves that got further go back.
static int read_leaves(struct dsi_data_source *s, const int64_t *rows, size_t bytes_max,
                       size_t *count, struct ds_error *err)
{
    int rc = DS_OK;

    for (int pass = 0; pass < 2; pass++) {
        for (size_t i = 0; *count > 0 && i < s->leaf_count; i++) {
            bool text = s->leaves[i].node->field.physical == DSI_PARQUET_BYTE_ARRAY;
            if (text == (pass == 0)) {
                DSI_TRY(rows ? pick_leaf(s, i, rows, bytes_max, count, err)
                             : read_leaf(s, i, bytes_max, count, err));
            }
        }
    }
    for (size_t i = 0; *count > 0 && i < s->leaf_count; i++) {
        struct leaf *l = &s->leaves[i];
        int64_t passed = rows ? rows[*count - 1] + 1 : (int64_t)*count;
        if (s->columns[i].rows > *count) {
            dsi_parquet_column_cut(l->node, *count, &s->columns[i]);
        }
        DSI_TRY(dsi_data_pages_go(&l->pages, s->row + passed, err));
    }
done:
    return rc;
}

int dsi_data_source_read(struct dsi_data_source *s, int64_t rows_max, size_t bytes_max,
                         struct dsi_batch *b, struct dsi_column *out,
                         struct ds_error *err)
{
    size_t count = (size_t)rows_max;
    int rc = DS_OK;

    assert(s->group && rows_max > 0);
    DSI_TRY(read_leaves(s, NULL, bytes_max, &count, err));
    DSI_TRY(dsi_data_assemble(s->origin, s->columns, (int64_t)count, s->row_base + s->row,
                              b, out, err));
    s->last = (int64_t)count;
    s->row += s->last;
done:
    release_columns(s);
    return rc;
}

// Rows of `c` that no row of its parent covers any more are none of it.
static void cut_column(struct dsi_column *c, int64_t rows)
{
    int64_t below = rows;

    c->length = rows;
    c->null_count = c->validity ? -1 : 0;
    if (c->child_count > 0 && dsi_layout_has_offsets(&c->field->type)) {
        below =
            c->offsets ? c->offsets[c->offset + rows] : c->offsets64[c->offset + rows];
    }
    for (size_t i = 0; i < c->child_count; i++) {
        cut_column(&c->children[i], below);
    }
}

int dsi_data_source_give_back(struct dsi_data_source *s, int64_t rows,
                              struct dsi_column *out, struct ds_error *err)
{
    int rc = DS_OK;

    assert(rows >= 0 && rows <= s->last && out->length == s->last);
    if (rows == s->last) {
        return DS_OK;
    }
    cut_column(out, rows);
    DSI_TRY(go(s, s->row - s->last + rows, err));
    s->row -= s->last - rows;
    s->last = rows;
done:
    return rc;
}

int dsi_data_source_seek(struct dsi_data_source *s, int64_t row, struct ds_error *err)
{
    int rc = DS_OK;

    assert(s->group && row >= 0);
    DSI_TRY(go(s, row, err));
    s->row = row;
    s->last = 0;
done:
    return rc;
}

int dsi_data_source_skip(struct dsi_data_source *s, int64_t rows, struct ds_error *err)
{
    assert(rows >= 0);
    return dsi_data_source_seek(s, s->row + rows, err);
}

// Something is wrong with one of the chosen rows: reads them one by one, so that the
// message is about the right one.
static int find_wrong(struct dsi_data_source *s, const int64_t *rows, size_t count,
                      struct dsi_batch *b, struct dsi_column *out, struct ds_error *err)
{
    int64_t first = s->row;
    int rc = DS_OK;

    for (size_t i = 0; i < count; i++) {
        DSI_TRY(dsi_data_source_seek(s, first + rows[i], err));
        DSI_TRY(dsi_data_source_read(s, 1, 0, b, out, err));
    }
done:
    return rc;
}

int dsi_data_source_pick(struct dsi_data_source *s, const int64_t *rows, size_t count,
                         size_t bytes_max, struct dsi_batch *b, struct dsi_column *out,
                         struct ds_error *err)
{
    size_t got = count;
    int rc = DS_OK;

    assert(s->group && count > 0);
    s->last = 0;
    rc = read_leaves(s, rows, bytes_max, &got, err);
    if (rc == DS_EUNSUPPORTED || (rc == DS_OK && got == 0)) {
        // Perhaps a row that is larger: it comes alone, as dsi_data_source_read has it.
        DSI_TRY(dsi_data_source_seek(s, s->row + rows[0], err));
        return dsi_data_source_read(s, 1, bytes_max, b, out, err);
    }
    DSI_TRY(rc);
    rc = dsi_data_assemble(s->origin, s->columns, (int64_t)got, s->row_base + s->row, b,
                           out, err);
    if (rc == DS_ECORRUPT) {
        int found = find_wrong(s, rows, got, b, out, err);
        rc = found < 0 ? found : rc;
    }
    DSI_TRY(rc);
    s->row += rows[got - 1] + 1;
done:
    release_columns(s);
    return rc;
}
