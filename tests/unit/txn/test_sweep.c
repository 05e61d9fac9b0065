#include "txn/sweep.h"

#include <stdio.h>
#include <string.h>

#include "base/fault.h"
#include "harness.h"

enum { COUNT = 40 };

static char last[64]; // What was removed last.
static const struct ds_storage_ops *mem;

static void name_file(char out[64], int i)
{
    snprintf(out, 64, "memory:///t/%d", i);
}

static int note_removed(ds_storage *s, const char *path, struct ds_error *err)
{
    snprintf(last, sizeof last, "%s", path);
    return mem->remove(s, path, err);
}

static ds_storage *make_files(void)
{
    static struct ds_storage_ops ops;
    ds_storage *s = NULL;

    assert_int_equal(dsi_storage_mem_new(&s, NULL), DS_OK);
    mem = s->ops;
    ops = *mem;
    ops.remove = note_removed;
    s->ops = &ops;
    for (int i = 0; i < COUNT; i++) {
        char path[64];
        name_file(path, i);
        assert_int_equal(
            dsi_storage_put(s, path, (struct ds_slice){(const uint8_t *)"x", 1}, 0, NULL),
            DS_OK);
    }
    return s;
}

static bool is_there(ds_storage *s, int i)
{
    char path[64];
    struct ds_file_info info;
    name_file(path, i);
    return dsi_storage_stat(s, path, &info, NULL) == DS_OK;
}

static void test_sweep__removes_what_was_added_in_order(void **state)
{
    ds_storage *storage = make_files();
    struct dsi_sweep *s = dsi_sweep_new(storage);
    char path[64];
    (void)state;

    for (int i = 1; i < COUNT; i++) {
        name_file(path, i);
        dsi_sweep_add(s, path);
        assert_int_equal(dsi_sweep_size(s), i);
    }
    memset(path, 'x', sizeof path); // Its own copies.
    assert_true(is_there(storage, 1));
    dsi_sweep_run(s);
    for (int i = 0; i < COUNT; i++) {
        assert_int_equal(is_there(storage, i), i == 0);
    }
    name_file(path, COUNT - 1);
    assert_string_equal(last, path);
    dsi_sweep_run(s); // Nothing is left to do.
    dsi_sweep_free(s);
    dsi_storage_free(storage);
}

static void test_sweep__that_is_not_run_removes_nothing(void **state)
{
    ds_storage *storage = make_files();
    struct dsi_sweep *s = dsi_sweep_new(storage);
    (void)state;

    dsi_sweep_add(s, "memory:///t/0");
    dsi_sweep_free(s);
    dsi_sweep_free(NULL);
    assert_true(is_there(storage, 0));
    dsi_storage_free(storage);
}

// Without memory for a name, or when a removal fails, that file stays, and no other.
static void test_sweep__leaves_what_it_cannot_remove(void **state)
{
    struct dsi_fault_plan plan = {0};
    unsigned left = 0;
    (void)state;

    for (bool more = true; more;) {
        ds_storage *storage = make_files();
        more = dsi_fault_next(&plan);
        struct dsi_sweep *s = more ? dsi_sweep_new(storage) : NULL;
        for (int i = 0; s && i < COUNT; i++) {
            char path[64];
            name_file(path, i);
            dsi_sweep_add(s, path);
        }
        if (s) {
            dsi_sweep_run(s);
        }
        dsi_fault_stop();
        int there = 0;
        for (int i = 0; i < COUNT; i++) {
            there += is_there(storage, i);
        }
        assert_true(!s || there <= 1);
        left += s && there == 1;
        dsi_sweep_free(s);
        dsi_storage_free(storage);
    }
    assert_true(left >= COUNT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sweep__removes_what_was_added_in_order),
        cmocka_unit_test(test_sweep__that_is_not_run_removes_nothing),
        cmocka_unit_test(test_sweep__leaves_what_it_cannot_remove),
    };
    return cmocka_run_group_tests_name("sweep", tests, NULL, NULL);
}
