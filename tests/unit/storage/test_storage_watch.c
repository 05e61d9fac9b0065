#include "harness.h"
#include "storage/storage_watch.h"

#include <string.h>

#include "base/error.h"

static const struct ds_slice three = {(const uint8_t *)"abc", 3};

struct watcher {
    const char *call;
    bool after;
    int told;
};

static int watch(void *arg, const struct dsi_storage_event *e, struct ds_error *err)
{
    struct watcher *w = arg;

    w->told++;
    if (w->call && strcmp(w->call, e->call) == 0 && w->after == e->after) {
        return dsi_fail(err, DS_EIO, "watched");
    }
    return DS_OK;
}

static int nothing(void *arg, const char *path, const struct ds_file_info *info)
{
    (void)arg;
    (void)path;
    (void)info;
    return DS_OK;
}

// Every call once, up to the first that fails.
static int everything(ds_storage *s)
{
    struct dsi_buf bytes = DSI_BUF_INIT;
    struct ds_file_info info = {0, 0};
    struct ds_sink *sink = NULL;
    void *lock = NULL;
    const char *path = "/a";
    int rc = dsi_storage_put(s, path, three, 0, NULL);

    rc = rc ? rc : dsi_storage_sync_file(s, "/a", NULL);
    rc = rc ? rc : dsi_storage_sync(s, &path, 1, NULL);
    rc = rc ? rc : dsi_storage_read(s, "/a", &bytes, NULL);
    rc = rc ? rc : dsi_storage_stat(s, "/a", &info, NULL);
    rc = rc ? rc : dsi_storage_list(s, "/x", nothing, NULL, NULL);
    rc = rc ? rc : dsi_sink_create(s, "/s", &sink, NULL);
    rc = rc ? rc : dsi_sink_write(sink, three, NULL);
    rc = rc ? rc : dsi_sink_finish(sink, NULL);
    dsi_sink_close(sink);
    rc = rc ? rc : dsi_storage_lock(s, "/l", 0, &lock, NULL);
    dsi_storage_unlock(s, lock);
    rc = rc ? rc : dsi_storage_remove(s, "/a", NULL);
    dsi_buf_release(&bytes);
    return rc;
}

static void test_storage_watch__tells_of_each_call_and_may_fail_it(void **state)
{
    const char *calls[] = {NULL,   "put",    "sync",  "sync_file", "open", "read",
                           "stat", "create", "write", "finish",    "lock", "remove"};
    (void)state;

    for (size_t i = 0; i < sizeof calls / sizeof calls[0]; i++) {
        for (int after = 0; after < 2; after++) {
            struct watcher w = {calls[i], after, 0};
            ds_storage *inner = NULL;
            ds_storage *s = NULL;
            assert_int_equal(dsi_storage_mem_new(&inner, NULL), DS_OK);
            assert_int_equal(dsi_storage_watch_new(inner, watch, &w, &s, NULL), DS_OK);
            assert_int_equal(everything(s), calls[i] ? DS_EIO : DS_OK);
            assert_true(w.told > 0);
            dsi_storage_free(s);
        }
    }
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_storage_watch__tells_of_each_call_and_may_fail_it),
    };
    return cmocka_run_group_tests_name("storage_watch", tests, NULL, NULL);
}
