// Data files, manifests and manifest lists: the values, and their Avro forms.
// Iceberg specification, "Manifests", "Manifest Lists", Appendix A.
//
// (1) Reading goes by field id, never by position or name; a field that a version lacks
//     gets the default the specification gives.
// (2) What is read has inheritance applied: snapshot ids and sequence numbers are never
//     null above this header.
// (3) Writing is deterministic: the same entries give the same bytes.
#ifndef DSI_MODEL_MANIFEST_H
#define DSI_MODEL_MANIFEST_H

#include "model/metadata.h"

enum dsi_file_content {
    DSI_CONTENT_DATA = 0,
    DSI_CONTENT_POSITION_DELETES = 1,
    DSI_CONTENT_EQUALITY_DELETES = 2,
};

enum dsi_file_format {
    DSI_FORMAT_PARQUET,
    DSI_FORMAT_AVRO,
    DSI_FORMAT_ORC,
    DSI_FORMAT_PUFFIN,
};

// What is known of one column in one file. Absent numbers are -1, absent bounds have
// NULL.
struct dsi_column_metrics {
    int32_t field_id;
    int64_t column_size;
    int64_t value_count;
    int64_t null_count;
    int64_t nan_count;
    struct ds_slice lower; // Appendix D bytes.
    struct ds_slice upper;
};

struct dsi_data_file {
    enum dsi_file_content content;
    const char *path; // The full location.
    enum dsi_file_format format;
    int32_t spec_id;
    const struct dsi_value *partition; // One per field of the spec, in its order.
    size_t partition_count;
    int64_t record_count;
    int64_t file_size;
    const struct dsi_column_metrics *columns; // Sorted by field id.
    size_t column_count;
    struct ds_slice key_metadata;
    const int64_t *split_offsets;
    size_t split_offset_count;
    const int32_t *equality_ids;
    size_t equality_id_count;
    int32_t sort_order_id;            // -1: not said.
    int64_t first_row_id;             // v3; -1: none.
    const char *referenced_data_file; // NULL: none.
    int64_t content_offset;           // v3 deletion vectors; -1: none.
    int64_t content_size;             // Likewise.
    const char *checksum; // SHA-256 in hexadecimal; NULL: not recorded. DataShard's.
};

enum dsi_entry_status {
    DSI_ENTRY_EXISTING = 0,
    DSI_ENTRY_ADDED = 1,
    DSI_ENTRY_DELETED = 2,
};

// When writing an ADDED entry, -1 in the three numbers means "inherit": written as null.
struct dsi_manifest_entry {
    enum dsi_entry_status status;
    int64_t snapshot_id;
    int64_t sequence_number; // The data sequence number.
    int64_t file_sequence_number;
    struct dsi_data_file file;
};

// The summary of one partition field over a manifest.
struct dsi_field_summary {
    bool contains_null;
    int8_t contains_nan;   // 1, 0, or -1: not said.
    struct ds_slice lower; // data NULL: none.
    struct ds_slice upper;
};

enum dsi_manifest_content { DSI_MANIFEST_DATA = 0, DSI_MANIFEST_DELETES = 1 };

// One row of a manifest list. Counts are -1 where v1 does not say.
struct dsi_manifest_file {
    const char *path;
    int64_t length;
    int32_t spec_id;
    enum dsi_manifest_content content;
    int64_t sequence_number;     // -1 when writing: assigned by the list ("unassigned").
    int64_t min_sequence_number; // -1 when writing: likewise.
    int64_t added_snapshot_id;
    int32_t added_files_count;
    int32_t existing_files_count;
    int32_t deleted_files_count;
    int64_t added_rows_count;
    int64_t existing_rows_count;
    int64_t deleted_rows_count;
    const struct dsi_field_summary *partitions;
    size_t partition_count;
    struct ds_slice key_metadata;
    int64_t first_row_id;  // v3; -1: none.
    const char *checksum;  // As a data file's.
    const size_t *skipped; // Entries that name a file again (scan/manifest_legacy.h).
    size_t skipped_count;
};

/// A parsed manifest: entries in file order, all in one arena.
struct dsi_manifest {
    struct dsi_arena arena;
    struct dsi_manifest_entry *entries;
    size_t entry_count;
};

struct dsi_avro_known; // codec/avro/avro_known.h

struct dsi_manifest_read_options {
    bool skip_metrics; ///< Leave column metrics out: cheaper where nobody looks.
    bool skip_deleted; ///< Leave DELETED entries out.
    struct dsi_avro_known *known; ///< Schemas parsed before, to be used and added to.
};

/// Parses a manifest. `file` is its row of the list (inheritance, spec id), `m` the
/// table's metadata (specs and schemas give the partition types). End with
/// dsi_manifest_release.
DS_MUST_CHECK int dsi_manifest_parse(struct ds_slice avro,
                                     const struct dsi_manifest_file *file,
                                     const struct dsi_metadata *m,
                                     const struct dsi_manifest_read_options *options,
                                     struct dsi_manifest *out, struct ds_error *err);
void dsi_manifest_release(struct dsi_manifest *manifest);

struct dsi_manifest_write {
    int32_t format_version; // 2 (3 when we write it).
    const struct dsi_schema *schema;
    const struct dsi_partition_spec *spec;
    enum dsi_manifest_content content;
    int64_t snapshot_id;       // Of the commit: becomes added_snapshot_id.
    const char *compression;   // write.manifest.compression-codec; NULL: gzip, and
                               // nothing where there are few entries.
    int32_t compression_level; // -1: the default.
};

/// Appends a manifest with these entries to `out` and fills `*file` but for its path (the
/// caller knows it) and length (out->size tells); its partition summaries live in
/// `arena`.
DS_MUST_CHECK int dsi_manifest_build(const struct dsi_manifest_write *spec,
                                     const struct dsi_manifest_entry *entries,
                                     size_t count, struct dsi_arena *arena,
                                     struct dsi_buf *out, struct dsi_manifest_file *file,
                                     struct ds_error *err);

/// A parsed manifest list, in one arena.
struct dsi_manifest_list {
    struct dsi_arena arena;
    struct dsi_manifest_file *files;
    size_t count;
};

DS_MUST_CHECK int dsi_manifest_list_parse(struct ds_slice avro,
                                          struct dsi_manifest_list *out,
                                          struct ds_error *err);
void dsi_manifest_list_release(struct dsi_manifest_list *list);

struct dsi_manifest_list_write {
    int32_t format_version;
    int64_t snapshot_id;
    int64_t parent_id; // DSI_SNAPSHOT_NONE: none.
    int64_t sequence_number;
};

/// Appends a manifest list; rows with sequence_number -1 get this commit's.
DS_MUST_CHECK int dsi_manifest_list_build(const struct dsi_manifest_list_write *spec,
                                          const struct dsi_manifest_file *files,
                                          size_t count, struct dsi_buf *out,
                                          struct ds_error *err);

/// A deep copy of a data file's description into another arena.
DS_MUST_CHECK int dsi_data_file_copy(const struct dsi_data_file *f,
                                     struct dsi_arena *arena, struct dsi_data_file *out,
                                     struct ds_error *err);

#endif
