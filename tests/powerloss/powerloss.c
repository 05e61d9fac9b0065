// Every disk state after a power cut, opened: see README.md.
//
//   check_powerloss [--most N] [--jobs N] [--only TRACE] [--catalog sqlite|path]
//
// --most bounds the states after one call; the small form takes few.
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "crash/people.h"
#include "crash/table_kit.h"
#include "powerloss/disk.h"
#include "storage/storage_queue_file.h"

enum {
    BASES = 2, // Appends that are there from the start: KIT_DOOMED and the next ones.
    DELETION = BASES + 1, // The number of a deletion before the trace.
    ROWS = 3,
    NUMBER_CREATE = 0, // What is acknowledged when a table was made.
    FIRST = 10,        // Appends of the trace: 10 and the next ones.
    FRESH = 90,        // The append that must work afterwards.
    BATCH = 64,        // States that one child opens,
    BATCH_WRONG = 16,  // when one wrong one is enough.
    APPEND_MS = 2000,  // A commit on a sound table takes a few.
    JOBS_MAX = 16,
    SHOWN = 5,
    CHILD_SECONDS = 300,
};

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

// --- What is recorded -----------------------------------------------------------------

struct recording {
    const char *name;
    bool creates; // The table is not there before.
    enum kit_sort sort;
    enum kit_change change; // What FIRST does; the others append.
    bool deletes;           // From the start: append KIT_DOOMED is taken out.
    unsigned appends;       // FIRST and the next ones may be there afterwards.
    void (*run)(struct kit_place *p, struct trace *t);  // In a child.
    void (*then)(struct kit_place *p, struct trace *t); // In another, after it; or NULL.
};

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

// Writers of one group, each a process. Person 0 leads; when it has appended once before
// it is warm. What became of each of the others is told to `t`.
static void run_people(struct kit_place *p, struct trace *t, unsigned count, bool warm,
                       bool leader_dies)
{
    struct people *people = kit_shared(sizeof *people);
    pid_t pids[PEOPLE_MAX];

    people->count = count;
    for (unsigned i = 0; i < count; i++) {
        people->is[i].role = i == 0 ? PERSON_HEAD : PERSON_TAIL;
    }
    for (unsigned i = 0; i < count; i++) {
        fflush(stdout);
        pids[i] = fork();
        if (pids[i] == 0) {
            struct kit_table k = {.table = NULL};
            struct ds_error err = {0};
            alarm(CHILD_SECONDS);
            must(kit_open(p, &k, &err), &err);
            if (i == 0 && warm) {
                append_and_ack(&k, t, FIRST + count, DS_GROUP_AUTO);
            }
            people_join(people, i);
            people_wait_for_turn();
            if (i == 0 && leader_dies) { // Its swap can be seen, and nobody knows.
                trace_die_after(p->sqlite ? "vfs.write" : "posix.link",
                                p->sqlite ? "catalog.db" : ".metadata.json", 1);
            }
            append_and_ack(&k, t, FIRST + i, DS_GROUP_AUTO);
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
                if (status != 0 && !(i == 0 && leader_dies)) {
                    fprintf(stderr, "person %u ended with %#x\n", i, (unsigned)status);
                    _exit(1);
                }
            }
        }
    }
}

static void run_group(struct kit_place *p, struct trace *t)
{
    run_people(p, t, 3, false, false);
}

static void run_group_of_twelve(struct kit_place *p, struct trace *t)
{
    run_people(p, t, 12, true, false);
}

static void run_takeover(struct kit_place *p, struct trace *t)
{
    run_people(p, t, 3, false, true);
}

