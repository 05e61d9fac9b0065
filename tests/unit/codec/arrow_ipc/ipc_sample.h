// Arrow arrays of every layout, made by hand, and whether two are the same.
#ifndef DSI_TEST_IPC_SAMPLE_H
#define DSI_TEST_IPC_SAMPLE_H

#include "harness.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "codec/arrow_ipc/ipc_encode.h"
#include "codec/arrow_ipc/ipc_layout.h"
#include "codec/arrow_ipc/ipc_message.h"

enum { SAMPLE_NODES_MAX = 64, SAMPLE_COLUMNS_MAX = 20 };

// A table whose memory is static or the test's; release does nothing but count.
struct sample {
    struct ArrowSchema schemas[SAMPLE_NODES_MAX];
    struct ArrowArray arrays[SAMPLE_NODES_MAX];
    struct ArrowSchema *schema_pointers[SAMPLE_NODES_MAX];
    struct ArrowArray *array_pointers[SAMPLE_NODES_MAX];
    const void *buffers[SAMPLE_NODES_MAX][5];
    struct ArrowSchema *columns[SAMPLE_COLUMNS_MAX];
    struct ArrowArray *values[SAMPLE_COLUMNS_MAX];
    size_t nodes;
    size_t column_count;
    struct ArrowSchema schema; // The whole.
    struct ArrowArray array;
    const void *no_validity[1];
};

static inline void sample_release_schema(struct ArrowSchema *s)
{
    s->release = NULL;
}

static inline void sample_release_array(struct ArrowArray *a)
{
    a->release = NULL;
}

// A node with its buffers; `children` are nodes that were added right before, in order.
static inline size_t sample_node(struct sample *s, const char *format, int64_t length,
                                 int64_t nulls, int64_t n_buffers, const void *b0,
                                 const void *b1, const void *b2, size_t children)
{
    size_t n = s->nodes++;
    assert_true(s->nodes <= SAMPLE_NODES_MAX);
    for (size_t i = 0; i < children; i++) {
        s->schema_pointers[n - children + i] = &s->schemas[n - children + i];
        s->array_pointers[n - children + i] = &s->arrays[n - children + i];
    }
    s->buffers[n][0] = b0;
    s->buffers[n][1] = b1;
    s->buffers[n][2] = b2;
    s->schemas[n] = (struct ArrowSchema){.format = format,
                                         .name = "item",
                                         .flags = ARROW_FLAG_NULLABLE,
                                         .n_children = (int64_t)children,
                                         .children = &s->schema_pointers[n - children],
                                         .release = sample_release_schema};
    s->arrays[n] = (struct ArrowArray){.length = length,
                                       .null_count = nulls,
                                       .n_buffers = n_buffers,
                                       .n_children = (int64_t)children,
                                       .buffers = s->buffers[n],
                                       .children = &s->array_pointers[n - children],
                                       .release = sample_release_array};
    return n;
}

static inline void sample_column(struct sample *s, size_t n, const char *name)
{
    s->schemas[n].name = name;
    s->columns[s->column_count] = &s->schemas[n];
    s->values[s->column_count++] = &s->arrays[n];
}

static inline void sample_finish(struct sample *s, int64_t rows)
{
    s->schema = (struct ArrowSchema){.format = "+s",
                                     .name = "",
                                     .n_children = (int64_t)s->column_count,
                                     .children = s->columns,
                                     .release = sample_release_schema};
    s->array = (struct ArrowArray){.length = rows,
                                   .n_buffers = 1,
                                   .buffers = s->no_validity,
                                   .n_children = (int64_t)s->column_count,
                                   .children = s->values,
                                   .release = sample_release_array};
}

// "PARQUET:field_id" = "7", as ArrowSchema has metadata.
static const char *sample_metadata(void)
{
    static char bytes[64];
    const int32_t numbers[] = {1, 16, 1};
    memcpy(bytes, numbers, 8);
    memcpy(bytes + 8, "PARQUET:field_id", 16);
    memcpy(bytes + 24, &numbers[2], 4);
    bytes[28] = '7';
    return bytes;
}

