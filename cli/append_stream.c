// append --every: rows are committed as they come, by an appender.
//
// (1) Rows are handed over in the order of the input, and committed in that order: what
//     is acknowledged is always a beginning of the input.
// (2) The callback runs in a thread of the appender: it prints, and counts in fields that
//     others read once the appender is closed.
#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

#include "cli/append.h"
#include "cli/common.h"
#include "cli/progress.h"
#include "cli/stop.h"

// So often it is asked whether the appender still works while no rows come.
enum { LOOK_MS = 200 };

// Commits that fail for longer than that are worth a word.
enum { FAILING_MS = 2000 };

struct stream {
    struct append_job *job;
    ds_appender *appender;
    bool warned;                     // That commits fail.
    struct ds_commit_result unknown; // The commit whose outcome nobody knows, if any.
};

static void acknowledged(void *arg, const struct ds_appender_ack *ack)
{
    struct stream *s = arg;

    if (ack->status == DS_OK) {
        s->job->rows_acked += ack->rows;
        s->job->commits++;
        if (isatty(STDERR_FILENO)) {
            fputs("\r\033[K", stderr); // The progress bar's place.
        }
        append_print(s->job, ack->commit);
    } else if (ack->status == DS_EUNKNOWN && ack->commit) {
        s->unknown = *ack->commit;
    }
}

static int open_appender(struct stream *s)
{
    const struct append_job *j = s->job;
    struct ds_appender_options options = {.struct_size = sizeof options,
                                          .batch_rows_max =
                                              j->rows_each > 0 ? j->rows_each : INT64_MAX,
                                          .batch_bytes_max = j->bytes_each,
                                          .batch_ms = j->every_ms > 0 ? j->every_ms : 1,
                                          .memory_bytes_max = j->memory_max,
                                          .budget_ms = j->budget_ms,
                                          .ack = acknowledged,
                                          .ack_arg = s,
                                          .commit = &j->commit};
    return ds_appender_open(j->table, &options, &s->appender, &s->job->err);
}

// Says that commits fail, and that they work again, once each time.
static void warn(struct stream *s, const struct ds_appender_stats *stats)
{
    if (!s->warned && stats->failing_ms > FAILING_MS) {
        progress_end();
        cli_complain("append %s: commits fail, and are tried again: %s", s->job->name,
                     stats->last_error.message);
        s->warned = true;
    } else if (s->warned && stats->failing_ms == 0) {
        progress_end();
        cli_complain("append %s: commits work again", s->job->name);
        s->warned = false;
    }
}

// DS_ECANCELLED when the appender has failed: why is what closing it says.
static int show(struct stream *s, const struct input *in)
{
    struct ds_appender_stats stats = {.struct_size = sizeof stats};
    uint64_t done = 0;
    uint64_t all = 0;
    int rc = ds_appender_stats(s->appender, &stats, &s->job->err);

    if (rc < 0) {
        return rc;
    }
    if (in) {
        input_progress(in, &done, &all);
    }
    progress_show("appending", done, all, stats.rows_acknowledged);
    if (!stats.failed) {
        warn(s, &stats);
    }
    return stats.failed ? DS_ECANCELLED : DS_OK;
}

// Hands over a batch; while memory is full, again and again.
static int hand_over(struct stream *s, const struct ArrowSchema *schema,
                     struct ArrowArray *array)
{
    int rc = DS_OK;

    do {
        rc = ds_appender_write(s->appender, schema, array, NULL, &s->job->err);
        if (rc == DS_ETIMEOUT && show(s, NULL) < 0) {
            array->release(array);
            return DS_ECANCELLED;
        }
    } while (rc == DS_ETIMEOUT);
    return rc;
}

// Waits for what was handed over. How it ends is what closing says.
static void finish(struct stream *s)
{
    struct ds_error ignored;

    while (ds_appender_flush(s->appender, LOOK_MS, &ignored) == DS_ETIMEOUT) {
        if (show(s, NULL) < 0) {
            break;
        }
    }
}

static int append_input(struct stream *s, struct input *in)
{
    struct append_job *j = s->job;
    const struct ArrowSchema *schema = input_schema(in);
    int rc = DS_OK;

    while (rc >= 0 && !input_ended(in) && !stop_asked()) {
        struct ArrowArray array;
        rc = input_next_eager(in, monotonic_ms() + LOOK_MS, &array, &j->err);
        if (rc == DS_ROW) {
            rc = hand_over(s, schema ? schema : &j->schema, &array);
        }
        if (rc >= 0) {
            rc = show(s, in);
        }
    }
    return rc;
}

static int append_files(struct stream *s, int count, char **files)
{
    int rc = DS_OK;

    for (int i = 0; rc >= 0 && i < count && !stop_asked(); i++) {
        struct input *in = NULL;
        rc = append_open(s->job, files[i], &in);
        if (rc == DS_OK) {
            rc = append_input(s, in);
        }
        input_close(in);
    }
    return rc;
}

static void print_summary(const struct stream *s)
{
    struct ds_appender_stats stats = {.struct_size = sizeof stats};
    struct ds_error err;

    if (!common.json || ds_appender_stats(s->appender, &stats, &err) < 0) {
        return;
    }
    printf("{\"summary\": true, \"rows_read\": %" PRIu64 ", \"rows_committed\": %" PRIu64
           ", \"commits\": %" PRIu64 ", \"failed_tries\": %" PRIu64
           ", \"blocked_us\": %" PRId64 ", \"lag_us_max\": %" PRId64 "}\n",
           stats.rows_accepted, stats.rows_acknowledged, stats.commits, stats.failures,
           stats.blocked_us, stats.lag_us_max);
    (void)cli_told();
}

static void tell_unknown(const struct stream *s)
{
    const struct append_job *j = s->job;

    if (common.json) {
        append_print(j, &s->unknown);
    }
    cli_complain("append %s: to learn what became of rows %" PRIu64
                 " and on, run: datashard resolve %s '%s'",
                 j->name, j->rows_acked + 1, j->name, s->unknown.token);
}

int append_stream(struct append_job *j, int count, char **files)
{
    struct stream s = {.job = j};
    struct ds_error closing = {0};
    int code = CLI_OK;
    int rc = open_appender(&s);

    if (rc < 0) {
        return append_failed(j, rc);
    }
    rc = append_files(&s, count, files);
    finish(&s);
    int closed = ds_appender_close(s.appender, -1, &closing); // Commits what was read.
    progress_end();
    if (closed < 0) { // What the appender says goes before what followed from it.
        j->err = closing;
        rc = closed;
    }
    if (rc == DS_EUNKNOWN) {
        tell_unknown(&s);
    }
    if (rc < 0) {
        code = append_failed(j, rc);
    } else if (stop_asked()) {
        code = append_stopped(j);
    } else if (j->commits == 0) {
        struct ds_commit_result none = {.outcome = DS_COMMITTED, .snapshot_id = -1};
        append_print(j, &none);
    }
    print_summary(&s);
    ds_appender_free(s.appender);
    return code;
}
