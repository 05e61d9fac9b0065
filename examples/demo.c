// The main job, watched: many processes append to one table, and every row is counted.
//
//   datashard_demo DIR
//
// DIR is empty or absent. First the contrast: processes that increment one number in a
// plain file, each reading, adding and writing as programs do. Then as many processes
// append single rows to one Iceberg table (SQLite catalog, local warehouse), each append
// a commit of its own; a writer notes a row only after it was acknowledged. Then a fresh
// process (this program with --check) scans the table and compares.
//
// DEMO_WRITERS (12), DEMO_APPENDS (10000) and DEMO_INCREMENTS (10000) in the environment
// change the sizes. Exit code 1 when anything is off.
#include <datashard/datashard.h>

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum {
    WRITERS_MAX = 256,
    PATH_SIZE = 4096,
    LINE_SIZE = 48, // Of a row's text, with its newline: all are of one length.
    COMMIT_TIMEOUT_MS = 600000,
    SNAPSHOTS_KEPT = 20,
};

struct demo {
    char directory[PATH_SIZE];
    int64_t writers;
    int64_t appends;
    int64_t increments;
};

// What a writer tells the parent after each commit; a pipe takes it in one piece.
struct report {
    int64_t acked;
    int64_t resolved; // Unknown outcomes that were settled.
    double swaps;     // Its part of the swaps that were made.
};