// Four rows of every layout; element 2 of most columns is null.
static inline void sample_all(struct sample *s)
{
    static const uint8_t valid[] = {0x0b};
    static const uint8_t bits[] = {0x05};
    static const int32_t ints[] = {1, -2, 0, INT32_MAX};
    static const int64_t longs[] = {1, -2, 3, 4, 5, 6, 7, INT64_MIN};
    static const int32_t offsets[] = {0, 2, 2, 2, 5};
    static const int64_t wide[] = {0, 2, 2, 2, 5};
    static const int32_t list_sizes[] = {2, 0, 0, 3};
    static const int32_t list_starts[] = {3, 0, 0, 1};
    static const int16_t ends[] = {1, 3, 4};
    static const int8_t indices[] = {2, 0, 99, 1}; // The 99 is under a null.
    static const int64_t view_sizes[] = {20};
    static const uint8_t fixed[] = "aaabbbcccddd";
    static uint8_t views[64];
    const char *text = "abcde";
    const char *long_text = "a text of some length";
    size_t n = 0;

    *s = (struct sample){0};
    memset(views, 0, sizeof views);
    memcpy(views, "\x02\0\0\0hi", 6);
    memcpy(views + 16, "\x12\0\0\0text\0\0\0\0\x02\0\0\0", 16);
    memcpy(views + 32, "\xff\xff\xff\xff garbage   ", 15); // Under a null.
    n = sample_node(s, "i", 4, 1, 2, valid, ints, NULL, 0);
    s->schemas[n].metadata = sample_metadata();
    sample_column(s, n, "int");
    sample_column(s, sample_node(s, "b", 4, 0, 2, NULL, bits, NULL, 0), "bool");
    sample_column(s, sample_node(s, "u", 4, 1, 3, valid, offsets, text, 0), "text");
    sample_column(s, sample_node(s, "Z", 4, -1, 3, valid, wide, text, 0), "large");
    sample_column(s, sample_node(s, "w:3", 4, 0, 2, NULL, fixed, NULL, 0), "fixed");
    sample_column(s, sample_node(s, "n", 4, 4, 0, NULL, NULL, NULL, 0), "null");
    n = sample_node(s, "vu", 4, 1, 4, valid, views, long_text, 0);
    s->buffers[n][3] = view_sizes;
    sample_column(s, n, "view");
    sample_node(s, "l", 8, 0, 2, NULL, longs, NULL, 0);
    sample_column(s, sample_node(s, "+l", 4, 1, 2, valid, offsets, NULL, 1), "list");
    sample_node(s, "l", 8, 0, 2, NULL, longs, NULL, 0);
    sample_column(s, sample_node(s, "+vl", 4, 1, 3, valid, list_starts, list_sizes, 1),
                  "list view");
    sample_node(s, "l", 8, 0, 2, NULL, longs, NULL, 0);
    sample_column(s, sample_node(s, "+w:2", 4, 0, 1, NULL, NULL, NULL, 1), "pairs");
    sample_node(s, "i", 4, 1, 2, valid, ints, NULL, 0);
    sample_node(s, "u", 4, 1, 3, valid, offsets, text, 0);
    sample_column(s, sample_node(s, "+s", 4, 1, 1, valid, NULL, NULL, 2), "struct");
    sample_node(s, "s", 3, 0, 2, NULL, ends, NULL, 0);
    sample_node(s, "i", 3, 1, 2, valid, ints, NULL, 0);
    s->arrays[s->nodes - 1].null_count = 1;
    sample_column(s, sample_node(s, "+r", 4, 0, 0, NULL, NULL, NULL, 2), "runs");
    n = sample_node(s, "u", 4, 1, 3, valid, offsets, text, 0);
    size_t d = sample_node(s, "c", 4, 1, 2, valid, indices, NULL, 0);
    s->schemas[d].dictionary = &s->schemas[n];
    s->arrays[d].dictionary = &s->arrays[n];
    sample_column(s, d, "words");
    sample_finish(s, 4);
}

