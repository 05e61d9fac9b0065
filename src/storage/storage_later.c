#include "storage/storage_later.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/thread.h"
#include "storage/storage_path.h"
#include "storage/storage_posix.h"
#include "storage/storage_trial.h"

enum { BATCH = 16 };

struct kept {
    char *path;
    int fd; // -1: held (4), or being synced by whoever has asked, or broken (2).
    bool is_held;
    bool is_taken;       // To be written, by some thread (4).
    unsigned generation; // Of the process by which it is held.
    struct dsi_held held;
};

struct dsi_later {
    struct dsi_mutex *mutex;
    struct dsi_cond *written; // What was taken to be written is so, or was given back.
    struct kept files[DSI_LATER_MAX];
    size_t count;
    struct dsi_trial
        at_once; // First way: all bytes are waited for before the first sync.
};

// The file's place, else the count. With the mutex.
static size_t find(const struct dsi_later *l, const char *path)
{
    size_t i = 0;

    while (i < l->count && strcmp(l->files[i].path, path) != 0) {
        i++;
    }
    return i;
}

// The same, when nobody is writing it.
static size_t find_idle(const struct dsi_later *l, const char *path)
{
    size_t i = find(l, path);

    while (i < l->count && l->files[i].is_taken) {
        dsi_cond_wait(l->written, l->mutex);
        i = find(l, path);
    }
    return i;
}

static void close_kept(const struct kept *k)
{
    struct dsi_buf bytes = k->held.bytes;

    if (k->fd >= 0) {
        dsi_posix()->close(k->fd);
    }
    dsi_buf_release(&bytes);
    dsi_free(k->path);
}

void dsi_later_drop(struct dsi_later *l, const char *path)
{
    struct kept old = {.fd = -1};

    dsi_mutex_lock(l->mutex);
    size_t i = find_idle(l, path);
    if (i < l->count) {
        old = l->files[i];
        l->files[i] = l->files[--l->count];
    }
    dsi_mutex_unlock(l->mutex);
    close_kept(&old);
}

// Adds a file that is not known; `path` is owned, here or not. False: no room.
static bool put_in(struct dsi_later *l, struct kept file)
{
    dsi_mutex_lock(l->mutex);
    bool room = file.path && l->count < DSI_LATER_MAX;
    if (room) {
        l->files[l->count++] = file;
    }
    dsi_mutex_unlock(l->mutex);
    if (!room) {
        dsi_free(file.path);
    }
    return room;
}

// Takes the place of what was known of the file. False: it is not known.
static bool put_instead(struct dsi_later *l, const char *path, int fd)
{
    struct kept old = {.fd = -1};

    dsi_mutex_lock(l->mutex);
    size_t i = find(l, path);
    bool found = i < l->count;
    if (found) {
        old = l->files[i];
        l->files[i] = (struct kept){.path = old.path, .fd = fd};
        old.path = NULL;
        dsi_cond_broadcast(l->written);
    }
    dsi_mutex_unlock(l->mutex);
    close_kept(&old);
    return found;
}

bool dsi_later_keep(struct dsi_later *l, const char *path, int fd)
{
    assert(fd >= 0);
    return put_instead(l, path, fd) ||
           put_in(l, (struct kept){.path = dsi_strdup(path), .fd = fd});
}

static bool is_known(struct dsi_later *l, const char *path)
{
    dsi_mutex_lock(l->mutex);
    bool known = find(l, path) < l->count;
    dsi_mutex_unlock(l->mutex);
    return known;
}

bool dsi_later_hold(struct dsi_later *l, const char *path, struct dsi_held *held)
{
    if (held->bytes.size > DSI_HELD_MAX || (!held->replace && is_known(l, path))) {
        return false;
    }
    dsi_later_drop(l, path);
    return put_in(l, (struct kept){.path = dsi_strdup(path),
                                   .fd = -1,
                                   .is_held = true,
                                   .generation = dsi_fork_generation(),
                                   .held = *held});
}

bool dsi_later_take_held(struct dsi_later *l, const char *path, struct dsi_held *out)
{
    dsi_mutex_lock(l->mutex);
    size_t i = find_idle(l, path);
    bool found = i < l->count && l->files[i].is_held;
    if (found) {
        *out = l->files[i].held;
        l->files[i].is_held = false;
        l->files[i].is_taken = true;
        l->files[i].held = (struct dsi_held){.bytes = DSI_BUF_INIT};
    }
    dsi_mutex_unlock(l->mutex);
    return found;
}

