// What one durable single-row commit costs, beside the floor: the same writes, syncs,
// link and SQL swap done bare, in the same run, on the same disk, in turns.
//
//   bench_commit DIR [COMMITS]
//
// DIR is made anew. One line of figures for each kind of table, medians in microseconds:
//   bench_commit: table=sqlite commits=N commit_us=… floor_us=… ratio=… …
#include <datashard/datashard.h>

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <sqlite3.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { BLOCK = 10, COMMITS_DEFAULT = 1100, PATH_SIZE = 4096 };

// What a commit leaves, by its sizes: taken from a real one, written again by the floor.
struct sizes {
    size_t data;
    size_t manifest;
    size_t list;
    size_t metadata;
};

static int64_t now_us(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

static void die(const char *what, const struct ds_error *err)
{
    fprintf(stderr, "bench_commit: %s: %s\n", what, err ? err->message : strerror(errno));
    exit(1);
}

static int by_value(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a;
    int64_t y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

static int64_t median(const int64_t *values, size_t count)
{
    int64_t *copy = malloc(count * sizeof *copy);
    if (!copy) {
        die("median", NULL);
    }
    memcpy(copy, values, count * sizeof *copy);
    qsort(copy, count, sizeof *copy, by_value);
    int64_t middle = copy[count / 2];
    free(copy);
    return middle;
}

// One row as an Arrow stream: a long and a line of text of about 100 bytes.
struct one_row {
    int64_t id;
    int32_t offsets[2];
    char text[128];
    const void *id_buffers[2];
    const void *text_buffers[3];
    const void *root_buffers[1];
    struct ArrowArray id_array;
    struct ArrowArray text_array;
    struct ArrowArray *children[2];
    struct ArrowSchema id_schema;
    struct ArrowSchema text_schema;
    struct ArrowSchema *child_schemas[2];
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

static int row_schema(struct ArrowArrayStream *s, struct ArrowSchema *out)
{
    struct one_row *r = s->private_data;
    r->id_schema =
        (struct ArrowSchema){.format = "l", .name = "id", .release = keep_schema};
    r->text_schema = (struct ArrowSchema){.format = "u",
                                          .name = "msg",
                                          .flags = ARROW_FLAG_NULLABLE,
                                          .release = keep_schema};
    r->child_schemas[0] = &r->id_schema;
    r->child_schemas[1] = &r->text_schema;
    *out = (struct ArrowSchema){.format = "+s",
                                .name = "",
                                .n_children = 2,
                                .children = r->child_schemas,
                                .release = keep_schema};
    return 0;
}

static int row_next(struct ArrowArrayStream *s, struct ArrowArray *out)
{
    struct one_row *r = s->private_data;
    memset(out, 0, sizeof *out);
    if (r->done) {
        return 0;
    }
    r->done = true;
    r->id_buffers[0] = NULL;
    r->id_buffers[1] = &r->id;
    r->text_buffers[0] = NULL;
    r->text_buffers[1] = r->offsets;
    r->text_buffers[2] = r->text;
    r->root_buffers[0] = NULL;
    r->id_array = (struct ArrowArray){
        .length = 1, .n_buffers = 2, .buffers = r->id_buffers, .release = keep_array};
    r->text_array = (struct ArrowArray){
        .length = 1, .n_buffers = 3, .buffers = r->text_buffers, .release = keep_array};
    r->children[0] = &r->id_array;
    r->children[1] = &r->text_array;
    *out = (struct ArrowArray){.length = 1,
                               .n_buffers = 1,
                               .n_children = 2,
                               .buffers = r->root_buffers,
                               .children = r->children,
                               .release = keep_array};
    return 0;
}

static const char *row_error(struct ArrowArrayStream *s)
{
    (void)s;
    return NULL;
}

static void row_release(struct ArrowArrayStream *s)
{
    s->release = NULL;
}

static int64_t append_one(ds_table *table, int64_t id)
{
    struct one_row row = {.id = id};
    struct ArrowArrayStream stream = {row_schema, row_next, row_error, row_release, &row};
    struct ds_error err = {0};

    snprintf(row.text, sizeof row.text,
             "%08" PRId64
             " INFO worker 7: step finished in 12 ms, 3 files, 0 errors; next one "
             "in 30 s, queue empty....",
             id);
    row.offsets[1] = (int32_t)strlen(row.text);
    int64_t start = now_us();
    if (ds_table_append(table, &stream, NULL, NULL, &err) < 0) {
        die("append", &err);
    }
    return now_us() - start;
}

static void put_bare(const char *folder, const char *name, size_t size, char *path)
{
    static char bytes[1 << 20];
    snprintf(path, PATH_SIZE, "%s/%s", folder, name);
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
    if (fd < 0) {
        die(path, NULL);
    }
    for (size_t done = 0; done < size;) {
        size_t part = size - done < sizeof bytes ? size - done : sizeof bytes;
        ssize_t n = write(fd, bytes, part);
        if (n < 0) {
            die(path, NULL);
        }
        done += (size_t)n;
    }
    if (fsync(fd) < 0 || close(fd) < 0) {
        die(path, NULL);
    }
}

static void sync_folder(const char *folder)
{
    int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0 || fsync(fd) < 0 || close(fd) < 0) {
        die(folder, NULL);
    }
}

static void sql(sqlite3 *db, const char *text)
{
    if (sqlite3_exec(db, text, NULL, NULL, NULL) != SQLITE_OK) {
        fprintf(stderr, "bench_commit: %s: %s\n", text, sqlite3_errmsg(db));
        exit(1);
    }
}

static sqlite3 *floor_database(const char *folder)
{
    char path[PATH_SIZE];
    sqlite3 *db = NULL;
    snprintf(path, sizeof path, "%s/floor.db", folder);
    if (sqlite3_open(path, &db) != SQLITE_OK) {
        die(path, NULL);
    }
    sql(db, "PRAGMA journal_mode=PERSIST");
    sql(db, "PRAGMA synchronous=FULL");
    sql(db, "CREATE TABLE t (name TEXT PRIMARY KEY, location TEXT)");
    sql(db, "INSERT INTO t VALUES ('t', '0')");
    return db;
}

// The bare floor of one commit. With `db` the swap is an UPDATE, else a link.
static int64_t commit_bare(const char *folder, sqlite3 *db, const struct sizes *z, int n)
{
    char path[PATH_SIZE];
    char data[PATH_SIZE];
    char metadata[PATH_SIZE];
    char target[PATH_SIZE + 16];
    char name[64];
    char update[256];

    snprintf(data, sizeof data, "%s/floor-data", folder);
    snprintf(metadata, sizeof metadata, "%s/floor-metadata", folder);
    int64_t start = now_us();
    snprintf(name, sizeof name, "%d.parquet", n);
    put_bare(data, name, z->data, path);
    sync_folder(data);
    snprintf(name, sizeof name, "%d-m0.avro", n);
    put_bare(metadata, name, z->manifest, path);
    snprintf(name, sizeof name, "snap-%d.avro", n);
    put_bare(metadata, name, z->list, path);
    snprintf(name, sizeof name, "%d.metadata.json", n);
    put_bare(metadata, name, z->metadata, path);
    if (db) {
        sync_folder(metadata);
        snprintf(update, sizeof update,
                 "UPDATE t SET location = '%d' WHERE name = 't' AND location = '%d'",
                 n + 1, n);
        sql(db, update);
    } else {
        snprintf(target, sizeof target, "%s.v", path);
        if (link(path, target) < 0 || unlink(path) < 0) {
            die(target, NULL);
        }
        sync_folder(metadata);
    }
    return now_us() - start;
}

static ds_table *make_table(const char *folder, bool sqlite, ds_catalog **catalog)
{
    // The settings of a table made for ingest: bounded history, so that cost stays flat.
    static const struct ds_property settings[] = {
        {"write.metadata.delete-after-commit.enabled", "true"},
        {"write.metadata.previous-versions-max", "20"},
        {"datashard.expire-on-commit", "true"},
        {"datashard.expire-batch", "32"},
        {"history.expire.max-snapshot-age-ms", "1"},
        {"history.expire.min-snapshots-to-keep", "20"},
    };
    struct ds_table_spec spec = {
        .struct_size = sizeof spec,
        .schema_json =
            "{\"type\":\"struct\",\"fields\":["
            "{\"id\":1,\"name\":\"id\",\"required\":true,\"type\":\"long\"},"
            "{\"id\":2,\"name\":\"msg\",\"required\":false,\"type\":\"string\"}]}",
        .properties = {settings, sizeof settings / sizeof settings[0]}};
    struct ds_error err = {0};
    ds_table *table = NULL;
    char name[PATH_SIZE];
    int rc = DS_OK;

    if (sqlite) {
        snprintf(name, sizeof name, "sqlite:%s/catalog.db", folder);
        rc = ds_catalog_open(name, NULL, catalog, &err);
        if (rc == DS_OK) {
            rc = ds_catalog_create_table(*catalog, "bench.t", &spec, &table, &err);
        }
    } else {
        snprintf(name, sizeof name, "%s/path-table", folder);
        rc = ds_table_create(name, &spec, &table, &err);
    }
    if (rc < 0) {
        die("making a table", &err);
    }
    return table;
}

static int file_size(void *arg, const struct ds_file_entry *file)
{
    *(size_t *)arg = (size_t)file->size_bytes;
    return 0;
}

static size_t size_of(const char *location)
{
    struct stat st;
    const char *path = strncmp(location, "file://", 7) == 0 ? location + 7 : location;
    if (stat(path, &st) < 0) {
        die(location, NULL);
    }
    return (size_t)st.st_size;
}

static int list_size(void *arg, const struct ds_snapshot_info *s)
{
    *(size_t *)arg = size_of(s->manifest_list);
    return 0;
}

static struct sizes measure(ds_table *table)
{
    struct ds_table_info info = {.struct_size = sizeof info};
    struct ds_error err = {0};
    struct sizes z = {0, 0, 0, 0};

    if (ds_table_info(table, &info, &err) < 0 ||
        ds_table_files(table, NULL, file_size, &z.data, &err) < 0 ||
        ds_table_snapshots(table, list_size, &z.list, &err) < 0) {
        die("measuring a commit", &err);
    }
    z.metadata = size_of(info.metadata_location);
    z.manifest = z.list + 2000; // A manifest of one file is about as long as its list.
    return z;
}

static void bench(const char *folder, bool sqlite, int commits)
{
    ds_catalog *catalog = NULL;
    ds_table *table = make_table(folder, sqlite, &catalog);
    int64_t *ours = calloc((size_t)commits, sizeof *ours);
    int64_t *bare = calloc((size_t)commits, sizeof *bare);
    sqlite3 *db = sqlite ? floor_database(folder) : NULL;
    struct sizes z = {0, 0, 0, 0};

    if (!ours || !bare) {
        die("memory", NULL);
    }
    for (int n = 0; n < commits; n++) {
        ours[n] = append_one(table, n);
        if (n % BLOCK == 0) {
            z = measure(table); // The metadata grow at first: so does the floor's share.
        }
        bare[n] = commit_bare(folder, db, &z, n + (sqlite ? 0 : commits));
    }
    int64_t early = median(ours + 10 - 5, 20);
    int64_t late = median(ours + commits - 110, 20);
    int64_t middle = median(ours, (size_t)commits);
    int64_t floor_us = median(bare, (size_t)commits);
    printf("bench_commit: table=%s commits=%d commit_us=%" PRId64 " floor_us=%" PRId64
           " ratio=%.2f tenth_us=%" PRId64 " thousandth_us=%" PRId64 " growth=%.2f\n",
           sqlite ? "sqlite" : "path", commits, middle, floor_us,
           (double)middle / (double)floor_us, early, late, (double)late / (double)early);
    sqlite3_close(db);
    ds_table_free(table);
    ds_catalog_free(catalog);
    free(ours);
    free(bare);
}

int main(int argc, char **argv)
{
    char folder[PATH_SIZE];
    char path[PATH_SIZE + 32];
    int commits = argc > 2 ? (int)strtol(argv[2], NULL, 10) : COMMITS_DEFAULT;

    if (argc < 2 || commits < 200) {
        fprintf(stderr, "usage: bench_commit DIR [COMMITS, at least 200]\n");
        return 2;
    }
    snprintf(folder, sizeof folder, "%s/commit-%ld", argv[1], (long)getpid());
    if ((mkdir(argv[1], 0755) < 0 && errno != EEXIST) || mkdir(folder, 0755) < 0) {
        die(folder, NULL);
    }
    for (const char *const *part =
             (const char *const[]){"floor-data", "floor-metadata", NULL};
         *part; part++) {
        snprintf(path, sizeof path, "%s/%s", folder, *part);
        if (mkdir(path, 0755) < 0) {
            die(path, NULL);
        }
    }
    bench(folder, true, commits);
    bench(folder, false, commits);
    return 0;
}
