#include "base/error.h"
#include "base/fault.h"
#include "manifest_fixture.h"

static const struct dsi_column_metrics columns[] = {
    {1, 10, 20, 0, -1, {(const uint8_t *)"a", 1}, {(const uint8_t *)"bc", 2}},
    {2, -1, -1, -1, -1, {NULL, 0}, {(const uint8_t *)"", 0}}};
static const int64_t offsets[] = {4, 5};
static const int32_t ids[] = {1, 3};

static struct dsi_data_file full_file(const struct dsi_value *values)
{
    struct dsi_data_file f = fixture_file(1, values, FIXTURE_TYPES);

    f.columns = columns;
    f.column_count = 2;
    f.split_offsets = offsets;
    f.split_offset_count = 2;
    f.equality_ids = ids;
    f.equality_id_count = 2;
    f.key_metadata = dsi_slice_text("k");
    f.referenced_data_file = "r";
    return f;
}

static void test_manifest__copies_a_file_into_another_arena(void **state)
{
    struct dsi_arena arena = DSI_ARENA_INIT;
    struct dsi_value values[FIXTURE_TYPES];
    struct dsi_value again[FIXTURE_TYPES];
    struct dsi_data_file copy;
    (void)state;

    fixture_partition(2, values);
    fixture_partition(2, again);
    struct dsi_data_file f = full_file(values);
    assert_int_equal(dsi_data_file_copy(&f, &arena, &copy, NULL), DS_OK);
    assert_ptr_not_equal(copy.path, f.path);
    assert_ptr_not_equal(copy.partition, f.partition);
    assert_ptr_not_equal(copy.partition[9].as.bytes.data, f.partition[9].as.bytes.data);
    assert_ptr_not_equal(copy.columns[0].lower.data, f.columns[0].lower.data);
    assert_ptr_not_equal(copy.split_offsets, f.split_offsets);
    assert_ptr_not_equal(copy.equality_ids, f.equality_ids);
    memset(values, 0xee, sizeof values); // The copy has nothing of the original.
    f.partition = again;
    fixture_check_file(&copy, &f);

    f = fixture_file(0, NULL, 0);
    assert_int_equal(dsi_data_file_copy(&f, &arena, &copy, NULL), DS_OK);
    fixture_check_file(&copy, &f);
    dsi_arena_release(&arena);
}

static void test_manifest__copying_survives_every_fault(void **state)
{
    struct dsi_fault_plan plan = {0};
    struct dsi_value values[FIXTURE_TYPES];
    (void)state;

    fixture_partition(0, values);
    while (dsi_fault_next(&plan)) {
        struct dsi_arena arena = {NULL, 0, 0};
        struct dsi_data_file f = full_file(values);
        struct dsi_data_file copy;
        struct ds_error err = {0};
        int rc = dsi_data_file_copy(&f, &arena, &copy, &err);
        assert_true(rc == DS_OK || (rc == DS_ENOMEM && err.message[0] != '\0'));
        assert_true((rc == DS_OK) == (plan.name == NULL));
        dsi_arena_release(&arena);
    }
    assert_true(plan.target > 1);
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
        cmocka_unit_test(test_manifest__copies_a_file_into_another_arena),
        cmocka_unit_test_teardown(test_manifest__copying_survives_every_fault,
                                  stop_faults),
    };
    return cmocka_run_group_tests_name("manifest", tests, NULL, NULL);
}
