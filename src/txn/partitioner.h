// Telling the rows of batches apart by partition.
#ifndef DSI_TXN_PARTITIONER_H
#define DSI_TXN_PARTITIONER_H

#include "base/map.h"
#include "data/batch.h"
#include "model/metadata.h"

// One partition met so far, and the rows of the batch at hand that belong to it.
struct dsi_partition {
    const struct dsi_value *values; // One per field of the spec.
    const char *path;               // "a=1/b=x"; "" when unpartitioned.
    int64_t *rows;                  // Ascending.
    size_t row_count;
    size_t row_capacity;
    void *user; // The caller's own; NULL at first.
};

struct dsi_partitioner {
    struct dsi_arena arena; // Partitions, their values and paths.
    const struct dsi_schema *schema;
    const struct dsi_partition_spec *spec;
    size_t *columns; // Of each field's source: its place in the batch.
    struct dsi_map map;
    struct dsi_partition **partitions; // In the order of their first row.
    size_t count;
    size_t capacity;
    struct dsi_buf key;
    struct dsi_value *tuple;
};

/// For batches of `schema` under `spec`, both borrowed. DS_EUNSUPPORTED for a transform
/// this build does not know or a source column inside a struct; DS_EINVALID when the
/// source is not in the schema. End with dsi_partitioner_release.
DS_MUST_CHECK int dsi_partitioner_init(struct dsi_partitioner *p,
                                       const struct dsi_schema *schema,
                                       const struct dsi_partition_spec *spec,
                                       struct ds_error *err);
void dsi_partitioner_release(struct dsi_partitioner *p);

/// Sorts the rows of a batch into partitions: each partition's `rows` afterwards. Rows of
/// an earlier batch are forgotten.
DS_MUST_CHECK int dsi_partitioner_split(struct dsi_partitioner *p,
                                        const struct dsi_batch *b, struct ds_error *err);

#endif
