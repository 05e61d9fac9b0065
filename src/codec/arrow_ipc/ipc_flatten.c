#include "codec/arrow_ipc/ipc_flatten.h"

#include <assert.h>
#include <string.h>

#include "base/checked.h"
#include "base/error.h"

enum { VIEW_SIZE = 16, VIEW_INLINE_MAX = 12, NOT_COMPRESSED = -1 };

// So that bits and bytes of any width can be counted in 64 bits.
#define ELEMENTS_MAX (INT64_MAX / 1024)

void dsi_ipc_flat_release(struct dsi_ipc_flat *f)
{
    dsi_compressor_release(&f->compressor);
    dsi_buf_release(&f->nodes);
    dsi_buf_release(&f->buffers);
    dsi_buf_release(&f->variadic);
    dsi_buf_release(&f->pieces);
    dsi_buf_release(&f->made);
    dsi_buf_release(&f->scratch);
}

void dsi_ipc_flat_clear(struct dsi_ipc_flat *f)
{
    f->made.max = f->scratch.max = SIZE_MAX / 4;
    f->nodes.size = 0;
    f->buffers.size = 0;
    f->variadic.size = 0;
    f->pieces.size = 0;
    f->made.size = 0;
    f->body_size = 0;
}

static int lie(const struct dsi_ipc_node *n, const char *what, int64_t number,
               struct ds_error *err)
{
    return dsi_fail(err, DS_EINVALID, "column %.200s: its Arrow array %s (%lld)", n->name,
                    what, (long long)number);
}

static int check_buffers(const struct dsi_ipc_node *n, const struct ArrowArray *a,
                         int64_t end, struct ds_error *err)
{
    int64_t wanted = (int64_t)dsi_ipc_buffer_count(n);
    bool views = n->shape == DSI_IPC_VIEWS;

    if (a->n_buffers < wanted + views || (!views && a->n_buffers != wanted) ||
        a->n_buffers > INT32_MAX || (a->n_buffers > 0 && !a->buffers)) {
        bool null_with_one = n->shape == DSI_IPC_NULLS && a->n_buffers == 1;
        return null_with_one
                   ? DS_OK
                   : lie(n, "has the wrong number of buffers", a->n_buffers, err);
    }
    for (int64_t i = 1; end > 0 && i < wanted; i++) {
        bool text = n->shape == DSI_IPC_TEXT && i == 2; // All of them may be empty.
        bool nothing = n->shape == DSI_IPC_FIXED && n->bits == 0;
        if (!a->buffers[i] && !text && !nothing) {
            return lie(n, "lacks a buffer", i, err);
        }
    }
    if (views && a->n_buffers > 3 && !a->buffers[a->n_buffers - 1]) {
        return lie(n, "does not say how long its buffers are", a->n_buffers, err);
    }
    return DS_OK;
}

int dsi_ipc_check_shape(const struct dsi_ipc_node *n, const struct ArrowArray *a,
                        int64_t skip, int64_t length, struct ds_error *err)
{
    if (!a->release) {
        return lie(n, "was released", 0, err);
    }
    if (a->length < 0 || a->offset < 0 || a->length > ELEMENTS_MAX ||
        a->offset > ELEMENTS_MAX) {
        return lie(n, "has an impossible length or offset", a->length, err);
    }
    if (skip > a->length || length > a->length - skip) {
        return lie(n, "is shorter than what refers to it", a->length, err);
    }
    if (a->n_children != (int64_t)n->child_count || (n->child_count && !a->children)) {
        return lie(n, "has the wrong number of children", a->n_children, err);
    }
    for (size_t i = 0; i < n->child_count; i++) {
        if (!a->children[i]) {
            return lie(n, "has a child that is NULL", (int64_t)i, err);
        }
    }
    if ((n->dictionary != NULL) != (a->dictionary != NULL)) {
        return lie(n, "and its schema disagree whether there is a dictionary",
                   a->dictionary != NULL, err);
    }
    if (a->null_count < -1 || a->null_count > a->length) {
        return lie(n, "has an impossible null_count", a->null_count, err);
    }
    return check_buffers(n, a, a->offset + a->length, err);
}

// --- Pieces

