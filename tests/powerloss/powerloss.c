// Every disk state after a power cut, opened: see README.md.
//
//   check_powerloss [--most N] [--small yes] [--audit N] [--jobs N] [--mutants no]
//                   [--blind yes] [--only TRACE] [--catalog sqlite|path]
//
// --most bounds the classes of one cut, and --small takes few traces: the small form.
// --audit looks again at one state of every N-th class; --blind yes plants a mistake that
// it has to see.
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "powerloss/check.h"
#include "powerloss/witness.h"

enum { JOBS_MAX = 16, MUTANTS_MAX = 256 };

// Syncs that no state shows to be needed, and why they are there.
static const struct {
    const char *name;
    const char *why;
} needless[] = {
    {"sqlite: directory of the database #2",
     "SQLite's own, for each transaction that opens its journal; the first is needed"},
    {"path: directory t #2",
     "once for each handle: whether a name is older than the sync before cannot be seen"},
    {"path: directory above #2",
     "for the table's name, after one for a foreign file's; the same as the one before"},
    {"sqlite: directory above #2", "likewise"},
};

// What all jobs together found, in memory that they share.
struct tally {
    atomic_uint next; // Job to be taken.
    atomic_flag lock; // Of what follows.
    unsigned traces;
    struct explore_tally all;
    struct explore_tally mutated;
    unsigned syncs_alone[2]; // By catalog.
    unsigned syncs_group[2]; // For all twelve.
    struct {
        char name[DISK_SITE_MAX + 8];
        bool caught;
    } mutants[MUTANTS_MAX]; // By name over all recordings.
    uint32_t mutant_count;
};

static void lock(struct tally *t)
{
    while (atomic_flag_test_and_set(&t->lock)) {
    }
}

static void unlock(struct tally *t)
{
    atomic_flag_clear(&t->lock);
}

static void sum(struct explore_tally *to, const struct explore_tally *t)
{
    to->states += t->states;
    to->classes += t->classes;
    to->looked += t->looked;
    to->wrong += t->wrong;
    to->cuts += t->cuts;
    to->cut_short += t->cut_short;
    to->audited += t->audited;
    to->audited_otherwise += t->audited_otherwise;
}

// --- One job: a recording on one catalog ----------------------------------------------

struct job {
    struct kit_place place;
    const struct recording *what;
    struct trace *trace;
    struct disk *disk;
    struct explore *explore;
    struct tally *tally;
};

static double seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

struct child_run {
    struct job *job;
    void (*run)(struct kit_place *p, struct trace *t);
};

static void record(void *arg)
{
    struct child_run *r = arg;
    trace_start(r->job->trace);
    r->run(&r->job->place, r->job->trace);
}

static void make_base(void *arg)
{
    struct job *j = arg;
    recording_base(j->what, &j->place);
}

static void run_recording(struct job *j)
{
    struct child_run first = {j, j->what->run};
    struct child_run second = {j, j->what->then};
    char before[KIT_PATH_MAX + 8];

    kit_remove(j->place.root);
    mkdir(j->place.root, 0777);
    if (j->place.sqlite) { // Where a catalog goes, somebody has made durably.
        snprintf(before, sizeof before, "%.500s/catalog", j->place.root);
        mkdir(before, 0777);
    }
    if (!j->what->creates && kit_in_child(make_base, j, CHILD_SECONDS) != 0) {
        abort();
    }
    snprintf(before, sizeof before, "%.500s.kept", j->place.root);
    kit_copy(j->place.root, before);
    j->trace = trace_new(j->place.root);
    int status = kit_in_child(record, &first, CHILD_SECONDS);
    bool died = WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL;
    if (j->what->then ? !died : status != 0) {
        fprintf(stderr, "recording %s ended with %#x\n", j->what->name, (unsigned)status);
        abort();
    }
    if (j->what->then && kit_in_child(record, &second, CHILD_SECONDS) != 0) {
        abort();
    }
    kit_copy(before, j->place.root); // The disk as it was before.
    j->disk = disk_new(j->place.root, j->trace);
}

static void look(void *arg, struct explore_look *out)
{
    struct job *j = arg;
    check_chosen(j->what, &j->place, j->disk, out);
}

