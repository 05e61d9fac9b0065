// Brotli (RFC 7932). Its coders cannot be used twice, so nothing is kept between calls.
//
// Debian's encoder ends the process when there is no memory: it calls exit. So its
// allocator never returns without memory, but jumps out to where the encoder was called.
// That is sound because the encoder's frames hold nothing but memory, and all of that is
// in a list of ours.
#include <brotli/decode.h>
#include <brotli/encode.h>
#include <setjmp.h>

#include "base/alloc.h"
#include "base/error.h"
#include "codec/compress/compress_codec.h"

enum {
    LEVEL_MIN = BROTLI_MIN_QUALITY,
    LEVEL_MAX = BROTLI_MAX_QUALITY,
    LEVEL_DEFAULT = 5, // The last that is not slow.
    PIECE_SIZE_MIN = 4096,
    RATIO = 1 << 24, // One short command copies this much.
};

// In front of each piece of the encoder's memory.
struct piece {
    struct piece *next;
    struct piece *before;
};

struct memory {
    struct piece pieces; // A ring.
    jmp_buf none_left;
};

static void *encoder_allocate(void *arg, size_t size)
{
    struct memory *m = arg;
    struct piece *p = dsi_malloc(sizeof *p + size);

    if (!p) {
        longjmp(m->none_left, 1);
    }
    *p = (struct piece){m->pieces.next, &m->pieces};
    p->next->before = p;
    m->pieces.next = p;
    return p + 1;
}

static void encoder_release(void *arg, void *memory)
{
    (void)arg;
    if (memory) {
        struct piece *p = (struct piece *)memory - 1;
        p->next->before = p->before;
        p->before->next = p->next;
        dsi_free(p);
    }
}

static void *decoder_allocate(void *nothing, size_t size)
{
    (void)nothing;
    return dsi_malloc(size);
}

static void decoder_release(void *nothing, void *p)
{
    (void)nothing;
    dsi_free(p);
}

// Somewhere to write; a buffer that may not grow fails here, with words.
static int make_room(struct dsi_buf *out, struct ds_error *err)
{
    size_t limit = out->max ? out->max : DSI_BUF_MAX;
    size_t more = out->size < limit ? limit - out->size : 1;

    if (out->capacity > out->size) {
        return DS_OK;
    }
    return dsi_buf_reserve(out, more < PIECE_SIZE_MIN ? more : PIECE_SIZE_MIN, err);
}

static bool set_up(BrotliEncoderState *e, int level, size_t size)
{
    uint32_t hint = size < UINT32_MAX ? (uint32_t)size : UINT32_MAX;
    uint32_t window = BROTLI_MIN_WINDOW_BITS;

    while (window < BROTLI_DEFAULT_WINDOW && ((size_t)1 << window) - 16 < size) {
        window++; // No larger than the input: it is memory that has to be cleared.
    }
    return BrotliEncoderSetParameter(e, BROTLI_PARAM_QUALITY, (uint32_t)level) &&
           BrotliEncoderSetParameter(e, BROTLI_PARAM_LGWIN, window) &&
           BrotliEncoderSetParameter(e, BROTLI_PARAM_SIZE_HINT, hint);
}

static int encode(BrotliEncoderState *e, struct ds_slice in, struct dsi_buf *out,
                  struct ds_error *err)
{
    while (!BrotliEncoderIsFinished(e)) { // Each round fills what room there is, or ends.
        int rc = make_room(out, err);
        if (rc < 0) {
            return rc;
        }
        uint8_t *to = out->data + out->size;
        size_t room = out->capacity - out->size;
        if (!BrotliEncoderCompressStream(e, BROTLI_OPERATION_FINISH, &in.size, &in.data,
                                         &room, &to, NULL)) {
            return dsi_fail(err, DS_EBUG, "the compressor refuses its input");
        }
        out->size = out->capacity - room;
    }
    return DS_OK;
}

// Nothing that lives in this frame changes after setjmp, so nothing is lost by the jump.
static int encode_or_jump(struct memory *m, int level, struct ds_slice in,
                          struct dsi_buf *out, struct ds_error *err)
{
    if (setjmp(m->none_left)) {
        return dsi_no_memory(err, "compressing");
    }
    BrotliEncoderState *e =
        BrotliEncoderCreateInstance(encoder_allocate, encoder_release, m);
    if (!e || !set_up(e, level, in.size)) {
        return dsi_fail(err, DS_EBUG, "the compressor refuses its parameters");
    }
    return encode(e, in, out, err);
}

