#include "crash/scene.h"

#include <errno.h>
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

enum { VICTIM_SECONDS = 60, CHECK_SECONDS = 60, OTHER_SECONDS = 60 };

const char *const scene_wrong_names[SCENE_WRONGS] = {"fine",  "lost",       "duplicate",
                                                     "stuck", "unreadable", "leaked"};

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
        snprintf(s->shared->why, sizeof s->shared->why, "%s", why);
    }
}

void scene_append(struct scene *s, unsigned number, enum ds_group_mode group,
                  struct scene_told *told)
{
    struct kit_table t = {NULL, NULL};
    struct ds_error err = {0};

    told->status = kit_open(&s->place, &t, &err);
    if (told->status == DS_OK) {
        told->status = kit_append(&t, number, SCENE_ROWS, group, &told->result, &err);
    }
    snprintf(told->message, sizeof told->message, "%.590s", err.message);
    told->done = true;
    kit_close(&t);
}

// --- Setting up -----------------------------------------------------------------------

static void make_table(void *arg)
{
    struct scene *s = arg;
    struct kit_table t = {NULL, NULL};
    struct ds_error err = {0};
    struct ds_commit_result r = {0};
    int rc = kit_create(&s->place, s->op->tidy, &t, &err);

    for (unsigned i = 0; rc == DS_OK && i < SCENE_BASES; i++) {
        rc = kit_append(&t, SCENE_BASE + i, SCENE_ROWS, DS_GROUP_OFF, &r, &err);
    }
    if (rc == DS_OK) {
        rc = kit_token(&t, SCENE_VICTIM, s->shared->token, &err);
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
    int there = kit_is_there(rows, number, SCENE_ROWS);
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
        check_append(s, rows, SCENE_BASE + i, FATE_THERE, when);
    }
    for (unsigned i = 0; i < s->op->others; i++) {
        check_append(s, rows, SCENE_OTHER + i, fate_of(&s->shared->others[i]), when);
    }
    check_append(s, rows, SCENE_VICTIM, victim, when);
}

// What the victim would be told that asks what became of its commit.
static void check_resolve(struct scene *s, bool there)
{
    struct kit_table t = {NULL, NULL};
    struct ds_error err = {0};
    struct ds_commit_result r = {.struct_size = sizeof r};
    const struct scene_told *v = &s->shared->victim;
    const char *token = v->done && v->result.outcome == DS_UNKNOWN && v->result.token[0]
                            ? v->result.token
                            : s->shared->token;
    int rc = kit_open(&s->place, &t, &err);

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

    scene_append(s, number, DS_GROUP_AUTO, &told);
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
    char why[KIT_WHY_MAX];
    (void)size;

    if (s->shared->plan.hits == 0 ||
        !(plan_made(&s->shared->plan, path) || was_there(s, path))) {
        snprintf(why, sizeof why, "%.500s is left over", path);
        fail_run(s, SCENE_LEAKED, why);
    }
    return DS_OK;
}

static void look_around(void *arg)
{
    struct scene *s = arg;
    struct kit_rows rows;
    struct ds_error err = {0};
    struct kit_table t = {NULL, NULL};
    enum fate victim = fate_of(&s->shared->victim);

    dsi_mutants = s->fresh_mutants;
    if (s->op->creates) {
        int rc = kit_open(&s->place, &t, &err);
        kit_close(&t);
        if (rc == DS_ENOTFOUND && victim != FATE_THERE) {
            rc = kit_create(&s->place, false, &t, &err);
            kit_close(&t);
        }
        if (rc < 0) {
            fail_run(s, SCENE_UNREADABLE, err.message);
        }
        victim = FATE_ABSENT; // Nobody appends in these.
        check_all(s, "after the crash", victim, &rows);
    } else {
        check_all(s, "after the crash", victim, &rows);
        bool there = kit_is_there(&rows, SCENE_VICTIM, SCENE_ROWS) == 1;
        if (s->shared->wrong == SCENE_FINE && s->call % 2 == 0) {
            check_resolve(s, there);
        }
        check_writer(s, SCENE_VICTIM); // Again, with the same identity.
        victim = FATE_THERE;
        check_all(s, "written again", victim, &rows);
    }
    check_writer(s, SCENE_FRESH);
    check_all(s, "at the end", victim, &rows);
    check_append(s, &rows, SCENE_FRESH, FATE_THERE, "at the end");
    if (s->shared->wrong == SCENE_FINE &&
        kit_leftovers(&s->place, check_leftover, s, &err) < 0) {
        fail_run(s, SCENE_UNREADABLE, err.message);
    }
}

// --- Running --------------------------------------------------------------------------

static void be_victim(void *arg)
{
    struct scene *s = arg;
    dsi_mutants = s->victim_mutants;
    kit_timeout_ms = s->fault == PLAN_NOTHING ? kit_timeout_ms : VICTIM_TIMEOUT_MS;
    plan_start(s->fault, s->call, &s->shared->plan);
    s->op->victim(s);
}

static pid_t start_other(struct scene *s, unsigned nth)
{
    fflush(stdout);
    pid_t pid = fork();
    if (pid == 0) {
        alarm(OTHER_SECONDS);
        s->op->other(s, nth);
        _exit(0);
    }
    return pid;
}

void scene_run(struct scene *s)
{
    pid_t others[SCENE_OTHERS_MAX] = {0};
    char token[512];
    char why[200];

    memcpy(token, s->shared->token, sizeof token);
    memset(s->shared, 0, sizeof *s->shared);
    memcpy(s->shared->token, token, sizeof token);
    kit_copy(s->kept, s->place.root);
    for (unsigned i = 0; i < s->op->others; i++) {
        others[i] = start_other(s, i);
    }
    int status = kit_in_child(be_victim, s, VICTIM_SECONDS);
    bool killed = WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL;
    if (status != 0 && !(killed && plan_dies(s->fault) && s->shared->plan.hits > 0)) {
        snprintf(why, sizeof why, "the victim ended with wait status %#x",
                 (unsigned)status);
        fail_run(s, SCENE_STUCK, why);
    }
    for (unsigned i = 0; i < s->op->others; i++) {
        while (waitpid(others[i], &status, 0) < 0 && errno == EINTR) {
        }
        if (status != 0 || !s->shared->others[i].done ||
            s->shared->others[i].status < 0) {
            snprintf(why, sizeof why, "writer %u: wait status %#x, %.100s", i,
                     (unsigned)status, s->shared->others[i].message);
            fail_run(s, SCENE_STUCK, why);
        }
    }
    status = kit_in_child(look_around, s, CHECK_SECONDS);
    if (status != 0) {
        snprintf(why, sizeof why, "looking at it ended with wait status %#x",
                 (unsigned)status);
        fail_run(s, SCENE_STUCK, why);
    }
}
