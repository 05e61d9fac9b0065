// The row of a table as it was seen last, for as long as nobody has changed the database.
//
// With a rollback journal SQLite counts in the file's header how often the database was
// changed, and writes the next number before others may read what changed (file format
// 1.3.7; pager.c). While the number is the one that was there with the row, the row is
// the same, and a few bytes read say so in place of a transaction: a commit looks twice
// at its table, and nobody else has touched it mostly.
//
// (1) The bytes are read without a lock. They may be those of a transaction that is not
//     committed, or never will be: that is another number then, and the row is read.
// (2) In WAL mode the header tells nothing, so nothing is known.
#ifndef DSI_CATALOG_CATALOG_SQLITE_SEEN_H
#define DSI_CATALOG_CATALOG_SQLITE_SEEN_H

#include "catalog/catalog.h"
#include "catalog/catalog_sql_ops.h"

enum { DSI_SQLITE_HEADER = 10 };

/// All zero: nothing is known. One thread at a time, and one connection: `db` below.
struct dsi_sqlite_seen {
    char *table; // Its namespace and its name.
    char *location;
    unsigned char header[DSI_SQLITE_HEADER]; // The format's versions to the number.
    enum { DSI_SEEN_NOTHING, DSI_SEEN_SOON, DSI_SEEN_NOW } state;
};

/// The row was read, in a transaction that is still open.
void dsi_sqlite_seen_read(struct dsi_sqlite_seen *s, sqlite3 *db,
                          const struct dsi_table_name *name, const char *location);

/// The row was written, in a transaction that is still open: it is known from
/// dsi_sqlite_seen_ended on, if that was committed.
void dsi_sqlite_seen_written(struct dsi_sqlite_seen *s, sqlite3 *db,
                             const struct dsi_table_name *name, const char *location);

/// A transaction that may write has ended.
void dsi_sqlite_seen_ended(struct dsi_sqlite_seen *s, bool committed);

/// Outside of transactions: the table's metadata location, owned by `s`; NULL: the row
/// has to be read.
const char *dsi_sqlite_seen_location(const struct dsi_sqlite_seen *s, sqlite3 *db,
                                     const struct dsi_table_name *name);

/// Nothing is known: also of another connection.
void dsi_sqlite_seen_forget(struct dsi_sqlite_seen *s);

#endif
