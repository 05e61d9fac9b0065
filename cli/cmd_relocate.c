// The metadata of a moved table name where it is now: relocate.
#include <inttypes.h>
#include <stdio.h>

#include "cli/common.h"
#include "cli/opt.h"
#include "cli/stop.h"

static bool dry_run;

static const struct opt relocate_options[] = {
    {"dry-run", 'n', OPT_FLAG, NULL, "look at everything, write nothing", &dry_run},
    {NULL, 0, OPT_FLAG, NULL, NULL, NULL}};

static bool stopped(void *arg)
{
    (void)arg;
    return stop_asked();
}

static void print(const char *name, const struct ds_relocate_result *r)
{
    if (common.json) {
        printf("{\"relocated\": %s, \"snapshots\": %" PRIu64 ", \"manifests\": %" PRIu64
               ", \"data_files\": %" PRIu64 ", \"delete_files\": %" PRIu64
               ", \"bytes\": %" PRIu64 "}\n",
               r->relocated ? "true" : "false", r->snapshots, r->manifests, r->data_files,
               r->delete_files, r->bytes);
    } else if (!r->relocated) {
        printf("%s: nothing to do\n", name);
    } else {
        printf("%s: %s %" PRIu64 " snapshots, %" PRIu64 " manifests, %" PRIu64
               " files of deletes; %" PRIu64 " bytes\n",
               name, dry_run ? "to be written anew:" : "written anew:", r->snapshots,
               r->manifests, r->delete_files, r->bytes);
    }
}

static int run_relocate(int count, char **words)
{
    struct ds_relocate_options options = {
        .struct_size = sizeof options, .dry_run = dry_run, .cancelled = stopped};
    struct ds_relocate_result result = {.struct_size = sizeof result};
    struct ds_error err = {0};
    ds_table *table = NULL;
    (void)count;

    stop_listen();
    int rc = ds_table_open(words[0], &table, &err);
    if (rc == DS_OK) {
        rc = ds_table_relocate(table, &options, &result, &err);
    }
    if (rc == DS_OK) {
        print(words[0], &result);
        (void)cli_told(); // It is done all the same.
    }
    ds_table_free(table);
    int code = rc < 0 ? cli_failed(rc, &err, "relocate %s", words[0]) : CLI_OK;
    return rc == DS_ECANCELLED ? CLI_INTERRUPTED : code;
}

extern const struct command command_relocate;

const struct command command_relocate = {
    "relocate",
    "PATH",
    "Make a table whose directory was moved name where it is now.",
    "Its manifests, and its deletes that hold paths, are written anew; data files are\n"
    "not. All snapshots stay. The old files are left until they are collected. Run\n"
    "again, it says that there is nothing to do.",
    relocate_options,
    1,
    1,
    run_relocate};
