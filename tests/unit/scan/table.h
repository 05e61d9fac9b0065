// A table in memory, made of data files, manifests and metadata by the library's own
// parts, and every row that was put in: what the tests of scans compare with.
#ifndef DSI_TEST_SCAN_TABLE_H
#define DSI_TEST_SCAN_TABLE_H

#include "base/alloc.h"
#include "data/data_file.h"
#include "random_filter.h"
#include "scan/scan.h"

enum { TABLE_COLUMNS = RANDOM_COLUMNS + 1, TABLE_FILES_MAX = 64, TABLE_ROWS_MAX = 2000 };

struct table {
    struct dsi_arena arena;
    ds_storage *storage;
    struct dsi_metadata *m;
    struct dsi_schema schema; // As the first rows have it.
    struct dsi_value *rows;   // TABLE_COLUMNS each; "n" counts them from 0.
    size_t row_count;
    struct dsi_manifest_file manifests[TABLE_FILES_MAX];
    size_t manifest_count;
    int file_number;
    struct ds_error err;
};

#define TABLE_OK(t, expr)                                                                \
    do {                                                                                 \
        if ((expr) < 0) {                                                                \
            fail_msg("%s: %s", #expr, (t)->err.message);                                 \
        }                                                                                \
    } while (0)

static inline void table_init(struct table *t, const char *partition_by)
{
    // Small row groups and pages, so that there are some.
    static const struct ds_property properties[] = {
        {"write.parquet.row-group-size-bytes", "1500"},
        {"write.parquet.page-row-limit", "4"},
        {"write.parquet.bloom-filter-enabled.column.i", "true"},
        {"write.parquet.bloom-filter-enabled.column.l", "true"},
        {"write.parquet.bloom-filter-enabled.column.d", "true"},
        {"write.parquet.bloom-filter-enabled.column.dec", "true"},
        {"write.parquet.bloom-filter-enabled.column.date", "true"},
        {"write.parquet.bloom-filter-enabled.column.s", "true"},
        {"write.parquet.bloom-filter-enabled.column.u", "true"}};
    struct dsi_partition_spec spec = {0};
    struct dsi_metadata_new new = {.properties = {properties, 9},
                                   .table_uuid = "f79c3e09-677c-4bbd-a479-3f349cb785e7",
                                   .location = "memory:///t",
                                   .now_ms = 1000};

    *t = (struct table){.arena = DSI_ARENA_INIT};
    TABLE_OK(t, dsi_storage_mem_new(&t->storage, &t->err));
    TABLE_OK(t, dsi_schema_from_json(dsi_slice_text(random_schema), &t->arena, &t->schema,
                                     &t->err));
    new.schema = &t->schema;
    if (partition_by) {
        TABLE_OK(t, dsi_partition_spec_parse(partition_by, &t->schema, &t->arena, &spec,
                                             &t->err));
        new.spec = &spec;
    }
    TABLE_OK(t, dsi_metadata_new(&new, &t->m, &t->err));
    t->rows = dsi_arena_array(&t->arena, (size_t)TABLE_ROWS_MAX * TABLE_COLUMNS,
                              sizeof *t->rows);
    assert_non_null(t->rows);
}

static inline void table_release(struct table *t)
{
    dsi_metadata_unref(t->m);
    dsi_storage_free(t->storage);
    dsi_arena_release(&t->arena);
}

static inline const struct dsi_value *table_row(const struct table *t, size_t row)
{
    return &t->rows[row * TABLE_COLUMNS];
}

static inline void table_random_row(struct table *t, struct rng *r, struct dsi_value *row)
{
    for (size_t c = 0; c < RANDOM_COLUMNS; c++) {
        random_value(r, &t->schema, c, &t->arena, &row[c]);
    }
    row[RANDOM_COLUMNS] =
        (struct dsi_value){.kind = DSI_TYPE_LONG, .as.i64 = (int64_t)t->row_count};
}

static inline bool table_partition(struct table *t, const struct dsi_value *row,
                                   struct dsi_value *out)
{
    const struct dsi_partition_spec *spec = dsi_metadata_default_spec(t->m);

    for (size_t i = 0; i < spec->field_count; i++) {
        const struct dsi_partition_field *f = &spec->fields[i];
        size_t column = (size_t)f->source_id - 1;
        if (dsi_transform_apply(&f->transform, &t->schema.root.fields[column].type,
                                &row[column], &out[i], NULL) < 0) {
            return false;
        }
    }
    return true;
}

/// Makes a data file of at most `rows` random rows that share a partition.
static inline void table_file(struct table *t, struct rng *r, size_t rows,
                              struct dsi_data_file *out)
{
    struct dsi_value *partition = dsi_arena_array(&t->arena, 8, sizeof(struct dsi_value));
    struct dsi_value other[8];
    struct dsi_batch_builder *builder = NULL;
    struct dsi_data_writer *w = NULL;
    struct dsi_batch b = {0};
    const struct dsi_partition_spec *spec = dsi_metadata_default_spec(t->m);

    assert_non_null(partition);
    TABLE_OK(t, dsi_batch_builder_new(&t->schema, &builder, &t->err));
    for (size_t i = 0; i < rows || dsi_batch_builder_rows(builder) == 0; i++) {
        struct dsi_value row[TABLE_COLUMNS];
        bool first = dsi_batch_builder_rows(builder) == 0;
        table_random_row(t, r, row);
        if (!table_partition(t, row, first ? partition : other)) {
            continue;
        }
        bool same = true;
        for (size_t k = 0; !first && k < spec->field_count; k++) {
            same = same && dsi_value_equal(&partition[k], &other[k]);
        }
        if (!same) {
            continue;
        }
        assert_true(t->row_count < TABLE_ROWS_MAX);
        memcpy(&t->rows[t->row_count++ * TABLE_COLUMNS], row, sizeof row);
        for (size_t c = 0; c < TABLE_COLUMNS; c++) {
            TABLE_OK(t, dsi_batch_builder_set(builder, c, &row[c], &t->err));
        }
        TABLE_OK(t, dsi_batch_builder_end_row(builder, &t->err));
    }
    TABLE_OK(t, dsi_batch_builder_take(builder, &b, &t->err));
    struct dsi_data_writer_options options = {
        .storage = t->storage,
        .location =
            dsi_arena_printf(&t->arena, "memory:///t/data/%d.parquet", t->file_number++),
        .metadata = t->m,
        .schema = &t->schema,
        .spec_id = spec->spec_id,
        .partition = partition,
        .partition_count = spec->field_count,
    };
    TABLE_OK(t, dsi_data_writer_open(&options, &w, &t->err));
    for (int64_t i = 0; i < b.rows; i += 3) {
        int64_t some = b.rows - i < 3 ? b.rows - i : 3;
        TABLE_OK(t, dsi_data_writer_append(w, &b, i, some, &t->err));
    }
    TABLE_OK(t, dsi_data_writer_finish(w, &t->arena, out, &t->err));
    dsi_data_writer_close(w);
    dsi_batch_release(&b);
    dsi_batch_builder_free(builder);
}

/// Puts entries into a manifest that the next commit lists.
static inline void table_manifest(struct table *t, enum dsi_manifest_content content,
                                  const struct dsi_manifest_entry *entries, size_t count,
                                  int64_t snapshot_id)
{
    struct dsi_buf bytes = DSI_BUF_INIT;
    struct dsi_manifest_file *file = &t->manifests[t->manifest_count++];
    struct dsi_manifest_write write = {
        .format_version = 2,
        .schema = dsi_metadata_current_schema(t->m),
        .spec = dsi_metadata_default_spec(t->m),
        .content = content,
        .snapshot_id = snapshot_id,
        .compression_level = -1,
    };

    assert_true(t->manifest_count <= TABLE_FILES_MAX);
    TABLE_OK(
        t, dsi_manifest_build(&write, entries, count, &t->arena, &bytes, file, &t->err));
    file->path =
        dsi_arena_printf(&t->arena, "memory:///t/metadata/m%d.avro", t->file_number++);
    file->length = (int64_t)bytes.size;
    TABLE_OK(t,
             dsi_storage_put(t->storage, file->path, dsi_buf_slice(&bytes), 0, &t->err));
    dsi_buf_release(&bytes);
}

static inline void table_add_files(struct table *t, const struct dsi_data_file *files,
                                   size_t count, int64_t snapshot_id)
{
    struct dsi_manifest_entry entries[TABLE_FILES_MAX];

    for (size_t i = 0; i < count; i++) {
        entries[i] = (struct dsi_manifest_entry){.status = DSI_ENTRY_ADDED,
                                                 .snapshot_id = -1,
                                                 .sequence_number = -1,
                                                 .file_sequence_number = -1,
                                                 .file = files[i]};
    }
    table_manifest(t, DSI_MANIFEST_DATA, entries, count, snapshot_id);
}

/// Commits what the manifests say as a snapshot, current on main.
static inline void table_commit(struct table *t, int64_t snapshot_id)
{
    struct dsi_buf bytes = DSI_BUF_INIT;
    struct ds_property operation = {"operation", "append"};
    struct dsi_metadata_edit *edit = NULL;
    struct dsi_metadata_dropped dropped = {0};
    const struct dsi_snapshot *snapshot = NULL;
    struct dsi_metadata *next = NULL;
    struct dsi_manifest_list_write write = {2, snapshot_id, t->m->current_snapshot_id,
                                            t->m->last_sequence_number + 1};
    struct dsi_ref main = {DSI_REF_MAIN, DSI_REF_BRANCH, snapshot_id, -1, -1, -1, {0}};
    struct dsi_snapshot_new new = {
        .snapshot_id = snapshot_id,
        .parent_id = t->m->current_snapshot_id,
        .sequence_number = write.sequence_number,
        .timestamp_ms = 1000 + 1000 * write.sequence_number,
        .manifest_list = dsi_arena_printf(&t->arena, "memory:///t/metadata/s%lld.avro",
                                          (long long)snapshot_id),
        .schema_id = t->m->current_schema_id,
        .summary = &operation,
        .summary_count = 1,
        .first_row_id = -1,
        .added_rows = -1,
    };

    TABLE_OK(t, dsi_manifest_list_build(&write, t->manifests, t->manifest_count, &bytes,
                                        &t->err));
    TABLE_OK(t, dsi_storage_put(t->storage, new.manifest_list, dsi_buf_slice(&bytes), 0,
                                &t->err));
    for (size_t i = 0; i < t->manifest_count; i++) { // The next list keeps what this one
        struct dsi_manifest_file *f = &t->manifests[i]; // assigned.
        f->sequence_number =
            f->sequence_number < 0 ? write.sequence_number : f->sequence_number;
        f->min_sequence_number =
            f->min_sequence_number < 0 ? write.sequence_number : f->min_sequence_number;
    }
    TABLE_OK(t, dsi_snapshot_new(&new, &snapshot, &t->err));
    TABLE_OK(t, dsi_metadata_edit_new(t->m, &edit, &t->err));
    TABLE_OK(t, dsi_metadata_edit_add_snapshot(edit, snapshot, &t->err));
    TABLE_OK(t, dsi_metadata_edit_set_ref(edit, &main, &t->err));
    TABLE_OK(t, dsi_metadata_edit_finish(edit, new.timestamp_ms, NULL, &next, &dropped,
                                         &t->err));
    dsi_snapshot_unref(snapshot);
    dsi_metadata_unref(t->m);
    t->m = next;
    dsi_buf_release(&bytes);
}

/// Some files in some manifests, committed as snapshot 1.
static inline void table_fill(struct table *t, struct rng *r, size_t manifests,
                              size_t files, size_t rows)
{
    for (size_t i = 0; i < manifests; i++) {
        struct dsi_data_file made[TABLE_FILES_MAX];
        for (size_t k = 0; k < files; k++) {
            table_file(t, r, rows, &made[k]);
        }
        table_add_files(t, made, files, 1);
    }
    table_commit(t, 1);
}

/// Everything a scan gives, as numbers of rows in `out`; the count, or the failure.
static inline int table_scan(struct table *t, const struct ds_scan_options *user,
                             int64_t *out, size_t *count, struct ds_scan_stats *stats,
                             struct ds_error *err)
{
    struct dsi_scan_options options = {t->storage, t->m, *user};
    struct dsi_scan *s = NULL;
    struct dsi_batch b = {0};
    int rc = DS_OK;

    *count = 0;
    DSI_TRY(dsi_scan_open(&options, &s, err));
    for (;;) {
        DSI_TRY(dsi_scan_next(s, &b, err));
        if (rc == DS_OK) {
            break;
        }
        const struct dsi_column *n = &b.columns[b.column_count - 1];
        for (int64_t i = 0; i < b.rows; i++) {
            struct dsi_value v;
            dsi_column_value(n, i, &v);
            assert_true(*count < TABLE_ROWS_MAX);
            out[(*count)++] = v.as.i64;
        }
        dsi_batch_release(&b);
    }
    if (stats) {
        dsi_scan_stats(s, stats);
    }
done:
    dsi_batch_release(&b);
    dsi_scan_free(s);
    return rc;
}

#endif
