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

// Arrays inside arrays: nodes that are put together by hand, node 0 the column "c".
enum { TREE_NODES = 12 };

struct tree {
    struct ArrowSchema schemas[TREE_NODES];
    struct ArrowArray arrays[TREE_NODES];
    struct ArrowSchema *schema_children[TREE_NODES][4];
    struct ArrowArray *array_children[TREE_NODES][4];
    const void *buffers[TREE_NODES][4];
    size_t used;
    struct producer p; // The struct at the top.
};

// Adds a node with up to two buffers beside the validity; returns its number.
static inline size_t tree_add(struct tree *t, const char *format, const char *name,
                              int64_t length, int64_t n_buffers, const void *one,
                              const void *two)
{
    size_t n = t->used++;
    assert_true(n < TREE_NODES);
    t->schemas[n] = producer_schema(format, name);
    t->arrays[n] = producer_array(length, n_buffers, t->buffers[n]);
    t->schemas[n].children = t->schema_children[n];
    t->arrays[n].children = t->array_children[n];
    t->buffers[n][1] = one;
    t->buffers[n][2] = two;
    return n;
}

static inline size_t tree_child(struct tree *t, size_t parent, size_t child)
{
    t->schema_children[parent][t->schemas[parent].n_children++] = &t->schemas[child];
    t->array_children[parent][t->arrays[parent].n_children++] = &t->arrays[child];
    return child;
}

// Imports node 0 as the column "c" of this type; `out` is empty on failure.
static inline int tree_import(struct tree *t, const struct dsi_schema *target,
                              struct dsi_batch *out, struct ds_error *err)
{
    producer_init(&t->p, "n", t->arrays[0].length, 0, NULL, NULL);
    t->p.schemas[0] = &t->schemas[0];
    t->p.columns[0] = &t->arrays[0];
    int rc = producer_import(&t->p, target, out, err);
    assert_true(t->p.released <= 1);
    assert_true(rc == DS_OK || t->p.released == 1 || t->p.array.release);
    return rc;
}

static inline void tree_refused(struct tree *t, const struct dsi_field *field, int status,
                                const char *says)
{
    struct dsi_schema target = rows_schema(field, 1);
    struct ds_error err = {0};
    struct dsi_batch b;
    int rc = tree_import(t, &target, &b, &err);
    if (rc != status || !strstr(err.message, says)) {
        fail_msg("%d '%s' is not %d with '%s'", rc, err.message, status, says);
    }
}

static inline void tree_text(const struct dsi_column *c, int64_t i, char *out,
                             size_t size);

// "a, b" for rows [first, end) of the children of a column.
static inline void tree_texts(const struct dsi_column *c, int64_t first, int64_t end,
                              char *out, size_t size)
{
    for (int64_t i = first; i < end; i++) {
        for (size_t k = 0; k < c->child_count; k++) {
            size_t used = strlen(out);
            snprintf(out + used, size - used, "%s", i > first || k > 0 ? " " : "");
            tree_text(&c->children[k], i, out, size);
        }
    }
}

// A value as text, to be compared: "[1 2 -]", "{1 x}", "-" for null.
static inline void tree_text(const struct dsi_column *c, int64_t i, char *out,
                             size_t size)
{
    size_t used = strlen(out);
    bool list = dsi_layout_has_offsets(&c->field->type);

    if (dsi_column_is_null(c, i)) {
        snprintf(out + used, size - used, "-");
    } else if (dsi_layout_of(&c->field->type) == DSI_LAYOUT_NESTED) {
        snprintf(out + used, size - used, list ? "[" : "{");
        tree_texts(c, list ? dsi_column_offset(c, i) : c->offset + i,
                   list ? dsi_column_offset(c, i + 1) : c->offset + i + 1, out, size);
        used = strlen(out);
        snprintf(out + used, size - used, list ? "]" : "}");
    } else {
        struct dsi_value v;
        struct dsi_buf text = DSI_BUF_INIT;
        dsi_column_value(c, i, &v);
        assert_int_equal(dsi_value_format(&v, &c->field->type, &text, NULL), DS_OK);
        snprintf(out + used, size - used, "%s", dsi_buf_text(&text));
        dsi_buf_release(&text);
    }
}

// Import must give rows that read like this, one after another.
static inline void tree_gives(struct tree *t, const struct dsi_field *field,
                              const char *expected)
{
    struct dsi_schema target = rows_schema(field, 1);
    struct ds_error err = {0};
    struct dsi_batch b;
    char text[400] = "";

    if (tree_import(t, &target, &b, &err) < 0) {
        fail_msg("%s", err.message);
    }
    for (int64_t i = 0; i < b.rows; i++) {
        size_t used = strlen(text);
        snprintf(text + used, sizeof text - used, "%s", i > 0 ? " " : "");
        tree_text(&b.columns[0], i, text, sizeof text);
    }
    assert_string_equal(text, expected);
    assert_int_equal(t->p.released, 0);
    dsi_batch_release(&b);
    assert_int_equal(t->p.released, 1);
}

#endif
