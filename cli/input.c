#include "cli/input.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "cli/stop.h"

enum { HEAD_SIZE = 8 };

struct input {
    const char *path;
    enum input_format format;
    int fd;               // Text, Arrow from a pipe; -1: a file that the library opens.
    char head[HEAD_SIZE]; // Read from fd to look at it, not yet handed on.
    size_t head_at;
    size_t head_size;
    uint64_t done;
    uint64_t all;
    int64_t deadline_ms; // Of the call under way; -1: none.
    bool eager;          // It waits for nothing more once it has read something.
    ds_rows *rows;
    struct ArrowSchema schema;
    struct ArrowArrayStream stream; // Parquet, Arrow.
    bool ended;
};

int64_t monotonic_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static int os_failure(struct ds_error *err, const char *what, const char *path)
{
    int code = errno;
    memset(err, 0, sizeof *err);
    err->os_code = code;
    err->status = code == ENOENT ? DS_ENOTFOUND : code == EACCES ? DS_EDENIED : DS_EIO;
    snprintf(err->message, sizeof err->message, "%s %.700s: %s", what, path,
             strerror(code));
    return err->status;
}

bool input_format_parse(const char *text, enum input_format *out)
{
    static const char *const names[] = {"auto", "csv",     "jsonl",
                                        "json", "parquet", "arrow"};
    *out = INPUT_AUTO;
    for (int i = 0; text && i < 6; i++) {
        if (strcmp(text, names[i]) == 0) {
            *out = (enum input_format)i;
            return true;
        }
    }
    if (text) {
        cli_complain(
            "--format is one of auto, csv, jsonl, json, parquet, arrow; not '%s'", text);
    }
    return !text;
}

bool input_delimiter_parse(const char *text, char *out)
{
    *out = !text ? 0 : strcmp(text, "\\t") == 0 ? '\t' : text[0];
    bool one = text && text[0] && !text[1] && !((unsigned char)text[0] & 0x80);
    if (text && *out != '\t' && !one) {
        cli_complain("--delimiter is one character of ASCII, or \\t; not '%s'", text);
        return false;
    }
    return true;
}

static bool ends_with(const char *s, const char *end)
{
    size_t a = strlen(s);
    size_t b = strlen(end);
    return a >= b && strcmp(s + a - b, end) == 0;
}

static enum input_format format_of_name(const char *path)
{
    static const struct {
        const char *end;
        enum input_format format;
    } ends[] = {
        {".csv", INPUT_CSV},      {".tsv", INPUT_CSV},      {".jsonl", INPUT_JSONL},
        {".ndjson", INPUT_JSONL}, {".json", INPUT_JSON},    {".parquet", INPUT_PARQUET},
        {".arrow", INPUT_ARROW},  {".arrows", INPUT_ARROW}, {".feather", INPUT_ARROW}};

    for (size_t i = 0; i < sizeof ends / sizeof ends[0]; i++) {
        if (ends_with(path, ends[i].end)) {
            return ends[i].format;
        }
    }
    return INPUT_AUTO;
}

// Waits until there is something to read; false at the deadline or when asked to stop.
static bool wait_readable(const struct input *in)
{
    struct pollfd fds[2] = {{in->fd, POLLIN, 0}, {stop_fd(), POLLIN, 0}};
    for (;;) {
        int64_t left = in->deadline_ms < 0 ? -1 : in->deadline_ms - monotonic_ms();
        if (in->deadline_ms >= 0 && left <= 0) {
            left = 0;
        }
        int ready = poll(fds, stop_fd() >= 0 ? 2 : 1, left > INT32_MAX ? -1 : (int)left);
        if (stop_asked() || ready == 0) {
            return false;
        }
        if (ready > 0 || errno != EINTR) {
            return true;
        }
    }
}

static ptrdiff_t read_fd(void *arg, void *out, size_t size, struct ds_error *err)
{
    struct input *in = arg;
    if (in->head_at < in->head_size) {
        size_t left = in->head_size - in->head_at;
        size = size < left ? size : left;
        memcpy(out, in->head + in->head_at, size);
        in->head_at += size;
        return (ptrdiff_t)size;
    }
    for (;;) {
        if (!wait_readable(in)) {
            return DS_READ_PAUSE;
        }
        ssize_t n = read(in->fd, out, size);
        if (n >= 0) {
            in->done += (uint64_t)n;
            in->deadline_ms = in->eager && n > 0 ? 0 : in->deadline_ms;
            return n;
        }
        if (errno != EINTR && errno != EAGAIN) {
            return os_failure(err, "reading", in->path);
        }
    }
}

