// Writers that are to meet in one group: who leads first, and who waits for whom. Each is
// a process; what they know of each other is in shared memory, and they wait inside their
// calls of the gate, where nothing of the library can tell it from a slow system.
#ifndef DSI_TEST_PEOPLE_H
#define DSI_TEST_PEOPLE_H

#include <stdatomic.h>
#include <stdbool.h>

#include "crash/gate_shim.h"

enum { PEOPLE_MAX = 16 };

// A head leads first, and waits in that until the tails have published or are gone; a
// tail begins when the head leads or is gone. A late tail leads only after person 0 has.
enum person_role { PERSON_ALONE, PERSON_HEAD, PERSON_TAIL, PERSON_LATE_TAIL };

struct person {
    enum person_role role;
    atomic_bool led;       // Has had the leadership.
    atomic_bool published; // Has an intent in the queue.
    atomic_bool over;      // Has ended, one way or another: its parent says so.
};

struct people {
    unsigned count;
    struct person is[PEOPLE_MAX];
};

/// This process is person `me` from now on.
void people_join(struct people *p, unsigned me);

/// Waits for this person's turn to begin.
void people_wait_for_turn(void);

/// To be told of each call of the gate, before it and after it.
void people_before_call(const struct shim_call *call);
void people_after_call(const struct shim_call *call, int64_t result);

#endif
