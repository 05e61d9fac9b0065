/// The wish of a thread to stop, for calls that have no option for it.
#ifndef DATASHARD_CANCEL_H
#define DATASHARD_CANCEL_H

#include <stdbool.h>

#include "datashard/export.h"

#ifdef __cplusplus
extern "C" {
#endif

/// `cancelled` and `arg` are set by the caller, the rest is zero and the library's.
struct ds_cancel_scope {
    bool (*cancelled)(void *arg); ///< NULL: the scope is none.
    void *arg;
    bool seen;
    bool asking;
    struct ds_cancel_scope *outer;
};

/// Until ds_cancel_end, every call of this thread asks `cancelled(arg)` every few
/// milliseconds wherever it waits for a database, a lock or other writers, opening a
/// catalog or a table included. True: it waits no longer, and so do the calls after it.
/// What was waiting ends with DS_ECANCELLED, and has changed nothing; a commit ends as
/// struct ds_commit_options says of its own `cancelled`, which goes before this one. What
/// is asked may use the library, but nothing that the waiting call uses. Scopes nest, the
/// innermost is asked, and each ends in its thread. The caller's memory until then.
DS_API void ds_cancel_begin(struct ds_cancel_scope *scope);
DS_API void ds_cancel_end(struct ds_cancel_scope *scope);

#ifdef __cplusplus
}
#endif

#endif
