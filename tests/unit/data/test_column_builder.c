#include "base/fault.h"
#include "data/column_builder.h"
#include "unit/data/rows.h"

// st: struct<a: required int, xs: list<required string>, m: map<long, long>>
static const struct dsi_field element =
    ROWS_FIELD(4, "element", true, .kind = DSI_TYPE_STRING);
static const struct dsi_field entry[] = {
    ROWS_FIELD(6, "key", true, .kind = DSI_TYPE_LONG),
    ROWS_FIELD(7, "value", false, .kind = DSI_TYPE_LONG),
};
static const struct dsi_field members[] = {
    ROWS_FIELD(2, "a", true, .kind = DSI_TYPE_INT),
    ROWS_FIELD(3, "xs", false, .kind = DSI_TYPE_LIST, .fields = &element,
               .field_count = 1),
    ROWS_FIELD(5, "m", false, .kind = DSI_TYPE_MAP, .fields = entry, .field_count = 2),
};
static const struct dsi_field root_field = ROWS_FIELD(
    1, "st", false, .kind = DSI_TYPE_STRUCT, .fields = members, .field_count = 3);

static const struct dsi_value null = {.null = true};

static struct dsi_value integer(int32_t v)
{
    return (struct dsi_value){.kind = DSI_TYPE_INT, .as.i32 = v};
}

static struct dsi_value text(const char *s)
{
    return (struct dsi_value){.kind = DSI_TYPE_STRING,
                              .as.bytes = {(const uint8_t *)s, strlen(s)}};
}

static void put(struct dsi_column_builder *c, struct dsi_value v)
{
    assert_int_equal(dsi_column_builder_put(c, &v, NULL), DS_OK);
}

static void test_column_builder__makes_values_of_what_children_were_given(void **state)
{
    struct dsi_schema schema = rows_schema(&root_field, 1);
    struct dsi_batch_builder *b = NULL;
    struct dsi_batch out;
    (void)state;

    assert_int_equal(dsi_batch_builder_new(&schema, &b, NULL), DS_OK);
    struct dsi_column_builder *st = dsi_batch_builder_column(b, 0);
    put(&st->children[0], integer(7));
    put(&st->children[1].children[0], text("x"));
    put(&st->children[1].children[0], text("yz"));
    assert_int_equal(dsi_column_builder_end(&st->children[1], NULL), DS_OK);
    assert_int_equal(dsi_column_builder_end(st, NULL), DS_OK); // m is left out.
    assert_int_equal(dsi_batch_builder_end_row(b, NULL), DS_OK);
    assert_int_equal(dsi_batch_builder_end_row(b, NULL), DS_OK); // st is left out.
    assert_int_equal(dsi_batch_builder_take(b, &out, NULL), DS_OK);

    const struct dsi_column *c = &out.columns[0];
    assert_false(dsi_column_is_null(c, 0));
    assert_true(dsi_column_is_null(c, 1));
    assert_int_equal(dsi_column_offset(&c->children[1], 1), 2);
    assert_int_equal(dsi_column_offset(&c->children[1], 2), 2);
    assert_memory_equal(dsi_column_bytes(&c->children[1].children[0], 1).data, "yz", 2);
    assert_true(dsi_column_is_null(&c->children[2], 0));
    assert_true(dsi_column_is_null(&c->children[0], 1)); // Required, but under a null.
    dsi_batch_release(&out);
    dsi_batch_builder_free(b);
}

static void refuse(struct dsi_column_builder *c, struct dsi_value v, const char *says)
{
    struct ds_error err = {0};
    assert_int_equal(dsi_column_builder_put(c, &v, &err), DS_EINVALID);
    if (!strstr(err.message, says)) {
        fail_msg("'%s' does not say '%s'", err.message, says);
    }
}

static void test_column_builder__names_the_path_of_what_is_wrong(void **state)
{
    struct dsi_schema schema = rows_schema(&root_field, 1);
    struct dsi_batch_builder *b = NULL;
    struct ds_error err = {0};
    (void)state;

    assert_int_equal(dsi_batch_builder_new(&schema, &b, NULL), DS_OK);
    assert_int_equal(dsi_batch_builder_end_row(b, NULL), DS_OK);
    struct dsi_column_builder *st = dsi_batch_builder_column(b, 0);
    refuse(&st->children[0], null, "column st.a (int), row 1: null, but it is required");
    refuse(&st->children[1].children[0], null, "column st.xs.element (string), row 1");
    refuse(&st->children[2].children[1], integer(1), "column st.m.value (long), row 1");
    refuse(&st->children[1], integer(1), "another type");
    assert_int_equal(dsi_column_builder_end(st, &err), DS_EINVALID);
    assert_non_null(strstr(err.message, "column st.a (int), row 1: null"));
    dsi_batch_builder_free(b);
}

