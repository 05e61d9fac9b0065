#define _GNU_SOURCE // MAP_ANONYMOUS

// A crash, or a failure, at every call of the gate while a table of DataShard's own
// layout is converted: a fresh process then finds the old table or the new one, with
// every row, and a second run comes to its end.
//
//   check_migrate GOLDEN [--every N]
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "crash/fault_plan.h"
#include "datashard/datashard.h"

enum { ROWS = 6, PATH_SIZE = 600, FILES_MAX = 100 };

static char root[PATH_SIZE];
static struct plan_report *report; // Shared with the victim.

static void need(bool fine, const char *what)
{
    if (!fine) {
        fprintf(stderr, "check_migrate: %s\n", what);
        exit(2);
    }
}

static void copy_file(const char *from, const char *to)
{
    char bytes[8192];
    size_t n = 0;
    FILE *in = fopen(from, "rb");
    FILE *out = fopen(to, "wb");

    need(in && out, "a file of the table cannot be copied");
    while ((n = fread(bytes, 1, sizeof bytes, in)) > 0) {
        need(fwrite(bytes, 1, n, out) == n, "writing a copy");
    }
    fclose(in);
    need(fclose(out) == 0, "writing a copy");
}

// Removes what is there (to NULL), or copies it. Three levels is as deep as a table goes.
static void walk(const char *from, const char *to, int depth)
{
    DIR *dir = opendir(from);

    need(depth < 4, "a table too deep");
    if (!dir) {
        return;
    }
    need(!to || mkdir(to, 0777) == 0, "making a directory");
    for (struct dirent *e = readdir(dir); e; e = readdir(dir)) {
        char in[PATH_SIZE + 300];
        char out[PATH_SIZE + 300];
        struct stat st;
        if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0) {
            continue;
        }
        snprintf(in, sizeof in, "%s/%s", from, e->d_name);
        snprintf(out, sizeof out, "%s/%s", to ? to : "", e->d_name);
        need(lstat(in, &st) == 0, "looking at a file");
        if (S_ISDIR(st.st_mode)) {
            walk(in, to ? out : NULL, depth + 1);
        } else if (to) {
            copy_file(in, out);
        } else {
            need(unlink(in) == 0, "removing a file");
        }
    }
    closedir(dir);
    need(to || rmdir(from) == 0, "removing a directory");
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
        char why[600] = "";
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

    walk(root, NULL, 0);
    walk(golden, root, 0);
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
    const char *tmp = getenv("TMPDIR");
    uint32_t every = argc == 4 ? (uint32_t)atoi(argv[3]) : 1;
    unsigned runs = 0;
    unsigned failures = 0;

    need(argc >= 2 && every > 0, "usage: check_migrate GOLDEN [--every N]");
    snprintf(root, sizeof root, "%s/check_migrate.%d", tmp ? tmp : "/tmp", (int)getpid());
    report = mmap(NULL, sizeof *report, PROT_READ | PROT_WRITE,
                  MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    need(report != MAP_FAILED, "mmap");
    need(run(argv[1], PLAN_NOTHING, 0), "the migration fails by itself");
    uint32_t calls = report->calls;
    need(calls > 100, "too few calls: the gate is not watched");
    for (size_t f = 0; f < sizeof faults / sizeof faults[0]; f++) {
        for (uint32_t call = 1 + (uint32_t)f % every; call <= calls; call += every) {
            failures += !run(argv[1], faults[f], call);
            runs++;
        }
    }
    walk(root, NULL, 0);
    printf("%u calls, %u runs, %u failures\n", calls, runs, failures);
    return failures > 0;
}
