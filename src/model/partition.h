// Transforms, partition specs and sort orders.
// Iceberg specification, "Partitioning", "Partition Transforms", "Sorting", Appendix B.
#ifndef DSI_MODEL_PARTITION_H
#define DSI_MODEL_PARTITION_H

#include "model/value.h"

enum dsi_transform_kind {
    DSI_TRANSFORM_IDENTITY,
    DSI_TRANSFORM_BUCKET,
    DSI_TRANSFORM_TRUNCATE,
    DSI_TRANSFORM_YEAR,
    DSI_TRANSFORM_MONTH,
    DSI_TRANSFORM_DAY,
    DSI_TRANSFORM_HOUR,
    DSI_TRANSFORM_VOID,
    DSI_TRANSFORM_UNKNOWN, // Kept, compared, ignored for filters; writing is refused.
};

struct dsi_transform {
    enum dsi_transform_kind kind;
    int32_t param;    // BUCKET: count. TRUNCATE: width.
    const char *text; // As written: "bucket[16]", "day", …
};

/// Reads "bucket[16]", "truncate[4]", "day" …; anything else becomes UNKNOWN with its
/// text. DS_EINVALID for a known name with a bad parameter.
DS_MUST_CHECK int dsi_transform_parse(const char *text, struct dsi_arena *arena,
                                      struct dsi_transform *out, struct ds_error *err);

/// The transform's result type for a source of this type. DS_EINVALID when the transform
/// does not take that type. UNKNOWN gives string. Nothing is allocated.
DS_MUST_CHECK int dsi_transform_result(const struct dsi_transform *t,
                                       const struct dsi_type *source,
                                       struct dsi_type *out, struct ds_error *err);

/// Applies the transform; null gives null. `arena` holds truncated bytes when the result
/// cannot borrow (it borrows a prefix of the source where it can). Not for UNKNOWN.
DS_MUST_CHECK int dsi_transform_apply(const struct dsi_transform *t,
                                      const struct dsi_type *source,
                                      const struct dsi_value *v, struct dsi_value *out,
                                      struct ds_error *err);

/// For people and for directory names: "2017-11", "2017-11-16-22", hex for binary.
/// Appends.
DS_MUST_CHECK int dsi_transform_format(const struct dsi_transform *t,
                                       const struct dsi_type *source,
                                       const struct dsi_value *v, struct dsi_buf *out,
                                       struct ds_error *err);

/// Reads what dsi_transform_format writes, but for null: a value of the transform's
/// result for a source of this type; text goes to the arena. DS_EINVALID. Not for UNKNOWN
/// and VOID.
DS_MUST_CHECK int dsi_transform_value_parse(const struct dsi_transform *t,
                                            const struct dsi_type *source,
                                            const char *text, struct dsi_arena *arena,
                                            struct dsi_value *out, struct ds_error *err);

struct dsi_partition_field {
    int32_t source_id;
    int32_t field_id; // From 1000.
    const char *name;
    struct dsi_transform transform;
};

struct dsi_partition_spec {
    int32_t spec_id;
    const struct dsi_partition_field *fields;
    size_t field_count;
    struct ds_slice raw; // As dsi_schema.raw.
};

struct dsi_sort_field {
    int32_t source_id;
    struct dsi_transform transform;
    bool descending;
    bool nulls_last;
};

struct dsi_sort_order {
    int32_t order_id; // 0: unsorted.
    const struct dsi_sort_field *fields;
    size_t field_count;
    struct ds_slice raw;
};

/// The types of the spec's partition fields under a schema, in order, in the arena; a
/// source column that is gone gives its transform's result for UNKNOWN type.
DS_MUST_CHECK int dsi_partition_types(const struct dsi_partition_spec *spec,
                                      const struct dsi_schema *schema,
                                      struct dsi_arena *arena, struct dsi_type **out,
                                      struct ds_error *err);

/// "date_month=2017-11/origin=SEA" with both sides URL-encoded as Java does (names and
/// values; "null" for null); "" when unpartitioned. Never contains "..", NUL or a slash
/// of its own. Appends.
DS_MUST_CHECK int dsi_partition_path(const struct dsi_partition_spec *spec,
                                     const struct dsi_schema *schema,
                                     const struct dsi_value *values, struct dsi_buf *out,
                                     struct ds_error *err);

/// Reads what people write for --partition-by: "month(date), bucket(16, id), origin"
/// (also "bucket[16](id)", "identity(origin)", "truncate(4, name)", "void(x)"). Field
/// names as Spark and PyIceberg give them ("date_month", "id_bucket_16" -> Java:
/// "id_bucket"), or as "month(date) as m" says; ids from 1000. DS_EINVALID names the
/// piece.
DS_MUST_CHECK int dsi_partition_spec_parse(const char *text,
                                           const struct dsi_schema *schema,
                                           struct dsi_arena *arena,
                                           struct dsi_partition_spec *out,
                                           struct ds_error *err);

/// Checks that a spec (the default one) fits a schema: its columns are there, and the
/// transforms take their types. DS_EINVALID.
DS_MUST_CHECK int dsi_partition_spec_check(const struct dsi_partition_spec *spec,
                                           const struct dsi_schema *schema,
                                           struct ds_error *err);

/// Checks a new spec's names: no two alike, none that is a column's (but an identity
/// field has its own column's name). DS_EINVALID.
DS_MUST_CHECK int dsi_partition_spec_check_names(const struct dsi_partition_spec *spec,
                                                 const struct dsi_schema *schema,
                                                 struct ds_error *err);

/// Likewise for a sort order's columns and transforms.
DS_MUST_CHECK int dsi_sort_order_check(const struct dsi_sort_order *order,
                                       const struct dsi_schema *schema,
                                       struct ds_error *err);

/// Reads "a, day(ts) desc nulls last" for --sort-by.
DS_MUST_CHECK int dsi_sort_order_parse(const char *text, const struct dsi_schema *schema,
                                       struct dsi_arena *arena,
                                       struct dsi_sort_order *out, struct ds_error *err);

bool dsi_partition_spec_equal(const struct dsi_partition_spec *a,
                              const struct dsi_partition_spec *b); // ids apart
bool dsi_sort_order_equal(const struct dsi_sort_order *a, const struct dsi_sort_order *b);

/// JSON forms. `fields_only` is the array that v1 metadata and manifest headers carry.
DS_MUST_CHECK int dsi_partition_spec_from_json(struct ds_slice json, bool fields_only,
                                               struct dsi_arena *arena,
                                               struct dsi_partition_spec *out,
                                               struct ds_error *err);
DS_MUST_CHECK int dsi_partition_spec_to_json(const struct dsi_partition_spec *spec,
                                             bool fields_only, struct dsi_buf *out,
                                             struct ds_error *err);
DS_MUST_CHECK int dsi_sort_order_from_json(struct ds_slice json, struct dsi_arena *arena,
                                           struct dsi_sort_order *out,
                                           struct ds_error *err);
DS_MUST_CHECK int dsi_sort_order_to_json(const struct dsi_sort_order *order,
                                         struct dsi_buf *out, struct ds_error *err);

#endif
