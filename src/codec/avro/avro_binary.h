// Avro's binary encoding of single values, both ways ("Binary Encoding" in the Avro
// specification).
//
// (1) A decoder takes its value from the front of `*in`, or fails with DS_ECORRUPT and
//     leaves `*in` where it was.
// (2) What is taken is borrowed from the input, never copied.
#ifndef DSI_CODEC_AVRO_BINARY_H
#define DSI_CODEC_AVRO_BINARY_H

#include "base/buf.h"

enum { DSI_AVRO_LONG_SIZE_MAX = 10 };

/// The general case of dsi_avro_long.
DS_MUST_CHECK int dsi_avro_long_slow(struct ds_slice *in, int64_t *out,
                                     struct ds_error *err);

/// Takes one `int` or `long`: zig-zag, seven bits to a byte.
DS_MUST_CHECK static inline int dsi_avro_long(struct ds_slice *in, int64_t *out,
                                              struct ds_error *err)
{
    if (in->size > 0 && in->data[0] < 0x80) { // Most numbers are small.
        *out = (int64_t)(in->data[0] >> 1) ^ -(int64_t)(in->data[0] & 1);
        in->data++;
        in->size--;
        return DS_OK;
    }
    return dsi_avro_long_slow(in, out, err);
}

DS_MUST_CHECK int dsi_avro_int(struct ds_slice *in, int32_t *out, struct ds_error *err);
DS_MUST_CHECK int dsi_avro_boolean(struct ds_slice *in, bool *out, struct ds_error *err);
DS_MUST_CHECK int dsi_avro_float(struct ds_slice *in, float *out, struct ds_error *err);
DS_MUST_CHECK int dsi_avro_double(struct ds_slice *in, double *out, struct ds_error *err);

/// Takes `size` bytes as they are: a `fixed`.
DS_MUST_CHECK int dsi_avro_fixed(struct ds_slice *in, size_t size, struct ds_slice *out,
                                 struct ds_error *err);

/// Takes `bytes` or a `string`: a length, then so many bytes (UTF-8 is not checked here).
DS_MUST_CHECK int dsi_avro_bytes(struct ds_slice *in, struct ds_slice *out,
                                 struct ds_error *err);

/// Takes the head of one block of an array or map: how many items follow; 0 ends it. A
/// head with a negative count also says how many bytes the items have: `*size`, else -1.
/// `item_size_min` is the least that an item takes; a count that the input cannot hold is
/// refused, so a loop over it is bounded (items of no bytes: by
/// DSI_AVRO_EMPTY_ITEMS_MAX).
DS_MUST_CHECK int dsi_avro_block(struct ds_slice *in, size_t item_size_min,
                                 int64_t *count, int64_t *size, struct ds_error *err);

enum { DSI_AVRO_EMPTY_ITEMS_MAX = 1 << 16 };

// Encoders append; on failure the buffer is unchanged.
DS_MUST_CHECK int dsi_avro_put_long(struct dsi_buf *out, int64_t v, struct ds_error *err);
DS_MUST_CHECK int dsi_avro_put_boolean(struct dsi_buf *out, bool v, struct ds_error *err);
DS_MUST_CHECK int dsi_avro_put_float(struct dsi_buf *out, float v, struct ds_error *err);
DS_MUST_CHECK int dsi_avro_put_double(struct dsi_buf *out, double v,
                                      struct ds_error *err);
DS_MUST_CHECK int dsi_avro_put_bytes(struct dsi_buf *out, struct ds_slice v,
                                     struct ds_error *err);
DS_MUST_CHECK int dsi_avro_put_text(struct dsi_buf *out, const char *v,
                                    struct ds_error *err);

#endif
