// The schema tree, built from elements in depth-first order; and what fields are made of.
#ifndef DSI_CODEC_PARQUET_SCHEMA_H
#define DSI_CODEC_PARQUET_SCHEMA_H

#include "codec/parquet/parquet.h"
#include "codec/thrift/thrift.h"

struct dsi_parquet_schema {
    const struct dsi_parquet_node *root;
    const struct dsi_parquet_node **leaves;
    size_t leaf_count;
};

/// Builds the tree from `count` elements, the root first, everything in the arena (names
/// stay where they are). DS_ECORRUPT when the child counts do not add up, it is deeper
/// than DSI_PARQUET_DEPTH_MAX, or a leaf has no possible width.
DS_MUST_CHECK int dsi_parquet_schema_build(const struct dsi_parquet_field *elements,
                                           size_t count, struct dsi_arena *arena,
                                           struct dsi_parquet_schema *out,
                                           struct ds_error *err);

/// Reads one SchemaElement; text goes to the arena. Only the root may have neither a type
/// nor children.
DS_MUST_CHECK int dsi_parquet_element_read(struct dsi_thrift_reader *r, bool is_root,
                                           struct dsi_arena *arena,
                                           struct dsi_parquet_field *out,
                                           struct ds_error *err);

/// Writes one SchemaElement as an element of a list, with logical and converted type.
void dsi_parquet_element_write(struct dsi_thrift_writer *w,
                               const struct dsi_parquet_field *f, bool is_root);

/// What is wrong with a leaf: why its logical type cannot stand on its physical one (a
/// string of integers, a decimal too wide for its bytes …). NULL when nothing is.
const char *dsi_parquet_leaf_fault(const struct dsi_parquet_field *f);

#endif
