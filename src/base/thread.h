// Threads and locks inside one process: one of the gate's tables.
//
// Locks between processes are files, and belong to storage/.
#ifndef DSI_BASE_THREAD_H
#define DSI_BASE_THREAD_H

#include <stdbool.h>
#include <stdint.h>

#include "datashard/status.h"

struct dsi_mutex;
struct dsi_cond;
struct dsi_thread;

/// What a test may replace. The contracts are POSIX's for the functions of these names.
struct dsi_thread_ops {
    int (*mutex_new)(struct dsi_mutex **out); ///< 0, or an errno.
    void (*mutex_free)(struct dsi_mutex *m);
    void (*lock)(struct dsi_mutex *m);
    void (*unlock)(struct dsi_mutex *m);
    int (*cond_new)(struct dsi_cond **out);
    void (*cond_free)(struct dsi_cond *c);
    void (*wait)(struct dsi_cond *c, struct dsi_mutex *m);
    bool (*wait_ns)(struct dsi_cond *c, struct dsi_mutex *m,
                    int64_t ns); ///< false: late.
    void (*broadcast)(struct dsi_cond *c);
    int (*start)(struct dsi_thread **out, void (*run)(void *), void *arg);
    void (*join)(struct dsi_thread *t); ///< Waits for the end, then frees it.
    int (*cores)(void);                 ///< Processors this process may use, at least 1.
};

/// Replaces the table; NULL brings back POSIX threads. Only while no thread runs.
void dsi_thread_set(const struct dsi_thread_ops *ops);

/// The table in use.
const struct dsi_thread_ops *dsi_threads(void);

DS_MUST_CHECK int dsi_mutex_new(struct dsi_mutex **out, struct ds_error *err);
void dsi_mutex_free(struct dsi_mutex *m); ///< NULL is fine.
void dsi_mutex_lock(struct dsi_mutex *m);
void dsi_mutex_unlock(struct dsi_mutex *m);

DS_MUST_CHECK int dsi_cond_new(struct dsi_cond **out, struct ds_error *err);
void dsi_cond_free(struct dsi_cond *c); ///< NULL is fine.
void dsi_cond_wait(struct dsi_cond *c, struct dsi_mutex *m);

/// Waits at most `ns`; false when that time passed. Either way look at the condition.
bool dsi_cond_wait_ns(struct dsi_cond *c, struct dsi_mutex *m, int64_t ns);
void dsi_cond_broadcast(struct dsi_cond *c);

/// Nobody forks between the two. They do not nest, and nothing in between may wait.
void dsi_fork_hold(void);
void dsi_fork_let(void);

/// `in_child` is called in each child that is forked without exec from now on, in its one
/// thread, as if between the two above. For good, and once in a process.
DS_MUST_CHECK int dsi_fork_tell(void (*in_child)(void), struct ds_error *err);

/// `may` is asked before each such fork, as if between the two, which waits until it is
/// told yes, a second at most. For good, and once in a process.
DS_MUST_CHECK int dsi_fork_ask(bool (*may)(void), struct ds_error *err);

/// Between the two a fork waits, a second at most, and while one waits nobody enters: for
/// calls of a library whose state a child must not inherit half done. They may take long.
DS_MUST_CHECK int dsi_fork_enter(struct ds_error *err);
void dsi_fork_leave(void);

/// Another number in each child that was forked since somebody first entered, told or
/// asked: whether threads and what they guard are still this process's.
unsigned dsi_fork_generation(void);

/// Runs `run(arg)` in a thread of its own, with every signal blocked. Ends by
/// dsi_thread_join.
DS_MUST_CHECK int dsi_thread_start(struct dsi_thread **out, void (*run)(void *),
                                   void *arg, struct ds_error *err);
void dsi_thread_join(struct dsi_thread *t); ///< NULL is fine.
int dsi_thread_cores(void);

#endif