static const struct recording recordings[] = {
    {.name = "create", .creates = true, .run = run_create},
    {.name = "first", .creates = true, .appends = 1, .run = run_first},
    {.name = "append", .appends = 1, .run = run_one},
    {.name = "three", .appends = 3, .run = run_three},
    {.name = "tidy", .sort = KIT_TIDY, .appends = 3, .run = run_three},
    {.name = "merge", .sort = KIT_TIDY, .appends = 4, .run = run_merge},
    {.name = "delete", .change = KIT_DELETE, .appends = 3, .run = run_delete},
    {.name = "delete-tidy",
     .sort = KIT_TIDY,
     .change = KIT_DELETE,
     .appends = 3,
     .run = run_delete},
    {.name = "replace", .change = KIT_REPLACE, .appends = 3, .run = run_replace},
    {.name = "widen", .change = KIT_WIDEN, .appends = 3, .run = run_widen},
    {.name = "join", .change = KIT_JOIN, .appends = 3, .run = run_join},
    {.name = "expire",
     .change = KIT_EXPIRE,
     .deletes = true,
     .appends = 3,
     .run = run_expire},
    {.name = "inherited",
     .creates = true,
     .appends = 1,
     .run = run_create_and_die,
     .then = then_first},
    {.name = "again", .appends = 1, .run = run_append_and_die, .then = run_one},
    {.name = "group", .appends = 3, .run = run_group},
    {.name = "group-large", .sort = KIT_LARGE, .appends = 3, .run = run_group},
    {.name = "takeover", .appends = 3, .run = run_takeover},
    {.name = "twelve", .appends = 13, .run = run_group_of_twelve},
};
enum { RECORDINGS = sizeof recordings / sizeof recordings[0] };

// --- One job: a recording on one catalog
// ------------------------------------------------

// What a child says of the states it has opened.
struct verdicts {
    uint32_t begun;               // States it has begun to look at.
    bool wrong;                   // One of them is.
    char why[BATCH][KIT_WHY_MAX]; // "": all is well.
};

// A state, kept until there are enough of them for a child.
struct kept_state {
    struct disk_file *files;
    size_t count;
    bool acked[DISK_ACKS];
    char about[256];
    uint64_t hash;
};

struct tally {
    atomic_uint next; // Job to be taken.
    atomic_uint traces;
    atomic_uint states;
    atomic_uint opened;
    atomic_uint cut;
    atomic_uint violations;
    atomic_uint sites;
    atomic_uint caught;
    atomic_uint superfluous;
    atomic_uint syncs_alone[2]; // By catalog.
    atomic_uint syncs_group[2]; // For all twelve.
    atomic_uint shown;
    struct {
        char name[DISK_SITE_MAX + 8];
        bool caught;
    } mutants[256]; // By name over all recordings; guarded by `lock`.
    atomic_flag lock;
    uint32_t mutant_count;
};

struct job {
    struct kit_place place;
    const struct recording *what;
    struct trace *trace;
    struct disk *disk;
    struct verdicts *verdicts; // Shared with children.
    struct tally *tally;
    struct kept_state batch[BATCH];
    size_t batched;
    uint64_t *seen; // A set of hashes, open addressing.
    size_t seen_count;
    size_t seen_room;
    bool until_wrong; // Looking for one wrong state only,
    size_t wrong;     // and what was found.
    char first_wrong[KIT_WHY_MAX + 300];
    size_t states;
};

// True when it is new.
static bool note_hash(struct job *j, uint64_t hash)
{
    hash += hash == 0;
    if (j->seen_count * 2 >= j->seen_room) {
        size_t room = j->seen_room ? j->seen_room * 2 : 1 << 14;
        uint64_t *old = j->seen;
        size_t old_room = j->seen_room;
        j->seen = calloc(room, sizeof *j->seen);
        j->seen_room = room;
        j->seen_count = 0;
        if (!j->seen) {
            abort();
        }
        for (size_t i = 0; i < old_room; i++) {
            if (old[i]) {
                note_hash(j, old[i]);
            }
        }
        free(old);
    }
    size_t at = hash % j->seen_room;
    while (j->seen[at] != 0 && j->seen[at] != hash) {
        at = (at + 1) % j->seen_room;
    }
    if (j->seen[at] == hash) {
        return false;
    }
    j->seen[at] = hash;
    j->seen_count++;
    return true;
}

