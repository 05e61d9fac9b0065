#include "powerloss/witness.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "crash/gate_shim.h"

enum { FDS = 1024, NO_FILE = -2, HASHES = 4 * EXPLORE_ASKED_MAX };

bool witness_is_blind;

static const struct disk *disk;
static struct explore_look *look;
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static int slot_of[FDS];       // What is open; NO_FILE: nothing that was there.
static uint32_t noted[HASHES]; // Question + 1 by its hash; 0: free.

static void note(struct disk_question q)
{
    uint64_t words[] = {q.asks, (uint64_t)q.slot, q.offset, q.size};
    size_t at = dsi_hash(words, sizeof words) % HASHES;

    pthread_mutex_lock(&mutex);
    while (noted[at] > 0) {
        const struct disk_question *x = &look->asked[noted[at] - 1];
        if (x->asks == q.asks && x->slot == q.slot && x->offset == q.offset &&
            x->size == q.size) {
            break;
        }
        at = (at + 1) % HASHES;
    }
    if (noted[at] == 0) {
        if (look->count == EXPLORE_ASKED_MAX) {
            fprintf(stderr, "witness: too many questions\n");
            abort();
        }
        look->asked[look->count] = q;
        noted[at] = ++look->count;
    }
    pthread_mutex_unlock(&mutex);
}

void witness_ask(enum disk_asks asks, int number)
{
    note((struct disk_question){.asks = asks, .slot = number});
}

static void ask_slot(enum disk_asks asks, int slot, uint64_t offset, uint64_t size)
{
    if (slot > NO_FILE && !(witness_is_blind && asks == DISK_BYTES)) {
        note((struct disk_question){
            .asks = asks, .slot = slot, .offset = offset, .size = size});
    }
}

// Whether the path's directory is there, or the nearest that has ever been.
static void ask_directory(const char *path)
{
    char up[KIT_PATH_MAX];
    int slot = NO_FILE;

    snprintf(up, sizeof up, "%s", path);
    for (char *end = strrchr(up, '/'); end && slot == NO_FILE; end = strrchr(up, '/')) {
        *end = '\0';
        slot = disk_slot(disk, up);
    }
    ask_slot(DISK_THERE, slot, 0, 0);
}

// Of a path that says in another way where it is, the number would not be found.
static int number_of(const char *path)
{
    size_t size = strlen(path);

    if (strstr(path, "//") || strstr(path, "/./") || strstr(path, "/../") ||
        (size > 1 && path[size - 1] == '/')) {
        fprintf(stderr, "witness: what is %s?\n", path);
        abort();
    }
    return disk_slot(disk, path);
}

static void ask_path(enum disk_asks asks, const char *path)
{
    int slot = path ? number_of(path) : NO_FILE;

    if (slot != NO_FILE) {
        ask_slot(asks, slot, 0, 0);
    } else if (path) { // That name was never there.
        ask_directory(path);
    }
}

void witness_path(const char *path)
{
    int slot = number_of(path);
    ask_slot(DISK_BYTES, slot, 0, UINT64_MAX);
    ask_path(DISK_SIZE, path);
}

static int slot_of_call(const struct shim_call *c)
{
    return c->layer == SHIM_VFS        ? disk_slot(disk, c->path)
           : c->fd >= 0 && c->fd < FDS ? slot_of[c->fd]
                                       : NO_FILE;
}

static void ask_names(const struct shim_call *c)
{
    ask_path(DISK_THERE, c->path);
    ask_path(DISK_THERE, c->other);
    if (c->kind != SHIM_UNLINK) { // They make something: where?
        ask_directory(c->kind == SHIM_MKDIR ? c->path : c->other);
    }
}

static void ask_looks(const struct shim_call *c)
{
    if (strcmp(c->name, "posix.opendir") == 0) {
        ask_path(DISK_NAMES, c->path);
    } else if (strcmp(c->name, "posix.lstat") == 0) { // Says no more: see shim_start.
        ask_path(DISK_THERE, c->path);
    } else if (strcmp(c->name, "posix.map") == 0) {
        ask_slot(DISK_BYTES, slot_of_call(c), 0, UINT64_MAX);
    } else if (c->path) { // Of SQLite, also: a file of no bytes is none.
        ask_path(DISK_SIZE, c->path);
    } else {
        ask_slot(DISK_SIZE, slot_of_call(c), 0, 0);
    }
}

static enum shim_verdict before(struct shim_call *c)
{
    switch (c->kind) {
    case SHIM_OPEN:
    case SHIM_NAME:
        ask_path(DISK_THERE, c->path);
        ask_directory(c->path);
        break;
    case SHIM_OPEN_UNNAMED:
        ask_path(DISK_THERE, c->path);
        break;
    case SHIM_READ:
        ask_slot(DISK_BYTES, slot_of_call(c), c->offset, c->size);
        break;
    case SHIM_LINK:
    case SHIM_RENAME:
    case SHIM_EXCHANGE:
    case SHIM_UNLINK:
    case SHIM_MKDIR:
        ask_names(c);
        break;
    case SHIM_LOOK:
        ask_looks(c);
        break;
    case SHIM_CLOSE: // These read nothing; what is written is known.
    case SHIM_WRITE:
    case SHIM_TRUNCATE:
    case SHIM_FSYNC:
    case SHIM_SYNC_DIR:
    case SHIM_LOCK:
    case SHIM_MODE:
    case SHIM_WAIT:
    case SHIM_SQL:
        break;
    }
    return SHIM_DO;
}

static void after(const struct shim_call *c, int64_t result)
{
    const bool unnamed = c->kind == SHIM_OPEN_UNNAMED;
    const bool opens = c->kind == SHIM_OPEN || c->kind == SHIM_NAME || unnamed;
    (void)result;

    if (opens && c->layer == SHIM_POSIX && c->fd >= 0) {
        if (c->fd >= FDS) {
            fprintf(stderr, "witness: too many descriptors\n");
            abort();
        }
        slot_of[c->fd] = unnamed ? NO_FILE : number_of(c->path);
    }
}

void witness_start(const struct disk *d, struct explore_look *out, const char *boot_id)
{
    struct shim_watcher w = {
        .before = before, .after = after, .boot_id = boot_id, .lstat_tells_sort = true};

    disk = d;
    look = out;
    for (int i = 0; i < FDS; i++) {
        slot_of[i] = NO_FILE;
    }
    kit_looks = witness_path;
    shim_start(&w);
}
