// Parquet files that are there, made part of a table: add-files.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/append.h"
#include "cli/common.h"
#include "cli/opt.h"

static struct opt_list partition;
static const char *identity;
static const char *branch;
static int64_t rows;

static const struct opt options[] = {
    {"partition", 0, OPT_LIST, "FIELD=VALUE",
     "a partition value that files do not tell (FIELD= is null)", &partition},
    {"rows", 0, OPT_INT, "N", "rows of each file, in a table without columns", &rows},
    {"identity", 0, OPT_TEXT, "UUID", "names the commit: run twice, it commits once",
     &identity},
    {"branch", 0, OPT_TEXT, "NAME", "the branch to add to (default main)", &branch},
    {NULL, 0, OPT_FLAG, NULL, NULL, NULL}};

// The files as the library takes them; paths of this machine made whole.
struct files {
    struct ds_new_file *items;
    char **paths;
    struct ds_property *values;
    size_t count;
};

static void files_free(struct files *f)
{
    for (size_t i = 0; f->paths && i < f->count; i++) {
        free(f->paths[i]);
    }
    free(f->paths);
    free(f->items);
    free(f->values);
}

// "day=2024-03-05" as a property; the text is cut at its '='. False: it has none.
static bool take_value(char *text, struct ds_property *out)
{
    char *equals = strchr(text, '=');

    if (!equals || equals == text) {
        return false;
    }
    *equals = '\0';
    out->key = text;
    out->value = equals[1] ? equals + 1 : NULL;
    return true;
}

// A path of this directory made whole: to the library it would be one of the table's.
// NULL: there is no telling what the directory is called.
static char *whole_path(const char *path)
{
    char folder[4096];

    if (path[0] == '/' || strstr(path, ":/")) {
        return cli_strdup(path);
    }
    while (path[0] == '.' && path[1] == '/') {
        path += 2;
    }
    return getcwd(folder, sizeof folder) ? cli_printf("%s/%s", folder, path) : NULL;
}

static int files_make(struct files *f, int count, char **words)
{
    f->count = (size_t)count;
    f->items = cli_alloc(f->count * sizeof *f->items);
    f->paths = cli_alloc(f->count * sizeof *f->paths);
    f->values = cli_alloc((partition.count + 1) * sizeof *f->values);
    for (size_t i = 0; i < partition.count; i++) {
        if (!take_value((char *)(uintptr_t)partition.items[i], &f->values[i])) {
            return opt_usage(command_find("add-files"), "--partition wants FIELD=VALUE");
        }
    }
    for (size_t i = 0; i < f->count; i++) {
        f->paths[i] = whole_path(words[i]);
        if (!f->paths[i]) {
            cli_complain("add-files: the current directory has no name");
            return CLI_FAILED;
        }
        f->items[i] = (struct ds_new_file){.struct_size = sizeof *f->items,
                                           .path = f->paths[i],
                                           .partition = {f->values, partition.count},
                                           .record_count = rows};
    }
    return CLI_OK;
}

static int add(const char *name, const struct files *f)
{
    struct append_job job = {.name = name};
    struct ds_commit_options commit = {
        .struct_size = sizeof commit, .identity = identity, .branch = branch};
    struct ds_commit_result result = {.struct_size = sizeof result};
    ds_txn *txn = NULL;
    int rc = open_table(name, &job.table, &job.err);

    if (rc == DS_OK) {
        rc = ds_txn_begin(job.table, &commit, &txn, &job.err);
    }
    if (rc == DS_OK) {
        rc = ds_txn_add_files(txn, f->items, f->count, &job.err);
    }
    if (rc == DS_OK) {
        rc = ds_txn_commit(txn, &result, &job.err);
    }
    if (rc == DS_OK || (rc == DS_EUNKNOWN && common.json)) {
        append_print(&job, &result);
    }
    if (rc == DS_EUNKNOWN) {
        cli_complain(
            "add-files %s: to learn what became of it, run: datashard resolve %s "
            "'%s'",
            name, name, result.token);
    }
    int code = rc < 0 ? cli_failed(rc, &job.err, "add-files %s", name) : CLI_OK;
    ds_txn_free(txn);
    ds_table_free(job.table);
    return code;
}

static int run_add_files(int count, char **words)
{
    struct files f = {0};
    int code = files_make(&f, count - 1, words + 1);

    if (code == CLI_OK) {
        code = add(words[0], &f);
    }
    files_free(&f);
    return code;
}

extern const struct command command_add_files;

const struct command command_add_files = {
    "add-files",
    "TABLE FILE...",
    "Make Parquet files that are there part of the table.",
    "The files stay where they are, and their owner's: they may not be changed any "
    "more,\n"
    "and a command that fails does not remove them. Columns are matched by field id, or "
    "by\n"
    "name in files without ids. Which partition a file is of is told by its statistics;\n"
    "where they do not tell, --partition says it, once for each field.",
    options,
    2,
    -1,
    run_add_files};
