#include "codec/json/json_reader.h"

#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/text.h"

void dsi_json_reader_init(struct dsi_json_reader *r, struct ds_slice text,
                          struct dsi_arena *arena, const char *what)
{
    *r = (struct dsi_json_reader){
        .text = text, .arena = arena, .what = what, .depth_max = DSI_JSON_DEPTH_MAX};
    if (text.size >= 3 && memcmp(text.data, "\xef\xbb\xbf", 3) == 0) {
        r->at = 3;
    }
}

void dsi_json_reader_init_checked(struct dsi_json_reader *r, struct ds_slice text,
                                  struct dsi_arena *arena, const char *what)
{
    dsi_json_reader_init(r, text, arena, what);
    r->checked = true;
}

// Counted only when something is wrong: it costs a pass over the input.
static size_t line_at(const struct dsi_json_reader *r, size_t at)
{
    size_t line = 1;
    for (size_t i = 0; i < at; i++) {
        line += r->text.data[i] == '\n';
    }
    return line;
}

static int fail_at(struct dsi_json_reader *r, size_t at, struct ds_error *err,
                   const char *message)
{
    return dsi_corrupt(err, "%s, line %zu, byte %zu: %s", r->what, line_at(r, at), at + 1,
                       message); // (4)
}

int dsi_json_unexpected(struct dsi_json_reader *r, struct ds_error *err,
                        const char *expected)
{
    char message[160];
    if (r->at >= r->text.size) {
        snprintf(message, sizeof message, "expected %s, but the text ends here",
                 expected);
    } else {
        uint8_t c = r->text.data[r->at];
        const char *form = c >= 0x20 && c < 0x7f ? "expected %s, found '%c'"
                                                 : "expected %s, found the byte 0x%02x";
        snprintf(message, sizeof message, form, expected, c);
    }
    return fail_at(r, r->at, err, message);
}

static void skip_space(struct dsi_json_reader *r)
{
    const uint8_t *data = r->text.data;
    size_t at = r->at;
    while (at < r->text.size && (data[at] == ' ' || data[at] == '\n' ||
                                 data[at] == '\r' || data[at] == '\t')) {
        at++;
    }
    r->at = at;
}

static bool next_is(const struct dsi_json_reader *r, char c)
{
    return r->at < r->text.size && r->text.data[r->at] == (uint8_t)c;
}

// True when one of the eight bytes ends a plain run: a quote, a backslash, a control.
static bool has_special(uint64_t word)
{
    const uint64_t ones = 0x0101010101010101u;
    const uint64_t highs = 0x8080808080808080u;
    uint64_t quote = word ^ ones * '"';
    uint64_t slash = word ^ ones * '\\';
    return ((((quote - ones) & ~quote) | ((slash - ones) & ~slash) |
             ((word - ones * 0x20) & ~word)) &
            highs) != 0;
}

// From just after the opening quote to the closing one, which r->at is left on.
static int scan_string(struct dsi_json_reader *r, bool *escaped, struct ds_error *err)
{
    const uint8_t *data = r->text.data;
    size_t start = r->at;
    size_t at = start;

    *escaped = false;
    for (;;) {
        uint64_t word = 0;
        while (r->text.size - at >= sizeof word) {
            memcpy(&word, data + at, sizeof word);
            if (has_special(word)) {
                break;
            }
            at += sizeof word;
        }
        while (at < r->text.size && data[at] >= 0x20 && data[at] != '"' &&
               data[at] != '\\') {
            at++;
        }
        if (at >= r->text.size) {
            return fail_at(r, start - 1, err, "this string is not ended");
        }
        if (data[at] == '"') {
            break;
        }
        if (data[at] != '\\') {
            return fail_at(r, at, err, "a control character in a string; escape it");
        }
        *escaped = true;
        at += 2; // What follows the backslash is judged when it is unescaped.
        if (at > r->text.size) {
            return fail_at(r, start - 1, err, "this string is not ended");
        }
    }
    if (!dsi_utf8_valid((struct ds_slice){data + start, at - start})) {
        return fail_at(r, start - 1, err, "this string is not UTF-8");
    }
    r->at = at;
    return DS_OK;
}

