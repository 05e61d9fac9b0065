// The C API's own time for what bench_python.py measures of the Python package.
//
//   bench_python_c append FOLDER ROWS.arrow TIMES   (a new path table FOLDER)
//   bench_python_c scan FOLDER TIMES                (every column of every row)
//   bench_python_c make FOLDER ROWS.arrow           (FOLDER/table, for writers)
//   bench_python_c make-ingest FOLDER ROWS.arrow    (the same, but history is bounded)
//   bench_python_c writer FOLDER ROWS.arrow NUMBER TIMES
//
// The rows are in memory before the clock runs. A writer makes FOLDER/ready-NUMBER, and
// waits for FOLDER/go. Prints one JSON line: {"rows": …, "seconds": …, "peak_kb": …,
// "held_kb": …}; of several appends or scans the seconds are the median, a writer's are
// of all its appends. What the process had in memory when the clock began is held_kb.
#include <datashard/datashard.h>

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { BATCHES_MAX = 4096, TIMES_MAX = 100000, PATH_SIZE = 4096 };

// Batches that can be streamed again and again; they stay the owner's.
struct replay {
    struct ArrowSchema schema;
    struct ArrowArray batches[BATCHES_MAX];
    int count;
    int next;
};

struct found {
    int64_t rows;
    long held_kb;
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

// What the process has in memory, in KiB; from now on its peak is what it has and will
// have.
static long held_kb(void)
{
    FILE *peak = fopen("/proc/self/clear_refs", "w");
    FILE *now = fopen("/proc/self/statm", "r");
    char text[128] = "";
    long pages = 0;

    check(!peak || fputs("5", peak) < 0 || fclose(peak) != 0, "clear_refs", NULL);
    check(!now || !fgets(text, sizeof text, now) || fclose(now) != 0, "statm", NULL);
    pages = strtol(strchr(text, ' ') ? strchr(text, ' ') : "", NULL, 10);
    return pages * (sysconf(_SC_PAGESIZE) / 1024);
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

static double median(double *seconds, int times)
{
    qsort(seconds, (size_t)times, sizeof *seconds, by_size);
    return seconds[times / 2];
}

// Appends what is loaded, and says how long that took.
static double append_once(ds_table *table, struct replay *r)
{
    struct ArrowArrayStream stream = {replay_schema, replay_next, replay_error,
                                      replay_release, r};
    struct ds_error err = {0};

    r->next = 0;
    double start = now_s();
    check(ds_table_append(table, &stream, NULL, NULL, &err), "append", err.message);
    return now_s() - start;
}

static struct replay *load_rows(const char *file)
{
    struct replay *r = calloc(1, sizeof *r);
    struct ds_error err = {0};

    check(!r, "memory", NULL);
    load(r, file, &err);
    return r;
}

static void free_rows(struct replay *r)
{
    unload(r);
    free(r);
}

static ds_table *create(const char *location, struct replay *r, bool ingest)
{
    // What the Python package sets for ingest=True.
    static struct ds_property bounded[] = {
        {"datashard.expire-on-commit", "true"},
        {"datashard.expire-batch", "32"},
        {"history.expire.max-snapshot-age-ms", "1"},
        {"history.expire.min-snapshots-to-keep", "100"},
        {"write.metadata.delete-after-commit.enabled", "true"},
        {"write.metadata.previous-versions-max", "100"},
    };
    struct ds_table_spec spec = {.struct_size = sizeof spec, .schema = &r->schema};
    struct ds_error err = {0};
    ds_table *table = NULL;

    if (ingest) {
        spec.properties =
            (struct ds_properties){bounded, sizeof bounded / sizeof *bounded};
    }
    check(ds_table_create(location, &spec, &table, &err), location, err.message);
    return table;
}

static double append(const char *folder, const char *file, int times, struct found *f)
{
    struct replay *r = load_rows(file);
    double *seconds = calloc((size_t)times, sizeof *seconds);
    ds_table *table = create(folder, r, false);

    check(!seconds, "memory", NULL);
    f->held_kb = held_kb();
    for (int i = 0; i < times; i++) {
        seconds[i] = append_once(table, r);
    }
    for (int i = 0; i < r->count; i++) {
        f->rows += r->batches[i].length;
    }
    double middle = median(seconds, times);
    ds_table_free(table);
    free_rows(r);
    free(seconds);
    return middle;
}

// Keeps every batch until the end, as one does who asks for a whole Arrow table.
static double scan_once(ds_table *table, struct ArrowArray *kept, int64_t *rows)
{
    struct ds_scan_options options = {.struct_size = sizeof options, .ordered = true};
    struct ArrowArrayStream stream = {0};
    struct ds_error err = {0};
    int count = 0;

    double start = now_s();
    check(ds_table_scan(table, &options, &stream, &err), "scan", err.message);
    *rows = 0;
    for (;;) {
        check(count == BATCHES_MAX, "scan", "too many batches");
        check(stream.get_next(&stream, &kept[count]), "scan",
              stream.get_last_error(&stream));
        if (!kept[count].release) {
            break;
        }
        *rows += kept[count++].length;
    }
    stream.release(&stream);
    double seconds = now_s() - start;
    for (int i = 0; i < count; i++) {
        kept[i].release(&kept[i]);
    }
    return seconds;
}

static double scan(const char *folder, int times, struct found *f)
{
    struct ArrowArray *kept = calloc(BATCHES_MAX, sizeof *kept);
    double *seconds = calloc((size_t)times, sizeof *seconds);
    struct ds_error err = {0};
    ds_table *table = NULL;

    check(!kept || !seconds, "memory", NULL);
    check(ds_table_open(folder, &table, &err), folder, err.message);
    f->held_kb = held_kb();
    for (int i = 0; i < times; i++) {
        seconds[i] = scan_once(table, kept, &f->rows);
    }
    double middle = median(seconds, times);
    ds_table_free(table);
    free(kept);
    free(seconds);
    return middle;
}

static double make(const char *folder, const char *file, bool ingest)
{
    char location[PATH_SIZE];
    struct replay *r = load_rows(file);

    (void)mkdir(folder, 0777);
    (void)snprintf(location, sizeof location, "%s/table", folder);
    ds_table_free(create(location, r, ingest));
    free_rows(r);
    return 0;
}

// Waits until all writers are let go.
static void stand_ready(const char *folder, const char *number)
{
    const struct timespec pause = {0, 1000000};
    char path[PATH_SIZE];
    FILE *mark = NULL;

    (void)snprintf(path, sizeof path, "%s/ready-%s", folder, number);
    mark = fopen(path, "w");
    check(!mark || fclose(mark) != 0, path, "cannot be made");
    (void)snprintf(path, sizeof path, "%s/go", folder);
    while (access(path, F_OK) != 0) {
        nanosleep(&pause, NULL);
    }
}

static double writer(char **argv, int times, struct found *f)
{
    struct replay *r = load_rows(argv[3]);
    char location[PATH_SIZE];
    struct ds_error err = {0};
    ds_table *table = NULL;

    (void)snprintf(location, sizeof location, "%s/table", argv[2]);
    check(ds_table_open(location, &table, &err), location, err.message);
    stand_ready(argv[2], argv[4]);
    double start = now_s();
    for (int i = 0; i < times; i++) {
        (void)append_once(table, r);
    }
    double seconds = now_s() - start;
    f->rows = times;
    ds_table_free(table);
    free_rows(r);
    return seconds;
}

static int to_times(const char *text)
{
    long times = strtol(text, NULL, 10);

    check(times < 1 || times > TIMES_MAX, text, "1 to 100,000 times");
    return (int)times;
}

int main(int argc, char **argv)
{
    struct rusage used = {0};
    struct found found = {0};
    double seconds = 0;

    if (argc == 5 && strcmp(argv[1], "append") == 0) {
        seconds = append(argv[2], argv[3], to_times(argv[4]), &found);
    } else if (argc == 4 && strcmp(argv[1], "scan") == 0) {
        seconds = scan(argv[2], to_times(argv[3]), &found);
    } else if (argc == 4 && strcmp(argv[1], "make") == 0) {
        seconds = make(argv[2], argv[3], false);
    } else if (argc == 4 && strcmp(argv[1], "make-ingest") == 0) {
        seconds = make(argv[2], argv[3], true);
    } else if (argc == 6 && strcmp(argv[1], "writer") == 0) {
        seconds = writer(argv, to_times(argv[5]), &found);
    } else {
        fprintf(stderr, "usage: bench_python_c append FOLDER ROWS.arrow TIMES\n"
                        "       bench_python_c scan FOLDER TIMES\n"
                        "       bench_python_c make|make-ingest FOLDER ROWS.arrow\n"
                        "       bench_python_c writer FOLDER ROWS.arrow NUMBER TIMES\n");
        return 2;
    }
    getrusage(RUSAGE_SELF, &used);
    printf("{\"rows\": %" PRId64
           ", \"seconds\": %.6f, \"peak_kb\": %ld, \"held_kb\": %ld}\n",
           found.rows, seconds, used.ru_maxrss, found.held_kb);
    return 0;
}