static int open_fd(struct input *in, const char *path, struct ds_error *err)
{
    struct stat st;

    if (in->fd >= 0) {
        return DS_OK; // To look at it.
    }
    in->path = strcmp(path, "-") == 0 ? "standard input" : path;
    in->fd = in->path == path ? open(path, O_RDONLY | O_CLOEXEC) : STDIN_FILENO;
    if (in->fd < 0) {
        return os_failure(err, "opening", path);
    }
    if (fstat(in->fd, &st) == 0 && S_ISREG(st.st_mode)) {
        in->all = (uint64_t)st.st_size;
    }
    if (fstat(in->fd, &st) == 0 && S_ISDIR(st.st_mode)) {
        errno = EISDIR;
        return os_failure(err, "opening", path);
    }
    return DS_OK;
}

static struct ds_rows_options rows_options(struct input *in, enum input_format format,
                                           char delimiter)
{
    bool tabs = delimiter == 0 && ends_with(in->path, ".tsv");
    return (struct ds_rows_options){.struct_size = sizeof(struct ds_rows_options),
                                    .format = format == INPUT_CSV     ? DS_ROWS_CSV
                                              : format == INPUT_JSONL ? DS_ROWS_JSONL
                                                                      : DS_ROWS_JSON,
                                    .read = read_fd,
                                    .read_arg = in,
                                    .name = in->path,
                                    .delimiter = tabs ? '\t' : delimiter};
}

static int stream_failure(struct ArrowArrayStream *stream, struct ds_error *err)
{
    const char *words = stream->get_last_error(stream);
    memset(err, 0, sizeof *err);
    snprintf(err->message, sizeof err->message, "%.900s", words ? words : "reading rows");
    return err->status = DS_ECORRUPT;
}

// Reads the first bytes, as far as there are so many, and keeps them for read_fd.
static int look_at_head(struct input *in, struct ds_error *err)
{
    size_t size = 0;

    while (size < HEAD_SIZE) {
        ptrdiff_t got = read_fd(in, in->head + size, HEAD_SIZE - size, err);
        if (got < 0) {
            return (int)got;
        }
        if (got == 0 || got == DS_READ_PAUSE) {
            break;
        }
        size += (size_t)got;
    }
    in->head_size = size;
    return DS_OK;
}

// The first that is no space; 0: there is none among the first bytes.
static char first_letter(const struct input *in)
{
    for (size_t i = 0; i < in->head_size; i++) {
        if (!strchr(" \t\r\n", in->head[i])) {
            return (char)in->head[i];
        }
    }
    return 0;
}

static int choose(struct input *in, const char *path, struct ds_error *err)
{
    int rc = DS_OK;

    if (in->format == INPUT_AUTO) {
        in->format = format_of_name(path);
    }
    if (in->format == INPUT_AUTO) {
        rc = open_fd(in, path, err);
        rc = rc < 0 ? rc : look_at_head(in, err);
    }
    if (rc < 0 || in->format != INPUT_AUTO) {
        return rc;
    }
    if (in->head_size == HEAD_SIZE && memcmp(in->head, "PAR1", 4) == 0) {
        in->format = INPUT_PARQUET;
    } else if (in->head_size == HEAD_SIZE &&
               (memcmp(in->head, "ARROW1", 6) == 0 ||
                memcmp(in->head, "\xff\xff\xff\xff", 4) == 0)) {
        in->format = INPUT_ARROW;
    } else if (first_letter(in) == '{') {
        in->format = INPUT_JSONL;
    } else if (first_letter(in) == '[') {
        in->format = INPUT_JSON;
    } else {
        memset(err, 0, sizeof *err);
        snprintf(err->message, sizeof err->message,
                 "%.700s: neither its name nor its first bytes tell what it is; say "
                 "--format csv, jsonl, json, parquet or arrow",
                 path);
        rc = err->status = DS_EINVALID;
    }
    return rc;
}

static bool is_regular(const char *path)
{
    struct stat st;
    return strcmp(path, "-") != 0 && (stat(path, &st) != 0 || S_ISREG(st.st_mode));
}

