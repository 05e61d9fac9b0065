#include "base/fault.h"
#include "metadata_case.h"

static struct dsi_field columns[] = {
    {11, true, "id", NULL, {.kind = DSI_TYPE_LONG}, NULL, NULL},
    {12, false, "ts", NULL, {.kind = DSI_TYPE_TIMESTAMP}, NULL, NULL},
};
static const int32_t identifiers[] = {11};
static const struct dsi_schema schema = {
    .schema_id = 5,
    .root = {.kind = DSI_TYPE_STRUCT, .fields = columns, .field_count = 2},
    .identifier_ids = identifiers,
    .identifier_count = 1};

// Makes a table from texts; NULL leaves that part out.
static int make(const char *by, const char *sort, struct ds_properties properties,
                struct dsi_metadata **out, struct ds_error *err)
{
    struct dsi_arena arena = DSI_ARENA_INIT;
    struct dsi_partition_spec spec = {0};
    struct dsi_sort_order order = {0};
    struct dsi_metadata_new n = {.table_uuid = "f79c3e09-677c-4bbd-a479-3f349cb785e7",
                                 .location = "/t/",
                                 .schema = &schema,
                                 .spec = by ? &spec : NULL,
                                 .sort_order = sort ? &order : NULL,
                                 .properties = properties,
                                 .now_ms = 1000};
    int rc = by ? dsi_partition_spec_parse(by, &schema, &arena, &spec, err) : DS_OK;
    *out = NULL;
    if (rc == DS_OK && sort) {
        rc = dsi_sort_order_parse(sort, &schema, &arena, &order, err);
    }
    if (rc == DS_OK) {
        rc = dsi_metadata_new(&n, out, err);
    }
    dsi_arena_release(&arena);
    return rc;
}

static void test_metadata_new__makes_tables_that_read_back(void **state)
{
    struct ds_property items[] = {{"z", "1"}, {"format-version", "2"}, {"a", ""}};
    struct ds_properties properties = {items, 3};
    struct dsi_metadata *m = NULL;
    struct ds_error err = {0};
    (void)state;

    if (make("day(ts), bucket(4, id)", "ts desc", properties, &m, &err) < 0) {
        fail_msg("%s", err.message);
    }
    assert_string_equal(m->location, "file:///t");
    assert_int_equal(m->schemas[0].schema_id, 0);
    assert_int_equal(m->schemas[0].identifier_ids[0], 1);
    assert_int_equal(m->last_column_id, 2);
    assert_int_equal(m->specs[0].fields[0].source_id, 2);
    assert_int_equal(m->last_partition_id, 1001);
    assert_int_equal(m->default_sort_order_id, 1);
    assert_int_equal(m->property_count, 3);
    assert_string_equal(m->properties[0].key, "a");
    assert_string_equal(dsi_metadata_property(m, "write.parquet.compression-codec"),
                        "zstd");
    assert_round_trip(m);
    dsi_metadata_unref(m);
}

static void test_metadata_new__needs_neither_partitions_nor_order(void **state)
{
    struct ds_property items[] = {{"write.parquet.compression-codec", "gzip"}};
    struct ds_properties properties = {items, 1};
    struct dsi_metadata *m = NULL;
    (void)state;

    assert_int_equal(make(NULL, NULL, properties, &m, NULL), DS_OK);
    assert_int_equal(m->last_partition_id, 999);
    assert_int_equal(m->default_sort_order_id, 0);
    assert_int_equal(m->property_count, 1);
    assert_round_trip(m);
    dsi_metadata_unref(m);
}

static void test_metadata_new__refuses_what_it_cannot_keep(void **state)
{
    static const struct {
        struct ds_property items[2];
        size_t count;
        int status;
    } cases[] = {
        {{{"format-version", "1"}}, 1, DS_EUNSUPPORTED},
        {{{"format-version", "3"}}, 1, DS_EUNSUPPORTED},
        {{{"format-version", "two"}}, 1, DS_EINVALID},
        {{{"uuid", "x"}}, 1, DS_EINVALID},
        {{{"", "x"}}, 1, DS_EINVALID},
        {{{"a", NULL}}, 1, DS_EINVALID},
        {{{"a", "1"}, {"a", "2"}}, 2, DS_EINVALID},
    };
    (void)state;

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct ds_properties properties = {cases[i].items, cases[i].count};
        struct dsi_metadata *m = NULL;
        struct ds_error err = {0};
        assert_int_equal(make(NULL, NULL, properties, &m, &err), cases[i].status);
        assert_null(m);
    }
}

static void test_metadata_new__survives_every_fault(void **state)
{
    struct dsi_fault_plan plan = {0};
    (void)state;

    while (dsi_fault_next(&plan)) {
        struct ds_properties none = {NULL, 0};
        struct dsi_metadata *m = NULL;
        struct ds_error err = {0};
        int rc = make("day(ts)", "id", none, &m, &err);
        dsi_fault_stop();
        assert_true(rc == DS_OK ? m && !plan.name : !m && err.message[0]);
        dsi_metadata_unref(m);
    }
    assert_true(plan.target > 3);
}

static int stop_faults(void **state)
{
    (void)state;
    dsi_fault_stop();
    return 0;
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_metadata_new__makes_tables_that_read_back),
        cmocka_unit_test(test_metadata_new__needs_neither_partitions_nor_order),
        cmocka_unit_test(test_metadata_new__refuses_what_it_cannot_keep),
        cmocka_unit_test_teardown(test_metadata_new__survives_every_fault, stop_faults),
    };
    return cmocka_run_group_tests_name("metadata_new", tests, NULL, NULL);
}