static void note_mutant(struct tally *t, const char *catalog, const char *site,
                        bool caught)
{
    char name[sizeof t->mutants[0].name];
    uint32_t at = 0;

    snprintf(name, sizeof name, "%s: %.60s", catalog, site);
    lock(t);
    while (at < t->mutant_count && strcmp(t->mutants[at].name, name) != 0) {
        at++;
    }
    if (at < MUTANTS_MAX) {
        memcpy(t->mutants[at].name, name, sizeof name);
        t->mutants[at].caught = t->mutants[at].caught || caught;
        t->mutant_count = at == t->mutant_count ? at + 1 : t->mutant_count;
    }
    unlock(t);
}

static void run_mutants(struct job *j, const struct explore_limits *all)
{
    char sites[DISK_SITES_MAX][DISK_SITE_MAX];
    size_t count = disk_sites(j->disk, sites);
    const char *catalog = j->place.sqlite ? "sqlite" : "path";
    struct explore_limits limits = *all;

    limits.until_wrong = true;
    for (size_t i = 0; i < count; i++) {
        struct explore_tally t = {.states = 0};
        disk_leave_out(j->disk, sites[i]);
        explore_all(j->explore, &limits, &t);
        note_mutant(j->tally, catalog, sites[i], t.wrong > 0);
        printf("%s on %s without %s: %s (%llu looked at)\n", j->what->name, catalog,
               sites[i], t.wrong ? t.first_wrong : "nothing wrong",
               (unsigned long long)t.looked);
        fflush(stdout);
        lock(j->tally);
        sum(&j->tally->mutated, &t);
        unlock(j->tally);
    }
}

static void add_to_tally(struct job *j, const struct explore_tally *found, double took)
{
    struct tally *t = j->tally;
    size_t syncs = 0;
    size_t acks = 0;
    size_t warm = 0;
    const char *catalog = j->place.sqlite ? "sqlite" : "path";

    disk_count(j->disk, &syncs, &acks, &warm);
    printf("%s on %s: %zu syncs, %zu acknowledged; %llu cuts, %.6Lg states in %llu "
           "classes, %llu looked at, %llu wrong, %.1f s\n",
           j->what->name, catalog, syncs, acks, (unsigned long long)found->cuts,
           found->states, (unsigned long long)found->classes,
           (unsigned long long)found->looked, (unsigned long long)found->wrong, took);
    if (found->wrong > 0) {
        printf("%s on %s: %s\n", j->what->name, catalog, found->first_wrong);
    }
    fflush(stdout);
    lock(t);
    t->traces++;
    sum(&t->all, found);
    if (strcmp(j->what->name, "three") == 0) {
        t->syncs_alone[j->place.sqlite] = (unsigned)(warm / (acks - 1));
    } else if (strcmp(j->what->name, "twelve") == 0) {
        t->syncs_group[j->place.sqlite] = (unsigned)warm;
    }
    unlock(t);
}

struct options {
    struct explore_limits limits;
    unsigned jobs;
    bool mutants;
    bool small;
    const char *only;
    const char *catalog;
};

static void run_job(const struct recording *what, bool sqlite, const char *dir,
                    const struct options *o, struct tally *t)
{
    struct job j = {.what = what, .tally = t, .place = {.sqlite = sqlite}};
    struct explore_tally found = {.states = 0};

    snprintf(j.place.root, sizeof j.place.root, "%.300s/%s-%s", dir, what->name,
             sqlite ? "sqlite" : "path");
    run_recording(&j);
    j.explore = explore_new(j.disk, look, &j);
    double began = seconds();
    explore_all(j.explore, &o->limits, &found);
    add_to_tally(&j, &found, seconds() - began);
    if (found.wrong == 0 && o->mutants) {
        run_mutants(&j, &o->limits);
    }
    explore_free(j.explore);
    disk_free(j.disk);
    trace_free(j.trace);
    kit_remove(j.place.root);
    printf("%s on %s: %.1f s\n", what->name, sqlite ? "sqlite" : "path",
           seconds() - began);
}

// How many mutants there are, and how many were caught by some trace. One that was not
// is said to be superfluous; where that is known, it does not count.
static unsigned count_mutants(const struct tally *t, unsigned *caught)
{
    unsigned mutants = 0;

    for (uint32_t i = 0; i < t->mutant_count; i++) {
        const char *why = NULL;
        for (size_t k = 0; k < sizeof needless / sizeof needless[0]; k++) {
            if (strcmp(needless[k].name, t->mutants[i].name) == 0) {
                why = needless[k].why;
            }
        }
        *caught += t->mutants[i].caught;
        mutants += t->mutants[i].caught || !why;
        if (!t->mutants[i].caught) {
            printf("superfluous: %s%s%s\n", t->mutants[i].name, why ? ": " : "",
                   why ? why : "");
        }
    }
    return mutants;
}

