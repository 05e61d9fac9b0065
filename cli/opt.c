#include "cli/opt.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/common.h"

const struct command *command_find(const char *name)
{
    for (size_t i = 0; commands[i]; i++) {
        if (strcmp(commands[i]->name, name) == 0) {
            return commands[i];
        }
    }
    return NULL;
}

int opt_usage(const struct command *c, const char *fmt, ...)
{
    char text[512];
    va_list args;
    va_start(args, fmt);
    vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    cli_complain("%s%s%s; see 'datashard %s%s--help'", c ? c->name : "", c ? ": " : "",
                 text, c ? c->name : "", c ? " " : "");
    return CLI_USAGE;
}

static const struct opt *search(const struct opt *list, const char *name, size_t size,
                                char letter)
{
    for (; list && list->name; list++) {
        if (letter ? list->letter == letter
                   : strlen(list->name) == size && memcmp(list->name, name, size) == 0) {
            return list;
        }
    }
    return NULL;
}

static const struct opt *lookup(const struct command *c, const char *name, size_t size,
                                char letter)
{
    const struct opt *o = search(c ? c->options : NULL, name, size, letter);
    return o ? o : search(common_options, name, size, letter);
}

// Letters that have to change to make one word of the other; small words only.
static size_t distance(const char *a, const char *b)
{
    size_t row[40];
    size_t n = strlen(b);
    if (strlen(a) >= 40 || n >= 39) {
        return 40;
    }
    for (size_t j = 0; j <= n; j++) {
        row[j] = j;
    }
    for (size_t i = 1; a[i - 1]; i++) {
        size_t diagonal = row[0];
        row[0] = i;
        for (size_t j = 1; j <= n; j++) {
            size_t change = diagonal + (a[i - 1] != b[j - 1]);
            diagonal = row[j];
            size_t shorter = (row[j] < row[j - 1] ? row[j] : row[j - 1]) + 1;
            row[j] = change < shorter ? change : shorter;
        }
    }
    return row[n];
}

static const char *nearest_option(const struct command *c, const char *name)
{
    const struct opt *lists[] = {c ? c->options : NULL, common_options};
    const char *best = NULL;
    size_t least = 3;
    for (int l = 0; l < 2; l++) {
        for (const struct opt *o = lists[l]; o && o->name; o++) {
            size_t d = distance(name, o->name);
            if (d < least) {
                least = d;
                best = o->name;
            }
        }
    }
    return best;
}

int opt_no_command(const char *name)
{
    const char *best = NULL;
    size_t least = 3;
    for (size_t i = 0; commands[i]; i++) {
        size_t d = distance(name, commands[i]->name);
        if (d < least) {
            least = d;
            best = commands[i]->name;
        }
    }
    return opt_usage(NULL, "there is no command '%s'%s%s%s", name,
                     best ? "; do you mean '" : "", best ? best : "", best ? "'?" : "");
}

static bool add_to_list(struct opt_list *list, const char *value)
{
    list->items = cli_realloc(list->items, (list->count + 1) * sizeof *list->items);
    list->items[list->count++] = value;
    return true;
}

static bool set(const struct command *c, const struct opt *o, const char *value)
{
    char *end = NULL;
    switch (o->kind) {
    case OPT_FLAG:
        *(bool *)o->target = true;
        return true;
    case OPT_TEXT:
        *(const char **)o->target = value;
        return true;
    case OPT_LIST:
        return add_to_list(o->target, value);
    case OPT_INT:
        errno = 0;
        *(int64_t *)o->target = strtoll(value, &end, 10);
        if (*value < '0' || *value > '9' || *end || errno != 0) {
            opt_usage(c, "--%s takes a whole number, not '%s'", o->name, value);
            return false;
        }
        return true;
    }
    return false;
}

