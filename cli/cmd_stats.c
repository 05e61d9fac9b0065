// What the writers of a table do together right now: stats, and top, which repeats it.
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli/common.h"
#include "cli/opt.h"
#include "cli/stop.h"

static const char *every;
static int64_t readings;

static const struct opt no_options[] = {{NULL, 0, OPT_FLAG, NULL, NULL, NULL}};
static const struct opt top_options[] = {
    {"every", 0, OPT_TEXT, "TIME", "how often: 1s (if not given), 200ms, 1m …", &every},
    {"count", 0, OPT_INT, "N", "end after N intervals; 0: when it is interrupted",
     &readings},
    {NULL, 0, OPT_FLAG, NULL, NULL, NULL}};

static const char *const group_names[DS_STATS_GROUP_BINS] = {
    "1", "2", "3-4", "5-8", "9-16", "17-32", "33-64", "65-128", "129-256", "257+"};

// ---- What is common
// --------------------------------------------------------------------

static int read_stats(ds_table *table, struct ds_table_stats *out, struct ds_error *err)
{
    *out = (struct ds_table_stats){.struct_size = sizeof *out};
    return ds_table_stats(table, out, err);
}

// Much or little of it in a second.
static double per_second(uint64_t n, const struct ds_table_stats *s)
{
    return s->elapsed_us > 0 ? (double)n * 1e6 / (double)s->elapsed_us : 0;
}

static double ratio(uint64_t n, uint64_t of)
{
    return of > 0 ? (double)n / (double)of : 0;
}

// "85us", "1.2ms", "3.40s": for people.
static const char *duration(char out[24], uint64_t us)
{
    if (us < 1000) {
        snprintf(out, 24, "%" PRIu64 "us", us);
    } else if (us < 1000000) {
        snprintf(out, 24, us < 100000 ? "%.1fms" : "%.0fms", (double)us / 1e3);
    } else {
        snprintf(out, 24, "%.2fs", (double)us / 1e6);
    }
    return out;
}

// One object in one line. `name` and rates are left out of no reading.
static void print_json(const struct ds_table_stats *s)
{
    printf("{\"has_queue\": %s, \"at_ms\": %" PRId64 ", \"since_ms\": %" PRId64
           ", \"elapsed_us\": %" PRId64,
           s->has_queue ? "true" : "false", s->at_ms, s->since_ms, s->elapsed_us);
    printf(", \"commits\": %" PRIu64 ", \"appends\": %" PRIu64 ", \"rows\": %" PRIu64
           ", \"bytes\": %" PRIu64,
           s->commits, s->appends, s->rows, s->bytes);
    printf(", \"commits_per_second\": %.3f, \"appends_per_second\": %.3f",
           per_second(s->commits, s), per_second(s->appends, s));
    printf(", \"rounds_us\": %" PRIu64 ", \"round_us_max\": %" PRIu64, s->rounds_us,
           s->round_us_max);
    printf(", \"swaps\": %" PRIu64 ", \"lost\": %" PRIu64 ", \"failed\": %" PRIu64
           ", \"found\": %" PRIu64 ", \"alone\": %" PRIu64,
           s->swaps, s->lost, s->failed, s->found, s->alone);
    printf(", \"leaders\": %" PRIu64 ", \"takeovers\": %" PRIu64, s->leaders,
           s->takeovers);
    printf(", \"wait_us\": {\"sum\": %" PRIu64 ", \"p50\": %" PRIu64 ", \"p99\": %" PRIu64
           ", \"max\": %" PRIu64 "}",
           s->wait_us, s->wait_us_p50, s->wait_us_p99, s->wait_us_max);
    printf(", \"group_sizes\": {");
    for (int i = 0; i < DS_STATS_GROUP_BINS; i++) {
        printf("%s\"%s\": %" PRIu64, i ? ", " : "", group_names[i], s->group_bins[i]);
    }
    printf("}, \"leader_pid\": %" PRId64 ", \"queue\": {\"waiting\": %u, \"claimed\": %u"
           ", \"slots_used\": %u, \"slots\": %u}}\n",
           s->leader_pid, s->queue_waiting, s->queue_claimed, s->slots_used, s->slots);
}

