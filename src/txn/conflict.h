// Which changes disagree with what happened since they were planned, and saying so.
//
// The rules are a table: one row per operation of a change, saying what of the versions
// since its base it cannot be applied after. Appends and property settings commute with
// everything, so their rows only ask that the table still is the one they were made for.
// Rewrites and deletions ask more of the files they name (rebase_rewrite.h,
// rebase_delete.h), deletions under the change's isolation level.
#ifndef DSI_TXN_CONFLICT_H
#define DSI_TXN_CONFLICT_H

#include "txn/change.h"

// A conflict, explained. Strings are borrowed.
struct dsi_conflict {
    const char *rule;   // "table-replaced", "spec-dropped", …
    const char *object; // The file, partition, column, branch … at issue.
    const char *advice; // What to do now.
    const struct dsi_snapshot *winner; // The commit that won, when it is known.
};

/// Writes a conflict into `err`, in words and as JSON in err->detail:
/// {"rule":…,"object":…,"winner":{"snapshot-id":…,"sequence-number":…,"commit-id":…},
///  "advice":…}. Returns DS_ECONFLICT.
int dsi_conflict_fail(const struct dsi_conflict *c, struct ds_error *err);

/// DS_OK when the change may be applied to `state`, else DS_ECONFLICT, explained (or
/// DS_EUNSUPPORTED for a table this build cannot write). Pure.
DS_MUST_CHECK int dsi_conflict_check(const struct dsi_state *state,
                                     const struct dsi_change *change,
                                     struct ds_error *err);

#endif
