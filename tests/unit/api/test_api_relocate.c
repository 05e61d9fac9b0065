#include "unit/api/fixture.h"

static void
test_api_relocate__a_table_that_is_where_it_says_has_nothing_to_do(void **state)
{
    struct ds_relocate_result result = {.struct_size = sizeof result, .relocated = true};
    struct fixture f;
    (void)state;

    fixture_init(&f, NULL);
    fixture_append(&f, "id,s\n1,a\n");
    assert_int_equal(ds_table_relocate(f.table, NULL, &result, &f.err), DS_OK);
    assert_false(result.relocated);
    assert_int_equal(result.snapshots + result.manifests + result.bytes, 0);
    assert_int_equal(ds_table_relocate(f.table, NULL, NULL, &f.err), DS_OK);
    assert_int_equal(fixture_count(&f, NULL), 1);
    fixture_release(&f);
}

static void test_api_relocate__refuses_what_makes_no_sense(void **state)
{
    struct ds_relocate_options options = {.struct_size = sizeof options + 8};
    struct ds_relocate_result result = {0};
    struct fixture f;
    (void)state;

    fixture_init(&f, NULL);
    assert_int_equal(ds_table_relocate(NULL, NULL, NULL, &f.err), DS_EINVALID);
    assert_int_equal(ds_table_relocate(f.table, &options, NULL, &f.err), DS_EUNSUPPORTED);
    assert_int_equal(ds_table_relocate(f.table, NULL, &result, &f.err), DS_EINVALID);
    fixture_release(&f);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(
            test_api_relocate__a_table_that_is_where_it_says_has_nothing_to_do),
        cmocka_unit_test(test_api_relocate__refuses_what_makes_no_sense),
    };
    return cmocka_run_group_tests_name("api_relocate", tests, NULL, NULL);
}