// --- In the child: one state becomes files, and is opened
// --------------------------------

static void write_file(const char *path, const uint8_t *bytes, size_t size)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0666);
    if (fd < 0 || write(fd, bytes, size) != (ssize_t)size || close(fd) < 0) {
        perror(path);
        abort();
    }
}

// The queue is never synced: it may be there in full, in part, as zeros, as anything.
static void write_queue(const struct disk_file *f, uint64_t variant)
{
    uint8_t *bytes = malloc(f->size + 1);
    size_t size = variant == 2 ? 0 : variant == 5 ? f->size / 3 : f->size;

    if (!bytes) {
        abort();
    }
    memcpy(bytes, f->bytes, f->size);
    for (size_t i = 0; i < f->size && variant == 3; i++) {
        bytes[i] = (uint8_t)(i * 2654435761U >> 13);
    }
    for (size_t i = f->size / 2; i < f->size && variant == 4; i++) {
        bytes[i] = 0;
    }
    if (variant != 1) { // 1: it is not there.
        write_file(f->path, bytes, size);
    }
    if ((variant == 0 || variant == 3 || variant == 4) &&
        truncate(f->path, DSI_QUEUE_FILE_SIZE) < 0) {
        perror(f->path);
        abort();
    }
    free(bytes);
}

static void put_on_disk(const struct job *j, const struct kept_state *s)
{
    kit_remove(j->place.root);
    mkdir(j->place.root, 0777);
    for (size_t i = 0; i < s->count; i++) {
        const struct disk_file *f = &s->files[i];
        if (!f->bytes) {
            mkdir(f->path, 0777);
        } else if (kit_is_queue(f->path)) {
            write_queue(f, (s->hash >> 7) % 6);
        } else {
            write_file(f->path, f->bytes, f->size);
        }
    }
}

// A reachable file has the bytes that were written to it, all of them.
struct reading {
    const struct disk *disk;
    char *why;
};

static int check_bytes(void *arg, const char *path, int64_t recorded)
{
    const struct reading *r = arg;
    size_t size = 0;
    const uint8_t *want = disk_content(r->disk, path, &size);
    uint8_t *bytes = malloc(size + 1);
    int fd = open(path, O_RDONLY);
    ssize_t n = fd < 0 || !bytes ? -1 : pread(fd, bytes, size + 1, 0);

    if (fd < 0) {
        snprintf(r->why, KIT_WHY_MAX, "%.500s is reachable and not there", path);
    } else if (want && (n != (ssize_t)size || memcmp(bytes, want, size) != 0)) {
        snprintf(r->why, KIT_WHY_MAX, "%.500s has not the bytes written to it", path);
    } else if (want && recorded >= 0 && n != recorded) {
        snprintf(r->why, KIT_WHY_MAX, "%.500s has not its recorded length", path);
    }
    if (fd >= 0) {
        close(fd);
    }
    free(bytes);
    return DS_OK;
}

static enum kit_change change_of(const struct job *j, unsigned number)
{
    return number == FIRST ? j->what->change : KIT_APPEND;
}

static void check_rows(const struct job *j, const struct kept_state *s,
                       const struct kit_rows *rows, const bool *also, char *why)
{
    for (unsigned i = 0; i < BASES && !j->what->creates; i++) {
        int wanted = i > 0 || !j->what->deletes;
        if ((i > 0 || !kit_takes_out(j->what->change)) &&
            kit_is_there(rows, KIT_DOOMED + i, ROWS) != wanted) {
            snprintf(why, KIT_WHY_MAX, "append %u, which was %s, is not", KIT_DOOMED + i,
                     wanted ? "there" : "taken out");
        }
    }
    for (unsigned i = 0; i < j->what->appends; i++) {
        int there = kit_is_done(rows, change_of(j, FIRST + i), FIRST + i, ROWS);
        if (there < 0) {
            snprintf(why, KIT_WHY_MAX, "append %u is there in part or twice", FIRST + i);
        } else if (there == 0 && (s->acked[FIRST + i] || (also && also[i]))) {
            snprintf(why, KIT_WHY_MAX, "append %u was acknowledged and is lost",
                     FIRST + i);
        }
    }
}

