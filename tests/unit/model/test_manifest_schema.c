#include "codec/avro/avro_schema.h"
#include "manifest_fixture.h"
#include "model/manifest_avro.h"
#include "model/manifest_schema.h"

static void test_manifest_schema__is_a_schema_with_our_columns(void **state)
{
    struct dsi_metadata *m = fixture_metadata();
    struct dsi_arena arena = DSI_ARENA_INIT;
    struct dsi_type *types = NULL;
    const struct dsi_partition_spec *spec = dsi_metadata_spec(m, 1);
    (void)state;

    assert_int_equal(
        dsi_partition_types(spec, dsi_metadata_current_schema(m), &arena, &types, NULL),
        DS_OK);
    for (int32_t version = 2; version <= 3; version++) {
        struct dsi_buf b = DSI_BUF_INIT;
        const struct dsi_avro_type *t = NULL;
        struct ds_error err = {0};
        assert_int_equal(dsi_manifest_entry_schema(version, spec, types, &b, &err),
                         DS_OK);
        int rc = dsi_avro_schema_parse(dsi_buf_slice(&b), &arena, &t, &err);
        assert_string_equal(rc < 0 ? err.message : "", "");
        assert_string_equal(t->name, "manifest_entry");
        const struct dsi_avro_type *file = dsi_avro_schema_field(t, 2)->type;
        assert_int_equal(file->field_count, version == 2 ? 17 : 20);
        assert_int_equal(file->fields[0].id, 134);
        assert_int_equal(file->fields[file->field_count - 1].id,
                         version == 2 ? 143 : 145);
        const struct dsi_avro_type *partition = dsi_avro_schema_field(file, 102)->type;
        assert_string_equal(partition->name, "r102");
        assert_int_equal(partition->field_count, FIXTURE_TYPES);
        assert_string_equal(partition->fields[3].name, "p_x203");
        // The second decimal(9, 2) has a name of its own.
        const struct dsi_avro_type *second =
            dsi_avro_schema_value_type(partition->fields[15].type);
        assert_string_equal(second->name, "decimal_9_2_r15");
        assert_int_equal(second->logical, DSI_AVRO_LOGICAL_DECIMAL);
        dsi_buf_release(&b);
    }
    dsi_arena_release(&arena);
    dsi_metadata_unref(m);
}

static void test_manifest_schema__keeps_names_apart(void **state)
{
    const struct dsi_partition_field fields[] = {{1, 1000, "a b", {.text = "identity"}},
                                                 {2, 1001, "a_x20b", {.text = "void"}}};
    const struct dsi_partition_spec spec = {.fields = fields, .field_count = 2};
    const struct dsi_type types[] = {{.kind = DSI_TYPE_INT}, {.kind = DSI_TYPE_INT}};
    struct dsi_buf b = DSI_BUF_INIT;
    (void)state;

    assert_int_equal(dsi_manifest_entry_schema(2, &spec, types, &b, NULL), DS_OK);
    assert_non_null(strstr(dsi_buf_text(&b), "\"a_x20b_1001\""));
    dsi_buf_release(&b);
}

static void test_manifest_schema__of_lists_differs_by_version(void **state)
{
    (void)state;
    for (int32_t version = 2; version <= 3; version++) {
        struct dsi_buf b = DSI_BUF_INIT;
        struct dsi_arena arena = DSI_ARENA_INIT;
        const struct dsi_avro_type *t = NULL;
        assert_int_equal(dsi_manifest_list_schema(version, &b, NULL), DS_OK);
        assert_int_equal(dsi_avro_schema_parse(dsi_buf_slice(&b), &arena, &t, NULL),
                         DS_OK);
        assert_int_equal(t->field_count, version == 2 ? 15 : 16);
        assert_int_equal(dsi_avro_schema_field(t, 520) != NULL, version == 3);
        dsi_arena_release(&arena);
        dsi_buf_release(&b);
    }
    assert_string_equal(dsi_manifest_column_name(500), "manifest_path");
    assert_string_equal(dsi_manifest_column_name(134), "content");
    assert_string_equal(dsi_manifest_column_name(0), "status");
    assert_string_equal(dsi_manifest_column_name(9999), "?");
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_manifest_schema__is_a_schema_with_our_columns),
        cmocka_unit_test(test_manifest_schema__keeps_names_apart),
        cmocka_unit_test(test_manifest_schema__of_lists_differs_by_version),
    };
    return cmocka_run_group_tests_name("manifest_schema", tests, NULL, NULL);
}
