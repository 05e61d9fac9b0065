#include "base/crew.h"

#include "base/fault.h"
#include "base/thread.h"
#include "harness.h"

#include <pthread.h>

#define LONG_NS INT64_C(600000000000)

enum { JOBS = 200 };

// Jobs that are there, and who did them.
struct heap {
    struct dsi_crew *crew;
    int left;
    int done;
    int elsewhere; // Not by `owner`.
    pthread_t owner;
};

static bool do_one(void *arg)
{
    struct heap *h = arg;

    if (h->left == 0) {
        return false;
    }
    h->left--;
    dsi_crew_unlock(h->crew);
    dsi_crew_lock(h->crew);
    h->done++;
    h->elsewhere += pthread_equal(pthread_self(), h->owner) == 0;
    return true;
}

static struct dsi_crew_place place_of(struct heap *h)
{
    return (struct dsi_crew_place){.help = do_one, .arg = h};
}

static void test_crew__who_waits_does_the_jobs_that_are_there(void **state)
{
    struct heap a = {.left = 2, .owner = pthread_self()};
    struct heap b = {.left = 1, .owner = pthread_self()};
    struct dsi_crew_place at_a = place_of(&a);
    struct dsi_crew_place at_b = place_of(&b);
    (void)state;

    assert_int_equal(dsi_crew_new(&a.crew, NULL), DS_OK);
    b.crew = dsi_crew_keep(a.crew);
    dsi_crew_lock(a.crew);
    dsi_crew_add(a.crew, &at_a);
    dsi_crew_add(a.crew, &at_b);
    for (int i = 1; i <= 3; i++) { // Each call does one, and waits for nothing.
        dsi_crew_help(a.crew, LONG_NS);
        assert_int_equal(a.done + b.done, i);
    }
    dsi_crew_help(a.crew, 1); // There is none: its time is over at once.
    a.left = 1;
    b.left = 1;
    dsi_crew_remove(a.crew, &at_a);
    dsi_crew_help(a.crew, LONG_NS);
    dsi_crew_remove(a.crew, &at_b);
    assert_int_equal(a.done, 2);
    assert_int_equal(b.done, 2);
    dsi_crew_unlock(a.crew);
    dsi_crew_free(b.crew);
    dsi_crew_free(a.crew);
    dsi_crew_free(NULL);
}

static void *leave_jobs(void *arg)
{
    struct heap *h = arg;
    struct dsi_crew_place place = place_of(h);

    dsi_crew_begin(h->crew);
    assert_ptr_equal(dsi_crew_current(), h->crew);
    dsi_crew_lock(h->crew);
    dsi_crew_add(h->crew, &place);
    for (int i = 0; i < JOBS; i++) {
        h->left++;
        dsi_crew_moved(h->crew);
        while (h->done == i) { // Nobody but who waits does it.
            dsi_crew_wait(h->crew);
        }
    }
    dsi_crew_remove(h->crew, &place);
    h->left = -1; // Over.
    dsi_crew_moved(h->crew);
    dsi_crew_unlock(h->crew);
    dsi_crew_end();
    assert_null(dsi_crew_current());
    return NULL;
}

// The one leaves a job and waits for it, the other waits for the end: no wake is missed.
static void test_crew__two_threads_share_the_work(void **state)
{
    struct heap h = {0};
    pthread_t thread = 0;
    (void)state;

    assert_int_equal(dsi_crew_new(&h.crew, NULL), DS_OK);
    assert_null(dsi_crew_current());
    dsi_crew_lock(h.crew);
    assert_int_equal(pthread_create(&thread, NULL, leave_jobs, &h), 0);
    h.owner = thread;
    while (h.left >= 0) {
        dsi_crew_help(h.crew, LONG_NS);
    }
    dsi_crew_unlock(h.crew);
    pthread_join(thread, NULL);
    assert_int_equal(h.done, JOBS);
    assert_int_equal(h.elsewhere, JOBS);
    dsi_crew_free(h.crew);
}

// A job that is at work until it is told.
struct slow {
    struct dsi_crew *crew;
    bool begun;
    bool told;
    bool removed;
    bool over;
};

static bool work_until_told(void *arg)
{
    struct slow *s = arg;

    if (s->begun) {
        return false;
    }
    s->begun = true;
    dsi_crew_moved(s->crew);
    while (!s->told) {
        dsi_crew_wait(s->crew);
    }
    assert_false(s->removed);
    s->over = true;
    return true;
}

static void *help_once(void *arg)
{
    struct slow *s = arg;

    dsi_crew_lock(s->crew);
    dsi_crew_help(s->crew, LONG_NS);
    dsi_crew_unlock(s->crew);
    return NULL;
}

static void *tell(void *arg)
{
    struct slow *s = arg;

    dsi_crew_lock(s->crew); // Had when the other one waits in its removal.
    s->told = true;
    dsi_crew_moved(s->crew);
    dsi_crew_unlock(s->crew);
    return NULL;
}

static void test_crew__a_place_is_removed_when_nobody_is_in_it(void **state)
{
    struct slow s = {0};
    struct dsi_crew_place place = {.help = work_until_told, .arg = &s};
    pthread_t helper = 0;
    pthread_t teller = 0;
    (void)state;

    assert_int_equal(dsi_crew_new(&s.crew, NULL), DS_OK);
    dsi_crew_lock(s.crew);
    dsi_crew_add(s.crew, &place);
    assert_int_equal(pthread_create(&helper, NULL, help_once, &s), 0);
    while (!s.begun) {
        dsi_crew_wait(s.crew);
    }
    assert_int_equal(pthread_create(&teller, NULL, tell, &s), 0);
    dsi_crew_remove(s.crew, &place);
    s.removed = true;
    assert_true(s.over);
    dsi_crew_unlock(s.crew);
    pthread_join(helper, NULL);
    pthread_join(teller, NULL);
    dsi_crew_free(s.crew);
}

static void test_crew__that_cannot_be_made_says_so(void **state)
{
    struct dsi_fault_plan plan = {0};
    unsigned failures = 0;
    (void)state;

    while (dsi_fault_next(&plan)) {
        struct dsi_crew *c = NULL;
        struct ds_error err = {0};
        int rc = dsi_crew_new(&c, &err);
        dsi_fault_stop();
        assert_true((rc == DS_OK) == (c != NULL));
        assert_true(rc == DS_OK || err.message[0] != '\0');
        failures += rc < 0;
        dsi_crew_free(c);
    }
    assert_int_equal(failures, 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_crew__who_waits_does_the_jobs_that_are_there),
        cmocka_unit_test(test_crew__two_threads_share_the_work),
        cmocka_unit_test(test_crew__a_place_is_removed_when_nobody_is_in_it),
        cmocka_unit_test(test_crew__that_cannot_be_made_says_so),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
