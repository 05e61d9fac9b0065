// Writers of one datashard table, through the public interface, a process each: every
// append is one ds_table_append of a stream of one batch, acknowledged by itself.
//
//   contention_ours FOLDER sqlite|path ingest|history WRITERS ROWS APPENDS SECONDS GRACE
//   [marks]
//
// The table is FOLDER/table, or logs.lines in the catalog FOLDER/catalog.db. One made for
// `ingest` forgets old snapshots as it goes; one of `history` keeps all.
#include <datashard/datashard.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "contention_record.h"
#include "contention_run.h"

enum { COLUMNS = 5, PATH_SIZE = 4096, RESOLVE_MS = 10000, COMMIT_MS = 600000 };

static bool with_catalog;
static bool for_ingest;

// The columns of one append, filled again for each.
struct batch {
    int64_t rows;
    int64_t *ts;
    int64_t *block;
    char *level;
    char *component;
    struct record_messages messages[RECORD_VARIANTS];
    int32_t *level_ends;
    int32_t *component_ends;
    const void *buffers[COLUMNS][3];
    const void *root_buffers[1];
    struct ArrowArray arrays[COLUMNS];
    struct ArrowArray *children[COLUMNS];
    struct ArrowSchema schemas[COLUMNS];
    struct ArrowSchema *child_schemas[COLUMNS];
    bool done;
};

struct writer {
    ds_catalog *catalog;
    ds_table *table;
    struct batch batch;
};

static const char schema_json[] =
    "{\"type\":\"struct\",\"fields\":["
    "{\"id\":1,\"name\":\"ts\",\"required\":false,\"type\":\"timestamp\"},"
    "{\"id\":2,\"name\":\"level\",\"required\":false,\"type\":\"string\"},"
    "{\"id\":3,\"name\":\"component\",\"required\":false,\"type\":\"string\"},"
    "{\"id\":4,\"name\":\"block\",\"required\":false,\"type\":\"long\"},"
    "{\"id\":5,\"name\":\"message\",\"required\":false,\"type\":\"string\"}]}";

static void *get(size_t count, size_t size)
{
    void *p = calloc(count, size);
    if (!p) {
        run_die("memory", NULL);
    }
    return p;
}

static void keep_schema(struct ArrowSchema *s)
{
    s->release = NULL;
}

static void keep_array(struct ArrowArray *a)
{
    a->release = NULL;
}

static int batch_schema(struct ArrowArrayStream *s, struct ArrowSchema *out)
{
    static const char *const names[COLUMNS] = {"ts", "level", "component", "block",
                                               "message"};
    static const char *const formats[COLUMNS] = {"tsu:", "u", "u", "l", "u"};
    struct batch *b = s->private_data;

    for (int i = 0; i < COLUMNS; i++) {
        b->schemas[i] = (struct ArrowSchema){.format = formats[i],
                                             .name = names[i],
                                             .flags = ARROW_FLAG_NULLABLE,
                                             .release = keep_schema};
        b->child_schemas[i] = &b->schemas[i];
    }
    *out = (struct ArrowSchema){.format = "+s",
                                .name = "",
                                .n_children = COLUMNS,
                                .children = b->child_schemas,
                                .release = keep_schema};
    return 0;
}

static int batch_next(struct ArrowArrayStream *s, struct ArrowArray *out)
{
    struct batch *b = s->private_data;
    *out = (struct ArrowArray){0};
    if (b->done) {
        return 0;
    }
    b->done = true;
    for (int i = 0; i < COLUMNS; i++) {
        b->arrays[i] = (struct ArrowArray){.length = b->rows,
                                           .n_buffers = b->buffers[i][2] ? 3 : 2,
                                           .buffers = b->buffers[i],
                                           .release = keep_array};
        b->children[i] = &b->arrays[i];
    }
    *out = (struct ArrowArray){.length = b->rows,
                               .n_buffers = 1,
                               .buffers = b->root_buffers,
                               .n_children = COLUMNS,
                               .children = b->children,
                               .release = keep_array};
    return 0;
}

static const char *batch_error(struct ArrowArrayStream *s)
{
    (void)s;
    return NULL;
}

static void batch_release(struct ArrowArrayStream *s)
{
    s->release = NULL;
}

static void batch_init(struct batch *b, int writer, int rows)
{
    size_t level = strlen(RECORD_LEVEL);
    size_t component = strlen(RECORD_COMPONENT);
    size_t count = (size_t)rows;

    b->rows = rows;
    b->ts = get(count, sizeof *b->ts);
    b->block = get(count, sizeof *b->block);
    b->level = get(count, level);
    b->component = get(count, component);
    record_messages_init(b->messages, writer, rows);
    b->level_ends = get(count + 1, sizeof(int32_t));
    b->component_ends = get(count + 1, sizeof(int32_t));
    for (size_t i = 0; i < count; i++) {
        memcpy(b->level + i * level, RECORD_LEVEL, level);
        memcpy(b->component + i * component, RECORD_COMPONENT, component);
        b->level_ends[i + 1] = (int32_t)((i + 1) * level);
        b->component_ends[i + 1] = (int32_t)((i + 1) * component);
    }
    b->buffers[0][1] = b->ts;
    b->buffers[1][1] = b->level_ends;
    b->buffers[1][2] = b->level;
    b->buffers[2][1] = b->component_ends;
    b->buffers[2][2] = b->component;
    b->buffers[3][1] = b->block;
}

