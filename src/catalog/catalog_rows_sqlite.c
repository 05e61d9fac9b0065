// Rows in an SQLite database: the statements. Those of Iceberg's JDBC catalog, which Java
// and PyIceberg run on the same file.
//
// (1) A database of version 0 has no column iceberg_type, and gets none: its statements
// are
//     the same without the clause. A type that is NULL means a table.
// (2) Only this file's connection opens the database: closing any other descriptor of the
//     file in this process would drop SQLite's locks.
#include <assert.h>
#include <stdatomic.h>
#include <string.h>

#include "base/alloc.h"
#include "base/error.h"
#include "base/thread.h"
#include "catalog/catalog_rows.h"
#include "catalog/catalog_sqlite.h"
#include "catalog/catalog_sqlite_seen.h"

#define DEFAULT_NAME "datashard"
#define TABLE_KEY " WHERE catalog_name = ? AND table_namespace = ? AND table_name = ?"
#define NAMESPACE_KEY " WHERE catalog_name = ? AND namespace = ?"
#define IS_TABLE " AND (iceberg_type = 'TABLE' OR iceberg_type IS NULL)"

enum statement {
    FIND = 4, // The slots below are the connection's own.
    INSERT,
    UPDATE,
    TOUCH,
    RENAME,
    REMOVE,
    TABLES,
    TABLES_IN,
    NAMESPACES,
    PROPERTIES,
    SET_PROPERTY,
    REMOVE_PROPERTY,
    REMOVE_PROPERTIES,
    STATEMENTS
};
_Static_assert((int)STATEMENTS <= (int)DSI_SQLITE_SLOTS, "each statement has a slot");

// The text of a statement in both versions of the tables (1).
static const struct {
    const char *v0;
    const char *v1;
} texts[STATEMENTS] = {
#define BOTH(text)                                                                       \
    {                                                                                    \
        text, text                                                                       \
    }
#define TYPED(text)                                                                      \
    {                                                                                    \
        text, text IS_TABLE                                                              \
    }
    [FIND] = TYPED("SELECT metadata_location FROM iceberg_tables" TABLE_KEY),
    [INSERT] = {"INSERT INTO iceberg_tables (catalog_name, table_namespace, table_name, "
                "metadata_location, previous_metadata_location) VALUES (?,?,?,?,null)",
                "INSERT INTO iceberg_tables (catalog_name, table_namespace, table_name, "
                "metadata_location, previous_metadata_location, iceberg_type) "
                "VALUES (?,?,?,?,null,'TABLE')"},
    [UPDATE] =
        TYPED("UPDATE iceberg_tables SET metadata_location = ?, "
              "previous_metadata_location = ?" TABLE_KEY " AND metadata_location = ?"),
    [TOUCH] = TYPED(
        "UPDATE iceberg_tables SET metadata_location = metadata_location" TABLE_KEY),
    [RENAME] =
        TYPED("UPDATE iceberg_tables SET table_namespace = ?, table_name = ?" TABLE_KEY),
    [REMOVE] = TYPED("DELETE FROM iceberg_tables" TABLE_KEY),
    [TABLES] = TYPED("SELECT table_namespace, table_name FROM iceberg_tables "
                     "WHERE catalog_name = ?"),
    [TABLES_IN] = TYPED("SELECT table_namespace, table_name FROM iceberg_tables "
                        "WHERE catalog_name = ? AND table_namespace = ?"),
    [NAMESPACES] = BOTH("SELECT table_namespace FROM iceberg_tables WHERE "
                        "catalog_name = ? UNION SELECT namespace FROM "
                        "iceberg_namespace_properties WHERE catalog_name = ?"),
    [PROPERTIES] =
        BOTH("SELECT property_key, property_value FROM "
             "iceberg_namespace_properties" NAMESPACE_KEY " ORDER BY property_key"),
    [SET_PROPERTY] = BOTH("INSERT OR REPLACE INTO iceberg_namespace_properties "
                          "(catalog_name, namespace, property_key, property_value) "
                          "VALUES (?,?,?,?)"),
    [REMOVE_PROPERTY] = BOTH("DELETE FROM iceberg_namespace_properties" NAMESPACE_KEY
                             " AND property_key = ?"),
    [REMOVE_PROPERTIES] = BOTH("DELETE FROM iceberg_namespace_properties" NAMESPACE_KEY),
#undef BOTH
#undef TYPED
};

