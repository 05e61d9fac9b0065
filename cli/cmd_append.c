#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/common.h"
#include "cli/input.h"
#include "cli/opt.h"
#include "cli/progress.h"
#include "cli/stop.h"

static const char *every;
static const char *delimiter;
static const char *identity;
static const char *branch;
static int64_t rows_each;
static bool fast;

static const struct opt options[] = {
    {"every", 0, OPT_TEXT, "TIME", "a commit each 1s, 500ms, 5m … while rows come in",
     &every},
    {"rows", 0, OPT_INT, "N", "also a commit after so many rows (with --every)",
     &rows_each},
    {"delimiter", 0, OPT_TEXT, "CHAR", "between the cells of CSV", &delimiter},
    {"identity", 0, OPT_TEXT, "UUID", "names the commit: run twice, it commits once",
     &identity},
    {"branch", 0, OPT_TEXT, "NAME", "the branch to append to (default main)", &branch},
    {"fast", 0, OPT_FLAG, NULL, "never merge manifests in this commit", &fast},
    {NULL, 0, OPT_FLAG, NULL, NULL, NULL}};

// One append, from the first row to the last.
struct job {
    const char *name; // The table's.
    ds_table *table;
    struct ArrowSchema schema; // The table's.
    enum input_format format;
    struct ds_commit_options commit;
    ds_txn *txn;
    uint64_t txn_rows;
    int64_t txn_deadline_ms; // -1: none.
    uint64_t rows_acked;
    uint64_t commits;
    int64_t every_ms; // -1: one commit for all.
    struct ds_error err;
};

static void print_result(const struct job *j, const struct ds_commit_result *r)
{
    if (common.json) {
        printf("{\"outcome\": \"%s\", \"snapshot_id\": %" PRId64 ", \"rows\": %" PRIu64
               ", \"files\": %" PRIu64 ", \"bytes\": %" PRIu64 ", \"attempts\": %u, "
               "\"conflicts\": %u, \"waited_us\": %" PRId64 ", \"elapsed_us\": %" PRId64
               ", \"identity\": \"%s\", \"token\": \"%s\"}\n",
               r->outcome == DS_COMMITTED ? "committed"
               : r->outcome == DS_UNKNOWN ? "unknown"
                                          : "not committed",
               r->snapshot_id, r->rows, r->files, r->bytes, (unsigned)r->attempts,
               (unsigned)r->conflicts, r->waited_us, r->elapsed_us, r->identity,
               r->token);
    } else if (r->snapshot_id < 0) {
        printf("%s: no rows, nothing to commit\n", j->name);
    } else {
        printf("%s: %" PRIu64 " rows in %" PRIu64 " file%s, snapshot %" PRId64
               ", %u attempt%s, "
               "%.1f ms\n",
               j->name, r->rows, r->files, r->files == 1 ? "" : "s", r->snapshot_id,
               (unsigned)r->attempts, r->attempts == 1 ? "" : "s",
               (double)r->elapsed_us / 1000);
    }
    fflush(stdout);
}

static int failed(struct job *j, int rc)
{
    progress_end();
    int code = cli_failed(rc, &j->err, "append %s", j->name);
    if (j->commits > 0) {
        cli_complain("append %s: %" PRIu64 " rows in %" PRIu64
                     " commits before that are in "
                     "the table",
                     j->name, j->rows_acked, j->commits);
    }
    return code;
}

// Commits the transaction under way, if there is one. DS_OK or the status.
static int commit(struct job *j)
{
    struct ds_commit_result result = {.struct_size = sizeof result};

    if (!j->txn) {
        return DS_OK;
    }
    int rc = ds_txn_commit(j->txn, &result, &j->err);
    progress_end();
    if (rc == DS_OK) {
        j->rows_acked += result.rows;
        j->commits++;
        print_result(j, &result);
    } else if (rc == DS_EUNKNOWN) {
        if (common.json) {
            print_result(j, &result);
        }
        cli_complain(
            "append %s: to learn what became of it, run: datashard resolve %s '%s'",
            j->name, j->name, result.token);
    }
    ds_txn_free(j->txn);
    j->txn = NULL;
    j->txn_rows = 0;
    j->txn_deadline_ms = -1;
    return rc;
}

static int take(struct job *j, struct input *in, struct ArrowArray *array)
{
    const struct ArrowSchema *schema = input_schema(in);
    uint64_t rows = (uint64_t)array->length;
    int rc = DS_OK;

    if (!j->txn) {
        rc = ds_txn_begin(j->table, &j->commit, &j->txn, &j->err);
    }
    if (rc < 0) {
        array->release(array);
        return rc;
    }
    rc = ds_txn_append_batch(j->txn, schema ? schema : &j->schema, array, &j->err);
    j->txn_rows += rc == DS_OK ? rows : 0;
    return rc;
}

