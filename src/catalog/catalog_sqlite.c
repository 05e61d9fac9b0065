#include "catalog/catalog_sqlite.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "base/cancel.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/log.h"
#include "base/random.h"
#include "base/trouble.h"
#include "storage/storage_posix.h"

#define PAUSE_LEAST_NS INT64_C(50000)
#define PAUSE_MOST_NS INT64_C(20000000)

// Of a wait that nobody watches.
#define WARN_FROM_NS INT64_C(2000000000)
#define WARN_EVERY_NS INT64_C(10000000000)

// From this version on, WAL no longer loses writes when a checkpoint meets a reset.
#define WAL_FIXED 3051003

// How long a COMMIT is tried again before the transaction gives way.
#define COMMIT_HOLD_NS INT64_C(100000000)

enum { SLOT_BEGIN, SLOT_COMMIT, SLOT_ROLLBACK, SLOT_ONCE };

static int primary(int code)
{
    return code & 0xff;
}

static bool is_busy(int code)
{
    return primary(code) == SQLITE_BUSY || primary(code) == SQLITE_LOCKED;
}

// SQLite opens a journal that it may not write for reading, and finds out by an I/O error
// that would be the same for ever. The journal stays, so its mode may be older than the
// database's.
static bool is_journal_denied(const struct dsi_sqlite *c)
{
    char journal[1024]; // SQLite's own limit of a path is half of that.

    snprintf(journal, sizeof journal, "%s-journal", c->path);
    int fd = dsi_posix()->open(journal, O_WRONLY | O_CLOEXEC, 0);
    if (fd >= 0) {
        dsi_posix()->close(fd);
    }
    return fd == -EACCES || fd == -EPERM || fd == -EROFS;
}

static int fail(struct dsi_sqlite *c, int code, const char *what, struct ds_error *err)
{
    static const struct {
        int code;
        int status;
    } map[] = {
        {SQLITE_NOMEM, DS_ENOMEM},       {SQLITE_FULL, DS_ENOSPACE},
        {SQLITE_READONLY, DS_EDENIED},   {SQLITE_PERM, DS_EDENIED},
        {SQLITE_AUTH, DS_EDENIED},       {SQLITE_CORRUPT, DS_ECORRUPT},
        {SQLITE_NOTADB, DS_ECORRUPT},    {SQLITE_ERROR, DS_ECORRUPT},
        {SQLITE_CONSTRAINT, DS_EEXISTS},
    };
    int status = DS_EIO;

    for (size_t i = 0; i < sizeof map / sizeof map[0]; i++) {
        if (primary(code) == map[i].code) {
            status = map[i].status;
        }
    }
    if (primary(code) == SQLITE_IOERR && is_journal_denied(c)) {
        return dsi_fail(err, DS_EDENIED,
                        "%s: %s: you may not write %s-journal; give it the owner and "
                        "the mode of the database",
                        c->path, what, c->path);
    }
    if (status == DS_ECORRUPT) {
        return dsi_corrupt(err, "%s: %s: %s", c->path, what,
                           c->db ? dsi_sql()->errmsg(c->db) : "not opened");
    }
    return dsi_fail(err, status, "%s: %s: %s (SQLite code %d)%s", c->path, what,
                    c->db ? dsi_sql()->errmsg(c->db) : "not opened", code,
                    primary(code) == SQLITE_CANTOPEN
                        ? "; is its directory there, and may you write to it?"
                        : "");
}

// Who keeps others waiting, looked up once a second. A database in WAL mode is locked by
// way of another file.
static const char *holder(struct dsi_sqlite *c)
{
    int64_t now = dsi_clock_monotonic_ns();
    char shared[1024]; // SQLite's own limit of a path is half of that.

    if (c->looked_ns == 0 || now - c->looked_ns >= DSI_TROUBLE_NS) {
        snprintf(shared, sizeof shared, "%s-shm", c->path);
        if (!dsi_holder_find(c->path, c->holder) && !dsi_holder_find(shared, c->holder)) {
            snprintf(c->holder, sizeof c->holder, "another connection");
        }
        c->looked_ns = now;
    }
    return c->holder;
}

// A wait of half a minute is not to look like nothing: where nobody listens, the log has
// a line now and then.
static void tell_busy(struct dsi_sqlite *c, int64_t waited_ns)
{
    struct ds_error why = {0};

    if (waited_ns < DSI_TROUBLE_NS) {
        return;
    }
    DSI_IGNORE(dsi_fail(&why, DS_EIO, "%s: %s has kept it locked for %lld ms so far",
                        c->path, holder(c), (long long)(waited_ns / 1000000)));
    int64_t now = dsi_clock_monotonic_ns();
    if (!dsi_trouble_tell(&why) && waited_ns >= WARN_FROM_NS && now >= c->warn_at_ns) {
        c->warn_at_ns = now + WARN_EVERY_NS;
        dsi_log(DS_LOG_WARN, "%s", why.message);
    }
}