static const char create_tables[] =
    "CREATE TABLE IF NOT EXISTS iceberg_tables("
    "catalog_name VARCHAR(255) NOT NULL,"
    "table_namespace VARCHAR(255) NOT NULL,"
    "table_name VARCHAR(255) NOT NULL,"
    "metadata_location VARCHAR(1000),"
    "previous_metadata_location VARCHAR(1000),"
    "iceberg_type VARCHAR(5),"
    "PRIMARY KEY (catalog_name, table_namespace, table_name))";
static const char create_properties[] =
    "CREATE TABLE IF NOT EXISTS iceberg_namespace_properties("
    "catalog_name VARCHAR(255) NOT NULL,"
    "namespace VARCHAR(255) NOT NULL,"
    "property_key VARCHAR(255),"
    "property_value VARCHAR(1000),"
    "PRIMARY KEY (catalog_name, namespace, property_key))";

struct sqlite_rows {
    struct dsi_rows base; // First: a struct dsi_rows * is a struct sqlite_rows *.
    struct dsi_mutex *mutex;
    struct dsi_sqlite connection;
    char *path;
    char *name;    // The catalog_name.
    bool has_type; // (1)
    bool writing;
    struct dsi_sqlite_seen seen;
    _Atomic(const void *) holder; // The thread that has the mutex: its &this_thread.
};

static _Thread_local char this_thread;

// What SQLite knows of the locks of this process is in its memory: a child that is forked
// from a transaction of another thread would find the database locked for ever.
//
// A wait for the database asks the caller whether to go on, with the mutex held: what is
// asked must not come back here.
static int lock(struct sqlite_rows *s, struct ds_error *err)
{
    if (atomic_load(&s->holder) == &this_thread) {
        return dsi_fail(err, DS_EINVALID,
                        "%s: this thread is waiting for it already: what is asked "
                        "whether to go on cannot use it",
                        s->path);
    }
    dsi_mutex_lock(s->mutex);
    int rc = dsi_fork_enter(err);
    if (rc < 0) {
        dsi_mutex_unlock(s->mutex);
        return rc;
    }
    atomic_store(&s->holder, &this_thread);
    return DS_OK;
}

static void unlock(struct sqlite_rows *s)
{
    atomic_store(&s->holder, NULL);
    dsi_fork_leave();
    dsi_mutex_unlock(s->mutex);
}

static struct dsi_sqlite_call call_of(const struct sqlite_rows *s, enum statement which)
{
    return (struct dsi_sqlite_call){
        .slot = which, .sql = s->has_type ? texts[which].v1 : texts[which].v0};
}

static struct dsi_sqlite_call call_for(const struct sqlite_rows *s, enum statement which,
                                       const struct dsi_table_name *name)
{
    struct dsi_sqlite_call call = call_of(s, which);
    call.args[call.arg_count++] = s->name;
    call.args[call.arg_count++] = name->ns;
    call.args[call.arg_count++] = name->name;
    return call;
}

// Tells the one row of a question about the schema; columns that are NULL are "".
static int ask(struct sqlite_rows *s, const char *sql, char out[2][256], int *rows,
               struct ds_error *err)
{
    // A slot that is free until the connection is ready.
    const struct dsi_sqlite_call call = {.slot = STATEMENTS - 1, .sql = sql};
    sqlite3_stmt *statement = NULL;
    int rc = DS_OK;

    *rows = 0;
    DSI_TRY(dsi_sqlite_start(&s->connection, &call, &statement, err));
    for (;;) {
        DSI_TRY(dsi_sqlite_step(&s->connection, statement, err));
        if (rc != DS_ROW) {
            break;
        }
        const char *text = dsi_sql()->column_text(statement, 0);
        if (*rows < 2) {
            size_t size = text ? strlen(text) : 0;
            size = size < 255 ? size : 255;
            memcpy(out[*rows], text ? text : "", size);
            out[*rows][size] = '\0';
        }
        ++*rows;
    }
done:
    dsi_sqlite_end(statement);
    if (s->connection.statements[STATEMENTS - 1]) {
        dsi_sql()->finalize(s->connection.statements[STATEMENTS - 1]);
        s->connection.statements[STATEMENTS - 1] = NULL;
    }
    return rc;
}

