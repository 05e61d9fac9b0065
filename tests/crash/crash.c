// A crash, or a failure, at every call of the gate: see README.md.
//
//   check_crash [--every N] [--only OPERATION] [--catalog sqlite|path] [--fault NAME]
//               [--call N] [--jobs N]
//
// --every N takes each N-th point only: the small form. The others replay one point.
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "crash/scene.h"
#include "txn/mutant.h"

enum { JOBS_MAX = 16, FAILURES_SHOWN = 20 };

// --- The operations -------------------------------------------------------------------

static const struct scene_operation operations[] = {
    {.name = "plain", .group = DS_GROUP_OFF},
    {.name = "tidy", .group = DS_GROUP_OFF, .sort = KIT_TIDY},
    {.name = "merge", .group = DS_GROUP_OFF, .sort = KIT_TIDY, .merges = true},
    // Files, columns and snapshots that come and go: groups of one.
    {.name = "delete", .change = KIT_DELETE},
    {.name = "replace", .change = KIT_REPLACE},
    {.name = "replace-tidy", .change = KIT_REPLACE, .sort = KIT_TIDY},
    {.name = "widen", .change = KIT_WIDEN},
    {.name = "expire", .change = KIT_EXPIRE, .deletes = true},
    {.name = "join", .change = KIT_JOIN},
    {.name = "create", .creates = true},
    // A group of one, which makes the queue.
    {.name = "first"},
    {.name = "first-tidy", .sort = KIT_TIDY},
    {.name = "leading",
     .has_queue = true,
     .others = 2,
     .roles = {PERSON_HEAD, PERSON_TAIL, PERSON_TAIL}},
    {.name = "leading-large",
     .has_queue = true,
     .sort = KIT_LARGE,
     .others = 2,
     .roles = {PERSON_HEAD, PERSON_TAIL, PERSON_TAIL}},
    {.name = "following",
     .has_queue = true,
     .others = 2,
     .roles = {PERSON_TAIL, PERSON_HEAD, PERSON_TAIL}},
    {.name = "following-large",
     .has_queue = true,
     .sort = KIT_LARGE,
     .others = 2,
     .roles = {PERSON_TAIL, PERSON_HEAD, PERSON_TAIL}},
    // What is more than an append, in a group with appends.
    {.name = "join-leading",
     .change = KIT_JOIN,
     .has_queue = true,
     .others = 2,
     .roles = {PERSON_HEAD, PERSON_TAIL, PERSON_TAIL}},
    {.name = "join-following",
     .change = KIT_JOIN,
     .has_queue = true,
     .others = 2,
     .roles = {PERSON_TAIL, PERSON_HEAD, PERSON_TAIL}},
    {.name = "replace-leading",
     .change = KIT_REPLACE,
     .has_queue = true,
     .others = 1,
     .roles = {PERSON_HEAD, PERSON_TAIL}},
    {.name = "delete-following",
     .change = KIT_DELETE,
     .has_queue = true,
     .others = 1,
     .roles = {PERSON_TAIL, PERSON_HEAD}},
    {.name = "expire-leading",
     .change = KIT_EXPIRE,
     .deletes = true,
     .has_queue = true,
     .others = 2,
     .roles = {PERSON_HEAD, PERSON_TAIL, PERSON_TAIL}},
    // From a leader that died before its swap, and just after it.
    {.name = "taking-over",
     .has_queue = true,
     .others = 2,
     .ghost = PLAN_DIE_BEFORE,
     .roles = {PERSON_TAIL, PERSON_HEAD, PERSON_LATE_TAIL}},
    {.name = "taking-over-late",
     .has_queue = true,
     .others = 2,
     .ghost = PLAN_DIE_AFTER,
     .roles = {PERSON_TAIL, PERSON_HEAD, PERSON_LATE_TAIL}},
};
enum { OPERATIONS = sizeof operations / sizeof operations[0] };

// --- All points -----------------------------------------------------------------------

struct choice {
    unsigned every;
    unsigned jobs;
    const char *only;
    const char *catalog;
    const char *fault;
    uint32_t call;
    bool quiet;
};

// Counts of all jobs.
struct tally {
    atomic_uint points;
    atomic_uint deaths;
    atomic_uint wrong[SCENE_WRONGS];
    atomic_uint shown;
};