void dsi_later_give_back(struct dsi_later *l, const char *path, struct dsi_held *held)
{
    dsi_mutex_lock(l->mutex);
    size_t i = find(l, path);
    bool ours = i < l->count && l->files[i].is_taken; // Else it was given once more.
    if (ours) {
        l->files[i].held = *held;
        l->files[i].is_held = true;
        l->files[i].is_taken = false;
        dsi_cond_broadcast(l->written);
    }
    dsi_mutex_unlock(l->mutex);
    if (!ours) {
        dsi_buf_release(&held->bytes);
    }
}

size_t dsi_later_list_held(struct dsi_later *l, char *out[DSI_LATER_MAX])
{
    const unsigned generation = dsi_fork_generation();
    size_t count = 0;

    dsi_mutex_lock(l->mutex);
    for (size_t i = 0; i < l->count; i++) {
        const struct kept *k = &l->files[i];
        if (k->is_held && k->generation == generation) {
            out[count] = dsi_strdup(k->path);
            count += out[count] != NULL;
        }
    }
    dsi_mutex_unlock(l->mutex);
    return count;
}

// What is synced at one time.
struct batch {
    struct dsi_later *later;
    struct dsi_posix_sync files[BATCH];
    const char *names[BATCH]; // Of a file its path, of a directory …
    char *owned[BATCH];       // … a copy; NULL: a file.
    size_t count;
};

// The file's descriptor, which is the caller's from here on: until it is known to be
// durable the file is broken (2). -1: it was before. False: it is not kept.
static bool take(struct dsi_later *l, const char *path, int *fd)
{
    dsi_mutex_lock(l->mutex);
    size_t i = find(l, path);
    bool found = i < l->count;
    if (found) {
        *fd = l->files[i].fd;
        l->files[i].fd = -1;
    }
    dsi_mutex_unlock(l->mutex);
    return found;
}

// A file that was synced with `code`: what is durable is kept no more.
static int end_file(struct dsi_later *l, const char *path, int code, struct ds_error *err)
{
    if (code < 0) {
        return dsi_posix_fail(err, code, "syncing", path);
    }
    dsi_later_drop(l, path);
    return DS_OK;
}

// Syncs what the batch has, and empties it. The first failure is told.
static int sync_batch(struct batch *b, struct dsi_meanwhile m, struct ds_error *err)
{
    int rc = DS_OK;

    if (b->count > 0) {
        dsi_posix()->fsync_all(b->files, b->count, m.run, m.arg);
    }
    for (size_t i = 0; i < b->count; i++) {
        struct ds_error *told = rc < 0 ? NULL : err;
        int code = b->files[i].code;
        int one = b->owned[i] ? dsi_dirs_synced(code, b->names[i], told)
                              : end_file(b->later, b->names[i], code, told);
        rc = rc < 0 ? rc : one;
        dsi_free(b->owned[i]);
    }
    b->count = 0;
    return rc;
}

static int add(struct batch *b, struct dsi_posix_sync file, const char *name, char *owned,
               struct ds_error *err)
{
    b->files[b->count] = file;
    b->names[b->count] = name;
    b->owned[b->count++] = owned;
    return b->count == BATCH ? sync_batch(b, (struct dsi_meanwhile){0}, err) : DS_OK;
}

static struct dsi_posix_sync to_end(int fd)
{
    return (struct dsi_posix_sync){.fd = fd, .ends = true};
}

static int add_file(struct batch *b, const char *path, struct ds_error *err)
{
    int fd = -1;

    if (!take(b->later, path, &fd)) {
        return DS_OK;
    }
    return fd < 0 ? dsi_fail(err, DS_EIO, "%s: an earlier sync failed", path)
                  : add(b, to_end(fd), path, NULL, err);
}

// Waits until the bytes are on the disk. What a file system notes of them in a journal
// then, for all files, becomes durable by the first sync, and the others find little left
// to do. One without a journal only gets its requests later.
static int await_file(struct dsi_later *l, const char *path, struct ds_error *err)
{
    dsi_mutex_lock(l->mutex);
    size_t i = find(l, path);
    int fd = i < l->count ? l->files[i].fd : -1;
    dsi_mutex_unlock(l->mutex);

    int code = fd >= 0 ? dsi_posix()->write_back_wait(fd) : 0;
    if (code < 0 && take(l, path, &fd)) { // Its sync would not tell, so there is none.
        dsi_posix()->close(fd);
        return dsi_posix_fail(err, code, "writing back", path);
    }
    return DS_OK;
}

