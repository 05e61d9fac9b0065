// Schemas that were parsed before. The manifests of a table have the same few, and
// parsing one takes longer than reading a small manifest.
//
// (1) What is kept stays until the end, so nobody counts who uses it; what finds no room
//     is parsed each time.
#ifndef DSI_CODEC_AVRO_KNOWN_H
#define DSI_CODEC_AVRO_KNOWN_H

#include "codec/avro/avro_schema.h"

enum { DSI_AVRO_KNOWN_MAX = 8, DSI_AVRO_KNOWN_SIZE_MAX = 64 << 10 };

struct dsi_avro_known;

/// Any thread may use it. Ends by dsi_avro_known_free, when nobody uses its schemas.
DS_MUST_CHECK int dsi_avro_known_new(struct dsi_avro_known **out, struct ds_error *err);
void dsi_avro_known_free(struct dsi_avro_known *k); // NULL is fine.

/// As dsi_avro_schema_parse, but the schema may be one that is kept, or will be: then it
/// does not live in `arena`. `k` may be NULL.
DS_MUST_CHECK int dsi_avro_known_parse(struct dsi_avro_known *k, struct ds_slice json,
                                       struct dsi_arena *arena,
                                       const struct dsi_avro_type **out,
                                       struct ds_error *err);

#endif
