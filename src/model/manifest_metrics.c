#include <stdlib.h>

#include "base/error.h"
#include "model/manifest_avro.h"

// The field ids of the key and of the value in each map (specification, "Manifests").
static const struct {
    int32_t key_id;
    int32_t value_id;
    bool bytes;
} maps[DSI_METRIC_COUNT] = {
    [DSI_METRIC_COLUMN_SIZE] = {117, 118, false},
    [DSI_METRIC_VALUE_COUNT] = {119, 120, false},
    [DSI_METRIC_NULL_COUNT] = {121, 122, false},
    [DSI_METRIC_NAN_COUNT] = {138, 139, false},
    [DSI_METRIC_LOWER] = {126, 127, true},
    [DSI_METRIC_UPPER] = {129, 130, true},
};

void dsi_manifest_metrics_release(struct dsi_manifest_metrics *m)
{
    for (size_t i = 0; i < DSI_METRIC_COUNT; i++) {
        dsi_buf_release(&m->items[i]);
    }
    dsi_buf_release(&m->columns);
}

void dsi_manifest_metrics_reset(struct dsi_manifest_metrics *m)
{
    for (size_t i = 0; i < DSI_METRIC_COUNT; i++) {
        m->items[i].size = 0;
    }
}

static int get_item(enum dsi_metric metric, const struct dsi_avro_type *record,
                    struct ds_slice *in, struct dsi_metric_item *item,
                    struct ds_error *err)
{
    const struct dsi_avro_type *t = NULL;
    bool has_key = false;
    bool has_value = false;
    int rc = DS_OK;

    for (size_t i = 0; i < record->field_count; i++) {
        const struct dsi_avro_field *f = &record->fields[i];
        DSI_TRY(dsi_avro_branch(f->type, in, &t, err));
        if (t->kind == DSI_AVRO_NULL) {
            continue;
        }
        if (f->id == maps[metric].key_id) {
            DSI_TRY(dsi_manifest_get_int(t, in, &item->field_id, err));
            has_key = true;
        } else if (f->id != maps[metric].value_id) {
            DSI_TRY(dsi_avro_skip(t, in, err));
        } else if (maps[metric].bytes) {
            DSI_TRY(dsi_manifest_get_bytes(t, in, &item->bytes, err));
            has_value = true;
        } else {
            DSI_TRY(dsi_manifest_get_long(t, in, &item->number, err));
            has_value = true;
        }
    }
    if (!has_key) {
        rc = dsi_corrupt(err, "a map without keys");
    } else if (!has_value) {
        rc = 1; // A value that is null says nothing.
    }
done:
    return rc;
}

int dsi_manifest_get_metric(struct dsi_manifest_metrics *m, enum dsi_metric metric,
                            const struct dsi_avro_type *t, struct ds_slice *in,
                            struct ds_error *err)
{
    struct dsi_buf *items = &m->items[metric];
    int64_t count = 0;
    int64_t size = 0;
    int rc = DS_OK;

    DSI_TRY(dsi_manifest_check_records(t, err));
    do { // Each round takes a head of at least one byte.
        DSI_TRY(dsi_avro_block(in, t->items->size_min, &count, &size, err));
        for (int64_t i = 0; i < count; i++) {
            struct dsi_metric_item item = {
                0, (uint32_t)(items->size / sizeof item), -1, {NULL, 0}};
            rc = get_item(metric, t->items, in, &item, err);
            if (rc == DS_OK) {
                rc = dsi_buf_append(items, &item, sizeof item, err);
            }
            if (rc < 0) {
                return rc;
            }
        }
    } while (count > 0);
    rc = DS_OK;
done:
    return rc;
}

static int by_field_id(const void *a, const void *b)
{
    const struct dsi_metric_item *x = a;
    const struct dsi_metric_item *y = b;

    if (x->field_id != y->field_id) {
        return x->field_id < y->field_id ? -1 : 1;
    }
    return x->order < y->order ? -1 : x->order > y->order;
}

static void sort_items(struct dsi_metric_item *items, size_t count)
{
    for (size_t i = 1; i < count; i++) {
        if (items[i - 1].field_id > items[i].field_id) {
            qsort(items, count, sizeof *items, by_field_id);
            return;
        }
    }
}

