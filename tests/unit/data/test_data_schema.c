#include "base/fault.h"
#include "data/data_schema.h"
#include "unit/data/files.h"

static ds_storage *local;

static int open_storage(void **state)
{
    (void)state;
    return dsi_storage_local_new(&local, NULL);
}

static int close_storage(void **state)
{
    (void)state;
    dsi_storage_free(local);
    return 0;
}

static void test_data_schema__stores_types_as_the_specification_says(void **state)
{
    static const struct {
        size_t column; // Of rows_all_fields.
        enum dsi_parquet_physical physical;
        int32_t length;
        enum dsi_parquet_logical_kind logical;
    } all[] = {
        {0, DSI_PARQUET_BOOLEAN, 0, DSI_PARQUET_LOGICAL_NONE},
        {1, DSI_PARQUET_INT32, 0, DSI_PARQUET_LOGICAL_NONE},
        {2, DSI_PARQUET_INT64, 0, DSI_PARQUET_LOGICAL_NONE},
        {5, DSI_PARQUET_INT32, 0, DSI_PARQUET_LOGICAL_DECIMAL},
        {6, DSI_PARQUET_INT64, 0, DSI_PARQUET_LOGICAL_DECIMAL},
        {7, DSI_PARQUET_FIXED, 16, DSI_PARQUET_LOGICAL_DECIMAL},
        {8, DSI_PARQUET_INT32, 0, DSI_PARQUET_LOGICAL_DATE},
        {9, DSI_PARQUET_INT64, 0, DSI_PARQUET_LOGICAL_TIME},
        {10, DSI_PARQUET_INT64, 0, DSI_PARQUET_LOGICAL_TIMESTAMP},
        {12, DSI_PARQUET_BYTE_ARRAY, 0, DSI_PARQUET_LOGICAL_STRING},
        {13, DSI_PARQUET_FIXED, 16, DSI_PARQUET_LOGICAL_UUID},
        {14, DSI_PARQUET_FIXED, 5, DSI_PARQUET_LOGICAL_NONE},
        {15, DSI_PARQUET_BYTE_ARRAY, 0, DSI_PARQUET_LOGICAL_NONE},
    };
    struct dsi_parquet_field f;
    (void)state;

    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
        const struct dsi_field *field = &rows_all_fields[all[i].column];
        assert_int_equal(dsi_data_parquet_field(field, &f, NULL), DS_OK);
        assert_int_equal(f.physical, all[i].physical);
        assert_int_equal(f.type_length, all[i].length);
        assert_int_equal(f.logical.kind, all[i].logical);
        assert_int_equal(f.field_id, field->id);
        assert_int_equal(f.repetition,
                         field->required ? DSI_PARQUET_REQUIRED : DSI_PARQUET_OPTIONAL);
    }
    assert_int_equal(dsi_data_parquet_field(&rows_all_fields[11], &f, NULL), DS_OK);
    assert_true(f.logical.utc);
    assert_int_equal(f.logical.unit, DSI_PARQUET_MICROS);
    assert_int_equal(dsi_data_parquet_field(&rows_all_fields[9], &f, NULL), DS_OK);
    assert_false(f.logical.utc); // A time has no zone.
}

static void test_data_schema__gives_decimals_the_fewest_bytes(void **state)
{
    // Java's TypeUtil.decimalRequiredBytes.
    static const int32_t bytes[] = {
        [19] = 9,  [20] = 9,  [21] = 9,  [22] = 10, [23] = 10, [24] = 11, [25] = 11,
        [26] = 11, [27] = 12, [28] = 12, [29] = 13, [30] = 13, [31] = 13, [32] = 14,
        [33] = 14, [34] = 15, [35] = 15, [36] = 16, [37] = 16, [38] = 16};
    (void)state;

    for (int32_t p = 19; p <= 38; p++) {
        struct dsi_field field =
            ROWS_FIELD(1, "d", false, .kind = DSI_TYPE_DECIMAL, .precision = p);
        struct dsi_parquet_field f;
        assert_int_equal(dsi_data_parquet_field(&field, &f, NULL), DS_OK);
        assert_int_equal(f.type_length, bytes[p]);
    }
}

static void test_data_schema__names_what_it_cannot_write(void **state)
{
    struct dsi_field element = ROWS_FIELD(2, "element", false, .kind = DSI_TYPE_INT);
    struct dsi_field xs = ROWS_FIELD(1, "xs", false, .kind = DSI_TYPE_LIST,
                                     .fields = &element, .field_count = 1);
    struct dsi_parquet_field f;
    struct ds_error err = {0};
    (void)state;

    assert_int_equal(dsi_data_parquet_field(&xs, &f, &err), DS_EUNSUPPORTED);
    assert_non_null(strstr(err.message, "column xs"));
}

static void test_data_schema__reads_the_schema_of_a_file(void **state)
{
    struct dsi_arena arena = DSI_ARENA_INIT;
    struct dsi_schema s;
    struct ds_error err = {0};
    (void)state;

    assert_int_equal(
        dsi_data_file_schema(local, FILES_GOLDEN("types.parquet"), &arena, &s, &err),
        DS_OK);
    assert_int_equal(s.root.field_count, 23);
    assert_string_equal(s.root.fields[4].name, "u32");
    assert_int_equal(s.root.fields[4].id, 5);
    assert_int_equal(s.root.fields[4].type.kind, DSI_TYPE_LONG);
    assert_int_equal(s.root.fields[22].type.kind, DSI_TYPE_UUID);
    assert_int_equal(s.highest_id, 23);
    dsi_arena_release(&arena);
}