static void take_jobs(const struct options *o, const char *dir, struct tally *t)
{
    for (;;) {
        unsigned at = atomic_fetch_add(&t->next, 1);
        if (at >= 2 * recordings_count) {
            break;
        }
        const struct recording *what = &recordings[at / 2];
        bool sqlite = at % 2;
        if ((!o->small || what->small) &&
            (!o->only || strcmp(o->only, what->name) == 0) &&
            (!o->catalog || strcmp(o->catalog, sqlite ? "sqlite" : "path") == 0)) {
            run_job(what, sqlite, dir, o, t);
        }
    }
}

static bool parse(int argc, char **argv, struct options *o)
{
    for (int i = 1; i + 1 < argc; i += 2) {
        unsigned number = (unsigned)strtoul(argv[i + 1], NULL, 10);
        if (strcmp(argv[i], "--most") == 0 && number > 0) {
            o->limits.most = number;
        } else if (strcmp(argv[i], "--audit") == 0 && number > 0) {
            o->limits.audit = number;
        } else if (strcmp(argv[i], "--jobs") == 0 && number > 0 && number <= JOBS_MAX) {
            o->jobs = number;
        } else if (strcmp(argv[i], "--mutants") == 0) {
            o->mutants = strcmp(argv[i + 1], "no") != 0;
        } else if (strcmp(argv[i], "--small") == 0) {
            o->small = strcmp(argv[i + 1], "no") != 0;
        } else if (strcmp(argv[i], "--blind") == 0) {
            witness_is_blind = strcmp(argv[i + 1], "no") != 0;
        } else if (strcmp(argv[i], "--only") == 0) {
            o->only = argv[i + 1];
        } else if (strcmp(argv[i], "--catalog") == 0) {
            o->catalog = argv[i + 1];
        } else {
            return false;
        }
    }
    return argc % 2 == 1;
}

static bool say(const struct options *o, const struct tally *t)
{
    const struct explore_tally *a = &t->all;
    const struct explore_tally *m = &t->mutated;
    uint64_t otherwise = a->audited_otherwise + m->audited_otherwise;
    unsigned caught = 0;
    unsigned mutants = count_mutants(t, &caught);

    printf("for the mutants: %.6Lg states in %llu classes, %llu looked at\n", m->states,
           (unsigned long long)m->classes, (unsigned long long)m->looked);
    if (o->limits.audit > 0) {
        printf("audit: %llu classes looked at once more, %llu otherwise\n",
               (unsigned long long)a->audited + (unsigned long long)m->audited,
               (unsigned long long)otherwise);
    }
    printf("powerloss: traces=%u cuts=%llu states=%.6Lg classes=%llu looked_at=%llu "
           "cut_short=%llu violations=%llu sync_mutants=%u/%u "
           "fsyncs_alone=sqlite:%u,path:%u "
           "fsyncs_per_append_group12=sqlite:%.2f,path:%.2f\n",
           t->traces, (unsigned long long)a->cuts, a->states,
           (unsigned long long)a->classes, (unsigned long long)a->looked,
           (unsigned long long)a->cut_short, (unsigned long long)a->wrong, caught,
           mutants, t->syncs_alone[1], t->syncs_alone[0], t->syncs_group[1] / 12.0,
           t->syncs_group[0] / 12.0);
    return a->wrong == 0 && otherwise == 0 && caught == mutants;
}

int main(int argc, char **argv)
{
    struct options o = {.jobs = 2, .mutants = true};
    struct tally *t = kit_shared(sizeof *t);
    char dir[KIT_PATH_MAX];
    bool failed = false;
    int status = 0;

    if (!parse(argc, argv, &o)) {
        fprintf(stderr, "usage: see the top of powerloss.c\n");
        return 2;
    }
    if (!kit_scratch("powerloss", dir)) {
        return 2;
    }
    for (unsigned i = 0; i < o.jobs; i++) {
        fflush(stdout);
        if (fork() == 0) {
            take_jobs(&o, dir, t);
            fflush(stdout);
            _exit(0);
        }
    }
    while (wait(&status) > 0) {
        failed = failed || status != 0;
    }
    kit_remove(dir);
    bool well = say(&o, t);
    return failed || !well;
}
