#include "datashard/rows.h"

#include <string.h>

#include "base/alloc.h"
#include "base/error.h"
#include "data/arrow_io.h"
#include "data/text_reader.h"
#include "data/text_writer.h"

struct ds_rows {
    struct dsi_arena arena; // The schema, the name.
    struct dsi_schema schema;
    struct dsi_text_reader *reader;
};

static int check_options(const struct ds_rows_options *o, struct ds_error *err)
{
    if (!o || o->struct_size < sizeof *o || !o->read) {
        return dsi_fail(err, DS_EINVALID,
                        "ds_rows: options without a read function, or "
                        "of an older size");
    }
    if (o->format < DS_ROWS_CSV || o->format > DS_ROWS_JSON) {
        return dsi_fail(err, DS_EINVALID, "ds_rows: there is no format %d",
                        (int)o->format);
    }
    return DS_OK;
}

static struct dsi_text_options text_options(const struct ds_rows_options *o)
{
    return (struct dsi_text_options){.format = o->format,
                                     .read = o->read,
                                     .read_arg = o->read_arg,
                                     .name = o->name ? o->name : "input",
                                     .delimiter = o->delimiter,
                                     .batch_rows_max = o->batch_rows_max};
}

int ds_rows_open(const struct ds_rows_options *options, ds_rows **out,
                 struct ds_error *err)
{
    struct dsi_text_options text;
    ds_rows *rows = NULL;
    int rc = DS_OK;

    if (!out) {
        return dsi_fail(err, DS_EINVALID, "ds_rows_open: out is NULL");
    }
    *out = NULL;
    DSI_TRY(check_options(options, err));
    if (!options->schema) {
        return dsi_fail(err, DS_EINVALID, "ds_rows_open: the schema is NULL");
    }
    rows = dsi_calloc(1, sizeof *rows);
    if (!rows) {
        return dsi_no_memory(err, "opening rows");
    }
    text = text_options(options);
    text.name = dsi_arena_strdup(&rows->arena, text.name);
    if (!text.name) {
        rc = dsi_no_memory(err, "opening rows");
        goto done;
    }
    DSI_TRY(dsi_arrow_schema_read(options->schema, &rows->arena, &rows->schema, err));
    DSI_TRY(dsi_text_reader_new(&text, &rows->schema, &rows->reader, err));
    *out = rows;
    rows = NULL;
done:
    ds_rows_free(rows);
    return rc;
}

int ds_rows_next(ds_rows *rows, struct ArrowArray *out, struct ds_error *err)
{
    struct dsi_batch batch;
    int rc = DS_OK;

    if (!rows || !out) {
        return dsi_fail(err, DS_EINVALID, "ds_rows_next: an argument is NULL");
    }
    memset(out, 0, sizeof *out);
    rc = dsi_text_reader_next(rows->reader, &batch, err);
    if (rc != DS_ROW) {
        return rc;
    }
    rc = dsi_arrow_export_batch(&batch, out, err);
    dsi_batch_release(&batch);
    return rc < 0 ? rc : DS_ROW;
}

int ds_rows_ended(const ds_rows *rows)
{
    return !rows || dsi_text_reader_ended(rows->reader);
}

void ds_rows_free(ds_rows *rows)
{
    if (rows) {
        dsi_text_reader_free(rows->reader);
        dsi_arena_release(&rows->arena);
        dsi_free(rows);
    }
}

int ds_rows_infer(const struct ds_rows_options *options, struct ArrowSchema *out,
                  struct ds_error *err)
{
    struct dsi_arena arena = DSI_ARENA_INIT;
    struct dsi_text_options text;
    struct dsi_schema schema;
    int rc = check_options(options, err);

    if (rc < 0 || !out) {
        return rc < 0 ? rc : dsi_fail(err, DS_EINVALID, "ds_rows_infer: out is NULL");
    }
    text = text_options(options);
    DSI_TRY(dsi_text_infer(&text, &arena, &schema, err));
    DSI_TRY(dsi_arrow_schema_write(&schema, out, err));
done:
    dsi_arena_release(&arena);
    return rc;
}

// --- out
// -----------------------------------------------------------------------------------

// A stream being read as batches; the stream is released with it.
struct intake {
    struct ArrowArrayStream *stream;
    struct dsi_arena arena;
    struct dsi_schema schema;
    struct dsi_arrow_import *import;
    int64_t rows;
};

static int intake_open(struct intake *in, struct ds_error *err)
{
    struct ArrowSchema schema = {0};
    const char *words = NULL;
    int rc = DS_OK;

    if (in->stream->get_schema(in->stream, &schema) != 0) {
        words = in->stream->get_last_error(in->stream);
        return dsi_fail(err, DS_EINVALID, "the stream has no schema: %s",
                        words ? words : "it does not say why");
    }
    DSI_TRY(dsi_arrow_schema_read(&schema, &in->arena, &in->schema, err));
    DSI_TRY(dsi_arrow_import_new(&schema, &in->schema, &in->import, err));
done:
    if (schema.release) {
        schema.release(&schema);
    }
    return rc;
}

