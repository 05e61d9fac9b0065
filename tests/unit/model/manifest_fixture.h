// A table with a partition field of every primitive type, and files in it, for the tests
// of manifests.
#ifndef DSI_TEST_MANIFEST_FIXTURE_H
#define DSI_TEST_MANIFEST_FIXTURE_H

#include "base/text.h"
#include "harness.h"
#include "model/manifest.h"

#include <stdio.h>
#include <string.h>

// The types of the columns 1 …, each the source of an identity partition field 1000 ….
static const char *const fixture_types[] = {
    "boolean",       "int",      "long",      "float",         "double",
    "date",          "time",     "timestamp", "timestamptz",   "string",
    "uuid",          "fixed[5]", "binary",    "decimal(9, 2)", "decimal(38, 10)",
    "decimal(9, 2)", // A second field of a named type.
};

enum { FIXTURE_TYPES = sizeof fixture_types / sizeof fixture_types[0] };

// Spec 0 is unpartitioned, spec 1 has every type, spec 2 has transforms.
static inline struct dsi_metadata *fixture_metadata(void)
{
    struct dsi_buf json = DSI_BUF_INIT;
    struct dsi_metadata *m = NULL;
    struct ds_error err = {0};
    int rc = DS_OK;

    rc |= dsi_buf_append_text(
        &json,
        "{\"format-version\":2,\"table-uuid\":\"f79c3e09-677c-4bbd-a479-3f349cb785e7\","
        "\"location\":\"file:///t\",\"last-sequence-number\":9,\"last-updated-ms\":1000,"
        "\"last-column-id\":100,\"current-schema-id\":3,\"schemas\":[{\"type\":"
        "\"struct\",\"schema-id\":3,\"fields\":[",
        NULL);
    for (int i = 0; i < FIXTURE_TYPES; i++) {
        rc |= dsi_buf_printf(&json, NULL,
                             "%s{\"id\":%d,\"name\":\"c%d\",\"required\":false,"
                             "\"type\":\"%s\"}",
                             i ? "," : "", i + 1, i + 1, fixture_types[i]);
    }
    rc |= dsi_buf_append_text(&json,
                              "]}],\"default-spec-id\":1,\"last-partition-id\":1101,"
                              "\"partition-specs\":[{\"spec-id\":0,\"fields\":[]},"
                              "{\"spec-id\":1,\"fields\":[",
                              NULL);
    for (int i = 0; i < FIXTURE_TYPES; i++) {
        rc |= dsi_buf_printf(&json, NULL,
                             "%s{\"source-id\":%d,\"field-id\":%d,\"name\":\"p %d\","
                             "\"transform\":\"identity\"}",
                             i ? "," : "", i + 1, 1000 + i, i);
    }
    rc |= dsi_buf_append_text(
        &json,
        "]},{\"spec-id\":2,\"fields\":[{\"source-id\":8,\"field-id\":1100,\"name\":"
        "\"day\",\"transform\":\"day\"},{\"source-id\":10,\"field-id\":1101,\"name\":"
        "\"b\",\"transform\":\"bucket[16]\"}]}],\"sort-orders\":[{\"order-id\":0,"
        "\"fields\":[]}],\"default-sort-order-id\":0,\"properties\":{},"
        "\"current-snapshot-id\":-1,\"refs\":{},\"snapshots\":[],\"snapshot-log\":[],"
        "\"metadata-log\":[]}",
        NULL);
    assert_int_equal(rc, DS_OK);
    rc = dsi_metadata_parse(dsi_buf_slice(&json), &m, &err);
    if (rc != DS_OK) {
        print_message("%s\n", err.message);
    }
    assert_int_equal(rc, DS_OK);
    dsi_buf_release(&json);
    return m;
}

static inline struct ds_slice fixture_bytes(const char *text)
{
    return dsi_slice_text(text);
}

// One value for each of the types, some ordinary and some extreme; v counts the tuples.
static inline void fixture_partition(int v, struct dsi_value values[FIXTURE_TYPES])
{
    static const char *const texts[] = {"ham", "", "sp\xc3\xa4m"};
    static const char *const uuids[] = {"0123456789abcdef", "ABCDEFGHIJKLMNOP",
                                        "\xff\xfe\xfd\xfc\x01\x02\x03\x04zzzzyyyy"};
    const dsi_int128 big = dsi_int128_pow10(38) - 1;

    for (int i = 0; i < FIXTURE_TYPES; i++) {
        values[i] = (struct dsi_value){.null = false};
    }
    values[0].kind = DSI_TYPE_BOOLEAN;
    values[0].as.boolean = v == 1;
    values[1].kind = DSI_TYPE_INT;
    values[1].as.i32 = v == 0 ? INT32_MIN : v == 1 ? INT32_MAX : -1;
    values[2].kind = DSI_TYPE_LONG;
    values[2].as.i64 = v == 0 ? INT64_MIN : v == 1 ? INT64_MAX : 64;
    values[3].kind = DSI_TYPE_FLOAT;
    values[3].as.f32 = v == 0 ? -1.5F : 3.25F;
    values[4].kind = DSI_TYPE_DOUBLE;
    values[4].as.f64 = v == 0 ? 1e300 : -0.1;
    values[5].kind = DSI_TYPE_DATE;
    values[5].as.i32 = 17486 - v;
    values[6].kind = DSI_TYPE_TIME;
    values[6].as.i64 = 81068123456 + v;
    values[7].kind = DSI_TYPE_TIMESTAMP;
    values[7].as.i64 = 1510871468000001 - v;
    values[8].kind = DSI_TYPE_TIMESTAMPTZ;
    values[8].as.i64 = -1 - v;
    values[9].kind = DSI_TYPE_STRING;
    values[9].as.bytes = dsi_slice_text(texts[v % 3]);
    values[10].kind = DSI_TYPE_UUID;
    values[10].as.bytes = (struct ds_slice){(const uint8_t *)uuids[v % 3], 16};
    values[11].kind = DSI_TYPE_FIXED;
    values[11].as.bytes = (struct ds_slice){(const uint8_t *)"\0\1\2\3\4", 5};
    values[12].kind = DSI_TYPE_BINARY;
    values[12].as.bytes = (struct ds_slice){(const uint8_t *)"\0\xff", (size_t)(v % 3)};
    values[13].kind = DSI_TYPE_DECIMAL;
    values[13].as.decimal = v == 0 ? -1 : 999999999;
    values[14].kind = DSI_TYPE_DECIMAL;
    values[14].as.decimal = v == 0 ? big : v == 1 ? -big : 0;
    values[15].kind = DSI_TYPE_DECIMAL;
    values[15].as.decimal = 12345 - v;
}

