// The JSON forms of the model's parts, as pieces of a larger document.
//
// Reading leaves the reader just past the value; everything is in the reader's arena.
#ifndef DSI_MODEL_PARTS_JSON_H
#define DSI_MODEL_PARTS_JSON_H

#include "codec/json/json_reader.h"
#include "codec/json/json_writer.h"
#include "model/metadata.h"

// What partition specs and sort orders have in common: an object with an id and a list of
// fields, each made from a column by a transform.

/// Such an object: "{<id_key>: 1, "fields": …}".
struct dsi_part {
    const char *name;   ///< "partition spec", for messages;
    const char *doing;  ///< … "reading a partition spec".
    const char *id_key; ///< "spec-id".
    int32_t id_min;     ///< A lower one is none.
    int (*fields)(struct dsi_json_reader *r, void *out, struct ds_error *err);
};

/// Reads one, its fields into `out`; *raw is a copy of its bytes. What it does not know,
/// it passes over.
DS_MUST_CHECK int dsi_part_read(struct dsi_json_reader *r, const struct dsi_part *part,
                                void *out, int32_t *id, struct ds_slice *raw,
                                struct ds_error *err);

/// A list of fields.
struct dsi_part_list {
    const char *doing;
    size_t item_size;
    int (*read)(struct dsi_json_reader *r, void *item, struct ds_error *err);
};

/// Reads them into an array in the reader's arena.
DS_MUST_CHECK int dsi_part_list_read(struct dsi_json_reader *r,
                                     const struct dsi_part_list *list, void **items,
                                     size_t *count, struct ds_error *err);

/// What a field is made from, while it is read.
struct dsi_made_from {
    int32_t source_id;              ///< -1: not told yet.
    size_t source_count;            ///< More than one only in v3's "source-ids".
    struct dsi_transform transform; ///< Without `text`: not told yet.
};

#define DSI_MADE_FROM_INIT                                                               \
    {                                                                                    \
        .source_id = -1, .source_count = 1                                               \
    }

/// Reads a field's member, if it tells what the field is made from; else passes over it.
DS_MUST_CHECK int dsi_made_from_member(struct dsi_json_reader *r, struct ds_slice key,
                                       struct dsi_made_from *out, struct ds_error *err);

/// To be called when the field has been read: the key it lacks, or NULL.
const char *dsi_made_from_end(struct dsi_made_from *m);

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
