// Reads Parquet files through the public API, looks at every byte of every row, and says
// what came of each: what shows, under a sanitizer and with little memory, that any file
// is read or refused and nothing else.
//
// usage: read_parquet FILE...    one line for each: rows or the error, the file
#include <stdio.h>
#include <string.h>

#include "datashard/datashard.h"

// Touches memory, so that reading past its end is noticed.
static unsigned sum(const void *bytes, size_t size)
{
    const unsigned char *p = bytes;
    unsigned made = 0;

    for (size_t i = 0; p && i < size; i++) {
        made = made * 31 + p[i];
    }
    return made;
}

static size_t bits(int64_t count)
{
    return ((size_t)count + 7) / 8;
}

static size_t fixed_width(const char *format)
{
    static const struct {
        const char *prefix;
        size_t width;
    } widths[] = {{"tdD", 4}, {"tdm", 8}, {"tt", 8}, {"ts", 8}, {"i", 4},
                  {"l", 8},   {"f", 4},   {"g", 8},  {"d:", 16}};
    size_t width = 0;

    if (sscanf(format, "w:%zu", &width) == 1) {
        return width;
    }
    for (size_t i = 0; i < sizeof widths / sizeof *widths; i++) {
        if (strncmp(format, widths[i].prefix, strlen(widths[i].prefix)) == 0) {
            return widths[i].width;
        }
    }
    return 0;
}

static unsigned look(const struct ArrowSchema *s, const struct ArrowArray *a)
{
    size_t end = (size_t)(a->offset + a->length);
    unsigned made = a->n_buffers > 0 ? sum(a->buffers[0], bits((int64_t)end)) : 0;
    const char *f = s->format;

    if (strcmp(f, "b") == 0) {
        made += sum(a->buffers[1], bits((int64_t)end));
    } else if (strcmp(f, "u") == 0 || strcmp(f, "z") == 0) {
        const int32_t *offsets = a->buffers[1];
        made += sum(offsets, (end + 1) * sizeof *offsets);
        made += sum(a->buffers[2], offsets ? (size_t)offsets[end] : 0);
    } else if (strcmp(f, "+l") == 0 || strcmp(f, "+m") == 0) {
        made += sum(a->buffers[1], (end + 1) * sizeof(int32_t));
    } else if (a->n_buffers > 1) {
        made += sum(a->buffers[1], end * fixed_width(f));
    }
    for (int64_t i = 0; i < a->n_children; i++) {
        made += look(s->children[i], a->children[i]);
    }
    return made;
}

static int read_all(struct ArrowArrayStream *stream, long long *rows)
{
    struct ArrowSchema schema;
    struct ArrowArray batch;
    unsigned made = 0;
    int rc = stream->get_schema(stream, &schema);

    if (rc != 0) {
        return rc;
    }
    while ((rc = stream->get_next(stream, &batch)) == 0 && batch.release) {
        *rows += batch.length;
        made += look(&schema, &batch);
        batch.release(&batch);
    }
    schema.release(&schema);
    return rc != 0 ? rc : made == 1; // Uses the sum; a file of that very sum is no loss.
}

int main(int argc, char **argv)
{
    for (int i = 1; i < argc; i++) {
        struct ArrowArrayStream stream;
        struct ds_error err = {0};
        long long rows = 0;
        if (ds_file_scan(argv[i], &stream, &err) < 0) {
            printf("error: %s\t%s\n", err.message, argv[i]);
            continue;
        }
        if (read_all(&stream, &rows) != 0) {
            const char *why = stream.get_last_error(&stream);
            printf("error: %s\t%s\n", why ? why : "", argv[i]);
        } else {
            printf("rows: %lld\t%s\n", rows, argv[i]);
        }
        stream.release(&stream);
    }
    return 0;
}