// Parquet, and Arrow in a file; an Arrow stream may come through a pipe.
static int open_stream(struct input *in, const char *path, struct ds_error *err)
{
    int rc = DS_OK;

    if (in->format == INPUT_PARQUET && strcmp(path, "-") == 0) {
        memset(err, 0, sizeof *err);
        snprintf(err->message, sizeof err->message,
                 "standard input is Parquet, which is read from its end: name a file");
        return err->status = DS_EINVALID;
    }
    if (in->format == INPUT_PARQUET || is_regular(path)) {
        if (in->fd > STDIN_FILENO) { // It was looked at.
            close(in->fd);
        }
        in->fd = -1;
        rc = ds_file_scan(path, &in->stream, err);
    } else {
        rc = open_fd(in, path, err);
        struct ds_ipc_read_options options = {.struct_size = sizeof options,
                                              .read = read_fd,
                                              .read_arg = in,
                                              .name = in->path};
        rc = rc < 0 ? rc : ds_ipc_read(&options, &in->stream, err);
    }
    if (rc == DS_OK && in->stream.get_schema(&in->stream, &in->schema) != 0) {
        rc = stream_failure(&in->stream, err);
    }
    return rc;
}

int input_open(const char *path, enum input_format format, char delimiter,
               const struct ArrowSchema *schema, struct input **out, struct ds_error *err)
{
    struct input *in = cli_alloc(sizeof *in);

    in->fd = -1;
    in->deadline_ms = -1;
    in->path = path;
    in->format = format;
    int rc = choose(in, path, err);
    if (rc == DS_OK && (in->format == INPUT_PARQUET || in->format == INPUT_ARROW)) {
        rc = open_stream(in, path, err);
    } else if (rc == DS_OK) {
        rc = open_fd(in, path, err);
        struct ds_rows_options options = rows_options(in, in->format, delimiter);
        options.schema = schema;
        if (rc == DS_OK && schema) {
            rc = ds_rows_open(&options, &in->rows, err);
        }
    }
    if (rc < 0) {
        input_close(in);
        in = NULL;
    }
    *out = in;
    return rc;
}

int input_guess(const char *path, enum input_format format, char delimiter,
                struct ArrowSchema *out, struct ds_error *err)
{
    struct input *in = NULL;
    int rc = input_open(path, format, delimiter, NULL, &in, err);

    if (rc == DS_OK && in->schema.release) {
        *out = in->schema; // Moved.
        in->schema.release = NULL;
    } else if (rc == DS_OK) {
        struct ds_rows_options options = rows_options(in, in->format, delimiter);
        rc = ds_rows_infer(&options, out, err);
    }
    input_close(in);
    return rc;
}

const struct ArrowSchema *input_schema(const struct input *in)
{
    return in->schema.release ? &in->schema : NULL;
}

int input_next(struct input *in, int64_t deadline_ms, struct ArrowArray *out,
               struct ds_error *err)
{
    memset(out, 0, sizeof *out);
    in->deadline_ms = deadline_ms;
    if (in->rows) {
        int rc = ds_rows_next(in->rows, out, err);
        in->ended = rc < 0 || (rc == DS_OK && ds_rows_ended(in->rows));
        return rc;
    }
    int code = in->stream.get_next(&in->stream, out);
    if (code == EAGAIN && in->fd >= 0) { // Nothing more before the deadline.
        memset(out, 0, sizeof *out);
        return DS_OK;
    }
    if (code != 0) {
        in->ended = true;
        return stream_failure(&in->stream, err);
    }
    in->ended = !out->release;
    in->done += out->release && in->fd < 0 ? (uint64_t)out->length : 0;
    return out->release ? DS_ROW : DS_OK;
}

int input_next_eager(struct input *in, int64_t deadline_ms, struct ArrowArray *out,
                     struct ds_error *err)
{
    in->eager = true;
    int rc = input_next(in, deadline_ms, out, err);
    in->eager = false;
    return rc;
}

bool input_ended(const struct input *in)
{
    return in->ended;
}

void input_progress(const struct input *in, uint64_t *done, uint64_t *all)
{
    *done = in->done;
    *all = in->all;
}

void input_close(struct input *in)
{
    if (!in) {
        return;
    }
    ds_rows_free(in->rows);
    if (in->schema.release) {
        in->schema.release(&in->schema);
    }
    if (in->stream.release) {
        in->stream.release(&in->stream);
    }
    if (in->fd > STDIN_FILENO) {
        close(in->fd);
    }
    free(in);
}
