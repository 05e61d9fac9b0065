#include "data/ipc_reader.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/error.h"
#include "codec/arrow_ipc/ipc_decode.h"
#include "codec/arrow_ipc/ipc_schema.h"
#include "data/ipc_source.h"

enum { OLD_ROOT_MAX = 1024 };

struct dsi_ipc_reader {
    struct dsi_ipc_source source;
    struct dsi_buf schema_metadata; // The schema's message, or the footer.
    struct dsi_flat_table schema;   // In schema_metadata.
    struct dsi_ipc_decoder decoder;
    struct ArrowArray batch; // The one at hand, given out in slices.
    int64_t batch_at;
    bool ended;
    int failed; // What has failed once goes on failing.
    struct ds_error err;
};

bool dsi_ipc_is_file(const uint8_t *bytes, size_t size)
{
    return size >= DSI_IPC_MAGIC_SIZE &&
           memcmp(bytes, DSI_IPC_MAGIC, DSI_IPC_MAGIC_SIZE) == 0;
}

bool dsi_ipc_is_stream(const uint8_t *bytes, size_t size)
{
    static const uint8_t mark[4] = {0xff, 0xff, 0xff, 0xff};

    if (size < 8) {
        return false;
    }
    int64_t first = dsi_flat_read_int(bytes, 4);
    int64_t second = dsi_flat_read_int(bytes + 4, 4);
    if (memcmp(bytes, mark, sizeof mark) == 0) {
        return second > 0;
    }
    // Before Arrow 0.15: a size, and metadata whose root is near their beginning. No text
    // has such a small number there.
    return first > second && first <= DSI_IPC_METADATA_MAX && second >= 4 &&
           second < OLD_ROOT_MAX;
}

void dsi_ipc_reader_free(struct dsi_ipc_reader *r)
{
    if (!r) {
        return;
    }
    if (r->batch.release) {
        r->batch.release(&r->batch);
    }
    dsi_ipc_decoder_release(&r->decoder);
    dsi_buf_release(&r->schema_metadata);
    dsi_ipc_source_release(&r->source);
    dsi_free(r);
}

static int unexpected(const struct dsi_ipc_message *m, const char *what,
                      struct ds_error *err)
{
    return dsi_corrupt(err, "%s: %s", m->header.what, what);
}

// The schema comes first. Of a file it is in the footer (too).
static int read_schema(struct dsi_ipc_reader *r, struct ds_error *err)
{
    struct dsi_ipc_message m;
    int rc = DS_OK;

    if (r->source.file_format) {
        r->schema = r->source.footer.schema;
    } else {
        DSI_TRY(dsi_ipc_source_next(&r->source, &m, err));
        if (rc == DS_OK) {
            return r->source.ended
                       ? dsi_corrupt(err, "%s: empty: there is no schema", r->source.name)
                       : dsi_fail(err, DS_ECANCELLED,
                                  "%s: paused before its schema was there",
                                  r->source.name);
        }
        if (m.kind != DSI_IPC_SCHEMA || m.body_size != 0) {
            return unexpected(&m, "a stream begins with its schema", err);
        }
        r->schema_metadata = r->source.metadata; // Moved: it is needed to the end.
        r->source.metadata = (struct dsi_buf)DSI_BUF_INIT;
        r->schema = m.header;
    }
    r->schema.what = r->source.name;
    DSI_TRY(dsi_ipc_decoder_init(&r->decoder, &r->schema, err));
done:
    return rc < 0 ? rc : DS_OK;
}

static int open_reader(struct dsi_ipc_source *source, struct dsi_ipc_reader **out,
                       struct ds_error *err)
{
    struct dsi_ipc_reader *r = dsi_calloc(1, sizeof *r);
    int rc = DS_OK;

    if (!r) {
        dsi_ipc_source_release(source);
        return dsi_no_memory(err, "reading Arrow data");
    }
    r->source = *source;
    rc = read_schema(r, err);
    if (rc < 0) {
        dsi_ipc_reader_free(r);
        return rc;
    }
    *out = r;
    return DS_OK;
}

int dsi_ipc_reader_open(ds_read_fn read, void *arg, const char *name,
                        struct dsi_ipc_reader **out, struct ds_error *err)
{
    struct dsi_ipc_source source;

    *out = NULL;
    dsi_ipc_source_init(&source, read, arg, name);
    return open_reader(&source, out, err);
}

int dsi_ipc_reader_open_file(ds_storage *storage, struct ds_file *file, const char *name,
                             struct dsi_ipc_reader **out, struct ds_error *err)
{
    struct dsi_ipc_source source;
    int rc = dsi_ipc_source_open_file(&source, storage, file, name, err);

    *out = NULL;
    return rc < 0 ? rc : open_reader(&source, out, err);
}

int dsi_ipc_reader_schema(const struct dsi_ipc_reader *r, struct ArrowSchema *out,
                          struct ds_error *err)
{
    struct dsi_buf ids = DSI_BUF_INIT;
    int rc = dsi_ipc_schema_read(&r->schema, out, &ids, err);

