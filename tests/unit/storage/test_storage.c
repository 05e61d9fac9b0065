#include "harness.h"
#include "storage/storage.h"

#include <string.h>

#include "base/error.h"
#include "base/fault.h"

// A backend of an earlier time: its table ends before what was added later.
static int old_put(ds_storage *s, const char *path, struct ds_slice bytes, uint32_t flags,
                   struct ds_error *err)
{
    (void)s;
    (void)path;
    (void)bytes;
    (void)flags;
    return dsi_fail(err, DS_EDENIED, "no");
}

static void old_free(ds_storage *s)
{
    (void)s;
}

static const struct ds_storage_ops old_ops = {
    .struct_size = offsetof(struct ds_storage_ops, lock),
    .scheme = "old",
    .put = old_put,
    .lock = NULL,
    .free = old_free,
};

static void test_storage__does_without_what_a_backend_has_not(void **state)
{
    ds_storage old = {&old_ops};
    const char *path = "/a";
    void *lock = &old;
    (void)state;

    assert_int_equal(dsi_storage_sync(&old, &path, 1, NULL), DS_OK);
    assert_int_equal(dsi_storage_sync_file(&old, "/a", NULL), DS_OK);
    assert_int_equal(
        dsi_storage_put_after(&old, "/a", (struct ds_slice){NULL, 0}, 0, &path, 1, NULL),
        DS_EDENIED);
    assert_int_equal(dsi_storage_lock(&old, "/a", 0, &lock, NULL), DS_OK);
    assert_null(lock);
    dsi_storage_unlock(&old, NULL);
    dsi_storage_free(NULL);
    dsi_file_close(NULL);
    dsi_sink_close(NULL);
}

static void test_storage__surrounds_every_effect_with_fault_points(void **state)
{
    const struct {
        const char *point;
        int status;
    } want[] = {{"storage.put.before", DS_EIO},       {"storage.put.after", DS_EUNKNOWN},
                {"storage.sync.before", DS_EIO},      {"storage.sync.after", DS_EIO},
                {"storage.sync_file.before", DS_EIO}, {"storage.sync_file.after", DS_EIO},
                {"storage.remove.before", DS_EIO},    {"storage.remove.after", DS_EIO}};
    const struct ds_slice bytes = {(const uint8_t *)"a", 1};
    struct dsi_fault_plan plan = {0};
    const char *path = "/a";
    ds_storage *s = NULL;
    size_t met = 0;
    (void)state;

    assert_int_equal(dsi_storage_mem_new(&s, NULL), DS_OK);
    // From here on every round reaches the same points.
    assert_int_equal(dsi_storage_put(s, "/other", bytes, 0, NULL), DS_OK);
    while (dsi_fault_next(&plan)) {
        struct ds_error err = {0};
        int rc = dsi_storage_put(s, "/a", bytes, 0, &err);
        rc = rc ? rc : dsi_storage_sync(s, &path, 1, &err);
        rc = rc ? rc : dsi_storage_sync_file(s, "/a", &err);
        rc = rc ? rc : dsi_storage_remove(s, "/a", &err);
        for (size_t i = 0; plan.name && i < sizeof want / sizeof want[0]; i++) {
            if (strcmp(plan.name, want[i].point) == 0) {
                assert_int_equal(rc, want[i].status);
                assert_non_null(strstr(err.message, "injected"));
                met++;
            }
        }
    }
    assert_int_equal(met, sizeof want / sizeof want[0]);
    dsi_storage_free(s);
}

static void test_storage__appends_what_it_reads(void **state)
{
    const struct ds_slice bytes = {(const uint8_t *)"abc", 3};
    struct dsi_buf out = DSI_BUF_INIT;
    ds_storage *s = NULL;
    struct ds_error err = {0};
    (void)state;

    assert_int_equal(dsi_storage_mem_new(&s, NULL), DS_OK);
    assert_int_equal(dsi_storage_put(s, "/a", bytes, 0, NULL), DS_OK);
    assert_int_equal(dsi_storage_read(s, "/a", &out, NULL), DS_OK);
    assert_int_equal(dsi_storage_read(s, "/a", &out, NULL), DS_OK);
    assert_int_equal(out.size, 6);
    assert_memory_equal(out.data, "abcabc", 6);
    assert_int_equal(dsi_storage_read(s, "/b", &out, &err), DS_ENOTFOUND);
    assert_string_equal(err.message, "/b is not there");
    assert_int_equal(out.size, 6);
    dsi_buf_release(&out);
    dsi_storage_free(s);
}

// A file of a backend that was compiled before there were hints.
static void test_storage__gives_hints_to_files_that_take_them(void **state)
{
    static const struct ds_file_ops old = {
        .struct_size = offsetof(struct ds_file_ops, will_read),
        .will_read = (void (*)(struct ds_file *, uint64_t, uint64_t))1};
    static const struct ds_file_ops deaf = {.struct_size = sizeof deaf};
    struct ds_file f = {&old};
    (void)state;

    dsi_file_will_read(&f, 0, 1);
    f.ops = &deaf;
    dsi_file_will_read(&f, 0, 1);
}

// A backend that can put after others, and a put of its own that is not to be used.
static int new_put_after(ds_storage *s, const char *path, struct ds_slice bytes,
                         uint32_t flags, const char *const *first, size_t count,
                         struct ds_error *err)
{
    (void)s;
    (void)err;
    return strcmp(path, "/a") == 0 && bytes.size == 1 && flags == DS_PUT_IF_ABSENT &&
                   count == 1 && strcmp(first[0], "/b") == 0
               ? DS_OK
               : DS_EINVALID;
}

static void test_storage__surrounds_a_put_after_others_with_fault_points(void **state)
{
    static const struct ds_storage_ops ops = {
        .struct_size = sizeof ops, .put = old_put, .put_after = new_put_after};
    const struct ds_slice bytes = {(const uint8_t *)"a", 1};
    struct dsi_fault_plan plan = {0};
    ds_storage s = {&ops};
    const char *first = "/b";
    int got[3];
    size_t count = 0;
    (void)state;

    while (dsi_fault_next(&plan)) {
        assert_in_range(count, 0, 2);
        got[count++] =
            dsi_storage_put_after(&s, "/a", bytes, DS_PUT_IF_ABSENT, &first, 1, NULL);
    }
    assert_int_equal(count, 3);
    assert_int_equal(got[0], DS_EIO);
    assert_int_equal(got[1], DS_EUNKNOWN);
    assert_int_equal(got[2], DS_OK);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_storage__does_without_what_a_backend_has_not),
        cmocka_unit_test(test_storage__surrounds_every_effect_with_fault_points),
        cmocka_unit_test(test_storage__surrounds_a_put_after_others_with_fault_points),
        cmocka_unit_test(test_storage__appends_what_it_reads),
        cmocka_unit_test(test_storage__gives_hints_to_files_that_take_them),
    };
    return cmocka_run_group_tests_name("storage", tests, NULL, NULL);
}
