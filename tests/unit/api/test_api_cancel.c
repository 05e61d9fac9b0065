// Cancelling through the public calls, and between processes that commit to one table.
#include <errno.h>
#include <signal.h>
#include <sqlite3.h>
#include <stddef.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cancel_asks.h"
#include "storage_root.h"
#include "unit/api/fixture.h"

#define MS INT64_C(1000000)

// A batch out of CSV.
static int csv_array(const char *csv, struct ArrowSchema *schema, struct ArrowArray *out)
{
    struct ds_rows_options options = {.struct_size = sizeof options,
                                      .format = DS_ROWS_CSV,
                                      .read = fixture_read,
                                      .read_arg = &csv,
                                      .schema = schema};
    ds_rows *rows = NULL;
    int rc = ds_rows_open(&options, &rows, NULL);
    rc = rc < 0 ? rc : ds_rows_next(rows, out, NULL);
    ds_rows_free(rows);
    return rc == DS_ROW ? 0 : EIO;
}

static void keep(struct ArrowSchema *schema)
{
    schema->release = NULL; // It is the stream's, which outlives what it gives.
}

// A stream of `count` batches of one CSV row each.
struct rows {
    struct ArrowSchema schema;
    int left;
};

static int rows_schema(struct ArrowArrayStream *s, struct ArrowSchema *out)
{
    const struct rows *r = s->private_data;
    *out = r->schema;
    out->release = keep;
    return 0;
}

static int rows_next(struct ArrowArrayStream *s, struct ArrowArray *out)
{
    struct rows *r = s->private_data;
    *out = (struct ArrowArray){0};
    return r->left-- > 0 ? csv_array("id,s\n7,x\n", &r->schema, out) : 0;
}

static const char *rows_error(struct ArrowArrayStream *s)
{
    (void)s;
    return NULL;
}

static void rows_release(struct ArrowArrayStream *s)
{
    struct rows *r = s->private_data;
    r->schema.release(&r->schema);
    s->release = NULL;
}

static struct ArrowArrayStream stream_of(ds_table *table, struct rows *r, int count)
{
    *r = (struct rows){.left = count};
    assert_int_equal(ds_table_schema(table, &r->schema, NULL), DS_OK);
    return (struct ArrowArrayStream){rows_schema, rows_next, rows_error, rows_release, r};
}

static struct ds_commit_options asking(struct asks *asks)
{
    return (struct ds_commit_options){.struct_size = sizeof(struct ds_commit_options),
                                      .cancelled = asks_cancelled,
                                      .cancelled_arg = asks};
}

static void test_api_cancel__an_append_ends_at_any_question(void **state)
{
    unsigned cancelled = 0;
    struct asks asks = {.said_ns = 1};
    (void)state;
    for (unsigned at = 1; asks.said_ns != 0; at++) {
        struct fixture f;
        struct rows rows;
        struct ds_commit_result r = {.struct_size = sizeof r};
        fixture_init(&f, NULL);
        asks = (struct asks){.yes_at = at};
        struct ds_commit_options o = asking(&asks);
        struct ArrowArrayStream stream = stream_of(f.table, &rows, 3);
        int rc = ds_table_append(f.table, &stream, &o, &r, &f.err);
        assert_null(stream.release);
        if (asks.said_ns != 0) {
            assert_int_equal(rc, DS_ECANCELLED);
            assert_int_equal(r.outcome, DS_NOT_COMMITTED);
            cancelled++;
        } else {
            assert_int_equal(rc, DS_OK);
        }
        assert_int_equal(fixture_count(&f, NULL), asks.said_ns != 0 ? 0 : 3);
        fixture_release(&f);
    }
    assert_true(cancelled > 5); // Between batches, and before the swap.
}

static void test_api_cancel__every_call_that_commits_asks(void **state)
{
    static const struct ds_property items[] = {{"a", "b"}};
    static const struct ds_properties properties = {items, 1};
    struct asks asks = {.yes_at = 1};
    struct ds_commit_options o = asking(&asks);
    struct ds_commit_result r = {.struct_size = sizeof r};
    struct fixture f;
    ds_txn *txn = NULL;
    (void)state;
    fixture_init(&f, NULL);
    assert_int_equal(ds_table_set_properties(f.table, &properties, &o, &r, &f.err),
                     DS_ECANCELLED);
    assert_int_equal(r.outcome, DS_NOT_COMMITTED);
    asks = (struct asks){.yes_at = 0};
    assert_int_equal(ds_txn_begin(f.table, &o, &txn, &f.err), DS_OK);
    assert_int_equal(fixture_add(txn, f.table, "id,s\n1,a\n", &f.err), DS_OK);
    asks = (struct asks){.yes_at = 1};
    assert_int_equal(ds_txn_commit(txn, &r, &f.err), DS_ECANCELLED);
    ds_txn_free(txn);
    assert_int_equal(fixture_count(&f, NULL), 0);
    fixture_append(&f, "id,s\n1,a\n"); // The handle is as good as before.
    assert_int_equal(fixture_count(&f, NULL), 1);
    fixture_release(&f);
}