static void batch_fill(struct batch *b, int64_t append)
{
    const struct record_messages *m = &b->messages[append % RECORD_VARIANTS];

    b->done = false;
    b->buffers[4][1] = m->ends;
    b->buffers[4][2] = m->bytes;
    for (int64_t i = 0; i < b->rows; i++) {
        b->ts[i] = record_ts(append, i);
        b->block[i] = record_block(append, i);
    }
}

static void batch_release_columns(struct batch *b)
{
    free(b->ts);
    free(b->block);
    free(b->level);
    free(b->component);
    record_messages_release(b->messages);
    free(b->level_ends);
    free(b->component_ends);
}

static void check(int rc, const char *what, const struct ds_error *err)
{
    if (rc < 0) {
        run_die(what, err->message);
    }
}

static void names(const struct run *run, char *table, char *catalog)
{
    snprintf(table, PATH_SIZE, "%s/table", run->folder);
    snprintf(catalog, PATH_SIZE, "sqlite:%s/catalog.db", run->folder);
}

static void make_table(const struct run *run)
{
    // What `datashard create --ingest` sets.
    static const struct ds_property ingest[] = {
        {"datashard.expire-on-commit", "true"},
        {"datashard.expire-batch", "32"},
        {"history.expire.max-snapshot-age-ms", "1"},
        {"history.expire.min-snapshots-to-keep", "100"},
        {"write.metadata.delete-after-commit.enabled", "true"},
        {"write.metadata.previous-versions-max", "100"},
    };
    struct ds_table_spec spec = {.struct_size = sizeof spec, .schema_json = schema_json};
    char path[PATH_SIZE];
    char uri[PATH_SIZE];
    struct ds_error err = {0};
    ds_catalog *catalog = NULL;
    ds_table *table = NULL;

    names(run, path, uri);
    if (for_ingest) {
        spec.properties =
            (struct ds_properties){ingest, sizeof ingest / sizeof ingest[0]};
    }
    if (with_catalog) {
        check(ds_catalog_open(uri, NULL, &catalog, &err), uri, &err);
        check(ds_catalog_create_table(catalog, "logs.lines", &spec, &table, &err),
              "making a table", &err);
    } else {
        check(ds_table_create(path, &spec, &table, &err), path, &err);
    }
    ds_table_free(table);
    ds_catalog_free(catalog);
}

static void *open_table(const struct run *run, int number)
{
    char path[PATH_SIZE];
    char uri[PATH_SIZE];
    struct ds_error err = {0};
    struct writer *w = get(1, sizeof *w);

    names(run, path, uri);
    if (with_catalog) {
        check(ds_catalog_open(uri, NULL, &w->catalog, &err), uri, &err);
        check(ds_catalog_open_table(w->catalog, "logs.lines", &w->table, &err),
              "opening the table", &err);
    } else {
        check(ds_table_open(path, &w->table, &err), path, &err);
    }
    batch_init(&w->batch, number, run->rows);
    return w;
}

static int64_t append_batch(void *state, const struct run *run, int64_t append,
                            char why[RUN_WHY_SIZE])
{
    struct writer *w = state;
    struct ds_commit_options options = {
        .struct_size = sizeof options, .timeout_ms = COMMIT_MS, .attempts_max = -1};
    struct ds_commit_result result = {.struct_size = sizeof result};
    struct ds_commit_result settled = {.struct_size = sizeof settled};
    struct ds_error err = {0};
    struct ArrowArrayStream stream = {batch_schema, batch_next, batch_error,
                                      batch_release, &w->batch};

    (void)run;
    batch_fill(&w->batch, append);
    int rc = ds_table_append(w->table, &stream, &options, &result, &err);
    if (rc == DS_EUNKNOWN) {
        rc = ds_table_resolve(w->table, result.token, RESOLVE_MS, &settled, &err);
        if (rc == DS_OK && settled.outcome != DS_COMMITTED) {
            rc = DS_ECONFLICT;
        }
    }
    int64_t tries = result.attempts ? (int64_t)result.attempts : 1;
    if (rc < 0) {
        snprintf(why, RUN_WHY_SIZE, "%s", err.message);
    }
    return rc < 0 ? -tries : tries;
}

static void close_table(void *state)
{
    struct writer *w = state;
    ds_table_free(w->table);
    ds_catalog_free(w->catalog);
    batch_release_columns(&w->batch);
    free(w);
}

int main(int argc, char **argv)
{
    static const struct run_ops ops = {make_table, open_table, append_batch, close_table};
    struct run run = {0};

    if (argc < 4 || !run_arguments(argc - 4, argv + 4, &run)) {
        fprintf(stderr,
                "usage: contention_ours FOLDER sqlite|path ingest|history " RUN_USAGE
                "\n");
        return 2;
    }
    run.folder = argv[1];
    with_catalog = strcmp(argv[2], "sqlite") == 0;
    for_ingest = strcmp(argv[3], "ingest") == 0;
    return run_writers(&run, &ops);
}
