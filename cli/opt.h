// Options as data: one table for parsing, for --help and for the manual.
#ifndef DATASHARD_CLI_OPT_H
#define DATASHARD_CLI_OPT_H

#include "cli/cli.h"

enum opt_kind {
    OPT_FLAG, // bool *
    OPT_TEXT, // const char **
    OPT_INT,  // int64_t *, not negative
    OPT_LIST, // struct opt_list *: may come several times
};

struct opt_list {
    const char **items;
    size_t count;
};

struct opt {
    const char *name; // Without the dashes.
    char letter;      // 0: none.
    enum opt_kind kind;
    const char *value; // What --help calls it; NULL for flags.
    const char *help;
    void *target;
};

// One command: its words, and what runs it with the words left after the options.
struct command {
    const char *name;
    const char *usage;         // "TABLE FILE..."
    const char *summary;       // One line.
    const char *details;       // More, for --help; NULL: nothing.
    const struct opt *options; // Ended by a NULL name.
    int words_min;
    int words_max; // -1: any number.
    int (*run)(int count, char **words);
};

extern const struct command *const commands[]; // Ended by NULL.

/// Options that every command takes: --catalog, --warehouse, --catalog-name, --json …
extern const struct opt common_options[];

/// The command of this name, or NULL.
const struct command *command_find(const char *name);

/// Reads options anywhere among argv[0..argc), and leaves the other words at its front in
/// *count. "--" ends options. False (and said so): the command line is wrong. *help is
/// set by --help and -h.
bool opt_parse(const struct command *c, int argc, char **argv, int *count, bool *help);

/// A command that is none: says so, and which one is near. Returns CLI_USAGE.
int opt_no_command(const char *name);

/// A command line that is wrong: says so, and where help is. Returns CLI_USAGE.
int opt_usage(const struct command *c, const char *fmt, ...) DS_PRINTF(2, 3);

void opt_print_help(const struct command *c); // NULL: of the whole program.

#endif
