// Writing rows: batches in, data files out, one or more per partition.
//
// (1) Every row lands in the partition its values say, by the table's default spec.
// (2) At most DSI_APPEND_OPEN_MAX files are open and DSI_APPEND_BYTES_MAX bytes are
//     buffered, however many partitions there are: the largest is closed to make room.
// (3) A finished file is durable, name and all. Files of an append that is not finished
//     are removed with it.
// (4) With a sort order each file is sorted by it as a whole.
// (5) Rows that are few may be held: kept as bytes, for a change that becomes part of a
//     bigger one. They have passed every check that does not need storage.
#ifndef DSI_TXN_APPEND_H
#define DSI_TXN_APPEND_H

#include "base/crew.h"
#include "data/batch.h"
#include "txn/change.h"

#define DSI_APPEND_BYTES_MAX ((uint64_t)256 << 20)
enum { DSI_APPEND_OPEN_MAX = 64 };

struct dsi_append;

/// Begins to write rows for `change`, whose identity and nonce the files are named by:
/// <data path>/<partition path>/<seq>-<identity>-<nonce>-<n>.parquet. `metadata` says
/// schema, spec, sort order and properties; a reference is taken. `storage` and `change`
/// are borrowed. DS_EUNSUPPORTED for an unknown transform or another default format than
/// Parquet. End with dsi_append_free.
DS_MUST_CHECK int dsi_append_new(ds_storage *storage, const struct dsi_metadata *metadata,
                                 struct dsi_change *change, struct dsi_append **out,
                                 struct ds_error *err);

/// The same, for rows of any schema of the table, which the files will have.
/// DS_ECONFLICT if the table has none of this id, or partitions or sorts by a column that
/// is not in it or has another type there.
DS_MUST_CHECK int dsi_append_new_as(ds_storage *storage,
                                    const struct dsi_metadata *metadata,
                                    int32_t schema_id, struct dsi_change *change,
                                    struct dsi_append **out, struct ds_error *err);

/// Holds rows while there are at most so many, of so many bytes (dsi_batch_encode); the
/// first batch that is too much sends all to files. Before the first batch; 0: never
/// hold.
void dsi_append_hold(struct dsi_append *a, int64_t rows_max, size_t bytes_max);

/// What batches must look like: the table's current schema; borrowed.
const struct dsi_schema *dsi_append_schema(const struct dsi_append *a);

/// Adds all rows of a batch, which stays the caller's. After a failure only free is left.
DS_MUST_CHECK int dsi_append_batch(struct dsi_append *a, const struct dsi_batch *b,
                                   struct ds_error *err);

/// Adds rows that were held by some change, and never holds them here. All of them are
/// read first: DS_ECORRUPT for bytes that are none, and DS_ECONFLICT for rows of another
/// schema than dsi_append_schema; then nothing was added, and the append goes on.
DS_MUST_CHECK int dsi_append_held(struct dsi_append *a, const struct dsi_held_rows *rows,
                                  struct ds_error *err);

/// The crew of the threads that write it and wait for it, made when it is first asked
/// for. Borrowed; lives as long as the append.
DS_MUST_CHECK int dsi_append_crew(struct dsi_append *a, struct dsi_crew **out,
                                  struct ds_error *err);

/// Rows and bytes taken so far.
void dsi_append_progress(const struct dsi_append *a, int64_t *rows, uint64_t *bytes);

/// Finishes every file and gives them all to the change (dsi_change_append, owned), or
/// gives it the rows that are still held (dsi_change_hold). Once; then free. No rows:
/// nothing is added.
DS_MUST_CHECK int dsi_append_finish(struct dsi_append *a, struct ds_error *err);

/// Frees it; what it wrote is removed unless it was finished. NULL is fine.
void dsi_append_free(struct dsi_append *a);

#endif
