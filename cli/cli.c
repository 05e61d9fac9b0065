#include "cli/cli.h"

#include <errno.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void *checked(void *p)
{
    if (!p) {
        fputs("datashard: out of memory\n", stderr);
        exit(CLI_FAILED);
    }
    return p;
}

void *cli_alloc(size_t size)
{
    return checked(calloc(1, size ? size : 1));
}

void *cli_realloc(void *p, size_t size)
{
    return checked(realloc(p, size ? size : 1));
}

char *cli_strndup(const char *s, size_t size)
{
    char *copy = cli_alloc(size + 1);
    memcpy(copy, s, size);
    return copy;
}

char *cli_strdup(const char *s)
{
    return cli_strndup(s, strlen(s));
}

static char *format(const char *fmt, va_list args) DS_PRINTF(1, 0);
static char *format(const char *fmt, va_list args)
{
    va_list again;
    va_copy(again, args);
    int size = vsnprintf(NULL, 0, fmt, again);
    va_end(again);
    char *text = cli_alloc(size < 0 ? 1 : (size_t)size + 1);
    if (size > 0) {
        vsnprintf(text, (size_t)size + 1, fmt, args);
    }
    return text;
}

char *cli_printf(const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    char *text = format(fmt, args);
    va_end(args);
    return text;
}

void cli_complain(const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    char *text = format(fmt, args);
    va_end(args);
    fprintf(stderr, "datashard: %s\n", text);
    free(text);
}

bool cli_told(void)
{
    static atomic_bool said;

    if (fflush(stdout) == 0 && !ferror(stdout)) {
        return true;
    }
    if (!atomic_exchange(&said, true)) {
        cli_complain("writing the result to standard output: %s", strerror(errno));
    }
    return false;
}

static const char *hint(int status)
{
    switch (status) {
    case DS_ENOSPACE:
        return "; make room, then run it again";
    case DS_EDENIED:
        return "; check the owner and the mode of the directory";
    case DS_ECONFLICT:
    case DS_EEXPIRED:
        return "; run it again";
    default:
        return "";
    }
}

int cli_failed(int status, const struct ds_error *err, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    char *what = format(fmt, args);
    va_end(args);
    cli_complain("%s: %s%s", what,
                 err->message[0] ? err->message : ds_status_text(status), hint(status));
    free(what);
    switch (status) {
    case DS_ECONFLICT:
        return CLI_CONFLICT;
    case DS_EUNKNOWN:
        return CLI_UNKNOWN;
    default:
        return CLI_FAILED;
    }
}
