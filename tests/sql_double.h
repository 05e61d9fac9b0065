// SQLite with a fault: the chosen step fails, or is done and says it failed.
#ifndef DSI_TEST_SQL_DOUBLE_H
#define DSI_TEST_SQL_DOUBLE_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "catalog/catalog_sql_ops.h"

struct sql_double {
    const struct dsi_sql_ops *real;
    struct dsi_sql_ops ops;
    const char *sql;    // How the statement begins; NULL: any.
    uint32_t nth;       // Counted from 1; 0: none fails.
    int code;           // What it says.
    bool after;         // It is done all the same.
    bool lasting;       // Every matching step from then on.
    void (*hook)(void); // Called once, just before the chosen step says its code.
    uint32_t seen;      // Matching steps so far.
    bool fail_open;     // No connection can be opened any more.
    struct {
        sqlite3_stmt *statement;
        char sql[48];
    } known[64];
};

static struct sql_double sql_double;

static int double_prepare(sqlite3 *db, const char *sql, sqlite3_stmt **out)
{
    int code = sql_double.real->prepare(db, sql, out);
    for (size_t i = 0; i < 64 && code == SQLITE_OK; i++) {
        if (!sql_double.known[i].statement || sql_double.known[i].statement == *out) {
            sql_double.known[i].statement = *out;
            snprintf(sql_double.known[i].sql, sizeof sql_double.known[i].sql, "%s", sql);
            break;
        }
    }
    return code;
}

static bool double_is_chosen(sqlite3_stmt *statement)
{
    const char *sql = "";

    for (size_t i = 0; i < 64; i++) {
        if (sql_double.known[i].statement == statement) {
            sql = sql_double.known[i].sql;
        }
    }
    if (sql_double.nth == 0 ||
        (sql_double.sql && strncmp(sql, sql_double.sql, strlen(sql_double.sql)) != 0)) {
        return false;
    }
    sql_double.seen++;
    return sql_double.seen == sql_double.nth ||
           (sql_double.lasting && sql_double.seen > sql_double.nth);
}

static int double_step(sqlite3_stmt *statement)
{
    if (!double_is_chosen(statement)) {
        return sql_double.real->step(statement);
    }
    if (sql_double.after) {
        sql_double.real->step(statement);
    }
    if (sql_double.hook) {
        void (*hook)(void) = sql_double.hook;
        sql_double.hook = NULL;
        hook();
    }
    return sql_double.code;
}

static int double_sql_open(const char *path, sqlite3 **out, int flags)
{
    if (sql_double.fail_open) {
        *out = NULL;
        return SQLITE_CANTOPEN;
    }
    return sql_double.real->open(path, out, flags);
}

// From here on the nth step of a statement that begins with `sql` says `code`. Before any
// connection is opened that is to be looked at.
static inline void sql_double_start(void)
{
    dsi_sql_set(NULL);
    memset(&sql_double, 0, sizeof sql_double);
    sql_double.real = dsi_sql();
    sql_double.ops = *sql_double.real;
    sql_double.ops.prepare = double_prepare;
    sql_double.ops.step = double_step;
    sql_double.ops.open = double_sql_open;
    dsi_sql_set(&sql_double.ops);
}

static inline void sql_double_fail(const char *sql, uint32_t nth, int code, bool after)
{
    sql_double.sql = sql;
    sql_double.nth = nth;
    sql_double.code = code;
    sql_double.after = after;
    sql_double.lasting = false;
    sql_double.hook = NULL;
    sql_double.seen = 0;
}

static inline void sql_double_stop(void)
{
    dsi_sql_set(NULL);
}

#endif