static int keep_path(void *arg, const struct ds_file_entry *file)
{
    snprintf(arg, 600, "%s", file->path);
    return DS_OK;
}

// Five files of a row each; or none but one, which was taken out again.
static void fill(struct fixture *f, bool taken_out, char path[600])
{
    ds_txn *txn = NULL;

    for (int i = 0; i < (taken_out ? 1 : 5); i++) {
        fixture_append(f, "id,s\n1,a\n");
    }
    assert_int_equal(ds_table_files(f->table, NULL, keep_path, path, &f->err), DS_OK);
    if (taken_out) {
        assert_int_equal(ds_txn_begin(f->table, NULL, &txn, &f->err), DS_OK);
        assert_int_equal(
            ds_txn_delete_files(txn, &(const char *){path}, 1, NULL, &f->err), DS_OK);
        assert_int_equal(ds_txn_commit(txn, NULL, &f->err), DS_OK);
        ds_txn_free(txn);
    }
}

enum long_call { OPTIMIZE, DELETE_FILES, ADD_FILES, EXPIRE };

// *committed: also of a call that was cancelled between its commits.
static int call_long(struct fixture *f, enum long_call call, const char *path,
                     struct asks *asks, bool *committed)
{
    struct ds_optimize_result result = {.struct_size = sizeof result};
    struct ds_optimize_options limits = {
        .struct_size = sizeof limits, .cancelled = asks_cancelled, .cancelled_arg = asks};
    struct ds_new_file file = {.struct_size = sizeof file, .path = path};
    struct ds_commit_options o = asking(asks);
    ds_txn *txn = NULL;
    int rc = DS_OK;

    if (call == OPTIMIZE) {
        rc = ds_table_optimize(f->table, &limits, &result, &f->err);
        *committed = result.commits > 0;
        return rc;
    }
    rc = ds_txn_begin(f->table, &o, &txn, &f->err);
    if (rc == DS_OK) {
        rc = call == ADD_FILES ? ds_txn_add_files(txn, &file, 1, &f->err)
             : call == EXPIRE  ? ds_txn_expire_snapshots(txn, INT64_MAX, 1, &f->err)
                               : ds_txn_delete_files(txn, &path, 1, NULL, &f->err);
    }
    rc = rc < 0 ? rc : ds_txn_commit(txn, NULL, &f->err);
    ds_txn_free(txn);
    *committed = rc == DS_OK;
    return rc;
}

// What there is to see of such a call that is done.
static int64_t trace_of(struct fixture *f, enum long_call call)
{
    struct ds_table_info info = {.struct_size = sizeof info};
    struct ds_optimize_result r = {.struct_size = sizeof r};

    if (call == DELETE_FILES || call == ADD_FILES) {
        return fixture_count(f, NULL);
    }
    if (call == OPTIMIZE) { // What is left to do.
        assert_int_equal(ds_table_optimize(f->table, NULL, &r, &f->err), DS_OK);
        return (int64_t)r.files;
    }
    assert_int_equal(ds_table_info(f->table, &info, &f->err), DS_OK);
    return (int64_t)info.snapshot_count;
}

static void test_api_cancel__long_calls_end_at_any_question(void **state)
{
    static const struct {
        enum long_call call;
        int64_t before, after;
        unsigned least;                // So often it is asked.
    } trials[] = {{OPTIMIZE, 5, 0, 7}, // Each file is one.
                  {DELETE_FILES, 5, 4, 7},
                  {ADD_FILES, 0, 1, 4},
                  {EXPIRE, 5, 1, 2}};
    (void)state;
    for (size_t i = 0; i < sizeof trials / sizeof *trials; i++) {
        struct asks asks = {.said_ns = 1};
        unsigned cancelled = 0;
        for (unsigned at = 1; asks.said_ns != 0; at++) {
            struct fixture f;
            char path[600];
            fixture_init(&f, NULL);
            fill(&f, trials[i].call == ADD_FILES, path);
            asks = (struct asks){.yes_at = at};
            bool committed = false;
            int rc = call_long(&f, trials[i].call, path, &asks, &committed);
            assert_int_equal(rc, asks.said_ns != 0 ? DS_ECANCELLED : DS_OK);
            assert_int_equal(trace_of(&f, trials[i].call),
                             committed ? trials[i].after : trials[i].before);
            cancelled += !committed;
            fixture_release(&f);
        }
        print_message("%d: asked %u times\n", (int)trials[i].call, cancelled);
        assert_true(cancelled >= trials[i].least);
    }
}

