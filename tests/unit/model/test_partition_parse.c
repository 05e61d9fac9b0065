#include "harness.h"
#include "model/partition.h"

#include <string.h>

static struct dsi_field fields[] = {
    {1, false, "id", NULL, {.kind = DSI_TYPE_LONG}, NULL, NULL},
    {2, false, "ts", NULL, {.kind = DSI_TYPE_TIMESTAMP}, NULL, NULL},
    {3, false, "Name", NULL, {.kind = DSI_TYPE_STRING}, NULL, NULL},
    {4, false, "ts_day", NULL, {.kind = DSI_TYPE_INT}, NULL, NULL},
    {5, false, "list", NULL, {.kind = DSI_TYPE_STRUCT}, NULL, NULL},
};
static const struct dsi_schema schema = {
    .root = {.kind = DSI_TYPE_STRUCT, .fields = fields, .field_count = 5},
    .highest_id = 5};

static void test_partition_parse__reads_specs_with_javas_names(void **state)
{
    static const struct {
        const char *name;
        const char *transform;
        int32_t source_id;
    } expected[] = {
        {"ts_month", "month", 2},  {"id_bucket", "bucket[16]", 1},
        {"Name", "identity", 3},   {"Name_trunc", "truncate[4]", 3},
        {"id_null", "void", 1},    {"ts_hour", "hour", 2},
        {"ts_day", "identity", 4}, {"when", "year", 2},
        {"Eimer", "bucket[4]", 1},
    };
    struct dsi_arena arena = DSI_ARENA_INIT;
    struct dsi_partition_spec spec = {0};
    struct ds_error err = {0};
    (void)state;

    int rc =
        dsi_partition_spec_parse(" months( ts ) ,BUCKET(16, id), name,truncate[4](Name),"
                                 "void(id), hour(ts), identity(ts_day),"
                                 "year(ts)as when, bucket(4, id) AS  Eimer ",
                                 &schema, &arena, &spec, &err);
    if (rc < 0) {
        fail_msg("%s", err.message);
    }
    assert_int_equal(spec.field_count, 9);
    for (size_t i = 0; i < spec.field_count; i++) {
        assert_string_equal(spec.fields[i].name, expected[i].name);
        assert_string_equal(spec.fields[i].transform.text, expected[i].transform);
        assert_int_equal(spec.fields[i].source_id, expected[i].source_id);
        assert_int_equal(spec.fields[i].field_id, 1000 + (int)i);
    }
    assert_int_equal(dsi_partition_spec_parse("", &schema, &arena, &spec, &err), DS_OK);
    assert_int_equal(spec.field_count, 0);
    dsi_arena_release(&arena);
}

static void test_partition_parse__names_the_piece_it_refuses(void **state)
{
    static const char *const cases[][2] = {
        {"nope", "there is no column 'nope'; the table has: id, ts"},
        {"month(nope)", "there is no column 'nope'"},
        {"month(id)", "does not take a column of type long"},
        {"weekly(ts)", "expected a column or one of year"},
        {"bucket(id)", "in brackets, as in bucket[16]"},
        {"bucket(0, id)", "in brackets, as in bucket[16]"},
        {"month(ts", "there is no column"},
        {"month()", "there is no column ''"},
        {"id,,ts", "an empty piece"},
        {"id,", "an empty piece"},
        {"id, id", "two partition fields named 'id'"},
        {"day(ts)", "'ts_day' would have the name of a column"},
        {"list", "does not take a column of type struct"},
        {"(id)", "expected a column or one of year"},
        {"id desc", "'desc' after a partition field"},
        {"id as", "'as' after a partition field"},
        {"day(ts) as a b", "'a b' is no name of a partition field"},
        {"day(ts) as \"a", "is no name of a partition field"},
        {"day(ts) as id", "'id' would have the name of a column"},
        {"day(ts) as a, id as a", "two partition fields named 'a'"},
    };
    (void)state;

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct dsi_arena arena = DSI_ARENA_INIT;
        struct dsi_partition_spec spec = {0};
        struct ds_error err = {0};
        int rc = dsi_partition_spec_parse(cases[i][0], &schema, &arena, &spec, &err);
        if (rc != DS_EINVALID || !strstr(err.message, cases[i][1])) {
            fail_msg("'%s' gave %d: %s", cases[i][0], rc, err.message);
        }
        dsi_arena_release(&arena);
    }
}

static void test_partition_parse__reads_sort_orders(void **state)
{
    struct dsi_arena arena = DSI_ARENA_INIT;
    struct dsi_sort_order order = {0};
    struct ds_error err = {0};
    (void)state;

    assert_int_equal(dsi_sort_order_parse("id, day(ts) DESC, Name desc nulls first, "
                                          "bucket(4,id)asc nulls LAST",
                                          &schema, &arena, &order, &err),
                     DS_OK);
    assert_int_equal(order.order_id, 1);
    assert_int_equal(order.field_count, 4);
    assert_false(order.fields[0].descending || order.fields[0].nulls_last);
    assert_true(order.fields[1].descending && order.fields[1].nulls_last);
    assert_int_equal(order.fields[1].transform.kind, DSI_TRANSFORM_DAY);
    assert_true(order.fields[2].descending && !order.fields[2].nulls_last);
    assert_true(!order.fields[3].descending && order.fields[3].nulls_last);
    assert_int_equal(dsi_sort_order_parse("", &schema, &arena, &order, &err), DS_OK);
    assert_int_equal(order.order_id, 0);
    assert_int_equal(dsi_sort_order_parse("id last", &schema, &arena, &order, &err),
                     DS_EINVALID);
    assert_int_equal(dsi_sort_order_parse("id up", &schema, &arena, &order, &err),
                     DS_EINVALID);
    dsi_arena_release(&arena);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_partition_parse__reads_specs_with_javas_names),
        cmocka_unit_test(test_partition_parse__names_the_piece_it_refuses),
        cmocka_unit_test(test_partition_parse__reads_sort_orders),
    };
    return cmocka_run_group_tests_name("partition_parse", tests, NULL, NULL);
}