static int add_piece(struct dsi_ipc_flat *f, const uint8_t *bytes, size_t at, size_t size,
                     struct ds_error *err)
{
    struct dsi_ipc_piece piece = {bytes, at, size};
    int64_t place[2] = {(int64_t)f->body_size, (int64_t)size};
    size_t rest = size % DSI_IPC_BUFFER_ALIGNMENT;
    int rc = DS_OK;

    DSI_TRY(dsi_buf_append(&f->buffers, place, sizeof place, err));
    if (size > 0) {
        DSI_TRY(dsi_buf_append(&f->pieces, &piece, sizeof piece, err));
    }
    f->body_size += size + (rest ? DSI_IPC_BUFFER_ALIGNMENT - rest : 0);
done:
    return rc;
}

static int add_compressed(struct dsi_ipc_flat *f, struct ds_slice bytes,
                          struct ds_error *err)
{
    size_t at = f->made.size;
    int64_t head = (int64_t)bytes.size;
    int rc = DS_OK;

    DSI_TRY(dsi_buf_append(&f->made, &head, sizeof head, err));
    DSI_TRY(dsi_compress_with(&f->compressor, f->codec, f->level, bytes, &f->made, err));
    if (f->made.size - at - sizeof head >= bytes.size) {
        head = NOT_COMPRESSED; // What does not shrink stays as it is.
        f->made.size = at;
        DSI_TRY(dsi_buf_append(&f->made, &head, sizeof head, err));
        DSI_TRY(dsi_buf_append(&f->made, bytes.data, bytes.size, err));
    }
    DSI_TRY(add_piece(f, NULL, at, f->made.size - at, err));
done:
    return rc;
}

// A producer's bytes, written as they are.
static int add_bytes(struct dsi_ipc_flat *f, const void *bytes, size_t size,
                     struct ds_error *err)
{
    if (size > 0 && f->codec != DSI_COMPRESSION_NONE) {
        return add_compressed(f, (struct ds_slice){bytes, size}, err);
    }
    return add_piece(f, bytes, 0, size, err);
}

// What stands in `scratch`, which is then free again.
static int add_scratch(struct dsi_ipc_flat *f, struct ds_error *err)
{
    struct ds_slice bytes = dsi_buf_slice(&f->scratch);
    size_t at = f->made.size;
    int rc = DS_OK;

    if (bytes.size > 0 && f->codec != DSI_COMPRESSION_NONE) {
        return add_compressed(f, bytes, err);
    }
    DSI_TRY(dsi_buf_append(&f->made, bytes.data, bytes.size, err));
    DSI_TRY(add_piece(f, NULL, at, bytes.size, err));
done:
    return rc;
}

static bool bit_get(const uint8_t *bits, int64_t i)
{
    return bits[i / 8] >> (i % 8) & 1;
}

static int add_bits(struct dsi_ipc_flat *f, const uint8_t *bits, int64_t first,
                    int64_t count, struct ds_error *err)
{
    size_t size = (size_t)(count + 7) / 8;

    if (first % 8 == 0 && count % 8 == 0) {
        return add_bytes(f, size ? bits + first / 8 : NULL, size, err);
    }
    f->scratch.size = 0;
    int rc = dsi_buf_append_zero(&f->scratch, size, err);
    if (rc < 0) {
        return rc;
    }
    for (int64_t i = 0; i < count; i++) {
        f->scratch.data[i / 8] |= (uint8_t)(bit_get(bits, first + i) << (i % 8));
    }
    return add_scratch(f, err);
}

// --- Arrays

// One array, the part of it that is wanted.
struct part {
    const struct dsi_ipc_node *n;
    const struct ArrowArray *a;
    int64_t first; // The element that comes first, offset included.
    int64_t length;
    struct ds_error *err;
};

static int put_validity(struct dsi_ipc_flat *f, const struct part *p)
{
    const uint8_t *bits = p->a->n_buffers > 0 ? p->a->buffers[0] : NULL;
    bool has = dsi_ipc_buffer_count(p->n) > 0;
    int64_t node[2] = {p->length, p->n->shape == DSI_IPC_NULLS ? p->length : 0};
    int rc = DS_OK;

    if (has && !bits && p->a->null_count > 0) {
        return lie(p->n, "says it has nulls, but has no validity", p->a->null_count,
                   p->err);
    }
    bits = p->a->null_count == 0 ? NULL : bits;
    for (int64_t i = 0; has && bits && i < p->length; i++) {
        node[1] += !bit_get(bits, p->first + i);
    }
    DSI_TRY(dsi_buf_append(&f->nodes, node, sizeof node, p->err));
    if (has) {
        rc = node[1] > 0 ? add_bits(f, bits, p->first, p->length, p->err)
                         : add_bytes(f, NULL, 0, p->err);
    }
done:
    return rc;
}

