#include "powerloss/recordings.h"

#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "crash/people.h"

static void must(int rc, const struct ds_error *err)
{
    if (rc < 0) {
        fprintf(stderr, "recording: %s\n", err->message);
        _exit(1);
    }
}

static void commit_and_ack(struct kit_table *k, struct trace *t, enum kit_change what,
                           unsigned number, enum ds_group_mode group)
{
    struct ds_error err = {0};
    struct ds_commit_result r = {0};
    must(kit_commit(k, what, number, ROWS, group, &r, &err), &err);
    trace_ack(t, number);
}

static void append_and_ack(struct kit_table *k, struct trace *t, unsigned number,
                           enum ds_group_mode group)
{
    commit_and_ack(k, t, KIT_APPEND, number, group);
}

static void run_create(struct kit_place *p, struct trace *t)
{
    struct kit_table k = {.table = NULL};
    struct ds_error err = {0};
    must(kit_create(p, KIT_PLAIN, &k, &err), &err);
    trace_ack(t, NUMBER_CREATE);
    kit_close(&k);
}

static void run_one(struct kit_place *p, struct trace *t)
{
    struct kit_table k = {.table = NULL};
    struct ds_error err = {0};
    must(kit_open(p, &k, &err), &err);
    append_and_ack(&k, t, FIRST, DS_GROUP_OFF);
    kit_close(&k);
}

static void run_three(struct kit_place *p, struct trace *t)
{
    struct kit_table k = {.table = NULL};
    struct ds_error err = {0};
    must(kit_open(p, &k, &err), &err);
    for (unsigned i = 0; i < 3; i++) {
        append_and_ack(&k, t, FIRST + i, DS_GROUP_OFF);
    }
    kit_close(&k);
}

// A change, and two appends, which in a tidy table let go of what was before it.
static void run_change(struct kit_place *p, struct trace *t, enum kit_change what)
{
    struct kit_table k = {.table = NULL};
    struct ds_error err = {0};
    must(kit_open(p, &k, &err), &err);
    commit_and_ack(&k, t, what, FIRST, DS_GROUP_AUTO);
    for (unsigned i = 1; i < 3; i++) {
        append_and_ack(&k, t, FIRST + i, DS_GROUP_OFF);
    }
    kit_close(&k);
}

static void run_delete(struct kit_place *p, struct trace *t)
{
    run_change(p, t, KIT_DELETE);
}

static void run_replace(struct kit_place *p, struct trace *t)
{
    run_change(p, t, KIT_REPLACE);
}

static void run_widen(struct kit_place *p, struct trace *t)
{
    run_change(p, t, KIT_WIDEN);
}

// A file joins that somebody has written just now, and not synced.
static void run_join(struct kit_place *p, struct trace *t)
{
    struct ds_error err = {0};
    must(kit_make_file(p, FIRST, ROWS, &err), &err);
    run_change(p, t, KIT_JOIN);
}

static void run_expire(struct kit_place *p, struct trace *t)
{
    run_change(p, t, KIT_EXPIRE);
}

// Small files are merged; then the appends let go of the snapshots that had them, and
// they are removed.
static void run_merge(struct kit_place *p, struct trace *t)
{
    struct kit_table k = {.table = NULL};
    struct ds_error err = {0};
    size_t merged = 0;
    must(kit_open(p, &k, &err), &err);
    append_and_ack(&k, t, FIRST, DS_GROUP_OFF);
    must(kit_merge(&k, &merged, &err), &err);
    if (merged != BASES + 1) {
        fprintf(stderr, "recording: %zu files were merged\n", merged);
        _exit(1);
    }
    for (unsigned i = 1; i < 4; i++) {
        append_and_ack(&k, t, FIRST + i, DS_GROUP_OFF);
    }
    kit_close(&k);
}

static void run_first(struct kit_place *p, struct trace *t)
{
    struct kit_table k = {.table = NULL};
    struct ds_error err = {0};
    must(kit_create(p, KIT_PLAIN, &k, &err), &err);
    trace_ack(t, NUMBER_CREATE);
    append_and_ack(&k, t, FIRST, DS_GROUP_OFF);
    kit_close(&k);
}

// Its writer dies as soon as the table, or the append, can be seen, and has synced
// nothing of that; then somebody else goes on.
static void run_create_and_die(struct kit_place *p, struct trace *t)
{
    if (p->sqlite) {
        trace_die_after("vfs.write", "catalog.db-journal", 6);
    } else {
        trace_die_after("posix.link", "v1.metadata.json", 1);
    }
    run_create(p, t);
}

static void run_append_and_die(struct kit_place *p, struct trace *t)
{
    if (p->sqlite) { // The journal's header is zeroed: that is the commit.
        trace_die_after("vfs.write", "catalog.db", 1);
    } else {
        trace_die_after("posix.link", "v4.metadata.json", 1);
    }
    run_one(p, t);
}

static void then_first(struct kit_place *p, struct trace *t)
{
    struct kit_table k = {.table = NULL};
    struct ds_error err = {0};
    int rc = kit_open(p, &k, &err);
    if (rc == DS_ENOTFOUND) {
        rc = kit_create(p, KIT_PLAIN, &k, &err);
    }
    must(rc, &err);
    append_and_ack(&k, t, FIRST, DS_GROUP_OFF);
    kit_close(&k);
}

// Writers of one group, each a process.
struct gathering {
    unsigned count;
    unsigned head;         // Who leads. Number 0
    enum kit_change first; // does this, the others append.
    bool warm;             // The head has appended once before.
    bool head_dies;        // When its swap can be seen, and nobody knows.
};

