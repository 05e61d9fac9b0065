#include "storage/storage_flock.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <string.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "base/cancel.h"
#include "base/checked.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/random.h"
#include "base/thread.h"
#include "storage/storage_holder.h"
#include "storage/storage_path.h"
#include "storage/storage_posix.h"
#include "storage/storage_private.h"
#include "storage/storage_share.h"

// flock has no timeout, so a waiter looks again and again. The first in the queue looks
// soon, then at a sixteenth of the time it has waited already.
#define FIRST_LEAST_NS INT64_C(20000)
#define FIRST_MOST_NS INT64_C(500000)
// In the queue everybody looks equally often, or the newest would be favoured.
#define QUEUE_LEAST_NS INT64_C(300000)
#define QUEUE_MOST_NS INT64_C(300000)

// One of the two files, and which it was when it was opened.
struct lock_file {
    struct dsi_private file;
    dev_t device;
    ino_t inode;
    bool lasting; // It may be kept, (5).
};

struct dsi_flock {
    struct lock_file lock;
    struct lock_file queue;
    char *path;
};

// A child's is not open: its number may be another file's by now. So may ours, in a
// process that closes all that is open (a daemon that begins).
static bool is_ours(const struct lock_file *f, struct stat *st)
{
    return f->file.open && dsi_posix()->fstat(f->file.fd, st) == 0 &&
           st->st_dev == f->device && st->st_ino == f->inode;
}

static void close_file(struct lock_file *f)
{
    struct stat st;

    if (!f->lasting || is_ours(f, &st)) {
        dsi_private_close(&f->file);
    } else {
        dsi_private_lose(&f->file);
    }
}

static void close_both(struct dsi_flock *lock)
{
    if (lock) {
        close_file(&lock->queue);
        close_file(&lock->lock);
        dsi_free(lock->path);
        dsi_free(lock);
    }
}

static int open_file(struct lock_file *f, const char *path, const struct stat *dir,
                     struct ds_error *err)
{
    struct stat st;
    int code = dsi_private_open(&f->file, path, O_RDWR | O_CREAT | O_NONBLOCK, 0666);

    if (code < 0) {
        return dsi_posix_fail(err, code, "opening lock", path);
    }
    if (dir) {
        dsi_share_file_in(f->file.fd, dir);
    }
    f->lasting = dsi_posix()->fstat(f->file.fd, &st) == 0 &&
                 dsi_posix()->is_network(f->file.fd) == 0;
    if (f->lasting) {
        f->device = st.st_dev;
        f->inode = st.st_ino;
    }
    return DS_OK;
}

static int open_both(const char *path, struct dsi_flock **out, struct ds_error *err)
{
    struct dsi_flock *lock = dsi_calloc(1, sizeof *lock);
    struct dsi_buf queue = DSI_BUF_INIT;
    char *dir = dsi_storage_path_dir(path);
    const char *queue_path = NULL;
    struct stat above;
    bool seen = false;
    int rc = DS_OK;

    DSI_TRY(dsi_buf_printf(&queue, err, "%s-queue", path));
    queue_path = dsi_buf_text(&queue);
    if (lock) {
        lock->path = dsi_strdup(path);
    }
    if (!lock || !lock->path || !dir || !queue_path) {
        rc = dsi_no_memory(err, path);
        goto done;
    }
    seen = dsi_posix()->stat(dir, &above) == 0;
    DSI_TRY(open_file(&lock->queue, queue_path, seen ? &above : NULL, err));
    DSI_TRY(open_file(&lock->lock, path, seen ? &above : NULL, err));
    *out = lock;
    lock = NULL;
done:
    close_both(lock);
    dsi_buf_release(&queue);
    dsi_free(dir);
    return rc;
}

// (4)
static bool is_still_there(const struct lock_file *f)
{
    struct stat st;

    return is_ours(f, &st) && st.st_nlink > 0;
}

// What is kept for the path; nobody else has it then. NULL: nothing that can be used.
static struct dsi_flock *take_out(struct dsi_flocks *kept, const char *path)
{
    struct dsi_flock *lock = NULL;

    dsi_fork_hold();
    for (size_t i = 0; !lock && i < DSI_FLOCKS_MAX; i++) {
        if (kept->idle[i] && strcmp(kept->idle[i]->path, path) == 0) {
            lock = kept->idle[i];
            kept->idle[i] = NULL;
        }
    }
    dsi_fork_let();
    if (lock && !(is_still_there(&lock->queue) && is_still_there(&lock->lock))) {
        close_both(lock);
        lock = NULL;
    }
    return lock;
}

