// Fault points: places where a test can make the world fail.
//
// Shipped builds compile them to nothing. A test build asks dsi_fault_hit() at each
// point; the harness runs the same test again and again, failing the 1st, the 2nd, the
// 3rd … point reached, until a run passes without reaching the chosen one.
//
// One plan at a time. Points may be reached from any thread; with several threads the
// n-th point is a matter of scheduling, so such a test checks what holds for every one.
#ifndef DSI_BASE_FAULT_H
#define DSI_BASE_FAULT_H

#include <stdbool.h>
#include <stdint.h>

#ifdef DSI_TESTING
bool dsi_fault_hit(const char *point);
#define DSI_FAULT(point) dsi_fault_hit(point)

struct dsi_fault_plan {
    bool lasting;     // Everything after the chosen point fails too.
    bool started;     // Kept by dsi_fault_next.
    uint32_t target;  // Which hit fails in this run, counted from 1.
    const char *name; // The point that failed first, or NULL.
};

// Advances to the next run; false once every point has been failed once. The plan must
// outlive the run: it is in use until it is exhausted or dsi_fault_stop is called.
bool dsi_fault_next(struct dsi_fault_plan *plan);

// No more faults in this run: what follows is the test looking at the outcome.
void dsi_fault_stop(void);
#else
#define DSI_FAULT(point) false
#endif

#endif
