// Rows a change holds, made into files of that change.
#ifndef DSI_TXN_HELD_H
#define DSI_TXN_HELD_H

#include "txn/append.h"

/// Writes the rows that `change` holds as data files of its own, and forgets the rows;
/// nothing to do when it holds none. Rows of an older schema go to files of that schema,
/// if readers of the table's current one can read those: DS_ECONFLICT, explained, if not.
/// After a failure the change holds what it held, and no file is left.
DS_MUST_CHECK int dsi_change_write_held(struct dsi_change *change,
                                        const struct dsi_metadata *metadata,
                                        ds_storage *storage, struct ds_error *err);

#endif
