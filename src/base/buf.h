// A growing run of bytes, with a maximum from the moment it is made.
//
// (1) size <= capacity <= max. Growing past max fails with DS_EINVALID-like loudness, not
//     with a big allocation: the caller chose max, so the caller knows what it means.
//     (Memory from the pool may be larger than max; then size <= max.)
#ifndef DSI_BASE_BUF_H
#define DSI_BASE_BUF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "datashard/export.h"
#include "datashard/status.h"
#include "datashard/types.h"

struct dsi_buf {
    uint8_t *data;
    size_t size;
    size_t capacity;
    size_t max;  // 0: DSI_BUF_MAX.
    bool pooled; // Large memory comes from the pool (pool.h), and goes there.
};

#define DSI_BUF_MAX ((size_t)2 << 30)
#define DSI_BUF_INIT                                                                     \
    {                                                                                    \
        NULL, 0, 0, 0, false                                                             \
    }
#define DSI_BUF_INIT_MAX(limit)                                                          \
    {                                                                                    \
        NULL, 0, 0, (limit), false                                                       \
    }

/// Frees the bytes; the buffer is empty and usable afterwards, with the same maximum,
/// and pooled as before.
void dsi_buf_release(struct dsi_buf *b);

/// Makes room for `more` bytes after `size`. DS_ENOMEM, or DS_EUNSUPPORTED past the max.
DS_MUST_CHECK int dsi_buf_reserve(struct dsi_buf *b, size_t more, struct ds_error *err);

/// Append. On failure the buffer is unchanged.
DS_MUST_CHECK int dsi_buf_append(struct dsi_buf *b, const void *bytes, size_t size,
                                 struct ds_error *err);
DS_MUST_CHECK int dsi_buf_append_byte(struct dsi_buf *b, uint8_t byte,
                                      struct ds_error *err);
DS_MUST_CHECK int dsi_buf_append_text(struct dsi_buf *b, const char *text,
                                      struct ds_error *err);
DS_MUST_CHECK int dsi_buf_append_zero(struct dsi_buf *b, size_t size,
                                      struct ds_error *err);
/// The number in decimal.
DS_MUST_CHECK int dsi_buf_append_i64(struct dsi_buf *b, int64_t v, struct ds_error *err);
DS_MUST_CHECK int dsi_buf_printf(struct dsi_buf *b, struct ds_error *err, const char *fmt,
                                 ...) DS_PRINTF(3, 4);

/// The bytes so far, borrowed until the next change.
struct ds_slice dsi_buf_slice(const struct dsi_buf *b);

/// The content as a C string: a terminator is kept after `size`, not counted in it.
/// NULL when there is no memory for it. Borrowed until the next change.
const char *dsi_buf_text(struct dsi_buf *b);

/// Hands the bytes over to the caller (dsi_free) and leaves the buffer empty. May be NULL
/// when nothing was ever appended.
uint8_t *dsi_buf_take(struct dsi_buf *b, size_t *size);

#endif
