#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/append.h"
#include "cli/common.h"
#include "cli/opt.h"
#include "cli/progress.h"
#include "cli/stop.h"

static const char *every;
static const char *budget;
static const char *delimiter;
static const char *identity;
static const char *branch;
static int64_t rows_each;
static int64_t bytes_each;
static int64_t memory_max;
static bool fast;
static bool alone;
static bool no_wait;

static const struct opt options[] = {
    {"every", 0, OPT_TEXT, "TIME", "a commit each 1s, 500ms, 5m … while rows come in",
     &every},
    {"rows", 0, OPT_INT, "N", "also a commit after so many rows (with --every)",
     &rows_each},
    {"bytes", 0, OPT_INT, "N", "also after so many bytes in memory (default 64 MiB)",
     &bytes_each},
    {"memory", 0, OPT_INT, "N", "bytes read and not committed, at most (default 256 MiB)",
     &memory_max},
    {"budget", 0, OPT_TEXT, "TIME", "how long to go on while commits fail (default 10m)",
     &budget},
    {"delimiter", 0, OPT_TEXT, "CHAR", "between the cells of CSV", &delimiter},
    {"identity", 0, OPT_TEXT, "UUID", "names the commit: run twice, it commits once",
     &identity},
    {"branch", 0, OPT_TEXT, "NAME", "the branch to append to (default main)", &branch},
    {"fast", 0, OPT_FLAG, NULL, "never merge manifests in this commit", &fast},
    {"alone", 0, OPT_FLAG, NULL, "share no swap with other writers", &alone},
    {"no-wait", 0, OPT_FLAG, NULL, "end at once: finish no merging of small files",
     &no_wait},
    {NULL, 0, OPT_FLAG, NULL, NULL, NULL}};

// One commit for all rows, from the first to the last.
struct whole {
    struct append_job *job;
    ds_txn *txn; // NULL: no rows yet.
    uint64_t rows;
};

static const char *plural(uint64_t count)
{
    return count == 1 ? "" : "s";
}

void append_print(const struct append_job *j, const struct ds_commit_result *r)
{
    if (common.json) {
        printf("{\"outcome\": \"%s\", \"snapshot_id\": %" PRId64 ", \"rows\": %" PRIu64
               ", \"files\": %" PRIu64 ", \"bytes\": %" PRIu64 ", \"attempts\": %u, "
               "\"conflicts\": %u, \"group_size\": %u, \"waited_us\": %" PRId64
               ", \"elapsed_us\": %" PRId64
               ", \"identity\": \"%s\", \"token\": \"%s\"}\n",
               r->outcome == DS_COMMITTED ? "committed"
               : r->outcome == DS_UNKNOWN ? "unknown"
                                          : "not committed",
               r->snapshot_id, r->rows, r->files, r->bytes, (unsigned)r->attempts,
               (unsigned)r->conflicts, (unsigned)r->group_size, r->waited_us,
               r->elapsed_us, r->identity, r->token);
    } else if (r->snapshot_id < 0) {
        printf("%s: no rows, nothing to commit\n", j->name);
    } else {
        char files[40] = ""; // Rows that share a group's file have none of their own.
        if (r->files > 0) {
            snprintf(files, sizeof files, " in %" PRIu64 " file%s", r->files,
                     plural(r->files));
        }
        printf("%s: %" PRIu64 " row%s%s, snapshot %" PRId64 ", %u attempt%s, %.1f ms\n",
               j->name, r->rows, plural(r->rows), files, r->snapshot_id,
               (unsigned)r->attempts, plural(r->attempts), (double)r->elapsed_us / 1000);
    }
    (void)cli_told(); // It is committed all the same.
}

int append_failed(struct append_job *j, int rc)
{
    progress_end();
    int code = cli_failed(rc, &j->err, "append %s", j->name);
    if (j->commits > 0) {
        cli_complain("append %s: %" PRIu64 " row%s in %" PRIu64
                     " commit%s before that stayed in the table",
                     j->name, j->rows_acked, plural(j->rows_acked), j->commits,
                     plural(j->commits));
    }
    return code;
}

int append_stopped(const struct append_job *j)
{
    progress_end();
    if (j->commits > 0) {
        cli_complain("append %s: stopped; %" PRIu64 " row%s in %" PRIu64
                     " commit%s stayed in the table",
                     j->name, j->rows_acked, plural(j->rows_acked), j->commits,
                     plural(j->commits));
    } else {
        cli_complain("append %s: stopped; nothing was committed", j->name);
    }
    return CLI_INTERRUPTED;
}

int append_open(struct append_job *j, const char *path, struct input **out)
{
    return input_open(path, j->format, j->delimiter, &j->schema, out, &j->err);
}

static bool is_stopped(void *arg)
{
    (void)arg;
    return stop_asked();
}