static bool commit_is_due(const struct job *j)
{
    return j->every_ms >= 0 && j->txn &&
           (monotonic_ms() >= j->txn_deadline_ms ||
            (rows_each > 0 && j->txn_rows >= (uint64_t)rows_each));
}

static int append_input(struct job *j, struct input *in)
{
    uint64_t done = 0;
    uint64_t all = 0;
    int rc = DS_OK;

    while (rc >= 0 && !input_ended(in) && !stop_asked()) {
        struct ArrowArray array;
        // A stream is always read with an end in sight: rows must not wait for more rows.
        if (j->every_ms >= 0 && !j->txn) {
            j->txn_deadline_ms = monotonic_ms() + j->every_ms;
        }
        rc = input_next(in, j->txn_deadline_ms, &array, &j->err);
        if (rc == DS_ROW) {
            rc = take(j, in, &array);
        }
        if (rc >= 0 && commit_is_due(j)) {
            rc = commit(j);
        }
        input_progress(in, &done, &all);
        progress_show("appending", done, all, j->rows_acked + j->txn_rows);
    }
    return rc;
}

static int append_file(struct job *j, const char *path)
{
    struct input *in = NULL;
    int rc = input_open(path, j->format, delimiter ? delimiter[0] : 0, &j->schema, &in,
                        &j->err);
    if (rc == DS_OK) {
        rc = append_input(j, in);
    }
    input_close(in);
    return rc;
}

// What happens to rows that were read but not committed when somebody pressed Ctrl-C.
static int stopped(struct job *j)
{
    int rc = DS_OK;

    if (j->every_ms >= 0) {
        rc = commit(j); // A stream: what came in is kept.
    }
    if (rc < 0) {
        return failed(j, rc);
    }
    progress_end();
    if (j->commits > 0) {
        cli_complain("append %s: stopped; %" PRIu64 " rows in %" PRIu64
                     " commits are in the "
                     "table",
                     j->name, j->rows_acked, j->commits);
    } else {
        cli_complain("append %s: stopped; nothing was committed", j->name);
    }
    return CLI_INTERRUPTED;
}

static int append_all(struct job *j, int count, char **files)
{
    int rc = DS_OK;

    for (int i = 0; rc >= 0 && i < count && !stop_asked(); i++) {
        rc = append_file(j, files[i]);
    }
    if (rc >= 0 && stop_asked()) {
        return stopped(j);
    }
    if (rc >= 0 && !j->txn && j->commits == 0) { // No rows at all: say so.
        rc = ds_txn_begin(j->table, &j->commit, &j->txn, &j->err);
    }
    if (rc >= 0) {
        rc = commit(j);
    }
    return rc < 0 ? failed(j, rc) : CLI_OK;
}

static int run(int count, char **words)
{
    struct job j = {.name = words[0], .every_ms = -1, .txn_deadline_ms = -1};
    int code = CLI_OK;

    if (every && (!parse_duration(every, &j.every_ms) || identity)) {
        return opt_usage(command_find("append"),
                         identity ? "--identity names one commit, --every makes several"
                                  : "--every takes a time like 1s or 500ms");
    }
    if (!input_format_parse(common.format, &j.format)) {
        return CLI_USAGE;
    }
    j.commit =
        (struct ds_commit_options){.struct_size = sizeof j.commit,
                                   .identity = identity,
                                   .branch = branch,
                                   .append_mode = fast ? DS_APPEND_FAST : DS_APPEND_AUTO};
    stop_listen();
    int rc = open_table(words[0], &j.table, &j.err);
    if (rc == DS_OK) {
        rc = ds_table_schema(j.table, &j.schema, &j.err);
    }
    code = rc < 0 ? failed(&j, rc) : append_all(&j, count - 1, words + 1);
    ds_txn_free(j.txn);
    if (j.schema.release) {
        j.schema.release(&j.schema);
    }
    ds_table_free(j.table);
    return code;
}

extern const struct command command_append;
const struct command command_append = {
    "append",
    "TABLE FILE...",
    "Add the rows of files, or of standard input (-), to a table.",
    "Formats: parquet, arrow (files and streams), csv, jsonl, json; by the ending of "
    "the\n"
    "name, by the first bytes, or --format.\n"
    "All files together are one commit: every row is added, or none. With --every the\n"
    "input is a stream and each commit is acknowledged on its own. Columns are matched "
    "by\n"
    "name; a value that does not fit refuses the append with its line and column.\n"
    "Ctrl-C: a stream commits what it has read; otherwise nothing is committed.",
    options,
    2,
    -1,
    run};
