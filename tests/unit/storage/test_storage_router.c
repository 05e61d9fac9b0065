#include "harness.h"
#include "storage/storage.h"

#include <stdio.h>
#include <string.h>

#include "storage_root.h"

static const struct ds_slice three = {(const uint8_t *)"abc", 3};

static void test_storage_router__keeps_schemes_apart(void **state)
{
    struct storage_root root;
    ds_storage *s = NULL;
    struct ds_file_info info = {0, 0};
    (void)state;

    assert_true(storage_root_make(&root, "file"));
    assert_int_equal(dsi_storage_router_new(&s, NULL), DS_OK);
    assert_int_equal(dsi_storage_put(s, storage_root_path(&root, "a"), three, 0, NULL),
                     DS_OK);
    assert_int_equal(dsi_storage_put(s, "memory:///a", three, 0, NULL), DS_OK);
    char file[sizeof root.path];
    snprintf(file, sizeof file, "%s", root.path);
    const char *mixed[] = {"memory:///a", file, "memory:///b"};
    assert_int_equal(dsi_storage_sync(s, mixed, 3, NULL), DS_OK);
    for (int i = 0; i < 3; i++) { // Together, and each after one of the other's.
        assert_int_equal(dsi_storage_put_after(s, storage_root_path(&root, "c"), three, 0,
                                               mixed + i, (size_t)(3 - i), NULL),
                         DS_OK);
        assert_int_equal(dsi_storage_put_after(s, "memory:///c", three, 0, mixed + i,
                                               (size_t)(3 - i), NULL),
                         DS_OK);
    }
    const char *nowhere[] = {"memory:///a", "s3://bucket/a"}; // What is elsewhere counts.
    assert_int_equal(dsi_storage_put_after(s, storage_root_path(&root, "d"), three, 0,
                                           nowhere, 2, NULL),
                     DS_EUNSUPPORTED);
    assert_int_equal(dsi_storage_stat(s, storage_root_path(&root, "d"), &info, NULL),
                     DS_ENOTFOUND);
    // A bare path is a file.
    assert_int_equal(dsi_storage_stat(s, file + strlen("file://"), &info, NULL), DS_OK);
    assert_int_equal(dsi_storage_stat(s, "/a", &info, NULL), DS_ENOTFOUND);
    dsi_storage_free(s);
    storage_root_remove(&root);
}

static int nothing(void *arg, const char *path, const struct ds_file_info *info)
{
    (void)arg;
    (void)path;
    (void)info;
    return DS_OK;
}

static void test_storage_router__says_what_it_serves(void **state)
{
    const char *other = "s3://bucket/a";
    ds_storage *s = NULL;
    struct ds_error err = {0};
    struct ds_file_info info = {0, 0};
    struct ds_file *file = NULL;
    struct ds_sink *sink = NULL;
    void *lock = NULL;
    (void)state;

    assert_int_equal(dsi_storage_router_new(&s, NULL), DS_OK);
    assert_int_equal(dsi_storage_put(s, other, three, 0, &err), DS_EUNSUPPORTED);
    assert_non_null(strstr(err.message, "file:///"));
    assert_int_equal(dsi_storage_sync_file(s, other, NULL), DS_EUNSUPPORTED);
    assert_int_equal(dsi_storage_sync(s, &other, 1, NULL), DS_EUNSUPPORTED);
    assert_int_equal(dsi_storage_put_after(s, "/a", three, 0, &other, 1, NULL),
                     DS_EUNSUPPORTED);
    assert_int_equal(dsi_storage_put_after(s, other, three, 0, &other, 0, NULL),
                     DS_EUNSUPPORTED);
    assert_int_equal(dsi_storage_stat(s, other, &info, NULL), DS_EUNSUPPORTED);
    assert_int_equal(dsi_storage_remove(s, other, NULL), DS_EUNSUPPORTED);
    assert_int_equal(dsi_file_open(s, other, &file, NULL), DS_EUNSUPPORTED);
    assert_int_equal(dsi_sink_create(s, other, &sink, NULL), DS_EUNSUPPORTED);
    assert_int_equal(dsi_storage_list(s, other, nothing, NULL, NULL), DS_EUNSUPPORTED);
    assert_int_equal(dsi_storage_lock(s, other, 0, &lock, NULL), DS_EUNSUPPORTED);
    dsi_storage_free(s);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_storage_router__keeps_schemes_apart),
        cmocka_unit_test(test_storage_router__says_what_it_serves),
    };
    return cmocka_run_group_tests_name("storage_router", tests, NULL, NULL);
}
