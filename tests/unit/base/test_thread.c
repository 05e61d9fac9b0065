#include <stdatomic.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fault.h"
#include "base/thread.h"
#include "harness.h"

struct shared {
    struct dsi_mutex *lock;
    struct dsi_cond *changed;
    int count;
    bool go;
};

static void count_up(void *arg)
{
    struct shared *s = arg;
    dsi_mutex_lock(s->lock);
    while (!s->go) {
        dsi_cond_wait(s->changed, s->lock);
    }
    dsi_mutex_unlock(s->lock);
    for (int i = 0; i < 1000; i++) {
        dsi_mutex_lock(s->lock);
        s->count++;
        dsi_mutex_unlock(s->lock);
    }
}

static void test_thread__counts_together(void **state)
{
    struct shared s = {NULL, NULL, 0, false};
    struct dsi_thread *threads[4];
    (void)state;

    assert_int_equal(dsi_mutex_new(&s.lock, NULL), DS_OK);
    assert_int_equal(dsi_cond_new(&s.changed, NULL), DS_OK);
    for (int i = 0; i < 4; i++) {
        assert_int_equal(dsi_thread_start(&threads[i], count_up, &s, NULL), DS_OK);
    }
    dsi_mutex_lock(s.lock);
    s.go = true;
    dsi_cond_broadcast(s.changed);
    dsi_mutex_unlock(s.lock);
    for (int i = 0; i < 4; i++) {
        dsi_thread_join(threads[i]);
    }
    assert_int_equal(s.count, 4000);
    dsi_cond_free(s.changed);
    dsi_mutex_free(s.lock);
}

static void test_thread__waits_no_longer_than_told(void **state)
{
    struct dsi_mutex *m = NULL;
    struct dsi_cond *c = NULL;
    (void)state;

    assert_int_equal(dsi_mutex_new(&m, NULL), DS_OK);
    assert_int_equal(dsi_cond_new(&c, NULL), DS_OK);
    dsi_mutex_lock(m);
    while (dsi_cond_wait_ns(c, m, 1000000)) { // Nobody signals: only time can end it.
    }
    dsi_mutex_unlock(m);
    dsi_cond_free(c);
    dsi_mutex_free(m);
    assert_true(dsi_thread_cores() >= 1);
}

static void test_thread__says_when_there_is_none(void **state)
{
    struct dsi_fault_plan plan = {0};
    (void)state;

    while (dsi_fault_next(&plan)) {
        struct dsi_mutex *m = NULL;
        struct dsi_cond *c = NULL;
        struct ds_error err = {0};
        int rc = dsi_mutex_new(&m, &err);
        if (rc == DS_OK) {
            rc = dsi_cond_new(&c, &err);
        }
        assert_true(rc == DS_OK || (rc == DS_ENOMEM && err.message[0] != '\0'));
        dsi_cond_free(c);
        dsi_mutex_free(m);
    }
}

static atomic_int stage; // 1: somebody is inside; 2: he is about to leave.

static void stay_inside(void *arg)
{
    (void)arg;
    if (dsi_fork_enter(NULL) == DS_OK) {
        atomic_store(&stage, 1);
        dsi_sleep_ns(20000000);
        atomic_store(&stage, 2);
        dsi_fork_leave();
    }
}

static void test_thread__a_fork_waits_for_who_is_inside(void **state)
{
    struct dsi_thread *thread = NULL;
    int status = -1;
    (void)state;

    atomic_store(&stage, 0);
    assert_int_equal(dsi_thread_start(&thread, stay_inside, NULL, NULL), DS_OK);
    while (atomic_load(&stage) == 0) {
        dsi_sleep_ns(100000);
    }
    pid_t child = fork();
    if (child == 0) { // Where nobody is inside, and one may enter.
        bool waited = atomic_load(&stage) == 2 && dsi_fork_enter(NULL) == DS_OK;
        _exit(waited ? 0 : 1);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    dsi_thread_join(thread);
    assert_int_equal(status, 0);
    assert_int_equal(dsi_fork_enter(NULL), DS_OK);
    dsi_fork_leave();
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_thread__counts_together),
        cmocka_unit_test(test_thread__waits_no_longer_than_told),
        cmocka_unit_test(test_thread__says_when_there_is_none),
        cmocka_unit_test(test_thread__a_fork_waits_for_who_is_inside),
    };
    return cmocka_run_group_tests_name("thread", tests, NULL, NULL);
}