static int intake_next(struct intake *in, struct dsi_batch *out, struct ds_error *err)
{
    int rc = dsi_arrow_stream_next(in->stream, in->import, in->rows, out, err);
    if (rc == DS_ROW) {
        in->rows += out->rows;
    }
    return rc;
}

static void intake_close(struct intake *in)
{
    dsi_arrow_import_free(in->import);
    dsi_arena_release(&in->arena);
    if (in->stream->release) {
        in->stream->release(in->stream);
    }
}

static int flush(struct dsi_buf *text, size_t above, ds_write_fn write, void *arg,
                 struct ds_error *err)
{
    int rc = DS_OK;
    if (text->size > above) {
        rc = write(arg, text->data, text->size, err);
        text->size = 0;
    }
    return rc;
}

int ds_rows_write(struct ArrowArrayStream *stream, enum ds_rows_format format,
                  ds_write_fn write, void *write_arg, int64_t *rows, struct ds_error *err)
{
    enum { CHUNK = 1 << 16 };
    struct intake in = {.stream = stream};
    struct dsi_buf text = DSI_BUF_INIT;
    struct dsi_batch batch;
    int64_t written = 0;
    int rc = DS_OK;

    if (!stream || !stream->release) {
        return dsi_fail(err, DS_EINVALID, "ds_rows_write: there is no stream");
    }
    if (!write || format < DS_ROWS_CSV || format > DS_ROWS_JSON) {
        rc =
            dsi_fail(err, DS_EINVALID, "ds_rows_write: no such format, or write is NULL");
        goto done;
    }
    DSI_TRY(intake_open(&in, err));
    DSI_TRY(dsi_text_write_begin(format, &in.schema, &text, err));
    while ((rc = intake_next(&in, &batch, err)) == DS_ROW) {
        for (int64_t i = 0; rc >= 0 && i < batch.rows; i++) {
            rc = dsi_text_write_row(format, &batch, i, written == 0, &text, err);
            if (rc == DS_OK) {
                rc = flush(&text, CHUNK, write, write_arg, err);
            }
            written++;
        }
        dsi_batch_release(&batch);
        DSI_TRY(rc);
    }
    DSI_TRY(rc);
    DSI_TRY(dsi_text_write_end(format, &text, err));
    DSI_TRY(flush(&text, 0, write, write_arg, err));
    if (rows) {
        *rows = written;
    }
done:
    dsi_buf_release(&text);
    intake_close(&in);
    return rc;
}

// One row's cells as C strings, all in one buffer.
static int fill_cells(const struct dsi_batch *b, int64_t row, struct dsi_buf *text,
                      const char **cells, struct ds_error *err)
{
    size_t *starts = (size_t *)(void *)cells; // First where each begins, then a pointer.
    bool null = false;
    int rc = DS_OK;

    text->size = 0;
    for (size_t i = 0; i < b->column_count; i++) {
        starts[i] = text->size;
        DSI_TRY(dsi_text_write_cell(&b->columns[i], row, text, &null, err));
        if (null) {
            starts[i] = SIZE_MAX;
        } else {
            DSI_TRY(dsi_buf_append_byte(text, 0, err));
        }
    }
    for (size_t i = 0; i < b->column_count; i++) {
        size_t start = starts[i];
        cells[i] = start == SIZE_MAX ? NULL : (const char *)text->data + start;
    }
done:
    return rc;
}

int ds_rows_cells(struct ArrowArrayStream *stream, ds_cells_fn fn, void *arg,
                  struct ds_error *err)
{
    struct intake in = {.stream = stream};
    struct dsi_buf text = DSI_BUF_INIT;
    const char **cells = NULL;
    struct dsi_batch batch;
    int rc = DS_OK;

    if (!stream || !stream->release) {
        return dsi_fail(err, DS_EINVALID, "ds_rows_cells: there is no stream");
    }
    if (!fn) {
        rc = dsi_fail(err, DS_EINVALID, "ds_rows_cells: fn is NULL");
        goto done;
    }
    DSI_TRY(intake_open(&in, err));
    cells = dsi_arena_array(&in.arena, in.schema.root.field_count, sizeof *cells);
    if (!cells) {
        rc = dsi_no_memory(err, "reading cells");
        goto done;
    }
    while ((rc = intake_next(&in, &batch, err)) == DS_ROW) {
        for (int64_t i = 0; rc >= 0 && i < batch.rows; i++) {
            rc = fill_cells(&batch, i, &text, cells, err);
            if (rc == DS_OK) {
                rc = fn(arg, cells, batch.column_count);
            }
        }
        dsi_batch_release(&batch);
        DSI_TRY(rc);
    }
done:
    dsi_buf_release(&text);
    intake_close(&in);
    return rc;
}