// Whoever was built before there was such a thing is not asked.
// Another connection holds the database of a catalog: what only looks at it waits, and
// ends when the thread's scope says so.
static void test_api_cancel__a_thread_cancels_what_has_no_options(void **state)
{
    struct storage_root r;
    struct asks asks = {0};
    struct ds_cancel_scope scope = {.cancelled = asks_cancelled, .arg = &asks};
    struct ds_cancel_scope none = {0};
    struct ds_error err = {0};
    ds_catalog *catalog = NULL;
    ds_table *table = NULL;
    sqlite3 *holder = NULL;
    char path[1024];
    char uri[1040];
    (void)state;
    assert_true(storage_root_make(&r, "file"));
    snprintf(path, sizeof path, "%s/c.db", r.dir);
    snprintf(uri, sizeof uri, "sqlite:%s", path);
    assert_int_equal(ds_catalog_open(uri, NULL, &catalog, &err), DS_OK);
    assert_int_equal(ds_catalog_open_table(catalog, "a.b", &table, &err), DS_ENOTFOUND);
    assert_int_equal(sqlite3_open(path, &holder), SQLITE_OK);
    assert_int_equal(sqlite3_exec(holder, "BEGIN EXCLUSIVE", NULL, NULL, NULL),
                     SQLITE_OK);
    asks.after_ns = asks_now_ns() + 50 * MS;
    ds_cancel_begin(&scope);
    ds_cancel_begin(&none); // Asks nobody, and hides nobody.
    assert_int_equal(ds_catalog_open_table(catalog, "a.b", &table, &err), DS_ECANCELLED);
    assert_true(asks_now_ns() - asks.said_ns < 5000 * MS);
    ds_catalog_free(catalog);
    assert_int_equal(ds_catalog_open(uri, NULL, &catalog, &err), DS_ECANCELLED);
    ds_cancel_end(&none);
    ds_cancel_end(&scope);
    assert_int_equal(sqlite3_close(holder), SQLITE_OK);
    // Nobody is asked any more, and nothing stayed held.
    assert_int_equal(ds_catalog_open(uri, NULL, &catalog, &err), DS_OK);
    assert_int_equal(ds_catalog_open_table(catalog, "a.b", &table, &err), DS_ENOTFOUND);
    ds_catalog_free(catalog);
    storage_root_remove(&r);
}

static void test_api_cancel__options_of_an_older_caller_have_no_such_thing(void **state)
{
    struct asks asks = {.yes_at = 1};
    struct ds_commit_options o = asking(&asks);
    struct fixture f;
    struct rows rows;
    (void)state;
    fixture_init(&f, NULL);
    o.struct_size = offsetof(struct ds_commit_options, cancelled);
    struct ArrowArrayStream stream = stream_of(f.table, &rows, 1);
    assert_int_equal(ds_table_append(f.table, &stream, &o, NULL, &f.err), DS_OK);
    assert_int_equal(asks.count, 0);
    fixture_release(&f);
}

static void test_api_cancel__resolves_with_options(void **state)
{
    struct asks asks = {.yes_at = 1};
    struct ds_commit_options o = asking(&asks);
    struct ds_commit_result r = {.struct_size = sizeof r};
    struct ds_commit_result answer = {.struct_size = sizeof answer};
    struct fixture f;
    struct rows rows;
    (void)state;
    fixture_init(&f, NULL);
    struct ArrowArrayStream stream = stream_of(f.table, &rows, 1);
    assert_int_equal(ds_table_append(f.table, &stream, NULL, &r, &f.err), DS_OK);
    assert_int_equal(ds_table_resolve_with(f.table, r.identity, &o, &answer, &f.err),
                     DS_OK); // It is there: nothing to wait for.
    assert_int_equal(answer.outcome, DS_COMMITTED);
    assert_int_equal(ds_table_resolve_with(f.table,
                                           "00000000-0000-7000-8000-000000000000", &o,
                                           &answer, &f.err),
                     DS_EUNKNOWN);
    assert_int_equal(answer.outcome, DS_UNKNOWN);
    assert_int_equal(ds_table_resolve_with(f.table,
                                           "00000000-0000-7000-8000-000000000000", NULL,
                                           &answer, &f.err),
                     DS_OK);
    assert_int_equal(answer.outcome, DS_NOT_COMMITTED);
    o.timeout_ms = -1;
    assert_int_equal(ds_table_resolve_with(f.table, "x", &o, NULL, &f.err), DS_EINVALID);
    assert_int_equal(ds_table_resolve_with(NULL, "x", NULL, NULL, &f.err), DS_EINVALID);
    fixture_release(&f);
}

// ---- Processes ------------------------------------------------------------------------

static struct storage_root root;
static char location[600];

