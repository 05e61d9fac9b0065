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

// A directory that is not made (2).
struct kept {
    uint64_t path_hash;
    char *path;
    char *whose;
};

struct dsi_dirs {
    struct dsi_mutex *mutex;
    struct kept *kept;
    size_t kept_count;
    size_t kept_capacity;
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

// The one that is kept, else NULL; the mutex is held.
static const struct kept *find_kept(const struct dsi_dirs *d, const char *dir)
{
    uint64_t hash = hash_of(dir);

    for (size_t i = 0; i < d->kept_count; i++) {
        if (d->kept[i].path_hash == hash && strcmp(d->kept[i].path, dir) == 0) {
            return &d->kept[i];
        }
    }
    return NULL;
}

// Fails if `dir` is kept (2).
static int check_kept(struct dsi_dirs *d, const char *dir, struct ds_error *err)
{
    dsi_mutex_lock(d->mutex);
    const struct kept *k = find_kept(d, dir);
    int rc =
        k ? dsi_fail(err, DS_ENOTFOUND,
                     "table %s is gone: its directory %s has been removed", k->whose, dir)
          : DS_OK;
    dsi_mutex_unlock(d->mutex);
    return rc;
}

static void free_kept(const struct kept *k)
{
    dsi_free(k->path);
    dsi_free(k->whose);
}

// The mutex is held.
static int add_kept(struct dsi_dirs *d, const struct kept *k)
{
    if (d->kept_count == d->kept_capacity) {
        size_t capacity = d->kept_capacity ? 2 * d->kept_capacity : 8;
        struct kept *all = dsi_realloc(d->kept, capacity * sizeof *all);
        if (!all) {
            return DS_ENOMEM;
        }
        d->kept = all;
        d->kept_capacity = capacity;
    }
    d->kept[d->kept_count++] = *k;
    return DS_OK;
}

static void keep_no_longer(struct dsi_dirs *d, const char *dir)
{
    size_t size = strlen(dir);
    size_t left = 0;

    dsi_mutex_lock(d->mutex);
    for (size_t i = 0; i < d->kept_count; i++) {
        const struct kept *k = &d->kept[i];
        if (strncmp(k->path, dir, size) == 0 &&
            (k->path[size] == '/' || k->path[size] == '\0')) {
            free_kept(k);
        } else {
            d->kept[left++] = *k;
        }
    }
    d->kept_count = left;
    dsi_mutex_unlock(d->mutex);
}

int dsi_dirs_keep(struct dsi_dirs *d, const char *dir, const char *whose,
                  struct ds_error *err)
{
    struct kept k = {hash_of(dir), NULL, NULL};
    bool known = false;
    int rc = DS_ENOMEM;

    if (!whose) {
        keep_no_longer(d, dir);
        return DS_OK;
    }
    k.path = dsi_strdup(dir);
    k.whose = dsi_strdup(whose);
    if (k.path && k.whose) {
        dsi_mutex_lock(d->mutex);
        known = find_kept(d, dir);
        rc = known ? DS_OK : add_kept(d, &k);
        dsi_mutex_unlock(d->mutex);
    }
    if (known || rc < 0) {
        free_kept(&k);
    }
    return rc < 0 ? dsi_no_memory(err, dir) : DS_OK;
}

// Cuts `path` to the deepest that is there or can be made; *code is what came of that.
static int climb_to_make(struct dsi_dirs *d, char *path, int *code, struct ds_error *err)
{
    int rc = DS_OK;

    do {
        rc = check_kept(d, path, err); // (2)
        *code = rc < 0 ? 0 : dsi_posix()->mkdir(path, 0777);
    } while (rc == DS_OK && *code == -ENOENT && go_up(path));
    return rc;
}

int dsi_dirs_make(struct dsi_dirs *d, const char *dir, struct ds_error *err)
{
    const struct dsi_posix_ops *posix = dsi_posix();
    size_t size = strlen(dir);
    char *path = dsi_strdup(dir);
    int code = 0;
    int rc = DS_OK;

    assert(dir[0] == '/');
    if (!path) {
        return dsi_no_memory(err, dir);
    }
    DSI_TRY(climb_to_make(d, path, &code, err));
    for (;;) { // Down again.
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
    if (code < 0 && code != -EEXIST) {
        rc = dsi_posix_fail(err, code, "making directory", path);
    }
done:
    dsi_free(path);
    return rc;
}

void dsi_dirs_free(struct dsi_dirs *d)
{
    if (d) {
        for (size_t i = 0; i < d->kept_count; i++) {
            free_kept(&d->kept[i]);
        }
        dsi_free(d->kept);
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
