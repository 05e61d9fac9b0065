// From the leaves of a root column, with their levels, to the column itself.
// Dremel (Melnik et al. 2010), column by column instead of record by record.
//
// Each nested field takes one leaf below it and looks at all its slots at once: a slot
// whose repetition level is low enough, and whose definition level is high enough, is an
// instance of the field; its definition level says whether that is null; and entries are
// counted in the same way.
#ifndef DSI_DATA_DATA_ASSEMBLE_H
#define DSI_DATA_DATA_ASSEMBLE_H

#include "codec/parquet/parquet_read.h"
#include "data/data_fields.h"

/// `columns` has one for each of the origin's leaves, all of the same `rows`; of them
/// only levels are left, also on failure. `out` is a column of `b` with its field set.
/// DS_ECORRUPT, with the column and the row counted from `row_base`: leaves that do not
/// agree about the lists they are in, nulls where there must be none, and all that
/// dsi_data_column_move refuses.
DS_MUST_CHECK int dsi_data_assemble(const struct dsi_data_origin *origin,
                                    struct dsi_parquet_column *columns, int64_t rows,
                                    int64_t row_base, struct dsi_batch *b,
                                    struct dsi_column *out, struct ds_error *err);

#endif
