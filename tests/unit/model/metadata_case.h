// What the tests of metadata share: files of tests/golden, and a small table.
#ifndef DSI_TEST_METADATA_CASE_H
#define DSI_TEST_METADATA_CASE_H

#include "base/buf.h"
#include "base/text.h"
#include "harness.h"
#include "model/metadata.h"

#include <stdio.h>
#include <string.h>

// Appends a file's bytes; fails the test when it cannot.
static inline void read_golden(const char *folder, const char *name, struct dsi_buf *out)
{
    char path[512];
    uint8_t bytes[4096];
    size_t n = 0;
    snprintf(path, sizeof path, "%s/metadata/%s/%s", DSI_TEST_GOLDEN, folder, name);
    FILE *f = fopen(path, "rb");
    if (!f) {
        fail_msg("%s cannot be opened", path);
        return;
    }
    while ((n = fread(bytes, 1, sizeof bytes, f)) > 0) {
        assert_int_equal(dsi_buf_append(out, bytes, n, NULL), DS_OK);
    }
    fclose(f);
}

static inline struct dsi_metadata *parse_golden(const char *name)
{
    struct dsi_buf json = DSI_BUF_INIT;
    struct dsi_metadata *m = NULL;
    struct ds_error err = {0};
    read_golden("good", name, &json);
    if (dsi_metadata_parse(dsi_buf_slice(&json), &m, &err) < 0) {
        fail_msg("%s: %s", name, err.message);
    }
    dsi_buf_release(&json);
    return m;
}

static inline void assert_same_text(const char *a, const char *b)
{
    assert_int_equal(a == NULL, b == NULL);
    if (a && b) {
        assert_string_equal(a, b);
    }
}

static inline void assert_same_snapshot(const struct dsi_snapshot *a,
                                        const struct dsi_snapshot *b)
{
    assert_true(a->snapshot_id == b->snapshot_id && a->parent_id == b->parent_id);
    assert_true(a->sequence_number == b->sequence_number);
    assert_true(a->timestamp_ms == b->timestamp_ms && a->schema_id == b->schema_id);
    assert_true(a->first_row_id == b->first_row_id && a->added_rows == b->added_rows);
    assert_same_text(a->manifest_list, b->manifest_list);
    assert_int_equal(a->manifest_count, b->manifest_count);
    assert_int_equal(a->summary_count, b->summary_count);
    assert_true(dsi_slice_equal(a->raw, b->raw));
}

static inline void assert_same_extras(const struct dsi_extras *a,
                                      const struct dsi_extras *b)
{
    assert_int_equal(a->count, b->count);
    for (size_t i = 0; i < a->count; i++) {
        assert_string_equal(a->members[i].key, b->members[i].key);
        assert_true(dsi_slice_equal(a->members[i].json, b->members[i].json));
    }
}

static inline void assert_same_lists(const struct dsi_metadata *a,
                                     const struct dsi_metadata *b)
{
    assert_int_equal(a->property_count, b->property_count);
    for (size_t i = 0; i < a->property_count; i++) {
        assert_string_equal(a->properties[i].key, b->properties[i].key);
        assert_string_equal(a->properties[i].value, b->properties[i].value);
    }
    assert_int_equal(a->snapshot_count, b->snapshot_count);
    for (size_t i = 0; i < a->snapshot_count; i++) {
        assert_same_snapshot(a->snapshots[i], b->snapshots[i]);
    }
    assert_int_equal(a->ref_count, b->ref_count);
    for (size_t i = 0; i < a->ref_count; i++) {
        const struct dsi_ref *x = &a->refs[i];
        const struct dsi_ref *y = &b->refs[i];
        assert_string_equal(x->name, y->name);
        assert_true(x->kind == y->kind && x->snapshot_id == y->snapshot_id);
        assert_true(x->max_ref_age_ms == y->max_ref_age_ms);
        assert_true(x->max_snapshot_age_ms == y->max_snapshot_age_ms);
        assert_true(x->min_snapshots_to_keep == y->min_snapshots_to_keep);
        assert_same_extras(&x->extras, &y->extras);
    }
    assert_int_equal(a->snapshot_log_count, b->snapshot_log_count);
    for (size_t i = 0; i < a->snapshot_log_count; i++) {
        assert_true(a->snapshot_log[i].snapshot_id == b->snapshot_log[i].snapshot_id);
        assert_true(a->snapshot_log[i].timestamp_ms == b->snapshot_log[i].timestamp_ms);
        assert_same_extras(&a->snapshot_log[i].extras, &b->snapshot_log[i].extras);
    }
    assert_int_equal(a->metadata_log_count, b->metadata_log_count);
    for (size_t i = 0; i < a->metadata_log_count; i++) {
        assert_string_equal(a->metadata_log[i].metadata_file,
                            b->metadata_log[i].metadata_file);
        assert_true(a->metadata_log[i].timestamp_ms == b->metadata_log[i].timestamp_ms);
        assert_same_extras(&a->metadata_log[i].extras, &b->metadata_log[i].extras);
    }
    assert_same_extras(&a->extras, &b->extras);
}

