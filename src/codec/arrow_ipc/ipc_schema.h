// Arrow schemas in FlatBuffers, to and from ArrowSchema.
#ifndef DSI_CODEC_ARROW_IPC_SCHEMA_H
#define DSI_CODEC_ARROW_IPC_SCHEMA_H

#include "codec/flatbuf/flatbuf.h"
#include "datashard/arrow.h"

/// Reads a Schema table as an ArrowSchema (a struct at the top; the caller releases it),
/// metadata and extension types included. The ids of the dictionaries are appended to
/// `ids`, an int64 each, in the order of dsi_ipc_layout_read. DS_EUNSUPPORTED, by column,
/// for unions and types that came later, and for big-endian data; DS_ECORRUPT.
DS_MUST_CHECK int dsi_ipc_schema_read(const struct dsi_flat_table *schema,
                                      struct ArrowSchema *out, struct dsi_buf *ids,
                                      struct ds_error *err);

/// Writes a Schema table, referred to from `place`. The schema has passed
/// dsi_ipc_layout_read, which gives the ids: dictionaries count from 0, each before those
/// inside it. DS_EINVALID for malformed metadata.
DS_MUST_CHECK int dsi_ipc_schema_write(const struct ArrowSchema *schema,
                                       struct dsi_flat_writer *w, size_t place);

#endif
