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

static const struct dsi_manifest_column entry_columns[] = {
    {0, "status", "\"int\"", false, 1},
    {1, "snapshot_id", "\"long\"", true, 1},
    {3, "sequence_number", "\"long\"", true, 2},
    {4, "file_sequence_number", "\"long\"", true, 2},
};

// In the order of Iceberg's own v3 writer.
const struct dsi_manifest_column dsi_data_file_columns[] = {
    {134, "content", "\"int\"", false, 2},
    {100, "file_path", "\"string\"", false, 1},
    {101, "file_format", "\"string\"", false, 1},
    {102, "partition", NULL, false, 1},
    {103, "record_count", "\"long\"", false, 1},
    {104, "file_size_in_bytes", "\"long\"", false, 1},
    {108, "column_sizes", MAP("117", "118", "long"), true, 1},
    {109, "value_counts", MAP("119", "120", "long"), true, 1},
    {110, "null_value_counts", MAP("121", "122", "long"), true, 1},
    {137, "nan_value_counts", MAP("138", "139", "long"), true, 1},
    {125, "lower_bounds", MAP("126", "127", "bytes"), true, 1},
    {128, "upper_bounds", MAP("129", "130", "bytes"), true, 1},
    {131, "key_metadata", "\"bytes\"", true, 1},
    {132, "split_offsets", LIST("133", "long"), true, 1},
    {135, "equality_ids", LIST("136", "int"), true, 2},
    {140, "sort_order_id", "\"int\"", true, 1},
    {142, "first_row_id", "\"long\"", true, 3},
    {143, "referenced_data_file", "\"string\"", true, 2},
    {144, "content_offset", "\"long\"", true, 3},
    {145, "content_size_in_bytes", "\"long\"", true, 3},
};

const size_t dsi_data_file_column_count =
    sizeof dsi_data_file_columns / sizeof dsi_data_file_columns[0];

const struct dsi_manifest_column dsi_manifest_file_columns[] = {
    {500, "manifest_path", "\"string\"", false, 1},
    {501, "manifest_length", "\"long\"", false, 1},
    {502, "partition_spec_id", "\"int\"", false, 1},
    {517, "content", "\"int\"", false, 2},
    {515, "sequence_number", "\"long\"", false, 2},
    {516, "min_sequence_number", "\"long\"", false, 2},
    {503, "added_snapshot_id", "\"long\"", false, 1},
    {504, "added_files_count", "\"int\"", false, 2},
    {505, "existing_files_count", "\"int\"", false, 2},
    {506, "deleted_files_count", "\"int\"", false, 2},
    {512, "added_rows_count", "\"long\"", false, 2},
    {513, "existing_rows_count", "\"long\"", false, 2},
    {514, "deleted_rows_count", "\"long\"", false, 2},
    {507, "partitions", SUMMARY, true, 1},
    {519, "key_metadata", "\"bytes\"", true, 1},
    {520, "first_row_id", "\"long\"", true, 3},
};

const size_t dsi_manifest_file_column_count =
    sizeof dsi_manifest_file_columns / sizeof dsi_manifest_file_columns[0];

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

// By hand: it is done some thirty times for each manifest, and printf takes its time.
static int put_column(struct dsi_buf *out, const struct dsi_manifest_column *c,
                      struct ds_error *err)
{
    const char *const parts[] = {"{\"name\":\"",
                                 c->name,
                                 c->optional ? "\",\"type\":[\"null\"," : "\",\"type\":",
                                 c->type,
                                 c->optional ? "],\"default\":null" : "",
                                 ",\"field-id\":"};
    int rc = DS_OK;

    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++) {
        DSI_TRY(dsi_buf_append_text(out, parts[i], err));
    }
    DSI_TRY(dsi_buf_append_i64(out, c->id, err));
    DSI_TRY(dsi_buf_append_byte(out, '}', err));
done:
    return rc;
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

    DSI_TRY(dsi_buf_append_text(
        out, "{\"type\":\"record\",\"name\":\"manifest_entry\",\"fields\":[", err));
    for (size_t i = 0; i < ENTRY_COLUMN_COUNT; i++) {
        DSI_TRY(put_column(out, &entry_columns[i], err));
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
        DSI_TRY(c->type ? put_column(out, c, err) : put_partition(out, spec, types, err));
    }
    DSI_TRY(dsi_buf_append_text(out, "]},\"field-id\":2}]}", err));
done:
    return rc;
}

int dsi_manifest_list_schema(int32_t version, struct dsi_buf *out, struct ds_error *err)
{
    int rc = DS_OK;

    DSI_TRY(dsi_buf_append_text(
        out, "{\"type\":\"record\",\"name\":\"manifest_file\",\"fields\":[", err));
    for (size_t i = 0; i < dsi_manifest_file_column_count; i++) {
        if (dsi_manifest_file_columns[i].version_min <= version) {
            DSI_TRY(dsi_buf_append_text(out, i ? "," : "", err));
            DSI_TRY(put_column(out, &dsi_manifest_file_columns[i], err));
        }
    }
    DSI_TRY(dsi_buf_append_text(out, "]}", err));
done:
    return rc;
}