// --- Comparing

static inline bool sample_is_null(const struct dsi_ipc_node *n,
                                  const struct ArrowArray *a, int64_t i)
{
    if (n->shape == DSI_IPC_NULLS) {
        return true;
    }
    const uint8_t *bits = n->shape == DSI_IPC_RUNS ? NULL : a->buffers[0];
    i += a->offset;
    return bits && !(bits[i / 8] >> (i % 8) & 1);
}

static inline int64_t sample_number(const void *p, int64_t i, size_t bits)
{
    switch (bits) {
    case 8:
        return ((const int8_t *)p)[i];
    case 16:
        return ((const int16_t *)p)[i];
    case 32:
        return ((const int32_t *)p)[i];
    default:
        return ((const int64_t *)p)[i];
    }
}

static inline struct ds_slice sample_text(const struct dsi_ipc_node *n,
                                          const struct ArrowArray *a, int64_t i)
{
    i += a->offset;
    if (n->shape == DSI_IPC_VIEWS) {
        const uint8_t *view = (const uint8_t *)a->buffers[1] + i * 16;
        int32_t f[4];
        memcpy(f, view, 16);
        return (struct ds_slice){
            f[0] <= 12 ? view + 4 : (const uint8_t *)a->buffers[2 + f[2]] + f[3],
            (size_t)f[0]};
    }
    int64_t from = sample_number(a->buffers[1], i, n->bits);
    int64_t end = sample_number(a->buffers[1], i + 1, n->bits);
    return (struct ds_slice){(const uint8_t *)a->buffers[2] + from, (size_t)(end - from)};
}

static inline bool sample_same(const struct dsi_ipc_node *n, const struct ArrowArray *a,
                               int64_t i, const struct ArrowArray *b, int64_t j);

static inline bool sample_same_range(const struct dsi_ipc_node *n,
                                     const struct ArrowArray *a, int64_t i,
                                     const struct ArrowArray *b, int64_t j, int64_t count)
{
    for (int64_t k = 0; k < count; k++) {
        if (!sample_same(n, a, i + k, b, j + k)) {
            return false;
        }
    }
    return true;
}

static inline void sample_list_at(const struct dsi_ipc_node *n,
                                  const struct ArrowArray *a, int64_t i, int64_t *from,
                                  int64_t *count)
{
    i += a->offset;
    if (n->shape == DSI_IPC_FIXED_LIST) {
        *from = i * n->list_size;
        *count = n->list_size;
        return;
    }
    *from = sample_number(a->buffers[1], i, n->bits);
    *count = n->shape == DSI_IPC_LIST_VIEW
                 ? sample_number(a->buffers[2], i, n->bits)
                 : sample_number(a->buffers[1], i + 1, n->bits) - *from;
}

static inline int64_t sample_run_at(const struct dsi_ipc_node *n,
                                    const struct ArrowArray *a, int64_t i)
{
    const struct ArrowArray *ends = a->children[0];
    for (int64_t k = 0;; k++) {
        if (sample_number(ends->buffers[1], ends->offset + k, n->children[0].bits) >
            i + a->offset) {
            return k;
        }
    }
}

