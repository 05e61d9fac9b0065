// Small files into larger ones, because somebody asks for it: optimize.
#include <inttypes.h>
#include <stdio.h>

#include "cli/common.h"
#include "cli/opt.h"

static int64_t small_bytes;
static int64_t files_min;

static const struct opt optimize_options[] = {
    {"small-bytes", 0, OPT_INT, "N",
     "files of fewer bytes are small (3/4 of the target size)", &small_bytes},
    {"files-min", 0, OPT_INT, "N", "leave partitions alone with fewer small files (5)",
     &files_min},
    {NULL, 0, OPT_FLAG, NULL, NULL, NULL}};

static void print(const struct ds_optimize_result *r)
{
    if (common.json) {
        printf("{\"files\": %" PRIu64 ", \"made\": %" PRIu64 ", \"rows\": %" PRIu64
               ", \"bytes\": %" PRIu64 ", \"commits\": %" PRIu64 "}\n",
               r->files, r->made, r->rows, r->bytes, r->commits);
    } else if (r->files == 0) {
        printf("nothing to do\n");
    } else {
        printf("%" PRIu64 " files became %" PRIu64 ", %" PRIu64 " rows\n", r->files,
               r->made, r->rows);
    }
}

static int run_optimize(int count, char **words)
{
    struct ds_optimize_options options = {.struct_size = sizeof options};
    struct ds_optimize_result result = {.struct_size = sizeof result};
    struct ds_error err = {0};
    ds_table *table = NULL;
    (void)count;

    if (small_bytes < 0 || files_min < 0 || files_min == 1 || files_min > INT32_MAX) {
        return opt_usage(command_find("optimize"),
                         "--small-bytes is not below 0, --files-min is 2 or more");
    }
    options.small_bytes = small_bytes;
    options.files_min = (int32_t)files_min;
    int rc = open_table(words[0], &table, &err);
    if (rc == DS_OK) {
        rc = ds_table_optimize(table, &options, &result, &err);
    }
    if (rc == DS_OK || result.files > 0) {
        print(&result);
        (void)cli_told(); // It is done all the same.
    }
    ds_table_free(table);
    return rc < 0 ? cli_failed(rc, &err, "optimize %s", words[0]) : CLI_OK;
}

extern const struct command command_optimize;

const struct command command_optimize = {
    "optimize", "TABLE",          "Rewrite small data files into larger ones.",
    NULL,       optimize_options, 1,
    1,          run_optimize};
