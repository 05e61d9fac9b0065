// Column metrics of a data file: how much to keep of them, and their Iceberg form.
// Iceberg specification, "Manifests" (fields 108 to 128), Appendix D "Bounds".
//
// (1) A lower bound is at most, an upper one at least every value that is neither null
//     nor NaN, also after truncation; NaN is never a bound.
#ifndef DSI_DATA_DATA_METRICS_H
#define DSI_DATA_DATA_METRICS_H

#include "codec/parquet/parquet_write.h"
#include "data/data_stored.h"
#include "model/manifest.h"

enum dsi_metrics_kind {
    DSI_METRICS_NONE,
    DSI_METRICS_COUNTS,
    DSI_METRICS_TRUNCATE,
    DSI_METRICS_FULL,
};

struct dsi_metrics_mode {
    enum dsi_metrics_kind kind;
    int32_t length; // TRUNCATE: of bounds.
};

/// The mode of each leaf by the table's properties (write.metadata.metrics.*, by full
/// names), in the arena. `m` NULL: the defaults. DS_EINVALID for a mode that is none.
DS_MUST_CHECK int dsi_metrics_modes(const struct dsi_metadata *m,
                                    const struct dsi_stored *stored,
                                    int32_t sort_order_id, struct dsi_arena *arena,
                                    struct dsi_metrics_mode **out, struct ds_error *err);

/// What a value in a Parquet file of type `from` is as an Iceberg value of that type.
/// False when it is none (a decimal out of range, a time of another day).
bool dsi_metrics_value(const struct dsi_parquet_field *f, const struct dsi_type *from,
                       const struct dsi_parquet_value *v, struct dsi_value *out);

// What the writer of a file knows of one leaf of it.
struct dsi_metrics_source {
    const struct dsi_stored_leaf *leaf;
    const struct dsi_parquet_column_summary *summary;
    struct dsi_metrics_mode mode;
};

/// A leaf's metrics from what the writer counted, bounds in the arena. Inside lists and
/// maps a size is all that is told, as Iceberg's own writers do: counts of entries would
/// count empty lists too, and bounds serve no filter. Of a variant, counts only.
DS_MUST_CHECK int dsi_metrics_of_summary(const struct dsi_metrics_source *from,
                                         struct dsi_arena *arena,
                                         struct dsi_column_metrics *out,
                                         struct ds_error *err);

/// Puts bounds into `out`, cut as the mode says, in the arena: none at all for NONE and
/// COUNTS, and no upper one where a cut one does not exist.
DS_MUST_CHECK int
dsi_metrics_put_bounds(const struct dsi_metrics_mode *mode, const struct dsi_value *low,
                       const struct dsi_value *high, struct dsi_arena *arena,
                       struct dsi_column_metrics *out, struct ds_error *err);

/// A column's metrics from a row group's statistics, as `field` (perhaps promoted) reads
/// it; bounds in the arena. What the file does not say, or says oddly, is absent.
DS_MUST_CHECK int
dsi_metrics_of_chunk(const struct dsi_field *field, const struct dsi_parquet_node *leaf,
                     const struct dsi_parquet_chunk *chunk, struct dsi_arena *arena,
                     struct dsi_column_metrics *out, struct ds_error *err);

/// The metrics of `rows` rows that all have this value.
DS_MUST_CHECK int dsi_metrics_of_constant(const struct dsi_field *field,
                                          const struct dsi_value *v, int64_t rows,
                                          struct dsi_arena *arena,
                                          struct dsi_column_metrics *out,
                                          struct ds_error *err);

#endif