// Makes the tables that are missing, and sees which version those are that are there.
static int look_at_tables(struct sqlite_rows *s, struct ds_error *err)
{
    const struct dsi_sqlite_call make[] = {{.slot = TABLES, .sql = create_tables},
                                           {.slot = TABLES, .sql = create_properties}};
    char found[2][256];
    int rows = 0;
    int rc = DS_OK;

    DSI_TRY(ask(s,
                "SELECT name FROM sqlite_master WHERE type IN ('table', 'view') AND name "
                "IN ('iceberg_tables', 'iceberg_namespace_properties')",
                found, &rows, err));
    if (rows < 2) {
        DSI_TRY(dsi_sqlite_begin(&s->connection, err));
        for (int i = 0; i < 2 && rc == DS_OK; i++) {
            rc = dsi_sqlite_run(&s->connection, &make[i], NULL, err);
            dsi_sql()->finalize(s->connection.statements[TABLES]);
            s->connection.statements[TABLES] = NULL;
        }
        if (rc < 0) {
            dsi_sqlite_rollback(&s->connection);
            goto done;
        }
        DSI_TRY(dsi_sqlite_commit(&s->connection, err));
    }
    DSI_TRY(ask(s,
                "SELECT name FROM pragma_table_info('iceberg_tables') "
                "WHERE name = 'iceberg_type'",
                found, &rows, err));
    s->has_type = rows > 0; // (1)
done:
    return rc;
}

// The one catalog_name that the database has, if it has one.
static int choose_name(struct sqlite_rows *s, struct ds_error *err)
{
    char found[2][256];
    int rows = 0;
    int rc = ask(s,
                 "SELECT catalog_name FROM iceberg_tables UNION SELECT catalog_name FROM "
                 "iceberg_namespace_properties LIMIT 2",
                 found, &rows, err);
    if (rc < 0) {
        return rc;
    }
    s->name = dsi_strdup(rows == 1 ? found[0] : DEFAULT_NAME);
    return s->name ? DS_OK : dsi_no_memory(err, s->path);
}

// The connection, open and with the tables there; the mutex is held.
static int make_ready(struct sqlite_rows *s, struct ds_error *err)
{
    bool fresh = false;
    int rc = dsi_sqlite_ready(&s->connection, &fresh, err);

    if (rc == DS_OK && fresh) {
        dsi_sqlite_seen_forget(&s->seen);
        rc = look_at_tables(s, err);
        if (rc == DS_OK && !s->name) {
            rc = choose_name(s, err);
        }
        if (rc < 0) {
            dsi_sqlite_close(&s->connection);
        }
    }
    return rc;
}

static int sqlite_begin(struct dsi_rows *r, bool write, struct ds_error *err)
{
    struct sqlite_rows *s = (struct sqlite_rows *)r;
    int rc = lock(s, err);

    if (rc < 0) {
        return rc;
    }
    DSI_TRY(make_ready(s, err));
    // A reader's one statement is a transaction by itself.
    if (write) {
        DSI_TRY(dsi_sqlite_begin(&s->connection, err));
    }
    s->writing = write;
done:
    if (rc < 0) {
        unlock(s);
    }
    return rc;
}

static int sqlite_commit(struct dsi_rows *r, struct ds_error *err)
{
    struct sqlite_rows *s = (struct sqlite_rows *)r;
    int rc = DS_OK;

    if (s->writing) {
        rc = dsi_sqlite_commit(&s->connection, err);
        dsi_sqlite_seen_ended(&s->seen, rc == DS_OK);
    }
    unlock(s);
    return rc;
}

static void sqlite_rollback(struct dsi_rows *r)
{
    struct sqlite_rows *s = (struct sqlite_rows *)r;
    dsi_sqlite_rollback(&s->connection);
    if (s->writing) {
        dsi_sqlite_seen_ended(&s->seen, false);
    }
    unlock(s);
}

