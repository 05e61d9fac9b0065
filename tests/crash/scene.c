#include "crash/scene.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "txn/mutant.h"

// A fresh writer commits within this (I8).
#define PROGRESS_MS 5000

// Under a fault that lasts, trying longer only takes longer.
#define VICTIM_TIMEOUT_MS 300

enum { PERSON_SECONDS = 60, CHECK_SECONDS = 60 };

const char *const scene_wrong_names[SCENE_WRONGS] = {
    "fine", "lost", "duplicate", "stuck", "unreadable", "leaked", "miscounted"};

static int64_t now_ms(void)
{
    struct timespec t = {0};
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static void fail_run(struct scene *s, enum scene_wrong wrong, const char *why)
{
    if (s->shared->wrong == SCENE_FINE) { // The first one tells most.
        s->shared->wrong = wrong;
        snprintf(s->shared->why, sizeof s->shared->why, "%.899s", why);
    }
}

static enum kit_change change_of(const struct scene *s, unsigned number)
{
    return number == SCENE_VICTIM ? s->op->change : KIT_APPEND;
}

static void commit(struct scene *s, unsigned number, enum ds_group_mode group,
                   bool merges, struct scene_told *told)
{
    struct kit_table t = {.table = NULL};
    struct ds_error err = {0};

    told->status = kit_open(&s->place, &t, &err);
    if (told->status == DS_OK) {
        told->status = kit_commit(&t, change_of(s, number), number, SCENE_ROWS, group,
                                  &told->result, &err);
    }
    snprintf(told->message, sizeof told->message, "%.590s", err.message);
    told->done = true;
    // Whether merging works out matters to nobody.
    if (merges && told->status == DS_OK && kit_merge(&t, &told->merged, &err) < 0) {
        told->merged = 0;
    }
    kit_close(&t);
}

// --- Setting up -----------------------------------------------------------------------

static void make_table(void *arg)
{
    struct scene *s = arg;
    struct kit_table t = {.table = NULL};
    struct ds_error err = {0};
    struct ds_commit_result r = {0};
    int rc = kit_create(&s->place, s->op->sort, &t, &err);

    for (unsigned i = 0; rc == DS_OK && i < SCENE_BASES; i++) {
        rc = kit_append(&t, SCENE_BASE + i, SCENE_ROWS,
                        s->op->has_queue ? DS_GROUP_AUTO : DS_GROUP_OFF, &r, &err);
    }
    if (rc == DS_OK && s->op->deletes) {
        rc = kit_commit(&t, KIT_DELETE, SCENE_DELETION, 0, DS_GROUP_OFF, &r, &err);
    }
    if (rc == DS_OK && s->op->change == KIT_JOIN) {
        rc = kit_make_file(&s->place, SCENE_VICTIM, SCENE_ROWS, &err);
    }
    if (rc == DS_OK) {
        rc = kit_token(&t, s->op->change, SCENE_VICTIM, s->shared->token, &err);
    }
    if (rc < 0) {
        fprintf(stderr, "setting up: %s\n", err.message);
        _exit(1);
    }
    kit_close(&t);
}

void scene_set_up(struct scene *s, const char *dir)
{
    snprintf(s->place.root, sizeof s->place.root, "%.400s/live", dir);
    snprintf(s->kept, sizeof s->kept, "%.400s/kept", dir);
    mkdir(dir, 0777);
    kit_remove(s->place.root);
    mkdir(s->place.root, 0777);
    memset(s->shared, 0, sizeof *s->shared);
    if (!s->op->creates && kit_in_child(make_table, s, CHECK_SECONDS) != 0) {
        abort();
    }
    kit_copy(s->place.root, s->kept);
}

// --- What is found --------------------------------------------------------------------

// The fate that an append may have had.
enum fate { FATE_OPEN, FATE_THERE, FATE_ABSENT };

static enum fate fate_of(const struct scene_told *told)
{
    if (told->done && told->status == DS_OK) {
        return FATE_THERE;
    }
    if (told->done && told->status != DS_EUNKNOWN) {
        return FATE_ABSENT;
    }
    return FATE_OPEN;
}

static void check_append(struct scene *s, const struct kit_rows *rows, unsigned number,
                         enum fate fate, const char *when)
{
    int there = kit_is_done(rows, change_of(s, number), number, SCENE_ROWS);
    char why[200];

    snprintf(why, sizeof why, "append %u %s: %s", number, when,
             there < 0                           ? "some rows are there twice, or not all"
             : there == 0 && fate == FATE_THERE  ? "acknowledged, and not there"
             : there == 1 && fate == FATE_ABSENT ? "refused, and there"
                                                 : "");
    if (there < 0) {
        fail_run(s, SCENE_DUPLICATE, why);
    } else if ((there == 0 && fate == FATE_THERE) ||
               (there == 1 && fate == FATE_ABSENT)) {
        fail_run(s, SCENE_LOST, why);
    }
}

static void check_all(struct scene *s, const char *when, enum fate victim,
                      struct kit_rows *rows)
{
    char why[KIT_WHY_MAX];

    kit_look(&s->place, rows, why);
    if (why[0]) {
        fail_run(s, SCENE_UNREADABLE, why);
        return;
    }
    for (unsigned i = 0; i < SCENE_BASES && !s->op->creates; i++) {
        enum fate base = i == 0 && s->op->deletes ? FATE_ABSENT : FATE_THERE;
        if (i > 0 || !kit_takes_out(s->op->change)) {
            check_append(s, rows, SCENE_BASE + i, base, when);
        }
    }
    for (unsigned i = 1; i <= s->op->others; i++) {
        check_append(s, rows, SCENE_VICTIM + i, fate_of(&s->shared->persons[i].told),
                     when);
    }
    check_append(s, rows, SCENE_VICTIM, victim, when);
    if (s->op->change == KIT_JOIN && !kit_file_is_whole(&s->place)) {
        fail_run(s, SCENE_LOST, "a file that is somebody else's is not what it was");
    }
}

// What the victim would be told that asks what became of its commit.
static void check_resolve(struct scene *s, bool there)
{
    struct kit_table t = {.table = NULL};
    struct ds_error err = {0};
    struct ds_commit_result r = {.struct_size = sizeof r};
    const struct scene_told *v = &s->shared->persons[0].told;
    const char *token = v->done && v->result.outcome == DS_UNKNOWN && v->result.token[0]
                            ? v->result.token
                            : s->shared->token;
    int rc = kit_open(&s->place, &t, &err);

    if (rc == DS_OK && s->call % 4 == 0) { // By its identity alone, first.
        enum ds_outcome outcome = DS_UNKNOWN;
        rc = kit_resolve(&t, SCENE_VICTIM, &outcome, &err);
        if (rc == DS_OK && (outcome == DS_COMMITTED) != there) {
            fail_run(s, there ? SCENE_LOST : SCENE_DUPLICATE,
                     "resolve by identity says otherwise");
        }
    }
    rc = rc < 0 ? rc : ds_table_resolve(t.table, token, 0, &r, &err);
    if (rc < 0) {
        fail_run(s, SCENE_STUCK, err.message);
    } else if ((r.outcome == DS_COMMITTED) != there) {
        fail_run(s, there ? SCENE_LOST : SCENE_DUPLICATE, "resolve says otherwise");
    }
    kit_close(&t);
}

static void check_writer(struct scene *s, unsigned number)
{
    struct scene_told told = {.done = false};
    int64_t start = now_ms();

    commit(s, number, DS_GROUP_AUTO, false, &told);
    if (told.status < 0) {
        fail_run(s, SCENE_STUCK, told.message);
    } else if (now_ms() - start > PROGRESS_MS) {
        fail_run(s, SCENE_STUCK, "a fresh writer took more than 5 s");
    }
}

// True when the table had it before: of a snapshot that the victim let expire.
static bool was_there(const struct scene *s, const char *path)
{
    char before[2 * KIT_PATH_MAX];
    struct stat st;

    snprintf(before, sizeof before, "%s%s", s->kept, path + strlen(s->place.root));
    return stat(before, &st) == 0;
}

// A file that nobody refers to is one that the victim made, or did not come to remove
// (I10). Nothing is left over when nothing went wrong.
static int check_leftover(void *arg, const char *path, int64_t size)
{
    struct scene *s = arg;
    const struct scene_person *victim = &s->shared->persons[0];
    const struct scene_person *ghost = &s->shared->persons[1];
    bool explained = false;
    char why[KIT_WHY_MAX];
    (void)size;

    if (victim->plan.hits > 0) {
        explained = plan_made(&victim->plan, path) || was_there(s, path);
    }
    if (s->op->ghost && ghost->plan.hits > 0) {
        explained = explained || plan_made(&ghost->plan, path);
    }
    if (!explained) {
        snprintf(why, sizeof why, "%.500s is left over", path);
        fail_run(s, SCENE_LEAKED, why);
    }
    return DS_OK;
}

// Nobody lives who has anything of the queue's.
static void check_queue(struct scene *s)
{
    struct dsi_queue_view v;

    if (kit_queue_look(&s->place, &v) &&
        (v.slots_used > 0 || v.leader_pid != 0 || v.published + v.claimed > 0)) {
        fail_run(s, SCENE_LEAKED, "the queue has slots or a leader of the dead");
    }
}

// Whoever was killed, and when: all appends that came by the queue are counted, once.
// (Half of what is in one page, as PLAN_DIE_WITHIN leaves it, no kill does.)
static void check_counters(struct scene *s, const struct kit_rows *rows)
{
    struct dsi_queue_view v;
    char why[200];

    if (!s->op->has_queue || s->op->change != KIT_APPEND ||
        (s->fault != PLAN_DIE_BEFORE && s->fault != PLAN_DIE_AFTER) ||
        !kit_queue_look(&s->place, &v) || v.counters.alone > 0) {
        return;
    }
    if (v.counters.rows != rows->total ||
        v.counters.appends * SCENE_ROWS != rows->total) {
        snprintf(why, sizeof why,
                 "%llu rows and %llu appends are counted, %zu rows are there",
                 (unsigned long long)v.counters.rows,
                 (unsigned long long)v.counters.appends, rows->total);
        fail_run(s, SCENE_MISCOUNTED, why);
    }
}

static void look_at_new(struct scene *s)
{
    struct kit_table t = {.table = NULL};
    struct ds_error err = {0};
    struct kit_rows rows;
    int rc = kit_open(&s->place, &t, &err);

    kit_close(&t);
    if (rc == DS_ENOTFOUND && fate_of(&s->shared->persons[0].told) != FATE_THERE) {
        rc = kit_create(&s->place, KIT_PLAIN, &t, &err);
        kit_close(&t);
    }
    if (rc < 0) {
        fail_run(s, SCENE_UNREADABLE, err.message);
    }
    check_writer(s, SCENE_FRESH);
    check_all(s, "at the end", FATE_ABSENT, &rows); // Nobody else appends.
    check_append(s, &rows, SCENE_FRESH, FATE_THERE, "at the end");
}

// Every other time the victim asks what became of its commit, and what it is told must
// stay true; else it writes again, with the same identity.
static void look_at_appended(struct scene *s)
{
    struct kit_rows rows;
    enum fate victim = fate_of(&s->shared->persons[0].told);

    check_all(s, "after the crash", victim, &rows);
    bool there = kit_is_done(&rows, s->op->change, SCENE_VICTIM, SCENE_ROWS) == 1;
    if (s->shared->wrong == SCENE_FINE && s->call % 2 == 0) {
        check_resolve(s, there);
        victim = there ? FATE_THERE : FATE_ABSENT;
    } else if (s->shared->wrong == SCENE_FINE) {
        check_writer(s, SCENE_VICTIM);
        victim = FATE_THERE;
    }
    check_all(s, "afterwards", victim, &rows);
    check_writer(s, SCENE_FRESH);
    check_all(s, "at the end", victim, &rows);
    check_append(s, &rows, SCENE_FRESH, FATE_THERE, "at the end");
    check_counters(s, &rows);
}

static void look_around(void *arg)
{
    struct scene *s = arg;
    struct ds_error err = {0};

    dsi_mutants = s->fresh_mutants;
    check_queue(s);
    if (s->op->creates) {
        look_at_new(s);
    } else {
        look_at_appended(s);
    }
    if (s->shared->wrong == SCENE_FINE &&
        kit_leftovers(&s->place, check_leftover, s, &err) < 0) {
        fail_run(s, SCENE_UNREADABLE, err.message);
    }
}

// --- People ---------------------------------------------------------------------------

static void create_table(struct scene *s, struct scene_told *told)
{
    struct kit_table t = {.table = NULL};
    struct ds_error err = {0};

    told->status = kit_create(&s->place, KIT_PLAIN, &t, &err);
    snprintf(told->message, sizeof told->message, "%.590s", err.message);
    told->done = true;
    kit_close(&t);
}

static void act(struct scene *s)
{
    static const struct plan_hooks hooks = {people_before_call, people_after_call};
    struct scene_person *me = &s->shared->persons[s->me];
    const struct plan_point swap = {0, s->place.sqlite ? "sql.step" : "posix.link",
                                    s->place.sqlite ? "COMMIT" : ".metadata.json"};
    const struct plan_point call = {.call = s->call};
    bool is_ghost = s->op->ghost && s->me == 1;

    if (s->me == 0 && s->fault != PLAN_NOTHING) {
        kit_timeout_ms = VICTIM_TIMEOUT_MS;
    }
    plan_start(s->me == 0 ? s->fault
               : is_ghost ? s->op->ghost
                          : PLAN_NOTHING,
               s->me == 0 ? &call : &swap, &hooks, &me->plan);
    people_join(&s->shared->people, s->me);
    people_wait_for_turn();
    if (s->op->creates) {
        create_table(s, &me->told);
    } else {
        commit(s, SCENE_VICTIM + s->me, s->op->group, s->op->merges && s->me == 0,
               &me->told);
    }
}

static pid_t start(struct scene *s, unsigned person)
{
    fflush(stdout);
    pid_t pid = fork();
    if (pid == 0) {
        alarm(PERSON_SECONDS);
        s->me = person;
        act(s);
        _exit(0);
    }
    return pid;
}

// What a person's end says about the run.
static void judge_end(struct scene *s, unsigned person, int status)
{
    const struct scene_person *p = &s->shared->persons[person];
    bool killed = WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL;
    bool may_die = (person == 0 && plan_dies(s->fault)) || (person == 1 && s->op->ghost);
    char why[200];

    if (killed != (may_die && p->plan.hits > 0) || (status != 0 && !killed)) {
        snprintf(why, sizeof why, "person %u ended with wait status %#x", person,
                 (unsigned)status);
        fail_run(s, SCENE_STUCK, why);
    } else if (person > 0 && status == 0 && p->told.status < 0) {
        snprintf(why, sizeof why, "person %u: %.150s", person, p->told.message);
        fail_run(s, SCENE_STUCK, why);
    }
}

void scene_run(struct scene *s)
{
    pid_t people[SCENE_PEOPLE] = {0};
    char token[512];
    char why[200];
    int status = 0;

    memcpy(token, s->shared->token, sizeof token);
    memset(s->shared, 0, sizeof *s->shared);
    memcpy(s->shared->token, token, sizeof token);
    kit_copy(s->kept, s->place.root);
    s->shared->people.count = s->op->others + 1;
    for (unsigned i = 0; i <= s->op->others; i++) {
        s->shared->people.is[i].role = s->op->roles[i];
    }
    for (unsigned i = 0; i <= s->op->others; i++) {
        people[i] = start(s, i);
    }
    for (unsigned ended = 0; ended <= s->op->others;) {
        pid_t pid = wait(&status);
        for (unsigned i = 0; i <= s->op->others; i++) {
            if (people[i] == pid) {
                s->shared->people.is[i].over = true;
                judge_end(s, i, status);
                ended++;
            }
        }
    }
    status = kit_in_child(look_around, s, CHECK_SECONDS);
    if (status != 0) {
        snprintf(why, sizeof why, "looking at it ended with wait status %#x",
                 (unsigned)status);
        fail_run(s, SCENE_STUCK, why);
    }
}
