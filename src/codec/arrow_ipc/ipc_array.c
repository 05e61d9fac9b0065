#include "codec/arrow_ipc/ipc_array.h"

#include <assert.h>

#include "base/alloc.h"
#include "base/error.h"

enum { MEMORY_MAX = 2 }; // What the message held, and the sizes of views' buffers.

const uint64_t dsi_ipc_zeros[4];

// What one ArrowArray of ours owns.
struct node {
    struct dsi_ipc_memory *memory[MEMORY_MAX];
    const void **buffers;
    struct ArrowArray *children;
    struct ArrowArray **pointers;
    size_t child_count;
    struct ArrowArray *dictionary;
};

int dsi_ipc_memory_new(struct dsi_buf *bytes, struct dsi_ipc_memory **out,
                       struct ds_error *err)
{
    struct dsi_ipc_memory *m = dsi_calloc(1, sizeof *m);

    *out = m;
    if (!m) {
        dsi_buf_release(bytes);
        return dsi_no_memory(err, "reading Arrow data");
    }
    dsi_refcount_init(&m->owners);
    m->bytes = *bytes;
    *bytes = (struct dsi_buf)DSI_BUF_INIT_MAX(bytes->max);
    return DS_OK;
}

struct dsi_ipc_memory *dsi_ipc_memory_ref(struct dsi_ipc_memory *m)
{
    dsi_refcount_add(&m->owners);
    return m;
}

void dsi_ipc_memory_unref(struct dsi_ipc_memory *m)
{
    if (m && dsi_refcount_drop(&m->owners)) {
        dsi_buf_release(&m->bytes);
        dsi_free(m);
    }
}

static void release_array(struct ArrowArray *a)
{
    struct node *n = a->private_data;

    for (size_t i = 0; i < n->child_count; i++) {
        if (n->children[i].release) {
            n->children[i].release(&n->children[i]);
        }
    }
    if (n->dictionary && n->dictionary->release) {
        n->dictionary->release(n->dictionary);
    }
    for (size_t i = 0; i < MEMORY_MAX; i++) {
        dsi_ipc_memory_unref(n->memory[i]);
    }
    dsi_free(n->dictionary);
    dsi_free(n->buffers);
    dsi_free(n->children);
    dsi_free(n->pointers);
    dsi_free(n);
    a->release = NULL;
}

int dsi_ipc_array_new(struct dsi_ipc_memory *memory, size_t buffer_count,
                      size_t child_count, bool dictionary, struct ArrowArray *out,
                      struct ds_error *err)
{
    struct node *n = dsi_calloc(1, sizeof *n);

    *out = (struct ArrowArray){0};
    if (!n) {
        return dsi_no_memory(err, "making an Arrow array");
    }
    n->buffers = dsi_calloc(buffer_count, sizeof *n->buffers);
    n->children = dsi_calloc(child_count, sizeof *n->children);
    n->pointers = dsi_calloc(child_count, sizeof *n->pointers);
    n->dictionary = dictionary ? dsi_calloc(1, sizeof *n->dictionary) : NULL;
    n->memory[0] = memory ? dsi_ipc_memory_ref(memory) : NULL;
    *out = (struct ArrowArray){.n_buffers = (int64_t)buffer_count,
                               .buffers = n->buffers,
                               .children = n->pointers,
                               .dictionary = n->dictionary,
                               .release = release_array,
                               .private_data = n};
    if (!n->buffers || !n->children || !n->pointers || (dictionary && !n->dictionary)) {
        release_array(out);
        return dsi_no_memory(err, "making an Arrow array");
    }
    n->child_count = child_count;
    for (size_t i = 0; i < child_count; i++) {
        n->pointers[i] = &n->children[i];
    }
    return DS_OK;
}

void dsi_ipc_array_set_buffer(struct ArrowArray *a, size_t i, const void *bytes)
{
    struct node *n = a->private_data;

    assert((int64_t)i < a->n_buffers);
    n->buffers[i] = bytes;
}

struct ArrowArray *dsi_ipc_array_child(struct ArrowArray *a, size_t i)
{
    struct node *n = a->private_data;

    assert(i < n->child_count);
    return &n->children[i];
}

void dsi_ipc_array_keep(struct ArrowArray *a, struct dsi_ipc_memory *memory)
{
    struct node *n = a->private_data;

    assert(!n->memory[1]);
    n->memory[1] = dsi_ipc_memory_ref(memory);
}

struct ArrowArray *dsi_ipc_array_dictionary(struct ArrowArray *a)
{
    return ((struct node *)a->private_data)->dictionary;
}

int dsi_ipc_array_copy(const struct ArrowArray *a, struct ArrowArray *out,
                       struct ds_error *err)
{
    const struct node *from = a->private_data;
    int rc = DS_OK;

    DSI_TRY(dsi_ipc_array_new(from->memory[0], (size_t)a->n_buffers, from->child_count,
                              from->dictionary != NULL, out, err));
    if (from->memory[1]) {
        dsi_ipc_array_keep(out, from->memory[1]);
    }
    out->length = a->length;
    out->null_count = a->null_count;
    out->offset = a->offset;
    for (int64_t i = 0; i < a->n_buffers; i++) {
        dsi_ipc_array_set_buffer(out, (size_t)i, a->buffers[i]);
    }
    for (size_t i = 0; i < from->child_count; i++) {
        DSI_TRY(dsi_ipc_array_copy(&from->children[i], dsi_ipc_array_child(out, i), err));
        out->n_children++;
    }
    if (from->dictionary) {
        DSI_TRY(dsi_ipc_array_copy(from->dictionary, out->dictionary, err));
    }
done:
    if (rc < 0 && out->release) {
        out->release(out);
    }
    return rc;
}

int dsi_ipc_array_slice(const struct ArrowArray *a, int64_t first, int64_t rows,
                        struct ArrowArray *out, struct ds_error *err)
{
    int rc = dsi_ipc_array_copy(a, out, err);

    assert(first >= 0 && rows >= 0 && first <= a->length && rows <= a->length - first);
    if (rc < 0 || (first == 0 && rows == a->length)) {
        return rc;
    }
    out->length = rows;
    for (size_t i = 0; i < (size_t)out->n_children; i++) {
        struct ArrowArray *c = dsi_ipc_array_child(out, i);
        c->offset += first;
        c->length = rows;
        c->null_count = c->null_count == 0 ? 0 : c->n_buffers == 0 ? rows : -1;
    }
    return DS_OK;
}

int dsi_ipc_array_empty(const struct dsi_ipc_node *n, struct ArrowArray *out,
                        struct ds_error *err)
{
    size_t buffers = dsi_ipc_buffer_count(n) + (n->shape == DSI_IPC_VIEWS);
    int rc = DS_OK;

    DSI_TRY(dsi_ipc_array_new(NULL, buffers, n->child_count, n->dictionary != NULL, out,
                              err));
    for (size_t i = 1; i < buffers; i++) {
        dsi_ipc_array_set_buffer(out, i, dsi_ipc_zeros);
    }
    for (size_t i = 0; i < n->child_count; i++) {
        DSI_TRY(dsi_ipc_array_empty(&n->children[i], dsi_ipc_array_child(out, i), err));
        out->n_children++;
    }
    if (n->dictionary) {
        DSI_TRY(dsi_ipc_array_empty(&n->dictionary->values, out->dictionary, err));
    }
done:
    if (rc < 0 && out->release) {
        out->release(out);
    }
    return rc;
}
