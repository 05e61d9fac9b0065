#include "base/fault.h"
#include "base/text.h"
#include "harness.h"
#include "model/type.h"

#include <string.h>

// Ids as a caller who has none leaves them, but for the identifier field.
static const char given[] =
    "{\"type\":\"struct\",\"identifier-field-ids\":[103],\"fields\":["
    "{\"id\":101,\"name\":\"s\",\"required\":true,\"doc\":\"d\",\"type\":{\"type\":"
    "\"struct\","
    "\"fields\":[{\"id\":103,\"name\":\"x\",\"required\":true,\"type\":\"int\"},"
    "{\"id\":104,\"name\":\"y\",\"required\":false,\"type\":\"int\"}]}},"
    "{\"id\":105,\"name\":\"m\",\"required\":false,\"type\":{\"type\":\"map\",\"key-id\":"
    "106,"
    "\"key\":\"string\",\"value-id\":107,\"value-required\":false,\"value\":{\"type\":"
    "\"list\","
    "\"element-id\":108,\"element-required\":false,\"element\":\"long\"}}},"
    "{\"id\":109,\"name\":\"z\",\"required\":false,\"type\":\"geometry(a)\"}]}";

// As Iceberg's Java library counts: all fields of a level, then what is inside each.
static void test_schema_ids__counts_a_level_before_what_is_inside(void **state)
{
    static const struct {
        const char *name;
        int32_t id;
    } expected[] = {{"s", 11},   {"m", 12},     {"z", 13},       {"s.x", 14},
                    {"s.y", 15}, {"m.key", 16}, {"m.value", 17}, {"m.value.element", 18}};
    struct dsi_arena arena = DSI_ARENA_INIT;
    struct dsi_schema s = {0};
    struct dsi_schema out = {0};
    struct ds_error err = {0};
    int32_t last = 10;
    (void)state;

    assert_int_equal(dsi_schema_from_json(dsi_slice_text(given), &arena, &s, &err),
                     DS_OK);
    assert_int_equal(dsi_schema_assign_ids(&s, &last, &arena, &out, &err), DS_OK);
    for (size_t i = 0; i < sizeof expected / sizeof expected[0]; i++) {
        assert_int_equal(dsi_schema_field_by_name(&out, expected[i].name)->id,
                         expected[i].id);
    }
    assert_int_equal(last, 18);
    assert_int_equal(out.highest_id, 18);
    assert_int_equal(out.identifier_ids[0], 14);
    assert_int_equal(out.raw.size, 0);
    dsi_arena_release(&arena);
}

static void test_schema_ids__a_copy_outlives_its_source(void **state)
{
    struct dsi_arena arena = DSI_ARENA_INIT;
    struct dsi_arena other = DSI_ARENA_INIT;
    struct dsi_schema s = {0};
    struct dsi_schema out = {0};
    struct dsi_schema again = {0};
    struct ds_error err = {0};
    (void)state;

    assert_int_equal(dsi_schema_from_json(dsi_slice_text(given), &arena, &s, &err),
                     DS_OK);
    assert_int_equal(dsi_schema_copy(&s, &other, &out, &err), DS_OK);
    dsi_arena_release(&arena);
    assert_int_equal(dsi_schema_from_json(dsi_slice_text(given), &other, &again, &err),
                     DS_OK);
    assert_true(dsi_schema_equal(&out, &again));
    assert_memory_equal(out.raw.data, given, sizeof given - 1);
    dsi_arena_release(&other);
}

static void test_schema_ids__run_out_loudly(void **state)
{
    struct dsi_arena arena = DSI_ARENA_INIT;
    struct dsi_schema s = {0};
    struct dsi_schema out = {0};
    struct ds_error err = {0};
    int32_t last = DSI_FIELD_ID_MAX - 3;
    (void)state;

    assert_int_equal(dsi_schema_from_json(dsi_slice_text(given), &arena, &s, &err),
                     DS_OK);
    assert_int_equal(dsi_schema_assign_ids(&s, &last, &arena, &out, &err), DS_EINVALID);
    assert_int_equal(last, DSI_FIELD_ID_MAX - 3);
    dsi_arena_release(&arena);
}

static void test_schema_ids__survive_every_fault(void **state)
{
    struct dsi_fault_plan plan = {0};
    (void)state;

    while (dsi_fault_next(&plan)) {
        struct dsi_arena arena = DSI_ARENA_INIT;
        struct dsi_schema s = {0};
        struct dsi_schema out = {0};
        struct ds_error err = {0};
        int32_t last = 0;
        int rc = dsi_schema_from_json(dsi_slice_text(given), &arena, &s, &err);
        if (rc == DS_OK) {
            rc = dsi_schema_assign_ids(&s, &last, &arena, &out, &err);
        }
        dsi_fault_stop();
        assert_true(rc == DS_OK ? plan.name == NULL : rc == DS_ENOMEM && err.message[0]);
        dsi_arena_release(&arena);
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
        cmocka_unit_test(test_schema_ids__counts_a_level_before_what_is_inside),
        cmocka_unit_test(test_schema_ids__a_copy_outlives_its_source),
        cmocka_unit_test(test_schema_ids__run_out_loudly),
        cmocka_unit_test_teardown(test_schema_ids__survive_every_fault, stop_faults),
    };
    return cmocka_run_group_tests_name("schema_ids", tests, NULL, NULL);
}
