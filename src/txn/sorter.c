#include "txn/sorter.h"

#include <assert.h>
#include <string.h>

#include "base/alloc.h"
#include "base/error.h"

// One row while sorting: where it is, and its place among the keys.
struct row_ref {
    uint32_t batch;
    uint32_t key;
    int64_t row;
};

struct sorting {
    const struct dsi_sorter *sorter;
    struct dsi_value *keys; // order->field_count for each row.
    struct row_ref *refs;
    struct row_ref *spare;
    size_t count;
};

static int no_memory(struct ds_error *err)
{
    return dsi_no_memory(err, "sorting rows");
}

static const struct dsi_field *source_of(const struct dsi_sorter *s, size_t field,
                                         size_t *column)
{
    for (size_t i = 0; i < s->schema->root.field_count; i++) {
        if (s->schema->root.fields[i].id == s->order->fields[field].source_id) {
            *column = i;
            return &s->schema->root.fields[i];
        }
    }
    return NULL;
}

int dsi_sorter_init(struct dsi_sorter *s, const struct dsi_schema *schema,
                    const struct dsi_sort_order *order, struct ds_error *err)
{
    struct dsi_type result;
    size_t column = 0;
    int rc = DS_OK;

    *s = (struct dsi_sorter){.schema = schema, .order = order};
    for (size_t i = 0; i < order->field_count; i++) {
        const struct dsi_transform *t = &order->fields[i].transform;
        const struct dsi_field *source = source_of(s, i, &column);
        if (!source || t->kind == DSI_TRANSFORM_UNKNOWN) {
            rc = dsi_fail(err, DS_EUNSUPPORTED,
                          "field %zu of the table's sort order (column id %d, %s) is not "
                          "one this build can sort by",
                          i, (int)order->fields[i].source_id, t->text);
            goto done;
        }
        DSI_TRY(dsi_transform_result(t, &source->type, &result, err));
    }
done:
    return rc;
}

void dsi_sorter_release(struct dsi_sorter *s)
{
    for (size_t i = 0; i < s->count; i++) {
        dsi_batch_release(&s->batches[i]);
    }
    dsi_free(s->batches);
    s->batches = NULL;
    s->count = s->capacity = 0;
    s->bytes = 0;
    s->rows = 0;
}

// A generous guess at what a column holds.
static uint64_t column_bytes(const struct dsi_column *c, int depth)
{
    uint64_t n = (uint64_t)c->length * 16;

    if (c->offsets) {
        n += (uint64_t)(c->offsets[c->offset + c->length] - c->offsets[c->offset]);
    } else if (c->offsets64) {
        n += (uint64_t)(c->offsets64[c->offset + c->length] - c->offsets64[c->offset]);
    }
    for (size_t i = 0; depth < DSI_TYPE_DEPTH_MAX && i < c->child_count; i++) {
        n += column_bytes(&c->children[i], depth + 1);
    }
    return n;
}

int dsi_sorter_add(struct dsi_sorter *s, struct dsi_batch *b, struct ds_error *err)
{
    uint64_t per_row =
        s->order->field_count * sizeof(struct dsi_value) + 2 * sizeof(struct row_ref);

    if (s->count == s->capacity) {
        size_t capacity = s->capacity ? s->capacity * 2 : 8;
        struct dsi_batch *all = dsi_realloc(s->batches, capacity * sizeof *all);
        if (!all) {
            dsi_batch_release(b);
            return no_memory(err);
        }
        s->batches = all;
        s->capacity = capacity;
    }
    for (size_t i = 0; i < b->column_count; i++) {
        s->bytes += column_bytes(&b->columns[i], 0);
    }
    s->bytes += (uint64_t)b->rows * per_row;
    s->rows += b->rows;
    s->batches[s->count++] = *b;
    *b = (struct dsi_batch){0};
    return DS_OK;
}

static int compare_key(const struct dsi_sort_field *f, const struct dsi_value *a,
                       const struct dsi_value *b)
{
    if (a->null || b->null) {
        int order = (int)b->null - (int)a->null; // Nulls first: the null one is less.
        return f->nulls_last ? -order : order;
    }
    int order = dsi_value_compare(a, b);
    return f->descending ? -order : order;
}

