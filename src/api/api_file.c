#include "datashard/scan.h"

#include "api/api_handle.h"
#include "base/alloc.h"
#include "base/error.h"
#include "data/arrow_io.h"
#include "data/data_file.h"
#include "data/ipc_reader.h"
#include "storage/storage.h"

// A file outside any table still wants a table's properties: those of an empty one.
static int bare_metadata(const struct dsi_schema *schema, struct dsi_metadata **out,
                         struct ds_error *err)
{
    struct dsi_metadata_new spec = {
        .table_uuid = "00000000-0000-0000-0000-000000000000",
        .location = "file:///nowhere",
        .schema = schema,
    };
    return dsi_metadata_new(&spec, out, err);
}

// A data file that a stream reads, and all it stands on.
struct file_source {
    struct dsi_arena arena;
    ds_storage *storage;
    struct dsi_schema schema;
    struct dsi_data_file file;
    struct dsi_metadata *metadata;
    struct dsi_data_reader *reader;
};

static int file_next(void *arg, struct dsi_batch *out, struct ds_error *err)
{
    return dsi_data_reader_next(((struct file_source *)arg)->reader, out, err);
}

static void file_free(void *arg)
{
    struct file_source *s = arg;
    dsi_data_reader_close(s->reader);
    dsi_metadata_unref(s->metadata);
    dsi_storage_free(s->storage);
    dsi_arena_release(&s->arena);
    dsi_free(s);
}

static int open_source(struct file_source *s, const char *location, struct ds_error *err)
{
    struct ds_file_info info = {0};
    struct dsi_data_reader_options options = {0};
    char *path = NULL;
    int rc = DS_OK;

    DSI_TRY(dsi_handle_location(location, &s->arena, &path, err));
    DSI_TRY(dsi_storage_router_new(&s->storage, err));
    DSI_TRY(dsi_storage_stat(s->storage, path, &info, err));
    DSI_TRY(dsi_data_file_schema(s->storage, path, &s->arena, &s->schema, err));
    DSI_TRY(bare_metadata(&s->schema, &s->metadata, err));
    s->file = (struct dsi_data_file){
        .path = path,
        .format = DSI_FORMAT_PARQUET,
        .record_count = -1,
        .file_size = (int64_t)info.size,
        .sort_order_id = -1,
        .first_row_id = -1,
        .content_offset = -1,
        .content_size = -1,
    };
    options.storage = s->storage;
    options.file = &s->file;
    options.metadata = s->metadata;
    options.schema = &s->schema;
    options.own_schema = true;
    DSI_TRY(dsi_data_reader_open(&options, &s->reader, err));
done:
    return rc;
}

// An Arrow file or stream at a location, if it is one: *found.
static int open_ipc(const char *location, bool *found, struct ArrowArrayStream *out,
                    struct ds_error *err)
{
    struct dsi_arena arena = DSI_ARENA_INIT;
    struct dsi_ipc_reader *reader = NULL;
    struct ds_file *file = NULL;
    ds_storage *storage = NULL;
    uint8_t head[8] = {0};
    char *path = NULL;
    int rc = DS_OK;

    *found = false;
    DSI_TRY(dsi_handle_location(location, &arena, &path, err));
    DSI_TRY(dsi_storage_router_new(&storage, err));
    DSI_TRY(dsi_file_open(storage, path, &file, err));
    if (dsi_file_size(file) >= sizeof head) {
        DSI_TRY(dsi_file_read(file, 0, head, sizeof head, err));
    }
    *found = dsi_ipc_is_file(head, sizeof head) || dsi_ipc_is_stream(head, sizeof head);
    if (*found) {
        rc = dsi_ipc_reader_open_file(storage, file, location, &reader, err);
        file = NULL; // Taken, both.
        storage = NULL;
        DSI_TRY(rc);
        dsi_ipc_reader_stream(reader, out);
    }
done:
    dsi_file_close(file);
    dsi_storage_free(storage);
    dsi_arena_release(&arena);
    return rc;
}

static int file_scan(const char *location, const struct ds_arrow_form *user,
                     struct ArrowArrayStream *out, struct ds_error *err)
{
    struct dsi_batch_source batches = {file_next, file_free, NULL};
    struct file_source *source = NULL;
    const struct dsi_schema *schema = NULL;
    struct dsi_arrow_form form;
    bool ipc = false;
    int rc = DS_OK;

