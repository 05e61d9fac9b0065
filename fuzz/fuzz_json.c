// Any bytes as JSON: skipped whole, then walked value by value; both must agree, and what
// was walked and written out must read back the same.
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "codec/json/json_reader.h"
#include "codec/json/json_writer.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int copy_string(struct dsi_json_reader *r, struct dsi_json_writer *w)
{
    struct ds_slice text = {NULL, 0};
    int rc = dsi_json_string_slice(r, &text, NULL);
    if (rc == DS_OK) {
        dsi_json_write_slice(w, text);
    }
    return rc;
}

static int copy_number(struct dsi_json_reader *r, struct dsi_json_writer *w)
{
    struct dsi_json_reader again = *r;
    struct ds_slice digits = {NULL, 0};
    double real = 0;
    int64_t whole = 0;
    int rc = dsi_json_number(r, &digits, NULL);
    if (rc < 0) {
        return rc;
    }
    if (dsi_json_f64(&again, &real, NULL) == DS_OK &&
        dsi_text_to_i64((const char *)digits.data, digits.size, &whole)) {
        dsi_json_write_i64(w, whole);
    } else {
        dsi_json_write_raw(w, digits);
    }
    return DS_OK;
}

// Copies a value by asking for each piece of it; depth is bounded by the reader.
static int copy(struct dsi_json_reader *r, struct dsi_json_writer *w)
{
    enum dsi_json_kind kind = DSI_JSON_NULL;
    struct ds_slice key = {NULL, 0};
    bool yes = false;
    int rc = dsi_json_peek(r, &kind, NULL);
    if (rc < 0) {
        return rc;
    }
    switch (kind) {
    case DSI_JSON_OBJECT:
        rc = dsi_json_object_begin(r, NULL);
        dsi_json_write_array_begin(w); // Keys may hold U+0000: written as values.
        while (rc >= 0 && (rc = dsi_json_object_next(r, &key, NULL)) == DS_ROW) {
            dsi_json_write_slice(w, key);
            rc = copy(r, w);
        }
        dsi_json_write_array_end(w);
        return rc;
    case DSI_JSON_ARRAY:
        rc = dsi_json_array_begin(r, NULL);
        dsi_json_write_array_begin(w);
        while (rc >= 0 && (rc = dsi_json_array_next(r, NULL)) == DS_ROW) {
            rc = copy(r, w);
        }
        dsi_json_write_array_end(w);
        return rc;
    case DSI_JSON_STRING:
        return copy_string(r, w);
    case DSI_JSON_NUMBER:
        return copy_number(r, w);
    case DSI_JSON_BOOL:
        rc = dsi_json_bool(r, &yes, NULL);
        dsi_json_write_bool(w, yes);
        return rc;
    default:
        rc = dsi_json_null(r, &yes, NULL);
        dsi_json_write_null(w);
        return rc < 0 || yes ? rc : DS_ECORRUPT;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct ds_slice input = {data, size};
    struct dsi_arena arena = DSI_ARENA_INIT;
    struct dsi_buf out = DSI_BUF_INIT;
    struct dsi_json_reader r;
    struct dsi_json_writer w;
    struct ds_slice raw = {NULL, 0};

    dsi_json_reader_init(&r, input, &arena, "fuzz");
    int skipped = dsi_json_skip(&r, &raw, NULL);
    size_t end = r.at;
    if (skipped == DS_OK) { // Checked by now.
        dsi_json_reader_init_checked(&r, input, &arena, "fuzz");
        if (dsi_json_skip(&r, NULL, NULL) < 0 || r.at != end) {
            abort();
        }
    }
    dsi_json_reader_init(&r, input, &arena, "fuzz");
    dsi_json_writer_init(&w, &out, NULL);
    int copied = copy(&r, &w);
    if ((skipped == DS_OK) != (copied == DS_OK)) {
        abort();
    }
    if (copied == DS_OK) {
        if (r.at != end || dsi_json_writer_finish(&w) < 0) {
            abort();
        }
        dsi_json_reader_init(&r, dsi_buf_slice(&out), &arena, "fuzz");
        if (dsi_json_skip(&r, NULL, NULL) < 0 || dsi_json_end(&r, NULL) < 0) {
            abort();
        }
    }
    dsi_buf_release(&out);
    dsi_arena_release(&arena);
    return 0;
}
