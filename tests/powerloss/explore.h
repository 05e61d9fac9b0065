// All states after a cut, each looked at: in classes.
//
// What looking at a state says is a function of what is read of it. So each look notes
// what it asked of the disk, and what was answered: every state with these answers has
// this verdict. Answers follow from units of choice; the rest of the states are those
// that differ in a unit that was read, and of them one is taken next. See README.md.
//
// One thread; looks are children.
#ifndef DSI_TEST_EXPLORE_H
#define DSI_TEST_EXPLORE_H

#include "crash/table_kit.h"
#include "powerloss/disk.h"

enum { EXPLORE_ASKED_MAX = 8192, EXPLORE_ABOUT_MAX = 400 };

/// What a look says, in memory that is shared with the child that looks.
struct explore_look {
    char why[KIT_WHY_MAX]; // "": all is well.
    uint32_t count;
    struct disk_question asked[EXPLORE_ASKED_MAX]; // Each once, in their order.
};

/// Looks at the state that is chosen, and fills *out, zero before.
typedef void (*explore_look_fn)(void *arg, struct explore_look *out);

struct explore_tally {
    long double states; // All: of each cut, its choices.
    uint64_t classes;   // Of each cut, those that differ in what is read.
    uint64_t looked;    // Looks; the other classes have a verdict from another cut.
    uint64_t wrong;     // Classes.
    uint64_t cuts;
    uint64_t cut_short; // Cuts, for `most`.
    uint64_t audited;
    uint64_t audited_otherwise; // With another verdict than was known.
    char first_wrong[KIT_WHY_MAX + EXPLORE_ABOUT_MAX];
};

struct explore;

/// For one disk, which is borrowed.
struct explore *explore_new(struct disk *d, explore_look_fn look, void *arg);
void explore_free(struct explore *e);

struct explore_limits {
    uint64_t most;    // Classes of one cut; 0: all.
    uint64_t audit;   // Of so many classes one state is looked at all the same; 0: none.
    bool until_wrong; // One wrong state is enough.
};

/// Goes through all cuts, the last first, and adds to *t.
void explore_all(struct explore *e, const struct explore_limits *l,
                 struct explore_tally *t);

#endif
