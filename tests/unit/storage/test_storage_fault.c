#include "harness.h"
#include "storage/storage_fault.h"

#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static const struct ds_slice three = {(const uint8_t *)"abc", 3};

static ds_storage *make(struct dsi_storage_fault *fault)
{
    ds_storage *inner = NULL;
    ds_storage *s = NULL;

    assert_int_equal(dsi_storage_mem_new(&inner, NULL), DS_OK);
    assert_int_equal(dsi_storage_fault_new(inner, fault, &s, NULL), DS_OK);
    return s;
}

static int put(ds_storage *s, const char *path)
{
    return dsi_storage_put(s, path, three, 0, NULL);
}

static bool is_there(ds_storage *s, const char *path)
{
    struct ds_file_info info = {0, 0};
    return dsi_storage_stat(s, path, &info, NULL) == DS_OK;
}

static void test_storage_fault__fails_the_chosen_call_only(void **state)
{
    struct dsi_storage_fault fault = {.call = "put", .nth = 2};
    ds_storage *s = make(&fault);
    (void)state;

    assert_int_equal(put(s, "/a"), DS_OK);
    assert_int_equal(put(s, "/b"), DS_EIO);
    assert_int_equal(put(s, "/c"), DS_OK);
    assert_false(is_there(s, "/b"));
    dsi_storage_free(s);
}

static void test_storage_fault__loses_answers(void **state)
{
    struct dsi_storage_fault fault = {.call = "put", .nth = 1, .after = true};
    ds_storage *s = make(&fault);
    struct ds_error err = {0};
    (void)state;

    assert_int_equal(dsi_storage_put(s, "/a", three, 0, &err), DS_EUNKNOWN);
    assert_non_null(strstr(err.message, "answer lost"));
    assert_true(is_there(s, "/a"));
    dsi_storage_free(s);
}

static void test_storage_fault__may_last_and_say_anything(void **state)
{
    struct dsi_storage_fault fault = {.nth = 2, .lasting = true, .status = DS_ENOSPACE};
    ds_storage *s = make(&fault);
    (void)state;

    assert_int_equal(put(s, "/a"), DS_OK);
    assert_int_equal(put(s, "/b"), DS_ENOSPACE);
    assert_int_equal(dsi_storage_remove(s, "/a", NULL), DS_ENOSPACE);
    fault.nth = 0;
    assert_true(is_there(s, "/a"));
    dsi_storage_free(s);
}

static void die(void)
{
    _exit(7);
}

static void test_storage_fault__ends_the_process_where_told(void **state)
{
    int status = 0;
    (void)state;

    pid_t child = fork();
    if (child == 0) {
        struct dsi_storage_fault fault = {.call = "put", .nth = 2, .die = die};
        ds_storage *s = make(&fault);
        int rc = put(s, "/a");
        rc = rc ? rc : put(s, "/b");
        _exit(rc ? 1 : 0);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 7);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_storage_fault__fails_the_chosen_call_only),
        cmocka_unit_test(test_storage_fault__loses_answers),
        cmocka_unit_test(test_storage_fault__may_last_and_say_anything),
        cmocka_unit_test(test_storage_fault__ends_the_process_where_told),
    };
    return cmocka_run_group_tests_name("storage_fault", tests, NULL, NULL);
}