    *out = (struct ArrowArrayStream){0};
    DSI_TRY(open_ipc(location, &ipc, out, err));
    if (ipc && user) {
        out->release(out);
        return dsi_fail(err, DS_EUNSUPPORTED,
                        "%s: the columns of Arrow files come in the form they are in",
                        location);
    }
    if (ipc) {
        return DS_OK;
    }
    source = dsi_calloc(1, sizeof(*source));
    if (!source) {
        return dsi_no_memory(err, "a file's rows");
    }
    DSI_TRY(open_source(source, location, err));
    schema = &source->schema;
    DSI_TRY(dsi_handle_form(user, schema, &source->arena, &form, err));
    batches.arg = source;
    source = NULL; // The stream frees it from here on, on failure too.
    DSI_TRY(dsi_arrow_stream_new_as(schema, &form, batches, out, err));
done:
    if (source) {
        file_free(source);
    }
    return rc;
}

int ds_file_scan(const char *location, struct ArrowArrayStream *out, struct ds_error *err)
{
    int rc = dsi_handle_need(location, "ds_file_scan", "location", err);
    if (rc == DS_OK) {
        rc = dsi_handle_need(out, "ds_file_scan", "out", err);
    }
    return rc == DS_OK ? file_scan(location, NULL, out, err) : rc;
}

int ds_file_scan_as(const char *location, const struct ds_arrow_form *form,
                    struct ArrowArrayStream *out, struct ds_error *err)
{
    int rc = dsi_handle_need(location, "ds_file_scan_as", "location", err);
    if (rc == DS_OK) {
        rc = dsi_handle_need(out, "ds_file_scan_as", "out", err);
    }
    return rc == DS_OK ? file_scan(location, form, out, err) : rc;
}

// What writing a stream to a file holds.
struct file_sink {
    struct dsi_arena arena;
    ds_storage *storage;
    struct ArrowSchema arrow;
    struct dsi_schema schema;
    struct dsi_metadata *metadata;
    struct dsi_arrow_import *import;
    struct dsi_data_writer *writer;
};

static int open_sink(struct file_sink *k, const char *location,
                     struct ArrowArrayStream *stream, struct ds_error *err)
{
    struct dsi_data_writer_options options = {0};
    char *path = NULL;
    int rc = DS_OK;

    DSI_TRY(dsi_handle_location(location, &k->arena, &path, err));
    if (stream->get_schema(stream, &k->arrow) != 0) {
        const char *why = stream->get_last_error(stream);
        rc = dsi_fail(err, DS_EINVALID, "%s", why ? why : "the stream has no schema");
        goto done;
    }
    DSI_TRY(dsi_arrow_schema_read(&k->arrow, &k->arena, &k->schema, err));
    DSI_TRY(dsi_arrow_import_new(&k->arrow, &k->schema, &k->import, err));
    DSI_TRY(bare_metadata(&k->schema, &k->metadata, err));
    DSI_TRY(dsi_storage_router_new(&k->storage, err));
    options.storage = k->storage;
    options.location = path;
    options.metadata = k->metadata;
    options.schema = &k->schema;
    DSI_TRY(dsi_data_writer_open(&options, &k->writer, err));
done:
    return rc;
}

static int drain(struct file_sink *k, struct ArrowArrayStream *stream,
                 struct ds_error *err)
{
    struct dsi_data_file described = {0};
    struct dsi_batch batch = {0};
    int64_t rows = 0;
    int rc = DS_OK;

    while ((rc = dsi_arrow_stream_next(stream, k->import, rows, &batch, err)) == DS_ROW) {
        rc = dsi_data_writer_append(k->writer, &batch, 0, batch.rows, err);
        rows += batch.rows;
        dsi_batch_release(&batch);
        if (rc < 0) {
            goto done;
        }
    }
    if (rc == DS_OK) {
        rc = dsi_data_writer_finish(k->writer, &k->arena, &described, err);
    }
done:
    return rc;
}

int ds_file_write(const char *location, struct ArrowArrayStream *stream, int64_t *rows,
                  struct ds_error *err)
{
    struct file_sink sink = {0};
    int rc = DS_OK;

    DSI_TRY(dsi_handle_need(stream, "ds_file_write", "stream", err));
    DSI_TRY(dsi_handle_need(stream->release ? stream : NULL, "ds_file_write",
                            "stream->release", err));
    DSI_TRY(dsi_handle_need(location, "ds_file_write", "location", err));
    DSI_TRY(open_sink(&sink, location, stream, err));
    DSI_TRY(drain(&sink, stream, err));
    if (rows) {
        *rows = dsi_data_writer_rows(sink.writer);
    }
done:
    dsi_data_writer_close(sink.writer);
    dsi_arrow_import_free(sink.import);
    if (sink.arrow.release) {
        sink.arrow.release(&sink.arrow);
    }
    dsi_metadata_unref(sink.metadata);
    dsi_storage_free(sink.storage);
    dsi_arena_release(&sink.arena);
    if (stream && stream->release) {
        stream->release(stream);
    }
    return rc;
}
