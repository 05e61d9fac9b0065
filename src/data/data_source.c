#include "data/data_source.h"

#include <assert.h>

#include "base/alloc.h"
#include "base/error.h"
#include "data/column_layout.h"
#include "data/data_column.h"

struct dsi_data_source {
    const struct dsi_data_origin *origin;
    const struct dsi_parquet_row_group *group; // NULL: none begun.
    struct ds_slice bytes;                     // The chunk.
    dsi_parquet_reader *reader;
    int64_t row; // Of the group, to be read next.
    int64_t row_base;
    int64_t last; // Rows of the last read.
};

int dsi_data_source_new(const struct dsi_data_origin *origin,
                        struct dsi_data_source **out, struct ds_error *err)
{
    struct dsi_data_source *s = dsi_calloc(1, sizeof *s);

    *out = s;
    if (!s) {
        return dsi_no_memory(err, "making a column's decoder");
    }
    s->origin = origin;
    return DS_OK;
}

void dsi_data_source_end(struct dsi_data_source *s)
{
    dsi_parquet_reader_free(s->reader);
    s->reader = NULL;
    s->group = NULL;
}

void dsi_data_source_free(struct dsi_data_source *s)
{
    if (s) {
        dsi_data_source_end(s);
        dsi_free(s);
    }
}

size_t dsi_data_source_leaf_count(const struct dsi_data_source *s)
{
    return s->origin->leaf ? 1 : 0;
}

const struct dsi_parquet_node *dsi_data_source_leaf(const struct dsi_data_source *s,
                                                    size_t i)
{
    assert(i < dsi_data_source_leaf_count(s));
    return i == 0 ? s->origin->leaf : NULL;
}

int64_t dsi_data_source_row(const struct dsi_data_source *s)
{
    return s->row;
}

// Puts the decoder at a row of the group: from the start, since it only goes on.
static int seek(struct dsi_data_source *s, int64_t row, struct ds_error *err)
{
    int rc = DS_OK;

    dsi_parquet_reader_free(s->reader);
    s->reader = NULL;
    DSI_TRY(dsi_parquet_reader_new(s->origin->leaf,
                                   &s->group->columns[s->origin->leaf->leaf], s->bytes,
                                   NULL, &s->reader, err));
    DSI_TRY(dsi_parquet_reader_skip(s->reader, row, err));
    s->row = row;
done:
    return rc;
}

int dsi_data_source_begin(struct dsi_data_source *s,
                          const struct dsi_parquet_row_group *group,
                          const struct ds_slice *bytes, int64_t row_base,
                          struct ds_error *err)
{
    dsi_data_source_end(s);
    s->group = group;
    s->row_base = row_base;
    s->row = 0;
    s->last = 0;
    if (!s->origin->leaf) {
        return DS_OK;
    }
    s->bytes = bytes[0];
    return seek(s, 0, err);
}

static int read_leaf(struct dsi_data_source *s, int64_t rows_max, size_t bytes_max,
                     struct dsi_batch *b, struct dsi_column *out, struct ds_error *err)
{
    struct dsi_parquet_column in = DSI_PARQUET_COLUMN_INIT;
    size_t got = 0;
    int rc = DS_OK;

    in.bytes.max = bytes_max;
    rc = dsi_parquet_reader_read(s->reader, (size_t)rows_max, &in, &got, err);
    if (rc == DS_EUNSUPPORTED) { // Perhaps one value that is larger: it comes alone.
        dsi_parquet_column_release(&in);
        in.bytes.max = 0;
        DSI_TRY(seek(s, s->row, err));
        rc = dsi_parquet_reader_read(s->reader, 1, &in, &got, err);
    }
    DSI_TRY(rc);
    if (got == 0) {
        rc = dsi_corrupt(err, "column %s: its data end at row %lld of %lld",
                         out->field->name, (long long)s->row,
                         (long long)s->group->row_count);
        goto done;
    }
    DSI_TRY(
        dsi_data_column_move(s->origin->leaf, &in, s->row_base + s->row, b, out, err));
done:
    dsi_parquet_column_release(&in);
    return rc;
}

int dsi_data_source_read(struct dsi_data_source *s, int64_t rows_max, size_t bytes_max,
                         struct dsi_batch *b, struct dsi_column *out,
                         struct ds_error *err)
{
    int rc = DS_OK;

