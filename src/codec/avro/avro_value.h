// Walking encoded values by the schema they were written with.
#ifndef DSI_CODEC_AVRO_VALUE_H
#define DSI_CODEC_AVRO_VALUE_H

#include "codec/avro/avro_binary.h"
#include "codec/avro/avro_schema.h"

/// Moves past one value of any type. Time is bounded by the input, depth by
/// DSI_AVRO_DEPTH_MAX. DS_ECORRUPT as avro_binary.h says.
DS_MUST_CHECK int dsi_avro_skip(const struct dsi_avro_type *t, struct ds_slice *in,
                                struct ds_error *err);

/// The general case of dsi_avro_branch.
DS_MUST_CHECK int dsi_avro_branch_slow(const struct dsi_avro_type *t, struct ds_slice *in,
                                       const struct dsi_avro_type **out,
                                       struct ds_error *err);

/// Of a union, takes the branch number and gives the branch; any other type is its own
/// branch and nothing is taken. `*out` may be of kind NULL: no value follows.
DS_MUST_CHECK static inline int dsi_avro_branch(const struct dsi_avro_type *t,
                                                struct ds_slice *in,
                                                const struct dsi_avro_type **out,
                                                struct ds_error *err)
{
    if (t->kind != DSI_AVRO_UNION) {
        *out = t;
        return DS_OK;
    }
    if (in->size > 0 && in->data[0] < 0x80 && (in->data[0] & 1) == 0 &&
        (size_t)(in->data[0] >> 1) < t->branch_count) { // Nearly always.
        *out = t->branches[in->data[0] >> 1];
        in->data++;
        in->size--;
        return DS_OK;
    }
    return dsi_avro_branch_slow(t, in, out, err);
}

#endif