static int await_along(struct dsi_along along, struct ds_error *err)
{
    int code = along.fd >= 0 ? dsi_posix()->write_back_wait(along.fd) : 0;

    return code < 0 ? dsi_posix_fail(err, code, "writing back", along.name) : DS_OK;
}

// The part of a path that is its directory.
static size_t dir_size(const char *path)
{
    size_t size = (size_t)(strrchr(path, '/') - path);
    return size ? size : 1;
}

static bool same_dir(const char *a, const char *b)
{
    return dir_size(a) == dir_size(b) && memcmp(a, b, dir_size(a)) == 0;
}

// The directory of paths[at], unless a path before it was in the same.
static int add_dir(struct batch *b, struct dsi_dirs *dirs, const char *const *paths,
                   size_t at, struct ds_error *err)
{
    int fd = -1;

    for (size_t i = at; i > 0; i--) { // Files of one directory mostly come together.
        if (same_dir(paths[i - 1], paths[at])) {
            return DS_OK;
        }
    }
    char *dir = dsi_storage_path_dir(paths[at]);
    int rc = dir ? dsi_dirs_open(dirs, dir, &fd, err) : dsi_no_memory(err, paths[at]);
    if (rc < 0) {
        dsi_free(dir);
        return rc;
    }
    return add(b, to_end(fd), dir, dir, err);
}

static int await_all(struct dsi_later *l, const char *const *paths, size_t count,
                     struct dsi_along along, struct ds_error *err)
{
    int rc = DS_OK;

    for (size_t i = 0; i < count; i++) {
        DSI_TRY(await_file(l, paths[i], err));
    }
    DSI_TRY(await_along(along, err));
done:
    return rc;
}

static bool choose(struct dsi_later *l)
{
    dsi_mutex_lock(l->mutex);
    bool at_once = dsi_trial_next(&l->at_once);
    dsi_mutex_unlock(l->mutex);
    return at_once;
}

static void note(struct dsi_later *l, bool at_once, int64_t ns)
{
    dsi_mutex_lock(l->mutex);
    dsi_trial_took(&l->at_once, at_once, ns);
    dsi_mutex_unlock(l->mutex);
}

int dsi_later_sync(struct dsi_later *l, struct dsi_dirs *dirs, const char *const *paths,
                   size_t count, struct dsi_along along, struct dsi_meanwhile meanwhile,
                   struct ds_error *err)
{
    struct batch b = {.later = l};
    int64_t start = dsi_clock_monotonic_ns();
    bool at_once = choose(l);
    int rc = DS_OK;

    if (!at_once) {
        DSI_TRY(await_all(l, paths, count, along, err));
    }
    // Directories first: where one comes after the other, some file systems sync
    // everything for one.
    for (size_t i = 0; i < count; i++) {
        DSI_TRY(add_dir(&b, dirs, paths, i, err));
    }
    for (size_t i = 0; i < count; i++) {
        DSI_TRY(add_file(&b, paths[i], err));
    }
    if (along.fd >= 0) {
        struct dsi_posix_sync file = to_end(along.fd);
        along.fd = -1;
        DSI_TRY(add(&b, file, along.name, NULL, err));
    }
    DSI_TRY(sync_batch(&b, meanwhile, err));
    note(l, at_once, dsi_clock_monotonic_ns() - start);
done:
    if (b.count > 0) { // After a failure: what was taken has to be ended.
        DSI_IGNORE(sync_batch(&b, (struct dsi_meanwhile){0}, NULL));
    }
    if (along.fd >= 0) {
        dsi_posix()->close(along.fd);
    }
    return rc;
}

void dsi_later_free(struct dsi_later *l)
{
    if (l) {
        for (size_t i = 0; i < l->count; i++) {
            close_kept(&l->files[i]);
        }
        dsi_cond_free(l->written);
        dsi_mutex_free(l->mutex);
        dsi_free(l);
    }
}

int dsi_later_new(struct dsi_later **out, struct ds_error *err)
{
    struct dsi_later *l = dsi_calloc(1, sizeof *l);
    int rc = DS_OK;

    *out = NULL;
    if (!l) {
        return dsi_no_memory(err, "a local storage");
    }
    DSI_TRY(dsi_fork_enter(err)); // From now on forks are seen.
    dsi_fork_leave();
    DSI_TRY(dsi_mutex_new(&l->mutex, err));
    DSI_TRY(dsi_cond_new(&l->written, err));
    *out = l;
    l = NULL;
done:
    dsi_later_free(l);
    return rc;
}