static void test_column_builder__drops_what_was_not_ended(void **state)
{
    static struct rows_nested n;
    (void)state;

    for (uint64_t seed = 1; seed <= 100; seed++) {
        struct rows_random r = {seed};
        struct rows_random other = {seed + 1000};
        struct dsi_batch_builder *b = NULL;
        struct dsi_batch out;
        struct dsi_batch expected;
        print_message("  seed %llu\n", (unsigned long long)seed);
        rows_nested_make(&r, 3, 4, &n);
        struct rows_random again = r;
        assert_int_equal(dsi_batch_builder_new(&n.schema, &b, NULL), DS_OK);
        for (int i = 0; i < 20; i++) {
            for (size_t c = 0; c < 3; c++) { // Values that are given and then replaced,
                struct dsi_column_builder *root = dsi_batch_builder_column(b, c);
                assert_int_equal(rows_put(&other, root, NULL), DS_OK);
                root = dsi_batch_builder_column(b, c);
                for (size_t k = 0; k < root->child_count; k++) { // and halves of values.
                    assert_int_equal(rows_put(&other, &root->children[k], NULL), DS_OK);
                }
            }
            assert_int_equal(rows_build(&r, &n.schema, 1, b, NULL), DS_OK);
        }
        struct dsi_column_builder *last = dsi_batch_builder_column(b, 0);
        assert_int_equal(rows_put(&other, last, NULL), DS_OK);
        assert_int_equal(dsi_batch_builder_take(b, &out, NULL), DS_OK);
        assert_int_equal(dsi_batch_builder_bytes(b), 0);
        assert_int_equal(rows_make(&again, &n.schema, 20, &expected, NULL), DS_OK);
        assert_int_equal(out.rows, 20);
        for (int64_t i = 0; i < 20; i++) {
            rows_assert_same(&expected, i, &out, i);
        }
        for (size_t c = 0; c < 3; c++) {
            assert_int_equal(out.columns[c].length, 20);
            assert_int_equal(dsi_column_null_count(&expected.columns[c]),
                             dsi_column_null_count(&out.columns[c]));
        }
        dsi_batch_release(&out);
        dsi_batch_release(&expected);
        dsi_batch_builder_free(b);
    }
}

static void test_column_builder__refuses_types_without_end(void **state)
{
    struct dsi_field endless = ROWS_FIELD(1, "x", false, .kind = DSI_TYPE_LIST);
    struct dsi_schema schema = rows_schema(&endless, 1);
    struct dsi_batch_builder *b = NULL;
    struct ds_error err = {0};
    (void)state;

    endless.type.fields = &endless;
    endless.type.field_count = 1;
    assert_int_equal(dsi_batch_builder_new(&schema, &b, &err), DS_EINVALID);
    assert_non_null(strstr(err.message, "nested deeper than 64"));
    assert_null(b);
}

static void test_column_builder__survives_every_fault(void **state)
{
    static struct rows_nested n;
    struct rows_random schema_seed = {12};
    struct dsi_fault_plan plan = {0};
    (void)state;

    rows_nested_make(&schema_seed, 4, 4, &n);
    while (dsi_fault_next(&plan)) {
        struct rows_random r = {21};
        struct ds_error err = {0};
        struct dsi_batch b;
        int rc = rows_make(&r, &n.schema, 30, &b, &err);
        dsi_fault_stop();
        assert_int_equal(rc, plan.name ? DS_ENOMEM : DS_OK);
        assert_true(rc == DS_OK || err.message[0] != '\0');
        assert_int_equal(b.rows, rc == DS_OK ? 30 : 0);
        dsi_batch_release(&b);
    }
    assert_true(plan.target > 40);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_column_builder__makes_values_of_what_children_were_given),
        cmocka_unit_test(test_column_builder__names_the_path_of_what_is_wrong),
        cmocka_unit_test(test_column_builder__drops_what_was_not_ended),
        cmocka_unit_test(test_column_builder__refuses_types_without_end),
        cmocka_unit_test(test_column_builder__survives_every_fault),
    };
    return cmocka_run_group_tests_name("column_builder", tests, NULL, NULL);
}
