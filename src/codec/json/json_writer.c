#include "codec/json/json_writer.h"

#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/text.h"

static void put(struct dsi_json_writer *w, const void *bytes, size_t size)
{
    if (w->rc == DS_OK) {
        w->rc = dsi_buf_append(w->out, bytes, size, w->err);
    }
}

static void put_text(struct dsi_json_writer *w, const char *text)
{
    put(w, text, strlen(text));
}

// What stands before a value or a key.
static void lead(struct dsi_json_writer *w)
{
    if (w->comma) {
        put(w, ",", 1);
    }
    w->comma = true;
}

static void open(struct dsi_json_writer *w, const char *bracket)
{
    lead(w);
    put(w, bracket, 1);
    w->comma = false;
    w->depth++;
}

static void shut(struct dsi_json_writer *w, const char *bracket)
{
    assert(w->depth > 0);
    put(w, bracket, 1);
    w->comma = true;
    w->depth--;
}

static void put_escape(struct dsi_json_writer *w, uint8_t byte)
{
    static const char named[] = "\"\"\\\\\bb\ff\nn\rr\tt";
    for (size_t i = 0; i + 1 < sizeof named; i += 2) {
        if ((uint8_t)named[i] == byte) {
            char escape[2] = {'\\', named[i + 1]};
            put(w, escape, sizeof escape);
            return;
        }
    }
    char escape[8];
    snprintf(escape, sizeof escape, "\\u%04x", byte);
    put(w, escape, 6);
}

// Whether nothing of it has to be escaped, or looked at any closer: ASCII without control
// characters, quotes and backslashes. Eight bytes at a time; most of metadata is such.
static bool is_plain(struct ds_slice text)
{
    const uint64_t ones = 0x0101010101010101u;
    const uint64_t high = 0x8080808080808080u;
    uint64_t found = 0;
    size_t i = 0;

    for (; text.size - i >= 8; i += 8) {
        uint64_t word = 0;
        memcpy(&word, text.data + i, sizeof word);
        uint64_t quote = word ^ ones * '"';
        uint64_t slash = word ^ ones * '\\';
        // A byte's high bit is set where it had been, or where the difference wrapped.
        found |= word | (word - ones * 0x20) | (quote - ones) | (slash - ones);
    }
    for (; i < text.size; i++) {
        uint8_t byte = text.data[i];
        found |= byte < 0x20 || byte == '"' || byte == '\\' ? high : byte;
    }
    return (found & high) == 0;
}

static void put_escaped(struct dsi_json_writer *w, struct ds_slice text)
{
    size_t start = 0;

    if (w->rc == DS_OK && !dsi_utf8_valid(text)) {
        w->rc = dsi_fail(w->err, DS_EINVALID,
                         "writing JSON: a text of %zu bytes is not UTF-8", text.size);
        return;
    }
    put(w, "\"", 1);
    for (size_t i = 0; i < text.size; i++) {
        uint8_t byte = text.data[i];
        if (byte < 0x20 || byte == '"' || byte == '\\') {
            put(w, text.data + start, i - start);
            put_escape(w, byte);
            start = i + 1;
        }
    }
    if (text.size > start) {
        put(w, text.data + start, text.size - start);
    }
    put(w, "\"", 1);
}

static void put_string(struct dsi_json_writer *w, struct ds_slice text)
{
    if (!is_plain(text)) {
        put_escaped(w, text);
        return;
    }
    if (w->rc == DS_OK) {
        w->rc = dsi_buf_reserve(w->out, text.size + 2, w->err);
    }
    if (w->rc == DS_OK) {
        uint8_t *to = w->out->data + w->out->size;
        to[0] = '"';
        if (text.size > 0) {
            memcpy(to + 1, text.data, text.size);
        }
        to[text.size + 1] = '"';
        w->out->size += text.size + 2;
    }
}

void dsi_json_writer_init(struct dsi_json_writer *w, struct dsi_buf *out,
                          struct ds_error *err)
{
    *w = (struct dsi_json_writer){.out = out, .err = err};
}

int dsi_json_writer_finish(struct dsi_json_writer *w)
{
    assert(w->rc < 0 || w->depth == 0);
    return w->rc;
}

void dsi_json_write_object_begin(struct dsi_json_writer *w)
{
    open(w, "{");
}

void dsi_json_write_object_end(struct dsi_json_writer *w)
{
    shut(w, "}");
}

void dsi_json_write_array_begin(struct dsi_json_writer *w)
{
    open(w, "[");
}

void dsi_json_write_array_end(struct dsi_json_writer *w)
{
    shut(w, "]");
}

void dsi_json_write_key_slice(struct dsi_json_writer *w, struct ds_slice key)
{
    assert(w->depth > 0);
    lead(w);
    put_string(w, key);
    put(w, ":", 1);
    w->comma = false;
}

void dsi_json_write_key(struct dsi_json_writer *w, const char *key)
{
    dsi_json_write_key_slice(w, dsi_slice_text(key));
}

void dsi_json_write_string(struct dsi_json_writer *w, const char *text)
{
    dsi_json_write_slice(w, dsi_slice_text(text));
}

void dsi_json_write_slice(struct dsi_json_writer *w, struct ds_slice text)
{
    lead(w);
    put_string(w, text);
}

void dsi_json_write_i64(struct dsi_json_writer *w, int64_t v)
{
    lead(w);
    if (w->rc == DS_OK) {
        w->rc = dsi_buf_append_i64(w->out, v, w->err);
    }
}

static void write_finite(struct dsi_json_writer *w, bool finite, const char *digits)
{
    if (w->rc == DS_OK && !finite) {
        w->rc = dsi_fail(w->err, DS_EINVALID, "writing JSON: %s is not a JSON number",
                         digits);
    }
    lead(w);
    put_text(w, digits);
}

void dsi_json_write_f64(struct dsi_json_writer *w, double v)
{
    char digits[DSI_F64_TEXT_SIZE];
    dsi_f64_format(v, digits);
    write_finite(w, isfinite(v), digits);
}

void dsi_json_write_f32(struct dsi_json_writer *w, float v)
{
    char digits[DSI_F64_TEXT_SIZE];
    dsi_f32_format(v, digits);
    write_finite(w, isfinite(v), digits);
}

void dsi_json_write_bool(struct dsi_json_writer *w, bool v)
{
    lead(w);
    put_text(w, v ? "true" : "false");
}

void dsi_json_write_null(struct dsi_json_writer *w)
{
    lead(w);
    put_text(w, "null");
}

void dsi_json_write_raw(struct dsi_json_writer *w, struct ds_slice json)
{
    assert(json.size > 0);
    lead(w);
    put(w, json.data, json.size);
}

void dsi_json_write_member_string(struct dsi_json_writer *w, const char *key,
                                  const char *text)
{
    dsi_json_write_key(w, key);
    dsi_json_write_string(w, text);
}

void dsi_json_write_member_i64(struct dsi_json_writer *w, const char *key, int64_t v)
{
    dsi_json_write_key(w, key);
    dsi_json_write_i64(w, v);
}

void dsi_json_write_member_bool(struct dsi_json_writer *w, const char *key, bool v)
{
    dsi_json_write_key(w, key);
    dsi_json_write_bool(w, v);
}

void dsi_json_write_member_raw(struct dsi_json_writer *w, const char *key,
                               struct ds_slice json)
{
    dsi_json_write_key(w, key);
    dsi_json_write_raw(w, json);
}
