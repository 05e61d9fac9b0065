// One array behind another: what a delta of a dictionary asks for.
#include <assert.h>
#include <string.h>

#include "base/checked.h"
#include "base/error.h"
#include "codec/arrow_ipc/ipc_array.h"

enum { VIEW_SIZE = 16, VIEW_INLINE_MAX = 12, ALIGNMENT = 64 };

// The new array's memory as it grows. Places are found again when it is whole.
struct work {
    const struct dsi_ipc_node *n;
    const struct ArrowArray *parts[2];
    struct dsi_buf bytes;
    size_t starts[3]; // Of the buffers, in `bytes`.
    bool has_validity;
    struct ds_error *err;
};

static bool bit_get(const uint8_t *bits, int64_t i)
{
    return bits[i / 8] >> (i % 8) & 1;
}

// Begins buffer `i`, aligned, with `size` zeros.
static int begin(struct work *k, size_t i, size_t size)
{
    int rc = dsi_buf_append_zero(
        &k->bytes, (ALIGNMENT - k->bytes.size % ALIGNMENT) % ALIGNMENT, k->err);

    k->starts[i] = k->bytes.size;
    return rc < 0 ? rc : dsi_buf_append_zero(&k->bytes, size, k->err);
}

// The bits of both parts; where one has none, they are all set.
static int put_bits(struct work *k, size_t buffer)
{
    int64_t length = k->parts[0]->length + k->parts[1]->length;
    int64_t at = 0;
    int rc = begin(k, buffer, (size_t)(length + 7) / 8);

    for (size_t p = 0; rc == DS_OK && p < 2; p++) {
        const uint8_t *bits = k->parts[p]->buffers[buffer];
        uint8_t *to = k->bytes.data + k->starts[buffer];
        for (int64_t i = 0; i < k->parts[p]->length; i++, at++) {
            bool set = !bits || bit_get(bits, i);
            to[at / 8] |= (uint8_t)(set << (at % 8));
        }
    }
    return rc;
}

static int put_fixed(struct work *k, size_t width)
{
    int rc = begin(k, 1, 0);

    for (size_t p = 0; rc == DS_OK && p < 2; p++) {
        rc = dsi_buf_append(&k->bytes, k->parts[p]->buffers[1],
                            (size_t)k->parts[p]->length * width, k->err);
    }
    return rc;
}

static int64_t offset_at(const struct work *k, size_t part, int64_t i)
{
    const uint8_t *offsets = k->parts[part]->buffers[1];
    int32_t narrow = 0;
    int64_t wide = 0;

    if (k->n->bits == 32) {
        memcpy(&narrow, offsets + i * 4, 4);
        return narrow;
    }
    memcpy(&wide, offsets + i * 8, 8);
    return wide;
}

static int put_text(struct work *k)
{
    size_t width = k->n->bits / 8;
    int64_t at = 0;
    int rc = begin(k, 1, 0);

    for (size_t p = 0; rc == DS_OK && p < 2; p++) {
        for (int64_t i = 0; rc == DS_OK && i < k->parts[p]->length; i++) {
            rc = dsi_buf_append(&k->bytes, &at, width, k->err); // Little endian, here.
            at += offset_at(k, p, i + 1) - offset_at(k, p, i);
        }
    }
    if (rc == DS_OK && width == 4 && at > INT32_MAX) {
        return dsi_fail(k->err, DS_EUNSUPPORTED,
                        "column %.200s: a dictionary of more than 2 GiB", k->n->name);
    }
    DSI_TRY(rc);
    DSI_TRY(dsi_buf_append(&k->bytes, &at, width, k->err));
    DSI_TRY(begin(k, 2, 0));
    for (size_t p = 0; p < 2; p++) {
        int64_t first = offset_at(k, p, 0);
        int64_t end = offset_at(k, p, k->parts[p]->length);
        const uint8_t *text = k->parts[p]->buffers[2];
        if (end > first) {
            DSI_TRY(
                dsi_buf_append(&k->bytes, text + first, (size_t)(end - first), k->err));
        }
    }
done:
    return rc;
}

