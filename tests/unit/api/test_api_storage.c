#include "datashard/storage.h"
#include "harness.h"

#include <string.h>

static void test_api_storage__makes_and_frees(void **state)
{
    ds_storage *s = NULL;
    struct ds_error err = {0};
    (void)state;

    assert_int_equal(ds_storage_mem_new(&s, &err), DS_OK);
    assert_non_null(s);
    ds_storage_free(s);
    assert_int_equal(ds_storage_local_new(&s, NULL), DS_OK);
    assert_non_null(s);
    ds_storage_free(s);
    ds_storage_free(NULL);
}

static void test_api_storage__refuses_nowhere_to_put_it(void **state)
{
    struct ds_error err = {0};
    (void)state;

    assert_int_equal(ds_storage_mem_new(NULL, &err), DS_EINVALID);
    assert_non_null(strstr(err.message, "out is NULL"));
    assert_int_equal(ds_storage_local_new(NULL, &err), DS_EINVALID);
    assert_non_null(strstr(err.message, "out is NULL"));
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_api_storage__makes_and_frees),
        cmocka_unit_test(test_api_storage__refuses_nowhere_to_put_it),
    };
    return cmocka_run_group_tests_name("api_storage", tests, NULL, NULL);
}
