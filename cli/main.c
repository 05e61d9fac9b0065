// The program: finds the command, reads its options, runs it.
#include <fcntl.h>
#include <locale.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli/common.h"
#include "cli/opt.h"

extern const struct command command_create, command_append, command_add_files,
    command_scan, command_snapshots, command_history, command_files, command_refs,
    command_schema, command_metadata, command_info, command_properties, command_list,
    command_namespaces, command_create_namespace, command_drop_namespace, command_drop,
    command_rename, command_register, command_resolve, command_migrate, command_optimize,
    command_relocate, command_stats, command_top;

const struct command *const commands[] = {&command_create,
                                          &command_append,
                                          &command_add_files,
                                          &command_scan,
                                          &command_snapshots,
                                          &command_history,
                                          &command_files,
                                          &command_refs,
                                          &command_schema,
                                          &command_metadata,
                                          &command_info,
                                          &command_properties,
                                          &command_list,
                                          &command_namespaces,
                                          &command_create_namespace,
                                          &command_drop_namespace,
                                          &command_drop,
                                          &command_rename,
                                          &command_register,
                                          &command_resolve,
                                          &command_migrate,
                                          &command_optimize,
                                          &command_relocate,
                                          &command_stats,
                                          &command_top,
                                          NULL};

const struct opt common_options[] = {
    {"catalog", 'c', OPT_TEXT, "URI", "sqlite:PATH or memory:; else DATASHARD_CATALOG",
     &common.catalog},
    {"warehouse", 0, OPT_TEXT, "DIR", "where a catalog's new tables go",
     &common.warehouse},
    {"catalog-name", 0, OPT_TEXT, "NAME", "which of several catalogs in one database",
     &common.catalog_name},
    {"format", 'f', OPT_TEXT, "FORMAT",
     "table, csv, jsonl, json (rows: parquet, arrow too)", &common.format},
    {"json", 0, OPT_FLAG, NULL, "results as JSON", &common.json},
    {"verbose", 'v', OPT_FLAG, NULL, "say what goes on behind it", &common.verbose},
    {"help", 'h', OPT_FLAG, NULL, "this text", NULL},
    {NULL, 0, OPT_FLAG, NULL, NULL, NULL}};

static void log_line(enum ds_log_level level, const char *line, void *arg)
{
    (void)level;
    (void)arg;
    fprintf(stderr, "datashard: %s\n", line);
}

static int run(const struct command *c, int argc, char **argv)
{
    bool help = false;
    int count = 0;

    if (!opt_parse(c, argc, argv, &count, &help)) {
        return CLI_USAGE;
    }
    if (help) {
        opt_print_help(c);
        return CLI_OK;
    }
    if (count < c->words_min || (c->words_max >= 0 && count > c->words_max)) {
        return opt_usage(c, "expected: datashard %s %s", c->name, c->usage);
    }
    ds_log_set(common.verbose ? DS_LOG_DEBUG : DS_LOG_WARN, log_line, NULL);
    return c->run(count, argv);
}

static int help_for(int argc, char **argv)
{
    const struct command *c = argc > 2 ? command_find(argv[2]) : NULL;
    if (argc > 2 && !c) {
        return opt_no_command(argv[2]);
    }
    opt_print_help(c);
    return CLI_OK;
}

// A file that is opened where a standard stream was closed would get what is printed, and
// what is read would come from it.
static bool has_streams(void)
{
    int fd = 0;

    do {
        fd = open("/dev/null", O_RDWR);
    } while (fd >= 0 && fd <= STDERR_FILENO);
    return fd > STDERR_FILENO && close(fd) == 0;
}

int main(int argc, char **argv)
{
    if (!has_streams()) {
        return CLI_FAILED;
    }
    setlocale(LC_CTYPE, "");
    if (argc < 2) {
        opt_print_help(NULL);
        return CLI_USAGE;
    }
    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0) {
        opt_print_help(NULL);
        return CLI_OK;
    }
    if (strcmp(argv[1], "help") == 0) {
        return help_for(argc, argv);
    }
    if (strcmp(argv[1], "--version") == 0 || strcmp(argv[1], "version") == 0) {
        printf("datashard %s\n", ds_version());
        return CLI_OK;
    }
    // Options may stand in front of the command: datashard --catalog X list.
    int at = 1;
    while (at < argc && argv[at][0] == '-' && argv[at][1]) {
        bool value = strcmp(argv[at], "--json") != 0 &&
                     strcmp(argv[at], "--verbose") != 0 && strcmp(argv[at], "-v") != 0 &&
                     !strchr(argv[at], '=') && // Nor -csqlite:x, which has it.
                     (argv[at][1] == '-' || !argv[at][2]);
        at += value ? 2 : 1;
    }
    const struct command *c = at < argc ? command_find(argv[at]) : NULL;
    if (!c) {
        return opt_no_command(at < argc ? argv[at] : argv[1]);
    }
    for (int i = at; i > 1; i--) { // The command moves to the front.
        argv[i] = argv[i - 1];
    }
    return run(c, argc - 2, argv + 2);
}
