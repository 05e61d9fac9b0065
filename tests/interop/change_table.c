// Changes a table step by step, so that other implementations can do something in
// between: see test_changes.py.
//
// usage: change_table CATALOG CATALOG_NAME TABLE
//
// Each line of standard input is a step, and answered by one line:
//
//     begin [snapshot]         a transaction, serializable or with snapshot isolation
//     delete PATH              "1": takes a data file out; "0": there is no such file
//     append FILE              the rows of a Parquet file
//     join FILE                the file itself
//     widen FILE               the columns of a Parquet file
//     expire MS KEEP           forgets snapshots older than that, but the newest ones
//     commit                   "committed SNAPSHOT", or "conflict {…}"
//
// Anything that fails is answered "error" with its status and message.
#include <datashard/datashard.h>

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int begin(ds_table *table, const char *how, ds_txn **txn, struct ds_error *err)
{
    struct ds_commit_options options = {.struct_size = sizeof(options)};

    if (strcmp(how, "snapshot") == 0) {
        options.isolation = DS_ISOLATION_SNAPSHOT;
    }
    ds_txn_free(*txn);
    *txn = NULL;
    int rc = ds_table_refresh(table, err);
    return rc < 0 ? rc : ds_txn_begin(table, &options, txn, err);
}

static int append(ds_txn *txn, const char *file, struct ds_error *err)
{
    struct ArrowArrayStream rows = {.release = NULL};
    int rc = ds_file_scan(file, &rows, err);

    return rc < 0 ? rc : ds_txn_append(txn, &rows, err);
}

static int join(ds_txn *txn, const char *path, struct ds_error *err)
{
    struct ds_new_file file = {.struct_size = sizeof(file), .path = path};

    return ds_txn_add_files(txn, &file, 1, err);
}

static int widen(ds_txn *txn, const char *file, struct ds_error *err)
{
    struct ArrowArrayStream rows = {.release = NULL};
    struct ArrowSchema schema = {.release = NULL};
    int rc = ds_file_scan(file, &rows, err);

    if (rc == DS_OK) {
        rc = rows.get_schema(&rows, &schema) == 0 ? DS_OK : DS_EIO;
        rc = rc < 0 ? rc : ds_txn_add_columns(txn, &schema, err);
    }
    if (schema.release) {
        schema.release(&schema);
    }
    if (rows.release) {
        rows.release(&rows);
    }
    return rc;
}

static int commit(ds_txn *txn, char *answer, size_t size, struct ds_error *err)
{
    struct ds_commit_result result = {.struct_size = sizeof(result)};
    int rc = ds_txn_commit(txn, &result, err);

    if (rc == DS_ECONFLICT) {
        snprintf(answer, size, "conflict %s", err->detail);
        return DS_OK;
    }
    snprintf(answer, size, "committed %" PRId64, result.snapshot_id);
    return rc;
}

// Takes one step; `words` is all that comes after its name.
static int step(ds_table *table, ds_txn **txn, const char *name, const char *words,
                char *answer, size_t size, struct ds_error *err)
{
    size_t found = 0;
    int rc = DS_OK;

    snprintf(answer, size, "ok");
    if (strcmp(name, "begin") == 0) {
        rc = begin(table, words, txn, err);
    } else if (strcmp(name, "delete") == 0) {
        rc = ds_txn_delete_files(*txn, &words, 1, &found, err);
        snprintf(answer, size, "%zu", found);
    } else if (strcmp(name, "append") == 0) {
        rc = append(*txn, words, err);
    } else if (strcmp(name, "join") == 0) {
        rc = join(*txn, words, err);
    } else if (strcmp(name, "widen") == 0) {
        rc = widen(*txn, words, err);
    } else if (strcmp(name, "expire") == 0) {
        char *end = NULL;
        int64_t older_ms = strtoll(words, &end, 10);
        rc = ds_txn_expire_snapshots(*txn, older_ms, (int32_t)strtol(end, NULL, 10), err);
    } else if (strcmp(name, "commit") == 0) {
        rc = commit(*txn, answer, size, err);
    } else {
        snprintf(err->message, sizeof(err->message), "no such step");
        rc = DS_EINVALID;
    }
    return rc;
}

static void take_steps(ds_table *table)
{
    ds_txn *txn = NULL;
    char line[2000];
    char answer[2000];

    while (fgets(line, sizeof(line), stdin)) {
        struct ds_error err = {0};
        line[strcspn(line, "\n")] = '\0';
        size_t name = strcspn(line, " ");
        const char *words = line[name] ? line + name + 1 : "";
        line[name] = '\0';
        int rc = step(table, &txn, line, words, answer, sizeof(answer), &err);
        if (rc < 0) {
            printf("error %s: %s\n", ds_status_text(rc), err.message);
        } else {
            printf("%s\n", answer);
        }
        fflush(stdout);
    }
    ds_txn_free(txn);
}

int main(int argc, char **argv)
{
    struct ds_property named = {"name", argc > 2 ? argv[2] : ""};
    struct ds_properties settings = {&named, 1};
    struct ds_error err = {0};
    ds_catalog *catalog = NULL;
    ds_table *table = NULL;

    if (argc != 4) {
        fprintf(stderr, "usage: change_table CATALOG CATALOG_NAME TABLE\n");
        return 2;
    }
    int rc = ds_catalog_open(argv[1], &settings, &catalog, &err);
    rc = rc < 0 ? rc : ds_catalog_open_table(catalog, argv[3], &table, &err);
    if (rc < 0) {
        fprintf(stderr, "change_table: %s\n", err.message);
    } else {
        take_steps(table);
    }
    ds_table_free(table);
    ds_catalog_free(catalog);
    return rc < 0 ? 1 : 0;
}
