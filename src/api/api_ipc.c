#include "datashard/ipc.h"

#include "api/api_handle.h"
#include "base/error.h"
#include "data/ipc_reader.h"
#include "data/ipc_writer.h"

int ds_ipc_read(const struct ds_ipc_read_options *options, struct ArrowArrayStream *out,
                struct ds_error *err)
{
    struct dsi_ipc_reader *reader = NULL;
    int rc = DS_OK;

    DSI_TRY(dsi_handle_need(out, "ds_ipc_read", "out", err));
    *out = (struct ArrowArrayStream){0};
    if (!options || options->struct_size < sizeof *options || !options->read) {
        return dsi_fail(err, DS_EINVALID,
                        "ds_ipc_read: options without a read function, or of an older "
                        "size");
    }
    DSI_TRY(dsi_ipc_reader_open(options->read, options->read_arg,
                                options->name ? options->name : "input", &reader, err));
    dsi_ipc_reader_stream(reader, out);
done:
    return rc;
}

static int check_options(const struct ds_ipc_write_options *o, struct ds_error *err)
{
    if (!o || o->struct_size < sizeof *o || !o->write) {
        return dsi_fail(err, DS_EINVALID,
                        "ds_ipc_write: options without a write function, or of an older "
                        "size");
    }
    if ((unsigned)o->format > DS_IPC_FILE || (unsigned)o->compression > DS_IPC_ZSTD) {
        return dsi_fail(err, DS_EINVALID, "ds_ipc_write: there is no format %d, %d",
                        (int)o->format, (int)o->compression);
    }
    return DS_OK;
}

int ds_ipc_write(struct ArrowArrayStream *stream,
                 const struct ds_ipc_write_options *options, int64_t *rows,
                 struct ds_error *err)
{
    int64_t count = 0;
    int rc = DS_OK;

    DSI_TRY(dsi_handle_need(stream, "ds_ipc_write", "stream", err));
    DSI_TRY(dsi_handle_need(stream->release ? stream : NULL, "ds_ipc_write",
                            "stream->release", err));
    DSI_TRY(check_options(options, err));
    DSI_TRY(dsi_ipc_write_stream(stream, options, &count, err));
done:
    if (rows) {
        *rows = count;
    }
    if (stream && stream->release) {
        stream->release(stream);
    }
    return rc;
}
