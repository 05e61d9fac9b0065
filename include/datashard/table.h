/// A table: its current state, its history, its files.
///
/// A handle shows one state, loaded when it was opened and again by ds_table_refresh and
/// by every commit through it. Any number of threads may read from one handle and commit
/// through it at once; each call works on the state it finds when it begins.
#ifndef DATASHARD_TABLE_H
#define DATASHARD_TABLE_H

#include "datashard/catalog.h"

#ifdef __cplusplus
extern "C" {
#endif

/// Opens a path table: `location` is its directory ("flights", "/data/flights",
/// "file:///data/flights"). DS_ENOTFOUND. One whose directory was moved, so that its
/// metadata name another place, is read where it is; writing to it fails and says so. The
/// caller ends *out with ds_table_free.
DS_API DS_MUST_CHECK int ds_table_open(const char *location, ds_table **out,
                                       struct ds_error *err);

/// Creates a path table; statuses as ds_catalog_create_table. spec->location stays NULL.
DS_API DS_MUST_CHECK int ds_table_create(const char *location,
                                         const struct ds_table_spec *spec, ds_table **out,
                                         struct ds_error *err);

/// Frees a handle; NULL is fine. No call through it may be running. Where it merges small
/// files in the background (docs/group-commit.md), that is waited for: about 2,000 ms at
/// most, or what the table's property `datashard.merge-small-files.at-close-ms` says;
/// then it is told to stop, which leaves the table as it was. A handle that only reads,
/// or whose commits began no merge (127 of 128), waits for nothing.
DS_API void ds_table_free(ds_table *table);

/// The same, but merging is waited for at most `merge_ms`, whatever the property says; 0:
/// it is told to stop at once. Below 0: as ds_table_free.
DS_API void ds_table_free_within(ds_table *table, int64_t merge_ms);

/// Loads the newest state. DS_ENOTFOUND when the table has been dropped meanwhile.
DS_API DS_MUST_CHECK int ds_table_refresh(ds_table *table, struct ds_error *err);

/// What a table is right now. Strings are borrowed until the handle's next refresh or
/// commit, or its end.
struct ds_table_info {
    uint32_t struct_size;          ///< sizeof, set by the caller.
    int32_t format_version;        ///< 1, 2 or 3.
    const char *name;              ///< Full name, or the location of a path table.
    const char *uuid;              ///< "" in some v1 tables.
    const char *location;          ///< Where its files are.
    const char *metadata_location; ///< The current metadata file.
    int64_t last_updated_ms;       ///< Since 1970-01-01 UTC.
    int64_t last_sequence_number;
    int64_t current_snapshot_id; ///< -1: the table is empty.
    int32_t current_schema_id;
    int32_t default_spec_id;
    size_t snapshot_count;
};

DS_API DS_MUST_CHECK int ds_table_info(ds_table *table, struct ds_table_info *out,
                                       struct ds_error *err);

/// The current schema as Arrow; the caller releases *out.
DS_API DS_MUST_CHECK int ds_table_schema(ds_table *table, struct ArrowSchema *out,
                                         struct ds_error *err);

/// Texts the library makes for the caller, who ends them with ds_string_free.
/// The current metadata, schema, partition spec or sort order in Iceberg's JSON.
DS_API DS_MUST_CHECK int ds_table_metadata_json(ds_table *table, char **out,
                                                struct ds_error *err);
DS_API DS_MUST_CHECK int ds_table_schema_json(ds_table *table, char **out,
                                              struct ds_error *err);
DS_API DS_MUST_CHECK int ds_table_spec_json(ds_table *table, char **out,
                                            struct ds_error *err);
DS_API DS_MUST_CHECK int ds_table_sort_order_json(ds_table *table, char **out,
                                                  struct ds_error *err);
DS_API void ds_string_free(char *s);

/// Each table property, sorted by key.
DS_API DS_MUST_CHECK int ds_table_properties(ds_table *table, ds_property_fn fn,
                                             void *arg, struct ds_error *err);

/// One snapshot; strings are borrowed during the call.
struct ds_snapshot_info {
    uint32_t struct_size;
    bool is_current; ///< The current snapshot or an ancestor of it.
    int64_t snapshot_id;
    int64_t parent_id; ///< -1: none.
    int64_t sequence_number;
    int64_t timestamp_ms;
    int32_t schema_id;         ///< -1: not recorded.
    const char *operation;     ///< "append", "overwrite", …
    const char *manifest_list; ///< "" in some v1 tables.
    struct ds_properties summary;
};

typedef int (*ds_snapshot_fn)(void *arg, const struct ds_snapshot_info *snapshot);

/// Every snapshot the table still has, oldest first.
DS_API DS_MUST_CHECK int ds_table_snapshots(ds_table *table, ds_snapshot_fn fn, void *arg,
                                            struct ds_error *err);

/// One entry of the log of current snapshots ("history").
struct ds_history_info {
    uint32_t struct_size;
    bool is_current_ancestor;
    int64_t made_current_ms;
    int64_t snapshot_id;
    int64_t parent_id; ///< -1: none, or the snapshot is gone.
};

typedef int (*ds_history_fn)(void *arg, const struct ds_history_info *entry);

DS_API DS_MUST_CHECK int ds_table_history(ds_table *table, ds_history_fn fn, void *arg,
                                          struct ds_error *err);

struct ds_ref_info {
    uint32_t struct_size;
    bool is_tag;
    const char *name;
    int64_t snapshot_id;
    int64_t max_ref_age_ms; ///< -1: not set; so below.
    int64_t max_snapshot_age_ms;
    int64_t min_snapshots_to_keep;
};

typedef int (*ds_ref_fn)(void *arg, const struct ds_ref_info *ref);

DS_API DS_MUST_CHECK int ds_table_refs(ds_table *table, ds_ref_fn fn, void *arg,
                                       struct ds_error *err);

/// Which state of the table to look at. All zero: the current one. At most one is set.
struct ds_at {
    int64_t snapshot_id; ///< 0: not by id.
    const char *ref;     ///< A branch or tag; NULL: not by name.
    int64_t as_of_ms;    ///< What was current then; 0: not by time.
};

/// What is known of one column in one data file. Numbers that are not known are -1.
struct ds_column_stats {
    uint32_t struct_size;
    int32_t field_id;
    int64_t size_bytes;  ///< In the file.
    int64_t value_count; ///< Nulls and NaNs included.
    int64_t null_count;
    int64_t nan_count;
    /// At most, at least, every value that is neither null nor NaN, perhaps cut short: in
    /// Iceberg's binary form for single values. NULL: not known.
    struct ds_slice lower;
    struct ds_slice upper;
};

/// One live data file of a snapshot; strings are borrowed during the call.
struct ds_file_entry {
    uint32_t struct_size;
    int32_t content; ///< 0 data, 1 position deletes, 2 equality deletes.
    const char *path;
    const char *format;    ///< "parquet", …
    const char *partition; ///< "month=2017-11", "" when unpartitioned.
    int32_t spec_id;
    int64_t record_count;
    int64_t size_bytes;
    int64_t sequence_number;
    int64_t snapshot_id; ///< That added it.
    /// By ascending field id; none unless asked for (struct ds_files_options). Elements
    /// are their struct_size apart.
    const struct ds_column_stats *columns;
    size_t column_count;
};

typedef int (*ds_file_fn)(void *arg, const struct ds_file_entry *file);

DS_API DS_MUST_CHECK int ds_table_files(ds_table *table, const struct ds_at *at,
                                        ds_file_fn fn, void *arg, struct ds_error *err);

struct ds_files_options {
    uint32_t struct_size;
    bool columns;    ///< Tell what is known of the columns, too: that is more to read.
    struct ds_at at; ///< Of which state.
};

/// The same; `options` may be NULL.
DS_API DS_MUST_CHECK int ds_table_files_with(ds_table *table,
                                             const struct ds_files_options *options,
                                             ds_file_fn fn, void *arg,
                                             struct ds_error *err);

/// All zero, but for struct_size: relocate.
struct ds_relocate_options {
    uint32_t struct_size; ///< sizeof, set by the caller.
    bool dry_run;         ///< Look at everything, write nothing.
    /// Asked now and then; true: DS_ECANCELLED, and nothing is changed. NULL: never.
    bool (*cancelled)(void *arg);
    void *cancelled_arg;
};

/// What ds_table_relocate did; all zero where there was nothing to do.
struct ds_relocate_result {
    uint32_t struct_size;  ///< sizeof, set by the caller.
    bool relocated;        ///< False: it is where it says.
    uint64_t snapshots;    ///< All of the table's.
    uint64_t manifests;    ///< Written anew,
    uint64_t data_files;   ///< with so many entries, deletes among them,
    uint64_t delete_files; ///< and so many files of deletes that hold paths.
    uint64_t bytes;        ///< Of new files.
};

/// Makes the metadata of a path table whose directory was moved name where it is now:
/// manifests, lists, files of position deletes and deletion vectors are written anew,
/// with the new paths, and then the table is switched in one step. All snapshots and refs
/// stay. A crash leaves the table as it was, or as it is to be; old files are left for a
/// collector. Data files are not read, but all are looked at: DS_ENOTFOUND, DS_ECORRUPT
/// when one is not there as it was, and nothing is changed. DS_EUNSUPPORTED for position
/// deletes in ORC. DS_ECONFLICT: others changed the table each time. DS_EUNKNOWN: call it
/// again. `options` and `result` may be NULL.
DS_API DS_MUST_CHECK int ds_table_relocate(ds_table *table,
                                           const struct ds_relocate_options *options,
                                           struct ds_relocate_result *result,
                                           struct ds_error *err);

#ifdef __cplusplus
}
#endif

#endif
