#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "cli/common.h"
#include "cli/grid.h"
#include "cli/opt.h"

static const char *where;
static const char *select_text;
static const char *as_of;
static const char *ref;
static const char *snapshot;
static const char *output;
static const char *compression;
static int64_t limit = -1; // Not given.
static int64_t threads;
static bool count_only;
static bool stats;

static const struct opt options[] = {
    {"where", 'w', OPT_TEXT, "FILTER", "\"origin = 'SEA' and delay > 60\"", &where},
    {"select", 's', OPT_TEXT, "COLUMNS", "only these, with commas between", &select_text},
    {"limit", 'n', OPT_INT, "N", "at most so many rows", &limit},
    {"count", 0, OPT_FLAG, NULL, "only how many rows there are", &count_only},
    {"as-of", 0, OPT_TEXT, "TIME", "as it was then: '2026-11-20 10:00:00Z', '-5m'",
     &as_of},
    {"snapshot", 0, OPT_TEXT, "ID", "as of this snapshot", &snapshot},
    {"ref", 0, OPT_TEXT, "NAME", "as of this branch or tag", &ref},
    {"output", 'o', OPT_TEXT, "FILE", "write there, not to standard output", &output},
    {"compression", 0, OPT_TEXT, "CODEC", "of --format arrow: none, lz4, zstd",
     &compression},
    {"threads", 0, OPT_INT, "N", "files read at once (default: the processors)",
     &threads},
    {"stats", 0, OPT_FLAG, NULL, "with --count: what was read and skipped", &stats},
    {NULL, 0, OPT_FLAG, NULL, NULL, NULL}};

// Splits "a, b, "c d"" into names; *count of them, all in one allocation.
static const char **split_columns(const char *text, size_t *count)
{
    char *copy = cli_strdup(text);
    const char **names = cli_alloc((strlen(text) + 2) * sizeof *names);
    char *at = copy;

    *count = 0;
    while (*at) {
        at += strspn(at, " ,");
        if (*at == '\0') {
            break;
        }
        char quote = *at == '"' || *at == '`' ? *at : 0;
        char *end = quote ? strchr(at + 1, quote) : at + strcspn(at, ",");
        names[(*count)++] = quote ? at + 1 : at;
        if (!end) {
            break;
        }
        at = *end ? end + 1 : end;
        *end = '\0';
        while (!quote && end > names[*count - 1] && end[-1] == ' ') {
            *--end = '\0';
        }
    }
    return names;
}

static bool choose_state(struct ds_at *at)
{
    char *end = NULL;
    if (!!as_of + !!ref + !!snapshot > 1) {
        opt_usage(command_find("scan"),
                  "--as-of, --snapshot and --ref exclude each other");
        return false;
    }
    if (as_of && !parse_moment(as_of, &at->as_of_ms)) {
        opt_usage(command_find("scan"),
                  "--as-of takes a time like '2026-11-20 10:00:00Z', not '%s'", as_of);
        return false;
    }
    at->snapshot_id = snapshot ? strtoll(snapshot, &end, 10) : 0;
    if (snapshot && (*end || at->snapshot_id <= 0)) {
        opt_usage(command_find("scan"), "--snapshot takes a snapshot's id, not '%s'",
                  snapshot);
        return false;
    }
    at->ref = ref;
    return true;
}

static int write_out(void *arg, const void *bytes, size_t size, struct ds_error *err)
{
    if (fwrite(bytes, 1, size, arg) == size) {
        return DS_OK;
    }
    memset(err, 0, sizeof *err);
    snprintf(err->message, sizeof err->message, "writing the result: %s",
             strerror(errno));
    return err->status = DS_EIO;
}

static int add_cells(void *arg, const char *const *cells, size_t count)
{
    (void)count;
    grid_row(arg, cells);
    return 0;
}

static int print_aligned(struct ArrowArrayStream *stream, struct ds_error *err)
{
    struct ArrowSchema schema = {0};

    if (stream->get_schema(stream, &schema) != 0) {
        snprintf(err->message, sizeof err->message, "%s", stream->get_last_error(stream));
        stream->release(stream);
        return DS_EINVALID;
    }
    size_t count = (size_t)schema.n_children;
    struct grid_column *columns = cli_alloc(count * sizeof *columns);
    for (size_t i = 0; i < count; i++) {
        const struct ArrowSchema *c = schema.children[i];
        columns[i] =
            (struct grid_column){c->name, strchr("cCsSiIlLefgd", c->format[0]) != NULL};
    }
    struct grid *g = grid_new(GRID_TABLE, columns, count);
    int rc = ds_rows_cells(stream, add_cells, g, err);
    (void)grid_finish(g);
    schema.release(&schema);
    free(columns);
    return rc; // Whether it was written is seen at the end.
}

