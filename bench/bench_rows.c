// Append and scan of a Parquet file's rows through the public API.
//
//   bench_rows DIR FILE.parquet THREADS
//
// Prints one JSON line: {"rows": …, "append_s": …, "scan_s": …}. The scan decodes every
// column of every row and touches each buffer's first byte, as a consumer would.
#include <datashard/datashard.h>

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static double now_s(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void check(int rc, const char *what, const struct ds_error *err)
{
    if (rc < 0) {
        fprintf(stderr, "bench_rows: %s: %s\n", what, err->message);
        exit(1);
    }
}

static double append(const char *table_path, const char *file, struct ds_error *err)
{
    struct ds_table_spec spec = {.struct_size = sizeof spec};
    struct ArrowArrayStream rows = {0};
    struct ArrowSchema schema = {0};
    ds_table *table = NULL;

    check(ds_file_scan(file, &rows, err), file, err);
    if (rows.get_schema(&rows, &schema) != 0) {
        fprintf(stderr, "bench_rows: %s\n", rows.get_last_error(&rows));
        exit(1);
    }
    spec.schema = &schema;
    check(ds_table_create(table_path, &spec, &table, err), table_path, err);
    schema.release(&schema);
    double start = now_s();
    check(ds_table_append(table, &rows, NULL, NULL, err), "append", err);
    double seconds = now_s() - start;
    ds_table_free(table);
    return seconds;
}

static double scan(const char *table_path, unsigned threads, int64_t *rows,
                   struct ds_error *err)
{
    struct ds_scan_options options = {.struct_size = sizeof options, .threads = threads};
    struct ArrowArrayStream stream = {0};
    struct ArrowArray batch = {0};
    ds_table *table = NULL;
    unsigned touched = 0;

    check(ds_table_open(table_path, &table, err), table_path, err);
    double start = now_s();
    check(ds_table_scan(table, &options, &stream, err), "scan", err);
    *rows = 0;
    while (stream.get_next(&stream, &batch) == 0 && batch.release) {
        *rows += batch.length;
        for (int64_t i = 0; i < batch.n_children; i++) {
            const struct ArrowArray *column = batch.children[i];
            for (int64_t b = 0; b < column->n_buffers; b++) {
                touched +=
                    column->buffers[b] ? *(const unsigned char *)column->buffers[b] : 0;
            }
        }
        batch.release(&batch);
    }
    double seconds = now_s() - start;
    const char *failed = stream.get_last_error(&stream);
    if (failed && failed[0]) {
        fprintf(stderr, "bench_rows: scan: %s\n", failed);
        exit(1);
    }
    stream.release(&stream);
    ds_table_free(table);
    return touched == 1 ? -seconds : seconds; // Keeps the reads from being dropped.
}

int main(int argc, char **argv)
{
    struct ds_error err = {0};
    char table_path[4096];
    int64_t rows = 0;

    if (argc != 4) {
        fprintf(stderr, "usage: bench_rows DIR FILE.parquet THREADS\n");
        return 2;
    }
    snprintf(table_path, sizeof table_path, "%s/rows-%ld", argv[1], (long)time(NULL));
    double append_s = append(table_path, argv[2], &err);
    double scan_s = scan(table_path, (unsigned)strtoul(argv[3], NULL, 10), &rows, &err);
    printf("{\"rows\": %" PRId64
           ", \"append_s\": %.3f, \"scan_s\": %.3f, \"table\": \"%s\"}\n",
           rows, append_s, scan_s, table_path);
    return 0;
}