static void test_data_schema__reads_nested_types_and_gives_fresh_ids(void **state)
{
    struct dsi_arena arena = DSI_ARENA_INIT;
    struct dsi_schema s;
    struct ds_error err = {0};
    char text[256];
    (void)state;

    if (dsi_data_file_schema(local, FILES_GOLDEN("nested.parquet"), &arena, &s, &err) <
        0) {
        fail_msg("%s", err.message);
    }
    dsi_type_format(&s.root.fields[0].type, text, sizeof text);
    assert_string_equal(text, "list<int>");
    assert_int_equal(s.root.fields[1].type.kind, DSI_TYPE_STRUCT);
    dsi_type_format(&s.root.fields[2].type, text, sizeof text);
    assert_string_equal(text, "map<string, int>");
    assert_int_equal(s.root.fields[0].id, 1);
    assert_int_equal(s.root.fields[2].id, 3);
    assert_int_equal(s.root.fields[0].type.fields[0].id, 4);
    dsi_arena_release(&arena);
}

static void test_data_schema__says_what_iceberg_has_no_type_for(void **state)
{
    struct dsi_arena arena = DSI_ARENA_INIT;
    struct dsi_schema s;
    struct ds_error err = {0};
    (void)state;

    assert_int_equal(
        dsi_data_file_schema(local, FILES_GOLDEN("uint64.parquet"), &arena, &s, &err),
        DS_EUNSUPPORTED);
    assert_non_null(strstr(err.message, "column u64"));
    assert_non_null(strstr(err.message, "uint64.parquet"));
    dsi_arena_release(&arena);
}

// What becomes of a golden file with so many bytes between its rows and its footer, as
// it is or with another beginning.
static int look_at(size_t padding, bool damaged, struct ds_error *err)
{
    static uint8_t zeros[80000];
    struct dsi_arena arena = DSI_ARENA_INIT;
    struct dsi_buf from = DSI_BUF_INIT;
    struct dsi_buf to = DSI_BUF_INIT;
    ds_storage *memory = NULL;
    struct dsi_schema s;
    size_t footer = 0;

    assert_int_equal(dsi_storage_read(local, FILES_GOLDEN("narrow.parquet"), &from, NULL),
                     DS_OK);
    assert_int_equal(dsi_parquet_footer_size(from.data + from.size - 8,
                                             (int64_t)from.size, &footer, NULL),
                     DS_OK);
    if (damaged) {
        from.data[0] = 0;
    }
    assert_int_equal(dsi_buf_append(&to, from.data, from.size - footer, NULL), DS_OK);
    assert_int_equal(dsi_buf_append(&to, zeros, padding, NULL), DS_OK);
    assert_int_equal(dsi_buf_append(&to, from.data + from.size - footer, footer, NULL),
                     DS_OK);
    assert_int_equal(dsi_storage_mem_new(&memory, NULL), DS_OK);
    assert_int_equal(dsi_storage_put(memory, "memory:///f", dsi_buf_slice(&to), 0, NULL),
                     DS_OK);
    int rc = dsi_data_file_schema(memory, "memory:///f", &arena, &s, err);
    dsi_storage_free(memory);
    dsi_buf_release(&from);
    dsi_buf_release(&to);
    dsi_arena_release(&arena);
    return rc;
}

static void test_data_schema__wants_a_file_to_begin_as_it_ends(void **state)
{
    const size_t paddings[] = {0, 80000}; // All of it in the tail, or not.
    (void)state;

    for (size_t i = 0; i < 2; i++) {
        struct ds_error err = {0};
        assert_int_equal(look_at(paddings[i], false, &err), DS_OK);
        assert_int_equal(look_at(paddings[i], true, &err), DS_ECORRUPT);
        assert_non_null(strstr(err.message, "does not begin with PAR1"));
    }
}

static void test_data_schema__survives_every_fault(void **state)
{
    struct dsi_fault_plan plan = {0};
    (void)state;

    while (dsi_fault_next(&plan)) {
        struct dsi_arena arena = DSI_ARENA_INIT;
        struct dsi_schema s;
        struct ds_error err = {0};
        int rc =
            dsi_data_file_schema(local, FILES_GOLDEN("nested.parquet"), &arena, &s, &err);
        dsi_fault_stop();
        assert_int_equal(rc < 0, plan.name != NULL);
        assert_true(rc == DS_OK || err.message[0] != '\0');
        dsi_arena_release(&arena);
    }
    assert_true(plan.target > 5);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_data_schema__stores_types_as_the_specification_says),
        cmocka_unit_test(test_data_schema__gives_decimals_the_fewest_bytes),
        cmocka_unit_test(test_data_schema__names_what_it_cannot_write),
        cmocka_unit_test(test_data_schema__reads_the_schema_of_a_file),
        cmocka_unit_test(test_data_schema__reads_nested_types_and_gives_fresh_ids),
        cmocka_unit_test(test_data_schema__says_what_iceberg_has_no_type_for),
        cmocka_unit_test(test_data_schema__wants_a_file_to_begin_as_it_ends),
        cmocka_unit_test(test_data_schema__survives_every_fault),
    };
    return cmocka_run_group_tests_name("data_schema", tests, open_storage, close_storage);
}
