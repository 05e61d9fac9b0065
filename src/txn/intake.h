// What hand-overs of an appender become: batches in the columns a table has at a moment.
//
// (1) It is immutable but for the plans it keeps, and counted: batches point at its
// schema,
//     so whoever has one of its batches holds it.
// (2) What it lets through can be written: nulls, ranges and UTF-8 are checked here.
#ifndef DSI_TXN_INTAKE_H
#define DSI_TXN_INTAKE_H

#include "data/arrow_io.h"
#include "datashard/appender.h"
#include "model/metadata.h"

struct dsi_intake;

/// For the current schema of `m`, of which it takes a reference. Rows of cells are in the
/// order of its columns, or, when there was an intake `before` for the same table, still
/// in the order they were for that one.
DS_MUST_CHECK int dsi_intake_new(const struct dsi_metadata *m,
                                 const struct dsi_intake *before, struct dsi_intake **out,
                                 struct ds_error *err);
struct dsi_intake *dsi_intake_ref(struct dsi_intake *in);
void dsi_intake_unref(struct dsi_intake *in); // NULL is fine.

const struct dsi_metadata *dsi_intake_metadata(const struct dsi_intake *in);
const struct dsi_schema *dsi_intake_schema(const struct dsi_intake *in);

/// Whether rows are still to be written as it says when the table has become `m`: schema,
/// partition spec, sort order and properties are the same.
bool dsi_intake_suits(const struct dsi_intake *in, const struct dsi_metadata *m);

/// Moves an array into a batch; as dsi_arrow_import_batch, but the matching of a schema
/// that was seen before is kept. Any thread.
DS_MUST_CHECK int dsi_intake_batch(struct dsi_intake *in,
                                   const struct ArrowSchema *schema,
                                   struct ArrowArray *array, struct dsi_batch *out,
                                   struct ds_error *err);

/// Adds a row of cells to a builder of its schema; on failure the builder is as before.
DS_MUST_CHECK int dsi_intake_row(const struct dsi_intake *in, struct dsi_batch_builder *b,
                                 const struct ds_cell *cells, size_t count,
                                 struct ds_error *err);

/// What a batch holds in memory, about.
uint64_t dsi_intake_bytes(const struct dsi_batch *b);

#endif