static int no_table(const struct dsi_table_name *name, struct ds_error *err)
{
    return dsi_fail(err, DS_ENOTFOUND, "there is no table %s.%s", name->ns, name->name);
}

static int copy_location(const char *text, struct dsi_arena *arena, char **out,
                         struct ds_error *err)
{
    *out = dsi_arena_strdup(arena, text);
    return *out ? DS_OK : dsi_no_memory(err, text);
}

static int read_location(struct sqlite_rows *s, const struct dsi_table_name *name,
                         struct dsi_arena *arena, char **location, struct ds_error *err)
{
    const struct dsi_sqlite_call call = call_for(s, FIND, name);
    sqlite3_stmt *statement = NULL;
    const char *text = NULL;
    int rc = DS_OK;

    DSI_TRY(dsi_sqlite_start(&s->connection, &call, &statement, err));
    DSI_TRY(dsi_sqlite_step(&s->connection, statement, err));
    if (rc == DS_OK) {
        rc = no_table(name, err);
        goto done;
    }
    text = dsi_sql()->column_text(statement, 0);
    if (!text || text[0] == '\0') {
        rc = dsi_corrupt(err, "%s: table %s.%s has no metadata location", s->path,
                         name->ns, name->name);
        goto done;
    }
    if (!s->writing) {
        dsi_sqlite_seen_read(&s->seen, s->connection.db, name, text);
    }
    rc = copy_location(text, arena, location, err);
done:
    dsi_sqlite_end(statement);
    return rc;
}

static int sqlite_find(struct dsi_rows *r, const struct dsi_table_name *name,
                       struct dsi_arena *arena, char **location, struct ds_error *err)
{
    struct sqlite_rows *s = (struct sqlite_rows *)r;
    const char *seen =
        s->writing ? NULL : dsi_sqlite_seen_location(&s->seen, s->connection.db, name);

    return seen ? copy_location(seen, arena, location, err)
                : read_location(s, name, arena, location, err);
}

static int already_there(const struct dsi_table_name *name, struct ds_error *err)
{
    return dsi_fail(err, DS_EEXISTS, "%s.%s is already there", name->ns, name->name);
}

static int sqlite_insert(struct dsi_rows *r, const struct dsi_table_name *name,
                         const char *location, struct ds_error *err)
{
    struct sqlite_rows *s = (struct sqlite_rows *)r;
    struct dsi_sqlite_call call = call_for(s, INSERT, name);

    call.args[call.arg_count++] = location;
    int rc = dsi_sqlite_run(&s->connection, &call, NULL, err);
    return rc == DS_EEXISTS ? already_there(name, err) : rc;
}

static int sqlite_update(struct dsi_rows *r, const struct dsi_table_name *name,
                         const char *from, const char *to, struct ds_error *err)
{
    struct sqlite_rows *s = (struct sqlite_rows *)r;
    struct dsi_sqlite_call call = call_of(s, UPDATE);
    int changes = 0;

    const char *args[] = {to, from, s->name, name->ns, name->name, from};
    memcpy(call.args, args, sizeof args);
    call.arg_count = 6;
    int rc = dsi_sqlite_run(&s->connection, &call, &changes, err);
    if (rc == DS_OK && changes != 1) {
        rc = dsi_fail(err, DS_ECONFLICT, "table %s.%s is no longer at %s", name->ns,
                      name->name, from);
    }
    if (rc == DS_OK) {
        dsi_sqlite_seen_written(&s->seen, s->connection.db, name, to);
    }
    return rc;
}

// Runs what changes one table, which must be there.
static int change_one(struct sqlite_rows *s, const struct dsi_sqlite_call *call,
                      const struct dsi_table_name *name, struct ds_error *err)
{
    int changes = 0;
    int rc = dsi_sqlite_run(&s->connection, call, &changes, err);
    return rc == DS_OK && changes == 0 ? no_table(name, err) : rc;
}

static int sqlite_touch(struct dsi_rows *r, const struct dsi_table_name *name,
                        struct ds_error *err)
{
    struct sqlite_rows *s = (struct sqlite_rows *)r;
    const struct dsi_sqlite_call call = call_for(s, TOUCH, name);
    return change_one(s, &call, name, err);
}

