#include "codec/arrow_ipc/ipc_body.h"

#include <string.h>

#include "base/alloc.h"
#include "base/error.h"
#include "codec/arrow_ipc/ipc_format.h"
#include "codec/arrow_ipc/ipc_message.h"

enum { ALIGNMENT = 64, RAW_SIZE_BYTES = 8, NOT_COMPRESSED = -1 };

void dsi_ipc_body_release(struct dsi_ipc_body *b)
{
    dsi_free(b->buffers);
    dsi_ipc_memory_unref(b->memory);
    *b = (struct dsi_ipc_body){0};
}

static int read_compression(const struct dsi_flat_table *batch, enum dsi_compression *out,
                            struct ds_error *err)
{
    struct dsi_flat_table c;
    int64_t codec = 0;
    int64_t method = 0;
    bool found = false;
    int rc = DS_OK;

    *out = DSI_COMPRESSION_NONE;
    DSI_TRY(dsi_flat_child(batch, BATCH_COMPRESSION, &found, &c, err));
    if (!found) {
        return DS_OK;
    }
    DSI_TRY(dsi_flat_int(&c, COMPRESSION_CODEC, 1, CODEC_LZ4_FRAME, &codec, err));
    DSI_TRY(dsi_flat_int(&c, COMPRESSION_METHOD, 1, 0, &method, err));
    if (method != 0 || (codec != CODEC_LZ4_FRAME && codec != CODEC_ZSTD)) {
        return dsi_fail(err, DS_EUNSUPPORTED,
                        "%s: compression %lld (method %lld); lz4 frames (0) and zstd (1) "
                        "are understood",
                        batch->what, (long long)codec, (long long)method);
    }
    *out = codec == CODEC_ZSTD ? DSI_COMPRESSION_ZSTD : DSI_COMPRESSION_LZ4_FRAME;
done:
    return rc;
}

// Finds the buffers in the body. They take no more bytes together than it has: no two
// buffers are the same bytes, which might be decompressed again and again.
static int find_buffers(const struct dsi_flat_table *batch, struct ds_slice body,
                        struct dsi_ipc_body *out, struct ds_error *err)
{
    struct dsi_flat_vector v;
    size_t left = body.size;
    int rc = DS_OK;

    DSI_TRY(dsi_flat_vector(batch, BATCH_BUFFERS, BUFFER_SIZE, &v, err));
    out->buffers = dsi_calloc(v.count, sizeof *out->buffers);
    if (!out->buffers) {
        return dsi_no_memory(err, "reading Arrow data");
    }
    out->buffer_count = v.count;
    for (size_t i = 0; i < v.count; i++) {
        int64_t offset = dsi_flat_read_int(v.data + i * BUFFER_SIZE, 8);
        int64_t size = dsi_flat_read_int(v.data + i * BUFFER_SIZE + 8, 8);
        if (offset < 0 || size < 0 || (uint64_t)offset > body.size ||
            (uint64_t)size > body.size - (size_t)offset || (uint64_t)size > left) {
            return dsi_corrupt(err,
                               "%s: buffer %zu (%lld bytes at %lld) is not inside of "
                               "the body of %zu bytes",
                               batch->what, i, (long long)size, (long long)offset,
                               body.size);
        }
        if (size > 0 && offset % DSI_IPC_ALIGNMENT != 0) {
            return dsi_corrupt(err,
                               "%s: buffer %zu at byte %lld, which 8 does not divide",
                               batch->what, i, (long long)offset);
        }
        left -= (size_t)size;
        if (size > 0) {
            out->buffers[i] = (struct ds_slice){body.data + offset, (size_t)size};
        }
    }
done:
    return rc;
}

// One compressed buffer: its size, and the data.
static int inflate(const struct dsi_ipc_body *b, size_t i, enum dsi_compression codec,
                   struct dsi_decompressor *decompressor, struct dsi_buf *out,
                   struct ds_error *err)
{
    struct ds_slice in = b->buffers[i];
    int rc = DS_OK;

    if (in.size < RAW_SIZE_BYTES) {
        return dsi_corrupt(err, "%s: buffer %zu: %zu bytes are no compressed buffer",
                           b->what, i, in.size);
    }
    int64_t size = dsi_flat_read_int(in.data, RAW_SIZE_BYTES);
    in.data += RAW_SIZE_BYTES;
    in.size -= RAW_SIZE_BYTES;
    if (size == NOT_COMPRESSED) {
        return dsi_buf_append(out, in.data, in.size, err);
    }
    if (size < 0) {
        return dsi_corrupt(err, "%s: buffer %zu: a size of %lld", b->what, i,
                           (long long)size);
    }
    if (size == 0) {
        return DS_OK;
    }
    rc = dsi_decompress_append(decompressor, codec, in, (size_t)size, out, err);
    return rc < 0 ? dsi_wrap(err, rc, "%s: buffer %zu", b->what, i) : rc;
}

// Decompresses all buffers into new memory; they are slices of it afterwards.
static int inflate_all(struct dsi_ipc_body *b, enum dsi_compression codec,
                       struct dsi_decompressor *decompressor, struct ds_error *err)
{
    struct dsi_buf bytes = DSI_BUF_INIT_MAX(SIZE_MAX / 4);
    size_t *starts = dsi_calloc(b->buffer_count, sizeof *starts);
    int rc = starts ? DS_OK : dsi_no_memory(err, "decompressing Arrow data");

    for (size_t i = 0; rc == DS_OK && i < b->buffer_count; i++) {
        DSI_TRY(dsi_buf_append_zero(
            &bytes, (ALIGNMENT - bytes.size % ALIGNMENT) % ALIGNMENT, err));
        starts[i] = bytes.size;
        if (b->buffers[i].size > 0) {
            DSI_TRY(inflate(b, i, codec, decompressor, &bytes, err));
        }
        b->buffers[i].size = bytes.size - starts[i];
    }
    DSI_TRY(rc);
    DSI_TRY(dsi_ipc_memory_new(&bytes, &b->memory, err));
    for (size_t i = 0; i < b->buffer_count; i++) {
        bool some = b->buffers[i].size > 0;
        b->buffers[i].data = some ? b->memory->bytes.data + starts[i] : NULL;
    }
done:
    dsi_free(starts);
    dsi_buf_release(&bytes);
    return rc;
}

int dsi_ipc_body_open(const struct dsi_flat_table *batch, struct dsi_ipc_memory *raw,
                      struct dsi_decompressor *decompressor, struct dsi_ipc_body *out,
                      struct ds_error *err)
{
    enum dsi_compression codec = DSI_COMPRESSION_NONE;
    int rc = DS_OK;

    *out = (struct dsi_ipc_body){.what = batch->what};
    DSI_TRY(dsi_flat_int(batch, BATCH_LENGTH, 8, 0, &out->rows, err));
    DSI_TRY(dsi_flat_vector(batch, BATCH_NODES, NODE_SIZE, &out->nodes, err));
    DSI_TRY(dsi_flat_vector(batch, BATCH_VARIADIC_COUNTS, 8, &out->variadic, err));
    DSI_TRY(read_compression(batch, &codec, err));
    DSI_TRY(find_buffers(batch, dsi_buf_slice(&raw->bytes), out, err));
    if (codec == DSI_COMPRESSION_NONE) {
        out->memory = dsi_ipc_memory_ref(raw);
    } else {
        DSI_TRY(inflate_all(out, codec, decompressor, err));
    }
done:
    if (rc < 0) {
        dsi_ipc_body_release(out);
    }
    return rc;
}
