// Text to rows: a schema is guessed, the text read by it; what was read is written as
// JSON lines and as CSV, and reading that gives the same again.
#include <stdlib.h>
#include <string.h>

#include "data/text_reader.h"
#include "data/text_writer.h"

struct piece {
    const uint8_t *data;
    size_t size;
};

static ptrdiff_t read_piece(void *arg, void *out, size_t size, struct ds_error *err)
{
    struct piece *p = arg;
    size_t n = p->size < size ? p->size : size;
    (void)err;
    if (n > 0) {
        memcpy(out, p->data, n);
        p->data += n;
    }
    p->size -= n;
    return (ptrdiff_t)n;
}

static struct dsi_text_options options_of(enum ds_rows_format format, struct piece *p)
{
    return (struct dsi_text_options){.format = format,
                                     .read = read_piece,
                                     .read_arg = p,
                                     .name = "in",
                                     .batch_rows_max = 7};
}

static int write_batch(const struct dsi_batch *b, enum ds_rows_format format, bool first,
                       struct dsi_buf *out, struct ds_error *err)
{
    int rc = DS_OK;
    for (int64_t i = 0; rc == DS_OK && i < b->rows; i++) {
        rc = dsi_text_write_row(format, b, i, first && i == 0, out, err);
    }
    return rc;
}

// Reads all of a text by a schema and writes it in a format. A failure has words.
static int convert(const struct dsi_schema *schema, enum ds_rows_format from,
                   struct ds_slice text, enum ds_rows_format to, struct dsi_buf *out)
{
    struct piece p = {text.data, text.size};
    struct dsi_text_options options = options_of(from, &p);
    struct dsi_text_reader *r = NULL;
    struct ds_error err = {0};
    struct dsi_batch b;
    bool first = true;
    int rc = dsi_text_reader_new(&options, schema, &r, &err);

    if (rc == DS_OK) {
        rc = dsi_text_write_begin(to, schema, out, &err);
    }
    while (rc == DS_OK && (rc = dsi_text_reader_next(r, &b, &err)) == DS_ROW) {
        rc = write_batch(&b, to, first, out, &err);
        first = false;
        dsi_batch_release(&b);
    }
    if (rc == DS_OK) {
        rc = dsi_text_write_end(to, out, &err);
    }
    dsi_text_reader_free(r);
    if (rc < 0 && err.message[0] == '\0') {
        abort();
    }
    return rc;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct dsi_arena arena = DSI_ARENA_INIT;
    struct dsi_buf lines = DSI_BUF_INIT;
    struct dsi_buf cells = DSI_BUF_INIT;
    struct dsi_buf again = DSI_BUF_INIT;
    struct dsi_schema schema;
    struct ds_error err = {0};

    if (size < 1) {
        return 0;
    }
    enum ds_rows_format format = (enum ds_rows_format)(data[0] % 3 + DS_ROWS_CSV);
    struct ds_slice text = {data + 1, size - 1};
    struct piece p = {text.data, text.size};
    struct dsi_text_options options = options_of(format, &p);
    int rc = dsi_text_infer(&options, &arena, &schema, &err);
    if (rc < 0 && err.message[0] == '\0') {
        abort();
    }
    if (rc == DS_OK && convert(&schema, format, text, DS_ROWS_JSONL, &lines) == DS_OK) {
        if (convert(&schema, DS_ROWS_JSONL, dsi_buf_slice(&lines), DS_ROWS_CSV, &cells) <
                0 ||
            convert(&schema, DS_ROWS_CSV, dsi_buf_slice(&cells), DS_ROWS_JSONL, &again) <
                0) {
            abort(); // What we write, we read.
        }
        if (again.size != lines.size ||
            (lines.size > 0 && memcmp(again.data, lines.data, lines.size) != 0)) {
            abort();
        }
    }
    dsi_buf_release(&lines);
    dsi_buf_release(&cells);
    dsi_buf_release(&again);
    dsi_arena_release(&arena);
    return 0;
}
