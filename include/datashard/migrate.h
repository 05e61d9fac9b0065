/// Tables that DataShard wrote in its own layout (its versions up to 0.9) become Iceberg
/// tables. Until then they can be read, by ds_table_open, and not written to.
#ifndef DATASHARD_MIGRATE_H
#define DATASHARD_MIGRATE_H

#include <stdbool.h>

#include "datashard/table.h"

#ifdef __cplusplus
extern "C" {
#endif

/// Told how many of a table's snapshots are done.
typedef void (*ds_migrate_fn)(void *arg, uint64_t done, uint64_t all);

/// All zero, but for struct_size: migrate, and keep the old metadata.
struct ds_migrate_options {
    uint32_t struct_size;      ///< sizeof, set by the caller.
    bool dry_run;              ///< Check everything, write nothing.
    bool remove_old;           ///< Remove the old layout's metadata afterwards.
    const char *metadata_file; ///< Which is current, where the table's hint is lost.
    ds_migrate_fn progress;    ///< NULL: nobody is told.
    void *progress_arg;
};

/// Converts the table in the directory `location`, in place: new metadata beside the old
/// refer to the data files as they are. Every data file is opened and compared with what
/// was recorded of it. Then the table is switched in one step, while DataShard's lock is
/// held: readers see the old table before it and the new one after it, and a crash leaves
/// either. `options` may be NULL. *report: one JSON object, "status" being "migrated",
/// "dry-run" or "already-migrated"; end it with ds_string_free. DS_ENOTFOUND: no table.
/// DS_ECORRUPT and DS_EUNSUPPORTED: it cannot be carried over, and is as it was.
/// DS_ECONFLICT: its writers hold it. DS_EUNKNOWN: call it again.
DS_API DS_MUST_CHECK int ds_table_migrate(const char *location,
                                          const struct ds_migrate_options *options,
                                          char **report, struct ds_error *err);

#ifdef __cplusplus
}
#endif

#endif
