// Rows, value by value, into growing columns.
//
// (1) Before and after every call each column holds exactly `rows` values, and one more
//     where the current row has its value: a failure in the middle of a row can always be
//     rolled back.
#include "base/alloc.h"
#include "base/error.h"
#include "data/column_builder.h"

struct dsi_batch_builder {
    const struct dsi_schema *schema;
    struct dsi_field root_field;
    struct dsi_column_builder root; // Its children are the columns; its length the rows.
};

void dsi_batch_builder_free(struct dsi_batch_builder *b)
{
    if (b) {
        dsi_column_builder_release(&b->root);
        dsi_free(b);
    }
}

int dsi_batch_builder_new(const struct dsi_schema *schema, struct dsi_batch_builder **out,
                          struct ds_error *err)
{
    struct dsi_batch_builder *b = dsi_calloc(1, sizeof *b);

    *out = NULL;
    if (!b) {
        return dsi_no_memory(err, "making a batch builder");
    }
    b->schema = schema;
    b->root_field = (struct dsi_field){.name = "", .type = schema->root};
    int rc = dsi_column_builder_init(&b->root, &b->root_field, NULL, 0, err);
    if (rc < 0) {
        dsi_batch_builder_free(b);
        return rc;
    }
    *out = b;
    return DS_OK;
}

struct dsi_column_builder *dsi_batch_builder_column(struct dsi_batch_builder *b,
                                                    size_t column)
{
    struct dsi_column_builder *c = &b->root.children[column];
    int64_t rows = b->root.length;
    dsi_column_builder_truncate(c, c->length < rows ? c->length : rows);
    return c;
}

int dsi_batch_builder_set(struct dsi_batch_builder *b, size_t column,
                          const struct dsi_value *v, struct ds_error *err)
{
    if (column >= b->root.child_count) {
        return dsi_fail(err, DS_EINVALID, "column %zu of a row of %zu columns", column,
                        b->root.child_count);
    }
    struct dsi_column_builder *c = &b->root.children[column];
    if (c->length > b->root.length) { // Set again.
        dsi_column_builder_truncate(c, b->root.length);
    }
    return dsi_column_builder_put(c, v, err);
}

// The first required column whose value in the current row is null, or NULL.
static const struct dsi_field *null_but_required(const struct dsi_batch_builder *b)
{
    for (size_t i = 0; i < b->root.child_count; i++) {
        const struct dsi_column_builder *c = &b->root.children[i];
        bool set = c->length > b->root.length;
        if (c->field->required &&
            !(set && dsi_bit_get(c->validity.data, b->root.length))) {
            return c->field;
        }
    }
    return NULL;
}

int dsi_batch_builder_end_row(struct dsi_batch_builder *b, struct ds_error *err)
{
    const struct dsi_field *wrong = null_but_required(b);
    int rc = wrong ? dsi_fail(err, DS_EINVALID,
                              "column %s, row %lld: null, but it is required",
                              wrong->name, (long long)b->root.length)
                   : dsi_column_builder_end(&b->root, err);
    if (rc < 0) {
        dsi_column_builder_truncate(&b->root, b->root.length); // (1)
    }
    return rc;
}

int64_t dsi_batch_builder_rows(const struct dsi_batch_builder *b)
{
    return b->root.length;
}

size_t dsi_batch_builder_bytes(const struct dsi_batch_builder *b)
{
    return dsi_column_builder_bytes(&b->root);
}

int dsi_batch_builder_take(struct dsi_batch_builder *b, struct dsi_batch *out,
                           struct ds_error *err)
{
    struct dsi_column root = {0};
    int rc = dsi_batch_init(out, b->schema, err);
    if (rc < 0) {
        return rc;
    }
    size_t count = dsi_column_builder_count(&b->root) * 3;
    out->owned = dsi_calloc(count, sizeof *out->owned);
    if (!out->owned) {
        dsi_batch_release(out);
        return dsi_no_memory(err, "taking the rows of a batch builder");
    }
    out->owned_capacity = count;
    root.children = out->columns;
    dsi_column_builder_take(&b->root, out, &root);
    out->rows = root.length;
    return DS_OK;
}
