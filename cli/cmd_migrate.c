// A table in DataShard's own layout becomes an Iceberg table: migrate.
#include <stdio.h>

#include "cli/common.h"
#include "cli/opt.h"
#include "cli/progress.h"

static bool dry_run;
static bool remove_old;
static const char *metadata_file;

static const struct opt migrate_options[] = {
    {"dry-run", 'n', OPT_FLAG, NULL, "check everything, write nothing", &dry_run},
    {"remove-old", 0, OPT_FLAG, NULL, "remove the old layout's metadata afterwards",
     &remove_old},
    {"metadata-file", 0, OPT_TEXT, "NAME",
     "the current metadata file, where the table's hint is lost", &metadata_file},
    {NULL, 0, OPT_FLAG, NULL, NULL, NULL}};

static void show(void *arg, uint64_t done, uint64_t all)
{
    (void)arg;
    progress_show("snapshots", done, all, done);
}

// The report as lines of "name value", the way it is written: one member after another.
static void print(const char *report)
{
    int depth = 0;
    bool text = false;

    for (const char *c = report + 1; *c && !(*c == '}' && depth == 0 && !text); c++) {
        bool quote = *c == '"' && c[-1] != '\\';
        text = quote ? !text : text;
        if (!text && (*c == '[' || *c == '{')) {
            depth++;
        } else if (!text && (*c == ']' || *c == '}')) {
            depth--;
        }
        if (depth == 0 && quote) {
            continue;
        }
        putchar(depth == 0 && !text && *c == ':'   ? ' '
                : depth == 0 && !text && *c == ',' ? '\n'
                                                   : *c);
    }
    putchar('\n');
}

static int run_migrate(int count, char **words)
{
    struct ds_migrate_options options = {.struct_size = sizeof options,
                                         .dry_run = dry_run,
                                         .remove_old = remove_old,
                                         .metadata_file = metadata_file,
                                         .progress = show};
    struct ds_error err = {0};
    char *report = NULL;
    (void)count;

    int rc = ds_table_migrate(words[0], &options, &report, &err);
    progress_end();
    if (rc < 0) {
        return cli_failed(rc, &err, "migrate %s", words[0]);
    }
    if (common.json) {
        printf("%s\n", report);
    } else {
        print(report);
    }
    ds_string_free(report);
    return CLI_OK;
}

extern const struct command command_migrate;

const struct command command_migrate = {
    "migrate",
    "PATH",
    "Make an Iceberg table of one that DataShard wrote in its own layout.",
    "The data files stay as they are, and are all checked. The old metadata stay, too,\n"
    "unless --remove-old is given. Run again, it says that there is nothing to do.",
    migrate_options,
    1,
    1,
    run_migrate};
