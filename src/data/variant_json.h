// Variants as JSON text, for people and for text formats.
#ifndef DSI_DATA_VARIANT_JSON_H
#define DSI_DATA_VARIANT_JSON_H

#include "base/buf.h"

/// Appends one JSON value. Objects keep the order of their fields' names. What JSON lacks
/// becomes a string: dates and times in ISO 8601, UUIDs in hex with dashes, binary in
/// base64, and floats that are no numbers as "NaN", "Infinity", "-Infinity". DS_ECORRUPT
/// for bytes that are no variant (dsi_variant_check is done first).
DS_MUST_CHECK int dsi_variant_to_json(struct ds_slice metadata, struct ds_slice value,
                                      struct dsi_buf *out, struct ds_error *err);

#endif