static int64_t number(const void *bytes, int64_t i, size_t bits)
{
    const uint8_t *p = (const uint8_t *)bytes + (size_t)i * (bits / 8);
    int16_t n16 = 0;
    int32_t n32 = 0;
    int64_t n64 = 0;

    switch (bits) {
    case 16:
        memcpy(&n16, p, sizeof n16);
        return n16;
    case 32:
        memcpy(&n32, p, sizeof n32);
        return n32;
    default:
        memcpy(&n64, p, sizeof n64);
        return n64;
    }
}

static int put_number(struct dsi_ipc_flat *f, int64_t n, size_t bits,
                      struct ds_error *err)
{
    return dsi_buf_append(&f->scratch, &n, bits / 8, err); // Little endian, as here.
}

// Offsets of the part, from 0 on; what they span of the child is [*from, *end).
static int put_offsets(struct dsi_ipc_flat *f, const struct part *p, int64_t *from,
                       int64_t *end)
{
    size_t bits = p->n->bits;
    const uint8_t *offsets = p->a->buffers[1];
    int rc = DS_OK;

    *from = *end = 0;
    if (p->length == 0) {
        f->scratch.size = 0;
        DSI_TRY(put_number(f, 0, bits, p->err));
        return add_scratch(f, p->err);
    }
    *from = *end = number(offsets, p->first, bits);
    if (*from < 0) {
        return lie(p->n, "has a negative offset", *from, p->err);
    }
    for (int64_t i = 1; i <= p->length; i++) {
        int64_t next = number(offsets, p->first + i, bits);
        if (next < *end) {
            return lie(p->n, "has offsets that do not ascend", next, p->err);
        }
        *end = next;
    }
    if (*from == 0) {
        return add_bytes(f, offsets + (size_t)p->first * (bits / 8),
                         (size_t)(p->length + 1) * (bits / 8), p->err);
    }
    f->scratch.size = 0;
    for (int64_t i = 0; i <= p->length; i++) {
        DSI_TRY(put_number(f, number(offsets, p->first + i, bits) - *from, bits, p->err));
    }
    rc = add_scratch(f, p->err);
done:
    return rc;
}

static int put_fixed(struct dsi_ipc_flat *f, const struct part *p)
{
    const uint8_t *values = p->a->buffers[1];
    size_t width = p->n->bits / 8;

    if (p->n->bits == 1) {
        return add_bits(f, values, p->first, p->length, p->err);
    }
    return add_bytes(f, p->length ? values + (size_t)p->first * width : NULL,
                     (size_t)p->length * width, p->err);
}

static int put_text(struct dsi_ipc_flat *f, const struct part *p)
{
    int64_t from = 0;
    int64_t end = 0;
    int rc = put_offsets(f, p, &from, &end);
    const uint8_t *text = p->a->buffers[2];

    if (rc < 0) {
        return rc;
    }
    if (!text && end > from) {
        return lie(p->n, "lacks its text", end, p->err);
    }
    return add_bytes(f, end > from ? text + from : NULL, (size_t)(end - from), p->err);
}

// Looks at the views: what they need of their buffers, and that it is there.
static int measure_views(const struct part *p, size_t count, uint64_t *need,
                         uint64_t *there)
{
    const void *sizes = p->a->buffers[p->a->n_buffers - 1];

    *need = *there = 0;
    for (size_t i = 0; i < count; i++) {
        int64_t size = number(sizes, (int64_t)i, 64);
        if (size < 0 || (size > 0 && !p->a->buffers[2 + i])) {
            return lie(p->n, "has a buffer of an impossible size", size, p->err);
        }
        *there += (uint64_t)size;
    }
    for (int64_t i = 0; i < p->length; i++) {
        int32_t view[VIEW_SIZE / 4];
        const uint8_t *bits = p->a->buffers[0];
        if (bits && !bit_get(bits, p->first + i)) {
            continue;
        }
        memcpy(view, (const uint8_t *)p->a->buffers[1] + (p->first + i) * VIEW_SIZE,
               VIEW_SIZE);
        if (view[0] < 0 || (view[0] > VIEW_INLINE_MAX &&
                            (view[2] < 0 || (size_t)view[2] >= count || view[3] < 0 ||
                             (int64_t)view[3] + view[0] > number(sizes, view[2], 64)))) {
            return lie(p->n, "has a view out of its buffer", i, p->err);
        }
        *need += view[0] > VIEW_INLINE_MAX ? (uint64_t)view[0] : 0;
    }
    return DS_OK;
}

