#include "datashard/scan.h"

#include <string.h>

#include "api/api_handle.h"
#include "base/alloc.h"
#include "base/error.h"
#include "data/arrow_io.h"
#include "data/data_file.h"
#include "data/ipc_reader.h"
#include "scan/scan.h"
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
    struct dsi_scan *scan;
};

static int file_next(void *arg, struct dsi_batch *out, struct ds_error *err)
{
    return dsi_scan_next(((struct file_source *)arg)->scan, out, err);
}

static void file_free(void *arg)
{
    struct file_source *s = arg;
    dsi_scan_free(s->scan);
    dsi_metadata_unref(s->metadata);
    dsi_storage_free(s->storage);
    dsi_arena_release(&s->arena);
    dsi_free(s);
}

static int open_source(struct file_source *s, const char *location,
                       const struct ds_scan_options *user, struct ds_error *err)
{
    struct ds_file_info info = {0};
    struct dsi_scan_options options = {.user = *user};
    char *path = NULL;
    int64_t rows = -1;
    int rc = DS_OK;

    DSI_TRY(dsi_handle_location(location, &s->arena, &path, err));
    DSI_TRY(dsi_storage_router_new(&s->storage, err));
    DSI_TRY(dsi_storage_stat(s->storage, path, &info, err));
    DSI_TRY(dsi_data_file_look(s->storage, path, &s->arena, &s->schema, &rows, err));
    DSI_TRY(bare_metadata(&s->schema, &s->metadata, err));
    s->file = (struct dsi_data_file){
        .path = path,
        .format = DSI_FORMAT_PARQUET,
        .record_count = rows,
        .file_size = (int64_t)info.size,
        .sort_order_id = -1,
        .first_row_id = -1,
        .content_offset = -1,
        .content_size = -1,
    };
    options.storage = s->storage;
    options.metadata = s->metadata;
    DSI_TRY(dsi_scan_open_file(&options, &s->file, &s->schema, &s->scan, err));
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

static int file_scan(const char *location, const struct ds_scan_options *user,
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
    if (ipc && (user->form || user->filter || user->columns || user->limit)) {
        out->release(out);
        return dsi_fail(err, DS_EUNSUPPORTED,
                        "%s: Arrow files come as they are, all rows and columns in the "
                        "form they have",
                        location);
    }
    if (ipc) {
        return DS_OK;
    }
    source = dsi_calloc(1, sizeof(*source));
    if (!source) {
        return dsi_no_memory(err, "a file's rows");
    }
    DSI_TRY(open_source(source, location, user, err));
    schema = dsi_scan_schema(source->scan);
    DSI_TRY(dsi_handle_form(user->form, schema, &source->arena, &form, err));
    batches.arg = source;
    source = NULL; // The stream frees it from here on, on failure too.
    DSI_TRY(dsi_arrow_stream_new_as(schema, &form, batches, out, err));
done:
    if (source) {
        file_free(source);
    }
    return rc;
}

// All of a file, in its order, in the caller's thread alone.
static const struct ds_scan_options whole_file = {
    .struct_size = sizeof(struct ds_scan_options), .threads = 1, .ordered = true};

int ds_file_scan(const char *location, struct ArrowArrayStream *out, struct ds_error *err)
{
    int rc = dsi_handle_need(location, "ds_file_scan", "location", err);
    if (rc == DS_OK) {
        rc = dsi_handle_need(out, "ds_file_scan", "out", err);
    }
    return rc == DS_OK ? file_scan(location, &whole_file, out, err) : rc;
}

int ds_file_scan_as(const char *location, const struct ds_arrow_form *form,
                    struct ArrowArrayStream *out, struct ds_error *err)
{
    struct ds_scan_options user = whole_file;
    int rc = dsi_handle_need(location, "ds_file_scan_as", "location", err);
    if (rc == DS_OK) {
        rc = dsi_handle_need(out, "ds_file_scan_as", "out", err);
    }
    user.form = form;
    return rc == DS_OK ? file_scan(location, &user, out, err) : rc;
}

int ds_file_scan_with(const char *location, const struct ds_scan_options *options,
                      struct ArrowArrayStream *out, struct ds_error *err)
{
    struct ds_scan_options user = {.struct_size = sizeof(user)};
    int rc = DS_OK;

    DSI_TRY(dsi_handle_need(location, "ds_file_scan_with", "location", err));
    DSI_TRY(dsi_handle_need(out, "ds_file_scan_with", "out", err));
    *out = (struct ArrowArrayStream){0};
    if (options) {
        DSI_TRY(dsi_handle_size(options->struct_size, sizeof(user),
                                "struct ds_scan_options", err));
        memcpy(&user, options, options->struct_size);
        user.struct_size = sizeof(user);
    }
    if (user.at.snapshot_id != 0 || user.at.as_of_ms != 0 || user.at.ref) {
        return dsi_fail(err, DS_EINVALID, "a file has no snapshots to scan it as of");
    }
    DSI_TRY(file_scan(location, &user, out, err));
done:
    return rc;
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

static int sync_file(struct file_sink *k, const char *path, struct ds_error *err)
{
    const char *const paths[] = {path};
    int rc = dsi_storage_sync(k->storage, paths, 1, err);

    if (rc < 0) { // The first error is the one worth reporting.
        DSI_IGNORE(dsi_storage_remove(k->storage, path, NULL));
    }
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
        DSI_TRY(dsi_data_writer_finish(k->writer, &k->arena, &described, err));
        rc = sync_file(k, described.path, err);
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
