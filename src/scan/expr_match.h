// What a filter says about many rows at once, from what is known of them: bounds and
// counts of files and row groups, partition values, summaries of manifests. And about
// rows themselves.
//
// (1) DSI_MATCH_NONE and DSI_MATCH_ALL are proofs. What is missing, odd, or does not
//     decode proves nothing, and the answer is DSI_MATCH_SOME.
// (2) Bounds leave out null and NaN, so both are looked at on their own.
#ifndef DSI_SCAN_EXPR_MATCH_H
#define DSI_SCAN_EXPR_MATCH_H

#include "data/batch.h"
#include "model/expr.h"
#include "model/manifest.h"

// Which values a column may have over some rows. False means: surely not.
struct dsi_range {
    bool nulls;
    bool nans;
    bool values;            // Neither null nor NaN.
    struct dsi_value lower; // Of `values`; null: not known.
    struct dsi_value upper;
};

enum dsi_match dsi_match_leaf(const struct dsi_bound *leaf, const struct dsi_range *r);

/// AND and OR over what `leaf` answers for each leaf.
enum dsi_match dsi_match_tree(const struct dsi_bound *e,
                              enum dsi_match (*leaf)(const void *arg,
                                                     const struct dsi_bound *leaf),
                              const void *arg);

// What is known of some rows: a data file's, or one row group's.
struct dsi_rows_view {
    int64_t rows; // -1: not known.
    const struct dsi_column_metrics *columns;
    size_t column_count;
    const struct dsi_partition_spec *spec; // NULL: no partition.
    const struct dsi_value *partition;     // spec->field_count of them.
};

enum dsi_match dsi_match_rows(const struct dsi_bound *e, const struct dsi_rows_view *v);

/// What a filter says of rows, when it is known of single values that none of them has
/// them (`has` is false): DSI_MATCH_NONE or DSI_MATCH_SOME. Asked for = and IN alone.
enum dsi_match dsi_match_values(const struct dsi_bound *e,
                                bool (*has)(void *arg, int32_t field_id,
                                            const struct dsi_value *v),
                                void *arg);

// A filter carried over to the partition values of one spec. Where it is not TRUE, no row
// of that partition passes; where it is, some may.
struct dsi_projection {
    const struct dsi_bound *expr;   // Its fields' ids are positions in the spec.
    const struct dsi_field *fields; // Names and types of the partition values.
    size_t field_count;
};

/// "Inclusive projection" in the specification. Borrows `spec` and `schema`.
DS_MUST_CHECK int dsi_project(const struct dsi_bound *e,
                              const struct dsi_partition_spec *spec,
                              const struct dsi_schema *schema, struct dsi_arena *arena,
                              struct dsi_projection *out, struct ds_error *err);

/// False: no row with these partition values passes.
bool dsi_projection_match(const struct dsi_projection *p, const struct dsi_value *values,
                          size_t count);

/// False: no row of any file in a manifest with these summaries passes.
bool dsi_projection_match_manifest(const struct dsi_projection *p,
                                   const struct dsi_field_summary *summaries,
                                   size_t count);

/// Finds the rows that pass: their indices, ascending, go to rows[0..*count), which has
/// room for b->rows. The batch must have every column of the filter. DS_ENOMEM, DS_EBUG.
DS_MUST_CHECK int dsi_expr_eval(const struct dsi_bound *e, const struct dsi_batch *b,
                                int64_t *rows, size_t *count, struct ds_error *err);

#endif
