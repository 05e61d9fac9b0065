// A wider schema: a table's own, and the columns somebody else's has beside them.
#ifndef DSI_TXN_COLUMNS_H
#define DSI_TXN_COLUMNS_H

#include "model/metadata.h"

/// The current schema of `m` with those columns of `given` behind it that it does not
/// have by name; *any says whether there are such. New ones are optional; others agree in
/// type with the table's, or can be read as it. New columns get the ids after the table's
/// last; `keep_ids`: they keep their own where all of theirs are above that. DS_EINVALID
/// with the column. Pure; *out lives in the arena, and points at `m` and `given`.
DS_MUST_CHECK int dsi_columns_add(const struct dsi_metadata *m,
                                  const struct dsi_schema *given, bool keep_ids,
                                  struct dsi_arena *arena, struct dsi_schema *out,
                                  bool *any, struct ds_error *err);

#endif
