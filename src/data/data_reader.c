// Reading a data file: the columns of a projection, row group by row group.
//
// (1) One row group's chosen chunks are held at a time, and what a batch took.
// (2) All columns of a batch have the same number of rows: a column that got further than
//     the shortest one (text that fills its buffer) goes back.
#include "base/alloc.h"
#include "base/error.h"
#include "data/column_layout.h"
#include "data/data_file.h"
#include "data/data_metrics.h"
#include "data/data_schema.h"
#include "data/data_source.h"

enum { BATCH_ROWS_DEFAULT = 65536, BATCH_BYTES_DEFAULT = 64 << 20 };

// One column of the projection, in the row group that is being read.
struct source {
    const struct dsi_data_origin *origin;
    struct dsi_data_source *decoder;
    struct dsi_buf *chunks; // One for each leaf of the decoder.
    struct ds_slice *bytes; // What is in them.
};

struct dsi_data_reader {
    struct dsi_data_reader_options options;
    struct dsi_arena arena;
    struct ds_file *file;
    struct dsi_parquet_file parquet;
    struct source *sources; // Per column of the schema.
    size_t source_count;
    size_t next_group;
    const struct dsi_parquet_row_group *group; // NULL: none begun.
    int64_t row;                               // In the group.
    int64_t row_base;                          // Of the group, for messages.
    bool failed;
};

static void end_group(struct dsi_data_reader *r)
{
    for (size_t i = 0; i < r->source_count; i++) {
        struct source *s = &r->sources[i];
        if (!s->decoder) {
            continue;
        }
        dsi_data_source_end(s->decoder);
        for (size_t k = 0; k < dsi_data_source_leaf_count(s->decoder); k++) {
            dsi_buf_release(&s->chunks[k]);
        }
    }
    if (r->group) {
        r->row_base += r->group->row_count;
    }
    r->group = NULL;
}

void dsi_data_reader_close(struct dsi_data_reader *r)
{
    if (!r) {
        return;
    }
    end_group(r);
    for (size_t i = 0; i < r->source_count; i++) {
        dsi_data_source_free(r->sources[i].decoder);
    }
    dsi_parquet_file_release(&r->parquet);
    dsi_file_close(r->file);
    dsi_arena_release(&r->arena);
    dsi_free(r);
}

static int open_file(struct dsi_data_reader *r, struct ds_error *err)
{
    static const char *const names[] = {"Parquet", "Avro", "ORC", "Puffin"};
    const struct dsi_data_file *file = r->options.file;
    int rc = DS_OK;

    if (file->format != DSI_FORMAT_PARQUET) {
        return dsi_fail(err, DS_EUNSUPPORTED, "data files in %s are not read yet",
                        names[file->format]);
    }
    DSI_TRY(dsi_file_open(r->options.storage, file->path, &r->file, err));
    DSI_TRY(dsi_data_footer_read(r->file, &r->parquet, err));
done:
    return rc;
}

static int make_sources(struct dsi_data_reader *r, struct ds_error *err)
{
    size_t count = r->options.schema->root.field_count;
    struct dsi_data_origin *origins = NULL;
    int rc = DS_OK;

    r->sources = dsi_arena_array(&r->arena, count, sizeof *r->sources);
    if (!r->sources) {
        return dsi_no_memory(err, "making a data file reader");
    }
    r->source_count = count;
    DSI_TRY(dsi_data_origins(&r->options, &r->parquet, &r->arena, &origins, err));
    for (size_t i = 0; i < count; i++) {
        struct source *s = &r->sources[i];
        s->origin = &origins[i];
        DSI_TRY(dsi_data_source_new(s->origin, &s->decoder, err));
        size_t leaves = dsi_data_source_leaf_count(s->decoder);
        s->chunks = dsi_arena_array(&r->arena, leaves, sizeof *s->chunks);
        s->bytes = dsi_arena_array(&r->arena, leaves, sizeof *s->bytes);
        if (!s->chunks || !s->bytes) {
            return dsi_no_memory(err, "making a data file reader");
        }
    }
done:
    return rc;
}

int dsi_data_reader_open(const struct dsi_data_reader_options *options,
                         struct dsi_data_reader **out, struct ds_error *err)
{
    struct dsi_data_reader *r = dsi_calloc(1, sizeof *r);
    int rc = DS_OK;

    *out = NULL;
    if (!r) {
        return dsi_no_memory(err, "making a data file reader");
    }
    r->options = *options;
    if (r->options.batch_rows_max <= 0 ||
        r->options.batch_rows_max > DSI_BATCH_ROWS_MAX) {
        r->options.batch_rows_max = BATCH_ROWS_DEFAULT;
    }
    if (r->options.batch_bytes_max == 0) {
        r->options.batch_bytes_max = BATCH_BYTES_DEFAULT;
    }
    DSI_TRY(open_file(r, err));
    DSI_TRY(make_sources(r, err));
    *out = r;
    r = NULL;
done:
    dsi_data_reader_close(r);
    return rc < 0 ? dsi_wrap(err, rc, "reading %s", options->file->path) : rc;
}