// What became of each is told to `t`.
static void run_people(struct kit_place *p, struct trace *t, const struct gathering *g)
{
    const unsigned count = g->count;
    struct people *people = kit_shared(sizeof *people);
    pid_t pids[PEOPLE_MAX];

    people->count = count;
    for (unsigned i = 0; i < count; i++) {
        people->is[i].role = i == g->head ? PERSON_HEAD : PERSON_TAIL;
    }
    for (unsigned i = 0; i < count; i++) {
        fflush(stdout);
        pids[i] = fork();
        if (pids[i] == 0) {
            struct kit_table k = {.table = NULL};
            struct ds_error err = {0};
            alarm(CHILD_SECONDS);
            must(kit_open(p, &k, &err), &err);
            if (i == g->head && g->warm) {
                append_and_ack(&k, t, FIRST + count, DS_GROUP_AUTO);
            }
            people_join(people, i);
            people_wait_for_turn();
            if (i == g->head && g->head_dies) {
                trace_die_after(p->sqlite ? "vfs.write" : "posix.link",
                                p->sqlite ? "catalog.db" : ".metadata.json", 1);
            }
            commit_and_ack(&k, t, i == 0 ? g->first : KIT_APPEND, FIRST + i,
                           DS_GROUP_AUTO);
            kit_close(&k);
            _exit(0);
        }
    }
    for (unsigned ended = 0; ended < count;) {
        int status = 0;
        pid_t pid = wait(&status);
        for (unsigned i = 0; i < count; i++) {
            if (pids[i] == pid) {
                people->is[i].over = true;
                ended++;
                if (status != 0 && !(i == g->head && g->head_dies)) {
                    fprintf(stderr, "person %u ended with %#x\n", i, (unsigned)status);
                    _exit(1);
                }
            }
        }
    }
}

static void run_group(struct kit_place *p, struct trace *t)
{
    run_people(p, t, &(struct gathering){.count = 3});
}

// A change and two appends: it leads, or travels to a leader.
static void run_group_join(struct kit_place *p, struct trace *t)
{
    struct ds_error err = {0};
    must(kit_make_file(p, FIRST, ROWS, &err), &err);
    run_people(p, t, &(struct gathering){.count = 3, .head = 1, .first = KIT_JOIN});
}

static void run_group_replace(struct kit_place *p, struct trace *t)
{
    run_people(p, t, &(struct gathering){.count = 3, .first = KIT_REPLACE});
}

static void run_group_delete(struct kit_place *p, struct trace *t)
{
    run_people(p, t, &(struct gathering){.count = 3, .head = 1, .first = KIT_DELETE});
}

static void run_group_of_twelve(struct kit_place *p, struct trace *t)
{
    run_people(p, t, &(struct gathering){.count = 12, .warm = true});
}

static void run_takeover(struct kit_place *p, struct trace *t)
{
    run_people(p, t, &(struct gathering){.count = 3, .head_dies = true});
}

void recording_base(const struct recording *what, const struct kit_place *p)
{
    struct kit_table k = {.table = NULL};
    struct ds_error err = {0};
    struct ds_commit_result r = {0};
    must(kit_create(p, what->sort, &k, &err), &err);
    for (unsigned i = 0; i < BASES; i++) {
        must(kit_append(&k, KIT_DOOMED + i, ROWS, DS_GROUP_OFF, &r, &err), &err);
    }
    if (what->deletes) {
        must(kit_commit(&k, KIT_DELETE, DELETION, 0, DS_GROUP_OFF, &r, &err), &err);
    }
    kit_close(&k);
}

const struct recording recordings[] = {
    {.name = "create", .creates = true, .run = run_create},
    {.name = "first", .small = true, .creates = true, .appends = 1, .run = run_first},
    {.name = "append", .appends = 1, .run = run_one},
    {.name = "three", .appends = 3, .run = run_three},
    {.name = "tidy", .sort = KIT_TIDY, .appends = 3, .run = run_three},
    {.name = "merge", .small = true, .sort = KIT_TIDY, .appends = 4, .run = run_merge},
    {.name = "delete", .change = KIT_DELETE, .appends = 3, .run = run_delete},
    {.name = "delete-tidy",
     .sort = KIT_TIDY,
     .change = KIT_DELETE,
     .appends = 3,
     .run = run_delete},
    {.name = "replace", .change = KIT_REPLACE, .appends = 3, .run = run_replace},
    {.name = "widen", .change = KIT_WIDEN, .appends = 3, .run = run_widen},
    {.name = "join", .small = true, .change = KIT_JOIN, .appends = 3, .run = run_join},
    {.name = "expire",
     .change = KIT_EXPIRE,
     .deletes = true,
     .appends = 3,
     .run = run_expire},
    {.name = "inherited",
     .small = true,
     .creates = true,
     .appends = 1,
     .run = run_create_and_die,
     .then = then_first},
    {.name = "again", .appends = 1, .run = run_append_and_die, .then = run_one},
    {.name = "group", .appends = 3, .run = run_group},
    {.name = "group-large", .sort = KIT_LARGE, .appends = 3, .run = run_group},
    {.name = "group-join", .change = KIT_JOIN, .appends = 3, .run = run_group_join},
    {.name = "group-replace",
     .change = KIT_REPLACE,
     .appends = 3,
     .run = run_group_replace},
    {.name = "group-delete", .change = KIT_DELETE, .appends = 3, .run = run_group_delete},
    {.name = "takeover", .appends = 3, .run = run_takeover},
    {.name = "twelve", .appends = 13, .run = run_group_of_twelve},
};
const size_t recordings_count = sizeof recordings / sizeof recordings[0];
