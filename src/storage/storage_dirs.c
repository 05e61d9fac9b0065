#include "storage/storage_dirs.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <string.h>

#include "base/alloc.h"
#include "base/error.h"
#include "base/hash.h"
#include "base/thread.h"
#include "storage/storage_posix.h"
#include "storage/storage_share.h"

enum { BUCKETS = 64, WAYS = 8 };

// A directory whose own name is known to be durable, up to the root. The inode is kept
// too: a directory that was removed and made again is another one.
struct slot {
    uint64_t path_hash; // 0: free.
    uint64_t device;
    uint64_t inode;
};

struct dsi_dirs {
    struct dsi_mutex *mutex;
    struct slot known[BUCKETS][WAYS]; // By hash. A newcomer to a full bucket
    unsigned next_out;                // pushes one out.
};

static uint64_t hash_of(const char *dir)
{
    return dsi_hash(dir, strlen(dir)) | 1;
}

// The slot that has this path, else NULL; the mutex is held.
static struct slot *find(struct dsi_dirs *d, uint64_t hash)
{
    struct slot *bucket = d->known[(hash >> 8) % BUCKETS];

    for (size_t i = 0; i < WAYS; i++) {
        if (bucket[i].path_hash == hash) {
            return &bucket[i];
        }
    }
    return NULL;
}

static bool is_known(struct dsi_dirs *d, const char *dir, const struct stat *st)
{
    dsi_mutex_lock(d->mutex);
    const struct slot *s = find(d, hash_of(dir));
    bool known =
        s && s->device == (uint64_t)st->st_dev && s->inode == (uint64_t)st->st_ino;
    dsi_mutex_unlock(d->mutex);
    return known;
}

static struct slot slot_for(const char *dir, const struct stat *st)
{
    return (struct slot){hash_of(dir), (uint64_t)st->st_dev, (uint64_t)st->st_ino};
}

static void remember(struct dsi_dirs *d, const struct slot *slots, size_t count)
{
    dsi_mutex_lock(d->mutex);
    for (size_t i = 0; i < count; i++) {
        struct slot *bucket = d->known[(slots[i].path_hash >> 8) % BUCKETS];
        struct slot *s = find(d, slots[i].path_hash);
        for (size_t k = 0; !s && k < WAYS; k++) {
            s = bucket[k].path_hash == 0 ? &bucket[k] : NULL;
        }
        s = s ? s : &bucket[d->next_out++ % WAYS];
        *s = slots[i];
    }
    dsi_mutex_unlock(d->mutex);
}

// A directory just made has a name that is not durable, whatever its inode was before.
static void forget(struct dsi_dirs *d, const char *dir)
{
    dsi_mutex_lock(d->mutex);
    struct slot *s = find(d, hash_of(dir));
    if (s) {
        s->path_hash = 0;
    }
    dsi_mutex_unlock(d->mutex);
}

// Cuts the last segment off; false when only the root was left.
static bool go_up(char *dir)
{
    char *slash = strrchr(dir, '/');

    if (slash == dir) {
        bool was_root = dir[1] == '\0';
        dir[1] = '\0';
        return !was_root;
    }
    *slash = '\0';
    return true;
}

// Some file systems know nothing of syncing a directory and say EINVAL: their names are
// as durable as they get.
int dsi_dirs_synced(int code, const char *dir, struct ds_error *err)
{
    return code < 0 && code != -EINVAL
               ? dsi_posix_fail(err, code, "syncing directory", dir)
               : DS_OK;
}

// The directories from the one that is asked for upwards, as they were found. What is
// higher than this goes is synced each time.
struct climb {
    struct slot slots[32];
    size_t count;
};

static void note_step(struct climb *c, const char *dir, const struct stat *st)
{
    if (c->count < sizeof c->slots / sizeof c->slots[0]) {
        c->slots[c->count++] = slot_for(dir, st);
    }
}

// Syncs every directory above `dir` up to one that is known. `dir` is cut on the way.
static int sync_above(struct dsi_dirs *d, char *dir, struct climb *climb,
                      struct ds_error *err)
{
    const struct dsi_posix_ops *posix = dsi_posix();
    bool done = false;
    int rc = DS_OK;