static bool hex4(const uint8_t *at, const uint8_t *end, uint32_t *out)
{
    if (end - at < 4) {
        return false;
    }
    *out = 0;
    for (int i = 0; i < 4; i++) {
        uint8_t c = at[i];
        uint32_t digit = c >= '0' && c <= '9'   ? c - (uint32_t)'0'
                         : c >= 'a' && c <= 'f' ? c - (uint32_t)'a' + 10
                         : c >= 'A' && c <= 'F' ? c - (uint32_t)'A' + 10
                                                : 16;
        if (digit > 15) {
            return false;
        }
        *out = *out << 4 | digit;
    }
    return true;
}

static size_t put_utf8(uint32_t c, uint8_t *out)
{
    if (c < 0x80) {
        out[0] = (uint8_t)c;
        return 1;
    }
    size_t n = c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
    for (size_t i = n - 1; i > 0; i--) {
        out[i] = (uint8_t)(0x80 | (c & 0x3f));
        c >>= 6;
    }
    out[0] = (uint8_t)((n == 2 ? 0xc0 : n == 3 ? 0xe0 : 0xf0) | c);
    return n;
}

// One escape at *at (on its backslash) to `out` (NULL: only checked): bytes written, or 0
// when it is none. Never more bytes than the escape had.
static size_t unescape_one(const uint8_t **at, const uint8_t *end, uint8_t *out)
{
    static const char named[] = "\"\"\\\\//b\bf\fn\nr\rt\t";
    const uint8_t *p = *at;
    uint8_t scratch[4];
    uint32_t c = 0;
    uint32_t low = 0;

    out = out ? out : scratch;
    if (end - p < 2) {
        return 0;
    }
    for (size_t i = 0; i + 1 < sizeof named; i += 2) {
        if (p[1] == (uint8_t)named[i]) {
            *out = (uint8_t)named[i + 1];
            *at = p + 2;
            return 1;
        }
    }
    if (p[1] != 'u' || !hex4(p + 2, end, &c)) {
        return 0;
    }
    p += 6;
    if (c >= 0xd800 && c <= 0xdfff) { // A pair, or nothing at all.
        if (c >= 0xdc00 || end - p < 6 || p[0] != '\\' || p[1] != 'u' ||
            !hex4(p + 2, end, &low) || low < 0xdc00 || low > 0xdfff) {
            return 0;
        }
        c = 0x10000 + ((c - 0xd800) << 10) + (low - 0xdc00);
        p += 6;
    }
    *at = p;
    return put_utf8(c, out);
}

// Unescapes `raw`, into `out` if that is not NULL. False at a bad escape, with *bad on
// it.
static bool unescape(struct ds_slice raw, uint8_t *out, size_t *size, size_t *bad)
{
    const uint8_t *end = raw.data + raw.size;
    const uint8_t *at = raw.data;
    size_t n = 0;
    while (at < end) {
        const uint8_t *run = memchr(at, '\\', (size_t)(end - at));
        size_t plain = (size_t)((run ? run : end) - at);
        if (out && plain > 0) {
            memcpy(out + n, at, plain);
        }
        n += plain;
        at += plain;
        if (run) {
            size_t wrote = unescape_one(&at, end, out ? out + n : NULL);
            if (wrote == 0) {
                *bad = (size_t)(at - raw.data);
                return false;
            }
            n += wrote;
        }
    }
    *size = n;
    return true;
}

// Takes a string; its raw text between the quotes, checked escapes included.
static int take_string(struct dsi_json_reader *r, struct ds_slice *raw, bool *escaped,
                       struct ds_error *err)
{
    size_t start = r->at + 1;
    size_t size = 0;
    size_t bad = 0;

    if (!next_is(r, '"')) {
        return dsi_json_unexpected(r, err, "a string");
    }
    r->at = start;
    int rc = scan_string(r, escaped, err);
    if (rc < 0) {
        return rc;
    }
    *raw = (struct ds_slice){r->text.data + start, r->at - start};
    if (*escaped && !unescape(*raw, NULL, &size, &bad)) {
        return fail_at(r, start + bad, err, "a backslash that starts no valid escape");
    }
    r->at++;
    r->first = false;
    return DS_OK;
}

