// Making variant values. Parquet VariantEncoding.md, "Value encoding".
//
// Everything appends to a buffer. An object or array is made around values that stand at
// the end of the buffer already: remember where they begin, append them one by one, then
// call dsi_variant_object or dsi_variant_array, which moves them to make room for what
// comes before them. So any tree is built bottom up in one buffer.
#ifndef DSI_CODEC_VARIANT_BUILD_H
#define DSI_CODEC_VARIANT_BUILD_H

#include "codec/variant/variant.h"

DS_MUST_CHECK int dsi_variant_put_null(struct dsi_buf *out, struct ds_error *err);
DS_MUST_CHECK int dsi_variant_put_boolean(struct dsi_buf *out, bool v,
                                          struct ds_error *err);

/// INT*, DATE, TIME, TIMESTAMP*: `v` fits the kind.
DS_MUST_CHECK int dsi_variant_put_int(struct dsi_buf *out, enum dsi_variant_kind kind,
                                      int64_t v, struct ds_error *err);
DS_MUST_CHECK int dsi_variant_put_float(struct dsi_buf *out, float v,
                                        struct ds_error *err);
DS_MUST_CHECK int dsi_variant_put_double(struct dsi_buf *out, double v,
                                         struct ds_error *err);

/// DECIMAL*: `v` fits the kind, scale is 0 to 38.
DS_MUST_CHECK int dsi_variant_put_decimal(struct dsi_buf *out, enum dsi_variant_kind kind,
                                          dsi_int128 v, int scale, struct ds_error *err);

/// STRING (a short one where it fits), BINARY, UUID (16 bytes).
DS_MUST_CHECK int dsi_variant_put_bytes(struct dsi_buf *out, enum dsi_variant_kind kind,
                                        struct ds_slice v, struct ds_error *err);

struct dsi_variant_member {
    struct ds_slice name; // Of the dictionary entry `id`.
    uint32_t id;          // 0 for elements of arrays, like the name.
    size_t at;            // Where its value begins in the buffer.
};

/// Makes an object of the values from `from` to the buffer's end. `members` are sorted by
/// name; DS_ECORRUPT when two have the same.
DS_MUST_CHECK int dsi_variant_object(struct dsi_buf *out, size_t from,
                                     struct dsi_variant_member *members, size_t count,
                                     struct ds_error *err);

/// Likewise an array, of `members` in their order.
DS_MUST_CHECK int dsi_variant_array(struct dsi_buf *out, size_t from,
                                    const struct dsi_variant_member *members,
                                    size_t count, struct ds_error *err);

#endif
