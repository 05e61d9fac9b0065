// The C API's own time for what bench_python.py measures of the Python package.
//
//   bench_python_c append FOLDER ROWS.arrow TIMES   (a new path table FOLDER)
//   bench_python_c scan FOLDER                      (every column of every row)
//
// The rows are in memory before the clock runs. Prints one JSON line: {"rows": …,
// "seconds": …, "peak_kb": …}; of several appends the seconds are the median.
#include <datashard/datashard.h>

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

enum { BATCHES_MAX = 4096, TIMES_MAX = 100000 };

// Batches that can be streamed again and again; they stay the owner's.
struct replay {
    struct ArrowSchema schema;
    struct ArrowArray batches[BATCHES_MAX];
    int count;
    int next;
};

static double now_s(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void check(int rc, const char *what, const char *why)
{
    if (rc != 0) {
        fprintf(stderr, "bench_python_c: %s: %s\n", what, why ? why : "");
        exit(1);
    }
}

static void keep_schema(struct ArrowSchema *s)
{
    s->release = NULL;
}

static void keep_array(struct ArrowArray *a)
{
    a->release = NULL;
}

static int replay_schema(struct ArrowArrayStream *s, struct ArrowSchema *out)
{
    *out = ((struct replay *)s->private_data)->schema;
    out->release = keep_schema;
    return 0;
}

static int replay_next(struct ArrowArrayStream *s, struct ArrowArray *out)
{
    struct replay *r = s->private_data;

    *out = (struct ArrowArray){0};
    if (r->next < r->count) {
        *out = r->batches[r->next++];
        out->release = keep_array;
    }
    return 0;
}

static const char *replay_error(struct ArrowArrayStream *s)
{
    (void)s;
    return NULL;
}

static void replay_release(struct ArrowArrayStream *s)
{
    s->release = NULL;
}

static void load(struct replay *r, const char *file, struct ds_error *err)
{
    struct ArrowArrayStream in = {0};

    check(ds_file_scan(file, &in, err), file, err->message);
    check(in.get_schema(&in, &r->schema), file, in.get_last_error(&in));
    for (;;) {
        struct ArrowArray batch = {0};
        check(in.get_next(&in, &batch), file, in.get_last_error(&in));
        if (!batch.release) {
            break;
        }
        check(r->count == BATCHES_MAX, file, "too many batches");
        r->batches[r->count++] = batch;
    }
    in.release(&in);
}

static void unload(struct replay *r)
{
    for (int i = 0; i < r->count; i++) {
        r->batches[i].release(&r->batches[i]);
    }
    r->schema.release(&r->schema);
}

static int by_size(const void *a, const void *b)
{
    double x = *(const double *)a;
    double y = *(const double *)b;
    return (x > y) - (x < y);
}

static double append(const char *folder, const char *file, int times, int64_t *rows)
{
    struct ds_table_spec spec = {.struct_size = sizeof spec};
    struct ds_error err = {0};
    struct replay *r = calloc(1, sizeof *r);
    double *seconds = calloc((size_t)times, sizeof *seconds);
    ds_table *table = NULL;

    check(!r || !seconds, "memory", NULL);
    load(r, file, &err);
    spec.schema = &r->schema;
    check(ds_table_create(folder, &spec, &table, &err), folder, err.message);
    for (int i = 0; i < times; i++) {
        struct ArrowArrayStream stream = {replay_schema, replay_next, replay_error,
                                          replay_release, r};
        r->next = 0;
        double start = now_s();
        check(ds_table_append(table, &stream, NULL, NULL, &err), "append", err.message);
        seconds[i] = now_s() - start;
    }
    *rows = 0;
    for (int i = 0; i < r->count; i++) {
        *rows += r->batches[i].length;
    }
    qsort(seconds, (size_t)times, sizeof *seconds, by_size);
    double median = seconds[times / 2];
    ds_table_free(table);
    unload(r);
    free(r);
    free(seconds);
    return median;
}

// Keeps every batch until the end, as one does who asks for a whole Arrow table.
static double scan(const char *folder, int64_t *rows)
{
    struct ArrowArrayStream stream = {0};
    struct ArrowArray *kept = calloc(BATCHES_MAX, sizeof *kept);
    struct ds_error err = {0};
    ds_table *table = NULL;
    int count = 0;

    check(!kept, "memory", NULL);
    check(ds_table_open(folder, &table, &err), folder, err.message);
    double start = now_s();
    check(ds_table_scan(table, NULL, &stream, &err), "scan", err.message);
    *rows = 0;
    for (;;) {
        check(count == BATCHES_MAX, folder, "too many batches");
        check(stream.get_next(&stream, &kept[count]), "scan",
              stream.get_last_error(&stream));
        if (!kept[count].release) {
            break;
        }
        *rows += kept[count++].length;
    }
    double seconds = now_s() - start;
    for (int i = 0; i < count; i++) {
        kept[i].release(&kept[i]);
    }
    stream.release(&stream);
    ds_table_free(table);
    free(kept);
    return seconds;
}

int main(int argc, char **argv)
{
    struct rusage used = {0};
    int64_t rows = 0;
    double seconds = 0;

    if (argc == 5 && strcmp(argv[1], "append") == 0) {
        long times = strtol(argv[4], NULL, 10);
        check(times < 1 || times > TIMES_MAX, argv[4], "1 to 100,000 times");
        seconds = append(argv[2], argv[3], (int)times, &rows);
    } else if (argc == 3 && strcmp(argv[1], "scan") == 0) {
        seconds = scan(argv[2], &rows);
    } else {
        fprintf(stderr, "usage: bench_python_c append FOLDER ROWS.arrow TIMES\n"
                        "       bench_python_c scan FOLDER\n");
        return 2;
    }
    getrusage(RUSAGE_SELF, &used);
    printf("{\"rows\": %" PRId64 ", \"seconds\": %.6f, \"peak_kb\": %ld}\n", rows,
           seconds, used.ru_maxrss);
    return 0;
}