static inline void fixture_check_values(const struct dsi_value *a,
                                        const struct dsi_value *b, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (!dsi_value_equal(&a[i], &b[i]) || (!a[i].null && a[i].kind != b[i].kind)) {
            print_message("value %d differs\n", (int)i);
        }
        assert_true(dsi_value_equal(&a[i], &b[i]));
        assert_true(a[i].null || a[i].kind == b[i].kind);
    }
}

static inline void fixture_check_slice(struct ds_slice a, struct ds_slice b)
{
    assert_int_equal(a.data == NULL, b.data == NULL);
    assert_true(dsi_slice_equal(a, b));
}

// Everything of a data file, member by member.
static inline void fixture_check_file(const struct dsi_data_file *a,
                                      const struct dsi_data_file *b)
{
    assert_int_equal(a->content, b->content);
    assert_string_equal(a->path, b->path);
    assert_int_equal(a->format, b->format);
    assert_int_equal(a->spec_id, b->spec_id);
    assert_int_equal(a->partition_count, b->partition_count);
    fixture_check_values(a->partition, b->partition, a->partition_count);
    assert_int_equal(a->record_count, b->record_count);
    assert_int_equal(a->file_size, b->file_size);
    assert_int_equal(a->column_count, b->column_count);
    for (size_t i = 0; i < a->column_count; i++) {
        assert_int_equal(a->columns[i].field_id, b->columns[i].field_id);
        assert_int_equal(a->columns[i].column_size, b->columns[i].column_size);
        assert_int_equal(a->columns[i].value_count, b->columns[i].value_count);
        assert_int_equal(a->columns[i].null_count, b->columns[i].null_count);
        assert_int_equal(a->columns[i].nan_count, b->columns[i].nan_count);
        fixture_check_slice(a->columns[i].lower, b->columns[i].lower);
        fixture_check_slice(a->columns[i].upper, b->columns[i].upper);
    }
    fixture_check_slice(a->key_metadata, b->key_metadata);
    assert_int_equal(a->split_offset_count, b->split_offset_count);
    for (size_t i = 0; i < a->split_offset_count; i++) {
        assert_int_equal(a->split_offsets[i], b->split_offsets[i]);
    }
    assert_int_equal(a->equality_id_count, b->equality_id_count);
    for (size_t i = 0; i < a->equality_id_count; i++) {
        assert_int_equal(a->equality_ids[i], b->equality_ids[i]);
    }
    assert_int_equal(a->sort_order_id, b->sort_order_id);
    assert_int_equal(a->first_row_id, b->first_row_id);
    assert_int_equal(a->referenced_data_file == NULL, b->referenced_data_file == NULL);
    if (a->referenced_data_file) {
        assert_string_equal(a->referenced_data_file, b->referenced_data_file);
    }
    assert_int_equal(a->content_offset, b->content_offset);
    assert_int_equal(a->content_size, b->content_size);
}

static inline void fixture_check_entry(const struct dsi_manifest_entry *a,
                                       const struct dsi_manifest_entry *b)
{
    assert_int_equal(a->status, b->status);
    assert_int_equal(a->snapshot_id, b->snapshot_id);
    assert_int_equal(a->sequence_number, b->sequence_number);
    assert_int_equal(a->file_sequence_number, b->file_sequence_number);
    fixture_check_file(&a->file, &b->file);
}

// A data file with nothing optional.
static inline struct dsi_data_file
fixture_file(int32_t spec_id, const struct dsi_value *partition, size_t partition_count)
{
    return (struct dsi_data_file){.path = "file:///t/data/a.parquet",
                                  .spec_id = spec_id,
                                  .partition = partition,
                                  .partition_count = partition_count,
                                  .record_count = 7,
                                  .file_size = 4711,
                                  .sort_order_id = -1,
                                  .first_row_id = -1,
                                  .content_offset = -1,
                                  .content_size = -1};
}

static inline struct dsi_manifest_write fixture_write(const struct dsi_metadata *m,
                                                      int32_t spec_id)
{
    return (struct dsi_manifest_write){.format_version = 2,
                                       .schema = dsi_metadata_current_schema(m),
                                       .spec = dsi_metadata_spec(m, spec_id),
                                       .content = DSI_MANIFEST_DATA,
                                       .snapshot_id = 77,
                                       .compression_level = -1};
}

#endif
