// Bounds cut short. Iceberg specification, Appendix D, "Bounds"; what Java's UnicodeUtil
// and BinaryUtil do.
#include <assert.h>
#include <string.h>

#include "base/error.h"
#include "model/value.h"

static bool is_continuation(uint8_t byte)
{
    return (byte & 0xc0) == 0x80;
}

// How many bytes the first `length` code points take.
static size_t prefix_size(struct ds_slice text, int32_t length)
{
    int64_t points = 0;
    for (size_t i = 0; i < text.size; i++) {
        if (!is_continuation(text.data[i]) && points++ == length) {
            return i;
        }
    }
    return text.size;
}

static size_t cut_size(const struct dsi_value *v, int32_t length)
{
    if (v->kind == DSI_TYPE_STRING) {
        return prefix_size(v->as.bytes, length);
    }
    if (v->kind == DSI_TYPE_BINARY || v->kind == DSI_TYPE_FIXED) {
        return v->as.bytes.size < (size_t)length ? v->as.bytes.size : (size_t)length;
    }
    return SIZE_MAX; // Not a type that is cut.
}

int dsi_value_truncate_lower(const struct dsi_value *v, int32_t length,
                             struct dsi_arena *arena, struct dsi_value *out,
                             struct ds_error *err)
{
    assert(length > 0);
    *out = *v;
    if (v->null || cut_size(v, length) == SIZE_MAX) {
        return DS_OK;
    }
    out->as.bytes.size = cut_size(v, length);
    return dsi_value_copy(out, arena, out, err);
}

static uint32_t decode(const uint8_t *at, size_t size)
{
    if (size == 1) {
        return at[0];
    }
    uint32_t c = at[0] & (0xffu >> (size + 1));
    for (size_t i = 1; i < size; i++) {
        c = c << 6 | (at[i] & 0x3f);
    }
    return c;
}

static size_t encode(uint32_t c, uint8_t out[4])
{
    size_t n = c < 0x80 ? 1 : c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
    static const uint8_t lead[] = {0, 0x00, 0xc0, 0xe0, 0xf0};
    for (size_t i = n; i > 1; i--) {
        out[i - 1] = (uint8_t)(0x80 | (c & 0x3f));
        c >>= 6;
    }
    out[0] = (uint8_t)(lead[n] | c);
    return n;
}

// Raises the last code point that can be; false when there is none. `copy` has room for
// one byte more than size, which the raised one may need.
static bool raise_text(uint8_t *copy, size_t *size)
{
    size_t end = *size;
    while (end > 0) {
        size_t start = end - 1;
        while (start > 0 && is_continuation(copy[start])) {
            start--;
        }
        uint32_t c = decode(copy + start, end - start) + 1;
        if (c == 0xd800) {
            c = 0xe000; // No surrogates.
        }
        if (c <= 0x10ffff) {
            *size = start + encode(c, copy + start);
            return true;
        }
        end = start;
    }
    return false;
}

static bool raise_bytes(uint8_t *copy, size_t *size)
{
    for (size_t end = *size; end > 0; end--) {
        if (copy[end - 1] != 0xff) {
            copy[end - 1]++;
            *size = end;
            return true;
        }
    }
    return false;
}

int dsi_value_truncate_upper(const struct dsi_value *v, int32_t length,
                             struct dsi_arena *arena, struct dsi_value *out, bool *exists,
                             struct ds_error *err)
{
    assert(length > 0);
    *out = *v;
    *exists = true;
    if (v->null || cut_size(v, length) == SIZE_MAX) {
        return DS_OK;
    }
    size_t size = cut_size(v, length);
    if (size == v->as.bytes.size) {
        return dsi_value_copy(v, arena, out, err);
    }
    uint8_t *copy = dsi_arena_alloc(arena, size + 1);
    if (!copy) {
        return dsi_no_memory(err, "making an upper bound");
    }
    memcpy(copy, v->as.bytes.data, size);
    *exists =
        v->kind == DSI_TYPE_STRING ? raise_text(copy, &size) : raise_bytes(copy, &size);
    out->as.bytes = (struct ds_slice){copy, size};
    return DS_OK;
}
