// A process that replaces data files: takes some out and writes their rows anew, in one
// commit. Whatever becomes of it, every row is there once, so the balance needs to know
// nothing about it. It also forgets snapshots on demand, as many as the table's
// properties let go of anyway.
#include "k9.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum {
    FILES_MAX = 24,
    PAUSE_MS = 100,
    TIMEOUT_MS = 120000,
    EXPIRE_EACH = 8, // Of so many commits one forgets snapshots, too.
};

// Files that are beside each other in the table's list, from a place drawn at random.
struct pick {
    int64_t from;
    int64_t seen; // Files passed so far.
    size_t wanted;
    size_t count;
    char paths[FILES_MAX][K9_PATH_SIZE];
};

static int pick_file(void *arg, const struct ds_file_entry *f)
{
    struct pick *p = arg;

    if (p->seen++ >= p->from && p->count < p->wanted) {
        snprintf(p->paths[p->count++], K9_PATH_SIZE, "%s", f->path);
    }
    return DS_OK;
}

// DS_ENOTFOUND or DS_ECONFLICT: expiry overtook it.
static int fill(ds_txn *txn, const struct pick *p, struct ds_error *err)
{
    const char *paths[FILES_MAX];
    size_t found = 0;
    int rc = DS_OK;

    for (size_t i = 0; i < p->count; i++) {
        paths[i] = p->paths[i];
    }
    rc = ds_txn_delete_files(txn, paths, p->count, &found, err);
    if (rc == DS_OK && found != p->count) {
        snprintf(err->message, sizeof(err->message), "%zu of %zu files are live", found,
                 p->count);
        rc = DS_ECORRUPT;
    }
    for (size_t i = 0; rc == DS_OK && i < p->count; i++) {
        struct ArrowArrayStream rows = {0};
        rc = ds_file_scan(paths[i], &rows, err);
        rc = rc < 0 ? rc : ds_txn_append(txn, &rows, err);
    }
    return rc;
}

// Writers merge small files in the background, and so take some out that were picked:
// that is a conflict, and the next pick is made from what is there then.
static void commit(const struct k9_run *run, ds_txn *txn, size_t files)
{
    struct k9_shared *s = run->shared;
    struct ds_commit_result result = {.struct_size = sizeof(result)};
    struct ds_error err = {0};
    int rc = ds_txn_commit(txn, &result, &err);

    if (rc == DS_EUNKNOWN) {
        atomic_fetch_add(&s->doubts, 1);
        fprintf(stderr, "kill9: [%d] a replacement in doubt: %s\n", (int)getpid(),
                err.message);
    } else if (rc == DS_ECONFLICT && strstr(err.detail, "\"file-removed\"")) {
        atomic_fetch_add(&s->outrun, 1);
    } else if (rc < 0) {
        fprintf(stderr, "kill9: [%d] %s\n", (int)getpid(), err.detail);
        k9_fail("replacing files", &err);
    } else {
        atomic_fetch_add(&s->replaced, (int64_t)files);
    }
}

static void replace(const struct k9_run *run, ds_table *table, struct pick *p,
                    bool expires)
{
    struct ds_commit_options options = {.struct_size = sizeof(options),
                                        .timeout_ms = TIMEOUT_MS,
                                        .attempts_max = -1,
                                        .isolation = DS_ISOLATION_SNAPSHOT};
    struct ds_error err = {0};
    ds_txn *txn = NULL;
    int rc = ds_table_refresh(table, &err);

    rc = rc < 0 ? rc : ds_table_files(table, NULL, pick_file, p, &err);
    if (rc == DS_OK && p->count > 0) {
        rc = ds_txn_begin(table, &options, &txn, &err);
        rc = rc < 0 ? rc : fill(txn, p, &err);
        if (rc == DS_OK && expires) {
            rc = ds_txn_expire_snapshots(txn, INT64_MAX / 2, (int32_t)run->keep, &err);
        }
        if (rc == DS_OK) {
            commit(run, txn, p->count);
        }
    }
    if (rc < 0 && rc != DS_ENOTFOUND && rc != DS_ECONFLICT) {
        k9_fail("choosing files to replace", &err);
    }
    ds_txn_free(txn);
}

void k9_deleter(const struct k9_run *run)
{
    static struct pick p;
    struct k9_shared *s = run->shared;
    uint64_t random = k9_mix(run->seed ^ (uint64_t)getpid());
    ds_table *table = k9_open(run);

    for (int64_t i = 0; !atomic_load(&s->stop); i++) {
        random = k9_mix(random);
        p.from = p.seen > 0 ? (int64_t)(random % (uint64_t)p.seen) : 0;
        p.wanted = 1 + (size_t)(random >> 32) % FILES_MAX;
        p.seen = 0;
        p.count = 0;
        replace(run, table, &p, i % EXPIRE_EACH == EXPIRE_EACH - 1);
        k9_sleep_ms(PAUSE_MS);
    }
    ds_table_free(table);
    _exit(0);
}
