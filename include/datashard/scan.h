/// Reading: which rows, which columns, as of when; the answer is an Arrow stream.
#ifndef DATASHARD_SCAN_H
#define DATASHARD_SCAN_H

#include "datashard/table.h"

#ifdef __cplusplus
extern "C" {
#endif

/// Forms in which text and binary columns may leave, at any depth. All zero but
/// struct_size: utf8 and binary. A dictionary goes before a view. The parts of a variant,
/// and shapes, are always plain.
struct ds_arrow_form {
    uint32_t struct_size; ///< sizeof(struct ds_arrow_form).
    bool string_view;     ///< As utf8_view and binary_view: the bytes are not copied.
    bool dictionary;      ///< Every text column as a dictionary with int32 indices; each
                          ///< batch has a dictionary of its own.
    const char *const *dictionary_columns; ///< These columns, text or binary; "a.b.c".
    size_t dictionary_column_count;
};

/// How to scan. All zero but struct_size: every row and column of the current state.
struct ds_scan_options {
    uint32_t struct_size; ///< sizeof(struct ds_scan_options).
    uint32_t threads;     ///< Files read at once; 0: one for each processor.
    struct ds_at at;      ///< Time travel.
    /// SQL-like: "origin = 'SEA' and (delay > 60 or delay is null) and name like 'a%'".
    /// Comparisons, AND OR NOT, IN, BETWEEN, IS [NOT] NULL, IS [NOT] NAN, LIKE 'prefix%'.
    /// Exact, by SQL's three-valued logic. NULL: every row.
    const char *filter;
    const char *const *columns; ///< Names; NULL: all, in the table's order.
    size_t column_count;
    int64_t limit;           ///< At most so many rows; 0: all.
    uint32_t batch_rows_max; ///< Rows of one batch; 0: 65,536. At most.
    /// Rows in the order of their commits, then of files, at some cost. What was merged
    /// from files of several commits comes where the newest of them was.
    bool ordered;
    const struct ds_arrow_form *form; ///< NULL: plain. Borrowed during the call only.
};

/// What planning and reading did; for the curious and for tests.
struct ds_scan_stats {
    uint32_t struct_size;
    uint64_t manifests_read;
    uint64_t manifests_skipped;
    uint64_t files_read;
    uint64_t files_skipped;
    uint64_t row_groups_read;
    uint64_t row_groups_skipped; ///< By statistics, Bloom filters and dictionaries.
    uint64_t rows_read;          ///< Before the filter.
    uint64_t pages_skipped;      ///< Of the filter's columns, by their page index.
    uint64_t rows_late;          ///< Chosen by the filter, and only then decoded.
    uint64_t bytes_read;         ///< Of data files, but for their footers.
    uint64_t reads;              ///< Requests that took.
};

/// Plans a scan and opens its stream, which the caller releases; the table handle may be
/// freed before. The stream is for one thread at a time; reading goes on behind it in
/// threads of its own, within bounded memory. DS_EINVALID: filter, columns, form or `at`;
/// DS_EUNSUPPORTED: the snapshot has delete files or formats this build cannot read.
/// DS_EEXPIRED: somebody expired the snapshot and its files are gone; ds_table_refresh,
/// and scan again. A stream that meets this ends with ESTALE, and never with a part of
/// the rows only.
DS_API DS_MUST_CHECK int ds_table_scan(ds_table *table,
                                       const struct ds_scan_options *options,
                                       struct ArrowArrayStream *out,
                                       struct ds_error *err);

/// Counts the rows a scan would give; from metadata alone where that is exact. `stats`
/// may be NULL. Fails as ds_table_scan does.
DS_API DS_MUST_CHECK int ds_table_count(ds_table *table,
                                        const struct ds_scan_options *options,
                                        int64_t *out, struct ds_scan_stats *stats,
                                        struct ds_error *err);

/// The rows of a file that is in no table, as a stream the caller releases: Parquet, or
/// Arrow (see ipc.h), which its first bytes tell.
DS_API DS_MUST_CHECK int ds_file_scan(const char *location, struct ArrowArrayStream *out,
                                      struct ds_error *err);

/// The same, columns in the form asked for (NULL: plain; borrowed during the call only).
/// DS_EINVALID: a dictionary column that is not there, or neither text nor binary.
/// DS_EUNSUPPORTED: a form, of an Arrow file.
DS_API DS_MUST_CHECK int ds_file_scan_as(const char *location,
                                         const struct ds_arrow_form *form,
                                         struct ArrowArrayStream *out,
                                         struct ds_error *err);

/// The same of a part of it: columns, filter, limit, threads, batches and form, as
/// ds_table_scan has them; `at` must be zero. Options NULL: the defaults.
DS_API DS_MUST_CHECK int ds_file_scan_with(const char *location,
                                           const struct ds_scan_options *options,
                                           struct ArrowArrayStream *out,
                                           struct ds_error *err);

/// Writes a stream's rows to a new Parquet file that is in no table, durably: what a scan
/// gave, for other programs. The stream is always released. *rows (may be NULL) is how
/// many there were. DS_EEXISTS when the file is there; on failure none is left behind.
DS_API DS_MUST_CHECK int ds_file_write(const char *location,
                                       struct ArrowArrayStream *stream, int64_t *rows,
                                       struct ds_error *err);

#ifdef __cplusplus
}
#endif

#endif
