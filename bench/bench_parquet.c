// One measured operation on Parquet files, through the public API: bench_parquet.py runs
// it beside the same operation in other readers and writers.
//
//   bench_parquet write DIR FILE.parquet THREADS CODEC
//   bench_parquet scan  TABLE|FILE.parquet THREADS [COLUMNS|- [FILTER]]
//   bench_parquet count TABLE
//
// `write` reads FILE into memory first, then measures appending it to a new table in DIR,
// durably. `scan` decodes every chosen column of every row that passes and touches each
// buffer's first byte, as a consumer would. Prints one JSON line: rows, seconds of the
// clock (seconds) and of processors (cpu_s), peak memory beyond what was there before, or
// for `write`, where the rows are there before, of the whole process (peak_kb), and where
// the table is.
#include <datashard/datashard.h>

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#define COLUMNS_MAX 512

struct cost {
    int64_t rows;
    double seconds;
    double cpu_s;
    long peak_kb;
};

// The batches of a file, in memory, as a stream that lends them.
struct kept {
    struct ArrowSchema schema;
    struct ArrowArray *batches;
    size_t count;
    size_t next;
};

static _Noreturn void fail(const char *what, const char *why)
{
    fprintf(stderr, "bench_parquet: %s: %s\n", what, why);
    exit(1);
}

static void check(int rc, const char *what, const struct ds_error *err)
{
    if (rc < 0) {
        fail(what, err->message);
    }
}

