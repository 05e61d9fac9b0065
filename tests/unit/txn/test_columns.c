#include "txn/columns.h"

#include "base/fault.h"
#include "fixture.h"

static struct dsi_field column(const char *name, int32_t id, enum dsi_type_kind kind)
{
    return (struct dsi_field){.id = id, .name = name, .type = {.kind = kind}};
}

static struct dsi_schema schema_of(const struct dsi_field *fields, size_t count)
{
    return (struct dsi_schema){
        .root = {.kind = DSI_TYPE_STRUCT, .fields = fields, .field_count = count}};
}

static void test_columns__get_the_next_ids_or_keep_free_ones(void **state)
{
    struct dsi_arena arena = DSI_ARENA_INIT;
    struct dsi_catalog c;
    struct dsi_schema out;
    bool any = false;
    (void)state;

    catalog_init(&c);
    struct dsi_table *t = test_create(&c, NULL, 0);
    const struct dsi_metadata *m = dsi_table_metadata(t);
    const struct dsi_schema *now = dsi_metadata_current_schema(m);
    const size_t old = now->root.field_count;
    const int32_t last = m->last_column_id;
    struct dsi_field new[] = {column("x", last + 7, DSI_TYPE_INT),
                              column("y", 1, DSI_TYPE_DATE), now->root.fields[0]};
    struct dsi_schema given = schema_of(new, 3);

    assert_int_equal(dsi_columns_add(m, &given, true, &arena, &out, &any, NULL), DS_OK);
    assert_true(any);
    assert_int_equal(out.root.field_count, old + 2);
    assert_int_equal(out.root.fields[old].id, last + 7);
    assert_int_equal(out.root.fields[old + 1].id, last + 8);
    assert_string_equal(out.root.fields[old + 1].name, "y");
    assert_int_equal(out.highest_id, last + 8);
    assert_int_equal(dsi_columns_add(m, &given, false, &arena, &out, &any, NULL), DS_OK);
    assert_int_equal(out.root.fields[old].id, last + 1);
    assert_int_equal(out.root.fields[old + 1].id, last + 2);

    given = *now;
    assert_int_equal(dsi_columns_add(m, &given, false, &arena, &out, &any, NULL), DS_OK);
    assert_false(any);
    dsi_arena_release(&arena);
    dsi_metadata_unref(m);
    dsi_table_free(t);
    catalog_release(&c);
}

static void test_columns__survive_every_fault(void **state)
{
    struct dsi_fault_plan plan = {0};
    struct dsi_catalog c;
    (void)state;

    catalog_init(&c);
    struct dsi_table *t = test_create(&c, NULL, 0);
    const struct dsi_metadata *m = dsi_table_metadata(t);
    struct dsi_field new = column("x", 1, DSI_TYPE_INT);
    struct dsi_schema given = schema_of(&new, 1);
    while (dsi_fault_next(&plan)) {
        struct dsi_arena arena = DSI_ARENA_INIT;
        struct ds_error err = {0};
        struct dsi_schema out;
        bool any = false;
        int rc = dsi_columns_add(m, &given, false, &arena, &out, &any, &err);
        dsi_fault_stop();
        assert_int_equal(rc, plan.name ? DS_ENOMEM : DS_OK);
        assert_true(rc == DS_OK ? any : err.message[0] != '\0');
        dsi_arena_release(&arena);
    }
    assert_true(plan.target > 1);
    dsi_metadata_unref(m);
    dsi_table_free(t);
    catalog_release(&c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_columns__get_the_next_ids_or_keep_free_ones),
        cmocka_unit_test(test_columns__survive_every_fault),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
