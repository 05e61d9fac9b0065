// What intents (intent.h) are written with: numbers little-endian, texts and bytes behind
// their sizes (32 bits), lists behind their counts.
//
// What is read may be anything: DS_ECORRUPT, saying which part of an intent (`what`) it
// is. What is kept lies in the reader's arena.
#ifndef DSI_TXN_INTENT_BYTES_H
#define DSI_TXN_INTENT_BYTES_H

#include "base/arena.h"
#include "base/buf.h"
#include "datashard/types.h"

struct dsi_intent_reader {
    const uint8_t *at;
    size_t left;
    struct dsi_arena *arena;
};

DS_MUST_CHECK int dsi_intent_put_number(struct dsi_buf *out, uint64_t v, size_t width,
                                        struct ds_error *err);
DS_MUST_CHECK int dsi_intent_put_u8(struct dsi_buf *out, unsigned v,
                                    struct ds_error *err);
DS_MUST_CHECK int dsi_intent_put_u32(struct dsi_buf *out, uint32_t v,
                                     struct ds_error *err);
DS_MUST_CHECK int dsi_intent_put_i64(struct dsi_buf *out, int64_t v,
                                     struct ds_error *err);

DS_MUST_CHECK int dsi_intent_get_number(struct dsi_intent_reader *in, size_t width,
                                        const char *what, uint64_t *out,
                                        struct ds_error *err);
/// A number of at most `max`.
DS_MUST_CHECK int dsi_intent_get_u8(struct dsi_intent_reader *in, unsigned max,
                                    const char *what, unsigned *out,
                                    struct ds_error *err);
DS_MUST_CHECK int dsi_intent_get_u32(struct dsi_intent_reader *in, const char *what,
                                     uint32_t *out, struct ds_error *err);
/// Numbers of at least `min`, which is negative or 0.
DS_MUST_CHECK int dsi_intent_get_i64(struct dsi_intent_reader *in, int64_t min,
                                     const char *what, int64_t *out,
                                     struct ds_error *err);
DS_MUST_CHECK int dsi_intent_get_i32(struct dsi_intent_reader *in, int32_t min,
                                     const char *what, int32_t *out,
                                     struct ds_error *err);
/// How many items of at least `each` bytes follow: believed only if so many still can.
DS_MUST_CHECK int dsi_intent_get_count(struct dsi_intent_reader *in, size_t each,
                                       const char *what, size_t *out,
                                       struct ds_error *err);

/// Room for so many in the reader's arena; NULL: no memory.
void *dsi_intent_keep(struct dsi_intent_reader *in, size_t count, size_t size);

/// Empty bytes without data are none, and a text of NULL is none; both come back as such.
DS_MUST_CHECK int dsi_intent_put_bytes(struct dsi_buf *out, struct ds_slice bytes,
                                       struct ds_error *err);
DS_MUST_CHECK int dsi_intent_put_text(struct dsi_buf *out, const char *text,
                                      struct ds_error *err);
DS_MUST_CHECK int dsi_intent_get_bytes(struct dsi_intent_reader *in, const char *what,
                                       struct ds_slice *out, struct ds_error *err);
DS_MUST_CHECK int dsi_intent_get_text(struct dsi_intent_reader *in, const char *what,
                                      const char **out, struct ds_error *err);
/// A text that must be there, and not be empty.
DS_MUST_CHECK int dsi_intent_need_text(struct dsi_intent_reader *in, const char *what,
                                       const char **out, struct ds_error *err);

/// Properties; `removals`: values of NULL may be among them.
DS_MUST_CHECK int dsi_intent_put_properties(struct dsi_buf *out, struct ds_properties p,
                                            struct ds_error *err);
DS_MUST_CHECK int dsi_intent_get_properties(struct dsi_intent_reader *in, bool removals,
                                            const char *what, struct ds_properties *out,
                                            struct ds_error *err);

#endif
