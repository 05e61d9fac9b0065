#include "base/thread.h"

#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stddef.h>
#include <time.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/fault.h"

struct dsi_mutex {
    pthread_mutex_t posix;
};

struct dsi_cond {
    pthread_cond_t posix;
};

struct dsi_thread {
    pthread_t posix;
    void (*run)(void *);
    void *arg;
};

static int posix_mutex_new(struct dsi_mutex **out)
{
    struct dsi_mutex *m = dsi_calloc(1, sizeof *m);
    int code = m ? pthread_mutex_init(&m->posix, NULL) : ENOMEM;
    if (code != 0) {
        dsi_free(m);
        m = NULL;
    }
    *out = m;
    return code;
}

static void posix_mutex_free(struct dsi_mutex *m)
{
    pthread_mutex_destroy(&m->posix);
    dsi_free(m);
}

static void posix_lock(struct dsi_mutex *m)
{
    pthread_mutex_lock(&m->posix);
}

static void posix_unlock(struct dsi_mutex *m)
{
    pthread_mutex_unlock(&m->posix);
}

static int posix_cond_new(struct dsi_cond **out)
{
    struct dsi_cond *c = dsi_calloc(1, sizeof *c);
    pthread_condattr_t attr;
    int code = c ? pthread_condattr_init(&attr) : ENOMEM;
    if (code == 0) {
        // A wall clock that jumps must not lengthen a wait.
        pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
        code = pthread_cond_init(&c->posix, &attr);
        pthread_condattr_destroy(&attr);
    }
    if (code != 0) {
        dsi_free(c);
        c = NULL;
    }
    *out = c;
    return code;
}

static void posix_cond_free(struct dsi_cond *c)
{
    pthread_cond_destroy(&c->posix);
    dsi_free(c);
}

static void posix_wait(struct dsi_cond *c, struct dsi_mutex *m)
{
    pthread_cond_wait(&c->posix, &m->posix);
}

static bool posix_wait_ns(struct dsi_cond *c, struct dsi_mutex *m, int64_t ns)
{
    struct timespec until = {0, 0};
    clock_gettime(CLOCK_MONOTONIC, &until);
    int64_t nanos = until.tv_nsec + ns % 1000000000;
    until.tv_sec += (time_t)(ns / 1000000000 + nanos / 1000000000);
    until.tv_nsec = (long)(nanos % 1000000000);
    return pthread_cond_timedwait(&c->posix, &m->posix, &until) != ETIMEDOUT;
}

static void posix_broadcast(struct dsi_cond *c)
{
    pthread_cond_broadcast(&c->posix);
}

static void *trampoline(void *arg)
{
    struct dsi_thread *t = arg;
    t->run(t->arg);
    return NULL;
}

static int posix_start(struct dsi_thread **out, void (*run)(void *), void *arg)
{
    struct dsi_thread *t = dsi_calloc(1, sizeof *t);
    int code = ENOMEM;
    if (t) {
        sigset_t all;
        sigset_t before;
        t->run = run;
        t->arg = arg;
        sigfillset(&all); // Signals are for the program's own threads.
        pthread_sigmask(SIG_SETMASK, &all, &before);
        code = pthread_create(&t->posix, NULL, trampoline, t);
        pthread_sigmask(SIG_SETMASK, &before, NULL);
    }
    if (code != 0) {
        dsi_free(t);
        t = NULL;
    }
    *out = t;
    return code;
}

static void posix_join(struct dsi_thread *t)
{
    pthread_join(t->posix, NULL);
    dsi_free(t);
}

static int posix_cores(void)
{
    long n = sysconf(_SC_NPROCESSORS_ONLN);
    return n < 1 ? 1 : (int)n;
}

static const struct dsi_thread_ops posix_threads = {
    posix_mutex_new, posix_mutex_free, posix_lock, posix_unlock,
    posix_cond_new,  posix_cond_free,  posix_wait, posix_wait_ns,
    posix_broadcast, posix_start,      posix_join, posix_cores};
static const struct dsi_thread_ops *threads = &posix_threads;

void dsi_thread_set(const struct dsi_thread_ops *ops)
{
    threads = ops ? ops : &posix_threads;
}

const struct dsi_thread_ops *dsi_threads(void)
{
    return threads;
}

static int refused(int code, const char *what, struct ds_error *err)
{
    if (code == 0) {
        return DS_OK;
    }
    return dsi_fail_os(err, code == ENOMEM ? DS_ENOMEM : DS_EIO, code, "%s", what);
}