static int sqlite_rename(struct dsi_rows *r, const struct dsi_table_name *from,
                         const struct dsi_table_name *to, struct ds_error *err)
{
    struct sqlite_rows *s = (struct sqlite_rows *)r;
    struct dsi_sqlite_call call = call_of(s, RENAME);

    const char *args[] = {to->ns, to->name, s->name, from->ns, from->name};
    memcpy(call.args, args, sizeof args);
    call.arg_count = 5;
    int rc = change_one(s, &call, from, err);
    return rc == DS_EEXISTS ? already_there(to, err) : rc;
}

static int sqlite_remove(struct dsi_rows *r, const struct dsi_table_name *name,
                         struct ds_error *err)
{
    struct sqlite_rows *s = (struct sqlite_rows *)r;
    const struct dsi_sqlite_call call = call_for(s, REMOVE, name);
    return change_one(s, &call, name, err);
}

// The rows of a question, as pairs of texts in the arena; columns that are NULL, or not
// there, are "".
struct pair {
    const char *first;
    const char *second;
};

static int pairs(struct sqlite_rows *s, const struct dsi_sqlite_call *call, int columns,
                 struct dsi_arena *arena, struct pair **out, size_t *count,
                 struct ds_error *err)
{
    sqlite3_stmt *statement = NULL;
    struct pair *list = NULL;
    int rc = DS_OK;

    *count = 0;
    DSI_TRY(dsi_sqlite_start(&s->connection, call, &statement, err));
    for (;;) {
        DSI_TRY(dsi_sqlite_step(&s->connection, statement, err));
        if (rc == DS_OK) {
            break;
        }
        list = dsi_arena_grow(arena, list, *count, sizeof *list);
        const char *first = dsi_sql()->column_text(statement, 0);
        const char *second = columns > 1 ? dsi_sql()->column_text(statement, 1) : "";
        if (list) {
            list[*count].first = dsi_arena_strdup(arena, first ? first : "");
            list[*count].second = dsi_arena_strdup(arena, second ? second : "");
        }
        if (!list || !list[*count].first || !list[*count].second) {
            rc = dsi_no_memory(err, s->path);
            goto done;
        }
        ++*count;
    }
    *out = list;
done:
    dsi_sqlite_end(statement);
    return rc;
}

static int sqlite_tables(struct dsi_rows *r, const char *ns, struct dsi_arena *arena,
                         struct dsi_table_name **out, size_t *count, struct ds_error *err)
{
    struct sqlite_rows *s = (struct sqlite_rows *)r;
    struct dsi_sqlite_call call = call_of(s, ns ? TABLES_IN : TABLES);
    struct pair *found = NULL;

    call.args[call.arg_count++] = s->name;
    if (ns) {
        call.args[call.arg_count++] = ns;
    }
    int rc = pairs(s, &call, 2, arena, &found, count, err);
    if (rc < 0) {
        return rc;
    }
    *out = dsi_arena_array(arena, *count, sizeof **out);
    if (!*out) {
        return dsi_no_memory(err, s->path);
    }
    for (size_t i = 0; i < *count; i++) {
        (*out)[i] = (struct dsi_table_name){found[i].first, found[i].second};
    }
    return DS_OK;
}

static int sqlite_namespaces(struct dsi_rows *r, struct dsi_arena *arena, char ***out,
                             size_t *count, struct ds_error *err)
{
    struct sqlite_rows *s = (struct sqlite_rows *)r;
    struct dsi_sqlite_call call = call_of(s, NAMESPACES);
    struct pair *found = NULL;

    call.args[0] = s->name;
    call.args[1] = s->name;
    call.arg_count = 2;
    int rc = pairs(s, &call, 1, arena, &found, count, err);
    if (rc < 0) {
        return rc;
    }
    *out = dsi_arena_array(arena, *count, sizeof **out);
    if (!*out) {
        return dsi_no_memory(err, s->path);
    }
    for (size_t i = 0; i < *count; i++) {
        (*out)[i] = dsi_arena_strdup(arena, found[i].first); // The caller cuts it.
        if (!(*out)[i]) {
            return dsi_no_memory(err, s->path);
        }
    }
    return DS_OK;
}