static int compare_rows(const struct sorting *s, const struct row_ref *a,
                        const struct row_ref *b)
{
    size_t n = s->sorter->order->field_count;

    for (size_t i = 0; i < n; i++) {
        int order = compare_key(&s->sorter->order->fields[i], &s->keys[a->key * n + i],
                                &s->keys[b->key * n + i]);
        if (order != 0) {
            return order;
        }
    }
    return 0;
}

static void merge_runs(const struct sorting *s, size_t first, size_t middle, size_t end)
{
    size_t left = first;
    size_t right = middle;

    for (size_t i = first; i < end; i++) {
        bool take_right =
            left == middle ||
            (right < end && compare_rows(s, &s->refs[right], &s->refs[left]) < 0);
        s->spare[i] = s->refs[take_right ? right++ : left++];
    }
}

// A stable merge sort, bottom up.
static void sort(struct sorting *s)
{
    for (size_t width = 1; width < s->count; width *= 2) {
        for (size_t first = 0; first < s->count; first += 2 * width) {
            size_t middle = first + width < s->count ? first + width : s->count;
            size_t end = middle + width < s->count ? middle + width : s->count;
            merge_runs(s, first, middle, end);
        }
        struct row_ref *swapped = s->refs;
        s->refs = s->spare;
        s->spare = swapped;
    }
}

static int make_keys(struct sorting *s, struct ds_error *err)
{
    const struct dsi_sort_order *order = s->sorter->order;
    struct dsi_value v = DSI_VALUE_NULL;
    size_t column = 0;
    int rc = DS_OK;

    for (size_t i = 0; i < s->sorter->count; i++) {
        const struct dsi_batch *b = &s->sorter->batches[i];
        for (int64_t row = 0; row < b->rows; row++) {
            s->refs[s->count] = (struct row_ref){(uint32_t)i, (uint32_t)s->count, row};
            for (size_t k = 0; k < order->field_count; k++) {
                const struct dsi_field *source = source_of(s->sorter, k, &column);
                dsi_column_value(&b->columns[column], row, &v);
                DSI_TRY(dsi_transform_apply(
                    &order->fields[k].transform, &source->type, &v,
                    &s->keys[s->count * order->field_count + k], err));
            }
            s->count++;
        }
    }
done:
    return rc;
}

static int give_out(const struct sorting *s, dsi_sorted_fn fn, void *arg,
                    struct ds_error *err)
{
    int rc = DS_OK;

    for (size_t i = 0; i < s->count;) {
        size_t run = 1; // Rows that stand together already are given together.
        while (i + run < s->count && s->refs[i + run].batch == s->refs[i].batch &&
               s->refs[i + run].row == s->refs[i].row + (int64_t)run) {
            run++;
        }
        DSI_TRY(fn(arg, &s->sorter->batches[s->refs[i].batch], s->refs[i].row,
                   (int64_t)run, err));
        i += run;
    }
done:
    return rc;
}

int dsi_sorter_drain(struct dsi_sorter *s, dsi_sorted_fn fn, void *arg,
                     struct ds_error *err)
{
    size_t n = (size_t)s->rows;
    struct sorting work = {.sorter = s};
    int rc = DS_OK;

    assert(n <= UINT32_MAX);
    work.keys = dsi_calloc(n * s->order->field_count + 1, sizeof *work.keys);
    work.refs = dsi_calloc(n + 1, sizeof *work.refs);
    work.spare = dsi_calloc(n + 1, sizeof *work.spare);
    if (!work.keys || !work.refs || !work.spare) {
        rc = no_memory(err);
        goto done;
    }
    DSI_TRY(make_keys(&work, err));
    sort(&work);
    DSI_TRY(give_out(&work, fn, arg, err));
done:
    dsi_free(work.keys);
    dsi_free(work.refs);
    dsi_free(work.spare);
    dsi_sorter_release(s);
    return rc;
}