// An unescaped, terminated copy in the arena.
static int copy_string(struct dsi_json_reader *r, struct ds_slice raw, bool escaped,
                       struct ds_slice *out, struct ds_error *err)
{
    size_t size = raw.size;
    size_t bad = 0;
    uint8_t *copy = dsi_arena_alloc(r->arena, raw.size + 1);
    if (!copy) {
        return dsi_no_memory(err, r->what);
    }
    if (!escaped) {
        memcpy(copy, raw.data, raw.size);
    } else if (!unescape(raw, copy, &size, &bad)) {
        assert(false); // take_string has looked.
    }
    copy[size] = '\0';
    *out = (struct ds_slice){copy, size};
    return DS_OK;
}

int dsi_json_string_slice(struct dsi_json_reader *r, struct ds_slice *out,
                          struct ds_error *err)
{
    bool escaped = false;
    skip_space(r);
    int rc = take_string(r, out, &escaped, err);
    return rc == DS_OK && escaped ? copy_string(r, *out, true, out, err) : rc;
}

int dsi_json_string(struct dsi_json_reader *r, const char **out, struct ds_error *err)
{
    struct ds_slice text = {NULL, 0};
    bool escaped = false;

    skip_space(r);
    size_t start = r->at;
    int rc = take_string(r, &text, &escaped, err);
    if (rc == DS_OK) {
        rc = copy_string(r, text, escaped, &text, err);
    }
    if (rc == DS_OK && memchr(text.data, 0, text.size)) {
        return fail_at(r, start, err, "a string with U+0000 inside");
    }
    *out = (const char *)text.data;
    return rc;
}

static bool is_digit(const struct dsi_json_reader *r)
{
    return r->at < r->text.size && r->text.data[r->at] >= '0' &&
           r->text.data[r->at] <= '9';
}

static bool take_digits(struct dsi_json_reader *r)
{
    bool any = is_digit(r);
    while (is_digit(r)) {
        r->at++;
    }
    return any;
}

int dsi_json_number(struct dsi_json_reader *r, struct ds_slice *out, struct ds_error *err)
{
    skip_space(r);
    size_t start = r->at;
    r->at += next_is(r, '-');
    if (!is_digit(r)) {
        r->at = start;
        return dsi_json_unexpected(r, err, "a number");
    }
    bool zero = next_is(r, '0');
    r->at++;
    if (zero && is_digit(r)) {
        return fail_at(r, start, err, "a number with a leading zero");
    }
    take_digits(r);
    if (next_is(r, '.')) {
        r->at++;
        if (!take_digits(r)) {
            return dsi_json_unexpected(r, err, "a digit after the point");
        }
    }
    if (next_is(r, 'e') || next_is(r, 'E')) {
        r->at++;
        r->at += next_is(r, '-') || next_is(r, '+');
        if (!take_digits(r)) {
            return dsi_json_unexpected(r, err, "a digit of the exponent");
        }
    }
    *out = (struct ds_slice){r->text.data + start, r->at - start};
    r->first = false;
    return DS_OK;
}

int dsi_json_i64(struct dsi_json_reader *r, int64_t *out, struct ds_error *err)
{
    struct ds_slice digits = {NULL, 0};
    skip_space(r);
    size_t start = r->at;
    int rc = dsi_json_number(r, &digits, err);
    if (rc == DS_OK && !dsi_text_to_i64((const char *)digits.data, digits.size, out)) {
        return fail_at(r, start, err, "expected an integer of at most 64 bits");
    }
    return rc;
}

int dsi_json_i32(struct dsi_json_reader *r, int32_t *out, struct ds_error *err)
{
    int64_t wide = 0;
    skip_space(r);
    size_t start = r->at;
    int rc = dsi_json_i64(r, &wide, err);
    if (rc == DS_OK && (wide < INT32_MIN || wide > INT32_MAX)) {
        return fail_at(r, start, err, "expected an integer of at most 32 bits");
    }
    *out = (int32_t)wide;
    return rc;
}

int dsi_json_f64(struct dsi_json_reader *r, double *out, struct ds_error *err)
{
    struct ds_slice digits = {NULL, 0};
    skip_space(r);
    size_t start = r->at;
    int rc = dsi_json_number(r, &digits, err);
    if (rc == DS_OK && (!dsi_text_to_f64((const char *)digits.data, digits.size, out) ||
                        !isfinite(*out))) {
        return fail_at(r, start, err, "a number that no double can hold");
    }
    return rc;
}

// Takes a word such as "true" if it is next.
static bool take_word(struct dsi_json_reader *r, const char *word)
{
    size_t size = strlen(word);
    if (r->text.size - r->at < size || memcmp(r->text.data + r->at, word, size) != 0) {
        return false;
    }
    r->at += size;
    r->first = false;
    return true;
}

