// Table metadata: one state of one table, immutable and counted.
// Iceberg specification, "Table Metadata", "Snapshots", "Snapshot References".
//
// (1) A published metadata never changes. An edit makes a new one; readers keep theirs.
// (2) What the specification calls invalid is refused when parsing (what the Java loader
//     rejects included), so everything above may rely on it: ids resolve, logs are in
//     order.
// (3) Parts that an edit does not touch are written back byte for byte as they were read
//     (`raw`), unknown members too: we never lose what a newer writer stored.
#ifndef DSI_MODEL_METADATA_H
#define DSI_MODEL_METADATA_H

#include "base/refcount.h"
#include "datashard/types.h"
#include "model/metadata_text.h"
#include "model/partition.h"

#define DSI_SNAPSHOT_NONE INT64_C(-1)
#define DSI_REF_MAIN "main"

// The table property that says what columns are called in files without field ids.
#define DSI_NAME_MAPPING_KEY "schema.name-mapping.default"

// A snapshot: immutable, counted on its own, so that thousands of them are shared between
// successive metadata instead of copied.
struct dsi_snapshot {
    struct dsi_refcount owners;
    struct dsi_arena arena;
    int64_t snapshot_id;
    int64_t parent_id;       // DSI_SNAPSHOT_NONE: none.
    int64_t sequence_number; // 0 in v1.
    int64_t timestamp_ms;
    const char *manifest_list; // NULL in old v1 snapshots, which name manifests instead.
    const char *const *manifests;
    size_t manifest_count;
    int32_t schema_id;                 // -1: not said.
    const struct ds_property *summary; // With "operation".
    size_t summary_count;
    int64_t first_row_id; // v3; -1: not said.
    int64_t added_rows;   // v3; -1: not said.
    struct ds_slice raw;  // Its JSON, always there.
};

// A member that we carry along: "statistics", "partition-statistics", "encryption-keys",
// and whatever we do not know.
struct dsi_extra_member {
    const char *key;
    struct ds_slice json;
};

struct dsi_extras {
    const struct dsi_extra_member *members;
    size_t count;
};

enum dsi_ref_kind { DSI_REF_BRANCH, DSI_REF_TAG };

struct dsi_ref {
    const char *name;
    enum dsi_ref_kind kind;
    int64_t snapshot_id;
    int64_t max_ref_age_ms;        // -1: not set.
    int64_t max_snapshot_age_ms;   // -1: not set; branches only.
    int64_t min_snapshots_to_keep; // -1: not set; branches only.
    struct dsi_extras extras;
};

struct dsi_snapshot_log_entry {
    int64_t timestamp_ms;
    int64_t snapshot_id;
    struct dsi_extras extras;
    uint32_t text_size; // In the metadata's text, where it is kept.
};

struct dsi_metadata_log_entry {
    int64_t timestamp_ms;
    const char *metadata_file;
    struct dsi_extras extras;
    uint32_t text_size; // As above.
};

struct dsi_metadata {
    struct dsi_refcount owners;
    struct dsi_arena arena;
    bool is_legacy;         // DataShard's own layout (legacy.h): to be read only.
    int32_t format_version; // 1, 2 or 3.
    const char *table_uuid; // NULL only in v1.
    const char *location;   // No trailing slash.
    int64_t last_sequence_number;
    int64_t last_updated_ms;
    int32_t last_column_id;
    const struct dsi_schema *schemas;
    size_t schema_count;
    int32_t current_schema_id;
    const struct dsi_partition_spec *specs;
    size_t spec_count;
    int32_t default_spec_id;
    int32_t last_partition_id;
    const struct dsi_sort_order *sort_orders;
    size_t sort_order_count;
    int32_t default_sort_order_id;
    const struct ds_property *properties; // Sorted by key.
    size_t property_count;
    int64_t current_snapshot_id;                 // DSI_SNAPSHOT_NONE: the table is empty.
    const struct dsi_snapshot *const *snapshots; // As written: oldest first.
    size_t snapshot_count;
    const struct dsi_ref *refs; // "main" is there iff there is a current snapshot.
    size_t ref_count;
    const struct dsi_snapshot_log_entry *snapshot_log;
    size_t snapshot_log_count;
    const struct dsi_metadata_log_entry *metadata_log;
    size_t metadata_log_count;
    int64_t next_row_id;              // v3; 0 otherwise.
    struct dsi_extras extras;         // At the top.
    struct dsi_metadata_parts *parts; // What it shares with others; NULL: nothing.
    bool shares_layout;               // Schemas, specs and sort orders are there,
    size_t log_shared;                // and of so many first entries of metadata_log all.
    struct dsi_metadata_text *text;   // NULL: none is kept. What stands of it:
    struct dsi_text_run snapshots_run;
    struct dsi_text_run snapshot_log_run;
    struct dsi_text_run metadata_log_run;
};

