#include "base/buf.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/error.h"
#include "base/pool.h"

void dsi_buf_release(struct dsi_buf *b)
{
    if (b->pooled && b->data) {
        dsi_pool_give(b->data, b->capacity);
    } else {
        dsi_free(b->data);
    }
    b->data = NULL;
    b->size = 0;
    b->capacity = 0;
}

// Moves the bytes to memory of at least `capacity`; false when there is none.
static bool grow(struct dsi_buf *b, size_t capacity)
{
    uint8_t *data = NULL;

    if (!b->pooled || capacity < DSI_POOL_BLOCK_MIN) {
        data = dsi_realloc(b->data, capacity);
    } else {
        data = dsi_pool_take(capacity, &capacity);
        if (data && b->data) {
            memcpy(data, b->data, b->size);
            dsi_pool_give(b->data, b->capacity);
        }
    }
    if (!data) {
        return false;
    }
    b->data = data;
    b->capacity = capacity;
    return true;
}

int dsi_buf_reserve(struct dsi_buf *b, size_t more, struct ds_error *err)
{
    size_t max = b->max ? b->max : DSI_BUF_MAX;

    if (b->capacity - b->size >= more && (!b->pooled || more <= max - b->size)) {
        return DS_OK;
    }
    if (b->size > max || more > max - b->size) {
        return dsi_fail(err, DS_EUNSUPPORTED, "%zu bytes and %zu more: the limit is %zu",
                        b->size, more, max); // (1)
    }
    size_t need = b->size + more;
    size_t capacity = b->capacity < max / 2 ? b->capacity * 2 : max;
    if (capacity < need) {
        capacity = need;
    }
    if (capacity < 64 && max >= 64) {
        capacity = 64;
    }
    if (!grow(b, capacity)) {
        return dsi_fail(err, DS_ENOMEM, "growing a buffer to %zu bytes", capacity);
    }
    assert(b->capacity - b->size >= more);
    return DS_OK;
}

int dsi_buf_append(struct dsi_buf *b, const void *bytes, size_t size,
                   struct ds_error *err)
{
    int rc = dsi_buf_reserve(b, size, err);
    if (rc == DS_OK && size > 0) {
        memcpy(b->data + b->size, bytes, size);
        b->size += size;
    }
    return rc;
}

int dsi_buf_append_byte(struct dsi_buf *b, uint8_t byte, struct ds_error *err)
{
    return dsi_buf_append(b, &byte, 1, err);
}

int dsi_buf_append_text(struct dsi_buf *b, const char *text, struct ds_error *err)
{
    return dsi_buf_append(b, text, strlen(text), err);
}

int dsi_buf_append_zero(struct dsi_buf *b, size_t size, struct ds_error *err)
{
    int rc = dsi_buf_reserve(b, size, err);
    if (rc == DS_OK && size > 0) {
        memset(b->data + b->size, 0, size);
        b->size += size;
    }
    return rc;
}

int dsi_buf_append_i64(struct dsi_buf *b, int64_t v, struct ds_error *err)
{
    char digits[24];
    char *end = digits + sizeof digits;
    char *at = end;
    uint64_t rest = v < 0 ? 0 - (uint64_t)v : (uint64_t)v;

    for (; rest >= 100; rest /= 100) { // Two digits for one long division.
        const unsigned two = (unsigned)(rest % 100);
        *--at = (char)('0' + two % 10);
        *--at = (char)('0' + two / 10);
    }
    do {
        *--at = (char)('0' + rest % 10);
        rest /= 10;
    } while (rest > 0);
    if (v < 0) {
        *--at = '-';
    }
    return dsi_buf_append(b, at, (size_t)(end - at), err);
}

int dsi_buf_printf(struct dsi_buf *b, struct ds_error *err, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    int size = vsnprintf(NULL, 0, fmt, args);
    va_end(args);
    if (size < 0) {
        return dsi_fail(err, DS_EINVALID, "text that cannot be formatted");
    }
    int rc = dsi_buf_reserve(b, (size_t)size + 1, err);
    if (rc == DS_OK) {
        va_start(args, fmt);
        vsnprintf((char *)b->data + b->size, (size_t)size + 1, fmt, args);
        va_end(args);
        b->size += (size_t)size;
    }
    return rc;
}

struct ds_slice dsi_buf_slice(const struct dsi_buf *b)
{
    return (struct ds_slice){b->data, b->size};
}

const char *dsi_buf_text(struct dsi_buf *b)
{
    if (dsi_buf_reserve(b, 1, NULL) < 0) {
        return NULL;
    }
    b->data[b->size] = '\0';
    return (const char *)b->data;
}

uint8_t *dsi_buf_take(struct dsi_buf *b, size_t *size)
{
    uint8_t *data = b->data;
    assert(!b->pooled || b->capacity < DSI_POOL_BLOCK_MIN); // It is no dsi_free's.
    *size = b->size;
    b->data = NULL;
    b->size = 0;
    b->capacity = 0;
    return data;
}
