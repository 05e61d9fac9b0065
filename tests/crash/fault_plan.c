#include "crash/fault_plan.h"

#include <fcntl.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

const char *const plan_fault_names[PLAN_FAULTS] = {
    "nothing",     "die-before",    "die-after",      "die-within", "eio",
    "eio-forever", "enospc",        "enospc-forever", "eintr",      "eintr-forever",
    "short",       "short-forever", "done-but-eio"};

enum { INTERRUPTIONS = 50 };

static struct {
    enum plan_fault fault;
    struct plan_point at;
    struct plan_hooks hooks;
    struct plan_report *report;
    atomic_uint calls;
    atomic_uint interrupted;
    atomic_uint paths;
} plan;

static void die(void)
{
    raise(SIGKILL);
    for (;;) {
        pause();
    }
}

static void note_path(const char *path)
{
    uint32_t at = path ? atomic_fetch_add(&plan.paths, 1) : PLAN_PATHS_MAX;

    if (at < PLAN_PATHS_MAX) {
        snprintf(plan.report->paths[at], PLAN_PATH_MAX, "%s", path);
        plan.report->path_count = at + 1;
    }
}

static void note_names(const struct shim_call *c)
{
    if (c->kind == SHIM_OPEN && c->layer == SHIM_POSIX && (c->flags & O_CREAT)) {
        note_path(c->path);
    } else if (c->kind == SHIM_LINK || c->kind == SHIM_RENAME ||
               c->kind == SHIM_EXCHANGE) {
        note_path(c->other);
    } else if (c->kind == SHIM_UNLINK || c->kind == SHIM_NAME) {
        note_path(c->path);
    }
}

static bool takes_room(const struct shim_call *c)
{
    return c->kind == SHIM_WRITE || c->kind == SHIM_TRUNCATE || c->kind == SHIM_LINK ||
           c->kind == SHIM_MKDIR || c->kind == SHIM_FSYNC || c->kind == SHIM_RENAME ||
           c->kind == SHIM_EXCHANGE || c->kind == SHIM_OPEN_UNNAMED ||
           c->kind == SHIM_NAME ||
           (c->kind == SHIM_OPEN && c->layer == SHIM_POSIX && (c->flags & O_CREAT)) ||
           (c->layer == SHIM_SQLITE && c->other && strcmp(c->name, "sql.step") == 0);
}

static bool can_be_interrupted(const struct shim_call *c)
{
    return c->layer == SHIM_POSIX &&
           (c->kind == SHIM_OPEN || c->kind == SHIM_READ || c->kind == SHIM_WRITE ||
            c->kind == SHIM_LOCK || c->kind == SHIM_WAIT);
}

static enum shim_verdict once(bool is_chosen, bool fits, enum shim_verdict v)
{
    return is_chosen && fits ? v : SHIM_DO;
}

static enum shim_verdict verdict(const struct shim_call *c, bool now, bool since)
{
    bool moves = c->kind == SHIM_WRITE || c->kind == SHIM_READ;

    switch (plan.fault) {
    case PLAN_DIE_WITHIN:
        return once(now, c->kind == SHIM_WRITE, SHIM_HALF);
    case PLAN_EIO:
        return once(now, true, SHIM_EIO);
    case PLAN_EIO_FOREVER:
        return once(since, true, SHIM_EIO);
    case PLAN_ENOSPC:
        return once(now, takes_room(c), SHIM_ENOSPC);
    case PLAN_ENOSPC_FOREVER:
        return once(since, takes_room(c), SHIM_ENOSPC);
    case PLAN_EINTR:
        return once(now, can_be_interrupted(c), SHIM_EINTR);
    case PLAN_EINTR_FOREVER:
        return once(since,
                    can_be_interrupted(c) &&
                        atomic_fetch_add(&plan.interrupted, 1) < INTERRUPTIONS,
                    SHIM_EINTR);
    case PLAN_SHORT:
        return once(now, moves && c->layer == SHIM_POSIX, SHIM_SHORT);
    case PLAN_SHORT_FOREVER:
        return once(since, moves && c->layer == SHIM_POSIX, SHIM_SHORT);
    case PLAN_DONE_BUT_EIO:
        return once(now, true, SHIM_DO_FAIL);
    default:
        return SHIM_DO;
    }
}

static bool is_named(const struct shim_call *c)
{
    return plan.at.name && strcmp(c->name, plan.at.name) == 0 && c->other &&
           strstr(c->other, plan.at.part);
}

static enum shim_verdict before(struct shim_call *c)
{
    if (plan.hooks.before) {
        plan.hooks.before(c);
    }
    uint32_t nth = atomic_fetch_add(&plan.calls, 1) + 1;
    plan.report->calls = nth;
    note_names(c);
    bool now = nth == plan.at.call || is_named(c);
    if (now && plan.fault == PLAN_DIE_BEFORE) {
        plan.report->hits++;
        snprintf(plan.report->struck, sizeof plan.report->struck, "%s", c->name);
        die();
    }
    enum shim_verdict v = verdict(c, now, plan.at.call > 0 && nth >= plan.at.call);
    c->mark = now && (plan.fault == PLAN_DIE_AFTER || v == SHIM_HALF);
    if (v != SHIM_DO || c->mark) {
        if (plan.report->hits++ == 0) {
            snprintf(plan.report->struck, sizeof plan.report->struck, "%s", c->name);
        }
    }
    return v;
}

static void after(const struct shim_call *c, int64_t result)
{
    if (plan.hooks.after) {
        plan.hooks.after(c, result);
    }
    if (c->mark) {
        die();
    }
}

void plan_start(enum plan_fault fault, const struct plan_point *at,
                const struct plan_hooks *hooks, struct plan_report *report)
{
    static const struct shim_watcher w = {.before = before, .after = after};

    plan.fault = fault;
    plan.at = *at;
    plan.report = report;
    if (hooks) {
        plan.hooks = *hooks;
    }
    shim_start(&w);
}

bool plan_made(const struct plan_report *r, const char *path)
{
    for (uint32_t i = 0; i < r->path_count && i < PLAN_PATHS_MAX; i++) {
        if (strcmp(r->paths[i], path) == 0) {
            return true;
        }
    }
    return false;
}
