#include "data/data_known.h"

#include <stdlib.h>
#include <string.h>

#include "base/checked.h"
#include "base/error.h"

struct gathering {
    const struct dsi_parquet_file *file;
    struct dsi_arena *arena;
    struct dsi_known_column *all;
    size_t count;
    struct ds_error *err;
};

static int no_memory(struct ds_error *err)
{
    return dsi_no_memory(err, "reading what a footer tells of its columns");
}

// How many leaves there are, at least as many as are gathered.
static size_t count_leaves(const struct dsi_data_origin *origins, size_t count)
{
    size_t n = 0;

    for (size_t i = 0; i < count; i++) {
        n += origins[i].kind == DSI_ORIGIN_LEAF;
        n += count_leaves(origins[i].children, origins[i].child_count); // As deep as the
    } // schema that was matched.
    return n;
}

// Takes the bounds of one row group in; false when it has none that can be read.
static bool widen(struct dsi_known_column *c, const struct dsi_column_metrics *m)
{
    struct dsi_value low;
    struct dsi_value high;

    if (!m->lower.data || !m->upper.data ||
        dsi_value_from_bytes(&c->field->type, m->lower, &low, NULL) < 0 ||
        dsi_value_from_bytes(&c->field->type, m->upper, &high, NULL) < 0 ||
        dsi_value_compare(&low, &high) > 0) {
        return false;
    }
    if (!c->bounded || dsi_value_compare(&low, &c->low) < 0) {
        c->low = low;
    }
    if (!c->bounded || dsi_value_compare(&high, &c->high) > 0) {
        c->high = high;
    }
    c->bounded = true;
    return true;
}

static int add_group(struct gathering *g, struct dsi_known_column *c,
                     const struct dsi_parquet_node *leaf,
                     const struct dsi_parquet_chunk *chunk, bool *told)
{
    struct dsi_column_metrics m;
    int rc = DS_OK;

    if (!dsi_add_i64(c->size, chunk->size, &c->size) ||
        !dsi_add_i64(c->value_count, chunk->value_count, &c->value_count)) {
        return dsi_corrupt(g->err, "column %s: sizes that no file has", c->field->name);
    }
    if (c->in_list) {
        return DS_OK;
    }
    DSI_TRY(dsi_metrics_of_chunk(c->field, leaf, chunk, g->arena, &m, g->err));
    if (m.null_count > chunk->value_count) {
        m.null_count = -1; // It says what cannot be.
    }
    c->null_count =
        c->null_count < 0 || m.null_count < 0 ? -1 : c->null_count + m.null_count;
    if (m.null_count != chunk->value_count) {
        *told = *told && widen(c, &m);
    }
done:
    return rc;
}

static int gather_leaf(struct gathering *g, const struct dsi_data_origin *o)
{
    struct dsi_known_column *c = &g->all[g->count++];
    bool told = true;
    int rc = DS_OK;

    *c = (struct dsi_known_column){.field = o->field, .in_list = o->leaf->max_rep > 0};
    for (size_t i = 0; i < g->file->row_group_count; i++) {
        DSI_TRY(add_group(g, c, o->leaf, &g->file->row_groups[i].columns[o->leaf->leaf],
                          &told));
    }
    c->bounded = c->bounded && told;
done:
    return rc;
}

static int gather(struct gathering *g, const struct dsi_data_origin *origins,
                  size_t count)
{
    int rc = DS_OK;

    for (size_t i = 0; i < count; i++) {
        const struct dsi_data_origin *o = &origins[i];
        if (o->kind == DSI_ORIGIN_LEAF) {
            DSI_TRY(gather_leaf(g, o));
        } else if (o->field->type.kind != DSI_TYPE_VARIANT) {
            DSI_TRY(gather(g, o->children, o->child_count)); // Likewise.
        }
    }
done:
    return rc;
}

static int by_id(const void *a, const void *b)
{
    int32_t x = ((const struct dsi_known_column *)a)->field->id;
    int32_t y = ((const struct dsi_known_column *)b)->field->id;
    return (x > y) - (x < y);
}

int dsi_data_known(const struct dsi_parquet_file *file,
                   const struct dsi_data_origin *origins, size_t count,
                   struct dsi_arena *arena, struct dsi_known_column **out,
                   size_t *out_count, struct ds_error *err)
{
    struct gathering g = {.file = file, .arena = arena, .err = err};
    int rc = DS_OK;

    g.all = dsi_arena_array(arena, count_leaves(origins, count) + 1, sizeof *g.all);
    if (!g.all) {
        return no_memory(err);
    }
    DSI_TRY(gather(&g, origins, count));
    qsort(g.all, g.count, sizeof *g.all, by_id);
    *out = g.all;
    *out_count = g.count;
done:
    return rc;
}

const struct dsi_known_column *dsi_data_known_find(const struct dsi_known_column *all,
                                                   size_t count, int32_t field_id)
{
    for (size_t i = 0; i < count; i++) {
        if (all[i].field->id == field_id) {
            return &all[i];
        }
    }
    return NULL;
}

static const struct dsi_metrics_mode *mode_of(const struct dsi_stored *stored,
                                              const struct dsi_metrics_mode *modes,
                                              int32_t field_id)
{
    static const struct dsi_metrics_mode none = {DSI_METRICS_NONE, 0};

    for (size_t i = 0; i < stored->leaf_count; i++) {
        if (stored->leaves[i].field->id == field_id) {
            return &modes[i];
        }
    }
    return &none; // Of a type that is not stored.
}

int dsi_data_known_metrics(const struct dsi_metadata *metadata,
                           const struct dsi_known_column *all, size_t count,
                           struct dsi_arena *arena, struct dsi_column_metrics **out,
                           struct ds_error *err)
{
    struct dsi_column_metrics *metrics = dsi_arena_array(arena, count + 1, sizeof **out);
    struct dsi_metrics_mode *modes = NULL;
    struct dsi_stored stored = {0};
    int rc = DS_OK;

    if (!metrics) {
        return no_memory(err);
    }
    DSI_TRY(dsi_data_stored(dsi_metadata_current_schema(metadata), arena, &stored, err));
    DSI_TRY(dsi_metrics_modes(metadata, &stored, 0, arena, &modes, err));
    for (size_t i = 0; i < count; i++) {
        const struct dsi_known_column *c = &all[i];
        const struct dsi_metrics_mode *mode = mode_of(&stored, modes, c->field->id);
        metrics[i] = (struct dsi_column_metrics){.field_id = c->field->id,
                                                 .column_size = c->size,
                                                 .value_count = -1,
                                                 .null_count = -1,
                                                 .nan_count = -1};
        if (c->in_list || mode->kind == DSI_METRICS_NONE) {
            continue;
        }
        metrics[i].value_count = c->value_count;
        metrics[i].null_count = c->null_count;
        if (c->bounded) {
            DSI_TRY(
                dsi_metrics_put_bounds(mode, &c->low, &c->high, arena, &metrics[i], err));
        }
    }
    *out = metrics;
done:
    return rc;
}
