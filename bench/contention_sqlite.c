// Writers on one SQLite database, a process each: the floor, and the plain alternative.
//
//   contention_sqlite FOLDER swap|rollback|wal WRITERS ROWS APPENDS SECONDS GRACE
//
// `swap` is the bare compare-and-swap that every table format on a SQL catalog ends with:
// read a value, then UPDATE it if it is still the same, until that succeeds; no rows.
// `rollback` and `wal` INSERT the rows, one transaction for each append, in a rollback
// journal with synchronous=FULL as our catalog uses it, or in WAL with synchronous=FULL.
// All are durable when acknowledged. The database is FOLDER/plain.db.
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "contention_record.h"
#include "contention_run.h"

enum { PATH_SIZE = 4096, BUSY_MS = 60000, SQL_SIZE = 256 };

static const char *mode;

struct writer {
    sqlite3 *db;
    sqlite3_stmt *begin;
    sqlite3_stmt *work; // INSERT, or the UPDATE of a swap.
    sqlite3_stmt *read;
    sqlite3_stmt *commit;
    struct record_messages messages[RECORD_VARIANTS];
};

static void sql(sqlite3 *db, const char *text)
{
    if (sqlite3_exec(db, text, NULL, NULL, NULL) != SQLITE_OK) {
        run_die(text, sqlite3_errmsg(db));
    }
}

static sqlite3 *open_database(const struct run *run)
{
    char path[PATH_SIZE];
    sqlite3 *db = NULL;

    snprintf(path, sizeof path, "%s/plain.db", run->folder);
    if (sqlite3_open(path, &db) != SQLITE_OK) {
        run_die(path, sqlite3_errmsg(db));
    }
    sqlite3_busy_timeout(db, BUSY_MS);
    sql(db, strcmp(mode, "wal") == 0 ? "PRAGMA journal_mode=WAL"
                                     : "PRAGMA journal_mode=PERSIST");
    sql(db, "PRAGMA synchronous=FULL");
    return db;
}

static void make_tables(const struct run *run)
{
    sqlite3 *db = open_database(run);
    sql(db, "CREATE TABLE lines (ts INTEGER, level TEXT, component TEXT, block INTEGER, "
            "message TEXT)");
    sql(db, "CREATE TABLE head (name TEXT PRIMARY KEY, version INTEGER)");
    sql(db, "INSERT INTO head VALUES ('lines', 0)");
    sqlite3_close(db);
}

static sqlite3_stmt *prepared(sqlite3 *db, const char *text)
{
    sqlite3_stmt *s = NULL;
    if (sqlite3_prepare_v2(db, text, -1, &s, NULL) != SQLITE_OK) {
        run_die(text, sqlite3_errmsg(db));
    }
    return s;
}

static void *open_writer(const struct run *run, int number)
{
    struct writer *w = calloc(1, sizeof *w);

    if (!w) {
        run_die("memory", NULL);
    }
    w->db = open_database(run);
    record_messages_init(w->messages, number, run->rows);
    if (strcmp(mode, "swap") == 0) {
        w->read = prepared(w->db, "SELECT version FROM head WHERE name = 'lines'");
        w->work = prepared(w->db, "UPDATE head SET version = ?1 + 1 WHERE name = 'lines' "
                                  "AND version = ?1");
    } else {
        w->begin = prepared(w->db, "BEGIN IMMEDIATE");
        w->work = prepared(w->db, "INSERT INTO lines VALUES (?1, ?2, ?3, ?4, ?5)");
        w->commit = prepared(w->db, "COMMIT");
    }
    return w;
}

static bool step(sqlite3_stmt *s)
{
    int rc = sqlite3_step(s);
    sqlite3_reset(s);
    return rc == SQLITE_DONE;
}

static int64_t failed(struct writer *w, int64_t tries, char why[RUN_WHY_SIZE])
{
    snprintf(why, RUN_WHY_SIZE, "%s", sqlite3_errmsg(w->db));
    if (!sqlite3_get_autocommit(w->db)) {
        sqlite3_exec(w->db, "ROLLBACK", NULL, NULL, NULL);
    }
    return -tries;
}

static int64_t swap(struct writer *w, char why[RUN_WHY_SIZE])
{
    for (int64_t tries = 1;; tries++) {
        if (sqlite3_step(w->read) != SQLITE_ROW) {
            sqlite3_reset(w->read);
            return failed(w, tries, why);
        }
        int64_t version = sqlite3_column_int64(w->read, 0);
        sqlite3_reset(w->read);
        sqlite3_bind_int64(w->work, 1, version);
        if (!step(w->work)) {
            return failed(w, tries, why);
        }
        if (sqlite3_changes(w->db) == 1) {
            return tries;
        }
    }
}

static int64_t insert(struct writer *w, int rows, int64_t append, char why[RUN_WHY_SIZE])
{
    const struct record_messages *m = &w->messages[append % RECORD_VARIANTS];

    if (!step(w->begin)) {
        return failed(w, 1, why);
    }
    for (int i = 0; i < rows; i++) {
        sqlite3_bind_int64(w->work, 1, record_ts(append, i));
        sqlite3_bind_text(w->work, 2, RECORD_LEVEL, -1, SQLITE_STATIC);
        sqlite3_bind_text(w->work, 3, RECORD_COMPONENT, -1, SQLITE_STATIC);
        sqlite3_bind_int64(w->work, 4, record_block(append, i));
        sqlite3_bind_text(w->work, 5, m->bytes + m->ends[i], m->ends[i + 1] - m->ends[i],
                          SQLITE_STATIC);
        if (!step(w->work)) {
            return failed(w, 1, why);
        }
    }
    return step(w->commit) ? 1 : failed(w, 1, why);
}

static int64_t append_rows(void *state, const struct run *run, int64_t append,
                           char why[RUN_WHY_SIZE])
{
    struct writer *w = state;
    return w->read ? swap(w, why) : insert(w, run->rows, append, why);
}

static void close_writer(void *state)
{
    struct writer *w = state;
    sqlite3_finalize(w->begin);
    sqlite3_finalize(w->work);
    sqlite3_finalize(w->read);
    sqlite3_finalize(w->commit);
    sqlite3_close(w->db);
    record_messages_release(w->messages);
    free(w);
}

int main(int argc, char **argv)
{
    static const struct run_ops ops = {make_tables, open_writer, append_rows,
                                       close_writer};
    struct run run = {0};

    if (argc < 3 || !run_arguments(argc - 3, argv + 3, &run)) {
        fprintf(stderr,
                "usage: contention_sqlite FOLDER swap|rollback|wal " RUN_USAGE "\n");
        return 2;
    }
    run.folder = argv[1];
    mode = argv[2];
    return run_writers(&run, &ops);
}
