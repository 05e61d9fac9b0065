// Calls of the library that may take long, and Ctrl-C in them.
//
// While such a call goes on without the interpreter, it is asked every few milliseconds
// whether to stop; the answer looks for signals, at most twenty times a second, and in
// the thread alone in which Python handles them. What a handler raises is kept, stops the
// call, and is raised when the call is back. What the call was asked by another thread
// (a Stop) stops it as well.
//
// What the library has to say meanwhile in the call's own thread, about what it waits
// for, goes to the logger "datashard" on the same occasions.
#ifndef DATASHARD_CORE_WAIT_H
#define DATASHARD_CORE_WAIT_H

#include "core.h"

#include <stdatomic.h>

/// One call. It stays where it is while the call has it.
struct core_wait {
    PyThreadState *thread;
    const atomic_bool *stop; ///< NULL: nobody can stop it.
    bool signals;            ///< This thread is the one that handles them.
    int64_t looked_ms;
    PyObject *type, *value, *traceback; ///< What a handler raised.
    struct ds_cancel_scope scope;
    struct core_wait *outer; ///< The call in which a handler made this one.
    char warning[512];       ///< For the logger; "": nothing.
};

/// Puts the question into the options of a commit; the options may outlive this call.
void core_wait_ask(struct core_wait *w, struct ds_commit_options *options);

/// The same, of a call that optimizes.
void core_wait_ask_optimize(struct core_wait *w, struct ds_optimize_options *options);

/// The same, of a call that relocates.
void core_wait_ask_relocate(struct core_wait *w, struct ds_relocate_options *options);

/// Begins and ends a call, as Py_BEGIN_ALLOW_THREADS and its end do. It is asked also
/// where it has no options.
void core_wait_begin(struct core_wait *w);
void core_wait_end(struct core_wait *w);

/// 1 when a handler raised something, which is raised now; else 0.
int core_wait_raise(struct core_wait *w);

/// What a call that has ended gives: `made` (NULL: an exception is set), or NULL when a
/// handler has raised, which counts for more. Takes the reference.
PyObject *core_wait_give(struct core_wait *w, PyObject *made);

/// Lets go of what a handler raised, when something else is raised.
void core_wait_forget(struct core_wait *w);

/// What a commit that has ended gives: its result, or an exception (and NULL).
///   A handler has raised, or raises now:
///     committed      that, with the result as its attribute `committed`;
///     not committed  that;
///     unknown        CommitUnknown, caused by that.
PyObject *core_wait_committed(struct core_wait *w, int rc,
                              const struct ds_commit_result *result,
                              const struct ds_error *err);

/// The type Stop, and watch(stop or None): what this thread's calls are stopped by. Makes
/// the library's warnings come to the calls during which they are given.
int core_wait_register(PyObject *module, struct core_state *state);
PyObject *core_watch(PyObject *module, PyObject *stop);

#endif