// Asks the caller whether a row group is worth reading.
static int wanted(struct dsi_data_reader *r, const struct dsi_parquet_row_group *group,
                  bool *out, struct ds_error *err)
{
    struct dsi_arena arena = DSI_ARENA_INIT;
    struct dsi_column_metrics *columns = NULL;
    int rc = DS_OK;

    *out = true;
    if (!r->options.keep) {
        return DS_OK;
    }
    columns = dsi_arena_array(&arena, r->source_count, sizeof *columns);
    if (!columns) {
        rc = dsi_no_memory(err, "looking at a row group's statistics");
        goto done;
    }
    for (size_t i = 0; i < r->source_count; i++) {
        const struct dsi_field *f = &r->options.schema->root.fields[i];
        const struct dsi_data_origin *o = r->sources[i].origin;
        if (o->leaf) {
            DSI_TRY(dsi_metrics_of_chunk(f, o->leaf, &group->columns[o->leaf->leaf],
                                         &arena, &columns[i], err));
        } else {
            DSI_TRY(dsi_metrics_of_constant(f, &o->constant, group->row_count, &arena,
                                            &columns[i], err));
        }
    }
    *out =
        r->options.keep(r->options.keep_arg, group->row_count, columns, r->source_count);
done:
    dsi_arena_release(&arena);
    return rc;
}

static int fetch_chunk(struct dsi_data_reader *r, const struct dsi_parquet_chunk *chunk,
                       struct dsi_buf *out, struct ds_error *err)
{
    size_t size = (size_t)chunk->size;
    int rc = DS_OK;

    *out = (struct dsi_buf)DSI_BUF_INIT_MAX(size > 0 ? size : 1);
    DSI_TRY(dsi_buf_reserve(out, size, err));
    if (size > 0) {
        DSI_TRY(dsi_file_read(r->file, (uint64_t)chunk->offset, out->data, size, err));
    }
    out->size = size;
done:
    return rc;
}

static int begin_source(struct dsi_data_reader *r, struct source *s, struct ds_error *err)
{
    int rc = DS_OK;

    for (size_t k = 0; k < dsi_data_source_leaf_count(s->decoder); k++) {
        size_t leaf = dsi_data_source_leaf(s->decoder, k)->leaf;
        DSI_TRY(fetch_chunk(r, &r->group->columns[leaf], &s->chunks[k], err));
        s->bytes[k] = dsi_buf_slice(&s->chunks[k]);
    }
    DSI_TRY(dsi_data_source_begin(s->decoder, r->group, s->bytes, r->row_base, err));
done:
    return rc;
}

// Begins the next row group that has rows and is wanted; none left: r->group is NULL.
static int begin_group(struct dsi_data_reader *r, struct ds_error *err)
{
    int rc = DS_OK;

    while (r->next_group < r->parquet.row_group_count) {
        const struct dsi_parquet_row_group *group =
            &r->parquet.row_groups[r->next_group++];
        bool keep = group->row_count > 0;
        if (keep) {
            DSI_TRY(wanted(r, group, &keep, err));
        }
        if (!keep) {
            r->row_base += group->row_count;
            continue;
        }
        r->group = group;
        r->row = 0;
        for (size_t i = 0; i < r->source_count; i++) {
            DSI_TRY(begin_source(r, &r->sources[i], err));
        }
        break;
    }
done:
    return rc;
}

static int read_batch(struct dsi_data_reader *r, struct dsi_batch *out,
                      struct ds_error *err)
{
    int64_t left = r->group->row_count - r->row;
    int64_t rows = left < r->options.batch_rows_max ? left : r->options.batch_rows_max;
    int rc = DS_OK;

    for (size_t i = 0; i < r->source_count; i++) {
        struct dsi_column *c = &out->columns[i];
        DSI_TRY(dsi_data_source_read(r->sources[i].decoder, rows,
                                     r->options.batch_bytes_max, out, c, err));
        rows = c->length;
    }
    for (size_t i = 0; i < r->source_count; i++) { // (2)
        DSI_TRY(dsi_data_source_give_back(r->sources[i].decoder, rows, &out->columns[i],
                                          err));
    }
    out->rows = rows;
    r->row += rows;
done:
    return rc;
}

int dsi_data_reader_next(struct dsi_data_reader *r, struct dsi_batch *out,
                         struct ds_error *err)
{
    int rc = DS_OK;

    *out = (struct dsi_batch){0};
    if (r->failed) {
        return dsi_fail(err, DS_EINVALID, "reading %s: it has failed before",
                        r->options.file->path);
    }
    if (r->group && r->row == r->group->row_count) {
        end_group(r);
    }
    if (!r->group) {
        DSI_TRY(begin_group(r, err));
        if (!r->group) {
            return DS_OK;
        }
    }
    DSI_TRY(dsi_batch_init(out, r->options.schema, err));
    DSI_TRY(read_batch(r, out, err));
    rc = DS_ROW;
done:
    if (rc < 0) {
        dsi_batch_release(out);
        r->failed = true;
        return dsi_wrap(err, rc, "reading %s", r->options.file->path);
    }
    return rc;
}
