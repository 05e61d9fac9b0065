// One connection to an SQLite database, as this library wants it: durable commits,
// patience with other connections, statements prepared once.
//
// (1) The journal mode of an existing database is never changed between WAL and rollback:
//     that is stored in the file and would change it under other programs. A rollback
//     journal is kept (PERSIST) and synced (FULL), which is per connection.
// (2) Waiting is ours: full jitter within a budget of time, at every call that can be
//     busy.
// (3) A connection does not survive fork. The child's is opened anew, and the parent's
//     left alone: closing it would touch the parent's locks and journal. Whoever may be
//     forked uses it between dsi_fork_enter and dsi_fork_leave only.
#ifndef DSI_CATALOG_CATALOG_SQLITE_H
#define DSI_CATALOG_CATALOG_SQLITE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "catalog/catalog_sql_ops.h"
#include "datashard/status.h"
#include "storage/storage_holder.h"

enum { DSI_SQLITE_SLOTS = 24, DSI_SQLITE_ARGS_MAX = 8 };

/// Zeroed, then `path` and `busy_ns` set, it is a connection that is not open.
struct dsi_sqlite {
    const char *path; // Absolute; the owner's.
    int64_t busy_ns;
    sqlite3 *db; // NULL: not open.
    sqlite3_stmt *statements[DSI_SQLITE_SLOTS];
    int64_t deadline; // Of the waiting in this transaction.
    int pid;
    bool is_wal;
    char holder[DSI_HOLDER_SIZE]; // Who kept it locked when we last looked, …
    int64_t looked_ns;            // … which was then; 0: not in this transaction.
    int64_t warn_at_ns;           // Not before then does the log hear of it again.
};

/// Opens the connection if it is not open in this process, and makes the budget of time
/// start. *fresh tells whether it was opened now.
DS_MUST_CHECK int dsi_sqlite_ready(struct dsi_sqlite *c, bool *fresh,
                                   struct ds_error *err);
void dsi_sqlite_close(struct dsi_sqlite *c);

/// A statement with its parameters: `slot` is where it is kept for the next time; it
/// always has the same `sql`. Parameters that are NULL are SQL's NULL; they live until
/// dsi_sqlite_end.
struct dsi_sqlite_call {
    int slot;
    const char *sql;
    const char *args[DSI_SQLITE_ARGS_MAX];
    int arg_count;
};

/// Starts a statement: *out is to be stepped, then ended.
DS_MUST_CHECK int dsi_sqlite_start(struct dsi_sqlite *c,
                                   const struct dsi_sqlite_call *call, sqlite3_stmt **out,
                                   struct ds_error *err);

/// DS_ROW: there is a row; DS_OK: the end. DS_EEXISTS for a broken constraint.
DS_MUST_CHECK int dsi_sqlite_step(struct dsi_sqlite *c, sqlite3_stmt *statement,
                                  struct ds_error *err);
void dsi_sqlite_end(sqlite3_stmt *statement); // NULL is fine.

/// Runs a statement to its end. *changes (may be NULL): how many rows it changed.
DS_MUST_CHECK int dsi_sqlite_run(struct dsi_sqlite *c, const struct dsi_sqlite_call *call,
                                 int *changes, struct ds_error *err);

/// Begins a write transaction: nobody else can write until it ends.
DS_MUST_CHECK int dsi_sqlite_begin(struct dsi_sqlite *c, struct ds_error *err);

/// DS_OK: durable. DS_EUNKNOWN: an error instead of an answer; the connection is closed,
/// so a new one reads the outcome. DS_ECONFLICT: a reader would not go, so this gave way
/// (two that wait for each other would wait for ever). It and all others: rolled back.
DS_MUST_CHECK int dsi_sqlite_commit(struct dsi_sqlite *c, struct ds_error *err);
void dsi_sqlite_rollback(struct dsi_sqlite *c);

#endif
