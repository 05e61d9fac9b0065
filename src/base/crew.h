// Two threads at one task: who waits for the other does some of its work meanwhile.
//
// A crew is a lock, a condition, and the places where jobs are left. What the two wait
// for is guarded by the lock and told by the condition, so that no wait misses a job.
//
// (1) Jobs are done where a thread would wait else, and nowhere else: who never waits
//     does none, and who leaves a job does it when it is needed and nobody has begun.
// (2) A place is asked by one thread at a time or by several; it has to be for either.
#ifndef DSI_BASE_CREW_H
#define DSI_BASE_CREW_H

#include <stdbool.h>
#include <stdint.h>

#include "datashard/status.h"

struct dsi_crew;

/// Where jobs are left. Its owner fills in `help` and `arg`.
struct dsi_crew_place {
    /// Does one job; false: there is none. Called with the lock, which it gives back
    /// while it works.
    bool (*help)(void *arg);
    void *arg;
    int helping; // So many threads are in `help`.
    struct dsi_crew_place *next;
};

/// A crew with one owner.
DS_MUST_CHECK int dsi_crew_new(struct dsi_crew **out, struct ds_error *err);
struct dsi_crew *dsi_crew_keep(struct dsi_crew *c); ///< One owner more.
void dsi_crew_free(struct dsi_crew *c);             ///< One owner less; NULL is fine.

void dsi_crew_lock(struct dsi_crew *c);
void dsi_crew_unlock(struct dsi_crew *c);

// All that follow are called with the lock.

/// Something has changed, or there is a job: whoever waits looks again.
void dsi_crew_moved(struct dsi_crew *c);

/// Waits until something has changed.
void dsi_crew_wait(struct dsi_crew *c);

/// Does one job; where there is none, waits until something has changed, `ns` at most.
void dsi_crew_help(struct dsi_crew *c, int64_t ns);

/// Adds a place. From the end of the second on nobody is in it, nor will be.
void dsi_crew_add(struct dsi_crew *c, struct dsi_crew_place *place);
void dsi_crew_remove(struct dsi_crew *c, struct dsi_crew_place *place);

/// Between the two the crew is that of this thread, the one whose work is shared: what it
/// calls may leave jobs. Without the lock. They do not nest.
void dsi_crew_begin(struct dsi_crew *c);
void dsi_crew_end(void);

/// This thread's, borrowed; NULL: it has none.
struct dsi_crew *dsi_crew_current(void);

#endif