static int make(void **state)
{
    struct ds_table_spec spec = {.struct_size = sizeof spec,
                                 .schema_json = FIXTURE_SCHEMA};
    ds_table *table = NULL;
    (void)state;
    if (!storage_root_make(&root, "file")) {
        return -1;
    }
    snprintf(location, sizeof location, "%s/t", root.dir);
    int rc = ds_table_create(location, &spec, &table, NULL);
    ds_table_free(table);
    return rc;
}

static int end(void **state)
{
    (void)state;
    storage_root_remove(&root);
    return 0;
}

// Stops its process instead of saying yes.
static bool stop_here(void *arg)
{
    if (asks_cancelled(arg)) {
        raise(SIGSTOP);
    }
    return false;
}

static int append_id(ds_table *table, const char *csv, struct ds_commit_options *o,
                     struct ds_commit_result *r, struct ds_error *err)
{
    ds_txn *txn = NULL;
    int rc = ds_txn_begin(table, o, &txn, err);
    rc = rc < 0 ? rc : fixture_add(txn, table, csv, err);
    rc = rc < 0 ? rc : ds_txn_commit(txn, r, err);
    ds_txn_free(txn);
    return rc;
}

static int64_t count_where(const char *filter)
{
    struct ds_scan_options o = {.struct_size = sizeof o, .filter = filter};
    ds_table *table = NULL;
    int64_t rows = -1;
    assert_int_equal(ds_table_open(location, &table, NULL), DS_OK);
    assert_int_equal(ds_table_count(table, &o, &rows, NULL, NULL), DS_OK);
    ds_table_free(table);
    return rows;
}

// A leader is stopped at its n-th question, wherever that is, and a follower cancels.
static void test_api_cancel__while_a_leader_is_stopped_anywhere(void **state)
{
    unsigned stopped = 0;
    (void)state;
    for (unsigned at = 1;; at++) {
        struct asks leaders = {.yes_at = at};
        struct ds_commit_options leads = asking(&leaders);
        struct ds_commit_result r = {.struct_size = sizeof r};
        struct ds_error err = {0};
        ds_table *table = NULL;
        char csv[64];
        int status = 0;
        pid_t child = fork();
        if (child == 0) {
            leads.cancelled = stop_here;
            _exit(ds_table_open(location, &table, &err) == DS_OK &&
                          append_id(table, "id,s\n1,a\n", &leads, NULL, &err) == DS_OK
                      ? 0
                      : 1);
        }
        assert_int_equal(waitpid(child, &status, WUNTRACED), child);
        if (!WIFSTOPPED(status)) {
            assert_int_equal(status, 0);
            assert_int_equal(count_where("id = 1"), at);
            break;
        }
        stopped++;
        assert_int_equal(ds_table_open(location, &table, &err), DS_OK);
        struct asks asks = {.after_ns = asks_now_ns() + 100 * MS};
        struct ds_commit_options o = asking(&asks);
        snprintf(csv, sizeof csv, "id,s\n%u,b\n", 100 + at);
        int rc = append_id(table, csv, &o, &r, &err);
        int64_t took = asks_now_ns() - asks.said_ns;
        print_message("stopped at %u: %d (%s), %lld ms after it cancelled\n", at, rc,
                      err.message, asks.said_ns ? (long long)(took / MS) : -1);
        assert_true(rc == DS_OK || rc == DS_ECANCELLED || rc == DS_EUNKNOWN);
        assert_true(asks.said_ns == 0 || took < 100 * MS);
        kill(child, SIGCONT);
        assert_int_equal(waitpid(child, &status, 0), child);
        assert_int_equal(status, 0);
        if (rc == DS_EUNKNOWN) {
            assert_int_equal(ds_table_resolve(table, r.identity, 1000, &r, &err), DS_OK);
        }
        ds_table_free(table);
        snprintf(csv, sizeof csv, "id = %u", 100 + at);
        assert_int_equal(count_where(csv), r.outcome == DS_COMMITTED);
        assert_int_equal(count_where("id = 1"), at);
    }
    assert_true(stopped > 3);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_api_cancel__an_append_ends_at_any_question),
        cmocka_unit_test(test_api_cancel__every_call_that_commits_asks),
        cmocka_unit_test(test_api_cancel__long_calls_end_at_any_question),
        cmocka_unit_test(test_api_cancel__a_thread_cancels_what_has_no_options),
        cmocka_unit_test(test_api_cancel__options_of_an_older_caller_have_no_such_thing),
        cmocka_unit_test(test_api_cancel__resolves_with_options),
        cmocka_unit_test_setup_teardown(
            test_api_cancel__while_a_leader_is_stopped_anywhere, make, end),
    };
    return cmocka_run_group_tests_name("api_cancel", tests, NULL, NULL);
}
