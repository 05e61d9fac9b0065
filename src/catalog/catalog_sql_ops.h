// The gate to SQLite: every call to it goes through this table, so that a test can make
// it busy, fail it, or lose an answer.
#ifndef DSI_CATALOG_CATALOG_SQL_OPS_H
#define DSI_CATALOG_CATALOG_SQL_OPS_H

#include <sqlite3.h>
#include <stdint.h>

/// The contracts are SQLite's for the functions of these names.
struct dsi_sql_ops {
    int (*open)(const char *path, sqlite3 **out, int flags);
    int (*close)(sqlite3 *db);
    int (*prepare)(sqlite3 *db, const char *sql, sqlite3_stmt **out);
    int (*bind_text)(sqlite3_stmt *statement, int at, const char *text);
    int (*bind_null)(sqlite3_stmt *statement, int at);
    int (*step)(sqlite3_stmt *statement);
    int (*reset)(sqlite3_stmt *statement);
    int (*finalize)(sqlite3_stmt *statement);
    const char *(*column_text)(sqlite3_stmt *statement, int at);
    int (*changes)(sqlite3 *db);
    int (*get_autocommit)(sqlite3 *db);
    /// Bytes of the main database's file, past SQLite's cache and locks.
    int (*read_file)(sqlite3 *db, void *out, int size, int64_t offset);
    const char *(*errmsg)(sqlite3 *db);
    int (*version)(void);
};

/// Replaces the table; NULL brings back SQLite's. Not while other threads run.
void dsi_sql_set(const struct dsi_sql_ops *ops);

/// The table in use.
const struct dsi_sql_ops *dsi_sql(void);

#endif