static void set_metric(struct dsi_column_metrics *c, size_t metric,
                       const struct dsi_metric_item *item)
{
    // Numbers below 0 are what some writers store for "not known".
    int64_t number = item->number < 0 ? -1 : item->number;

    switch (metric) {
    case DSI_METRIC_COLUMN_SIZE:
        c->column_size = number;
        break;
    case DSI_METRIC_VALUE_COUNT:
        c->value_count = number;
        break;
    case DSI_METRIC_NULL_COUNT:
        c->null_count = number;
        break;
    case DSI_METRIC_NAN_COUNT:
        c->nan_count = number;
        break;
    case DSI_METRIC_LOWER:
        c->lower = item->bytes;
        break;
    default:
        c->upper = item->bytes;
        break;
    }
}

// What is left of one sorted map.
struct cursor {
    const struct dsi_metric_item *at;
    size_t left;
};

static bool smallest_id(const struct cursor *cursors, int32_t *id)
{
    bool any = false;

    for (size_t i = 0; i < DSI_METRIC_COUNT; i++) {
        if (cursors[i].left > 0 && (!any || cursors[i].at->field_id < *id)) {
            *id = cursors[i].at->field_id;
            any = true;
        }
    }
    return any;
}

int dsi_manifest_metrics_merge(struct dsi_manifest_metrics *m, struct dsi_arena *arena,
                               struct dsi_data_file *f, struct ds_error *err)
{
    struct cursor cursors[DSI_METRIC_COUNT];
    struct ds_slice copy = {NULL, 0};
    int32_t id = 0;
    int rc = DS_OK;

    for (size_t i = 0; i < DSI_METRIC_COUNT; i++) {
        struct dsi_metric_item *items = (void *)m->items[i].data;
        cursors[i] = (struct cursor){items, m->items[i].size / sizeof *items};
        sort_items(items, cursors[i].left);
    }
    m->columns.size = 0;
    while (smallest_id(cursors, &id)) { // Each round takes at least one item.
        struct dsi_column_metrics c = {.field_id = id,
                                       .column_size = -1,
                                       .value_count = -1,
                                       .null_count = -1,
                                       .nan_count = -1};
        for (size_t i = 0; i < DSI_METRIC_COUNT; i++) {
            for (; cursors[i].left > 0 && cursors[i].at->field_id == id;
                 cursors[i].at++, cursors[i].left--) {
                set_metric(&c, i, cursors[i].at);
            }
        }
        rc = dsi_buf_append(&m->columns, &c, sizeof c, err);
        if (rc < 0) {
            return rc;
        }
    }
    if (m->columns.size > 0) {
        if (dsi_arena_copy(arena, dsi_buf_slice(&m->columns), &copy) < 0) {
            return dsi_no_memory(err, "reading column metrics");
        }
        f->columns = (const void *)copy.data; // Arena memory is aligned for any type.
        f->column_count = copy.size / sizeof *f->columns;
    }
    return DS_OK;
}

static bool has_metric(const struct dsi_column_metrics *c, enum dsi_metric metric,
                       int64_t *number, struct ds_slice *bytes)
{
    switch (metric) {
    case DSI_METRIC_COLUMN_SIZE:
        *number = c->column_size;
        break;
    case DSI_METRIC_VALUE_COUNT:
        *number = c->value_count;
        break;
    case DSI_METRIC_NULL_COUNT:
        *number = c->null_count;
        break;
    case DSI_METRIC_NAN_COUNT:
        *number = c->nan_count;
        break;
    case DSI_METRIC_LOWER:
        *bytes = c->lower;
        break;
    default:
        *bytes = c->upper;
        break;
    }
    return maps[metric].bytes ? bytes->data != NULL : *number >= 0;
}

int dsi_manifest_put_metric(struct dsi_buf *out, enum dsi_metric metric,
                            const struct dsi_data_file *f, struct ds_error *err)
{
    struct ds_slice bytes = {NULL, 0};
    int64_t number = -1;
    int64_t count = 0;
    int rc = DS_OK;

    for (size_t i = 0; i < f->column_count; i++) {
        count += has_metric(&f->columns[i], metric, &number, &bytes);
    }
    DSI_TRY(dsi_manifest_put_present(out, count > 0, err));
    if (count == 0) {
        return DS_OK;
    }
    DSI_TRY(dsi_avro_put_long(out, count, err));
    for (size_t i = 0; i < f->column_count; i++) {
        if (!has_metric(&f->columns[i], metric, &number, &bytes)) {
            continue;
        }
        DSI_TRY(dsi_avro_put_long(out, f->columns[i].field_id, err));
        DSI_TRY(maps[metric].bytes ? dsi_avro_put_bytes(out, bytes, err)
                                   : dsi_avro_put_long(out, number, err));
    }
    DSI_TRY(dsi_avro_put_long(out, 0, err));
done:
    return rc;
}
