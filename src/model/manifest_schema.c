#include "model/manifest_schema.h"

#include <string.h>

#include "base/error.h"
#include "model/manifest_avro.h"

#define MAP(key, value, type)                                                            \
    "{\"type\":\"array\",\"items\":{\"type\":\"record\",\"name\":\"k" key "_v" value     \
    "\",\"fields\":[{\"name\":\"key\",\"type\":\"int\",\"field-id\":" key                \
    "},{\"name\":\"value\",\"type\":\"" type "\",\"field-id\":" value                    \
    "}]},\"logicalType\":\"map\"}"
#define LIST(element, type)                                                              \
    "{\"type\":\"array\",\"items\":\"" type "\",\"element-id\":" element "}"
#define SUMMARY                                                                          \
    "{\"type\":\"array\",\"items\":{\"type\":\"record\",\"name\":\"r508\",\"fields\":["  \
    "{\"name\":\"contains_null\",\"type\":\"boolean\",\"field-id\":509},"                \
    "{\"name\":\"contains_nan\",\"type\":[\"null\",\"boolean\"],\"default\":null,"       \
    "\"field-id\":518},"                                                                 \
    "{\"name\":\"lower_bound\",\"type\":[\"null\",\"bytes\"],\"default\":null,"          \
    "\"field-id\":510},"                                                                 \
    "{\"name\":\"upper_bound\",\"type\":[\"null\",\"bytes\"],\"default\":null,"          \
    "\"field-id\":511}]},\"element-id\":508}"

// A row of the tables below. Its text is whole, so that a schema is a few pieces put one
// behind the other: it is done for each manifest.
#define REQUIRED(id, name, type, version_min)                                            \
    {                                                                                    \
        id, name, "{\"name\":\"" name "\",\"type\":" type ",\"field-id\":" #id "}",      \
            version_min                                                                  \
    }
#define OPTIONAL(id, name, type, version_min)                                            \
    {                                                                                    \
        id, name,                                                                        \
            "{\"name\":\"" name "\",\"type\":[\"null\"," type                            \
            "],\"default\":null,\"field-id\":" #id "}",                                  \
            version_min                                                                  \
    }

static const struct dsi_manifest_column entry_columns[] = {
    REQUIRED(0, "status", "\"int\"", 1),
    OPTIONAL(1, "snapshot_id", "\"long\"", 1),
    OPTIONAL(3, "sequence_number", "\"long\"", 2),
    OPTIONAL(4, "file_sequence_number", "\"long\"", 2),
};

// In the order of Iceberg's own v3 writer.
const struct dsi_manifest_column dsi_data_file_columns[] = {
    REQUIRED(134, "content", "\"int\"", 2),
    REQUIRED(100, "file_path", "\"string\"", 1),
    REQUIRED(101, "file_format", "\"string\"", 1),
    {102, "partition", NULL, 1},
    REQUIRED(103, "record_count", "\"long\"", 1),
    REQUIRED(104, "file_size_in_bytes", "\"long\"", 1),
    OPTIONAL(108, "column_sizes", MAP("117", "118", "long"), 1),
    OPTIONAL(109, "value_counts", MAP("119", "120", "long"), 1),
    OPTIONAL(110, "null_value_counts", MAP("121", "122", "long"), 1),
    OPTIONAL(137, "nan_value_counts", MAP("138", "139", "long"), 1),
    OPTIONAL(125, "lower_bounds", MAP("126", "127", "bytes"), 1),
    OPTIONAL(128, "upper_bounds", MAP("129", "130", "bytes"), 1),
    OPTIONAL(131, "key_metadata", "\"bytes\"", 1),
    OPTIONAL(132, "split_offsets", LIST("133", "long"), 1),
    OPTIONAL(135, "equality_ids", LIST("136", "int"), 2),
    OPTIONAL(140, "sort_order_id", "\"int\"", 1),
    OPTIONAL(142, "first_row_id", "\"long\"", 3),
    OPTIONAL(143, "referenced_data_file", "\"string\"", 2),
    OPTIONAL(144, "content_offset", "\"long\"", 3),
    OPTIONAL(145, "content_size_in_bytes", "\"long\"", 3),
};

const size_t dsi_data_file_column_count =
    sizeof dsi_data_file_columns / sizeof dsi_data_file_columns[0];

const struct dsi_manifest_column dsi_manifest_file_columns[] = {
    REQUIRED(500, "manifest_path", "\"string\"", 1),
    REQUIRED(501, "manifest_length", "\"long\"", 1),
    REQUIRED(502, "partition_spec_id", "\"int\"", 1),
    REQUIRED(517, "content", "\"int\"", 2),
    REQUIRED(515, "sequence_number", "\"long\"", 2),
    REQUIRED(516, "min_sequence_number", "\"long\"", 2),
    REQUIRED(503, "added_snapshot_id", "\"long\"", 1),
    REQUIRED(504, "added_files_count", "\"int\"", 2),
    REQUIRED(505, "existing_files_count", "\"int\"", 2),
    REQUIRED(506, "deleted_files_count", "\"int\"", 2),
    REQUIRED(512, "added_rows_count", "\"long\"", 2),
    REQUIRED(513, "existing_rows_count", "\"long\"", 2),
    REQUIRED(514, "deleted_rows_count", "\"long\"", 2),
    OPTIONAL(507, "partitions", SUMMARY, 1),
    OPTIONAL(519, "key_metadata", "\"bytes\"", 1),
    OPTIONAL(520, "first_row_id", "\"long\"", 3),
};