// Views first, then all long texts, which become the one buffer they point into.
static int put_views(struct work *k)
{
    int64_t length = k->parts[0]->length + k->parts[1]->length;
    int64_t at = 0;
    int64_t size = 0;
    int rc = DS_OK;

    DSI_TRY(begin(k, 1, (size_t)length * VIEW_SIZE));
    DSI_TRY(begin(k, 2, 0));
    for (size_t p = 0; p < 2; p++) {
        const struct ArrowArray *a = k->parts[p];
        for (int64_t i = 0; i < a->length; i++, at++) {
            int32_t view[4];
            if (a->buffers[0] && !bit_get(a->buffers[0], i)) {
                continue;
            }
            memcpy(view, (const uint8_t *)a->buffers[1] + i * VIEW_SIZE, VIEW_SIZE);
            if (view[0] > VIEW_INLINE_MAX) {
                const uint8_t *text = a->buffers[2 + view[2]];
                size_t place = k->bytes.size - k->starts[2];
                if (place > INT32_MAX - (size_t)view[0]) {
                    return dsi_fail(k->err, DS_EUNSUPPORTED,
                                    "column %.200s: a dictionary of more than 2 GiB",
                                    k->n->name);
                }
                DSI_TRY(
                    dsi_buf_append(&k->bytes, text + view[3], (size_t)view[0], k->err));
                view[2] = 0;
                view[3] = (int32_t)place;
            }
            memcpy(k->bytes.data + k->starts[1] + at * VIEW_SIZE, view, VIEW_SIZE);
        }
    }
    // How long the one buffer is stands behind it, as Arrow's last buffer of views.
    size = (int64_t)(k->bytes.size - k->starts[2]);
    DSI_TRY(dsi_buf_append_zero(&k->bytes, (8 - k->bytes.size % 8) % 8, k->err));
    DSI_TRY(dsi_buf_append(&k->bytes, &size, sizeof size, k->err));
done:
    return rc;
}

static int put_values(struct work *k)
{
    const struct dsi_ipc_node *n = k->n;

    if (n->dictionary) {
        return dsi_fail(k->err, DS_EBUG, "a dictionary of a dictionary");
    }
    switch (n->shape) {
    case DSI_IPC_NULLS:
        return DS_OK;
    case DSI_IPC_FIXED:
        return n->bits == 1 ? put_bits(k, 1) : put_fixed(k, n->bits / 8);
    case DSI_IPC_TEXT:
        return put_text(k);
    case DSI_IPC_VIEWS:
        return put_views(k);
    default:
        return dsi_fail(k->err, DS_EUNSUPPORTED,
                        "column %.200s: a delta of a dictionary of nested values",
                        n->name);
    }
}

static int finish(struct work *k, struct ArrowArray *out)
{
    size_t buffers = dsi_ipc_buffer_count(k->n);
    bool views = k->n->shape == DSI_IPC_VIEWS;
    struct dsi_ipc_memory *memory = NULL;
    int rc = dsi_ipc_memory_new(&k->bytes, &memory, k->err);

    if (rc < 0) {
        return rc;
    }
    rc = dsi_ipc_array_new(memory, buffers + (views ? 2 : 0), 0, false, out, k->err);
    dsi_ipc_memory_unref(memory);
    if (rc < 0) {
        return rc;
    }
    const uint8_t *bytes = memory->bytes.data;
    if (!bytes) { // Nothing and nothing.
        bytes = (const uint8_t *)dsi_ipc_zeros;
    }
    for (size_t i = 0; i < buffers + views; i++) {
        dsi_ipc_array_set_buffer(
            out, i, i == 0 && !k->has_validity ? NULL : bytes + k->starts[i]);
    }
    if (views) {
        dsi_ipc_array_set_buffer(out, 3, bytes + memory->bytes.size - sizeof(int64_t));
    }
    out->length = k->parts[0]->length + k->parts[1]->length;
    out->null_count = k->parts[0]->null_count < 0 || k->parts[1]->null_count < 0
                          ? -1
                          : k->parts[0]->null_count + k->parts[1]->null_count;
    return DS_OK;
}

int dsi_ipc_array_concat(const struct dsi_ipc_node *n, const struct ArrowArray *a,
                         const struct ArrowArray *b, struct ArrowArray *out,
                         struct ds_error *err)
{
    struct work k = {
        .n = n, .parts = {a, b}, .bytes = DSI_BUF_INIT_MAX(SIZE_MAX / 4), .err = err};
    int64_t length = 0;
    int rc = DS_OK;

    assert(a->offset == 0 && b->offset == 0);
    *out = (struct ArrowArray){0};
    if (!dsi_add_i64(a->length, b->length, &length)) {
        return dsi_fail(err, DS_EUNSUPPORTED, "column %.200s: too long a dictionary",
                        n->name);
    }
    k.has_validity = dsi_ipc_buffer_count(n) > 0 && (a->buffers[0] || b->buffers[0]);
    if (k.has_validity) {
        DSI_TRY(put_bits(&k, 0));
    }
    DSI_TRY(put_values(&k));
    DSI_TRY(finish(&k, out));
done:
    dsi_buf_release(&k.bytes);
    return rc;
}
