#include "codec/parquet/parquet_page_log.h"

#include <assert.h>
#include <string.h>

#include "base/error.h"

void dsi_parquet_page_log_init(struct dsi_parquet_page_log *log,
                               const struct dsi_parquet_node *leaf, size_t bound_bytes)
{
    memset(log, 0, sizeof *log);
    log->leaf = leaf;
    log->bound_bytes = bound_bytes;
}

void dsi_parquet_page_log_release(struct dsi_parquet_page_log *log)
{
    dsi_buf_release(&log->places);
    dsi_buf_release(&log->bounds);
    dsi_buf_release(&log->bytes);
    dsi_buf_release(&log->reps);
    dsi_buf_release(&log->defs);
    dsi_buf_release(&log->scratch);
}

void dsi_parquet_page_log_reset(struct dsi_parquet_page_log *log)
{
    log->count = 0;
    log->places.size = 0;
    log->bounds.size = 0;
    log->bytes.size = 0;
    log->reps.size = 0;
    log->defs.size = 0;
}

int dsi_parquet_page_log_levels(struct dsi_parquet_page_log *log,
                                const struct dsi_parquet_levels *reps,
                                const struct dsi_parquet_levels *defs,
                                struct ds_error *err)
{
    int rc = DS_OK;

    // One level, or present and absent: the counts of values and nulls say it all.
    if (log->leaf->max_rep > 0) {
        DSI_TRY(dsi_buf_append(&log->reps, reps->histogram,
                               ((size_t)reps->max + 1) * sizeof *reps->histogram, err));
    }
    if (log->leaf->max_def > 1) {
        DSI_TRY(dsi_buf_append(&log->defs, defs->histogram,
                               ((size_t)defs->max + 1) * sizeof *defs->histogram, err));
    }
done:
    return rc;
}

int dsi_parquet_page_log_add(struct dsi_parquet_page_log *log,
                             const struct dsi_parquet_page_place *place,
                             const struct dsi_parquet_bounds *bounds, size_t slots,
                             size_t values, struct ds_error *err)
{
    struct dsi_parquet_page_bounds page = {.all_null = values == 0,
                                           .null_count = (int64_t)(slots - values)};
    struct dsi_parquet_statistics s = {0};
    int rc = DS_OK;

    DSI_TRY(dsi_parquet_bounds_store(bounds, &log->leaf->field, log->bound_bytes,
                                     &log->scratch, &s, err));
    if (bounds->has && (!s.has_min || !s.has_max)) { // There is no shorter one.
        DSI_TRY(dsi_parquet_bounds_store(bounds, &log->leaf->field, SIZE_MAX,
                                         &log->scratch, &s, err));
    }
    page.has_min = s.has_min;
    page.has_max = s.has_max;
    page.min.size = s.has_min ? s.min.size : 0;
    page.max.size = s.has_max ? s.max.size : 0;
    page.nan_count = s.nan_count;
    DSI_TRY(dsi_buf_append(&log->places, place, sizeof *place, err));
    DSI_TRY(dsi_buf_append(&log->bounds, &page, sizeof page, err));
    DSI_TRY(dsi_buf_append(&log->bytes, s.min.data, page.min.size, err));
    DSI_TRY(dsi_buf_append(&log->bytes, s.max.data, page.max.size, err));
    log->count++;
done:
    return rc;
}

void dsi_parquet_page_log_place(struct dsi_parquet_page_log *log, size_t number,
                                size_t offset, size_t size)
{
    struct dsi_parquet_page_place *places =
        (struct dsi_parquet_page_place *)(void *)log->places.data;

    assert(number < log->count);
    places[number].offset = (int64_t)offset;
    places[number].size = (int32_t)size;
}

static enum dsi_parquet_boundary boundary_of(const struct dsi_parquet_page_bounds *bounds,
                                             size_t count, enum dsi_parquet_order order)
{
    const struct dsi_parquet_page_bounds *last = NULL;
    bool ascending = true;
    bool descending = true;

    for (size_t i = 0; i < count && order != DSI_PARQUET_ORDER_NONE; i++) {
        const struct dsi_parquet_page_bounds *b = &bounds[i];
        if (b->all_null) {
            continue;
        }
        if (last) {
            int low = dsi_parquet_compare(order, last->min, b->min);
            int high = dsi_parquet_compare(order, last->max, b->max);
            ascending = ascending && low <= 0 && high <= 0;
            descending = descending && low >= 0 && high >= 0;
        }
        last = b;
    }
    return ascending    ? DSI_PARQUET_ASCENDING
           : descending ? DSI_PARQUET_DESCENDING
                        : DSI_PARQUET_UNORDERED;
}

int dsi_parquet_page_log_write(struct dsi_parquet_page_log *log, int64_t offset,
                               struct dsi_buf *column_index, struct dsi_buf *offset_index,
                               struct ds_error *err)
{
    struct dsi_parquet_page_index index = {
        .page_count = log->count,
        .places = (struct dsi_parquet_page_place *)(void *)log->places.data,
        .bounds = (struct dsi_parquet_page_bounds *)(void *)log->bounds.data,
        .rep_histograms = (const int64_t *)(const void *)log->reps.data,
        .def_histograms = (const int64_t *)(const void *)log->defs.data,
    };
    const uint8_t *at = log->bytes.size > 0 ? log->bytes.data : (const uint8_t *)"";
    int rc = DS_OK;

    assert(log->count > 0);
    for (size_t i = 0; i < log->count; i++) {
        struct dsi_parquet_page_bounds *b = &index.bounds[i];
        index.places[i].offset += offset;
        b->min.data = at;
        b->max.data = at + b->min.size;
        at = b->max.data + b->max.size;
    }
    if (dsi_parquet_column_index_possible(&index)) {
        index.boundary = boundary_of(index.bounds, log->count,
                                     dsi_parquet_order_of(&log->leaf->field));
        DSI_TRY(dsi_parquet_column_index_write(log->leaf, &index, column_index, err));
    }
    DSI_TRY(dsi_parquet_offset_index_write(&index, offset_index, err));
done:
    return rc;
}