    while (rc == DS_OK && !done && go_up(dir)) {
        struct stat st;
        int fd = posix->open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0);
        if (fd == -EACCES || fd == -EPERM) {
            return DS_OK; // Whoever may not read it has not made what is in it.
        }
        if (fd < 0) {
            return dsi_posix_fail(err, fd, "opening directory", dir);
        }
        rc = dsi_dirs_synced(posix->fsync(fd), dir, err);
        if (rc == DS_OK && posix->fstat(fd, &st) == 0) {
            done = is_known(d, dir, &st);
            note_step(climb, dir, &st); // Known when what is above it has been synced.
        }
        posix->close(fd);
    }
    return rc;
}

int dsi_dirs_open(struct dsi_dirs *d, const char *dir, int *out, struct ds_error *err)
{
    const struct dsi_posix_ops *posix = dsi_posix();
    struct stat st;
    struct climb climb = {.count = 0};
    char *above = NULL;
    int rc = DS_OK;

    assert(dir[0] == '/');
    int fd = posix->open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0);
    if (fd < 0) {
        return dsi_posix_fail(err, fd, "opening directory", dir);
    }
    bool has_stat = posix->fstat(fd, &st) == 0;
    if (!has_stat || !is_known(d, dir, &st)) {
        above = dsi_strdup(dir);
        if (!above) {
            rc = dsi_no_memory(err, dir);
            goto done;
        }
        if (has_stat) {
            note_step(&climb, dir, &st);
        }
        DSI_TRY(sync_above(d, above, &climb, err)); // (1)
        remember(d, climb.slots, climb.count);
    }
    *out = fd;
    fd = -1;
done:
    if (fd >= 0) {
        posix->close(fd);
    }
    dsi_free(above);
    return rc;
}

int dsi_dirs_sync(struct dsi_dirs *d, const char *dir, struct ds_error *err)
{
    const struct dsi_posix_ops *posix = dsi_posix();
    int fd = -1;
    int rc = dsi_dirs_open(d, dir, &fd, err);

    if (rc == DS_OK) {
        rc = dsi_dirs_synced(posix->fsync(fd), dir, err);
        posix->close(fd);
    }
    return rc;
}

int dsi_dirs_make(struct dsi_dirs *d, const char *dir, struct ds_error *err)
{
    const struct dsi_posix_ops *posix = dsi_posix();
    size_t size = strlen(dir);
    char *path = dsi_strdup(dir);
    int code = 0;

    assert(dir[0] == '/');
    if (!path) {
        return dsi_no_memory(err, dir);
    }
    // Up to the deepest that is there or can be made, then down again.
    while ((code = posix->mkdir(path, 0777)) == -ENOENT && go_up(path)) {
    }
    for (;;) {
        size_t made = strlen(path);
        if (code == 0) {
            forget(d, path);
            dsi_share_dir(path);
        }
        if ((code < 0 && code != -EEXIST) || made >= size) {
            break;
        }
        path[made] = '/'; // What go_up had cut, until the next cut.
        if (made == 1) {
            path[1] = dir[1];
        }
        code = posix->mkdir(path, 0777);
    }
    int rc = code < 0 && code != -EEXIST
                 ? dsi_posix_fail(err, code, "making directory", path)
                 : DS_OK;
    dsi_free(path);
    return rc;
}

void dsi_dirs_free(struct dsi_dirs *d)
{
    if (d) {
        dsi_mutex_free(d->mutex);
        dsi_free(d);
    }
}

int dsi_dirs_new(struct dsi_dirs **out, struct ds_error *err)
{
    struct dsi_dirs *d = dsi_calloc(1, sizeof *d);

    *out = NULL;
    if (!d) {
        return dsi_no_memory(err, "a local storage");
    }
    int rc = dsi_mutex_new(&d->mutex, err);
    if (rc < 0) {
        dsi_free(d);
        return rc;
    }
    *out = d;
    return DS_OK;
}
