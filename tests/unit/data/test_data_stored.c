#include "data/data_stored.h"

#include "unit/data/rows.h"

static const struct dsi_field point_fields[] = {
    ROWS_FIELD(5, "x", true, .kind = DSI_TYPE_DOUBLE),
    ROWS_FIELD(6, "u", false, .kind = DSI_TYPE_UNKNOWN),
    ROWS_FIELD(7, "y", false, .kind = DSI_TYPE_DECIMAL, .precision = 20, .scale = 3)};
static const struct dsi_field element[] = {
    ROWS_FIELD(4, "element", false, .kind = DSI_TYPE_STRUCT, .fields = point_fields,
               .field_count = 3)};
static const struct dsi_field pair[] = {
    ROWS_FIELD(9, "key", true, .kind = DSI_TYPE_STRING),
    ROWS_FIELD(10, "value", false, .kind = DSI_TYPE_LIST, .fields = element,
               .field_count = 1)};
static const struct dsi_field shapes[] = {
    ROWS_FIELD(1, "m", true, .kind = DSI_TYPE_MAP, .fields = pair, .field_count = 2),
    ROWS_FIELD(2, "u", false, .kind = DSI_TYPE_UNKNOWN),
    ROWS_FIELD(3, "v", false, .kind = DSI_TYPE_VARIANT),
    ROWS_FIELD(11, "g", false, .kind = DSI_TYPE_GEOGRAPHY,
               .text = "geography(srid:4326, Karney)"),
    ROWS_FIELD(12, "h", true, .kind = DSI_TYPE_GEOMETRY, .text = "geometry")};

static void check_field(const struct dsi_parquet_field *f, const char *name, int32_t id,
                        enum dsi_parquet_repetition repetition, size_t children,
                        enum dsi_parquet_logical_kind kind)
{
    assert_string_equal(f->name, name);
    assert_int_equal(f->has_field_id ? f->field_id : -1, id);
    assert_int_equal(f->repetition, repetition);
    assert_int_equal(f->child_count, children);
    assert_int_equal(f->logical.kind, kind);
}

static void test_data_stored__gives_lists_maps_and_variants_their_forms(void **state)
{
    enum { REQUIRED = DSI_PARQUET_REQUIRED, OPTIONAL = DSI_PARQUET_OPTIONAL };
    static const struct {
        const char *name;
        int32_t id;
        enum dsi_parquet_repetition repetition;
        size_t children;
        enum dsi_parquet_logical_kind kind;
    } want[] = {
        {"m", 1, DSI_PARQUET_REQUIRED, 1, DSI_PARQUET_LOGICAL_MAP},
        {"key_value", -1, DSI_PARQUET_REPEATED, 2, DSI_PARQUET_LOGICAL_NONE},
        {"key", 9, DSI_PARQUET_REQUIRED, 0, DSI_PARQUET_LOGICAL_STRING},
        {"value", 10, DSI_PARQUET_OPTIONAL, 1, DSI_PARQUET_LOGICAL_LIST},
        {"list", -1, DSI_PARQUET_REPEATED, 1, DSI_PARQUET_LOGICAL_NONE},
        {"element", 4, DSI_PARQUET_OPTIONAL, 2, DSI_PARQUET_LOGICAL_NONE},
        {"x", 5, DSI_PARQUET_REQUIRED, 0, DSI_PARQUET_LOGICAL_NONE},
        {"y", 7, DSI_PARQUET_OPTIONAL, 0, DSI_PARQUET_LOGICAL_DECIMAL},
        {"v", 3, DSI_PARQUET_OPTIONAL, 2, DSI_PARQUET_LOGICAL_VARIANT},
        {"metadata", -1, DSI_PARQUET_REQUIRED, 0, DSI_PARQUET_LOGICAL_NONE},
        {"value", -1, DSI_PARQUET_REQUIRED, 0, DSI_PARQUET_LOGICAL_NONE},
        {"g", 11, DSI_PARQUET_OPTIONAL, 0, DSI_PARQUET_LOGICAL_GEOGRAPHY},
        {"h", 12, DSI_PARQUET_REQUIRED, 0, DSI_PARQUET_LOGICAL_GEOMETRY},
    };
    struct dsi_schema schema = rows_schema(shapes, 5);
    struct dsi_arena arena = DSI_ARENA_INIT;
    struct dsi_stored s;
    (void)state;

    assert_int_equal(dsi_data_stored(&schema, &arena, &s, NULL), DS_OK);
    assert_int_equal(s.field_count, sizeof want / sizeof *want);
    for (size_t i = 0; i < s.field_count; i++) {
        check_field(&s.fields[i], want[i].name, want[i].id, want[i].repetition,
                    want[i].children, want[i].kind);
    }
    assert_string_equal(s.fields[11].logical.crs, "srid:4326");
    assert_int_equal(s.fields[11].logical.algorithm, 4);
    assert_null(s.fields[12].logical.crs);
    assert_int_equal(s.leaf_count, 7);
    assert_int_equal(s.root_count, 4);
    assert_int_equal(s.roots[1].column, 2);
    const struct dsi_stored_node *y = s.leaves[2].node;
    assert_string_equal(y->name, "m.value.element.y");
    assert_int_equal(y->column, 2);
    assert_int_equal(y->def, 5);
    assert_true(s.leaves[2].in_list && !s.leaves[3].in_list);
    assert_ptr_equal(s.leaves[4].field, &shapes[2]);
    assert_string_equal(s.leaves[4].node->name, "v.value");
    dsi_arena_release(&arena);
}

