#include "base/fault.h"
#include "data/data_fields.h"
#include "unit/data/rows.h"

// A file of the columns "a" (int) and "b" (string), with ids or without.
struct file {
    struct dsi_parquet_file parquet;
    struct dsi_parquet_node root;
    struct dsi_parquet_node columns[2];
};

static void file_init(struct file *f, int32_t a_id, int32_t b_id)
{
    *f = (struct file){0};
    f->columns[0].field = (struct dsi_parquet_field){.name = "a",
                                                     .has_field_id = a_id > 0,
                                                     .field_id = a_id,
                                                     .repetition = DSI_PARQUET_OPTIONAL,
                                                     .physical = DSI_PARQUET_INT32};
    f->columns[1].field =
        (struct dsi_parquet_field){.name = "b",
                                   .has_field_id = b_id > 0,
                                   .field_id = b_id,
                                   .repetition = DSI_PARQUET_OPTIONAL,
                                   .physical = DSI_PARQUET_BYTE_ARRAY,
                                   .logical = {.kind = DSI_PARQUET_LOGICAL_STRING}};
    f->columns[0].parent = &f->root;
    f->columns[1].parent = &f->root;
    f->columns[0].next = &f->columns[1];
    f->columns[1].leaf = 1;
    f->root.first_child = &f->columns[0];
    f->root.field.child_count = 2;
    f->parquet.root = &f->root;
}

static const struct dsi_field fields[] = {
    ROWS_FIELD(2, "text", false, .kind = DSI_TYPE_STRING),
    ROWS_FIELD(1, "number", false, .kind = DSI_TYPE_LONG),
};

// Which of the file's columns the two fields come from; -1: neither.
static int origins(const struct file *f, const char *mapping, int out[2],
                   struct ds_error *err)
{
    struct ds_property property = {"schema.name-mapping.default", mapping};
    struct dsi_metadata m = {.properties = &property, .property_count = mapping ? 1 : 0};
    struct dsi_schema schema = rows_schema(fields, 2);
    struct dsi_data_file file = {.path = "x"};
    struct dsi_data_reader_options options = {
        .file = &file, .metadata = &m, .schema = &schema};
    struct dsi_arena arena = DSI_ARENA_INIT;
    struct dsi_data_origin *o = NULL;
    int rc = dsi_data_origins(&options, &f->parquet, &arena, &o, err);
    for (int i = 0; rc == DS_OK && i < 2; i++) {
        out[i] = o[i].leaf ? (int)(o[i].leaf - f->columns) : -1;
        assert_true(o[i].leaf || o[i].constant.null);
    }
    dsi_arena_release(&arena);
    return rc;
}

static void test_data_fields__matches_by_id_then_mapping_then_position(void **state)
{
    static const char mapping[] =
        "[{\"field-id\": 2, \"names\": [\"x\", \"b\"]}, "
        "{\"names\": [\"a\"]}, {\"field-id\": 7, \"names\": [], \"fields\": [{}]}]";
    struct file f;
    int from[2];
    (void)state;

    file_init(&f, 1, 2);
    assert_int_equal(origins(&f, NULL, from, NULL), DS_OK);
    assert_int_equal(from[0], 1);
    assert_int_equal(from[1], 0);
    file_init(&f, 1, 0); // One id is enough: the other column has none, and is nobody's.
    assert_int_equal(origins(&f, mapping, from, NULL), DS_OK);
    assert_int_equal(from[0], -1);
    assert_int_equal(from[1], 0);
    file_init(&f, 0, 0);
    assert_int_equal(origins(&f, mapping, from, NULL), DS_OK);
    assert_int_equal(from[0], 1);
    assert_int_equal(from[1], -1); // "a" maps to no id.
    assert_int_equal(origins(&f, NULL, from, NULL), DS_OK);
    assert_int_equal(from[0], 1);
    assert_int_equal(from[1], 0);
}

