#include "codec/arrow_ipc/ipc_verify.h"

#include <assert.h>
#include <string.h>

enum { VIEW_SIZE = 16, VIEW_INLINE_MAX = 12, PREFIX_SIZE = 4 };

static bool is_valid(const struct ArrowArray *a, int64_t i)
{
    const uint8_t *bits = a->buffers[0];
    return !bits || (bits[i / 8] >> (i % 8) & 1);
}

// Element `i` of integers, aligned or not.
static int64_t number(const void *bytes, int64_t i, size_t bits, bool is_signed)
{
    const uint8_t *p = (const uint8_t *)bytes + (size_t)i * (bits / 8);
    int64_t n = 0;

    memcpy(&n, p, bits / 8); // Little endian: the low bytes come first.
    if (is_signed && bits < 64) {
        uint64_t sign = (uint64_t)1 << (bits - 1);
        n = (int64_t)(((uint64_t)n ^ sign) - sign);
    }
    return n;
}

const char *dsi_ipc_verify_offsets(const struct dsi_ipc_node *n,
                                   const struct ArrowArray *a, int64_t end)
{
    int64_t last = number(a->buffers[1], 0, n->bits, true);

    if (last < 0) {
        return "a negative offset";
    }
    for (int64_t i = 1; i <= a->length; i++) {
        int64_t next = number(a->buffers[1], i, n->bits, true);
        if (next < last) {
            return "its offsets do not ascend";
        }
        last = next;
    }
    return a->length > 0 && last > end ? "an offset past the end" : NULL;
}

const char *dsi_ipc_verify_list_views(const struct dsi_ipc_node *n,
                                      const struct ArrowArray *a, int64_t end)
{
    for (int64_t i = 0; i < a->length; i++) {
        int64_t offset = number(a->buffers[1], i, n->bits, true);
        int64_t size = number(a->buffers[2], i, n->bits, true);
        if (offset < 0 || size < 0 || offset > end || size > end - offset) {
            return "a list past the end";
        }
    }
    return NULL;
}

const char *dsi_ipc_verify_views(const struct ArrowArray *a, size_t count)
{
    const uint8_t *sizes = a->buffers[2 + count];

    for (int64_t i = 0; i < a->length; i++) {
        int32_t view[VIEW_SIZE / 4];
        int64_t size = 0;
        if (!is_valid(a, i)) {
            continue;
        }
        memcpy(view, (const uint8_t *)a->buffers[1] + i * VIEW_SIZE, VIEW_SIZE);
        if (view[0] < 0) {
            return "a view of a negative size";
        }
        if (view[0] <= VIEW_INLINE_MAX) {
            continue;
        }
        if (view[2] < 0 || (size_t)view[2] >= count) {
            return "a view into a buffer that is not there";
        }
        memcpy(&size, sizes + 8 * (size_t)view[2], sizeof size);
        if (view[3] < 0 || view[3] > size || view[0] > size - view[3]) {
            return "a view past the end of its buffer";
        }
        const uint8_t *text = a->buffers[2 + view[2]];
        if (memcmp(text + view[3], &view[1], PREFIX_SIZE) != 0) {
            return "a view that does not begin as its text does";
        }
    }
    return NULL;
}

const char *dsi_ipc_verify_indices(const struct dsi_ipc_node *n,
                                   const struct ArrowArray *a, int64_t end)
{
    for (int64_t i = 0; i < a->length; i++) {
        int64_t index = number(a->buffers[1], i, n->bits, n->is_signed);
        if ((index < 0 || index >= end) && is_valid(a, i)) {
            return "an index past the end of its dictionary";
        }
    }
    return NULL;
}

const char *dsi_ipc_verify_runs(const struct dsi_ipc_node *n, const struct ArrowArray *a)
{
    const struct ArrowArray *ends = a->children[0];
    size_t bits = n->children[0].bits;
    int64_t last = 0;

    assert(n->shape == DSI_IPC_RUNS);
    for (int64_t i = 0; i < ends->length; i++) {
        int64_t next = number(ends->buffers[1], i, bits, true);
        if (next <= last || !is_valid(ends, i)) {
            return "its run ends do not ascend";
        }
        last = next;
    }
    if (last < a->length) {
        return "its runs end early";
    }
    return a->children[1]->length < ends->length ? "runs without a value" : NULL;
}