const size_t dsi_manifest_file_column_count =
    sizeof dsi_manifest_file_columns / sizeof dsi_manifest_file_columns[0];

// More than any of them usually has, so that none grows while it is put together.
enum { SIZE_USUAL = 4096 };

enum { ENTRY_COLUMN_COUNT = sizeof entry_columns / sizeof entry_columns[0] };

const char *dsi_manifest_column_name(int32_t id)
{
    const struct {
        const struct dsi_manifest_column *columns;
        size_t count;
    } tables[] = {{entry_columns, ENTRY_COLUMN_COUNT},
                  {dsi_data_file_columns, dsi_data_file_column_count},
                  {dsi_manifest_file_columns, dsi_manifest_file_column_count}};

    for (size_t i = 0; i < sizeof tables / sizeof tables[0]; i++) {
        for (size_t j = 0; j < tables[i].count; j++) {
            if (tables[i].columns[j].id == id) {
                return tables[i].columns[j].name;
            }
        }
    }
    return id == 2 ? "data_file" : "?";
}

// True when an earlier field of the spec has the same Avro name.
static int name_is_taken(const struct dsi_partition_spec *spec, size_t at, bool *taken,
                         struct ds_error *err)
{
    struct dsi_buf mine = DSI_BUF_INIT;
    struct dsi_buf other = DSI_BUF_INIT;
    int rc = DS_OK;

    *taken = false;
    DSI_TRY(dsi_avro_name_put(&mine, spec->fields[at].name, err));
    for (size_t i = 0; i < at && !*taken; i++) {
        other.size = 0;
        DSI_TRY(dsi_avro_name_put(&other, spec->fields[i].name, err));
        *taken = mine.size == other.size && memcmp(mine.data, other.data, mine.size) == 0;
    }
done:
    dsi_buf_release(&mine);
    dsi_buf_release(&other);
    return rc;
}

static int put_partition(struct dsi_buf *out, const struct dsi_partition_spec *spec,
                         const struct dsi_type *types, struct ds_error *err)
{
    bool taken = false;
    int rc = DS_OK;

    DSI_TRY(dsi_buf_append_text(out,
                                "{\"name\":\"partition\",\"type\":{\"type\":\"record\","
                                "\"name\":\"r102\",\"fields\":[",
                                err));
    for (size_t i = 0; i < spec->field_count; i++) {
        const struct dsi_partition_field *f = &spec->fields[i];
        DSI_TRY(dsi_buf_append_text(out, i ? ",{\"name\":\"" : "{\"name\":\"", err));
        DSI_TRY(dsi_avro_name_put(out, f->name, err));
        DSI_TRY(name_is_taken(spec, i, &taken, err));
        if (taken) {
            DSI_TRY(dsi_buf_printf(out, err, "_%d", (int)f->field_id));
        }
        DSI_TRY(dsi_buf_append_text(out, "\",\"type\":[\"null\",", err));
        DSI_TRY(dsi_manifest_put_partition_type(out, &types[i], types, i, err));
        DSI_TRY(dsi_buf_printf(out, err, "],\"default\":null,\"field-id\":%d}",
                               (int)f->field_id));
    }
    DSI_TRY(dsi_buf_append_text(out, "]},\"field-id\":102}", err));
done:
    return rc;
}

int dsi_manifest_entry_schema(int32_t version, const struct dsi_partition_spec *spec,
                              const struct dsi_type *types, struct dsi_buf *out,
                              struct ds_error *err)
{
    bool first = true;
    int rc = DS_OK;

    DSI_TRY(dsi_buf_reserve(out, SIZE_USUAL, err));
    DSI_TRY(dsi_buf_append_text(
        out, "{\"type\":\"record\",\"name\":\"manifest_entry\",\"fields\":[", err));
    for (size_t i = 0; i < ENTRY_COLUMN_COUNT; i++) {
        DSI_TRY(dsi_buf_append_text(out, entry_columns[i].json, err));
        DSI_TRY(dsi_buf_append_byte(out, ',', err));
    }
    DSI_TRY(dsi_buf_append_text(out,
                                "{\"name\":\"data_file\",\"type\":{\"type\":\"record\","
                                "\"name\":\"r2\",\"fields\":[",
                                err));
    for (size_t i = 0; i < dsi_data_file_column_count; i++) {
        const struct dsi_manifest_column *c = &dsi_data_file_columns[i];
        if (c->version_min > version) {
            continue;
        }
        DSI_TRY(dsi_buf_append_text(out, first ? "" : ",", err));
        first = false;
        DSI_TRY(c->json ? dsi_buf_append_text(out, c->json, err)
                        : put_partition(out, spec, types, err));
    }
    DSI_TRY(dsi_buf_append_text(out, "]},\"field-id\":2}]}", err));
done:
    return rc;
}

int dsi_manifest_list_schema(int32_t version, struct dsi_buf *out, struct ds_error *err)
{
    int rc = DS_OK;

    DSI_TRY(dsi_buf_reserve(out, SIZE_USUAL, err));
    DSI_TRY(dsi_buf_append_text(
        out, "{\"type\":\"record\",\"name\":\"manifest_file\",\"fields\":[", err));
    for (size_t i = 0; i < dsi_manifest_file_column_count; i++) {
        if (dsi_manifest_file_columns[i].version_min <= version) {
            DSI_TRY(dsi_buf_append_text(out, i ? "," : "", err));
            DSI_TRY(dsi_buf_append_text(out, dsi_manifest_file_columns[i].json, err));
        }
    }
    DSI_TRY(dsi_buf_append_text(out, "]}", err));
done:
    return rc;
}
