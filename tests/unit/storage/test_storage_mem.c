#include "cancel_asks.h"
#include "harness.h"
#include "storage/storage.h"

#include <stdio.h>

#include "base/cancel.h"
#include "base/clock.h"
#include "base/fault.h"

static const struct ds_slice three = {(const uint8_t *)"abc", 3};

static int count_it(void *arg, const char *path, const struct ds_file_info *info)
{
    (void)path;
    (void)info;
    ++*(size_t *)arg;
    return DS_OK;
}

static void test_storage_mem__finds_each_of_many(void **state)
{
    ds_storage *s = NULL;
    struct ds_file_info info = {0, 0};
    size_t count = 0;
    (void)state;

    assert_int_equal(dsi_storage_mem_new(&s, NULL), DS_OK);
    for (int i = 0; i < 500; i++) {
        char path[64];
        snprintf(path, sizeof path, "memory:///t/%d", i * 7919 % 500);
        assert_int_equal(dsi_storage_put(s, path, three, DS_PUT_IF_ABSENT, NULL), DS_OK);
    }
    for (int i = 0; i < 500; i++) {
        char path[64];
        snprintf(path, sizeof path, "memory:/t/%d", i);
        assert_int_equal(dsi_storage_stat(s, path, &info, NULL), DS_OK);
    }
    assert_int_equal(dsi_storage_list(s, "/t", count_it, &count, NULL), DS_OK);
    assert_int_equal(count, 500);
    dsi_storage_free(s);
}

static int64_t fixed_wall(void)
{
    return INT64_C(1700000000123456);
}

static int64_t fixed_monotonic(void)
{
    return 0;
}

static void test_storage_mem__dates_files_by_the_clock(void **state)
{
    const struct dsi_clock_ops fixed = {fixed_wall, fixed_monotonic};
    ds_storage *s = NULL;
    struct ds_file_info info = {0, 0};
    (void)state;

    assert_int_equal(dsi_storage_mem_new(&s, NULL), DS_OK);
    dsi_clock_set(&fixed);
    assert_int_equal(dsi_storage_put(s, "/a", three, 0, NULL), DS_OK);
    dsi_clock_set(NULL);
    assert_int_equal(dsi_storage_stat(s, "/a", &info, NULL), DS_OK);
    assert_int_equal(info.modified_ms, INT64_C(1700000000123));
    dsi_storage_free(s);
}

static void test_storage_mem__is_as_before_where_memory_ends(void **state)
{
    struct dsi_fault_plan plan = {0};
    (void)state;

    while (dsi_fault_next(&plan)) {
        struct ds_error err = {0};
        ds_storage *s = NULL;
        struct ds_sink *sink = NULL;
        struct ds_file *file = NULL;
        struct ds_file_info info = {0, 0};
        void *lock = NULL;
        size_t count = 0;
        int put = DS_EIO;
        int rc = dsi_storage_mem_new(&s, &err);
        if (rc == DS_OK) {
            rc = put = dsi_storage_put(s, "/a/b", three, DS_PUT_IF_ABSENT, &err);
            rc = rc ? rc : dsi_file_open(s, "/a/b", &file, &err);
            rc = rc ? rc : dsi_storage_list(s, "/a", count_it, &count, &err);
            rc = rc ? rc : dsi_storage_lock(s, "/l", 0, &lock, &err);
            rc = rc ? rc : dsi_sink_create(s, "/a/s", &sink, &err);
            rc = rc ? rc : dsi_sink_write(sink, three, &err);
            rc = rc ? rc : dsi_sink_finish(sink, &err);
        }
        dsi_fault_stop();
        assert_true(rc == DS_OK || err.message[0] != '\0');
        if (s) {
            int there = dsi_storage_stat(s, "/a/b", &info, NULL);
            assert_true(put == DS_EUNKNOWN || (put == DS_OK) == (there == DS_OK));
        }
        dsi_file_close(file);
        dsi_sink_close(sink);
        if (lock) {
            dsi_storage_unlock(s, lock);
        }
        dsi_storage_free(s);
    }
    assert_true(plan.target > 20);
}

static bool uses_it_and_cancels(void *arg)
{
    struct ds_file_info info = {0, 0};
    return dsi_storage_stat(arg, "/a", &info, NULL) == DS_ENOTFOUND;
}

static void test_storage_mem__a_waiter_may_be_cancelled(void **state)
{
    struct ds_cancel_scope c = {.cancelled = uses_it_and_cancels};
    ds_storage *s = NULL;
    void *first = NULL;
    void *second = NULL;
    struct ds_error err = {0};
    (void)state;

    assert_int_equal(dsi_storage_mem_new(&s, NULL), DS_OK);
    c.arg = s;
    assert_int_equal(dsi_storage_lock(s, "/l", 0, &first, &err), DS_OK);
    dsi_cancel_begin(&c);
    assert_int_equal(dsi_storage_lock(s, "/l", INT64_C(3600000000000), &second, &err),
                     DS_ECANCELLED);
    dsi_cancel_end(&c);
    assert_null(second);
    dsi_storage_unlock(s, first);
    assert_int_equal(dsi_storage_lock(s, "/l", 0, &second, &err), DS_OK);
    dsi_storage_unlock(s, second);
    dsi_storage_free(s);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_storage_mem__finds_each_of_many),
        cmocka_unit_test(test_storage_mem__dates_files_by_the_clock),
        cmocka_unit_test(test_storage_mem__a_waiter_may_be_cancelled),
        cmocka_unit_test(test_storage_mem__is_as_before_where_memory_ends),
    };
    return cmocka_run_group_tests_name("storage_mem", tests, NULL, NULL);
}
