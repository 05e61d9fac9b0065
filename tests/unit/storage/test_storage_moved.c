#include "harness.h"
#include "storage/storage_moved.h"

#include <string.h>

#include "base/fault.h"

static const struct ds_slice three = {(const uint8_t *)"abc", 3};

static ds_storage *inner;
static ds_storage *view;

static int make(void **state)
{
    (void)state;
    return dsi_storage_mem_new(&inner, NULL) == DS_OK &&
                   dsi_storage_put(inner, "memory:///new/t/data/a", three, 0, NULL) ==
                       DS_OK &&
                   dsi_storage_put(inner, "memory:///old/t2/b", three, 0, NULL) ==
                       DS_OK &&
                   dsi_storage_moved_new(inner, "memory:///old/t", "memory:///new/t",
                                         &view, NULL) == DS_OK
               ? 0
               : -1;
}

static int end(void **state)
{
    (void)state;
    dsi_storage_free(view);
    dsi_storage_free(inner);
    return 0;
}

static int read_of(const char *path)
{
    struct dsi_buf out = DSI_BUF_INIT_MAX(16);
    struct ds_file_info info = {0, 0};
    int rc = dsi_storage_read(view, path, &out, NULL);

    assert_int_equal(dsi_storage_stat(view, path, &info, NULL), rc);
    assert_true(rc < 0 || (out.size == 3 && info.size == 3));
    dsi_buf_release(&out);
    return rc;
}

static void test_storage_moved__reads_at_the_new_place(void **state)
{
    (void)state;
    assert_int_equal(read_of("memory:///old/t/data/a"), DS_OK);
    assert_int_equal(read_of("memory:/old/t/data/a"), DS_OK);
    assert_int_equal(read_of("memory://localhost/old/t/data/a"), DS_OK);
    assert_int_equal(read_of("memory:///new/t/data/a"), DS_OK);
    assert_int_equal(read_of("memory:///old/t2/b"), DS_OK); // A like-named neighbour.
    assert_int_equal(read_of("memory:///old/t/data/b"), DS_ENOTFOUND);
    assert_int_equal(dsi_storage_sync_file(view, "memory:///old/t/data/a", NULL), DS_OK);
}

static int nothing(void *arg, const char *path, const struct ds_file_info *info)
{
    (void)path;
    (void)info;
    (*(int *)arg)++;
    return DS_OK;
}

static void test_storage_moved__writes_nothing_at_the_old_place(void **state)
{
    const char *old = "memory:///old/t/data/a";
    struct ds_error err = {0};
    struct ds_sink *sink = NULL;
    void *lock = NULL;
    int count = 0;
    (void)state;

    assert_int_equal(dsi_storage_put(view, old, three, 0, &err), DS_EUNSUPPORTED);
    assert_non_null(strstr(err.message, "moved here from memory:///old/t"));
    assert_non_null(strstr(err.message, "relocate memory:///new/t"));
    assert_int_equal(dsi_sink_create(view, old, &sink, NULL), DS_EUNSUPPORTED);
    assert_int_equal(dsi_storage_remove(view, old, NULL), DS_EUNSUPPORTED);
    assert_int_equal(dsi_storage_sync(view, &old, 1, NULL), DS_EUNSUPPORTED);
    assert_int_equal(
        dsi_storage_list(view, "memory:///old/t/data", nothing, &count, NULL),
        DS_EUNSUPPORTED);
    assert_int_equal(dsi_storage_lock(view, old, 0, &lock, NULL), DS_EUNSUPPORTED);
    assert_int_equal(count, 0);
    assert_int_equal(read_of(old), DS_OK); // Nothing was removed at the new place.
}

static void test_storage_moved__lets_other_paths_through(void **state)
{
    const char *other = "memory:///new/t/metadata/x";
    struct ds_sink *sink = NULL;
    void *lock = NULL;
    int count = 0;
    (void)state;

    assert_int_equal(dsi_storage_put(view, other, three, 0, NULL), DS_OK);
    assert_int_equal(dsi_storage_sync(view, &other, 1, NULL), DS_OK);
    assert_int_equal(dsi_storage_list(view, "memory:///new/t", nothing, &count, NULL),
                     DS_OK);
    assert_int_equal(count, 2);
    assert_int_equal(dsi_storage_remove(view, other, NULL), DS_OK);
    assert_int_equal(dsi_sink_create(view, other, &sink, NULL), DS_OK);
    dsi_sink_close(sink);
    assert_int_equal(
        dsi_storage_lock(view, "memory:///new/t/.datashard-l", 0, &lock, NULL), DS_OK);
    dsi_storage_unlock(view, lock);
}

static void test_storage_moved__is_of_one_scheme(void **state)
{
    ds_storage *other = NULL;
    (void)state;

    assert_int_equal(
        dsi_storage_moved_new(inner, "memory:///a", "file:///a", &other, NULL),
        DS_EINVALID);
    assert_null(other);
    assert_int_equal(dsi_storage_moved_new(inner, "/a/../b", "/c", &other, NULL),
                     DS_EINVALID);
    assert_null(other);
}

static void test_storage_moved__survives_every_fault(void **state)
{
    struct dsi_fault_plan plan = {0};
    (void)state;

    while (dsi_fault_next(&plan)) {
        struct dsi_buf out = DSI_BUF_INIT_MAX(16);
        struct ds_error err = {0};
        ds_storage *s = NULL;
        int rc =
            dsi_storage_moved_new(inner, "memory:///old/t", "memory:///new/t", &s, &err);
        rc = rc < 0 ? rc : dsi_storage_read(s, "memory:///old/t/data/a", &out, &err);
        dsi_fault_stop();
        assert_true(rc == DS_OK ? out.size == 3 : err.message[0] != '\0');
        dsi_storage_free(s);
        dsi_buf_release(&out);
    }
    assert_true(plan.target > 4);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_storage_moved__reads_at_the_new_place, make,
                                        end),
        cmocka_unit_test_setup_teardown(
            test_storage_moved__writes_nothing_at_the_old_place, make, end),
        cmocka_unit_test_setup_teardown(test_storage_moved__lets_other_paths_through,
                                        make, end),
        cmocka_unit_test_setup_teardown(test_storage_moved__is_of_one_scheme, make, end),
        cmocka_unit_test_setup_teardown(test_storage_moved__survives_every_fault, make,
                                        end),
    };
    return cmocka_run_group_tests_name("storage_moved", tests, NULL, NULL);
}
