// Values of any depth as JSON, both ways.
//
// A struct is an object, a list an array. A map is an object if its key is a string, else
// an array of {"key": …, "value": …}; both are read for every map, an object's keys as
// text of the key's type. A variant is the JSON it stands for (variant_json.h), and
// cannot be read.
#ifndef DSI_DATA_TEXT_JSON_H
#define DSI_DATA_TEXT_JSON_H

#include "codec/json/json_reader.h"
#include "codec/json/json_writer.h"
#include "data/column_builder.h"

/// Writes one row of a column, null included. `scratch` is a buffer for one value. Bytes
/// that are no variant are DS_ECORRUPT, kept by the writer.
void dsi_text_json_write(const struct dsi_column *c, int64_t row,
                         struct dsi_json_writer *w, struct dsi_buf *scratch);

/// Reads the next value as one of the column's. Strings it needs go to the reader's
/// arena. DS_EINVALID names the column's path: a value of another kind, a member that is
/// unknown or there twice, a key that is there twice; DS_ECORRUPT: it is no JSON.
DS_MUST_CHECK int dsi_text_json_read(struct dsi_json_reader *r,
                                     struct dsi_column_builder *c, struct ds_error *err);

#endif
