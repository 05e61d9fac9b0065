// A crash, or a failure, at every call of the gate while a table of DataShard's own
// layout is converted: a fresh process then finds the old table or the new one, with
// every row, and a second run comes to its end.
//
//   check_migrate GOLDEN [--every N]
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "crash/fault_plan.h"
#include "crash/table_kit.h"
#include "datashard/datashard.h"

enum { ROWS = 6 };

static char root[KIT_PATH_MAX];
static struct plan_report *report; // Shared with the victim.

static void need(bool fine, const char *what)
{
    if (!fine) {
        fprintf(stderr, "check_migrate: %s\n", what);
        exit(2);
    }
}

static int add_rows(void *arg, const struct ds_file_entry *f)
{
    struct stat st;
    const char *path = strstr(f->path, "://");
    *(int64_t *)arg += path && stat(path + 3, &st) == 0 ? f->record_count : 1000000;
    return DS_OK;
}

static int count_snapshot(void *arg, const struct ds_snapshot_info *s)
{
    (void)s;
    ++*(int64_t *)arg;
    return DS_OK;
}

// What a fresh process finds: false, and why, when it is not a whole table.
static bool is_whole(char *why, size_t size)
{
    struct ds_error err = {0};
    ds_table *table = NULL;
    int64_t rows = 0;
    int64_t snapshots = 0;
    int rc = ds_table_open(root, &table, &err);

    rc = rc < 0 ? rc : ds_table_files(table, NULL, add_rows, &rows, &err);
    rc = rc < 0 ? rc : ds_table_snapshots(table, count_snapshot, &snapshots, &err);
    ds_table_free(table);
    if (rc < 0) {
        snprintf(why, size, "%s", err.message);
    } else if (rows != ROWS || snapshots != 3) {
        snprintf(why, size, "%lld rows, %lld snapshots", (long long)rows,
                 (long long)snapshots);
    } else {
        return true;
    }
    return false;
}

static int migrate(void)
{
    struct ds_migrate_options o = {.struct_size = sizeof o};
    struct ds_error err = {0};
    char *text = NULL;
    int rc = ds_table_migrate(root, &o, &text, &err);

    ds_string_free(text);
    return rc;
}

// The checks run in a child, too: the shim of a victim is never in this process.
static int in_child(enum plan_fault fault, uint32_t call, bool *died)
{
    fflush(NULL);
    pid_t pid = fork();
    int status = 0;

    need(pid >= 0, "fork");
    if (pid == 0) {
        struct plan_point at = {.call = call};
        char why[sizeof((struct ds_error *)0)->message] = "";
        if (fault != PLAN_FAULTS) {
            plan_start(fault, &at, NULL, report);
            _exit(migrate() == DS_OK ? 0 : 1);
        }
        bool whole = is_whole(why, sizeof why);
        whole = whole && migrate() == DS_OK && is_whole(why, sizeof why);
        if (!whole) {
            fprintf(stderr, "%s\n", why[0] ? why : "a second run fails");
        }
        _exit(whole ? 0 : 1);
    }
    need(waitpid(pid, &status, 0) == pid, "waitpid");
    *died = WIFSIGNALED(status);
    return *died ? -1 : WEXITSTATUS(status);
}

static bool run(const char *golden, enum plan_fault fault, uint32_t call)
{
    bool died = false;

    kit_copy(golden, root);
    *report = (struct plan_report){0};
    int first = in_child(fault, call, &died);
    bool hit = fault == PLAN_NOTHING || report->hits > 0;
    bool fine = hit && died == plan_dies(fault) && (first == 0 || fault != PLAN_NOTHING);
    if (fine) {
        fine = in_child(PLAN_FAULTS, 0, &died) == 0 && !died;
    } else if (!hit) {
        return true; // Not a call that this can happen to.
    }
    if (!fine) {
        fprintf(stderr, "%s at call %u (%s)\n", plan_fault_names[fault], call,
                report->struck);
    }
    return fine;
}

int main(int argc, char **argv)
{
    static const enum plan_fault faults[] = {PLAN_DIE_BEFORE,     PLAN_DIE_AFTER,
                                             PLAN_DIE_WITHIN,     PLAN_EIO,
                                             PLAN_ENOSPC_FOREVER, PLAN_DONE_BUT_EIO};
    uint32_t every = argc == 4 ? (uint32_t)atoi(argv[3]) : 1;
    unsigned runs = 0;
    unsigned failures = 0;

    need(argc >= 2 && every > 0, "usage: check_migrate GOLDEN [--every N]");
    need(kit_scratch("migrate", root), "no folder to work in");
    report = kit_shared(sizeof *report);
    need(run(argv[1], PLAN_NOTHING, 0), "the migration fails by itself");
    uint32_t calls = report->calls;
    need(calls > 100, "too few calls: the gate is not watched");
    for (size_t f = 0; f < sizeof faults / sizeof faults[0]; f++) {
        for (uint32_t call = 1 + (uint32_t)f % every; call <= calls; call += every) {
            failures += !run(argv[1], faults[f], call);
            runs++;
        }
    }
    kit_remove(root);
    printf("%u calls, %u runs, %u failures\n", calls, runs, failures);
    return failures > 0;
}