// The views of the part with new buffers that hold nothing else; see put_views.
static int put_dense_views(struct dsi_ipc_flat *f, const struct part *p)
{
    struct dsi_buf text = DSI_BUF_INIT;
    const uint8_t *bits = p->a->buffers[0];
    int rc = DS_OK;

    f->scratch.size = 0;
    for (int64_t i = 0; i < p->length; i++) {
        int32_t view[VIEW_SIZE / 4] = {0};
        if (!bits || bit_get(bits, p->first + i)) {
            memcpy(view, (const uint8_t *)p->a->buffers[1] + (p->first + i) * VIEW_SIZE,
                   VIEW_SIZE);
        }
        if (view[0] > VIEW_INLINE_MAX) {
            const uint8_t *from = p->a->buffers[2 + view[2]];
            int32_t place = (int32_t)text.size;
            DSI_TRY(dsi_buf_append(&text, from + view[3], (size_t)view[0], p->err));
            view[2] = 0;
            view[3] = place;
        }
        DSI_TRY(dsi_buf_append(&f->scratch, view, sizeof view, p->err));
    }
    DSI_TRY(add_scratch(f, p->err));
    f->scratch.size = 0;
    DSI_TRY(dsi_buf_append(&f->scratch, text.data, text.size, p->err));
    DSI_TRY(add_scratch(f, p->err));
    DSI_TRY(dsi_buf_append(&f->variadic, &(int64_t){1}, sizeof(int64_t), p->err));
done:
    dsi_buf_release(&text);
    return rc;
}

// A small part of an array would bring all its text along; then it is picked out.
static int put_views(struct dsi_ipc_flat *f, const struct part *p)
{
    size_t count = (size_t)p->a->n_buffers - 3;
    const void *sizes = p->a->buffers[p->a->n_buffers - 1];
    uint64_t need = 0;
    uint64_t there = 0;
    int rc = DS_OK;

    DSI_TRY(measure_views(p, count, &need, &there));
    if (need < there / 2 && need < INT32_MAX) {
        return put_dense_views(f, p);
    }
    DSI_TRY(put_fixed(f, p));
    for (size_t i = 0; i < count; i++) {
        DSI_TRY(add_bytes(f, p->a->buffers[2 + i], (size_t)number(sizes, (int64_t)i, 64),
                          p->err));
    }
    DSI_TRY(dsi_buf_append(&f->variadic, &(int64_t){(int64_t)count}, sizeof(int64_t),
                           p->err));
done:
    return rc;
}

// Offsets and sizes; of the child only what lies between the first and the last element.
static int put_list_views(struct dsi_ipc_flat *f, const struct part *p)
{
    size_t bits = p->n->bits;
    const uint8_t *sizes = p->a->buffers[2];
    int64_t from = INT64_MAX;
    int64_t end = 0;
    int rc = DS_OK;

    for (int64_t i = p->first; i < p->first + p->length; i++) {
        int64_t offset = number(p->a->buffers[1], i, bits);
        int64_t size = number(sizes, i, bits);
        if (offset < 0 || size < 0 || size > INT64_MAX - offset) {
            return lie(p->n, "has a list of an impossible size", size, p->err);
        }
        from = size > 0 && offset < from ? offset : from;
        end = size > 0 && offset + size > end ? offset + size : end;
    }
    from = from < end ? from : end;
    f->scratch.size = 0;
    for (int64_t i = p->first; i < p->first + p->length; i++) {
        int64_t size = number(sizes, i, bits);
        int64_t offset = size > 0 ? number(p->a->buffers[1], i, bits) - from : 0;
        DSI_TRY(put_number(f, offset, bits, p->err));
    }
    DSI_TRY(add_scratch(f, p->err));
    DSI_TRY(add_bytes(f, p->length ? sizes + (size_t)p->first * (bits / 8) : NULL,
                      (size_t)p->length * (bits / 8), p->err));
    rc = dsi_ipc_flatten(f, &p->n->children[0], p->a->children[0], from, end - from,
                         p->err);
done:
    return rc;
}

