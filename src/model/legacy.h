// Tables that DataShard wrote before it wrote Iceberg (its versions up to 0.9).
// Facts: docs/migrate.md.
//
// (1) What is read here becomes the same values as an Iceberg table's: metadata, rows of
//     manifest lists, entries of manifests. Nobody above this header sees a difference,
//     but for dsi_metadata.is_legacy, which forbids commits.
// (2) Every byte may be hostile. Paths stay inside the table.
// (3) What a data file holds decides, not what the schema calls it: `uuid` columns are
//     text and `fixed` ones are bytes of any length, so that is what they become.
//     Bounds and counts of columns are not taken over: they were stored under ids that
//     need not be the columns'. Partition specs described nothing, and are left out.
#ifndef DSI_MODEL_LEGACY_H
#define DSI_MODEL_LEGACY_H

#include "model/manifest.h"

struct dsi_legacy_field {
    const char *name;
    const char *doc;  // NULL: none.
    const char *was;  // The type as DataShard stored it, where `type` is another one.
    const char *type; // The JSON of the Iceberg type, without what `elements` adds.
    int32_t id;       // 0: not said.
    int lists;        // How many lists are around `type`.
    bool required;
};

struct dsi_legacy_schema {
    int32_t schema_id;
    struct dsi_legacy_field *fields;
    size_t count;
};

struct dsi_legacy_snapshot {
    int64_t snapshot_id;
    int64_t parent_id; // DSI_SNAPSHOT_NONE: none.
    int64_t sequence_number;
    int64_t timestamp_ms;
    int32_t schema_id; // -1: not said.
    const char *manifest_list;
    const char *operation;
    struct ds_property *summary; // Without "operation".
    size_t summary_count;
};

/// A table's metadata file; all of it in the arena.
struct dsi_legacy {
    struct dsi_arena arena;
    const char *location;
    const char *table_uuid;
    int64_t last_sequence_number;
    int64_t last_updated_ms;
    int32_t current_schema_id;
    struct dsi_legacy_schema *schemas;
    size_t schema_count;
    const char **partition_fields; // Names; what they partitioned by is not kept (3).
    size_t partition_field_count;
    struct ds_property *properties;
    size_t property_count;
    int64_t current_snapshot_id;
    struct dsi_legacy_snapshot *snapshots; // As written: oldest first.
    size_t snapshot_count;
    struct dsi_snapshot_log_entry *log;
    size_t log_count;
};

/// Whether bytes that are no Iceberg metadata are such a file.
bool dsi_legacy_is(struct ds_slice json);

/// Reads a metadata file of the table at `location` (where it is, not where the file says
/// it once was). DS_ECORRUPT, DS_EUNSUPPORTED. End with dsi_legacy_release, also after a
/// failure.
DS_MUST_CHECK int dsi_legacy_read(struct ds_slice json, const char *location,
                                  struct dsi_legacy *out, struct ds_error *err);
void dsi_legacy_release(struct dsi_legacy *l);

/// The schema that is current, or NULL.
struct dsi_legacy_schema *dsi_legacy_current(const struct dsi_legacy *l);

/// The same table as Iceberg metadata, whose files are found by name. *out is owned, and
/// not marked as legacy: the caller knows whether it will be.
DS_MUST_CHECK int dsi_legacy_to_metadata(const struct dsi_legacy *l,
                                         struct dsi_metadata **out, struct ds_error *err);

/// A type as DataShard names it: its JSON, and how many lists are around it. False when
/// memory ran out.
DS_MUST_CHECK bool dsi_legacy_type(const char *text, struct dsi_arena *arena,
                                   struct dsi_legacy_field *out);

/// Where a path of a manifest leads: "/data/a.parquet" and "data/a.parquet" are in the
/// table, as is a full path below it. DS_ECORRUPT for one that leaves it.
DS_MUST_CHECK int dsi_legacy_path(const char *location, const char *text,
                                  struct dsi_arena *arena, const char **out,
                                  struct ds_error *err);

/// A manifest list, Avro or JSON. `m` is the table's metadata, `snapshot` whose list it
/// is. End with dsi_manifest_list_release.
DS_MUST_CHECK int dsi_legacy_list_parse(struct ds_slice bytes,
                                        const struct dsi_metadata *m,
                                        const struct dsi_snapshot *snapshot,
                                        struct dsi_manifest_list *out,
                                        struct ds_error *err);

/// A manifest, Avro or JSON; as dsi_manifest_parse.
DS_MUST_CHECK int dsi_legacy_manifest_parse(struct ds_slice bytes,
                                            const struct dsi_manifest_file *file,
                                            const struct dsi_metadata *m,
                                            struct dsi_manifest *out,
                                            struct ds_error *err);

#endif
