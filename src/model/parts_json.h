// The JSON forms of the model's parts, as pieces of a larger document.
//
// Reading leaves the reader just past the value; everything is in the reader's arena.
#ifndef DSI_MODEL_PARTS_JSON_H
#define DSI_MODEL_PARTS_JSON_H

#include "codec/json/json_reader.h"
#include "codec/json/json_writer.h"
#include "model/metadata.h"

/// A transform's text; a bad parameter is DS_ECORRUPT.
DS_MUST_CHECK int dsi_transform_read(struct dsi_json_reader *r, struct dsi_transform *out,
                                     struct ds_error *err);

/// v3's "source-ids": the first of them, and how many there are.
DS_MUST_CHECK int dsi_source_ids_read(struct dsi_json_reader *r, int32_t *first,
                                      size_t *count, struct ds_error *err);

DS_MUST_CHECK int dsi_partition_spec_read(struct dsi_json_reader *r, bool fields_only,
                                          struct dsi_partition_spec *out,
                                          struct ds_error *err);
void dsi_partition_spec_write(struct dsi_json_writer *w,
                              const struct dsi_partition_spec *spec, bool fields_only);

DS_MUST_CHECK int dsi_sort_order_read(struct dsi_json_reader *r,
                                      struct dsi_sort_order *out, struct ds_error *err);
void dsi_sort_order_write(struct dsi_json_writer *w, const struct dsi_sort_order *order);

/// Reads one snapshot into an object of its own; *out is owned.
DS_MUST_CHECK int dsi_snapshot_read(struct dsi_json_reader *r,
                                    const struct dsi_snapshot **out,
                                    struct ds_error *err);

#endif