// Waits a little; false when the budget is used up, or the caller has cancelled. `nth`
// counts the waits (2).
static bool pause_once(struct dsi_sqlite *c, int nth)
{
    int64_t left = c->deadline - dsi_clock_monotonic_ns();
    int64_t most = PAUSE_LEAST_NS << (nth < 10 ? nth : 10);

    if (left <= 0 || dsi_cancelled()) {
        return false;
    }
    tell_busy(c, c->busy_ns - left);
    most = most < PAUSE_MOST_NS ? most : PAUSE_MOST_NS;
    int64_t ns = (int64_t)dsi_random_below((uint64_t)most) + 1;
    dsi_sleep_ns(ns < left ? ns : left);
    return true;
}

static int still_busy(struct dsi_sqlite *c, struct ds_error *err)
{
    if (dsi_cancel_seen()) {
        return dsi_cancel_fail(err);
    }
    return dsi_fail(err, DS_EIO,
                    "%s: %s has kept it locked for %lld ms; try again later, or raise "
                    "busy-timeout-ms",
                    c->path, holder(c), (long long)(c->busy_ns / 1000000));
}

int dsi_sqlite_start(struct dsi_sqlite *c, const struct dsi_sqlite_call *call,
                     sqlite3_stmt **out, struct ds_error *err)
{
    sqlite3_stmt **kept = &c->statements[call->slot];
    int code = SQLITE_OK;

    assert(c->db && call->slot >= 0 && call->slot < DSI_SQLITE_SLOTS);
    *out = NULL;
    for (int nth = 0; !*kept; nth++) { // Preparing reads the schema, so it can be busy.
        code = dsi_sql()->prepare(c->db, call->sql, kept);
        if (code != SQLITE_OK && !is_busy(code)) {
            return fail(c, code, "preparing a statement", err);
        }
        if (code != SQLITE_OK && !pause_once(c, nth)) {
            return still_busy(c, err);
        }
    }
    code = SQLITE_OK;
    for (int i = 0; code == SQLITE_OK && i < call->arg_count; i++) {
        code = call->args[i] ? dsi_sql()->bind_text(*kept, i + 1, call->args[i])
                             : dsi_sql()->bind_null(*kept, i + 1);
    }
    if (code != SQLITE_OK) {
        return fail(c, code, "binding a parameter", err);
    }
    *out = *kept;
    return DS_OK;
}

int dsi_sqlite_step(struct dsi_sqlite *c, sqlite3_stmt *statement, struct ds_error *err)
{
    for (int nth = 0;; nth++) {
        int code = dsi_sql()->step(statement);
        if (code == SQLITE_ROW) {
            return DS_ROW;
        }
        if (code == SQLITE_DONE) {
            return DS_OK;
        }
        if (!is_busy(code)) {
            return fail(c, code, "running a statement", err);
        }
        dsi_sql()->reset(statement); // Busy comes before the first row: begin again.
        if (!pause_once(c, nth)) {
            return still_busy(c, err);
        }
    }
}

void dsi_sqlite_end(sqlite3_stmt *statement)
{
    if (statement) {
        dsi_sql()->reset(statement); // It gives the reader's lock back.
    }
}

int dsi_sqlite_run(struct dsi_sqlite *c, const struct dsi_sqlite_call *call, int *changes,
                   struct ds_error *err)
{
    sqlite3_stmt *statement = NULL;
    int rc = DS_OK;

    DSI_TRY(dsi_sqlite_start(c, call, &statement, err));
    do {
        DSI_TRY(dsi_sqlite_step(c, statement, err));
    } while (rc == DS_ROW);
    if (changes) {
        *changes = dsi_sql()->changes(c->db);
    }
done:
    dsi_sqlite_end(statement);
    return rc;
}

static void forget_statement(struct dsi_sqlite *c, int slot)
{
    if (c->statements[slot]) {
        dsi_sql()->finalize(c->statements[slot]);
        c->statements[slot] = NULL;
    }
}

void dsi_sqlite_close(struct dsi_sqlite *c)
{
    if (c->db && c->pid == dsi_posix()->getpid()) { // (3)
        for (int i = 0; i < DSI_SQLITE_SLOTS; i++) {
            forget_statement(c, i);
        }
        dsi_sql()->close(c->db);
    }
    memset(c->statements, 0, sizeof c->statements);
    c->db = NULL;
}

