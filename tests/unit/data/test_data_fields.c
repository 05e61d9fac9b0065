#include "base/fault.h"
#include "data/data_fields.h"
#include "unit/data/rows.h"
#include "unit/data/shapes.h"

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

// A table's "s", a struct of a list of structs and a number; the names are not the
// file's.
static const struct dsi_field xy[] = {
    ROWS_FIELD(6, "yy", false, .kind = DSI_TYPE_INT),
    ROWS_FIELD(9, "absent", false, .kind = DSI_TYPE_INT),
    ROWS_FIELD(5, "xx", false, .kind = DSI_TYPE_LONG),
};
static const struct dsi_field element = ROWS_FIELD(
    4, "element", false, .kind = DSI_TYPE_STRUCT, .fields = xy, .field_count = 3);
static const struct dsi_field in_s[] = {
    ROWS_FIELD(3, "ll", false, .kind = DSI_TYPE_LIST, .fields = &element,
               .field_count = 1),
    ROWS_FIELD(2, "aa", false, .kind = DSI_TYPE_INT),
};
static const struct dsi_field s_field =
    ROWS_FIELD(1, "ss", false, .kind = DSI_TYPE_STRUCT, .fields = in_s, .field_count = 2);

struct nested_case {
    struct shapes shapes;
    struct dsi_parquet_file parquet;
    struct dsi_arena arena;
    struct dsi_data_origin *origins;
    struct ds_error err;
};

// To be released, whatever it returns.
static int match(struct nested_case *n, const char *file, const struct dsi_field *field,
                 const char *mapping)
{
    struct ds_property property = {"schema.name-mapping.default", mapping};
    struct dsi_metadata m = {.properties = &property, .property_count = mapping ? 1 : 0};
    struct dsi_schema schema = rows_schema(field, 1);
    struct dsi_data_file data_file = {.path = "x"};
    struct dsi_data_reader_options options = {
        .file = &data_file, .metadata = &m, .schema = &schema};

    *n = (struct nested_case){0};
    shapes_parse(&n->shapes, file);
    n->parquet.root = &n->shapes.nodes[0];
    return dsi_data_origins(&options, &n->parquet, &n->arena, &n->origins, &n->err);
}

static void check_s(const struct dsi_data_origin *s)
{
    const struct dsi_data_origin *list = &s->children[0];
    const struct dsi_data_origin *entry = &list->children[0];

    assert_int_equal(s->kind, DSI_ORIGIN_STRUCT);
    assert_string_equal(s->children[1].leaf->field.name, "a");
    assert_int_equal(list->kind, DSI_ORIGIN_ENTRIES);
    assert_string_equal(list->node->field.name, "l");
    assert_int_equal(entry->kind, DSI_ORIGIN_STRUCT);
    assert_string_equal(entry->children[0].leaf->field.name, "y");
    assert_int_equal(entry->children[1].kind, DSI_ORIGIN_CONSTANT);
    assert_string_equal(entry->children[2].leaf->field.name, "x");
    assert_int_equal(s->leaf_count, 3);
    assert_true(s->leaves[list->index].node->max_rep == 1); // Levels of x or y …
    assert_true(s->leaves[s->index].node->max_rep == 0);    // … and of a, with fewer.
    assert_true(s->leaves[s->index].keep_levels);
}

static void test_data_fields__matches_nested_fields_at_every_level(void **state)
{
    static const char mapping[] =
        "[{\"field-id\": 1, \"names\": [\"s\"], \"fields\": ["
        "{\"field-id\": 2, \"names\": [\"a\"]}, {\"field-id\": 3, \"names\": [\"l\"], "
        "\"fields\": [{\"field-id\": 4, \"names\": [\"element\"], \"fields\": ["
        "{\"field-id\": 5, \"names\": [\"x\"]}, "
        "{\"field-id\": 6, \"names\": [\"y\"]}]}]}]}]";
    static struct nested_case n;
    (void)state;

    if (match(&n, "os#1(oa#2,ol#3:L(*list(oelement#4(ox#5,oz#7,oy#6))))", &s_field,
              NULL) < 0) {
        fail_msg("%s", n.err.message);
    }
    check_s(&n.origins[0]);
    dsi_arena_release(&n.arena);
    if (match(&n, "oother,os(ol:L(*array(oy,ox)),oa)", &s_field, mapping) < 0) {
        fail_msg("%s", n.err.message);
    }
    check_s(&n.origins[0]);
    dsi_arena_release(&n.arena);
}