static bool ends_with(const char *s, const char *end)
{
    size_t a = strlen(s);
    size_t b = strlen(end);
    return a >= b && strcmp(s + a - b, end) == 0;
}

static bool choose_compression(enum ds_ipc_compression *out)
{
    static const char *const names[] = {"none", "lz4", "zstd"};

    *out = DS_IPC_UNCOMPRESSED;
    for (int i = 0; compression && i < 3; i++) {
        if (strcmp(compression, names[i]) == 0) {
            *out = (enum ds_ipc_compression)i;
            return true;
        }
    }
    if (compression) {
        opt_usage(command_find("scan"), "--compression is none, lz4 or zstd; not '%s'",
                  compression);
    }
    return !compression;
}

// Text in a format of its own, or Arrow (format 0).
static int write_rows(struct ArrowArrayStream *stream, enum ds_rows_format format,
                      FILE *out, struct ds_error *err)
{
    bool file = output && !ends_with(output, ".arrows");
    struct ds_ipc_write_options ipc = {.struct_size = sizeof ipc,
                                       .format = file ? DS_IPC_FILE : DS_IPC_STREAM,
                                       .write = write_out,
                                       .write_arg = out};

    if (format != 0) {
        return ds_rows_write(stream, format, write_out, out, NULL, err);
    }
    (void)choose_compression(&ipc.compression); // Checked by now.
    return ds_ipc_write(stream, &ipc, NULL, err);
}

static int print_text(struct ArrowArrayStream *stream, enum ds_rows_format format,
                      struct ds_error *err)
{
    FILE *out = output ? fopen(output, "w") : stdout;

    if (!out) {
        snprintf(err->message, sizeof err->message, "opening %s: %s", output,
                 strerror(errno));
        stream->release(stream);
        return DS_EIO;
    }
    int rc = write_rows(stream, format, out, err);
    bool flushed = output ? fclose(out) == 0 : fflush(out) == 0;
    if (rc == DS_OK && !flushed) {
        rc = DS_EIO;
        snprintf(err->message, sizeof err->message, "writing the result: %s",
                 strerror(errno));
    }
    return rc;
}

static int print_rows(struct ArrowArrayStream *stream, const char *format,
                      struct ds_error *err)
{
    static const struct {
        const char *name;
        enum ds_rows_format format;
    } names[] = {{"csv", DS_ROWS_CSV},
                 {"jsonl", DS_ROWS_JSONL},
                 {"json", DS_ROWS_JSON},
                 {"arrow", (enum ds_rows_format)0}};

    if (strcmp(format, "parquet") == 0) {
        return ds_file_write(output, stream, NULL, err);
    }
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (strcmp(format, names[i].name) == 0) {
            return print_text(stream, names[i].format, err);
        }
    }
    return print_aligned(stream, err);
}

static int print_count(ds_table *table, const struct ds_scan_options *scan,
                       struct ds_error *err)
{
    struct ds_scan_stats s = {.struct_size = sizeof s};
    int64_t rows = 0;
    int rc = ds_table_count(table, scan, &rows, &s, err);

    if (rc < 0) {
        return rc;
    }
    if (!stats && !common.json) {
        printf("%" PRId64 "\n", rows);
        return DS_OK; // Whether it was written is seen at the end.
    }
    printf("{\"rows\": %" PRId64 ", \"manifests_read\": %" PRIu64
           ", \"manifests_skipped\": %" PRIu64 ", \"files_read\": %" PRIu64
           ", \"files_skipped\": %" PRIu64 ", \"row_groups_read\": %" PRIu64
           ", \"row_groups_skipped\": %" PRIu64 ", \"pages_skipped\": %" PRIu64
           ", \"rows_read\": %" PRIu64 ", \"bytes_read\": %" PRIu64
           ", \"reads\": %" PRIu64 "}\n",
           rows, s.manifests_read, s.manifests_skipped, s.files_read, s.files_skipped,
           s.row_groups_read, s.row_groups_skipped, s.pages_skipped, s.rows_read,
           s.bytes_read, s.reads);
    return DS_OK;
}