// Keeps what is unlocked; for another, if there is no room.
static void put_back(struct dsi_flocks *kept, struct dsi_flock *lock)
{
    size_t at = 0;

    dsi_fork_hold();
    while (at < DSI_FLOCKS_MAX && kept->idle[at]) {
        at++;
    }
    at = at < DSI_FLOCKS_MAX ? at : kept->next_out++ % DSI_FLOCKS_MAX;
    struct dsi_flock *other = kept->idle[at];
    kept->idle[at] = lock;
    dsi_fork_let();
    close_both(other);
}

// True when it is open, and surely unlocked. Closing alone would leave it locked with a
// child made past libc.
static bool unlock(const struct lock_file *f)
{
    return f->file.open && dsi_posix()->funlock(f->file.fd) == 0;
}

void dsi_flock_release(struct dsi_flocks *kept, struct dsi_flock *lock)
{
    if (!lock) {
        return;
    }
    if (unlock(&lock->lock) && lock->queue.file.open && lock->queue.lasting &&
        lock->lock.lasting) {
        put_back(kept, lock);
    } else {
        close_both(lock);
    }
}

void dsi_flocks_close(struct dsi_flocks *kept)
{
    for (size_t i = 0; i < DSI_FLOCKS_MAX; i++) {
        close_both(kept->idle[i]);
        kept->idle[i] = NULL;
    }
}

// 0 when locked, else a negative errno: -EWOULDBLOCK is "not in time", -ECANCELED "not
// wanted any more". Who is asked that may fork: the file is looked up each time.
static int wait_for(const struct lock_file *f, int64_t until, int64_t least_ns,
                    int64_t most_ns)
{
    int64_t start = dsi_clock_monotonic_ns();

    for (;;) {
        int code = dsi_posix()->flock(f->file.fd);
        if (code != -EWOULDBLOCK && code != -EINTR) {
            return code;
        }
        int64_t now = dsi_clock_monotonic_ns();
        if (now >= until) {
            return -EWOULDBLOCK;
        }
        int64_t ns = (now - start) / 16;
        ns = ns < least_ns ? least_ns : ns > most_ns ? most_ns : ns;
        ns = ns / 2 + (int64_t)dsi_random_below((uint64_t)ns); // Not all at once.
        if (!dsi_cancel_sleep_ns(ns < until - now ? ns : until - now)) {
            return -ECANCELED;
        }
    }
}

int dsi_flock_take(struct dsi_flocks *kept, const char *path, int64_t wait_ns,
                   struct dsi_flock **out, struct ds_error *err)
{
    struct dsi_flock *lock = take_out(kept, path);
    char holder[DSI_HOLDER_SIZE];
    int64_t until = 0;
    int code = 0;
    int rc = DS_OK;

    *out = NULL;
    if (!dsi_add_i64(dsi_clock_monotonic_ns(), wait_ns, &until)) {
        until = INT64_MAX;
    }
    if (!lock) {
        DSI_TRY(open_both(path, &lock, err));
    }
    code = wait_for(&lock->queue, until, QUEUE_LEAST_NS, QUEUE_MOST_NS);
    if (code == 0) {
        code = wait_for(&lock->lock, until, FIRST_LEAST_NS, FIRST_MOST_NS); // (1)
    }
    if (!unlock(&lock->queue)) {
        dsi_private_close(&lock->queue.file);
    }
    if (code == 0) {
        *out = lock;
        lock = NULL;
    } else if (code == -EWOULDBLOCK) {
        rc = dsi_fail(err, DS_ECONFLICT, "%s is held by %s", path,
                      err && dsi_holder_find(path, holder) ? holder : "another writer");
    } else if (code == -ECANCELED) {
        rc = dsi_cancel_fail(err);
    } else if (code != -ENOLCK && code != -EOPNOTSUPP && code != -ENOSYS) {
        rc = dsi_posix_fail(err, code, "locking", path);
    }
done:
    if (rc == DS_ECONFLICT || rc == DS_ECANCELLED) {
        dsi_flock_release(kept, lock);
    } else { // It is not to be had with these.
        close_both(lock);
    }
    return rc;
}