// Member by member.
static inline void assert_same_metadata(const struct dsi_metadata *a,
                                        const struct dsi_metadata *b)
{
    assert_int_equal(a->format_version, b->format_version);
    assert_same_text(a->table_uuid, b->table_uuid);
    assert_string_equal(a->location, b->location);
    assert_true(a->last_sequence_number == b->last_sequence_number);
    assert_true(a->last_updated_ms == b->last_updated_ms);
    assert_int_equal(a->last_column_id, b->last_column_id);
    assert_int_equal(a->current_schema_id, b->current_schema_id);
    assert_int_equal(a->default_spec_id, b->default_spec_id);
    assert_int_equal(a->last_partition_id, b->last_partition_id);
    assert_int_equal(a->default_sort_order_id, b->default_sort_order_id);
    assert_true(a->current_snapshot_id == b->current_snapshot_id);
    assert_true(a->next_row_id == b->next_row_id);
    assert_int_equal(a->schema_count, b->schema_count);
    for (size_t i = 0; i < a->schema_count; i++) {
        assert_int_equal(a->schemas[i].schema_id, b->schemas[i].schema_id);
        assert_true(dsi_schema_equal(&a->schemas[i], &b->schemas[i]));
    }
    assert_int_equal(a->spec_count, b->spec_count);
    for (size_t i = 0; i < a->spec_count; i++) {
        assert_int_equal(a->specs[i].spec_id, b->specs[i].spec_id);
        assert_true(dsi_partition_spec_equal(&a->specs[i], &b->specs[i]));
        for (size_t k = 0; k < a->specs[i].field_count; k++) {
            assert_int_equal(a->specs[i].fields[k].field_id,
                             b->specs[i].fields[k].field_id);
        }
    }
    assert_int_equal(a->sort_order_count, b->sort_order_count);
    for (size_t i = 0; i < a->sort_order_count; i++) {
        assert_int_equal(a->sort_orders[i].order_id, b->sort_orders[i].order_id);
        assert_true(dsi_sort_order_equal(&a->sort_orders[i], &b->sort_orders[i]));
    }
    assert_same_lists(a, b);
}

// Writes, parses, compares, and writes again: both texts must be one.
static inline void assert_round_trip(const struct dsi_metadata *m)
{
    struct dsi_buf first = DSI_BUF_INIT;
    struct dsi_buf second = DSI_BUF_INIT;
    struct dsi_metadata *back = NULL;
    struct ds_error err = {0};

    assert_int_equal(dsi_metadata_to_json(m, &first, &err), DS_OK);
    if (dsi_metadata_parse(dsi_buf_slice(&first), &back, &err) < 0) {
        fail_msg("%s\n%s", err.message, dsi_buf_text(&first));
    }
    assert_same_metadata(m, back);
    assert_int_equal(dsi_metadata_to_json(back, &second, &err), DS_OK);
    assert_string_equal(dsi_buf_text(&first), dsi_buf_text(&second));
    dsi_metadata_unref(back);
    dsi_buf_release(&first);
    dsi_buf_release(&second);
}

#endif