static void report_failure(const struct scene *s, struct tally *t)
{
    if (atomic_fetch_add(&t->shown, 1) < FAILURES_SHOWN) {
        printf("%s at %s, call %u (%s) of %s on %s: %s\n  again: check_crash --only %s "
               "--catalog %s --fault %s --call %u\n",
               scene_wrong_names[s->shared->wrong], plan_fault_names[s->fault], s->call,
               s->shared->persons[0].plan.struck, s->op->name,
               s->place.sqlite ? "sqlite" : "path", s->shared->why, s->op->name,
               s->place.sqlite ? "sqlite" : "path", plan_fault_names[s->fault], s->call);
        fflush(stdout);
    }
}

static void run_point(struct scene *s, struct tally *t, bool quiet)
{
    scene_run(s);
    bool struck = s->shared->persons[0].plan.hits > 0;
    atomic_fetch_add(&t->points, struck);
    atomic_fetch_add(&t->deaths, struck && plan_dies(s->fault));
    atomic_fetch_add(&t->wrong[s->shared->wrong], 1);
    if (s->shared->wrong != SCENE_FINE && !quiet) {
        report_failure(s, t);
    }
}

static bool is_wanted(const struct choice *c, const struct scene *s)
{
    return (!c->fault || strcmp(c->fault, plan_fault_names[s->fault]) == 0) &&
           (c->call == 0 || c->call == s->call);
}

// Whether the operation was, undisturbed, what it is called: then its points are too.
static bool is_what_it_says(const struct scene *s)
{
    const struct scene_shared *h = s->shared;
    uint32_t members = h->persons[0].told.result.group_size;
    bool leads = s->op->roles[0] == PERSON_HEAD || s->op->ghost;

    bool alone = s->op->group == DS_GROUP_OFF;

    if (s->op->creates || alone) {
        return members == 0 && (h->persons[0].told.merged > 0) == s->op->merges;
    }
    if (s->op->ghost == PLAN_DIE_AFTER) { // Its group is committed; it is found there.
        return h->people.is[0].led && h->persons[1].plan.hits > 0;
    }
    return h->people.is[0].led == (leads || s->op->others == 0) &&
           members == s->op->others + 1 - (s->op->ghost ? 1 : 0);
}

// All points of one operation on one catalog that fall to this job.
static void run_operation(struct scene *s, const struct choice *c, unsigned job,
                          struct tally *t)
{
    unsigned nth = 0;

    s->fault = PLAN_NOTHING;
    s->call = 0;
    scene_run(s);
    if (s->shared->wrong != SCENE_FINE) {
        atomic_fetch_add(&t->wrong[s->shared->wrong], 1);
        report_failure(s, t);
        return;
    }
    if (!is_what_it_says(s)) {
        printf("%s on %s: the victim %s, in a group of %u\n", s->op->name,
               s->place.sqlite ? "sqlite" : "path",
               s->shared->people.is[0].led ? "led" : "did not lead",
               s->shared->persons[0].told.result.group_size);
        atomic_fetch_add(&t->wrong[SCENE_STUCK], 1);
    }
    uint32_t calls = s->shared->persons[0].plan.calls;
    for (int f = PLAN_NOTHING + 1; f < PLAN_FAULTS; f++) {
        for (uint32_t call = 1; call <= calls; call++, nth++) {
            s->fault = (enum plan_fault)f;
            s->call = call;
            if (nth % (c->every * c->jobs) == job * c->every && is_wanted(c, s)) {
                run_point(s, t, c->quiet);
            }
        }
    }
    if (job == 0 && !c->quiet) {
        printf("%s on %s: %u calls\n", s->op->name, s->place.sqlite ? "sqlite" : "path",
               calls);
        fflush(stdout);
    }
}

static void run_job(const struct choice *c, const char *dir, unsigned job,
                    struct tally *t)
{
    struct scene s = {.shared = kit_shared(sizeof *s.shared)};
    char own[KIT_PATH_MAX];