static double clock_s(clockid_t id)
{
    struct timespec t;
    clock_gettime(id, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

// A line of /proc/self/status in kB; 0 where there is none.
static long status_kb(const char *key)
{
    char line[256];
    long kb = 0;
    FILE *f = fopen("/proc/self/status", "r");

    while (f && fgets(line, sizeof line, f)) {
        if (strncmp(line, key, strlen(key)) == 0) {
            kb = strtol(line + strlen(key), NULL, 10);
        }
    }
    if (f) {
        fclose(f);
    }
    return kb;
}

static struct cost begin(void)
{
    FILE *f = fopen("/proc/self/clear_refs", "w");
    if (f) {
        fputs("5", f); // The peak starts again from what there is now.
        fclose(f);
    }
    return (struct cost){.seconds = clock_s(CLOCK_MONOTONIC),
                         .cpu_s = clock_s(CLOCK_PROCESS_CPUTIME_ID),
                         .peak_kb = status_kb("VmRSS:")};
}

static struct cost end(struct cost from, int64_t rows)
{
    return (struct cost){.rows = rows,
                         .seconds = clock_s(CLOCK_MONOTONIC) - from.seconds,
                         .cpu_s = clock_s(CLOCK_PROCESS_CPUTIME_ID) - from.cpu_s,
                         .peak_kb = status_kb("VmHWM:") - from.peak_kb};
}

static int kept_schema(struct ArrowArrayStream *s, struct ArrowSchema *out)
{
    struct kept *k = s->private_data;
    if (!k->schema.release) {
        return EINVAL;
    }
    *out = k->schema; // Asked for once.
    k->schema.release = NULL;
    return 0;
}

static int kept_next(struct ArrowArrayStream *s, struct ArrowArray *out)
{
    struct kept *k = s->private_data;
    *out = k->next < k->count ? k->batches[k->next++] : (struct ArrowArray){0};
    return 0;
}

static const char *kept_error(struct ArrowArrayStream *s)
{
    (void)s;
    return NULL;
}

static void kept_release(struct ArrowArrayStream *s)
{
    struct kept *k = s->private_data;
    for (; k->next < k->count; k->next++) {
        k->batches[k->next].release(&k->batches[k->next]);
    }
    free(k->batches);
    s->release = NULL;
}

static void keep_file(const char *file, struct kept *k)
{
    struct ds_error err = {0};
    struct ArrowArrayStream rows = {0};
    struct ArrowArray batch = {0};

    check(ds_file_scan(file, &rows, &err), file, &err);
    if (rows.get_schema(&rows, &k->schema) != 0) {
        fail(file, rows.get_last_error(&rows));
    }
    while (rows.get_next(&rows, &batch) == 0 && batch.release) {
        if ((k->count & (k->count - 1)) == 0) {
            size_t capacity = k->count ? k->count * 2 : 1;
            k->batches = realloc(k->batches, capacity * sizeof *k->batches);
            if (!k->batches) {
                fail(file, "no memory");
            }
        }
        k->batches[k->count++] = batch;
    }
    const char *failed = rows.get_last_error(&rows);
    if (failed && failed[0]) {
        fail(file, failed);
    }
    rows.release(&rows);
}

static struct cost write_table(const char *location, const char *file, const char *codec)
{
    struct ds_error err = {0};
    struct kept k = {0};
    struct ArrowArrayStream rows = {.get_schema = kept_schema,
                                    .get_next = kept_next,
                                    .get_last_error = kept_error,
                                    .release = kept_release,
                                    .private_data = &k};
    struct ds_property property = {"write.parquet.compression-codec", codec};
    struct ds_table_spec spec = {.struct_size = sizeof spec,
                                 .properties = {&property, 1}};
    struct ds_commit_result result = {.struct_size = sizeof result};
    ds_table *table = NULL;

    keep_file(file, &k);
    spec.schema = &k.schema;
    check(ds_table_create(location, &spec, &table, &err), location, &err);
    struct cost c = begin();
    check(ds_table_append(table, &rows, NULL, &result, &err), "append", &err);
    c = end(c, (int64_t)result.rows);
    c.peak_kb = status_kb("VmHWM:");
    ds_table_free(table);
    return c;
}

static unsigned touch(const struct ArrowArray *a)
{
    unsigned sum = 0;
    for (int64_t b = 0; b < a->n_buffers; b++) {
        sum += a->buffers[b] ? *(const unsigned char *)a->buffers[b] : 0;
    }
    for (int64_t i = 0; i < a->n_children; i++) {
        sum += touch(a->children[i]);
    }
    return sum;
}

static int64_t drain(struct ArrowArrayStream *stream)
{
    struct ArrowArray batch = {0};
    volatile unsigned touched = 0;
    int64_t rows = 0;

    while (stream->get_next(stream, &batch) == 0 && batch.release) {
        rows += batch.length;
        touched += touch(&batch);
        batch.release(&batch);
    }
    const char *failed = stream->get_last_error(stream);
    if (failed && failed[0]) {
        fail("scan", failed);
    }
    stream->release(stream);
    return rows;
}

// Called through a pointer, so that it stays a function: callgrind collects inside it.
static int64_t (*volatile drained)(struct ArrowArrayStream *) = drain;

static struct cost scan(const char *source, unsigned threads, char *columns,
                        const char *filter)
{
    const char *names[COLUMNS_MAX];
    struct ds_scan_options options = {
        .struct_size = sizeof options, .threads = threads, .filter = filter};
    struct ArrowArrayStream stream = {0};
    struct ds_error err = {0};
    ds_table *table = NULL;
    size_t length = strlen(source);
    int64_t rows = 0;

    for (char *name = columns ? strtok(columns, ",") : NULL;
         name && options.column_count < COLUMNS_MAX; name = strtok(NULL, ",")) {
        names[options.column_count++] = name;
    }
    options.columns = options.column_count > 0 ? names : NULL;
    struct cost c = begin();
    if (length > 8 && strcmp(source + length - 8, ".parquet") == 0) {
        check(ds_file_scan_with(source, &options, &stream, &err), source, &err);
    } else {
        check(ds_table_open(source, &table, &err), source, &err);
        check(ds_table_scan(table, &options, &stream, &err), source, &err);
    }
    rows = drained(&stream);
    c = end(c, rows);
    ds_table_free(table);
    return c;
}

static struct cost count(const char *location)
{
    struct ds_scan_options options = {.struct_size = sizeof options};
    struct ds_error err = {0};
    ds_table *table = NULL;
    int64_t rows = 0;

    struct cost c = begin();
    check(ds_table_open(location, &table, &err), location, &err);
    check(ds_table_count(table, &options, &rows, NULL, &err), location, &err);
    c = end(c, rows);
    ds_table_free(table);
    return c;
}

static void print(const struct cost *c, const char *table)
{
    printf("{\"rows\": %" PRId64 ", \"seconds\": %.6f, \"cpu_s\": %.6f, "
           "\"peak_kb\": %ld, \"table\": \"%s\"}\n",
           c->rows, c->seconds, c->cpu_s, c->peak_kb, table);
}

int main(int argc, char **argv)
{
    const char *what = argc > 2 ? argv[1] : "";
    char location[4096];
    struct cost c = {0};

    if (strcmp(what, "write") == 0 && argc == 6) {
        snprintf(location, sizeof location, "%s/rows-%ld", argv[2], (long)getpid());
        c = write_table(location, argv[3], argv[5]);
        print(&c, location);
    } else if (strcmp(what, "scan") == 0 && argc >= 4 && argc <= 6) {
        char *columns = argc > 4 && strcmp(argv[4], "-") != 0 ? argv[4] : NULL;
        unsigned threads = (unsigned)strtoul(argv[3], NULL, 10);
        c = scan(argv[2], threads, columns, argc > 5 ? argv[5] : NULL);
        print(&c, argv[2]);
    } else if (strcmp(what, "count") == 0 && argc == 3) {
        c = count(argv[2]);
        print(&c, argv[2]);
    } else {
        fprintf(stderr, "usage: bench_parquet write DIR FILE THREADS CODEC\n"
                        "       bench_parquet scan TABLE|FILE THREADS "
                        "[COLUMNS|- [FILTER]]\n"
                        "       bench_parquet count TABLE\n");
        return 2;
    }
    return 0;
}