static void refuses(const struct dsi_field *f, const char *message)
{
    struct dsi_schema schema = rows_schema(f, 1);
    struct dsi_arena arena = DSI_ARENA_INIT;
    struct ds_error err = {0};
    struct dsi_stored s;

    assert_int_equal(dsi_data_stored(&schema, &arena, &s, &err), DS_EUNSUPPORTED);
    assert_string_equal(err.message, message);
    dsi_arena_release(&arena);
}

static void test_data_stored__refuses_what_has_no_form(void **state)
{
    const struct dsi_field unknown[] = {
        ROWS_FIELD(2, "element", false, .kind = DSI_TYPE_UNKNOWN)};
    const struct dsi_field empty = ROWS_FIELD(1, "s", false, .kind = DSI_TYPE_STRUCT,
                                              .fields = unknown, .field_count = 1);
    const struct dsi_field list = ROWS_FIELD(1, "l", false, .kind = DSI_TYPE_LIST,
                                             .fields = unknown, .field_count = 1);
    const struct dsi_field edges = ROWS_FIELD(1, "g", false, .kind = DSI_TYPE_GEOGRAPHY,
                                              .text = "geography(OGC:CRS84, flat)");
    struct dsi_field deep[40];
    (void)state;

    refuses(&empty, "column s: a struct of which nothing is stored cannot be written to "
                    "Parquet");
    refuses(&list,
            "column l: a list or map of type unknown cannot be written to Parquet");
    refuses(&edges, "column g: edges of an unknown kind cannot be written to Parquet");
    deep[39] = (struct dsi_field)ROWS_FIELD(40, "element", true, .kind = DSI_TYPE_INT);
    for (int i = 38; i >= 0; i--) {
        deep[i] = (struct dsi_field){
            .id = i + 1,
            .name = "element",
            .type = {.kind = DSI_TYPE_LIST, .fields = &deep[i + 1], .field_count = 1}};
    }
    struct dsi_schema schema = rows_schema(deep, 1);
    struct dsi_arena arena = DSI_ARENA_INIT;
    struct dsi_stored s;
    assert_int_equal(dsi_data_stored(&schema, &arena, &s, NULL), DS_EUNSUPPORTED);
    schema = rows_schema(&deep[39 - 31], 1); // As deep as a file can be.
    assert_int_equal(dsi_data_stored(&schema, &arena, &s, NULL), DS_OK);
    assert_int_equal(s.field_count, 2 * 31 + 1);
    dsi_arena_release(&arena);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_data_stored__gives_lists_maps_and_variants_their_forms),
        cmocka_unit_test(test_data_stored__refuses_what_has_no_form),
    };
    return cmocka_run_group_tests_name("data_stored", tests, NULL, NULL);
}