static int sqlite_properties(struct dsi_rows *r, const char *ns, struct dsi_arena *arena,
                             struct ds_properties *out, struct ds_error *err)
{
    struct sqlite_rows *s = (struct sqlite_rows *)r;
    struct dsi_sqlite_call call = call_of(s, PROPERTIES);
    struct pair *found = NULL;
    size_t count = 0;

    call.args[0] = s->name;
    call.args[1] = ns;
    call.arg_count = 2;
    int rc = pairs(s, &call, 2, arena, &found, &count, err);
    if (rc < 0) {
        return rc;
    }
    struct ds_property *items = dsi_arena_array(arena, count, sizeof *items);
    if (!items) {
        return dsi_no_memory(err, s->path);
    }
    for (size_t i = 0; i < count; i++) {
        items[i] = (struct ds_property){found[i].first, found[i].second};
    }
    *out = (struct ds_properties){items, count};
    return DS_OK;
}

static int sqlite_set_property(struct dsi_rows *r, const char *ns, const char *key,
                               const char *value, struct ds_error *err)
{
    struct sqlite_rows *s = (struct sqlite_rows *)r;
    struct dsi_sqlite_call call = call_of(s, value ? SET_PROPERTY : REMOVE_PROPERTY);

    call.args[call.arg_count++] = s->name;
    call.args[call.arg_count++] = ns;
    call.args[call.arg_count++] = key;
    if (value) {
        call.args[call.arg_count++] = value;
    }
    return dsi_sqlite_run(&s->connection, &call, NULL, err);
}

static int sqlite_remove_properties(struct dsi_rows *r, const char *ns,
                                    struct ds_error *err)
{
    struct sqlite_rows *s = (struct sqlite_rows *)r;
    struct dsi_sqlite_call call = call_of(s, REMOVE_PROPERTIES);

    call.args[0] = s->name;
    call.args[1] = ns;
    call.arg_count = 2;
    return dsi_sqlite_run(&s->connection, &call, NULL, err);
}

static void sqlite_free(struct dsi_rows *r)
{
    struct sqlite_rows *s = (struct sqlite_rows *)r;

    const bool entered = dsi_fork_enter(NULL) == DS_OK;
    dsi_sqlite_close(&s->connection);
    if (entered) {
        dsi_fork_leave();
    }
    dsi_sqlite_seen_forget(&s->seen);
    dsi_mutex_free(s->mutex);
    dsi_free(s->path);
    dsi_free(s->name);
    dsi_free(s);
}

static const struct dsi_rows_ops sqlite_ops = {
    .kind = "an sqlite catalog",
    .begin = sqlite_begin,
    .commit = sqlite_commit,
    .rollback = sqlite_rollback,
    .find = sqlite_find,
    .insert = sqlite_insert,
    .update = sqlite_update,
    .touch = sqlite_touch,
    .rename = sqlite_rename,
    .remove = sqlite_remove,
    .tables = sqlite_tables,
    .namespaces = sqlite_namespaces,
    .properties = sqlite_properties,
    .set_property = sqlite_set_property,
    .remove_properties = sqlite_remove_properties,
    .free = sqlite_free,
};

int dsi_rows_sqlite_new(const char *path, const char *name, int64_t busy_timeout_ns,
                        struct dsi_rows **out, struct ds_error *err)
{
    struct sqlite_rows *s = dsi_calloc(1, sizeof *s);
    int rc = DS_OK;

    assert(path[0] == '/');
    *out = NULL;
    if (!s) {
        return dsi_no_memory(err, path);
    }
    s->base.ops = &sqlite_ops;
    s->path = dsi_strdup(path);
    s->name = name ? dsi_strdup(name) : NULL;
    if (!s->path || (name && !s->name)) {
        rc = dsi_no_memory(err, path);
        goto done;
    }
    s->connection.path = s->path;
    s->connection.busy_ns = busy_timeout_ns;
    DSI_TRY(dsi_mutex_new(&s->mutex, err));
    DSI_TRY(make_ready(s, err)); // So that a wrong file is refused here.
    *out = &s->base;
    s = NULL;
done:
    if (s) {
        sqlite_free(&s->base);
    }
    return rc;
}