    snprintf(own, sizeof own, "%.400s/job%u", dir, job);
    for (unsigned i = 0; i < OPERATIONS; i++) {
        for (int sqlite = 0; sqlite < 2; sqlite++) {
            s.op = &operations[i];
            s.place.sqlite = sqlite;
            if ((c->only && strcmp(c->only, s.op->name) != 0) ||
                (c->catalog && strcmp(c->catalog, sqlite ? "sqlite" : "path") != 0)) {
                continue;
            }
            scene_set_up(&s, own);
            run_operation(&s, c, job, t);
        }
    }
}

static void run_jobs(const struct choice *c, const char *dir, struct tally *t)
{
    for (unsigned job = 0; job < c->jobs; job++) {
        fflush(stdout);
        pid_t pid = fork();
        if (pid == 0) {
            run_job(c, dir, job, t);
            fflush(stdout);
            _exit(0);
        }
    }
    int status = 0;
    while (wait(&status) > 0) {
        if (status != 0) {
            printf("a job ended with wait status %#x\n", (unsigned)status);
            atomic_fetch_add(&t->wrong[SCENE_STUCK], 1);
        }
    }
}

// --- Planted bugs ---------------------------------------------------------------------

// A writer that does not look whether its commit is there before it writes it again
// makes rows twice: some crash must show it.
static bool planted_is_caught(const char *dir)
{
    struct scene s = {.shared = kit_shared(sizeof *s.shared), .op = &operations[0]};
    char own[KIT_PATH_MAX];
    bool found = false;

    snprintf(own, sizeof own, "%.400s/planted", dir);
    scene_set_up(&s, own);
    scene_run(&s);
    s.call = s.shared->persons[0].plan.calls;
    s.fresh_mutants = DSI_MUTANT_NO_LOOK;
    s.fault = PLAN_DIE_BEFORE;
    for (; s.call > 0 && !found; s.call--) { // From the end: what matters happens late.
        scene_run(&s);
        found = s.shared->wrong == SCENE_DUPLICATE;
    }
    printf("planted bug (no look before writing again): %s\n",
           found ? s.shared->why : "NOT CAUGHT");
    return found;
}

// --------------------------------------------------------------------------------------

static bool parse(int argc, char **argv, struct choice *c)
{
    for (int i = 1; i + 1 < argc; i += 2) {
        const char *value = argv[i + 1];
        unsigned number = (unsigned)strtoul(value, NULL, 10);
        if (strcmp(argv[i], "--every") == 0 && number > 0) {
            c->every = number;
        } else if (strcmp(argv[i], "--jobs") == 0 && number > 0 && number <= JOBS_MAX) {
            c->jobs = number;
        } else if (strcmp(argv[i], "--only") == 0) {
            c->only = value;
        } else if (strcmp(argv[i], "--catalog") == 0) {
            c->catalog = value;
        } else if (strcmp(argv[i], "--fault") == 0) {
            c->fault = value;
        } else if (strcmp(argv[i], "--call") == 0) {
            c->call = number;
        } else {
            return false;
        }
    }
    return argc % 2 == 1;
}

int main(int argc, char **argv)
{
    struct choice c = {.every = 1, .jobs = 2};
    struct tally *t = kit_shared(sizeof *t);
    char dir[KIT_PATH_MAX];

    if (!parse(argc, argv, &c)) {
        fprintf(stderr, "usage: see the top of crash.c\n");
        return 2;
    }
    if (!kit_scratch("crash", dir)) {
        return 2;
    }
    bool caught = c.fault || c.call || planted_is_caught(dir);
    run_jobs(&c, dir, t);
    kit_remove(dir);
    unsigned bad = !caught;
    for (int i = SCENE_FINE + 1; i < SCENE_WRONGS; i++) {
        bad += t->wrong[i];
    }
    printf("%u of the points are deaths, the others failures\n", t->deaths);
    printf("crash: operations=%u points=%u catalogs=2 lost=%u duplicate=%u stuck=%u "
           "unreadable=%u leaked=%u miscounted=%u\n",
           (unsigned)OPERATIONS, t->points, t->wrong[SCENE_LOST],
           t->wrong[SCENE_DUPLICATE], t->wrong[SCENE_STUCK], t->wrong[SCENE_UNREADABLE],
           t->wrong[SCENE_LEAKED], t->wrong[SCENE_MISCOUNTED]);
    return bad > 0;
}
