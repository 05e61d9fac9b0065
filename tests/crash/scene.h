// One run: a table as it was set up, operations on it with one thing going wrong, and
// what a fresh process finds afterwards.
#ifndef DSI_TEST_SCENE_H
#define DSI_TEST_SCENE_H

#include "crash/fault_plan.h"
#include "crash/people.h"
#include "crash/table_kit.h"

// Numbers of appends. Two are there from the start.
enum {
    SCENE_BASE = KIT_DOOMED, // and the next one.
    SCENE_BASES = 2,
    SCENE_VICTIM = 10,   // and the next ones: of the others.
    SCENE_DELETION = 30, // Where the operation says so.
    SCENE_FRESH = 40,
    SCENE_ROWS = 3,
};

// What is wrong with a run.
enum scene_wrong {
    SCENE_FINE,
    SCENE_LOST,
    SCENE_DUPLICATE,
    SCENE_STUCK,
    SCENE_UNREADABLE,
    SCENE_LEAKED,
    SCENE_MISCOUNTED,
    SCENE_WRONGS
};

extern const char *const scene_wrong_names[SCENE_WRONGS];

// What a process said of its append.
struct scene_told {
    bool done; // It came back at all.
    int status;
    size_t merged; // Files, when it merges.
    struct ds_commit_result result;
    char message[600];
};

// Who a process is: 0 is the victim, the others follow.
enum { SCENE_PEOPLE = 4 };

struct scene_person {
    struct scene_told told;
    struct plan_report plan;
};

// In memory that all processes of a run share.
struct scene_shared {
    struct scene_person persons[SCENE_PEOPLE];
    struct people people;
    char token[512]; // As the victim would print it whose answer never came.
    enum scene_wrong wrong;
    char why[KIT_WHY_MAX];
};

struct scene;

struct scene_operation {
    const char *name;
    bool creates; // The table is not there before.
    enum kit_sort sort;
    enum kit_change change; // The victim's; the others append.
    bool deletes;           // Before: append KIT_DOOMED is taken out.
    bool merges;            // Its victim merges the files after its append.
    bool has_queue;         // From the start.
    enum ds_group_mode group;
    unsigned others;
    enum person_role roles[SCENE_PEOPLE];
    enum plan_fault ghost; // Not 0: the first of the others dies so at its swap.
};

struct scene {
    struct kit_place place;
    char kept[KIT_PATH_MAX]; // The table as it was set up.
    const struct scene_operation *op;
    struct scene_shared *shared;
    enum plan_fault fault;
    uint32_t call;
    unsigned fresh_mutants; // dsi_mutants of those who look.
    unsigned me;            // Which person this process is.
};

/// Sets the table up below `dir`, which is the scene's own, and keeps a copy.
void scene_set_up(struct scene *s, const char *dir);

/// Runs it once: from the kept copy to the verdict in s->shared.
void scene_run(struct scene *s);

#endif
