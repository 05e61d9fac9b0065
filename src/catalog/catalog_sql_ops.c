#include "catalog/catalog_sql_ops.h"

#include <stddef.h>

static int sql_open(const char *path, sqlite3 **out, int flags)
{
    return sqlite3_open_v2(path, out, flags, NULL);
}

static int sql_close(sqlite3 *db)
{
    return sqlite3_close(db);
}

static int sql_prepare(sqlite3 *db, const char *sql, sqlite3_stmt **out)
{
    return sqlite3_prepare_v2(db, sql, -1, out, NULL);
}

static int sql_bind_text(sqlite3_stmt *statement, int at, const char *text)
{
    // The callers keep the text until the statement is reset.
    return sqlite3_bind_text(statement, at, text, -1, SQLITE_STATIC);
}

static int sql_bind_null(sqlite3_stmt *statement, int at)
{
    return sqlite3_bind_null(statement, at);
}

static int sql_step(sqlite3_stmt *statement)
{
    return sqlite3_step(statement);
}

static int sql_reset(sqlite3_stmt *statement)
{
    return sqlite3_reset(statement);
}

static int sql_finalize(sqlite3_stmt *statement)
{
    return sqlite3_finalize(statement);
}

static const char *sql_column_text(sqlite3_stmt *statement, int at)
{
    return (const char *)sqlite3_column_text(statement, at);
}

static int sql_changes(sqlite3 *db)
{
    return sqlite3_changes(db);
}

static int sql_get_autocommit(sqlite3 *db)
{
    return sqlite3_get_autocommit(db);
}

static int sql_read_file(sqlite3 *db, void *out, int size, int64_t offset)
{
    sqlite3_file *file = NULL;
    int code = sqlite3_file_control(db, "main", SQLITE_FCNTL_FILE_POINTER, &file);

    if (code != SQLITE_OK || !file || !file->pMethods) {
        return code != SQLITE_OK ? code : SQLITE_CANTOPEN;
    }
    return file->pMethods->xRead(file, out, size, offset);
}

static const char *sql_errmsg(sqlite3 *db)
{
    return sqlite3_errmsg(db);
}

static int sql_version(void)
{
    return sqlite3_libversion_number();
}

static const struct dsi_sql_ops system_sql = {
    .open = sql_open,
    .close = sql_close,
    .prepare = sql_prepare,
    .bind_text = sql_bind_text,
    .bind_null = sql_bind_null,
    .step = sql_step,
    .reset = sql_reset,
    .finalize = sql_finalize,
    .column_text = sql_column_text,
    .changes = sql_changes,
    .get_autocommit = sql_get_autocommit,
    .read_file = sql_read_file,
    .errmsg = sql_errmsg,
    .version = sql_version,
};
static const struct dsi_sql_ops *sql = &system_sql;

void dsi_sql_set(const struct dsi_sql_ops *ops)
{
    sql = ops ? ops : &system_sql;
}

const struct dsi_sql_ops *dsi_sql(void)
{
    return sql;
}