// Opens, reads and compares; `also` are appends written since, NULL: nothing is. A name
// that is free may be given to other bytes then.
static void look(const struct job *j, const struct kept_state *s, const bool *also,
                 struct kit_rows *rows, char *why)
{
    struct kit_table k = {.table = NULL};
    struct ds_error err = {0};
    struct reading reading = {j->disk, why};

    kit_look(&j->place, rows, why);
    if (!why[0] && !also && kit_open(&j->place, &k, &err) == DS_OK &&
        kit_reachable(&k, check_bytes, &reading, &err) < 0) {
        snprintf(why, KIT_WHY_MAX, "%.500s", err.message);
    }
    kit_close(&k);
    if (!why[0]) {
        check_rows(j, s, rows, also, why);
    }
}

// Asks by its identity alone what became of append `number`: the truth is `there`. Whose
// snapshots are forgotten, the ledger says.
static void ask(struct kit_table *k, unsigned number, bool there, char *why)
{
    struct ds_error err = {0};
    enum ds_outcome outcome = DS_UNKNOWN;

    if (!why[0] && kit_resolve(k, number, &outcome, &err) < 0) {
        snprintf(why, KIT_WHY_MAX, "asked for append %u: %.500s", number, err.message);
    } else if (!why[0] && outcome != (there ? DS_COMMITTED : DS_NOT_COMMITTED)) {
        snprintf(why, KIT_WHY_MAX, "append %u is %s, and said to be otherwise", number,
                 there ? "there" : "not there");
    }
}

// Asks for every append that is there, and with `all` for the others, too.
static void ask_for_all(const struct job *j, const struct kit_rows *rows, bool all,
                        char *why)
{
    unsigned bases = j->what->creates ? 0 : BASES + (j->what->deletes ? 1U : 0U);
    struct kit_table k = {.table = NULL};
    struct ds_error err = {0};

    if (kit_open(&j->place, &k, &err) < 0) {
        snprintf(why, KIT_WHY_MAX, "the table: %.500s", err.message);
    }
    for (unsigned i = 0; i < bases; i++) {
        ask(&k, KIT_DOOMED + i, true, why);
    }
    for (unsigned i = 0; i < j->what->appends; i++) {
        bool there = kit_is_done(rows, change_of(j, FIRST + i), FIRST + i, ROWS) == 1;
        if (there || all) {
            ask(&k, FIRST + i, there, why);
        }
    }
    kit_close(&k);
}

static void commit_after(const struct job *j, unsigned number, char *why)
{
    struct kit_table k = {.table = NULL};
    struct ds_error err = {0};
    struct ds_commit_result r = {0};
    int rc = kit_open(&j->place, &k, &err);

    if (rc == DS_OK && change_of(j, number) == KIT_JOIN &&
        !kit_file_is_whole(&j->place)) { // Its owner makes it again.
        rc = kit_make_file(&j->place, number, ROWS, &err);
    }
    rc = rc < 0 ? rc
                : kit_commit(&k, change_of(j, number), number, ROWS, DS_GROUP_AUTO, &r,
                             &err);
    if (rc < 0) {
        snprintf(why, KIT_WHY_MAX, "append %u afterwards: %.500s", number, err.message);
    }
    kit_close(&k);
}

