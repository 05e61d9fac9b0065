#include "data/data_shape.h"

#include "base/error.h"
#include "data/data_schema.h"
#include "unit/data/shapes.h"

// The schema's type as Iceberg's, in words.
static int type_of(const char *text, char out[512], struct ds_error *err)
{
    static struct shapes s;
    struct dsi_parquet_file file = {.root = &s.nodes[0]};
    struct dsi_arena arena = DSI_ARENA_INIT;
    struct dsi_schema schema;

    shapes_parse(&s, text);
    int rc = dsi_data_parquet_schema(&file, &arena, &schema, err);
    if (rc == DS_OK) {
        dsi_type_format(&schema.root, out, 512);
    }
    dsi_arena_release(&arena);
    return rc;
}

static void is(const char *text, const char *want)
{
    struct ds_error err = {0};
    char type[512] = "";

    if (type_of(text, type, &err) < 0 || strcmp(type, want) != 0) {
        fail_msg("%s is %s%s, not %s", text, type, err.message, want);
    }
}

static void refuses(const char *text, const char *says)
{
    struct ds_error err = {0};
    char type[512];

    int rc = type_of(text, type, &err);
    if (rc != DS_EUNSUPPORTED || !strstr(err.message, says)) {
        fail_msg("%s: %d '%s' does not say '%s'", text, rc, err.message, says);
    }
}

static void test_data_shape__knows_lists_by_the_rules_of_the_format(void **state)
{
    (void)state;
    is("oxs:L(*list(oelement))", "struct<1: xs: optional list<int>>");
    is("rxs:L(*list(relement))", "struct<1: xs: required list<int>>");
    is("oxs:L(*element(ostr))", "struct<1: xs: optional list<int>>");
    is("oxs:L(*element)", "struct<1: xs: optional list<int>>"); // Rule 1.
    is("oxs:L(*element(rs,on))",
       "struct<1: xs: optional list<struct<3: s: required int, 4: n: optional int>>>");
    is("oxs:L(*array:L(*array))", "struct<1: xs: optional list<list<int>>>"); // Rule 3.
    is("oxs:L(*array(rs))", "struct<1: xs: optional list<struct<3: s: required int>>>");
    is("oxs:L(*xs_tuple(rs))",
       "struct<1: xs: optional list<struct<3: s: required int>>>");
    is("oxs:L(*list(oelement:L(*list(oelement))))",
       "struct<1: xs: optional list<list<int>>>");
    is("oxs:L(*list(oelement(oa)))",
       "struct<1: xs: optional list<struct<3: a: optional int>>>");
    is("*num", "struct<1: num: required list<int>>");
    is("*pair(ra,ob)",
       "struct<1: pair: required list<struct<3: a: required int, 4: b: optional int>>>");
    is("os(*num)", "struct<1: s: optional struct<2: num: required list<int>>>");
}

static void test_data_shape__knows_maps_by_position(void **state)
{
    (void)state;
    is("om:M(*key_value(rkey,ovalue))", "struct<1: m: optional map<int, int>>");
    is("om:M(*map(ok,rv))", "struct<1: m: optional map<int, int>>");
    is("rm:M(*key_value(rkey))", "struct<1: m: required list<int>>"); // A set of keys.
    is("om:M(*map(rkey,ov:M(*map(rkey,ovalue))))",
       "struct<1: m: optional map<int, map<int, int>>>");
}

static void test_data_shape__knows_variants_and_structs(void **state)
{
    (void)state;
    is("ov:V(rmetadata,rvalue)", "struct<1: v: optional variant>");
    is("os(ra,ot(ob))", "struct<1: s: optional struct<2: a: required int, 3: t: optional "
                        "struct<4: b: optional int>>>");
}

static void test_data_shape__refuses_annotations_on_other_shapes(void **state)
{
    (void)state;
    refuses("oxs:L(oelement)", "column xs: a list must have one repeated field");
    refuses("oxs:L(*a,*b)", "column xs: a list must have one repeated field");
    refuses("om:M(*kv(ra,ob,oc))", "column m: a map must have");
    refuses("om:M(*kv)", "column m: a map must have");
    refuses("os(om:M(rkv(ra,ob)))", "column s.m: a map must have");
}

static void test_data_shape__tells_where_instances_begin(void **state)
{
    static struct shapes s;
    struct dsi_data_shape shape;
    (void)state;

    shapes_parse(&s, "oxs:L(*list(oelement(*n)))");
    const struct dsi_parquet_node *xs = s.nodes[0].first_child;
    struct dsi_data_place at = {xs, false};
    assert_int_equal(dsi_data_shape_of(at, &shape, NULL), DS_OK);
    assert_int_equal(shape.kind, DSI_SHAPE_LIST);
    assert_true(shape.is_optional);
    assert_int_equal(shape.null_def, 0);
    assert_int_equal(shape.rep, 0);
    assert_int_equal(shape.instance_def, 0);
    assert_int_equal(dsi_data_shape_of(shape.element, &shape, NULL), DS_OK);
    assert_int_equal(shape.kind, DSI_SHAPE_STRUCT);
    assert_int_equal(shape.null_def, 2);
    assert_int_equal(shape.rep, 1);
    assert_int_equal(shape.instance_def, 2);
    at.node = dsi_data_shape_child(xs->first_child->first_child, "n");
    assert_non_null(at.node);
    assert_int_equal(dsi_data_shape_of(at, &shape, NULL), DS_OK);
    assert_int_equal(shape.kind, DSI_SHAPE_LIST);
    assert_false(shape.is_optional);
    assert_int_equal(shape.rep, 1); // A list begins where its struct does.
    assert_int_equal(shape.instance_def, 2);
    assert_ptr_equal(shape.entries, at.node);
    assert_int_equal(dsi_data_shape_of(shape.element, &shape, NULL), DS_OK);
    assert_int_equal(shape.kind, DSI_SHAPE_LEAF);
    assert_int_equal(shape.rep, 2);
    assert_int_equal(shape.instance_def, 4);
    assert_null(dsi_data_shape_child(xs, "nothing"));
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_data_shape__knows_lists_by_the_rules_of_the_format),
        cmocka_unit_test(test_data_shape__knows_maps_by_position),
        cmocka_unit_test(test_data_shape__knows_variants_and_structs),
        cmocka_unit_test(test_data_shape__refuses_annotations_on_other_shapes),
        cmocka_unit_test(test_data_shape__tells_where_instances_begin),
    };
    return cmocka_run_group_tests_name("data_shape", tests, NULL, NULL);
}
