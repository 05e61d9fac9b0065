#include "storage/storage_flock.h"

#include <errno.h>
#include <fcntl.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "base/cancel.h"
#include "base/checked.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/random.h"
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

struct dsi_flock {
    struct dsi_private file;
};

static int open_lock(const char *path, struct dsi_flock **out, struct ds_error *err)
{
    struct dsi_flock *lock = dsi_calloc(1, sizeof *lock);
    char *dir = lock ? dsi_storage_path_dir(path) : NULL;
    int code = 0;
    int rc = DS_OK;

    *out = NULL;
    if (!dir) {
        rc = dsi_no_memory(err, path);
        goto done;
    }
    code = dsi_private_open(&lock->file, path, O_RDWR | O_CREAT | O_NONBLOCK, 0666);
    if (code < 0) {
        rc = dsi_posix_fail(err, code, "opening lock", path);
        goto done;
    }
    dsi_share_file(lock->file.fd, dir);
    *out = lock;
    lock = NULL;
done:
    dsi_free(lock);
    dsi_free(dir);
    return rc;
}

void dsi_flock_release(struct dsi_flock *lock)
{
    if (!lock) {
        return;
    }
    if (lock->file.open) { // Closing alone would leave it with a child made past libc.
        dsi_posix()->funlock(lock->file.fd);
    }
    dsi_private_close(&lock->file);
    dsi_free(lock);
}

// 0 when locked, else a negative errno: -EWOULDBLOCK is "not in time", -ECANCELED "not
// wanted any more".
static int wait_for(int fd, int64_t until, int64_t least_ns, int64_t most_ns)
{
    int64_t start = dsi_clock_monotonic_ns();

    for (;;) {
        int code = dsi_posix()->flock(fd);
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

int dsi_flock_take(const char *path, int64_t wait_ns, struct dsi_flock **out,
                   struct ds_error *err)
{
    struct dsi_flock *queue = NULL;
    struct dsi_flock *lock = NULL;
    struct dsi_buf name = DSI_BUF_INIT;
    char holder[DSI_HOLDER_SIZE];
    const char *queue_path = NULL;
    int64_t until = 0;
    int code = 0;
    int rc = DS_OK;

    *out = NULL;
    if (!dsi_add_i64(dsi_clock_monotonic_ns(), wait_ns, &until)) {
        until = INT64_MAX;
    }
    DSI_TRY(dsi_buf_printf(&name, err, "%s-queue", path));
    queue_path = dsi_buf_text(&name);
    if (!queue_path) {
        rc = dsi_no_memory(err, path);
        goto done;
    }
    DSI_TRY(open_lock(queue_path, &queue, err));
    DSI_TRY(open_lock(path, &lock, err));
    code = wait_for(queue->file.fd, until, QUEUE_LEAST_NS, QUEUE_MOST_NS);
    if (code == 0) {
        code = wait_for(lock->file.fd, until, FIRST_LEAST_NS, FIRST_MOST_NS); // (1)
    }
    rc = DS_OK;
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
    dsi_flock_release(queue);
    dsi_flock_release(lock);
    dsi_buf_release(&name);
    return rc;
}