static bool take_long(const struct command *c, char **argv, int argc, int *i)
{
    const char *name = argv[*i] + 2;
    const char *equals = strchr(name, '=');
    size_t size = equals ? (size_t)(equals - name) : strlen(name);
    const struct opt *o = lookup(c, name, size, 0);

    if (!o) {
        char word[40];
        snprintf(word, sizeof word, "%.*s", (int)(size < 39 ? size : 39), name);
        const char *near = nearest_option(c, word);
        opt_usage(c, "there is no option --%s%s%s%s", word,
                  near ? "; did you mean --" : "", near ? near : "", near ? "?" : "");
        return false;
    }
    if (o->kind == OPT_FLAG && equals) {
        opt_usage(c, "--%s takes no value", o->name);
        return false;
    }
    if (o->kind == OPT_FLAG || equals) {
        return set(c, o, equals ? equals + 1 : NULL);
    }
    if (*i + 1 == argc) {
        opt_usage(c, "--%s needs %s", o->name, o->value);
        return false;
    }
    return set(c, o, argv[++*i]);
}

static bool take_short(const struct command *c, char **argv, int argc, int *i)
{
    const struct opt *o = lookup(c, NULL, 0, argv[*i][1]);

    if (!o) {
        opt_usage(c, "there is no option -%c", argv[*i][1]);
        return false;
    }
    if (o->kind == OPT_FLAG) {
        if (argv[*i][2]) {
            opt_usage(c, "-%c takes no value", o->letter);
            return false;
        }
        return set(c, o, NULL);
    }
    if (argv[*i][2]) {
        return set(c, o, argv[*i] + 2);
    }
    if (*i + 1 == argc) {
        opt_usage(c, "-%c needs %s", o->letter, o->value);
        return false;
    }
    return set(c, o, argv[++*i]);
}

bool opt_parse(const struct command *c, int argc, char **argv, int *count, bool *help)
{
    bool options = true;

    *count = 0;
    *help = false;
    for (int i = 0; i < argc; i++) {
        const char *word = argv[i];
        if (options && strcmp(word, "--") == 0) {
            options = false;
        } else if (options && (strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0)) {
            *help = true;
        } else if (options && word[0] == '-' && word[1] == '-') {
            if (!take_long(c, argv, argc, &i)) {
                return false;
            }
        } else if (options && word[0] == '-' && word[1] &&
                   !(word[1] >= '0' && word[1] <= '9')) {
            if (!take_short(c, argv, argc, &i)) {
                return false;
            }
        } else {
            argv[(*count)++] = argv[i]; // A lone "-" is a word: standard input.
        }
    }
    return true;
}

// --- help
// ----------------------------------------------------------------------------------

static void print_options(const char *title, const struct opt *list)
{
    if (!list || !list->name) {
        return;
    }
    printf("\n%s\n", title);
    for (; list->name; list++) {
        char left[80];
        char letter[8] = "";
        if (list->letter) {
            snprintf(letter, sizeof letter, "-%c, ", list->letter);
        }
        snprintf(left, sizeof left, "%s--%s%s%s", letter, list->name,
                 list->value ? " " : "", list->value ? list->value : "");
        printf("  %-28s %s\n", left, list->help);
    }
}

void opt_print_help(const struct command *c)
{
    if (c) {
        printf("usage: datashard %s%s%s [options]\n\n%s\n", c->name,
               c->usage[0] ? " " : "", c->usage, c->summary);
        if (c->details) {
            printf("\n%s\n", c->details);
        }
        print_options("Options:", c->options);
        print_options("Options of every command:", common_options);
        return;
    }
    printf(
        "usage: datashard COMMAND [arguments] [options]\n\n"
        "Apache Iceberg tables for many processes that write at the same time.\n\n"
        "A table is a directory (\"flights\", \"/data/flights\"), or, with --catalog or\n"
        "DATASHARD_CATALOG, a name in a catalog (\"logs.events\").\n\nCommands:\n");
    for (size_t i = 0; commands[i]; i++) {
        printf("  %-18s %s\n", commands[i]->name, commands[i]->summary);
    }
    print_options("Options of every command:", common_options);
    printf("\nExit codes: 0 done, 1 failed, 2 wrong command line, 3 conflict, 4 outcome "
           "unknown.\n'datashard COMMAND --help' tells more.\n");
}
