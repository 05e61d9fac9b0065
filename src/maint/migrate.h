// A table of DataShard's own layout becomes an Iceberg table, where it is.
//
// (1) Everything new is made beside the old and checked; then the table is switched while
//     the old layout's lock is held and its head is the one that was converted.
// (2) The switch is the name of the first Iceberg version, above every number of the old
//     layout. Just before it the old hint is pointed at that name, so that DataShard's
//     versions find what they cannot read and stop, rather than write on.
// (3) A crash before the switch leaves the old table, after it the new one. Run again, it
//     starts over, or finds nothing to do.
// (4) Writers of the old layout go on while it is converted. When they have moved it on
//     by then, it is converted anew under their lock: they wait, and it comes to an end.
#ifndef DSI_MAINT_MIGRATE_H
#define DSI_MAINT_MIGRATE_H

#include "maint/migrate_convert.h"

struct dsi_migrate {
    ds_storage *storage;
    const char *table;         // Its location, canonical.
    const char *metadata_file; // The head's name, where the hint is lost; or NULL.
    bool dry_run;
    bool remove_old;
    dsi_migrate_progress progress; // NULL: nobody is told.
    void *progress_arg;
};

/// Migrates; appends a report to `report`, one JSON object (docs/migrate.md). A table
/// that is Iceberg already is DS_OK, and the report says so. DS_ENOTFOUND: no table.
/// DS_ECORRUPT, DS_EUNSUPPORTED: it cannot be carried over, and is as it was.
/// DS_ECONFLICT: others hold its lock, or move it on without taking that. DS_EUNKNOWN:
/// nobody can say whether it was switched; run it again.
DS_MUST_CHECK int dsi_migrate(const struct dsi_migrate *m, struct dsi_buf *report,
                              struct ds_error *err);

#endif