static int commit(struct whole *w)
{
    struct append_job *j = w->job;
    struct ds_commit_result result = {.struct_size = sizeof result};
    int rc = ds_txn_commit(w->txn, &result, &j->err);

    progress_end();
    if (rc == DS_OK) {
        append_print(j, &result);
    } else if (rc == DS_EUNKNOWN) {
        if (common.json) {
            append_print(j, &result);
        }
        cli_complain(
            "append %s: to learn what became of it, run: datashard resolve %s '%s'",
            j->name, j->name, result.token);
    }
    return rc;
}

static int append_input(struct whole *w, struct input *in)
{
    struct append_job *j = w->job;
    const struct ArrowSchema *schema = input_schema(in);
    uint64_t done = 0;
    uint64_t all = 0;
    int rc = DS_OK;

    while (rc >= 0 && !input_ended(in) && !stop_asked()) {
        struct ArrowArray array;
        rc = input_next(in, -1, &array, &j->err);
        if (rc == DS_ROW) {
            uint64_t rows = (uint64_t)array.length;
            rc = ds_txn_append_batch(w->txn, schema ? schema : &j->schema, &array,
                                     &j->err);
            w->rows += rc == DS_OK ? rows : 0;
        }
        input_progress(in, &done, &all);
        progress_show("appending", done, all, w->rows);
    }
    return rc;
}

static int append_whole(struct append_job *j, int count, char **files)
{
    struct whole w = {.job = j};
    int code = CLI_OK;
    int rc = ds_txn_begin(j->table, &j->commit, &w.txn, &j->err);

    for (int i = 0; rc >= 0 && i < count && !stop_asked(); i++) {
        struct input *in = NULL;
        rc = append_open(j, files[i], &in);
        if (rc == DS_OK) {
            rc = append_input(&w, in);
        }
        input_close(in);
    }
    if (rc >= 0 && !stop_asked()) {
        rc = commit(&w);
    } else if (rc >= 0) {
        rc = DS_ECANCELLED;
    }
    if (rc < 0) { // A commit that was stopped may be known to be made, or not known.
        code = rc == DS_ECANCELLED && stop_asked() ? append_stopped(j)
                                                   : append_failed(j, rc);
    }
    ds_txn_free(w.txn);
    return code;
}

// Reads the options into the job; false (and said so) when they make no sense.
static bool read_options(struct append_job *j)
{
    const char *wrong =
        every && identity ? "--identity names one commit, --every makes several"
        : every && !parse_duration(every, &j->every_ms)
            ? "--every takes a time like 1s or 500ms"
        : budget && (!parse_duration(budget, &j->budget_ms) || j->budget_ms == 0)
            ? "--budget takes a time like 10m or 30s"
        : !every && (budget || rows_each || bytes_each || memory_max)
            ? "--rows, --bytes, --memory and --budget are for streams: say --every too"
            : NULL;

    if (wrong) {
        opt_usage(command_find("append"), "%s", wrong);
        return false;
    }
    j->rows_each = rows_each;
    j->bytes_each = bytes_each;
    j->memory_max = memory_max;
    j->commit =
        (struct ds_commit_options){.struct_size = sizeof j->commit,
                                   .identity = identity,
                                   .branch = branch,
                                   .cancelled = is_stopped,
                                   .append_mode = fast ? DS_APPEND_FAST : DS_APPEND_AUTO,
                                   .group = alone ? DS_GROUP_OFF : DS_GROUP_AUTO};
    return input_delimiter_parse(delimiter, &j->delimiter) &&
           input_format_parse(common.format, &j->format);
}

static int run(int count, char **words)
{
    struct append_job j = {.name = words[0], .every_ms = -1};
    int code = CLI_OK;

    if (!read_options(&j)) {
        return CLI_USAGE;
    }
    int rc = open_table(words[0], &j.table, &j.err);
    if (rc == DS_OK) {
        rc = ds_table_schema(j.table, &j.schema, &j.err);
    }
    stop_listen(); // Not before: opening may wait, and asks nobody.
    code = rc < 0            ? append_failed(&j, rc)
           : j.every_ms >= 0 ? append_stream(&j, count - 1, words + 1)
                             : append_whole(&j, count - 1, words + 1);
    if (j.schema.release) {
        j.schema.release(&j.schema);
    }
    bool at_once = no_wait || stop_asked();
    stop_unlisten(); // All is said.
    ds_table_free_within(j.table, at_once ? 0 : -1);
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
    "input is a stream: rows are committed as they come, and each commit is printed "
    "when\n"
    "it is durable. Columns are matched by name; a value that does not fit refuses the\n"
    "append with its line and column; a stream commits what came before that line, and\n"
    "ends. Ctrl-C: a stream commits what it has read; otherwise nothing is committed.\n"
    "In a table for ingest one append in 128 or so goes on for up to 2 seconds after "
    "its\n"
    "answer, and merges small files; Ctrl-C ends that, and changes nothing.",
    options,
    2,
    -1,
    run};
