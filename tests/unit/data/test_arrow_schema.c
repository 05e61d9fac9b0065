#include "base/fault.h"
#include "data/arrow_io.h"
#include "unit/data/producer.h"

// xs: list<map<string, struct<a: required int, u: uuid>>>
static const struct dsi_field leaf_fields[] = {
    ROWS_FIELD(6, "a", true, .kind = DSI_TYPE_INT),
    ROWS_FIELD(7, "u", false, .kind = DSI_TYPE_UUID),
};
static const struct dsi_field map_fields[] = {
    ROWS_FIELD(4, "key", true, .kind = DSI_TYPE_STRING),
    ROWS_FIELD(5, "value", false, .kind = DSI_TYPE_STRUCT, .fields = leaf_fields,
               .field_count = 2),
};
static const struct dsi_field list_field = ROWS_FIELD(
    3, "element", false, .kind = DSI_TYPE_MAP, .fields = map_fields, .field_count = 2);
static const struct dsi_field nested_fields[] = {
    ROWS_FIELD(1, "id", true, .kind = DSI_TYPE_LONG),
    ROWS_FIELD(2, "xs", false, .kind = DSI_TYPE_LIST, .fields = &list_field,
               .field_count = 1),
};

static void comes_back(const struct dsi_schema *schema)
{
    struct dsi_arena arena = DSI_ARENA_INIT;
    struct ArrowSchema arrow;
    struct dsi_schema back;
    struct ds_error err = {0};

    assert_int_equal(dsi_arrow_schema_write(schema, &arrow, &err), DS_OK);
    if (dsi_arrow_schema_read(&arrow, &arena, &back, &err) < 0) {
        fail_msg("%s", err.message);
    }
    assert_true(dsi_schema_equal(schema, &back));
    arrow.release(&arrow);
    assert_null(arrow.release);
    dsi_arena_release(&arena);
}

static void test_arrow_schema__comes_back_with_its_ids(void **state)
{
    struct dsi_schema flat = rows_all_schema();
    struct dsi_schema nested = rows_schema(nested_fields, 2);
    (void)state;

    comes_back(&flat);
    comes_back(&nested);
}

static void test_arrow_schema__comes_back_at_any_depth(void **state)
{
    static struct rows_nested n;
    (void)state;

    for (uint64_t seed = 1; seed <= 200; seed++) {
        struct rows_random r = {seed};
        print_message("  seed %llu\n", (unsigned long long)seed);
        rows_nested_make(&r, 1 + (size_t)rows_below(&r, 6), 6, &n);
        comes_back(&n.schema);
    }
}

static void test_arrow_schema__gives_fresh_ids_unless_all_have_one(void **state)
{
    struct ArrowSchema columns[] = {producer_schema("i", "a"), producer_schema("u", "b")};
    struct ArrowSchema *pointers[] = {&columns[0], &columns[1]};
    struct ArrowSchema top = producer_schema("+s", "");
    struct dsi_arena arena = DSI_ARENA_INIT;
    struct dsi_schema out;
    (void)state;

    columns[1].flags = 0;
    top.children = pointers;
    top.n_children = 2;
    assert_int_equal(dsi_arrow_schema_read(&top, &arena, &out, NULL), DS_OK);
    assert_int_equal(out.root.field_count, 2);
    assert_int_equal(out.root.fields[0].id, 1);
    assert_int_equal(out.root.fields[1].id, 2);
    assert_false(out.root.fields[0].required);
    assert_true(out.root.fields[1].required);
    assert_int_equal(out.highest_id, 2);
    dsi_arena_release(&arena);
}

static int read_one(struct ArrowSchema *column, struct ds_error *err)
{
    struct ArrowSchema *pointers[] = {column};
    struct ArrowSchema top = producer_schema("+s", "");
    struct dsi_arena arena = DSI_ARENA_INIT;
    struct dsi_schema out;

    top.children = pointers;
    top.n_children = 1;
    int rc = dsi_arrow_schema_read(&top, &arena, &out, err);
    dsi_arena_release(&arena);
    return rc;
}

static void test_arrow_schema__names_what_iceberg_has_no_type_for(void **state)
{
    static const char *const formats[] = {"L",   "tDm",   "tiM",    "+ud:0", "d:39,0,256",
                                          "w:0", "d:5,6", "d:5,-1", "zz"};
    (void)state;

    for (size_t i = 0; i < sizeof formats / sizeof formats[0]; i++) {
        struct ArrowSchema column = producer_schema(formats[i], "odd");
        struct ds_error err = {0};
        assert_int_equal(read_one(&column, &err), DS_EUNSUPPORTED);
        assert_non_null(strstr(err.message, "column odd"));
        assert_non_null(strstr(err.message, formats[i]));
    }
}

static void test_arrow_schema__ends_when_a_schema_contains_itself(void **state)
{
    struct ArrowSchema loop = producer_schema("+s", "loop");
    struct ArrowSchema *children[] = {&loop, &loop, &loop};
    struct ds_error err = {0};
    (void)state;

    loop.children = children;
    loop.n_children = 3;
    assert_int_equal(read_one(&loop, &err), DS_EINVALID);
    assert_non_null(strstr(err.message, "deeper than"));
    loop.format = "+l";
    loop.n_children = 1;
    assert_int_equal(read_one(&loop, &err), DS_EINVALID);
    loop.format = "i";
    loop.n_children = 0;
    loop.dictionary = &loop;
    assert_int_equal(read_one(&loop, &err), DS_EINVALID);
}

static void test_arrow_schema__survives_every_fault(void **state)
{
    struct dsi_schema nested = rows_schema(nested_fields, 2);
    struct dsi_fault_plan plan = {0};
    (void)state;

    while (dsi_fault_next(&plan)) {
        struct dsi_arena arena = DSI_ARENA_INIT;
        struct ArrowSchema arrow = {0};
        struct dsi_schema back;
        struct ds_error err = {0};
        int rc = dsi_arrow_schema_write(&nested, &arrow, &err);
        if (rc == DS_OK) {
            rc = dsi_arrow_schema_read(&arrow, &arena, &back, &err);
        } else {
            assert_null(arrow.release);
        }
        dsi_fault_stop();
        assert_int_equal(rc, plan.name ? DS_ENOMEM : DS_OK);
        if (arrow.release) {
            arrow.release(&arrow);
        }
        dsi_arena_release(&arena);
    }
    assert_true(plan.target > 30);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_arrow_schema__comes_back_with_its_ids),
        cmocka_unit_test(test_arrow_schema__comes_back_at_any_depth),
        cmocka_unit_test(test_arrow_schema__gives_fresh_ids_unless_all_have_one),
        cmocka_unit_test(test_arrow_schema__names_what_iceberg_has_no_type_for),
        cmocka_unit_test(test_arrow_schema__ends_when_a_schema_contains_itself),
        cmocka_unit_test(test_arrow_schema__survives_every_fault),
    };
    return cmocka_run_group_tests_name("arrow_schema", tests, NULL, NULL);
}
