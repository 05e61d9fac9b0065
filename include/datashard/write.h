/// Writing: appends and transactions, and what became of them.
///
/// A commit ends in one of three ways, in the result and in the status:
///   DS_OK        DS_COMMITTED: it is in the table, durably.
///   DS_EUNKNOWN  DS_UNKNOWN: nobody can say yet. `token` names it for ds_table_resolve,
///                now or after a restart. Do not simply write again: that may double
///                rows.
///   other        DS_NOT_COMMITTED: it is not in the table and will never be.
#ifndef DATASHARD_WRITE_H
#define DATASHARD_WRITE_H

#include <stdbool.h>

#include "datashard/table.h"

#ifdef __cplusplus
extern "C" {
#endif

enum ds_outcome {
    DS_NOT_COMMITTED = 0,
    DS_COMMITTED = 1,
    DS_UNKNOWN = 2,
};

enum ds_isolation {
    DS_ISOLATION_SERIALIZABLE = 0,
    DS_ISOLATION_SNAPSHOT = 1,
};

enum ds_append_mode {
    DS_APPEND_AUTO = 0, ///< Merge manifests as the table's properties say.
    DS_APPEND_FAST = 1, ///< Never merge: the cheapest commit, more manifests.
};

/// Whether a commit may share its swap with those of other writers on this machine.
enum ds_group_mode {
    DS_GROUP_AUTO = 0, ///< As the table's property datashard.group-commit.enabled says.
    DS_GROUP_OFF = 1,  ///< Never: a swap of its own.
};

struct ds_commit_options {
    uint32_t struct_size;
    /// A UUID that names this commit for ever; a job that runs twice with one identity
    /// commits once. NULL: a new one (version 7).
    const char *identity;
    const char *branch;   ///< NULL: "main".
    int64_t timeout_ms;   ///< Time for all attempts; 0: commit.retry.total-timeout-ms.
    int32_t attempts_max; ///< 0: commit.retry.num-retries + 1; -1: only time counts.
    enum ds_isolation isolation;
    enum ds_append_mode append_mode;
    struct ds_properties summary; ///< Added to the snapshot's summary.
    enum ds_group_mode group;
    /// Asked, in the calling thread, wherever the call waits (every few ms), between the
    /// batches of a stream, between files that join or manifests that are looked through,
    /// and between attempts; NULL: never. Once it says true the call
    /// ends, within about 100 ms beside what the system is doing for it: DS_ECANCELLED,
    /// nothing was or will be committed; or DS_EUNKNOWN, if the commit may be on its way
    /// and the table's history does not tell yet. It may find that it was committed:
    /// DS_OK. It may not use what the call uses. An appender does not ask it: its commits
    /// end with the timeout of ds_appender_close.
    bool (*cancelled)(void *arg);
    void *cancelled_arg;
};

/// What became of a commit, and what it cost.
struct ds_commit_result {
    uint32_t struct_size; ///< sizeof, set by the caller.
    enum ds_outcome outcome;
    int64_t snapshot_id;     ///< The new snapshot; -1 when the commit made none.
    int64_t sequence_number; ///< Its sequence number; -1 likewise.
    uint32_t attempts;       ///< Swaps tried.
    uint32_t conflicts;      ///< Swaps lost to somebody else.
    int64_t waited_us;       ///< Slept between attempts, and waited in line.
    int64_t elapsed_us;      ///< The whole commit.
    uint64_t rows;           ///< Rows added.
    uint64_t files;          ///< Data files added; 0 when the rows share one of a group.
    uint64_t bytes;          ///< Their bytes.
    char identity[40];       ///< The commit's UUID.
    char token[512];         ///< For ds_table_resolve when the outcome is unknown; or "".
    uint32_t group_size; ///< Commits that shared the swap, this one included; 0: alone.
};

/// Appends every row of a stream as one commit. The stream is always released, on failure
/// too. Columns are matched by name (by field id when all carry one); anything that does
/// not fit refuses the whole append with the column and row: DS_EINVALID. `options` and
/// `result` may be NULL. An empty stream commits nothing and is DS_OK (snapshot_id -1).
DS_API DS_MUST_CHECK int ds_table_append(ds_table *table, struct ArrowArrayStream *stream,
                                         const struct ds_commit_options *options,
                                         struct ds_commit_result *result,
                                         struct ds_error *err);

/// Sets table properties (NULL removes) as one commit.
DS_API DS_MUST_CHECK int ds_table_set_properties(ds_table *table,
                                                 const struct ds_properties *properties,
                                                 const struct ds_commit_options *options,
                                                 struct ds_commit_result *result,
                                                 struct ds_error *err);

/// Asks the table's history what became of a commit whose outcome was unknown. Waits at
/// most `timeout_ms` for the head to move; then, if it has not, commits an empty version
/// to settle the question. DS_OK with result->outcome COMMITTED or NOT_COMMITTED;
/// DS_EUNKNOWN while the catalog does not answer, or when history no longer reaches back.
/// Instead of a token the identity of a commit (a UUID) may be given, of a run that has
/// ended: COMMITTED when the table knows it; NOT_COMMITTED only where the table's history
/// is whole, from its first version on (what datashard itself expires it keeps account
/// of, for about a million commits); DS_EUNKNOWN otherwise.
DS_API DS_MUST_CHECK int ds_table_resolve(ds_table *table, const char *token,
                                          int64_t timeout_ms,
                                          struct ds_commit_result *result,
                                          struct ds_error *err);

/// The same, by the timeout_ms and `cancelled` of `options` (NULL: a timeout of 0); the
/// rest of them is not looked at. Cancelled, it is DS_EUNKNOWN still.
DS_API DS_MUST_CHECK int ds_table_resolve_with(ds_table *table, const char *token,
                                               const struct ds_commit_options *options,
                                               struct ds_commit_result *result,
                                               struct ds_error *err);

/// Which files ds_table_optimize takes.
struct ds_optimize_options {
    uint32_t struct_size;
    int64_t small_bytes; ///< Files of fewer bytes are small; 0: three quarters of the
                         ///< table's write.target-file-size-bytes.
    int32_t files_min;   ///< A partition with fewer small files is left alone; 0: 5.
    /// As struct ds_commit_options has it; asked between batches that are copied, too.
    /// DS_ECANCELLED: rewrites that were committed before stay.
    bool (*cancelled)(void *arg);
    void *cancelled_arg;
};

/// What ds_table_optimize did.
struct ds_optimize_result {
    uint32_t struct_size; ///< sizeof, set by the caller.
    uint64_t files;       ///< Data files rewritten; 0: there was nothing to do.
    uint64_t made;        ///< Data files that have their rows now.
    uint64_t rows;        ///< Rows copied.
    uint64_t bytes;       ///< Of the files rewritten.
    uint64_t commits;     ///< Snapshots made.
};

/// Rewrites small data files of the main branch into larger ones, up to the table's
/// write.target-file-size-bytes, partition by partition: what other engines call
/// rewrite_data_files or OPTIMIZE. The table has the same rows before and after. Writers
/// go on meanwhile; what they add is left for the next time. Each rewrite is a commit of
/// its own (a snapshot "replace"), whole whatever happens after it. Files that were
/// replaced stay until the last snapshot that has them is forgotten. The work is the
/// caller's: it reads and writes all those rows, one partition's files at a time.
/// `options` may be NULL; so may `result`, which is filled on failure too, with what was
/// done until then. DS_EUNSUPPORTED for a table of another format version than 2, or with
/// delete files; DS_ECONFLICT when others rewrite, or take out, the same files all the
/// time.
DS_API DS_MUST_CHECK int ds_table_optimize(ds_table *table,
                                           const struct ds_optimize_options *options,
                                           struct ds_optimize_result *result,
                                           struct ds_error *err);

/// A transaction: several changes, one commit. Not for two threads at once.
typedef struct ds_txn ds_txn;

/// Begins one on the handle's current state. `options` is copied. The caller ends *out
/// with ds_txn_free; without a commit nothing happened.
DS_API DS_MUST_CHECK int ds_txn_begin(ds_table *table,
                                      const struct ds_commit_options *options,
                                      ds_txn **out, struct ds_error *err);

/// Adds rows; their data files are written on return and become durable in the commit;
/// a few rows (datashard.group-commit.rows-max and bytes-max) are kept until then. The
/// stream is always released. After a failure the transaction can only be freed. Many
/// rows are written by a second thread, while in this one the stream is read and what it
/// gave is released: up to three batches, or a large one that is taken in pieces, are in
/// memory.
DS_API DS_MUST_CHECK int ds_txn_append(ds_txn *txn, struct ArrowArrayStream *stream,
                                       struct ds_error *err);

/// The columns that rows have in this transaction: the table's when it began, and those
/// it has added itself. What ds_table_schema gives may be newer. The caller releases
/// *out.
DS_API DS_MUST_CHECK int ds_txn_schema(ds_txn *txn, struct ArrowSchema *out,
                                       struct ds_error *err);

/// Adds one batch; `schema` is not released, `array` always is. Rows are buffered and
/// written as files fill up.
DS_API DS_MUST_CHECK int ds_txn_append_batch(ds_txn *txn,
                                             const struct ArrowSchema *schema,
                                             struct ArrowArray *array,
                                             struct ds_error *err);

DS_API DS_MUST_CHECK int ds_txn_set_property(ds_txn *txn, const char *key,
                                             const char *value, struct ds_error *err);

/// A file that is there and shall be part of a table. All of one call have one
/// struct_size.
struct ds_new_file {
    uint32_t struct_size;
    /// Absolute ("/a/b.parquet", "file:///a/b.parquet"), or relative to the table's
    /// location. It need not lie below that.
    const char *path;
    /// The values of the partition fields, by the fields' names, as directories have them
    /// ("2017-11"), but not URL-encoded; a value of NULL is null. All fields, or none:
    /// then they are worked out from the file's statistics.
    struct ds_properties partition;
    /// Of a table without columns, whose files are not opened: how many rows it has.
    /// Otherwise the file says.
    int64_t record_count;
};

/// Makes Parquet files part of the table as they are, in its default partition spec. Of
/// each the footer is read, and the file is made durable, on return.
///   Columns: those of the file must be the table's, by field id when the file has ids,
///     else by name, in types that ds_table_scan can read as the table's; columns of the
///     table may be missing, required ones not, and those may have no nulls. For files
///     without ids the commit also sets the table property schema.name-mapping.default,
///     where the table has none that names every column.
///   Partition: all rows of a file must be of one, by the smallest and largest values
///     that the file states; where they do not tell, it must be given.
///   A table without columns takes any file, unread; `record_count` is believed.
/// The statuses name the file: DS_ENOTFOUND; DS_EEXISTS when it is in the table already,
/// or twice in the transaction; DS_EINVALID, with the column, when it does not fit;
/// DS_ECORRUPT when it is no Parquet file. The commit is DS_ECONFLICT when others have
/// added one of the files since the transaction began, or, with files without ids,
/// changed the schema or that property.
/// The files stay their owner's: they must not be changed any more, and a commit that
/// fails leaves them where they are. Once no snapshot has them, those in the table's data
/// directory are removed like any other, those elsewhere never. So add a copy of one
/// there that the table has had before: an expiry may be removing it at that moment.
/// After a failure the transaction can only be freed.
DS_API DS_MUST_CHECK int ds_txn_add_files(ds_txn *txn, const struct ds_new_file *files,
                                          size_t count, struct ds_error *err);

/// Takes data files out of the table: `paths` as ds_table_files gives them, or relative
/// to the table's location, with or without '/' before them. Looked up in the version the
/// transaction began on; unknown paths are no error. *found (may be NULL): how many files
/// there were; of none nothing is added. Rows appended in the same transaction come in
/// the same snapshot, an "overwrite"; without any it is a "delete". The files themselves
/// stay until no snapshot has them.
/// The commit is DS_ECONFLICT, explained in err->detail (who: a snapshot id), when one of
/// the files is no longer live; if the transaction also appends (it rewrites what it
/// read), when others have deleted rows of data files since it began, and with
/// serializable isolation, when they have added data files. After a failure the
/// transaction can only be freed.
DS_API DS_MUST_CHECK int ds_txn_delete_files(ds_txn *txn, const char *const *paths,
                                             size_t count, size_t *found,
                                             struct ds_error *err);

/// Forgets snapshots made before `older_than_ms` (since 1970-01-01 UTC), in the commit:
/// none that a branch or tag names, and of a branch the newest `retain_last` (at least 1)
/// stay; what a ref says of its own retention counts more. Files that no snapshot has any
/// more are removed after the commit. Alone it makes no snapshot, and with nothing to
/// forget no version. DS_EUNSUPPORTED when the table has gc.enabled=false (at the
/// commit); DS_EINVALID for a negative `retain_last`.
DS_API DS_MUST_CHECK int ds_txn_expire_snapshots(ds_txn *txn, int64_t older_than_ms,
                                                 int32_t retain_last,
                                                 struct ds_error *err);

/// Adds the columns of `schema` (a struct at the top; not released) that the table does
/// not have by name, all optional; those it has must agree in type, or be narrower. A new
/// column keeps its "PARQUET:field_id" when all have one and it is above all ids that the
/// table ever gave; else it gets the next id. Rows appended afterwards, in this
/// transaction, are of the new schema. DS_EINVALID for what does not fit; the commit is
/// DS_ECONFLICT when the table's schema has changed since the transaction began. After a
/// failure the transaction can only be freed.
DS_API DS_MUST_CHECK int ds_txn_add_columns(ds_txn *txn, const struct ArrowSchema *schema,
                                            struct ds_error *err);

/// Commits everything, once. `result` may be NULL.
DS_API DS_MUST_CHECK int ds_txn_commit(ds_txn *txn, struct ds_commit_result *result,
                                       struct ds_error *err);

/// Frees a transaction; NULL is fine. One that was not committed removes its own files.
DS_API void ds_txn_free(ds_txn *txn);

#ifdef __cplusplus
}
#endif

#endif
