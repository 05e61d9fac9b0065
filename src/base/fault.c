#include "base/fault.h"

#ifdef DSI_TESTING
#include <assert.h>
#include <stdatomic.h>
#include <stddef.h>

static struct dsi_fault_plan *_Atomic active;
static _Atomic uint32_t seen; // Points reached so far in this run, by all threads.

bool dsi_fault_hit(const char *point)
{
    struct dsi_fault_plan *plan = atomic_load(&active);

    assert(point);
    if (!plan) {
        return false;
    }
    uint32_t nth = atomic_fetch_add(&seen, 1) + 1;
    if (nth < plan->target) {
        return false;
    }
    if (nth == plan->target) {
        plan->name = point; // Only one thread draws this number.
    }
    return nth == plan->target || plan->lasting;
}

void dsi_fault_stop(void)
{
    atomic_store(&active, NULL);
}

bool dsi_fault_next(struct dsi_fault_plan *plan)
{
    if (plan->started && !plan->name) {
        atomic_store(&active,
                     NULL); // The last run reached no new point: all are covered.
        return false;
    }
    plan->started = true;
    plan->target++;
    plan->name = NULL;
    atomic_store(&seen, 0);
    atomic_store(&active, plan);
    return true;
}
#else
typedef int dsi_fault_is_compiled_out; // ISO C forbids an empty translation unit.
#endif