static void check_state(const struct job *j, const struct kept_state *s, char *why)
{
    bool also[DISK_ACKS] = {false};
    struct kit_table k = {.table = NULL};
    struct ds_error err = {0};
    struct kit_rows rows;
    bool made = false;

    if (j->what->creates) {
        int rc = kit_open(&j->place, &k, &err);
        kit_close(&k);
        if (rc == DS_ENOTFOUND && !s->acked[NUMBER_CREATE] && !s->acked[FIRST]) {
            rc = kit_create(&j->place, KIT_PLAIN, &k, &err);
            kit_close(&k);
            made = true;
        }
        if (rc < 0) {
            snprintf(why, KIT_WHY_MAX, "the table: %.500s", err.message);
            return;
        }
    }
    look(j, s, made ? also : NULL, &rows, why);
    // Every other time the writers come back that had no answer; else they ask.
    if (!why[0]) {
        ask_for_all(j, &rows, s->hash % 2 == 1, why);
    }
    for (unsigned i = 0; i < j->what->appends && !why[0] && s->hash % 2 == 0; i++) {
        if (!s->acked[FIRST + i]) {
            commit_after(j, FIRST + i, why);
            also[i] = true;
        }
    }
    if (!why[0]) {
        commit_after(j, FRESH, why);
    }
    if (!why[0]) {
        look(j, s, also, &rows, why);
    }
    if (!why[0] && kit_is_there(&rows, FRESH, ROWS) != 1) {
        snprintf(why, KIT_WHY_MAX, "the append afterwards is not there");
    }
    if (!why[0]) { // More is forgotten by now.
        ask_for_all(j, &rows, false, why);
    }
}

static enum shim_verdict allow(struct shim_call *c)
{
    (void)c;
    return SHIM_DO;
}

static void ignore(const struct shim_call *c, int64_t result)
{
    (void)c;
    (void)result;
}

static void check_batch(void *arg)
{
    static const struct shim_watcher after_start = {
        .before = allow, .after = ignore, .boot_id = "after-the-power-cut"};
    const struct job *j = arg;
    struct verdicts *v = j->verdicts;

    shim_start(&after_start);
    kit_timeout_ms = APPEND_MS;
    while (v->begun < j->batched && !(j->until_wrong && v->wrong)) {
        uint32_t i = v->begun++;
        put_on_disk(j, &j->batch[i]);
        check_state(j, &j->batch[i], v->why[i]);
        v->wrong = v->wrong || v->why[i][0];
    }
}

// --- In the parent
// ------------------------------------------------------------------------

static void judge(struct job *j, size_t i, const char *why)
{
    if (!why[0]) {
        return;
    }
    if (j->wrong++ == 0) {
        snprintf(j->first_wrong, sizeof j->first_wrong, "%s: %s", j->batch[i].about, why);
    }
    if (!j->until_wrong) {
        atomic_fetch_add(&j->tally->violations, 1);
        if (atomic_fetch_add(&j->tally->shown, 1) < SHOWN) {
            printf("%s on %s %s: %s\n", j->what->name,
                   j->place.sqlite ? "sqlite" : "path", j->batch[i].about, why);
            fflush(stdout);
        }
    }
}

// Opens what has been gathered, in as few children as it takes.
static void open_batch(struct job *j)
{
    memset(j->verdicts, 0, sizeof *j->verdicts);
    while (j->verdicts->begun < j->batched && !(j->until_wrong && j->verdicts->wrong)) {
        int status = kit_in_child(check_batch, j, CHILD_SECONDS);
        if (status != 0) {
            uint32_t i = j->verdicts->begun - 1;
            snprintf(j->verdicts->why[i], KIT_WHY_MAX, "opening it ended with %#x",
                     (unsigned)status);
            j->verdicts->wrong = true;
        }
    }
    for (size_t i = 0; i < j->batched; i++) {
        judge(j, i, j->verdicts->why[i]);
    }
    atomic_fetch_add(&j->tally->opened, (unsigned)j->batched);
    for (size_t i = 0; i < j->batched; i++) {
        for (size_t k = 0; k < j->batch[i].count; k++) {
            free((void *)j->batch[i].files[k].bytes);
        }
        free(j->batch[i].files);
    }
    j->batched = 0;
}