static void test_data_fields__reads_any_leaf_where_no_field_is_wanted(void **state)
{
    static const struct dsi_field gone =
        ROWS_FIELD(9, "gone", false, .kind = DSI_TYPE_INT);
    static const struct dsi_field s = ROWS_FIELD(1, "s", false, .kind = DSI_TYPE_STRUCT,
                                                 .fields = &gone, .field_count = 1);
    static struct nested_case n;
    (void)state;

    assert_int_equal(match(&n, "os#1(ol#2:L(*list#3(oe#4)),oa#5)", &s, NULL), DS_OK);
    assert_int_equal(n.origins[0].leaf_count, 1);
    assert_true(n.origins[0].has_own_levels);
    assert_string_equal(n.origins[0].leaves[0].node->field.name, "a"); // Fewer slots.
    assert_true(n.origins[0].leaves[0].keep_levels);
    dsi_arena_release(&n.arena);
}

static void test_data_fields__gives_absent_nested_fields_their_default(void **state)
{
    static const struct dsi_field seven = {
        8, true, "seven", NULL, {.kind = DSI_TYPE_INT}, "7", NULL};
    static const struct dsi_type record = {
        .kind = DSI_TYPE_STRUCT, .fields = &seven, .field_count = 1};
    static const struct dsi_type list = {
        .kind = DSI_TYPE_LIST, .fields = &seven, .field_count = 1};
    const struct dsi_field null = {1, false, "x", NULL, record, NULL, NULL};
    const struct dsi_field empty = {1, true, "x", NULL, record, " { } ", NULL};
    const struct dsi_field none = {1, true, "x", NULL, list, "[]", NULL};
    const struct dsi_field full = {1, true, "x", NULL, list, "[1]", NULL};
    const struct dsi_field required = {1, true, "x", NULL, record, NULL, NULL};
    static struct nested_case n;
    (void)state;

    assert_int_equal(match(&n, "oa#2", &null, NULL), DS_OK);
    assert_int_equal(n.origins[0].kind, DSI_ORIGIN_CONSTANT);
    dsi_arena_release(&n.arena);
    assert_int_equal(match(&n, "oa#2", &empty, NULL), DS_OK);
    assert_int_equal(n.origins[0].kind, DSI_ORIGIN_EMPTY);
    assert_int_equal(n.origins[0].children[0].constant.as.i32, 7);
    dsi_arena_release(&n.arena);
    assert_int_equal(match(&n, "oa#2", &none, NULL), DS_OK);
    assert_int_equal(n.origins[0].kind, DSI_ORIGIN_EMPTY);
    dsi_arena_release(&n.arena);
    assert_int_equal(match(&n, "oa#2", &full, NULL), DS_EUNSUPPORTED);
    assert_non_null(strstr(n.err.message, "column x (id 1)"));
    dsi_arena_release(&n.arena);
    assert_int_equal(match(&n, "oa#2", &required, NULL), DS_ECORRUPT);
    assert_non_null(strstr(n.err.message, "required, but not in the file"));
    dsi_arena_release(&n.arena);
}

static void test_data_fields__refuses_other_shapes_by_path(void **state)
{
    static const char *const files[] = {"os#1(ol#3)", "os#1(ol#3(ox#5))", "os#1",
                                        "os#1:L(*list#2(ox#5))",
                                        "os#1(ol#3:M(*kv(rk#5,ov#6)))"};
    static const char *const says[] = {
        "column ss.ll: the file has a plain column, expected a list",
        "column ss.ll: the file has a struct, expected a list",
        "column ss: the file has a plain column, expected a struct",
        "column ss: the file has a list, expected a struct",
        "column ss.ll: the file has a map, expected a list"};
    static struct nested_case n;
    (void)state;

    for (size_t i = 0; i < 5; i++) {
        assert_int_equal(match(&n, files[i], &s_field, NULL), DS_ECORRUPT);
        if (!strstr(n.err.message, says[i])) {
            fail_msg("%s: %s", files[i], n.err.message);
        }
        dsi_arena_release(&n.arena);
    }
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
        cmocka_unit_test(test_data_fields__matches_nested_fields_at_every_level),
        cmocka_unit_test(test_data_fields__reads_any_leaf_where_no_field_is_wanted),
        cmocka_unit_test(test_data_fields__gives_absent_nested_fields_their_default),
        cmocka_unit_test(test_data_fields__refuses_other_shapes_by_path),
        cmocka_unit_test(test_data_fields__survives_every_fault),
    };
    return cmocka_run_group_tests_name("data_fields", tests, NULL, NULL);
}