// The runs that overlap the part, with ends that count from its beginning.
static int put_runs(struct dsi_ipc_flat *f, const struct part *p)
{
    const struct dsi_ipc_node *n = &p->n->children[0];
    const struct ArrowArray *ends = p->a->children[0];
    int64_t from = 0;
    int64_t to = 0;
    int64_t last = 0;
    int64_t node[2] = {0};
    int rc = DS_OK;

    DSI_TRY(dsi_ipc_check_shape(n, ends, 0, ends->length, p->err));
    f->scratch.size = 0;
    for (; to < ends->length && last < p->first + p->length; to++) {
        int64_t next = number(ends->buffers[1], ends->offset + to, n->bits);
        if (next <= last) {
            return lie(p->n, "has run ends that do not ascend", next, p->err);
        }
        last = next;
        if (last <= p->first) {
            from = to + 1;
        } else if (p->length > 0) {
            int64_t end = last - p->first < p->length ? last - p->first : p->length;
            DSI_TRY(put_number(f, end, n->bits, p->err));
        }
    }
    if (last < p->first + p->length) {
        return lie(p->n, "has runs that end early", last, p->err);
    }
    to = p->length > 0 ? to : from;
    node[0] = to - from;
    DSI_TRY(dsi_buf_append(&f->nodes, node, sizeof node, p->err));
    DSI_TRY(add_bytes(f, NULL, 0, p->err));
    DSI_TRY(add_scratch(f, p->err));
    DSI_TRY(dsi_ipc_flatten(f, &p->n->children[1], p->a->children[1], from, to - from,
                            p->err));
done:
    return rc;
}

static int put_children(struct dsi_ipc_flat *f, const struct part *p, int64_t first,
                        int64_t length)
{
    for (size_t i = 0; i < p->n->child_count; i++) {
        int rc = dsi_ipc_flatten(f, &p->n->children[i], p->a->children[i], first, length,
                                 p->err);
        if (rc < 0) {
            return rc;
        }
    }
    return DS_OK;
}

static int put_list(struct dsi_ipc_flat *f, const struct part *p)
{
    int64_t from = 0;
    int64_t end = 0;
    int rc = put_offsets(f, p, &from, &end);

    return rc < 0 ? rc : put_children(f, p, from, end - from);
}

static int put_values(struct dsi_ipc_flat *f, const struct part *p)
{
    int64_t size = p->n->list_size;

    switch (p->n->shape) {
    case DSI_IPC_NULLS:
        return DS_OK;
    case DSI_IPC_FIXED:
        return put_fixed(f, p);
    case DSI_IPC_TEXT:
        return put_text(f, p);
    case DSI_IPC_VIEWS:
        return put_views(f, p);
    case DSI_IPC_LIST:
        return put_list(f, p);
    case DSI_IPC_LIST_VIEW:
        return put_list_views(f, p);
    case DSI_IPC_FIXED_LIST:
        if (size > 0 && p->first + p->length > ELEMENTS_MAX / size) {
            return lie(p->n, "has an impossible length", p->length, p->err);
        }
        return put_children(f, p, p->first * size, p->length * size);
    case DSI_IPC_STRUCT:
        return put_children(f, p, p->first, p->length);
    default:
        return put_runs(f, p);
    }
}

int dsi_ipc_flatten(struct dsi_ipc_flat *f, const struct dsi_ipc_node *n,
                    const struct ArrowArray *a, int64_t skip, int64_t length,
                    struct ds_error *err)
{
    struct part p = {.n = n, .a = a, .length = length, .err = err};
    int rc = DS_OK;

    DSI_TRY(dsi_ipc_check_shape(n, a, skip, length, err));
    p.first = a->offset + skip;
    DSI_TRY(put_validity(f, &p));
    DSI_TRY(put_values(f, &p));
done:
    return rc;
}