// Whether element i of `a` is element j of `b`.
static inline bool sample_same(const struct dsi_ipc_node *n, const struct ArrowArray *a,
                               int64_t i, const struct ArrowArray *b, int64_t j)
{
    int64_t from[2];
    int64_t count[2];
    bool null = sample_is_null(n, a, i);

    if (null != sample_is_null(n, b, j) || null) {
        return null;
    }
    if (n->dictionary) {
        return sample_same(&n->dictionary->values, a->dictionary,
                           sample_number(a->buffers[1], a->offset + i, n->bits),
                           b->dictionary,
                           sample_number(b->buffers[1], b->offset + j, n->bits));
    }
    switch (n->shape) {
    case DSI_IPC_FIXED:
        if (n->bits == 1) {
            const uint8_t *x = a->buffers[1];
            const uint8_t *y = b->buffers[1];
            i += a->offset;
            j += b->offset;
            return (x[i / 8] >> (i % 8) & 1) == (y[j / 8] >> (j % 8) & 1);
        }
        return memcmp((const uint8_t *)a->buffers[1] +
                          (size_t)(a->offset + i) * (n->bits / 8),
                      (const uint8_t *)b->buffers[1] +
                          (size_t)(b->offset + j) * (n->bits / 8),
                      n->bits / 8) == 0;
    case DSI_IPC_TEXT:
    case DSI_IPC_VIEWS: {
        struct ds_slice x = sample_text(n, a, i);
        struct ds_slice y = sample_text(n, b, j);
        return x.size == y.size && (x.size == 0 || memcmp(x.data, y.data, x.size) == 0);
    }
    case DSI_IPC_STRUCT:
        for (size_t c = 0; c < n->child_count; c++) {
            if (!sample_same(&n->children[c], a->children[c], a->offset + i,
                             b->children[c], b->offset + j)) {
                return false;
            }
        }
        return true;
    case DSI_IPC_RUNS:
        return sample_same(&n->children[1], a->children[1], sample_run_at(n, a, i),
                           b->children[1], sample_run_at(n, b, j));
    default:
        sample_list_at(n, a, i, &from[0], &count[0]);
        sample_list_at(n, b, j, &from[1], &count[1]);
        return count[0] == count[1] &&
               sample_same_range(&n->children[0], a->children[0], from[0], b->children[0],
                                 from[1], count[0]);
    }
}

// --- Bytes

static inline int sample_write(void *arg, const void *bytes, size_t size,
                               struct ds_error *err)
{
    return dsi_buf_append(arg, bytes, size, err);
}

// A table as a stream or file of one batch, `times` over.
static inline int sample_encode(struct sample *s, bool file, enum dsi_compression codec,
                                int times, struct dsi_buf *out, struct ds_error *err)
{
    struct dsi_ipc_encode_options o = {.write = sample_write,
                                       .write_arg = out,
                                       .file = file,
                                       .codec = codec,
                                       .level = DSI_COMPRESSION_LEVEL_DEFAULT};
    struct dsi_ipc_encoder *e = NULL;
    int rc = dsi_ipc_encoder_new(&s->schema, &o, &e, err);
    for (int i = 0; rc == DS_OK && i < times; i++) {
        rc = dsi_ipc_encoder_batch(e, &s->array, err);
    }
    if (rc == DS_OK) {
        rc = dsi_ipc_encoder_finish(e, err);
    }
    dsi_ipc_encoder_free(e);
    return rc;
}

// The message at *at of a stream, which moves on past it. Its metadata and body borrow.
static inline int sample_message(struct ds_slice bytes, size_t *at,
                                 struct dsi_ipc_message *m, struct ds_slice *body,
                                 struct ds_error *err)
{
    size_t size = 0;
    if (dsi_ipc_prefix_read(bytes.data + *at, 8, "sample", &size, err) < 0 || size == 0) {
        return size == 0 ? DS_OK : DS_ECORRUPT;
    }
    struct ds_slice metadata = {bytes.data + *at + 8, size};
    int rc = dsi_ipc_message_read(metadata, "sample", m, err);
    if (rc == DS_OK) {
        *body = (struct ds_slice){metadata.data + size, (size_t)m->body_size};
        *at += 8 + size + (size_t)m->body_size;
        rc = DS_ROW;
    }
    return rc;
}

#endif
