// What the files that read and write manifests as Avro share. For src/model only.
#ifndef DSI_MODEL_MANIFEST_AVRO_H
#define DSI_MODEL_MANIFEST_AVRO_H

#include "codec/avro/avro_value.h"
#include "model/manifest.h"

// Taking one value of the writer's type `t`, which is no union. DS_ECORRUPT when the
// writer's type is another one. An int is fine where a long is expected.
DS_MUST_CHECK int dsi_manifest_get_long(const struct dsi_avro_type *t,
                                        struct ds_slice *in, int64_t *out,
                                        struct ds_error *err);
DS_MUST_CHECK int dsi_manifest_get_int(const struct dsi_avro_type *t, struct ds_slice *in,
                                       int32_t *out, struct ds_error *err);
DS_MUST_CHECK int dsi_manifest_get_bytes(const struct dsi_avro_type *t,
                                         struct ds_slice *in, struct ds_slice *out,
                                         struct ds_error *err);

/// As above, for a number that counts something: DS_ECORRUPT below 0.
DS_MUST_CHECK int dsi_manifest_get_count(const struct dsi_avro_type *t,
                                         struct ds_slice *in, int64_t *out,
                                         struct ds_error *err);

/// A string, copied to the arena: UTF-8 without NUL, or DS_ECORRUPT.
DS_MUST_CHECK int dsi_manifest_get_text(const struct dsi_avro_type *t,
                                        struct ds_slice *in, struct dsi_arena *arena,
                                        const char **out, struct ds_error *err);

/// Bytes, copied to the arena.
DS_MUST_CHECK int dsi_manifest_get_copy(const struct dsi_avro_type *t,
                                        struct ds_slice *in, struct dsi_arena *arena,
                                        struct ds_slice *out, struct ds_error *err);

/// Fails with DS_ECORRUPT unless the type is an array of records.
DS_MUST_CHECK int dsi_manifest_check_records(const struct dsi_avro_type *t,
                                             struct ds_error *err);

/// The branch number of an optional value (the unions we write are all ["null", T]).
DS_MUST_CHECK int dsi_manifest_put_present(struct dsi_buf *out, bool present,
                                           struct ds_error *err);

/// Appends an optional long or int; -1 is null.
DS_MUST_CHECK int dsi_manifest_put_optional(struct dsi_buf *out, int64_t v,
                                            struct ds_error *err);

/// Appends optional bytes; data NULL is null.
DS_MUST_CHECK int dsi_manifest_put_optional_bytes(struct dsi_buf *out, struct ds_slice v,
                                                  struct ds_error *err);

// The partition tuple (manifest_partition.c).

// How the writer's partition record maps to the spec; all in one arena.
struct dsi_manifest_partition_plan {
    const struct dsi_avro_type *record;
    const int32_t *positions; // Per field of the record: its position in the spec, or -1.
    const struct dsi_type *types; // Per field of the spec. UNKNOWN: as the file says.
    size_t count;
};

/// The types of a spec's fields for files; UNKNOWN where only the values can tell.
DS_MUST_CHECK int dsi_manifest_partition_types(const struct dsi_partition_spec *spec,
                                               const struct dsi_schema *schema,
                                               struct dsi_arena *arena,
                                               struct dsi_type **out,
                                               struct ds_error *err);

DS_MUST_CHECK int dsi_manifest_partition_plan(const struct dsi_avro_type *record,
                                              const struct dsi_partition_spec *spec,
                                              const struct dsi_schema *schema,
                                              struct dsi_arena *arena,
                                              struct dsi_manifest_partition_plan *out,
                                              struct ds_error *err);

/// Takes one tuple; `*out` has plan->count values, in the arena.
DS_MUST_CHECK int
dsi_manifest_get_partition(const struct dsi_manifest_partition_plan *plan,
                           struct ds_slice *in, struct dsi_arena *arena,
                           const struct dsi_value **out, struct ds_error *err);

/// Appends the Avro type of one partition value. `before` are the types of the fields in
/// front of it: a name can be defined only once.
DS_MUST_CHECK int dsi_manifest_put_partition_type(struct dsi_buf *out,
                                                  const struct dsi_type *type,
                                                  const struct dsi_type *before,
                                                  size_t before_count,
                                                  struct ds_error *err);

/// Appends one value, not null. DS_EINVALID when it is not of the type.
DS_MUST_CHECK int dsi_manifest_put_partition_value(struct dsi_buf *out,
                                                   const struct dsi_type *type,
                                                   const struct dsi_value *v,
                                                   struct ds_error *err);

// Column metrics (manifest_metrics.c): six maps in the file, one sorted array above it.

enum dsi_metric {
    DSI_METRIC_COLUMN_SIZE, // 108
    DSI_METRIC_VALUE_COUNT, // 109
    DSI_METRIC_NULL_COUNT,  // 110
    DSI_METRIC_NAN_COUNT,   // 137
    DSI_METRIC_LOWER,       // 125
    DSI_METRIC_UPPER,       // 128
    DSI_METRIC_COUNT
};

struct dsi_metric_item {
    int32_t field_id;
    uint32_t order; // Its place in the map.
    int64_t number;
    struct ds_slice bytes;
};

// What one entry's maps held, and the buffers that are used again for the next one.
struct dsi_manifest_metrics {
    struct dsi_buf items[DSI_METRIC_COUNT]; // Of struct dsi_metric_item.
    struct dsi_buf columns;                 // Of struct dsi_column_metrics.
};

void dsi_manifest_metrics_release(struct dsi_manifest_metrics *m);
void dsi_manifest_metrics_reset(struct dsi_manifest_metrics *m);

/// Takes one map (an array of records with a key and a value); bounds stay borrowed.
DS_MUST_CHECK int dsi_manifest_get_metric(struct dsi_manifest_metrics *m,
                                          enum dsi_metric metric,
                                          const struct dsi_avro_type *t,
                                          struct ds_slice *in, struct ds_error *err);

/// Puts the maps together: one row per field id, sorted. Of a key that comes twice the
/// last one counts.
DS_MUST_CHECK int dsi_manifest_metrics_merge(struct dsi_manifest_metrics *m,
                                             struct dsi_arena *arena,
                                             struct dsi_data_file *f,
                                             struct ds_error *err);

/// Appends one map of a file as an optional array; null when no column has the metric.
DS_MUST_CHECK int dsi_manifest_put_metric(struct dsi_buf *out, enum dsi_metric metric,
                                          const struct dsi_data_file *f,
                                          struct ds_error *err);

#endif