    dsi_buf_release(&ids);
    return rc;
}

// The next batch with rows: DS_ROW, or DS_OK when there is none (yet).
static int read_batch(struct dsi_ipc_reader *r, struct ds_error *err)
{
    struct dsi_ipc_memory *body = NULL;
    struct dsi_ipc_message m;
    int rc = DS_OK;

    while (!r->batch.release) {
        DSI_TRY(dsi_ipc_source_next(&r->source, &m, err));
        if (rc == DS_OK) {
            r->ended = r->source.ended;
            return DS_OK;
        }
        if (m.kind == DSI_IPC_SCHEMA) {
            return unexpected(&m, "a second schema", err);
        }
        DSI_TRY(dsi_ipc_memory_new(&r->source.body, &body, err));
        DSI_TRY(m.kind == DSI_IPC_DICTIONARY_BATCH
                    ? dsi_ipc_decode_dictionary(&r->decoder, &m, body, err)
                    : dsi_ipc_decode_batch(&r->decoder, &m, body, &r->batch, err));
        dsi_ipc_memory_unref(body);
        body = NULL;
        if (r->batch.release && r->batch.length == 0) {
            r->batch.release(&r->batch);
        }
        r->batch_at = 0;
    }
    rc = DS_ROW;
done:
    dsi_ipc_memory_unref(body);
    return rc;
}

static int give_slice(struct dsi_ipc_reader *r, struct ArrowArray *out,
                      struct ds_error *err)
{
    int64_t rows = r->batch.length - r->batch_at;

    rows = rows < DSI_IPC_SLICE_ROWS ? rows : DSI_IPC_SLICE_ROWS;
    if (rows == r->batch.length) {
        *out = r->batch; // Moved.
        r->batch.release = NULL;
        return DS_ROW;
    }
    int rc = dsi_ipc_array_slice(&r->batch, r->batch_at, rows, out, err);
    r->batch_at += rows;
    if (rc == DS_OK && r->batch_at == r->batch.length) {
        r->batch.release(&r->batch);
    }
    return rc < 0 ? rc : DS_ROW;
}

int dsi_ipc_reader_next(struct dsi_ipc_reader *r, struct ArrowArray *out,
                        struct ds_error *err)
{
    int rc = r->failed;

    *out = (struct ArrowArray){0};
    if (rc < 0) {
        return dsi_fail(err, rc, "%s: reading it failed before", r->source.name);
    }
    if (!r->batch.release) {
        rc = read_batch(r, err);
        if (rc == DS_OK) {
            return rc;
        }
    }
    rc = rc < 0 ? rc : give_slice(r, out, err);
    if (rc < 0) {
        r->failed = rc;
        r->ended = true;
    }
    return rc;
}

bool dsi_ipc_reader_ended(const struct dsi_ipc_reader *r)
{
    return r->ended;
}

// --- As an Arrow stream

static int to_errno(int status)
{
    switch (status) {
    case DS_ENOMEM:
        return ENOMEM;
    case DS_EINVALID:
        return EINVAL;
    case DS_EUNSUPPORTED:
        return ENOSYS;
    case DS_ECANCELLED:
        return ECANCELED;
    default:
        return EIO;
    }
}

static int give_schema(struct ArrowArrayStream *stream, struct ArrowSchema *out)
{
    struct dsi_ipc_reader *r = stream->private_data;
    int rc = dsi_ipc_reader_schema(r, out, &r->err);
    return rc < 0 ? to_errno(rc) : 0;
}

static int give_next(struct ArrowArrayStream *stream, struct ArrowArray *out)
{
    struct dsi_ipc_reader *r = stream->private_data;
    struct ds_error err = {0};
    int failed = r->failed;
    int rc = dsi_ipc_reader_next(r, out, &err);

    if (rc == DS_OK && !r->ended) {
        dsi_fail(&r->err, DS_ECANCELLED, "%s: paused", r->source.name);
        return EAGAIN;
    }
    if (rc < 0 && failed == DS_OK) {
        r->err = err; // The first failure keeps its words.
    }
    return rc < 0 ? to_errno(rc) : 0;
}

static const char *give_last_error(struct ArrowArrayStream *stream)
{
    struct dsi_ipc_reader *r = stream->private_data;
    return r->err.message[0] ? r->err.message : NULL;
}

static void give_release(struct ArrowArrayStream *stream)
{
    dsi_ipc_reader_free(stream->private_data);
    stream->release = NULL;
}

void dsi_ipc_reader_stream(struct dsi_ipc_reader *r, struct ArrowArrayStream *out)
{
    *out = (struct ArrowArrayStream){.get_schema = give_schema,
                                     .get_next = give_next,
                                     .get_last_error = give_last_error,
                                     .release = give_release,
                                     .private_data = r};
}
