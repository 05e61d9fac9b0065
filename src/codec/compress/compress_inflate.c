// Inflating what does not say how large it is: zlib, piece by piece, as far as the
// buffer's maximum allows.
#include <zlib.h>

#include "base/alloc.h"
#include "base/error.h"
#include "codec/compress/compress_codec.h"

enum { PIECE_SIZE_MIN = 4096, PIECE_SIZE_MAX = 1 << 30 };

static void *allocate(void *nothing, unsigned count, unsigned size)
{
    (void)nothing;
    return dsi_calloc(count, size);
}

static void release(void *nothing, void *p)
{
    (void)nothing;
    dsi_free(p);
}

// Takes as much as the output has room for, after making some.
static int inflate_piece(z_stream *z, struct ds_slice *in, struct dsi_buf *out, int *zrc,
                         struct ds_error *err)
{
    size_t take = in->size < PIECE_SIZE_MAX ? in->size : PIECE_SIZE_MAX;
    size_t limit = out->max ? out->max : DSI_BUF_MAX;
    size_t room = out->capacity - out->size;

    if (room == 0) {
        size_t more = out->size < limit ? limit - out->size : 1; // 1: fails, with words.
        int rc = dsi_buf_reserve(out, more < PIECE_SIZE_MIN ? more : PIECE_SIZE_MIN, err);
        if (rc < 0) {
            return rc;
        }
        room = out->capacity - out->size;
    }
    room = room < PIECE_SIZE_MAX ? room : PIECE_SIZE_MAX;
    z->next_in = (Bytef *)in->data; // Only read: without ZLIB_CONST it is not const.
    z->avail_in = (unsigned)take;
    z->next_out = out->data + out->size;
    z->avail_out = (unsigned)room;
    *zrc = inflate(z, Z_NO_FLUSH);
    in->data += take - z->avail_in;
    in->size -= take - z->avail_in;
    out->size += room - z->avail_out;
    return DS_OK;
}

static int inflate_members(z_stream *z, bool gzip, struct ds_slice in,
                           struct dsi_buf *out, struct ds_error *err)
{
    int rc = DS_OK;
    int zrc = Z_OK;

    for (;;) { // Each round moves the input or the output forward, or ends.
        size_t was_in = in.size;
        size_t was_out = out->size;
        DSI_TRY(inflate_piece(z, &in, out, &zrc, err));
        if (zrc == Z_MEM_ERROR) {
            return dsi_no_memory(err, "inflating");
        }
        if (zrc == Z_STREAM_END && in.size <= (gzip ? 0 : DSI_DEFLATE_TAIL_MAX)) {
            return DS_OK;
        }
        if (zrc == Z_STREAM_END && gzip) {
            zrc = inflateReset(z); // RFC 1952, 2.2: a file is a series of members.
        } else if (zrc == Z_STREAM_END) {
            return dsi_corrupt(err, "%zu bytes after the end of the data", in.size);
        }
        if (zrc != Z_OK && zrc != Z_BUF_ERROR) {
            return dsi_corrupt(err, "malformed or damaged data%s%s", z->msg ? ": " : "",
                               z->msg ? z->msg : "");
        }
        if (in.size == was_in && out->size == was_out) {
            return dsi_corrupt(err, "the data end early, after %zu bytes", out->size);
        }
    }
done:
    return rc;
}

int dsi_inflate_stream(bool gzip, struct ds_slice in, struct dsi_buf *out,
                       struct ds_error *err)
{
    z_stream z = {.zalloc = allocate, .zfree = release};
    int window = gzip ? MAX_WBITS + 16 : -MAX_WBITS; // How zlib is told the wrapping.

    if (inflateInit2(&z, window) != Z_OK) {
        return dsi_no_memory(err, "making a decompressor");
    }
    int rc = inflate_members(&z, gzip, in, out, err);
    inflateEnd(&z);
    return rc;
}