    assert(s->group && rows_max > 0);
    if (s->origin->leaf) {
        DSI_TRY(read_leaf(s, rows_max, bytes_max, b, out, err));
    } else {
        DSI_TRY(dsi_column_fill(b, &s->origin->constant, rows_max, out, err));
    }
    s->last = out->length;
    s->row += out->length;
done:
    return rc;
}

int dsi_data_source_give_back(struct dsi_data_source *s, int64_t rows,
                              struct dsi_column *out, struct ds_error *err)
{
    int64_t row = s->row - s->last + rows;

    assert(rows >= 0 && rows <= s->last && out->length == s->last);
    if (rows == s->last) {
        return DS_OK;
    }
    out->length = rows;
    out->null_count = out->validity ? -1 : 0;
    s->last = rows;
    if (!s->origin->leaf) {
        s->row = row;
        return DS_OK;
    }
    return seek(s, row, err);
}

int dsi_data_source_skip(struct dsi_data_source *s, int64_t rows, struct ds_error *err)
{
    int rc = DS_OK;

    assert(s->group && rows >= 0);
    if (s->origin->leaf) {
        DSI_TRY(dsi_parquet_reader_skip(s->reader, rows, err));
    }
    s->row += rows;
    s->last = 0;
done:
    return rc;
}

int dsi_data_source_seek(struct dsi_data_source *s, int64_t row, struct ds_error *err)
{
    int rc = DS_OK;

    assert(s->group && row >= 0);
    if (row == s->row) {
        return DS_OK;
    }
    s->last = 0;
    if (!s->origin->leaf) {
        s->row = row;
    } else if (row > s->row) {
        DSI_TRY(dsi_data_source_skip(s, row - s->row, err));
    } else {
        DSI_TRY(seek(s, row, err));
    }
done:
    return rc;
}

// Decodes the chosen rows, run by run, into one column. `*got` of them, and `*next`, the
// row after them, counted as `rows` are.
static int pick_rows(struct dsi_data_source *s, const int64_t *rows, size_t count,
                     struct dsi_parquet_column *in, size_t *got, int64_t *next,
                     struct ds_error *err)
{
    int rc = DS_OK;

    *got = 0;
    *next = 0;
    while (*got < count) {
        size_t run = 1;
        size_t n = 0;
        while (*got + run < count && rows[*got + run] == rows[*got] + (int64_t)run) {
            run++;
        }
        DSI_TRY(dsi_parquet_reader_skip(s->reader, rows[*got] - *next, err));
        DSI_TRY(dsi_parquet_reader_read(s->reader, run, in, &n, err));
        *next = rows[*got] + (int64_t)n;
        *got += n;
        if (n < run) {
            break; // Its text fills the buffer.
        }
    }
done:
    return rc;
}

int dsi_data_source_pick(struct dsi_data_source *s, const int64_t *rows, size_t count,
                         size_t bytes_max, struct dsi_batch *b, struct dsi_column *out,
                         struct ds_error *err)
{
    struct dsi_parquet_column in = DSI_PARQUET_COLUMN_INIT;
    size_t got = 0;
    int64_t next = 0;
    int rc = DS_OK;

    assert(s->group && count > 0);
    s->last = 0;
    if (!s->origin->leaf) {
        DSI_TRY(dsi_column_fill(b, &s->origin->constant, (int64_t)count, out, err));
        s->row += rows[count - 1] + 1;
        return DS_OK;
    }
    in.bytes.max = bytes_max;
    rc = pick_rows(s, rows, count, &in, &got, &next, err);
    if (rc == DS_EUNSUPPORTED || (rc == DS_OK && got == 0)) {
        // Perhaps a value that is larger: it comes alone, as dsi_data_source_read has it.
        dsi_parquet_column_release(&in);
        DSI_TRY(seek(s, s->row + rows[0], err));
        return dsi_data_source_read(s, 1, bytes_max, b, out, err);
    }
    DSI_TRY(rc);
    DSI_TRY(
        dsi_data_column_move(s->origin->leaf, &in, s->row_base + s->row, b, out, err));
    s->row += next;
done:
    dsi_parquet_column_release(&in);
    return rc;
}