/// The limits a reader may rely on.
enum { DSI_METADATA_VERSION_MAX = 3, DSI_METADATA_JSON_DEPTH_MAX = 128 };

/// Parses metadata JSON. DS_ECORRUPT with the member and what was expected; a version
/// above 3 is DS_EUNSUPPORTED. The result is owned: end it with dsi_metadata_unref.
DS_MUST_CHECK int dsi_metadata_parse(struct ds_slice json, struct dsi_metadata **out,
                                     struct ds_error *err);

/// As dsi_metadata_parse, quicker where much is as in `known` (may be NULL), an earlier
/// version of the table: snapshots with the same text are shared with it.
DS_MUST_CHECK int dsi_metadata_parse_again(struct ds_slice json,
                                           const struct dsi_metadata *known,
                                           struct dsi_metadata **out,
                                           struct ds_error *err);

/// Appends the JSON. v1 is written as v1 (old and new forms both).
DS_MUST_CHECK int dsi_metadata_to_json(const struct dsi_metadata *m, struct dsi_buf *out,
                                       struct ds_error *err);

/// The same for a metadata that nobody else has yet, which keeps the text: `*json` lasts
/// as long as `m`, and what edits make of `m` is written sooner.
DS_MUST_CHECK int dsi_metadata_write(struct dsi_metadata *m, struct ds_slice *json,
                                     struct ds_error *err);

struct dsi_metadata *dsi_metadata_ref(const struct dsi_metadata *m); // Any thread.
void dsi_metadata_unref(const struct dsi_metadata *m);               // NULL is fine.
const struct dsi_snapshot *dsi_snapshot_ref(const struct dsi_snapshot *s);
void dsi_snapshot_unref(const struct dsi_snapshot *s); // NULL is fine.

// Look-ups; all borrowed, NULL when absent.
const struct dsi_schema *dsi_metadata_schema(const struct dsi_metadata *m, int32_t id);
const struct dsi_schema *dsi_metadata_current_schema(const struct dsi_metadata *m);
const struct dsi_partition_spec *dsi_metadata_spec(const struct dsi_metadata *m,
                                                   int32_t id);
const struct dsi_partition_spec *dsi_metadata_default_spec(const struct dsi_metadata *m);
const struct dsi_sort_order *
dsi_metadata_default_sort_order(const struct dsi_metadata *m);
const struct dsi_snapshot *dsi_metadata_snapshot(const struct dsi_metadata *m,
                                                 int64_t id);
const struct dsi_snapshot *dsi_metadata_current_snapshot(const struct dsi_metadata *m);
const struct dsi_ref *dsi_metadata_find_ref(const struct dsi_metadata *m,
                                            const char *name);
const char *dsi_metadata_property(const struct dsi_metadata *m, const char *key);
const char *dsi_snapshot_summary(const struct dsi_snapshot *s, const char *key);

/// The snapshot that was current at `timestamp_ms` by the snapshot log; NULL if the table
/// was younger then.
const struct dsi_snapshot *dsi_metadata_snapshot_as_of(const struct dsi_metadata *m,
                                                       int64_t timestamp_ms);

/// Property values with a default; DS_EINVALID when one does not parse or is below `min`.
DS_MUST_CHECK int dsi_metadata_property_i64(const struct dsi_metadata *m, const char *key,
                                            int64_t fallback, int64_t min, int64_t *out,
                                            struct ds_error *err);
DS_MUST_CHECK int dsi_metadata_property_bool(const struct dsi_metadata *m,
                                             const char *key, bool fallback, bool *out,
                                             struct ds_error *err);

// Making a table.
struct dsi_metadata_new {
    const char *table_uuid;
    const char *location;
    const struct dsi_schema *schema;         // Ids are assigned afresh.
    const struct dsi_partition_spec *spec;   // By the schema's ids as given; NULL: none.
    const struct dsi_sort_order *sort_order; // Likewise.
    struct ds_properties properties; // "format-version" is acted upon, not stored.
    int64_t now_ms;
};

/// Version 2 unless properties say 1, 2 or 3; writing v1 is DS_EUNSUPPORTED, v3 too for
/// now. Stores write.parquet.compression-codec=zstd unless the caller chose one.
DS_MUST_CHECK int dsi_metadata_new(const struct dsi_metadata_new *spec,
                                   struct dsi_metadata **out, struct ds_error *err);

// Changing one. An edit starts as a copy of its base (snapshots are shared), is changed
// by the calls below, and becomes an immutable metadata by dsi_metadata_edit_finish.
struct dsi_metadata_edit;

DS_MUST_CHECK int dsi_metadata_edit_new(const struct dsi_metadata *base,
                                        struct dsi_metadata_edit **out,
                                        struct ds_error *err);
void dsi_metadata_edit_free(struct dsi_metadata_edit *e); // NULL is fine.

/// The state so far, borrowed: its look-ups work.
const struct dsi_metadata *dsi_metadata_edit_state(const struct dsi_metadata_edit *e);