// ---- stats
// -----------------------------------------------------------------------------

static void print_groups(const struct ds_table_stats *s)
{
    printf("%-14s", "group sizes");
    for (int i = 0; i < DS_STATS_GROUP_BINS; i++) {
        if (s->group_bins[i] > 0) {
            printf("%s: %" PRIu64 "  ", group_names[i], s->group_bins[i]);
        }
    }
    printf("\n");
}

// All of it for people; the rates are of the time that `s` is about.
static void print_all(const struct ds_table_stats *s, const char *title)
{
    char p50[24];
    char p99[24];
    char max[24];
    char round[24];
    char longest[24];

    printf("%-14s%s\n", "table", title);
    printf("%-14s%" PRIu64 "  (%.1f/s)\n", "commits", s->commits,
           per_second(s->commits, s));
    printf("%-14s%" PRIu64 "  (%.1f/s, %.1f to a commit)\n", "appends", s->appends,
           per_second(s->appends, s), ratio(s->appends, s->commits));
    printf("%-14s%" PRIu64 "  (%.1f/s)\n", "rows", s->rows, per_second(s->rows, s));
    print_groups(s);
    printf("%-14sp50 %s  p99 %s  max %s\n", "waits", duration(p50, s->wait_us_p50),
           duration(p99, s->wait_us_p99), duration(max, s->wait_us_max));
    printf("%-14s%s on average  max %s\n", "rounds",
           duration(round, s->commits ? s->rounds_us / s->commits : 0),
           duration(longest, s->round_us_max));
    printf("%-14s%" PRIu64 "  lost %" PRIu64 "  failed %" PRIu64 "  found %" PRIu64
           "  alone %" PRIu64 "\n",
           "swaps", s->swaps, s->lost, s->failed, s->found, s->alone);
    printf("%-14s%" PRIu64 "  taken over %" PRIu64, "leaders", s->leaders, s->takeovers);
    if (s->leader_pid > 0) {
        printf("  now process %" PRId64, s->leader_pid);
    }
    printf("\n%-14s%u waiting  %u claimed  %u of %u slots\n", "queue", s->queue_waiting,
           s->queue_claimed, s->slots_used, s->slots);
}

static void print_none(const char *name)
{
    printf("%s has no queue: nobody on this machine has committed to it in a group\n"
           "since the machine started\n",
           name);
}

static int run_stats(int count, char **words)
{
    struct ds_table_stats stats = {0};
    struct ds_error err = {0};
    ds_table *table = NULL;
    char since[32];
    (void)count;

    int rc = open_table(words[0], &table, &err);
    if (rc == DS_OK) {
        rc = read_stats(table, &stats, &err);
    }
    if (rc < 0) {
        ds_table_free(table);
        return cli_failed(rc, &err, "stats %s", words[0]);
    }
    if (common.json) {
        print_json(&stats);
    } else if (stats.has_queue) {
        format_moment(stats.since_ms, since);
        char *title = cli_printf("%s, since %s", words[0], since);
        print_all(&stats, title);
    } else {
        print_none(words[0]);
    }
    ds_table_free(table);
    return cli_told() ? CLI_OK : CLI_FAILED;
}

// ---- top
// -------------------------------------------------------------------------------

static const char line_head[] =
    "time      commits/s appends/s    rows/s  group    p50    p99    max lost/s "
    "queue  leader";

static void print_line(const struct ds_table_stats *s)
{
    char at[32];
    char p50[24];
    char p99[24];
    char max[24];

    format_moment(s->at_ms, at);
    printf("%.8s  %9.1f %9.1f %9.1f  %5.1f %6s %6s %6s %6.1f %5u  %6" PRId64 "\n",
           at + 11, per_second(s->commits, s), per_second(s->appends, s),
           per_second(s->rows, s), ratio(s->appends, s->commits),
           duration(p50, s->wait_us_p50), duration(p99, s->wait_us_p99),
           duration(max, s->wait_us_max), per_second(s->lost, s),
           s->queue_waiting + s->queue_claimed, s->leader_pid);
}