static int brotli_compress(void **state, int level, struct ds_slice in,
                           struct dsi_buf *out, struct ds_error *err)
{
    struct memory m = {.pieces = {&m.pieces, &m.pieces}};
    size_t before = out->size;
    (void)state;

    int rc = encode_or_jump(&m, level, in, out, err);
    while (m.pieces.next != &m.pieces) { // The encoder with all it has.
        encoder_release(&m, m.pieces.next + 1);
    }
    if (rc < 0) {
        out->size = before;
    }
    return rc;
}

static BrotliDecoderState *new_decoder(void)
{
    return BrotliDecoderCreateInstance(decoder_allocate, decoder_release, NULL);
}

static int decoder_failure(const BrotliDecoderState *d, struct ds_error *err)
{
    BrotliDecoderErrorCode code = BrotliDecoderGetErrorCode(d);

    if (code <= BROTLI_DECODER_ERROR_ALLOC_CONTEXT_MODES &&
        code >= BROTLI_DECODER_ERROR_ALLOC_BLOCK_TYPE_TREES) {
        return dsi_no_memory(err, "decompressing");
    }
    return dsi_corrupt(err, "malformed or damaged data: %s",
                       BrotliDecoderErrorString(code));
}

static int decode_into(BrotliDecoderState *d, struct ds_slice in, uint8_t *out,
                       size_t size, struct ds_error *err)
{
    size_t room = size;

    switch (BrotliDecoderDecompressStream(d, &in.size, &in.data, &room, &out, NULL)) {
    case BROTLI_DECODER_RESULT_SUCCESS:
        break;
    case BROTLI_DECODER_RESULT_NEEDS_MORE_OUTPUT:
        return dsi_corrupt(err, "more than the %zu bytes expected", size);
    case BROTLI_DECODER_RESULT_NEEDS_MORE_INPUT:
        return dsi_corrupt(err, "the data end early, after %zu bytes", size - room);
    default:
        return decoder_failure(d, err);
    }
    if (room > 0 || in.size > 0) {
        return dsi_corrupt(err, "%zu bytes and %zu left over, %zu bytes expected",
                           size - room, in.size, size);
    }
    return DS_OK;
}

static int brotli_decompress(void **state, struct ds_slice in, uint8_t *out, size_t size,
                             struct ds_error *err)
{
    (void)state;
    BrotliDecoderState *d = new_decoder();
    if (!d) {
        return dsi_no_memory(err, "making a decompressor");
    }
    int rc = decode_into(d, in, out, size, err);
    BrotliDecoderDestroyInstance(d);
    return rc;
}

static int decode_all(BrotliDecoderState *d, struct ds_slice in, struct dsi_buf *out,
                      struct ds_error *err)
{
    BrotliDecoderResult result = BROTLI_DECODER_RESULT_NEEDS_MORE_OUTPUT;

    while (result == BROTLI_DECODER_RESULT_NEEDS_MORE_OUTPUT) {
        int rc = make_room(out, err);
        if (rc < 0) {
            return rc;
        }
        uint8_t *to = out->data + out->size;
        size_t room = out->capacity - out->size;
        result = BrotliDecoderDecompressStream(d, &in.size, &in.data, &room, &to, NULL);
        out->size = out->capacity - room;
    }
    if (result == BROTLI_DECODER_RESULT_NEEDS_MORE_INPUT) {
        return dsi_corrupt(err, "the data end early, after %zu bytes", out->size);
    }
    if (result != BROTLI_DECODER_RESULT_SUCCESS) {
        return decoder_failure(d, err);
    }
    if (in.size > 0) {
        return dsi_corrupt(err, "%zu bytes after the end of the data", in.size);
    }
    return DS_OK;
}

static int brotli_decompress_all(struct ds_slice in, struct dsi_buf *out,
                                 struct ds_error *err)
{
    BrotliDecoderState *d = new_decoder();
    if (!d) {
        return dsi_no_memory(err, "making a decompressor");
    }
    int rc = decode_all(d, in, out, err);
    BrotliDecoderDestroyInstance(d);
    return rc;
}

const struct dsi_compress_codec dsi_compress_brotli = {
    .name = "brotli",
    .level_min = LEVEL_MIN,
    .level_max = LEVEL_MAX,
    .level_default = LEVEL_DEFAULT,
    .ratio = RATIO,
    .compress = brotli_compress,
    .decompress = brotli_decompress,
    .decompress_all = brotli_decompress_all,
};