int dsi_json_bool(struct dsi_json_reader *r, bool *out, struct ds_error *err)
{
    skip_space(r);
    *out = take_word(r, "true");
    if (!*out && !take_word(r, "false")) {
        return dsi_json_unexpected(r, err, "true or false");
    }
    return DS_OK;
}

int dsi_json_null(struct dsi_json_reader *r, bool *out, struct ds_error *err)
{
    skip_space(r);
    *out = take_word(r, "null");
    if (!*out && r->at >= r->text.size) {
        return dsi_json_unexpected(r, err, "a value");
    }
    return DS_OK;
}

int dsi_json_peek(struct dsi_json_reader *r, enum dsi_json_kind *out,
                  struct ds_error *err)
{
    skip_space(r);
    uint8_t c = r->at < r->text.size ? r->text.data[r->at] : 0;
    switch (c) {
    case '{':
        *out = DSI_JSON_OBJECT;
        return DS_OK;
    case '[':
        *out = DSI_JSON_ARRAY;
        return DS_OK;
    case '"':
        *out = DSI_JSON_STRING;
        return DS_OK;
    case 't':
    case 'f':
        *out = DSI_JSON_BOOL;
        return DS_OK;
    case 'n': // All of it: who peeks a null may go on as if it had been taken.
        *out = DSI_JSON_NULL;
        return r->text.size - r->at >= 4 && memcmp(r->text.data + r->at, "null", 4) == 0
                   ? DS_OK
                   : dsi_json_unexpected(r, err, "a value");
    default:
        *out = DSI_JSON_NUMBER;
        return c == '-' || (c >= '0' && c <= '9')
                   ? DS_OK
                   : dsi_json_unexpected(r, err, "a value");
    }
}

static int begin(struct dsi_json_reader *r, char bracket, const char *expected,
                 struct ds_error *err)
{
    skip_space(r);
    if (!next_is(r, bracket)) {
        return dsi_json_unexpected(r, err, expected);
    }
    if (r->depth >= r->depth_max) {
        return fail_at(r, r->at, err, "nested too deeply"); // (2)
    }
    r->depth++;
    r->at++;
    r->first = true;
    return DS_OK;
}

// Before the next member: DS_ROW, or DS_OK when the closing bracket was taken.
static int next(struct dsi_json_reader *r, char bracket, struct ds_error *err)
{
    assert(r->depth > 0);
    skip_space(r);
    if (next_is(r, bracket)) {
        r->at++;
        r->depth--;
        r->first = false;
        return DS_OK;
    }
    if (!r->first) {
        if (!next_is(r, ',')) {
            return dsi_json_unexpected(r, err,
                                       bracket == '}' ? "',' or '}'" : "',' or ']'");
        }
        r->at++;
        skip_space(r);
    }
    return DS_ROW;
}

int dsi_json_object_begin(struct dsi_json_reader *r, struct ds_error *err)
{
    return begin(r, '{', "an object", err);
}

// Takes the next key and its colon: DS_ROW, or DS_OK when the closing brace was taken.
static int next_key(struct dsi_json_reader *r, struct ds_slice *raw, bool *escaped,
                    struct ds_error *err)
{
    int rc = next(r, '}', err);
    if (rc != DS_ROW) {
        return rc;
    }
    if (!next_is(r, '"')) {
        return dsi_json_unexpected(r, err, "a key in quotes");
    }
    rc = take_string(r, raw, escaped, err);
    if (rc < 0) {
        return rc;
    }
    skip_space(r);
    if (!next_is(r, ':')) {
        return dsi_json_unexpected(r, err, "':' after a key");
    }
    r->at++;
    return DS_ROW;
}

int dsi_json_object_next(struct dsi_json_reader *r, struct ds_slice *key,
                         struct ds_error *err)
{
    bool escaped = false;
    int rc = next_key(r, key, &escaped, err);
    if (rc == DS_ROW && escaped) {
        int copied = copy_string(r, *key, true, key, err);
        return copied < 0 ? copied : DS_ROW;
    }
    return rc;
}

bool dsi_json_key_is(struct ds_slice key, const char *name)
{
    return key.size == strlen(name) && memcmp(key.data, name, key.size) == 0;
}