// One reading of what happened since the last one, the n-th from 0 on.
static void print_interval(const struct ds_table_stats *s, const char *name, int64_t n,
                           bool live)
{
    char at[32];

    if (common.json) {
        print_json(s);
    } else if (live) {
        format_moment(s->at_ms, at);
        // To the top, and what was there before goes.
        printf("\033[H\033[J%s  %.19s  every %.1fs  (Ctrl-C ends)\n\n", name, at,
               (double)s->elapsed_us / 1e6);
        if (s->has_queue) {
            print_all(s, name);
        } else {
            print_none(name);
        }
    } else {
        if (n % 20 == 0) {
            printf("%s\n", line_head);
        }
        print_line(s);
    }
}

// Waits; false when somebody asked to stop.
static bool pause_ms(int64_t ms)
{
    while (ms > 0 && !stop_asked()) {
        int part = ms < 60000 ? (int)ms : 60000;
        struct pollfd asked = {.fd = stop_fd(), .events = POLLIN};
        if (poll(&asked, 1, part) != 0) {
            break;
        }
        ms -= part;
    }
    return !stop_asked();
}

static int run_top(int count, char **words)
{
    struct ds_table_stats last = {0};
    struct ds_table_stats now = {0};
    struct ds_table_stats between = {.struct_size = sizeof between};
    struct ds_error err = {0};
    ds_table *table = NULL;
    int64_t every_ms = 1000;
    bool live = isatty(STDOUT_FILENO) && !common.json;
    bool good = true;
    (void)count;

    if (every && (!parse_duration(every, &every_ms) || every_ms < 10)) {
        return opt_usage(command_find("top"), "--every takes a time like 1s, from 10ms");
    }
    int rc = open_table(words[0], &table, &err);
    stop_listen();
    if (rc == DS_OK) {
        rc = read_stats(table, &last, &err);
    }
    for (int64_t n = 0; rc == DS_OK && good && (readings == 0 || n < readings); n++) {
        if (!pause_ms(every_ms)) {
            break;
        }
        rc = read_stats(table, &now, &err);
        if (rc == DS_OK) {
            rc = ds_stats_between(&last, &now, &between, &err);
        }
        if (rc == DS_OK) {
            print_interval(&between, words[0], n, live);
            good = cli_told();
            last = now;
        }
    }
    ds_table_free(table);
    return rc < 0 ? cli_failed(rc, &err, "top %s", words[0]) : good ? CLI_OK : CLI_FAILED;
}

const struct command command_stats = {
    "stats",
    "TABLE",
    "Print what the table's writers on this machine do together.",
    "Writers of one machine meet in a queue beside the table, where one of them, the\n"
    "leader, commits for all that wait. These are the queue's counters since its file "
    "was\n"
    "made, which is at the first commit after a start of the machine:\n"
    "\n"
    "  commits      groups committed, each by one swap of the table's head\n"
    "  appends      changes in them, each acknowledged by itself\n"
    "  rows         rows that travelled to the leader (not those that came as files)\n"
    "  group sizes  how many commits had so many changes\n"
    "  waits        from handing a change over until it was acknowledged\n"
    "  rounds       the leader's time for one group\n"
    "  swaps        lost: another writer was faster; failed: rounds with an error;\n"
    "               found: in the table already; alone: sent away to commit alone\n"
    "  leaders      how often leadership was taken; taken over: from one that stood "
    "still\n"
    "  queue        changes that wait now, or are being committed; places taken\n"
    "\n"
    "They say nothing of writers on other machines, of other programs, and of commits\n"
    "that went without the queue. With --json it is one object, with all of it.",
    no_options,
    1,
    1,
    run_stats};

const struct command command_top = {
    "top",
    "TABLE",
    "Print the same as it changes: rates per second, again and again.",
    "On a terminal it draws what `datashard stats` shows for the last interval in place\n"
    "of the one before; anywhere else it prints a line for each interval, and with "
    "--json\n"
    "an object. It only looks, and may run while nobody writes. Ctrl-C ends it.\n"
    "\n"
    "max is the longest wait of the interval, or the end of the bin that it is in.",
    top_options,
    1,
    1,
    run_top};
