// A producer of Arrow data that a test can bend: one column inside a struct, built on the
// stack, which counts how often it is released.
#ifndef DSI_TEST_DATA_PRODUCER_H
#define DSI_TEST_DATA_PRODUCER_H

#include "data/arrow_io.h"
#include "unit/data/rows.h"

enum { PRODUCER_BUFFERS = 6 };

struct producer {
    struct ArrowSchema schema;
    struct ArrowSchema column_schema;
    struct ArrowSchema *schemas[1];
    struct ArrowArray array;
    struct ArrowArray column;
    struct ArrowArray *columns[1];
    const void *top_buffers[1];
    const void *buffers[PRODUCER_BUFFERS];
    int released;
};

static inline void producer_release_schema(struct ArrowSchema *s)
{
    s->release = NULL;
}

static inline void producer_release(struct ArrowArray *a)
{
    int *released = a->private_data;
    if (released) {
        (*released)++;
    }
    a->release = NULL;
}

// An inner array or schema (a dictionary, run ends): released with the whole.
static inline struct ArrowSchema producer_schema(const char *format, const char *name)
{
    return (struct ArrowSchema){.format = format,
                                .name = name,
                                .flags = ARROW_FLAG_NULLABLE,
                                .release = producer_release_schema};
}

static inline struct ArrowArray producer_array(int64_t length, int64_t n_buffers,
                                               const void **buffers)
{
    return (struct ArrowArray){.length = length,
                               .null_count = -1,
                               .n_buffers = n_buffers,
                               .buffers = buffers,
                               .release = producer_release};
}

// `values` becomes buffer 1, `bytes` buffer 2. Must not move afterwards.
static inline void producer_init(struct producer *p, const char *format, int64_t length,
                                 int64_t n_buffers, const void *values, const void *bytes)
{
    memset(p, 0, sizeof *p);
    p->schema = producer_schema("+s", "");
    p->column_schema = producer_schema(format, "c");
    p->schemas[0] = &p->column_schema;
    p->schema.n_children = 1;
    p->schema.children = p->schemas;
    p->buffers[1] = values;
    p->buffers[2] = bytes;
    p->column = producer_array(length, n_buffers, p->buffers);
    p->columns[0] = &p->column;
    p->array = producer_array(length, 1, p->top_buffers);
    p->array.n_children = 1;
    p->array.children = p->columns;
    p->array.private_data = &p->released;
}

// Imports the producer's column "c"; `out` is empty on failure.
static inline int producer_import(struct producer *p, const struct dsi_schema *target,
                                  struct dsi_batch *out, struct ds_error *err)
{
    struct dsi_arrow_import *im = NULL;
    *out = (struct dsi_batch){0};
    int rc = dsi_arrow_import_new(&p->schema, target, &im, err);
    if (rc == DS_OK) {
        rc = dsi_arrow_import_batch(im, &p->array, 1, out, err);
        assert_null(p->array.release);
    }
    dsi_arrow_import_free(im);
    return rc;
}

// Import must fail with this status and these words, and release once.
static inline void producer_refused(struct producer *p, const struct dsi_type *type,
                                    bool required, int status, const char *says)
{
    struct dsi_field field = {.id = 1, .required = required, .name = "c", .type = *type};
    struct dsi_schema target = rows_schema(&field, 1);
    struct ds_error err = {0};
    struct dsi_batch b;
    int rc = producer_import(p, &target, &b, &err);
    if (rc != status || !strstr(err.message, says)) {
        fail_msg("%d '%s' is not %d with '%s'", rc, err.message, status, says);
    }
    assert_true(p->released <= 1);
    if (p->array.release) { // The schema was refused: the array is still ours.
        p->array.release(&p->array);
    }
    assert_int_equal(p->released, 1);
}

// Import must give these values (NULL: the row is null) and release once.
static inline void producer_gives(struct producer *p, const struct dsi_type *type,
                                  const struct dsi_value *values, int64_t rows)
{
    struct dsi_field field = {.id = 1, .name = "c", .type = *type};
    struct dsi_schema target = rows_schema(&field, 1);
    struct ds_error err = {0};
    struct dsi_batch b;
    int rc = producer_import(p, &target, &b, &err);
    if (rc != DS_OK) {
        fail_msg("format %s: %s", p->column_schema.format, err.message);
    }
    assert_int_equal(b.rows, rows);
    for (int64_t i = 0; i < rows; i++) {
        struct dsi_value is;
        dsi_column_value(&b.columns[0], i, &is);
        if (!rows_same_value(&values[i], &is)) {
            fail_msg("format %s: row %lld differs", p->column_schema.format,
                     (long long)i);
        }
    }
    assert_int_equal(p->released, 0);
    dsi_batch_release(&b);
    assert_int_equal(p->released, 1);
}

#endif