int dsi_json_key_text(struct dsi_json_reader *r, struct ds_slice key, const char **out,
                      struct ds_error *err)
{
    *out = NULL;
    if (key.size > 0 && memchr(key.data, 0, key.size)) {
        return dsi_corrupt(err, "%s: a member whose name has U+0000 inside", r->what);
    }
    *out = dsi_arena_strndup(r->arena, (const char *)key.data, key.size);
    return *out ? DS_OK : dsi_no_memory(err, r->what);
}

int dsi_json_array_begin(struct dsi_json_reader *r, struct ds_error *err)
{
    return begin(r, '[', "an array", err);
}

int dsi_json_array_next(struct dsi_json_reader *r, struct ds_error *err)
{
    return next(r, ']', err);
}

// Takes a value that holds no others, or the opening bracket of one that does.
static int skip_one(struct dsi_json_reader *r, enum dsi_json_kind *kind,
                    struct ds_error *err)
{
    struct ds_slice ignored = {NULL, 0};
    bool word = false;
    int rc = dsi_json_peek(r, kind, err);
    if (rc < 0) {
        return rc;
    }
    switch (*kind) {
    case DSI_JSON_OBJECT:
        return dsi_json_object_begin(r, err);
    case DSI_JSON_ARRAY:
        return dsi_json_array_begin(r, err);
    case DSI_JSON_STRING:
        return take_string(r, &ignored, &word, err);
    case DSI_JSON_NUMBER:
        return dsi_json_number(r, &ignored, err);
    case DSI_JSON_BOOL:
        return dsi_json_bool(r, &word, err);
    default:
        rc = dsi_json_null(r, &word, err);
        return rc == DS_OK && !word ? dsi_json_unexpected(r, err, "a value") : rc;
    }
}

// How many bytes the object or array takes that begins the text, which was checked
// before; 0: it begins none.
static size_t size_of_checked(struct ds_slice text)
{
    size_t open = 0;
    bool quoted = false;

    for (size_t i = 0; i < text.size; i++) {
        uint8_t c = text.data[i];
        if (quoted) {
            i += c == '\\'; // What it escapes is no quote.
            quoted = c != '"';
        } else if (c == '"') {
            quoted = true;
        } else if (c == '{' || c == '[') {
            open++;
        } else if ((c == '}' || c == ']') && --open == 0) {
            return i + 1;
        }
        if (open == 0) {
            return 0;
        }
    }
    return 0;
}

int dsi_json_skip(struct dsi_json_reader *r, struct ds_slice *raw, struct ds_error *err)
{
    bool objects[DSI_JSON_DEPTH_MAX + 1]; // Which of the open brackets are braces. (2)
    struct ds_slice key = {NULL, 0};
    bool escaped = false;
    int outside = r->depth;
    int rc = DS_ROW;

    skip_space(r);
    size_t start = r->at;
    size_t size = r->checked ? size_of_checked((struct ds_slice){r->text.data + start,
                                                                 r->text.size - start})
                             : 0;
    r->at += size;
    r->first = r->first && size == 0;
    while (size == 0) {
        if (rc == DS_ROW) {
            enum dsi_json_kind kind = DSI_JSON_NULL;
            int depth = r->depth;
            rc = skip_one(r, &kind, err);
            if (rc == DS_OK && r->depth > depth) {
                objects[r->depth] = kind == DSI_JSON_OBJECT;
            }
        }
        if (rc < 0) {
            return rc;
        }
        if (r->depth == outside) {
            break;
        }
        rc = objects[r->depth] ? next_key(r, &key, &escaped, err) : next(r, ']', err);
    }
    if (raw) {
        *raw = (struct ds_slice){r->text.data + start, r->at - start};
    }
    return DS_OK;
}

bool dsi_json_take(struct dsi_json_reader *r, struct ds_slice raw)
{
    assert(raw.size > 1 && (raw.data[0] == '{' || raw.data[0] == '['));
    skip_space(r);
    if (raw.size > r->text.size - r->at ||
        memcmp(r->text.data + r->at, raw.data, raw.size) != 0) {
        return false;
    }
    r->at += raw.size;
    r->first = false;
    return true;
}

int dsi_json_end(struct dsi_json_reader *r, struct ds_error *err)
{
    assert(r->depth == 0);
    skip_space(r);
    return r->at == r->text.size ? DS_OK
                                 : dsi_json_unexpected(r, err, "the end of the text");
}
