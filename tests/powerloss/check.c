#include "powerloss/check.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "powerloss/witness.h"
#include "storage/storage_queue_file.h"

enum {
    FRESH = 90,       // The append that must work afterwards.
    APPEND_MS = 5000, // A commit on a sound table takes a few.
    STATE_SECONDS = 60,
};

struct check {
    const struct recording *what;
    const struct kit_place *place;
    const struct disk *disk;
    struct disk_state state;
    struct explore_look *out;
};

// --- The state becomes files ----------------------------------------------------------

static void write_file(const char *path, const uint8_t *bytes, size_t size)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0666);
    if (fd < 0 || write(fd, bytes, size) != (ssize_t)size || close(fd) < 0) {
        perror(path);
        abort();
    }
}

// The queue is never synced: it may be there in full, in part, as zeros, as anything.
static void write_queue(const struct disk_file *f, unsigned variant)
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

static void put_on_disk(const struct check *c)
{
    kit_remove(c->place->root);
    mkdir(c->place->root, 0777);
    for (size_t i = 0; i < c->state.count; i++) {
        const struct disk_file *f = &c->state.files[i];
        if (!f->bytes) {
            mkdir(f->path, 0777);
        } else if (kit_is_queue(f->path)) {
            write_queue(f, c->state.queue);
        } else {
            write_file(f->path, f->bytes, f->size);
        }
    }
}

// --- What must hold -------------------------------------------------------------------

static bool is_acked(const struct check *c, unsigned number)
{
    witness_ask(DISK_ACKED, (int)number);
    return disk_acked(c->disk)[number];
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
    witness_path(path);
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

static enum kit_change change_of(const struct check *c, unsigned number)
{
    return number == FIRST ? c->what->change : KIT_APPEND;
}

static void check_rows(const struct check *c, const struct kit_rows *rows,
                       const bool *also, char *why)
{
    for (unsigned i = 0; i < BASES && !c->what->creates; i++) {
        int wanted = i > 0 || !c->what->deletes;
        if ((i > 0 || !kit_takes_out(c->what->change)) &&
            kit_is_there(rows, KIT_DOOMED + i, ROWS) != wanted) {
            snprintf(why, KIT_WHY_MAX, "append %u, which was %s, is not", KIT_DOOMED + i,
                     wanted ? "there" : "taken out");
        }
    }
    for (unsigned i = 0; i < c->what->appends; i++) {
        int there = kit_is_done(rows, change_of(c, FIRST + i), FIRST + i, ROWS);
        if (there < 0) {
            snprintf(why, KIT_WHY_MAX, "append %u is there in part or twice", FIRST + i);
        } else if (there == 0 && (is_acked(c, FIRST + i) || (also && also[i]))) {
            snprintf(why, KIT_WHY_MAX, "append %u was acknowledged and is lost",
                     FIRST + i);
        }
    }
}

// Opens, reads and compares; `also` are appends written since, NULL: nothing is. A name
// that is free may be given to other bytes then.
static void look(const struct check *c, const bool *also, struct kit_rows *rows,
                 char *why)
{
    struct kit_table k = {.table = NULL};
    struct ds_error err = {0};
    struct reading reading = {c->disk, why};

    kit_look(c->place, rows, why);
    if (!why[0] && !also && kit_open(c->place, &k, &err) == DS_OK &&
        kit_reachable(&k, check_bytes, &reading, &err) < 0) {
        snprintf(why, KIT_WHY_MAX, "%.500s", err.message);
    }
    kit_close(&k);
    if (!why[0]) {
        check_rows(c, rows, also, why);
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
static void ask_for_all(const struct check *c, const struct kit_rows *rows, bool all,
                        char *why)
{
    unsigned bases = c->what->creates ? 0 : BASES + (c->what->deletes ? 1U : 0U);
    struct kit_table k = {.table = NULL};
    struct ds_error err = {0};

    if (kit_open(c->place, &k, &err) < 0) {
        snprintf(why, KIT_WHY_MAX, "the table: %.500s", err.message);
    }
    for (unsigned i = 0; i < bases; i++) {
        ask(&k, KIT_DOOMED + i, true, why);
    }
    for (unsigned i = 0; i < c->what->appends; i++) {
        bool there = kit_is_done(rows, change_of(c, FIRST + i), FIRST + i, ROWS) == 1;
        if (there || all) {
            ask(&k, FIRST + i, there, why);
        }
    }
    kit_close(&k);
}

static void commit_after(const struct check *c, unsigned number, char *why)
{
    struct kit_table k = {.table = NULL};
    struct ds_error err = {0};
    struct ds_commit_result r = {0};
    int rc = kit_open(c->place, &k, &err);

    if (rc == DS_OK && change_of(c, number) == KIT_JOIN &&
        !kit_file_is_whole(c->place)) { // Its owner makes it again.
        rc = kit_make_file(c->place, number, ROWS, &err);
    }
    rc = rc < 0 ? rc
                : kit_commit(&k, change_of(c, number), number, ROWS, DS_GROUP_AUTO, &r,
                             &err);
    if (rc < 0) {
        snprintf(why, KIT_WHY_MAX, "append %u afterwards: %.500s", number, err.message);
    }
    kit_close(&k);
}

static void check_state(const struct check *c, char *why)
{
    bool also[DISK_ACKS] = {false};
    struct kit_table k = {.table = NULL};
    struct ds_error err = {0};
    struct kit_rows rows;
    bool made = false;
    bool asks = false;

    if (c->what->creates) {
        int rc = kit_open(c->place, &k, &err);
        kit_close(&k);
        if (rc == DS_ENOTFOUND && !is_acked(c, NUMBER_CREATE) && !is_acked(c, FIRST)) {
            rc = kit_create(c->place, KIT_PLAIN, &k, &err);
            kit_close(&k);
            made = true;
        }
        if (rc < 0) {
            snprintf(why, KIT_WHY_MAX, "the table: %.500s", err.message);
            return;
        }
    }
    look(c, made ? also : NULL, &rows, why);
    if (!why[0]) {
        witness_ask(DISK_MODE, 0);
        asks = c->state.asks;
        ask_for_all(c, &rows, asks, why);
    }
    for (unsigned i = 0; i < c->what->appends && !why[0] && !asks; i++) {
        if (!is_acked(c, FIRST + i)) {
            commit_after(c, FIRST + i, why);
            also[i] = true;
        }
    }
    if (!why[0]) {
        commit_after(c, FRESH, why);
    }
    if (!why[0]) {
        look(c, also, &rows, why);
    }
    if (!why[0] && kit_is_there(&rows, FRESH, ROWS) != 1) {
        snprintf(why, KIT_WHY_MAX, "the append afterwards is not there");
    }
    if (!why[0]) { // More is forgotten by now.
        ask_for_all(c, &rows, false, why);
    }
}

// --- In a child of its own: nothing is known from a state before ----------------------

static void check_in_child(void *arg)
{
    const struct check *c = arg;

    put_on_disk(c);
    witness_start(c->disk, c->out, "after-the-power-cut");
    kit_timeout_ms = APPEND_MS;
    check_state(c, c->out->why);
}

void check_chosen(const struct recording *what, const struct kit_place *p, struct disk *d,
                  struct explore_look *out)
{
    struct check c = {.what = what, .place = p, .disk = d, .out = out};

    disk_put(d, &c.state);
    int status = kit_in_child(check_in_child, &c, STATE_SECONDS);
    if (status != 0) {
        snprintf(out->why, KIT_WHY_MAX, "opening it ended with %#x", (unsigned)status);
    }
}
