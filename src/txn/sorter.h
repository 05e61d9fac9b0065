// Rows kept back until they are enough for a file, then given out sorted as a whole.
#ifndef DSI_TXN_SORTER_H
#define DSI_TXN_SORTER_H

#include "data/batch.h"
#include "model/metadata.h"

struct dsi_sorter {
    const struct dsi_schema *schema;
    const struct dsi_sort_order *order;
    struct dsi_batch *batches; // Owned.
    size_t count;
    size_t capacity;
    uint64_t bytes; // What it holds, the sort's own memory included, by estimate.
    int64_t rows;
};

/// Borrows both. DS_EUNSUPPORTED for a transform this build does not know, or a source
/// that is no top-level column. End with dsi_sorter_release.
DS_MUST_CHECK int dsi_sorter_init(struct dsi_sorter *s, const struct dsi_schema *schema,
                                  const struct dsi_sort_order *order,
                                  struct ds_error *err);
void dsi_sorter_release(struct dsi_sorter *s);

/// Takes a batch over; `b` is empty after, also on failure.
DS_MUST_CHECK int dsi_sorter_add(struct dsi_sorter *s, struct dsi_batch *b,
                                 struct ds_error *err);

/// Told rows [first, first + count) of a batch, in the order of all.
typedef int (*dsi_sorted_fn)(void *arg, const struct dsi_batch *b, int64_t first,
                             int64_t count, struct ds_error *err);

/// Gives out all rows, stably sorted, and is empty after. Null order and direction as the
/// sort order says; NaN sorts above every number.
DS_MUST_CHECK int dsi_sorter_drain(struct dsi_sorter *s, dsi_sorted_fn fn, void *arg,
                                   struct ds_error *err);

#endif