// Whether a word is a file of rows, and no table: a table's place is a directory. Where
// there is a catalog, a name without a slash has to end like a file's.
static bool is_data_file(const char *word)
{
    static const char *const ends[] = {".parquet", ".arrow", ".arrows", ".feather"};
    bool named = false;
    struct stat st;

    for (size_t i = 0; i < sizeof ends / sizeof ends[0]; i++) {
        named = named || ends_with(word, ends[i]);
    }
    if (stat(word, &st) != 0) {
        return named && names_path(word);
    }
    return S_ISREG(st.st_mode) && (named || names_path(word));
}

static int finish(int rc, const struct ds_error *err, const char *name)
{
    if (rc < 0) {
        return cli_failed(rc, err, "scan %s", name);
    }
    return cli_told() ? CLI_OK : CLI_FAILED;
}

// Rows of a file. It has no history, and its footer says how many rows it has.
static int scan_file(const char *path, struct ds_scan_options *scan, const char *format)
{
    struct ArrowArrayStream stream = {0};
    struct ds_error err = {0};

    if (count_only || stats || as_of || ref || snapshot) {
        opt_usage(command_find("scan"),
                  "%s is a file: --count, --stats and moments are for tables", path);
        return CLI_USAGE;
    }
    if (select_text) {
        scan->columns = split_columns(select_text, &scan->column_count);
    }
    int rc = ds_file_scan_with(path, scan, &stream, &err);
    if (rc == DS_OK) {
        rc = print_rows(&stream, format, &err);
    }
    return finish(rc, &err, path);
}

// What the name of the output says, if nothing else does.
static const char *format_of_output(void)
{
    static const struct {
        const char *end;
        const char *format;
    } ends[] = {{".parquet", "parquet"}, {".arrow", "arrow"}, {".arrows", "arrow"},
                {".feather", "arrow"},   {".json", "json"},   {".jsonl", "jsonl"}};

    for (size_t i = 0; i < sizeof ends / sizeof ends[0]; i++) {
        if (ends_with(output, ends[i].end)) {
            return ends[i].format;
        }
    }
    return "csv";
}

static const char *choose_format(void)
{
    static const char *const names[] = {"table", "csv",     "jsonl",
                                        "json",  "parquet", "arrow"};
    const char *format = common.format ? common.format
                         : common.json ? "json"
                         : output      ? format_of_output()
                                       : "table";

    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (strcmp(format, names[i]) == 0) {
            if (i == 4 && !output) {
                opt_usage(command_find("scan"), "--format parquet needs --output FILE");
                return NULL;
            }
            if (compression && i != 5) {
                opt_usage(command_find("scan"), "--compression is for --format arrow");
                return NULL;
            }
            return i == 0 && output ? "csv" : format;
        }
    }
    opt_usage(command_find("scan"),
              "--format is one of table, csv, jsonl, json, parquet, arrow; not '%s'",
              format);
    return NULL;
}

static int run(int count, char **words)
{
    struct ds_scan_options scan = {.struct_size = sizeof scan,
                                   .filter = where,
                                   .limit = limit < 0 ? 0 : limit,
                                   .threads = (uint32_t)threads,
                                   .ordered = true};
    const char *format = choose_format();
    enum ds_ipc_compression codec = DS_IPC_UNCOMPRESSED;
    struct ArrowArrayStream stream = {0};
    struct ds_error err = {0};
    ds_table *table = NULL;
    (void)count;

    if (!format || !choose_compression(&codec) || !choose_state(&scan.at)) {
        return CLI_USAGE;
    }
    if (limit == 0) {
        return opt_usage(command_find("scan"), "--limit takes a number of rows from 1");
    }
    if (threads > UINT32_MAX) {
        return opt_usage(command_find("scan"), "--threads takes fewer than %" PRId64,
                         threads);
    }
    if (is_data_file(words[0])) {
        return scan_file(words[0], &scan, format);
    }
    if (select_text) {
        scan.columns = split_columns(select_text, &scan.column_count);
    }
    int rc = open_table(words[0], &table, &err);
    if (rc == DS_OK) {
        rc = count_only ? print_count(table, &scan, &err)
                        : ds_table_scan(table, &scan, &stream, &err);
    }
    if (rc == DS_OK && !count_only) {
        rc = print_rows(&stream, format, &err);
    }
    ds_table_free(table);
    return finish(rc, &err, words[0]);
}

extern const struct command command_scan;
const struct command command_scan = {
    "scan",
    "TABLE|FILE",
    "Print the rows of a table, or of a Parquet or Arrow file.",
    "Filters are SQL-like: = <> < <= > >=, AND OR NOT, IN (…), BETWEEN … AND …,\n"
    "IS [NOT] NULL, IS [NOT] NAN, LIKE 'prefix%'.",
    options,
    1,
    1,
    run};