static bool take_state(void *arg, const struct disk_state *s)
{
    struct job *j = arg;
    struct kept_state *k = &j->batch[j->batched];

    if (!note_hash(j, s->hash)) {
        return true;
    }
    j->states++;
    *k = (struct kept_state){.count = s->count, .hash = s->hash};
    k->files = calloc(s->count + 1, sizeof *k->files);
    if (!k->files) {
        abort();
    }
    memcpy(k->acked, s->acked, sizeof k->acked);
    snprintf(k->about, sizeof k->about, "%s", s->about);
    for (size_t i = 0; i < s->count; i++) {
        k->files[i] = s->files[i];
        if (s->files[i].bytes) {
            uint8_t *copy = malloc(s->files[i].size + 1);
            if (!copy) {
                abort();
            }
            memcpy(copy, s->files[i].bytes, s->files[i].size);
            k->files[i].bytes = copy;
        }
    }
    if (++j->batched == (j->until_wrong ? BATCH_WRONG : BATCH)) {
        open_batch(j);
    }
    return !(j->until_wrong && j->wrong > 0);
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
    struct kit_table k = {.table = NULL};
    struct ds_error err = {0};
    struct ds_commit_result r = {0};
    must(kit_create(&j->place, j->what->sort, &k, &err), &err);
    for (unsigned i = 0; i < BASES; i++) {
        must(kit_append(&k, KIT_DOOMED + i, ROWS, DS_GROUP_OFF, &r, &err), &err);
    }
    if (j->what->deletes) {
        must(kit_commit(&k, KIT_DELETE, DELETION, 0, DS_GROUP_OFF, &r, &err), &err);
    }
    kit_close(&k);
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

static void note_mutant(struct tally *t, const char *catalog, const char *site,
                        bool caught)
{
    char name[sizeof t->mutants[0].name];
    uint32_t at = 0;

    snprintf(name, sizeof name, "%s: %.60s", catalog, site);
    while (atomic_flag_test_and_set(&t->lock)) {
    }
    while (at < t->mutant_count && strcmp(t->mutants[at].name, name) != 0) {
        at++;
    }
    if (at < 256) {
        memcpy(t->mutants[at].name, name, sizeof name);
        t->mutants[at].caught = t->mutants[at].caught || caught;
        t->mutant_count = at == t->mutant_count ? at + 1 : t->mutant_count;
    }
    atomic_flag_clear(&t->lock);
}

static void run_mutants(struct job *j, size_t most)
{
    char sites[DISK_SITES_MAX][DISK_SITE_MAX];
    size_t count = disk_sites(j->disk, sites);
    const char *catalog = j->place.sqlite ? "sqlite" : "path";
    size_t cut = 0;

    j->until_wrong = true;
    for (size_t i = 0; i < count; i++) {
        j->wrong = 0;
        disk_leave_out(j->disk, sites[i]);
        disk_each_state(j->disk, most, 1, take_state, j, &cut);
        open_batch(j);
        note_mutant(j->tally, catalog, sites[i], j->wrong > 0);
        printf("%s on %s without %s: %s\n", j->what->name, catalog, sites[i],
               j->wrong ? j->first_wrong : "nothing wrong");
        fflush(stdout);
    }
}

static void run_job(const struct recording *what, bool sqlite, const char *dir,
                    size_t most, struct tally *t)
{
    struct job *j = calloc(1, sizeof *j);
    size_t syncs = 0;
    size_t acks = 0;
    size_t warm = 0;
    size_t cut = 0;

    if (!j) {
        abort();
    }
    j->what = what;
    j->tally = t;
    j->place.sqlite = sqlite;
    snprintf(j->place.root, sizeof j->place.root, "%.300s/%s-%s", dir, what->name,
             sqlite ? "sqlite" : "path");
    j->verdicts = kit_shared(sizeof *j->verdicts);
    run_recording(j);
    disk_count(j->disk, &syncs, &acks, &warm);
    disk_each_state(j->disk, most, 1, take_state, j, &cut);
    open_batch(j);
    printf("%s on %s: %zu syncs, %zu acknowledged, %zu states, %zu wrong\n", what->name,
           sqlite ? "sqlite" : "path", syncs, acks, j->states, j->wrong);
    fflush(stdout);
    atomic_fetch_add(&t->traces, 1);
    atomic_fetch_add(&t->states, (unsigned)j->states);
    atomic_fetch_add(&t->cut, (unsigned)cut);
    if (strcmp(what->name, "three") == 0) {
        t->syncs_alone[sqlite] = (unsigned)(warm / (acks - 1));
    } else if (strcmp(what->name, "twelve") == 0) {
        t->syncs_group[sqlite] = (unsigned)warm;
    }
    if (j->wrong == 0) {
        run_mutants(j, most);
    }
    disk_free(j->disk);
    trace_free(j->trace);
    free(j->seen);
    free(j);
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

struct choice {
    size_t most;
    unsigned jobs;
    const char *only;
    const char *catalog;
};

static void take_jobs(const struct choice *c, const char *dir, struct tally *t)
{
    for (;;) {
        unsigned at = atomic_fetch_add(&t->next, 1);
        if (at >= 2 * RECORDINGS) {
            break;
        }
        const struct recording *what = &recordings[at / 2];
        bool sqlite = at % 2;
        if ((!c->only || strcmp(c->only, what->name) == 0) &&
            (!c->catalog || strcmp(c->catalog, sqlite ? "sqlite" : "path") == 0)) {
            run_job(what, sqlite, dir, c->most, t);
        }
    }
}

static bool parse(int argc, char **argv, struct choice *c)
{
    for (int i = 1; i + 1 < argc; i += 2) {
        unsigned number = (unsigned)strtoul(argv[i + 1], NULL, 10);
        if (strcmp(argv[i], "--most") == 0 && number > 0) {
            c->most = number;
        } else if (strcmp(argv[i], "--jobs") == 0 && number > 0 && number <= JOBS_MAX) {
            c->jobs = number;
        } else if (strcmp(argv[i], "--only") == 0) {
            c->only = argv[i + 1];
        } else if (strcmp(argv[i], "--catalog") == 0) {
            c->catalog = argv[i + 1];
        } else {
            return false;
        }
    }
    return argc % 2 == 1;
}

int main(int argc, char **argv)
{
    struct choice c = {.most = 4096, .jobs = 2};
    struct tally *t = kit_shared(sizeof *t);
    char dir[KIT_PATH_MAX];
    bool failed = false;
    int status = 0;

    if (!parse(argc, argv, &c)) {
        fprintf(stderr, "usage: see the top of powerloss.c\n");
        return 2;
    }
    if (!kit_scratch("powerloss", dir)) {
        return 2;
    }
    for (unsigned i = 0; i < c.jobs; i++) {
        fflush(stdout);
        if (fork() == 0) {
            take_jobs(&c, dir, t);
            fflush(stdout);
            _exit(0);
        }
    }
    while (wait(&status) > 0) {
        failed = failed || status != 0;
    }
    kit_remove(dir);
    unsigned caught = 0;
    unsigned mutants = count_mutants(t, &caught);
    printf("%u states opened for the mutants and all; %u prefixes were cut short\n",
           t->opened, t->cut);
    printf("powerloss: traces=%u states=%u violations=%u sync_mutants=%u/%u "
           "fsyncs_alone=sqlite:%u,path:%u "
           "fsyncs_per_append_group12=sqlite:%.2f,path:%.2f\n",
           t->traces, t->states, t->violations, caught, mutants, t->syncs_alone[1],
           t->syncs_alone[0], t->syncs_group[1] / 12.0, t->syncs_group[0] / 12.0);
    return failed || t->violations > 0 || caught < mutants;
}
