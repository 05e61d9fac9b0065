#include "data/text_source.h"

#include <string.h>

#include "base/error.h"

void dsi_text_source_init(struct dsi_text_source *s, ds_read_fn read, void *arg,
                          const char *name, size_t bytes_max)
{
    *s = (struct dsi_text_source){.read = read, .arg = arg, .name = name, .line = 1};
    s->buf.max = bytes_max;
}

void dsi_text_source_release(struct dsi_text_source *s)
{
    dsi_buf_release(&s->buf);
}

// Reads some more: DS_ROW, or DS_OK when there is nothing (see `ended`).
static int fill(struct dsi_text_source *s, struct ds_error *err)
{
    ptrdiff_t got = 0;

    if (s->at > 0) { // What was consumed makes room.
        memmove(s->buf.data, s->buf.data + s->at, s->buf.size - s->at);
        s->buf.size -= s->at;
        s->at = 0;
    }
    size_t want = DSI_TEXT_READ_SIZE;
    if (s->buf.max - s->buf.size < want) {
        want = s->buf.max - s->buf.size;
    }
    if (want == 0) {
        return dsi_fail(err, DS_EINVALID, "%s:%lld: a record of more than %zu bytes",
                        s->name, (long long)s->line, s->buf.max);
    }
    int rc = dsi_buf_reserve(&s->buf, want, err);
    if (rc < 0) {
        return rc;
    }
    got = s->read(s->arg, s->buf.data + s->buf.size, want, err);
    if (got == DS_READ_PAUSE) {
        return DS_OK;
    }
    if (got < 0 || (size_t)got > want) {
        return got < 0 ? (int)got
                       : dsi_fail(err, DS_EINVALID, "%s: a read gave too much", s->name);
    }
    s->ended = got == 0;
    s->buf.size += (size_t)got;
    return got > 0 ? DS_ROW : DS_OK;
}

// Finds the newline that ends the record; false when it is not there yet.
static bool find_end(struct dsi_text_source *s, bool quotes, size_t *end)
{
    size_t size = s->buf.size - s->at;

    if (size == 0) {
        return false;
    }
    const uint8_t *text = s->buf.data + s->at;
    if (!quotes) {
        const uint8_t *newline =
            s->scanned < size ? memchr(text + s->scanned, '\n', size - s->scanned) : NULL;
        s->scanned = size;
        *end = newline ? (size_t)(newline - text) : 0;
        return newline != NULL;
    }
    for (; s->scanned < size; s->scanned++) {
        uint8_t c = text[s->scanned];
        if (c == '"') {
            s->quoted = !s->quoted; // A doubled quote toggles twice.
        } else if (c == '\n' && !s->quoted) {
            *end = s->scanned;
            return true;
        }
    }
    return false;
}

static void take(struct dsi_text_source *s, bool quotes, size_t size, size_t past,
                 struct ds_slice *out, int64_t *line)
{
    const uint8_t *text = s->buf.data + s->at;

    *line = s->line;
    for (size_t i = 0; quotes && i < size; i++) { // Newlines inside quotes.
        s->line += text[i] == '\n';
    }
    s->line += past > size;
    s->at += past;
    s->scanned = 0;
    s->quoted = false;
    if (size > 0 && text[size - 1] == '\r') {
        size--;
    }
    *out = (struct ds_slice){text, size};
}

int dsi_text_source_record(struct dsi_text_source *s, bool quotes, struct ds_slice *out,
                           int64_t *line, struct ds_error *err)
{
    size_t end = 0;

    while (!find_end(s, quotes, &end)) {
        if (s->ended) {
            size_t left = s->buf.size - s->at;
            if (left == 0) {
                return DS_OK;
            }
            take(s, quotes, left, left, out, line); // (1)
            return DS_ROW;
        }
        int rc = fill(s, err);
        if (rc < 0 || (rc == DS_OK && !s->ended)) {
            return rc;
        }
    }
    take(s, quotes, end, end + 1, out, line);
    return DS_ROW;
}

int dsi_text_source_all(struct dsi_text_source *s, struct ds_slice *out,
                        struct ds_error *err)
{
    while (!s->ended) {
        int rc = fill(s, err);
        if (rc < 0 || (rc == DS_OK && !s->ended)) {
            return rc;
        }
    }
    if (s->at == s->buf.size) {
        return DS_OK;
    }
    *out = (struct ds_slice){s->buf.data + s->at, s->buf.size - s->at};
    s->at = s->buf.size;
    return DS_ROW;
}