DS_MUST_CHECK int dsi_metadata_edit_set_property(struct dsi_metadata_edit *e,
                                                 const char *key, const char *value,
                                                 struct ds_error *err); // NULL: remove.
DS_MUST_CHECK int dsi_metadata_edit_set_location(struct dsi_metadata_edit *e,
                                                 const char *location,
                                                 struct ds_error *err);

/// Takes its own reference to `s`. Checks that the sequence number is the next one and
/// that the id and the parent make sense; raises last-sequence-number. No ref moves.
DS_MUST_CHECK int dsi_metadata_edit_add_snapshot(struct dsi_metadata_edit *e,
                                                 const struct dsi_snapshot *s,
                                                 struct ds_error *err);

/// Creates or moves a ref. Moving "main" sets the current snapshot and the snapshot log.
DS_MUST_CHECK int dsi_metadata_edit_set_ref(struct dsi_metadata_edit *e,
                                            const struct dsi_ref *ref,
                                            struct ds_error *err);
DS_MUST_CHECK int dsi_metadata_edit_remove_ref(struct dsi_metadata_edit *e,
                                               const char *name, struct ds_error *err);

/// Forgets snapshots (no ref may point at one); the snapshot log loses every entry up to
/// and including the newest of theirs, as the specification asks.
DS_MUST_CHECK int dsi_metadata_edit_remove_snapshots(struct dsi_metadata_edit *e,
                                                     const int64_t *ids, size_t count,
                                                     struct ds_error *err);

/// Adds (or finds an equal) schema / spec / order and makes it current; new ids are
/// assigned here.
DS_MUST_CHECK int dsi_metadata_edit_set_schema(struct dsi_metadata_edit *e,
                                               const struct dsi_schema *schema,
                                               int32_t last_column_id,
                                               struct ds_error *err);
DS_MUST_CHECK int dsi_metadata_edit_set_spec(struct dsi_metadata_edit *e,
                                             const struct dsi_partition_spec *spec,
                                             struct ds_error *err);
DS_MUST_CHECK int dsi_metadata_edit_set_sort_order(struct dsi_metadata_edit *e,
                                                   const struct dsi_sort_order *order,
                                                   struct ds_error *err);

/// From a log that has too many entries so many go at once, but at most half of what may
/// stay; else, and by 0 or 1, as many as are too many.
void dsi_metadata_edit_log_batch(struct dsi_metadata_edit *e, size_t batch);

/// Which metadata files fall out of the metadata log; borrowed from the finished
/// metadata's base. Filled by finish.
struct dsi_metadata_dropped {
    const char **files; // In the finished metadata's arena.
    size_t count;
};

/// Ends the edit (also frees it on failure): sets last-updated-ms to now_ms, but never
/// before the logs' last entries; appends (base_updated_ms, base_file) to the metadata
/// log when base_file is not NULL, trimmed to write.metadata.previous-versions-max.
DS_MUST_CHECK int dsi_metadata_edit_finish(struct dsi_metadata_edit *e, int64_t now_ms,
                                           const char *base_file,
                                           struct dsi_metadata **out,
                                           struct dsi_metadata_dropped *dropped,
                                           struct ds_error *err);

// Making a snapshot: the fields of struct dsi_snapshot that the caller decides.
struct dsi_snapshot_new {
    int64_t snapshot_id;
    int64_t parent_id;
    int64_t sequence_number;
    int64_t timestamp_ms;
    const char *manifest_list;
    int32_t schema_id;
    const struct ds_property *summary; // "operation" first.
    size_t summary_count;
    int64_t first_row_id; // v3; -1 otherwise.
    int64_t added_rows;
};

/// Owned: end it with dsi_snapshot_unref. Its JSON is made here, once.
DS_MUST_CHECK int dsi_snapshot_new(const struct dsi_snapshot_new *spec,
                                   const struct dsi_snapshot **out, struct ds_error *err);

/// Which snapshots the retention rules no longer keep at `now_ms` ("Snapshot Retention
/// Policy"): history.expire.* properties and each ref's own settings. Never one that a
/// ref names. Ids in the arena, oldest first. Pure.
DS_MUST_CHECK int dsi_metadata_expired(const struct dsi_metadata *m, int64_t now_ms,
                                       struct dsi_arena *arena, int64_t **ids,
                                       size_t *count, struct ds_error *err);

struct dsi_retention {
    int64_t expire_before_ms; // Older than this may go,
    int64_t keep_min;         // but so many of a branch stay; at least 1.
};

/// The same with the table's limits said here. Refs' own settings are kept.
DS_MUST_CHECK int dsi_metadata_expired_before(const struct dsi_metadata *m,
                                              int64_t now_ms,
                                              const struct dsi_retention *table,
                                              struct dsi_arena *arena, int64_t **ids,
                                              size_t *count, struct ds_error *err);

#endif
