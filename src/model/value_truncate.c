// Truncated bounds: a shorter value that is certainly not above (lower) or not below
// (upper) the original. Iceberg specification, Appendix D; the rules of the Java library.
#include "model/value.h"

#include "base/error.h"

// Where the first `length` code points of UTF-8 end; the size when there are no more.
static size_t code_points(struct ds_slice s, int32_t length)
{
    size_t at = 0;
    while (at < s.size && length > 0) {
        at++;
        while (at < s.size && (s.data[at] & 0xc0) == 0x80) {
            at++;
        }
        length--;
    }
    return at;
}

static bool is_text(const struct dsi_value *v)
{
    return v->kind == DSI_TYPE_STRING;
}

static bool is_bytes(const struct dsi_value *v)
{
    return v->kind == DSI_TYPE_BINARY || v->kind == DSI_TYPE_FIXED;
}

static size_t cut(const struct dsi_value *v, int32_t length)
{
    if (is_text(v)) {
        return code_points(v->as.bytes, length);
    }
    return is_bytes(v) && v->as.bytes.size > (size_t)length ? (size_t)length
                                                            : v->as.bytes.size;
}

int dsi_value_truncate_lower(const struct dsi_value *v, int32_t length,
                             struct dsi_arena *arena, struct dsi_value *out,
                             struct ds_error *err)
{
    *out = *v;
    if (v->null || (!is_text(v) && !is_bytes(v))) {
        return DS_OK;
    }
    out->as.bytes.size = cut(v, length);
    return dsi_value_copy(out, arena, out, err);
}

static size_t encode(uint32_t c, uint8_t out[4])
{
    if (c < 0x80) {
        out[0] = (uint8_t)c;
        return 1;
    }
    if (c < 0x800) {
        out[0] = (uint8_t)(0xc0 | c >> 6);
        out[1] = (uint8_t)(0x80 | (c & 0x3f));
        return 2;
    }
    if (c < 0x10000) {
        out[0] = (uint8_t)(0xe0 | c >> 12);
        out[1] = (uint8_t)(0x80 | (c >> 6 & 0x3f));
        out[2] = (uint8_t)(0x80 | (c & 0x3f));
        return 3;
    }
    out[0] = (uint8_t)(0xf0 | c >> 18);
    out[1] = (uint8_t)(0x80 | (c >> 12 & 0x3f));
    out[2] = (uint8_t)(0x80 | (c >> 6 & 0x3f));
    out[3] = (uint8_t)(0x80 | (c & 0x3f));
    return 4;
}

static uint32_t decode(const uint8_t *s, size_t size)
{
    if (size == 1) {
        return s[0];
    }
    uint32_t c = s[0] & (0xffu >> (size + 1));
    for (size_t i = 1; i < size; i++) {
        c = c << 6 | (s[i] & 0x3f);
    }
    return c;
}

// Raises the last code point that can be raised, and drops what follows it; 0 if none
// can.
static size_t raise_text(uint8_t *bytes, size_t size)
{
    while (size > 0) {
        size_t start = size - 1;
        while (start > 0 && (bytes[start] & 0xc0) == 0x80) {
            start--;
        }
        uint32_t next = decode(bytes + start, size - start) + 1;
        if (next == 0xd800) {
            next = 0xe000; // Over the surrogates.
        }
        uint8_t sequence[4];
        size_t n = next <= 0x10ffff ? encode(next, sequence) : 0;
        if (n > 0) {
            for (size_t i = 0; i < n; i++) {
                bytes[start + i] = sequence[i];
            }
            return start + n;
        }
        size = start;
    }
    return 0;
}

static size_t raise_bytes(uint8_t *bytes, size_t size)
{
    while (size > 0 && bytes[size - 1] == 0xff) {
        size--;
    }
    if (size > 0) {
        bytes[size - 1]++;
    }
    return size;
}

int dsi_value_truncate_upper(const struct dsi_value *v, int32_t length,
                             struct dsi_arena *arena, struct dsi_value *out, bool *exists,
                             struct ds_error *err)
{
    *out = *v;
    *exists = true;
    if (v->null || (!is_text(v) && !is_bytes(v))) {
        return DS_OK;
    }
    size_t size = cut(v, length);
    if (size == v->as.bytes.size) {
        return dsi_value_copy(v, arena, out, err);
    }
    uint8_t *bytes =
        dsi_arena_alloc(arena, size + 4); // A raised code point may be longer.
    if (!bytes) {
        return dsi_no_memory(err, "truncating a bound");
    }
    for (size_t i = 0; i < size; i++) {
        bytes[i] = v->as.bytes.data[i];
    }
    size = is_text(v) ? raise_text(bytes, size) : raise_bytes(bytes, size);
    *exists = size > 0;
    out->as.bytes = (struct ds_slice){bytes, size};
    return DS_OK;
}