static void test_data_fields__refuses_a_broken_mapping(void **state)
{
    static const char *const bad[] = {
        "", "{}", "[", "[{\"field-id\": \"x\"}]", "[{\"names\": 1}]", "[] x"};
    (void)state;

    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct file f;
        struct ds_error err = {0};
        int from[2];
        file_init(&f, 0, 0);
        assert_true(origins(&f, bad[i], from, &err) < 0);
        assert_non_null(strstr(err.message, "schema.name-mapping.default"));
    }
}

static void
test_data_fields__gives_absent_columns_their_partition_or_default(void **state)
{
    static const struct dsi_field absent[] = {
        ROWS_FIELD(10, "p", true, .kind = DSI_TYPE_LONG),
        ROWS_FIELD(11, "q", true, .kind = DSI_TYPE_INT),
        {12, true, "r", NULL, {.kind = DSI_TYPE_INT}, "42", NULL},
        ROWS_FIELD(13, "s", false, .kind = DSI_TYPE_INT),
    };
    static const struct dsi_partition_field parts[] = {
        {11, 1000, "q_bucket", {.kind = DSI_TRANSFORM_BUCKET, .param = 4}},
        {10, 1001, "p", {.kind = DSI_TRANSFORM_IDENTITY}},
    };
    struct dsi_partition_spec spec = {.spec_id = 3, .fields = parts, .field_count = 2};
    struct dsi_metadata m = {.specs = &spec, .spec_count = 1};
    struct dsi_value values[] = {{.kind = DSI_TYPE_INT, .as.i32 = 1},
                                 {.kind = DSI_TYPE_INT, .as.i32 = -5}};
    struct dsi_data_file file = {
        .path = "x", .spec_id = 3, .partition = values, .partition_count = 2};
    struct dsi_schema schema = rows_schema(absent, 1);
    struct dsi_data_reader_options options = {
        .file = &file, .metadata = &m, .schema = &schema};
    struct dsi_arena arena = DSI_ARENA_INIT;
    struct dsi_data_origin *o = NULL;
    struct ds_error err = {0};
    struct file f;
    (void)state;

    file_init(&f, 1, 2);
    assert_int_equal(dsi_data_origins(&options, &f.parquet, &arena, &o, &err), DS_OK);
    assert_int_equal(o[0].constant.kind, DSI_TYPE_LONG); // Written as an int once.
    assert_int_equal(o[0].constant.as.i64, -5);
    schema = rows_schema(absent + 1, 1); // A bucket is not the value.
    assert_int_equal(dsi_data_origins(&options, &f.parquet, &arena, &o, &err),
                     DS_ECORRUPT);
    assert_non_null(strstr(err.message, "column q (id 11)"));
    schema = rows_schema(absent + 2, 2);
    assert_int_equal(dsi_data_origins(&options, &f.parquet, &arena, &o, &err), DS_OK);
    assert_int_equal(o[0].constant.as.i32, 42);
    assert_true(o[1].constant.null);
    dsi_arena_release(&arena);
}

static void test_data_fields__survives_every_fault(void **state)
{
    static const char mapping[] = "[{\"field-id\": 2, \"names\": [\"x\", \"b\"]}]";
    struct dsi_fault_plan plan = {0};
    (void)state;

    while (dsi_fault_next(&plan)) {
        struct file f;
        struct ds_error err = {0};
        int from[2];
        file_init(&f, 0, 0);
        int rc = origins(&f, mapping, from, &err);
        dsi_fault_stop();
        assert_int_equal(rc, plan.name ? DS_ENOMEM : DS_OK);
    }
    assert_true(plan.target > 1);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_data_fields__matches_by_id_then_mapping_then_position),
        cmocka_unit_test(test_data_fields__refuses_a_broken_mapping),
        cmocka_unit_test(
            test_data_fields__gives_absent_columns_their_partition_or_default),
        cmocka_unit_test(test_data_fields__survives_every_fault),
    };
    return cmocka_run_group_tests_name("data_fields", tests, NULL, NULL);
}