static double now_seconds(void)
{
    struct timespec t = {0};
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void die(const char *what, const struct ds_error *err)
{
    fflush(stdout);
    fprintf(stderr, "demo: %s: %s\n", what, err ? err->message : strerror(errno));
    _exit(1);
}

static void path_of(const struct demo *d, const char *name, char out[PATH_SIZE])
{
    int size = snprintf(out, PATH_SIZE, "%s/%s", d->directory, name);
    if (size < 0 || size >= PATH_SIZE) {
        errno = ENAMETOOLONG;
        die(d->directory, NULL);
    }
}

static int64_t setting(const char *name, int64_t fallback, int64_t max)
{
    const char *text = getenv(name);
    char *end = NULL;
    if (!text || !*text) {
        return fallback;
    }
    long long v = strtoll(text, &end, 10);
    if (*end || v < 1 || v > max) {
        fprintf(stderr, "demo: %s is '%s', expected 1 to %" PRId64 "\n", name, text, max);
        exit(2);
    }
    return v;
}

// Waits for every child; false when one of them failed.
static bool all_good(int64_t count)
{
    bool good = true;
    for (int64_t i = 0; i < count; i++) {
        int status = 0;
        while (wait(&status) < 0 && errno == EINTR) {
        }
        good = good && WIFEXITED(status) && WEXITSTATUS(status) == 0;
    }
    return good;
}

static void fork_failed(void)
{
    die("fork", NULL);
}

// Reads the number, adds one, writes it back: the gentlest way, in place, never empty.
static void increment(const char *path, int64_t times)
{
    char text[21] = "";
    for (int64_t i = 0; i < times; i++) {
        int fd = open(path, O_RDWR);
        if (fd < 0 || pread(fd, text, 20, 0) != 20) {
            die(path, NULL);
        }
        snprintf(text, sizeof(text), "%020" PRId64, (int64_t)strtoll(text, NULL, 10) + 1);
        if (pwrite(fd, text, 20, 0) != 20 || close(fd) != 0) {
            die(path, NULL);
        }
    }
}

static int64_t read_number(const char *path)
{
    char text[21] = "";
    int fd = open(path, O_RDONLY);
    if (fd < 0 || pread(fd, text, 20, 0) != 20) {
        die(path, NULL);
    }
    close(fd);
    return strtoll(text, NULL, 10);
}

static void contrast(const struct demo *d)
{
    char path[PATH_SIZE];
    int64_t expected = d->writers * d->increments;

    path_of(d, "counter.txt", path);
    FILE *f = fopen(path, "w");
    if (!f || fprintf(f, "%020d\n", 0) < 0 || fclose(f) != 0) {
        die(path, NULL);
    }
    printf("1. A plain file: %" PRId64 " processes add 1 to a number in it, %" PRId64
           " times each,\n   with nothing that coordinates them.\n",
           d->writers, d->increments);
    fflush(stdout);
    for (int64_t i = 0; i < d->writers; i++) {
        pid_t pid = fork();
        if (pid < 0) {
            fork_failed();
        }
        if (pid == 0) {
            increment(path, d->increments);
            _exit(0);
        }
    }
    if (!all_good(d->writers)) {
        exit(1);
    }
    int64_t found = read_number(path);
    printf("   %" PRId64 " increments were made; the file says %" PRId64 ": %" PRId64
           " are lost.\n\n",
           expected, found, expected - found);
}

// One row as an Arrow stream. Everything is in the struct, so releasing frees nothing.
struct one_row {
    int32_t writer;
    int32_t number;
    int32_t offsets[2];
    char text[LINE_SIZE];
    const void *root_buffers[1];
    const void *writer_buffers[2];
    const void *number_buffers[2];
    const void *text_buffers[3];
    struct ArrowArray arrays[3];
    struct ArrowArray *array_list[3];
    bool done;
};

static void keep_schema(struct ArrowSchema *s)
{
    s->release = NULL;
}

static void keep_array(struct ArrowArray *a)
{
    a->release = NULL;
}

static void keep_stream(struct ArrowArrayStream *s)
{
    s->release = NULL;
}

static struct ArrowSchema row_fields[3] = {
    {.format = "i", .name = "writer", .release = keep_schema},
    {.format = "i", .name = "number", .release = keep_schema},
    {.format = "u", .name = "message", .release = keep_schema},
};
static struct ArrowSchema *row_field_list[3] = {&row_fields[0], &row_fields[1],
                                                &row_fields[2]};

static int row_schema(struct ArrowArrayStream *s, struct ArrowSchema *out)
{
    (void)s;
    for (int i = 0; i < 3; i++) {
        row_fields[i].release = keep_schema;
    }
    *out = (struct ArrowSchema){.format = "+s",
                                .name = "",
                                .n_children = 3,
                                .children = row_field_list,
                                .release = keep_schema};
    return 0;
}

static int row_next(struct ArrowArrayStream *s, struct ArrowArray *out)
{
    struct one_row *r = s->private_data;

    *out = (struct ArrowArray){0};
    if (r->done) {
        return 0;
    }
    r->done = true;
    r->offsets[1] = (int32_t)strlen(r->text);
    r->writer_buffers[1] = &r->writer;
    r->number_buffers[1] = &r->number;
    r->text_buffers[1] = r->offsets;
    r->text_buffers[2] = r->text;
    const void **buffers[3] = {r->writer_buffers, r->number_buffers, r->text_buffers};
    for (int i = 0; i < 3; i++) {
        r->arrays[i] = (struct ArrowArray){.length = 1,
                                           .n_buffers = i == 2 ? 3 : 2,
                                           .buffers = buffers[i],
                                           .release = keep_array};
        r->array_list[i] = &r->arrays[i];
    }
    *out = (struct ArrowArray){.length = 1,
                               .n_buffers = 1,
                               .n_children = 3,
                               .buffers = r->root_buffers,
                               .children = r->array_list,
                               .release = keep_array};
    return 0;
}

static const char *row_error(struct ArrowArrayStream *s)
{
    (void)s;
    return NULL;
}

static ds_table *open_demo_table(const struct demo *d, bool create)
{
    struct ds_error err = {0};
    struct ds_property warehouse = {"warehouse", NULL};
    struct ds_properties settings = {&warehouse, 1};
    // Made for many small commits: a bounded number of snapshots and metadata files.
    char kept[16] = "";
    struct ds_property wanted[] = {
        {"datashard.expire-on-commit", "true"},
        {"datashard.expire-batch", "32"},
        {"history.expire.max-snapshot-age-ms", "1"},
        {"history.expire.min-snapshots-to-keep", kept},
        {"write.metadata.delete-after-commit.enabled", "true"},
        {"write.metadata.previous-versions-max", kept},
    };
    struct ds_table_spec spec = {
        .struct_size = sizeof(spec),
        .schema_json =
            "{\"type\": \"struct\", \"fields\": ["
            "{\"id\": 1, \"name\": \"writer\", \"required\": true, \"type\": \"int\"},"
            "{\"id\": 2, \"name\": \"number\", \"required\": true, \"type\": \"int\"},"
            "{\"id\": 3, \"name\": \"message\", \"required\": true, \"type\": \"string\"}"
            "]}",
        .properties = {wanted, sizeof(wanted) / sizeof(wanted[0])},
    };
    char uri[PATH_SIZE + 8];
    char path[PATH_SIZE];
    char where[PATH_SIZE];
    ds_catalog *catalog = NULL;
    ds_table *table = NULL;

    snprintf(kept, sizeof(kept), "%d", SNAPSHOTS_KEPT);
    path_of(d, "catalog.db", path);
    path_of(d, "warehouse", where);
    warehouse.value = where;
    snprintf(uri, sizeof(uri), "sqlite:%s", path);
    int rc = ds_catalog_open(uri, &settings, &catalog, &err);
    if (rc == DS_OK) {
        rc = create ? ds_catalog_create_table(catalog, "demo.events", &spec, &table, &err)
                    : ds_catalog_open_table(catalog, "demo.events", &table, &err);
    }
    if (rc < 0) {
        die("opening demo.events", &err);
    }
    ds_catalog_free(catalog);
    return table;
}

// Appends one row; returns once it is acknowledged. An unknown outcome is settled first:
// writing again without asking could double the row.
static void append_row(ds_table *table, struct one_row *row, struct report *report)
{
    struct ds_commit_options options = {.struct_size = sizeof(options),
                                        .timeout_ms = COMMIT_TIMEOUT_MS,
                                        .attempts_max = -1};
    for (;;) {
        struct ds_error err = {0};
        struct ds_commit_result result = {.struct_size = sizeof(result)};
        struct ArrowArrayStream stream = {row_schema, row_next, row_error, keep_stream,
                                          row};
        row->done = false;
        int rc = ds_table_append(table, &stream, &options, &result, &err);
        report->swaps += 1.0 / (result.group_size > 0 ? result.group_size : 1);
        if (rc == DS_EUNKNOWN) {
            report->resolved++;
            rc = ds_table_resolve(table, result.token, COMMIT_TIMEOUT_MS, &result, &err);
            if (rc == DS_OK && result.outcome == DS_NOT_COMMITTED) {
                continue;
            }
        }
        if (rc < 0) {
            die("append", &err);
        }
        report->acked = 1;
        return;
    }
}

// Each row has a text nobody else makes: its writer, its number and 64 random bits.
static void make_text(struct one_row *row, int random_fd)
{
    uint64_t random = 0;
    if (read(random_fd, &random, sizeof(random)) != (ssize_t)sizeof(random)) {
        die("/dev/urandom", NULL);
    }
    snprintf(row->text, sizeof(row->text), "writer %03d row %08d %016" PRIx64,
             row->writer, row->number, random);
}

static void run_writer(const struct demo *d, int32_t writer, int reports)
{
    char name[32];
    char path[PATH_SIZE];
    struct one_row row = {.writer = writer};
    int random_fd = open("/dev/urandom", O_RDONLY);
    ds_table *table = open_demo_table(d, false);

    snprintf(name, sizeof(name), "acked-%03d.txt", writer);
    path_of(d, name, path);
    int log = open(path, O_WRONLY | O_CREAT | O_EXCL, 0666);
    if (log < 0 || random_fd < 0) {
        die(path, NULL);
    }
    for (int32_t i = 0; i < d->appends; i++) {
        struct report report = {0};
        char line[LINE_SIZE + 1];
        row.number = i;
        make_text(&row, random_fd);
        append_row(table, &row, &report);
        int size = snprintf(line, sizeof(line), "%s\n", row.text);
        if (write(log, line, (size_t)size) != size ||
            write(reports, &report, sizeof(report)) != (ssize_t)sizeof(report)) {
            die(path, NULL);
        }
    }
    ds_table_free(table);
    _exit(close(log) == 0 ? 0 : 1);
}

static void show_bar(int64_t acked, int64_t total, double seconds)
{
    char bar[41] = "........................................";
    memset(bar, '#', (size_t)(acked * 40 / total));
    fprintf(stderr, "\r   [%s] %" PRId64 "/%" PRId64 "  %.0f commits/s ", bar, acked,
            total, (double)acked / (seconds > 0 ? seconds : 1));
    fflush(stderr);
}

// Adds up what the writers report until the last of them has closed the pipe.
static struct report watch(const struct demo *d, int reports, double start)
{
    struct report sum = {0};
    struct report one = {0};
    double shown = 0;
    bool terminal = isatty(2);
    ssize_t got = 0;

    while ((got = read(reports, &one, sizeof(one))) != 0) {
        if (got < 0 && errno != EINTR) {
            die("reading reports", NULL);
        }
        if (got != (ssize_t)sizeof(one)) {
            continue;
        }
        sum.acked += one.acked;
        sum.swaps += one.swaps;
        sum.resolved += one.resolved;
        double now = now_seconds();
        if (terminal && (now - shown > 0.1 || sum.acked == d->writers * d->appends)) {
            show_bar(sum.acked, d->writers * d->appends, now - start);
            shown = now;
        }
    }
    if (terminal) {
        fputs("\n", stderr);
    }
    return sum;
}

// Runs the writers; returns the seconds they took.
static double write_rows(const struct demo *d)
{
    int reports[2];

    printf("2. One Iceberg table: %" PRId64 " processes append %" PRId64
           " rows each, every row a commit of its own.\n",
           d->writers, d->appends);
    fflush(stdout);
    ds_table_free(open_demo_table(d, true));
    if (pipe(reports) != 0) {
        die("pipe", NULL);
    }
    double start = now_seconds();
    for (int64_t i = 0; i < d->writers; i++) {
        pid_t pid = fork();
        if (pid < 0) {
            fork_failed();
        }
        if (pid == 0) {
            close(reports[0]);
            run_writer(d, (int32_t)i, reports[1]);
        }
    }
    close(reports[1]);
    struct report sum = watch(d, reports[0], start);
    bool good = all_good(d->writers);
    double seconds = now_seconds() - start;
    printf("   %" PRId64 " rows were acknowledged in %.1f s, %.0f a second, by %.0f "
           "swaps; %" PRId64 " unknown outcomes settled.\n\n",
           sum.acked, seconds, (double)sum.acked / (seconds > 0 ? seconds : 1), sum.swaps,
           sum.resolved);
    fflush(stdout);
    if (!good) {
        fputs("demo: a writer failed; its message is above\n", stderr);
        exit(1);
    }
    return seconds;
}

// Texts of one length, one after another.
struct lines {
    char *data;
    size_t count;
    size_t capacity;
};

static void lines_add(struct lines *l, const char *text, size_t size)
{
    if (l->count == l->capacity) {
        l->capacity = l->capacity ? l->capacity * 2 : 4096;
        l->data = realloc(l->data, l->capacity * LINE_SIZE);
        if (!l->data) {
            die("out of memory", NULL);
        }
    }
    char *slot = l->data + l->count++ * LINE_SIZE;
    memset(slot, 0, LINE_SIZE);
    memcpy(slot, text, size < LINE_SIZE ? size : LINE_SIZE - 1);
}

static int by_text(const void *a, const void *b)
{
    return memcmp(a, b, LINE_SIZE);
}

static void read_acked(const struct demo *d, struct lines *out)
{
    for (int64_t w = 0; w < d->writers; w++) {
        char name[32];
        char path[PATH_SIZE];
        char line[256];
        snprintf(name, sizeof(name), "acked-%03d.txt", (int)w);
        path_of(d, name, path);
        FILE *f = fopen(path, "r");
        if (!f) {
            die(path, NULL);
        }
        while (fgets(line, sizeof(line), f)) {
            lines_add(out, line, strcspn(line, "\n"));
        }
        fclose(f);
    }
    qsort(out->data, out->count, LINE_SIZE, by_text);
}

static void read_batch(const struct ArrowArray *batch, struct lines *out)
{
    const struct ArrowArray *text = batch->children[0];
    const int32_t *offsets = (const int32_t *)text->buffers[1] + text->offset;
    const char *bytes = text->buffers[2];
    for (int64_t i = 0; i < text->length; i++) {
        lines_add(out, bytes + offsets[i], (size_t)(offsets[i + 1] - offsets[i]));
    }
}

static void read_found(ds_table *table, struct lines *out)
{
    static const char *const columns[] = {"message"};
    struct ds_error err = {0};
    struct ds_scan_options options = {
        .struct_size = sizeof(options), .columns = columns, .column_count = 1};
    struct ArrowArrayStream stream = {0};
    if (ds_table_scan(table, &options, &stream, &err) < 0) {
        die("scan", &err);
    }
    for (;;) {
        struct ArrowArray batch = {0};
        if (stream.get_next(&stream, &batch) != 0) {
            fprintf(stderr, "demo: scan: %s\n", stream.get_last_error(&stream));
            exit(1);
        }
        if (!batch.release) {
            break;
        }
        read_batch(&batch, out);
        batch.release(&batch);
    }
    stream.release(&stream);
    qsort(out->data, out->count, LINE_SIZE, by_text);
}

struct verdict {
    size_t lost;
    size_t duplicate;
    size_t alien;
};

// Both are sorted: one pass over the two.
static struct verdict compare(const struct lines *acked, const struct lines *found)
{
    struct verdict v = {0};
    size_t a = 0;
    size_t f = 0;
    while (a < acked->count || f < found->count) {
        const char *wanted = a < acked->count ? acked->data + a * LINE_SIZE : NULL;
        const char *there = f < found->count ? found->data + f * LINE_SIZE : NULL;
        int order = !wanted ? 1 : !there ? -1 : memcmp(wanted, there, LINE_SIZE);
        if (order == 0) {
            a++;
            f++;
        } else if (order < 0) {
            v.lost++;
            a++;
        } else {
            bool again = f > 0 && memcmp(there - LINE_SIZE, there, LINE_SIZE) == 0;
            v.duplicate += again;
            v.alien += !again;
            f++;
        }
    }
    return v;
}

// The fresh process: what is in the table, against what was acknowledged.
static int check(const struct demo *d, const char *seconds)
{
    struct lines acked = {0};
    struct lines found = {0};
    struct ds_error err = {0};
    struct ds_table_info info = {.struct_size = sizeof(info)};
    ds_table *table = open_demo_table(d, false);

    if (ds_table_info(table, &info, &err) < 0) {
        die("info", &err);
    }
    read_acked(d, &acked);
    read_found(table, &found);
    struct verdict v = compare(&acked, &found);
    printf(
        "3. A fresh process scanned the table and compared it row by row with what the "
        "writers\n   were told. %" PRId64 " snapshots were committed; the newest %zu are "
        "kept.\n\n",
        info.last_sequence_number, info.snapshot_count);
    printf("demo: writers=%" PRId64 " appends=%" PRId64
           " acked=%zu found=%zu lost=%zu duplicate=%zu alien=%zu snapshots=%" PRId64
           " seconds=%s\n",
           d->writers, d->writers * d->appends, acked.count, found.count, v.lost,
           v.duplicate, v.alien, info.last_sequence_number, seconds);
    bool exact = v.lost + v.duplicate + v.alien == 0 &&
                 acked.count == (size_t)(d->writers * d->appends);
    ds_table_free(table);
    free(acked.data);
    free(found.data);
    return exact ? 0 : 1;
}

int main(int argc, char **argv)
{
    struct demo d = {
        .writers = setting("DEMO_WRITERS", 12, WRITERS_MAX),
        .appends = setting("DEMO_APPENDS", 10000, 1000000),
        .increments = setting("DEMO_INCREMENTS", 10000, 100000000),
    };
    bool checking = argc == 4 && strcmp(argv[2], "--check") == 0;

    if (argc != 2 && !checking) {
        fputs("usage: datashard_demo DIR\n", stderr);
        return 2;
    }
    if (mkdir(argv[1], 0777) != 0 && errno != EEXIST) {
        die(argv[1], NULL);
    }
    snprintf(d.directory, sizeof(d.directory), "%s", argv[1]);
    if (checking) {
        return check(&d, argv[3]);
    }
    contrast(&d);
    double seconds = write_rows(&d);
    char text[32];
    snprintf(text, sizeof(text), "%.1f", seconds);
    fflush(stdout);
    execl("/proc/self/exe", argv[0], argv[1], "--check", text, (char *)NULL);
    die("starting a fresh process", NULL);
    return 1;
}