// Runs a statement that is not kept.
static int run_once(struct dsi_sqlite *c, const char *sql, struct ds_error *err)
{
    const struct dsi_sqlite_call call = {.slot = SLOT_ONCE, .sql = sql};
    int rc = dsi_sqlite_run(c, &call, NULL, err);
    forget_statement(c, SLOT_ONCE);
    return rc;
}

static int read_journal_mode(struct dsi_sqlite *c, struct ds_error *err)
{
    const struct dsi_sqlite_call call = {.slot = SLOT_ONCE, .sql = "PRAGMA journal_mode"};
    sqlite3_stmt *statement = NULL;
    int rc = DS_OK;

    DSI_TRY(dsi_sqlite_start(c, &call, &statement, err));
    DSI_TRY(dsi_sqlite_step(c, statement, err));
    if (rc == DS_ROW) {
        const char *mode = dsi_sql()->column_text(statement, 0);
        c->is_wal = mode && strcmp(mode, "wal") == 0;
    }
    rc = DS_OK;
done:
    dsi_sqlite_end(statement);
    forget_statement(c, SLOT_ONCE);
    return rc;
}

static int configure(struct dsi_sqlite *c, struct ds_error *err)
{
    int rc = DS_OK;

    DSI_TRY(read_journal_mode(c, err)); // (1)
    if (!c->is_wal) {
        DSI_TRY(run_once(c, "PRAGMA journal_mode=PERSIST", err));
    } else if (dsi_sql()->version() < WAL_FIXED) {
        dsi_log(DS_LOG_WARN,
                "%s is in WAL mode, in which this SQLite (%d) can lose writes when "
                "several connections write; switch it to journal_mode=DELETE",
                c->path, dsi_sql()->version());
    }
    DSI_TRY(run_once(c, "PRAGMA synchronous=FULL", err));
done:
    return rc;
}

int dsi_sqlite_ready(struct dsi_sqlite *c, bool *fresh, struct ds_error *err)
{
    const int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX |
                      SQLITE_OPEN_PRIVATECACHE;
    int pid = dsi_posix()->getpid();

    c->deadline = dsi_clock_monotonic_ns() + c->busy_ns;
    c->looked_ns = 0; // Who was in the way the last time may not be now.
    *fresh = false;
    if (c->db && c->pid == pid) {
        return DS_OK;
    }
    dsi_sqlite_close(c);
    c->pid = pid;
    int code = dsi_sql()->open(c->path, &c->db, flags);
    int rc = code == SQLITE_OK ? configure(c, err) : fail(c, code, "opening", err);
    if (rc < 0) {
        dsi_sqlite_close(c);
    }
    *fresh = rc == DS_OK;
    return rc;
}

int dsi_sqlite_begin(struct dsi_sqlite *c, struct ds_error *err)
{
    const struct dsi_sqlite_call call = {.slot = SLOT_BEGIN, .sql = "BEGIN IMMEDIATE"};
    return dsi_sqlite_run(c, &call, NULL, err);
}

void dsi_sqlite_rollback(struct dsi_sqlite *c)
{
    const struct dsi_sqlite_call call = {.slot = SLOT_ROLLBACK, .sql = "ROLLBACK"};

    if (c->db && !dsi_sql()->get_autocommit(c->db) &&
        dsi_sqlite_run(c, &call, NULL, NULL) < 0) {
        dsi_sqlite_close(c); // Whoever opens the database next rolls the journal back.
    }
}

int dsi_sqlite_commit(struct dsi_sqlite *c, struct ds_error *err)
{
    const struct dsi_sqlite_call call = {.slot = SLOT_COMMIT, .sql = "COMMIT"};
    sqlite3_stmt *statement = NULL;
    int64_t until = dsi_clock_monotonic_ns() + COMMIT_HOLD_NS;
    int rc = dsi_sqlite_start(c, &call, &statement, err);

    for (int nth = 0; rc == DS_OK; nth++) {
        int code = dsi_sql()->step(statement);
        dsi_sqlite_end(statement);
        if (code == SQLITE_DONE) {
            return DS_OK;
        }
        if (!is_busy(code)) {
            fail(c, code, "committing", err);
            dsi_sqlite_close(c); // After that nothing of it is on its way.
            return dsi_wrap(err, DS_EUNKNOWN, "no answer to a commit");
        }
        // A reader holds its lock. The transaction is still open: COMMIT again. But not
        // for long: a reader that waits to write itself will only let go when we do.
        if (dsi_clock_monotonic_ns() >= until) {
            rc = dsi_fail(err, DS_ECONFLICT,
                          "%s: a reader kept it from being written for %d ms", c->path,
                          (int)(COMMIT_HOLD_NS / 1000000));
        } else if (!pause_once(c, nth)) {
            rc = still_busy(c, err);
        }
    }
    dsi_sqlite_rollback(c);
    return rc;
}
