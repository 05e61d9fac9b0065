// What is recorded: operations on a table, as one process or several do them.
#ifndef DSI_TEST_RECORDINGS_H
#define DSI_TEST_RECORDINGS_H

#include "crash/table_kit.h"
#include "powerloss/trace.h"

enum {
    BASES = 2, // Appends that are there from the start: KIT_DOOMED and the next ones.
    DELETION = BASES + 1, // The number of a deletion before the trace.
    ROWS = 3,
    NUMBER_CREATE = 0, // What is acknowledged when a table was made.
    FIRST = 10,        // Appends of the trace: 10 and the next ones.
    CHILD_SECONDS = 300,
};

struct recording {
    const char *name;
    bool small;   // Those of them that together need each kind of sync.
    bool creates; // The table is not there before.
    enum kit_sort sort;
    enum kit_change change; // What FIRST does; the others append.
    bool deletes;           // From the start: append KIT_DOOMED is taken out.
    unsigned appends;       // FIRST and the next ones may be there afterwards.
    void (*run)(struct kit_place *p, struct trace *t);  // In a child.
    void (*then)(struct kit_place *p, struct trace *t); // In another, after it; or NULL.
};

extern const struct recording recordings[];
extern const size_t recordings_count;

/// Makes the table there that the recording begins with; ends the process where it
/// cannot.
void recording_base(const struct recording *what, const struct kit_place *p);

#endif
