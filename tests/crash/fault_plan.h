// One thing that goes wrong at one call of the gate: the process dies before it, after it
// or in the middle of what it writes; or the call fails, once or from then on.
#ifndef DSI_TEST_FAULT_PLAN_H
#define DSI_TEST_FAULT_PLAN_H

#include "crash/gate_shim.h"

enum plan_fault {
    PLAN_NOTHING, // Counts the calls.
    PLAN_DIE_BEFORE,
    PLAN_DIE_AFTER,
    PLAN_DIE_WITHIN, // Half of a write is done.
    PLAN_EIO,
    PLAN_EIO_FOREVER,
    PLAN_ENOSPC,
    PLAN_ENOSPC_FOREVER, // Whatever takes room fails from then on.
    PLAN_EINTR,
    PLAN_EINTR_FOREVER, // The next fifty calls of that sort that can be interrupted.
    PLAN_SHORT,
    PLAN_SHORT_FOREVER,
    PLAN_DONE_BUT_EIO, // It is done, and says that it failed.
    PLAN_FAULTS
};

extern const char *const plan_fault_names[PLAN_FAULTS];

enum { PLAN_PATHS_MAX = 256, PLAN_PATH_MAX = 384 };

/// What the process under the plan leaves for its parent; in shared memory.
struct plan_report {
    uint32_t calls;  // Made, of those that count.
    uint32_t hits;   // The fault struck.
    char struck[32]; // The call it struck first.
    uint32_t path_count;
    char paths[PLAN_PATHS_MAX][PLAN_PATH_MAX]; // Names it made or tried to remove.
};

/// Seen by each call: before what the plan does, and after the call if it was made.
struct plan_hooks {
    void (*before)(const struct shim_call *call);
    void (*after)(const struct shim_call *call, int64_t result);
};

/// Starts the shim with this plan, for the rest of the process. `call` counts from 1; it
/// may be given by its name and how its other name, or its text, begins or ends, instead.
/// `hooks` may be NULL.
struct plan_point {
    uint32_t call;
    const char *name;
    const char *part;
};
void plan_start(enum plan_fault fault, const struct plan_point *at,
                const struct plan_hooks *hooks, struct plan_report *report);

/// True when the process made this name, or was about to remove it.
bool plan_made(const struct plan_report *r, const char *path);

static inline bool plan_dies(enum plan_fault f)
{
    return f == PLAN_DIE_BEFORE || f == PLAN_DIE_AFTER || f == PLAN_DIE_WITHIN;
}

#endif