int dsi_mutex_new(struct dsi_mutex **out, struct ds_error *err)
{
    return refused(threads->mutex_new(out), "making a mutex", err);
}

void dsi_mutex_free(struct dsi_mutex *m)
{
    if (m) {
        threads->mutex_free(m);
    }
}

void dsi_mutex_lock(struct dsi_mutex *m)
{
    threads->lock(m);
}

void dsi_mutex_unlock(struct dsi_mutex *m)
{
    threads->unlock(m);
}

int dsi_cond_new(struct dsi_cond **out, struct ds_error *err)
{
    return refused(threads->cond_new(out), "making a condition variable", err);
}

void dsi_cond_free(struct dsi_cond *c)
{
    if (c) {
        threads->cond_free(c);
    }
}

void dsi_cond_wait(struct dsi_cond *c, struct dsi_mutex *m)
{
    threads->wait(c, m);
}

bool dsi_cond_wait_ns(struct dsi_cond *c, struct dsi_mutex *m, int64_t ns)
{
    return threads->wait_ns(c, m, ns < 0 ? 0 : ns);
}

void dsi_cond_broadcast(struct dsi_cond *c)
{
    threads->broadcast(c);
}

static pthread_mutex_t forking = PTHREAD_MUTEX_INITIALIZER;
static bool watching; // Forks are seen. Guarded by that, as what is called is.
static void (*told_in_child)(void);
static bool (*asked_before)(void);
static int inside;       // Threads between dsi_fork_enter and dsi_fork_leave.
static int held_outside; // Forks that let nobody enter.
static atomic_uint generation;

// So often a fork waits, so long each time.
enum { ASKED_MAX = 1000 };
#define ASKED_WAIT_NS INT64_C(1000000)

void dsi_fork_hold(void)
{
    pthread_mutex_lock(&forking);
}

void dsi_fork_let(void)
{
    pthread_mutex_unlock(&forking);
}

// Who is asked may have to enter before he can say yes: only then nobody may any more.
static void ask_before(void)
{
    dsi_fork_hold();
    for (int i = 0; i < ASKED_MAX; i++) {
        const bool may = !asked_before || asked_before();
        if (may && inside == 0) {
            break;
        }
        held_outside += may;
        dsi_fork_let();
        dsi_sleep_ns(ASKED_WAIT_NS);
        dsi_fork_hold();
        held_outside -= may;
    }
}

static void tell_child(void)
{
    inside = 0; // Those threads are the parent's, as are its other forks.
    held_outside = 0;
    atomic_fetch_add(&generation, 1);
    if (told_in_child) {
        told_in_child();
    }
    dsi_fork_let();
}

// With the lock.
static int watch(struct ds_error *err)
{
    int code = watching ? 0 : pthread_atfork(ask_before, dsi_fork_let, tell_child);

    watching = code == 0;
    return refused(code, "looking after forks", err);
}

int dsi_fork_tell(void (*in_child)(void), struct ds_error *err)
{
    dsi_fork_hold();
    assert(!told_in_child || told_in_child == in_child);
    int rc = watch(err);
    told_in_child = rc == DS_OK ? in_child : NULL;
    dsi_fork_let();
    return rc;
}

int dsi_fork_ask(bool (*may)(void), struct ds_error *err)
{
    dsi_fork_hold();
    assert(!asked_before || asked_before == may);
    int rc = watch(err);
    asked_before = rc == DS_OK ? may : NULL;
    dsi_fork_let();
    return rc;
}

int dsi_fork_enter(struct ds_error *err)
{
    dsi_fork_hold();
    int rc = watch(err);
    while (rc == DS_OK && held_outside > 0) {
        dsi_fork_let();
        dsi_sleep_ns(ASKED_WAIT_NS / 4);
        dsi_fork_hold();
    }
    inside += rc == DS_OK;
    dsi_fork_let();
    return rc;
}

void dsi_fork_leave(void)
{
    dsi_fork_hold();
    inside -= inside > 0; // It may have been forked meanwhile, by the thread itself.
    dsi_fork_let();
}

unsigned dsi_fork_generation(void)
{
    return atomic_load(&generation);
}

int dsi_thread_start(struct dsi_thread **out, void (*run)(void *), void *arg,
                     struct ds_error *err)
{
    *out = NULL;
    int code = DSI_FAULT("thread.start") ? EAGAIN : threads->start(out, run, arg);
    return refused(code, "starting a thread", err);
}

void dsi_thread_join(struct dsi_thread *t)
{
    if (t) {
        threads->join(t);
    }
}

int dsi_thread_cores(void)
{
    return threads->cores();
}
