#include "data/ipc_writer.h"

#include "base/error.h"
#include "codec/arrow_ipc/ipc_encode.h"

static struct dsi_ipc_encode_options encode_options(const struct ds_ipc_write_options *o)
{
    static const enum dsi_compression codecs[] = {
        [DS_IPC_UNCOMPRESSED] = DSI_COMPRESSION_NONE,
        [DS_IPC_LZ4] = DSI_COMPRESSION_LZ4_FRAME,
        [DS_IPC_ZSTD] = DSI_COMPRESSION_ZSTD,
    };

    return (struct dsi_ipc_encode_options){
        .write = o->write,
        .write_arg = o->write_arg,
        .file = o->format == DS_IPC_FILE,
        .codec = codecs[o->compression],
        .level = o->level != 0 ? o->level : DSI_COMPRESSION_LEVEL_DEFAULT};
}

static int stream_failed(struct ArrowArrayStream *stream, int code, struct ds_error *err)
{
    const char *words = stream->get_last_error ? stream->get_last_error(stream) : NULL;
    return dsi_fail(err, DS_EINVALID, "the Arrow stream failed: %.800s (code %d)",
                    words ? words : "it does not say why", code);
}

static int write_batches(struct ArrowArrayStream *stream, struct dsi_ipc_encoder *e,
                         int64_t *rows, struct ds_error *err)
{
    for (;;) {
        struct ArrowArray batch = {0};
        int code = stream->get_next(stream, &batch);
        if (code != 0) {
            return stream_failed(stream, code, err);
        }
        if (!batch.release) {
            return dsi_ipc_encoder_finish(e, err);
        }
        *rows += batch.length;
        int rc = dsi_ipc_encoder_batch(e, &batch, err);
        batch.release(&batch);
        if (rc < 0) {
            return rc;
        }
    }
}

int dsi_ipc_write_stream(struct ArrowArrayStream *stream,
                         const struct ds_ipc_write_options *options, int64_t *rows,
                         struct ds_error *err)
{
    struct dsi_ipc_encode_options encode = encode_options(options);
    struct dsi_ipc_encoder *encoder = NULL;
    struct ArrowSchema schema = {0};
    int rc = DS_OK;

    *rows = 0;
    int code = stream->get_schema(stream, &schema);
    if (code != 0) {
        return stream_failed(stream, code, err);
    }
    DSI_TRY(dsi_ipc_encoder_new(&schema, &encode, &encoder, err));
    DSI_TRY(write_batches(stream, encoder, rows, err));
done:
    dsi_ipc_encoder_free(encoder);
    if (schema.release) {
        schema.release(&schema);
    }
    return rc;
}
