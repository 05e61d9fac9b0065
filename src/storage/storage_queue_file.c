#include "storage/storage_queue_file.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/fault.h"
#include "base/hash.h"
#include "storage/storage_path.h"
#include "storage/storage_posix.h"
#include "storage/storage_temp.h"

#define MAKE_TRIES 200 // A millisecond each: whoever replaces the file needs less.

// ---- Reading and writing --------------------------------------------------------------

static int get(int fd, uint64_t offset, void *out, size_t size)
{
    uint8_t *at = out;

    while (size > 0) {
        int64_t n = dsi_posix()->pread(fd, at, size, offset);
        if (n == -EINTR) {
            continue;
        }
        if (n <= 0) {
            return n < 0 ? (int)n : -ENODATA;
        }
        at += n;
        offset += (uint64_t)n;
        size -= (size_t)n;
    }
    return 0;
}

bool dsi_queue_get(struct dsi_queue *q, uint64_t offset, void *out, size_t size)
{
    return get(q->file.fd, offset, out, size) == 0;
}

int dsi_queue_put(struct dsi_queue *q, uint64_t offset, const void *bytes, size_t size)
{
    const uint8_t *at = bytes;

    while (size > 0) {
        int64_t n = dsi_posix()->pwrite(q->file.fd, at, size, offset);
        if (n == -EINTR) {
            continue;
        }
        if (n <= 0) {
            return n < 0 ? (int)n : -EIO;
        }
        at += n;
        offset += (uint64_t)n;
        size -= (size_t)n;
    }
    return 0;
}

bool dsi_queue_get_control(struct dsi_queue *q, struct dsi_queue_control *out)
{
    if (dsi_queue_get(q, DSI_QUEUE_AT_CONTROL, out, sizeof *out) &&
        out->file_id == q->file_id) {
        return true;
    }
    atomic_store(&q->broken, true);
    return false;
}

uint64_t dsi_queue_slot_sum(const struct dsi_queue *q, uint32_t slot,
                            const struct dsi_queue_slot *s)
{
    struct {
        uint64_t file_id;
        uint64_t place;
        struct dsi_queue_slot slot;
    } all;

    memset(&all, 0, sizeof all);
    all.file_id = q->file_id;
    all.place = dsi_queue_at_slot(slot);
    all.slot = *s;
    all.slot.word = 0;
    all.slot.sum = 0;
    return dsi_xxh64(&all, sizeof all);
}

uint32_t dsi_queue_receipt_sum(const struct dsi_queue *q, uint32_t slot,
                               const struct dsi_queue_receipt *r)
{
    struct {
        uint64_t file_id;
        uint64_t place;
        struct dsi_queue_receipt receipt;
    } all;

    memset(&all, 0, sizeof all);
    all.file_id = q->file_id;
    all.place = dsi_queue_at_receipt(slot);
    all.receipt = *r;
    all.receipt.sum = 0;
    all.receipt.bell = 0;
    return (uint32_t)dsi_xxh64(&all, sizeof all);
}

bool dsi_queue_is_answered(const struct dsi_queue *q, uint32_t slot,
                           const struct dsi_queue_slot *s,
                           const struct dsi_queue_receipt *r)
{
    return r->generation == s->generation &&
           memcmp(&r->identity, &s->identity, sizeof r->identity) == 0 &&
           r->sum == dsi_queue_receipt_sum(q, slot, r);
}

bool dsi_queue_get_table(struct dsi_queue *q, struct dsi_queue_table *out)
{
    bool idle = true;

    // Most of it tells of what was published, and mostly that is nothing.
    if (!dsi_queue_get(q, DSI_QUEUE_AT_SLOTS, out->slots, sizeof out->slots)) {
        return false;
    }
    for (uint32_t i = 0; i < DSI_QUEUE_SLOTS && idle; i++) {
        idle = !dsi_queue_slot_is(&out->slots[i], DSI_SLOT_PUBLISHED);
    }
    if (idle) {
        memset(out->receipts, 0, sizeof out->receipts);
        memset(out->claims, 0, sizeof out->claims);
        return true;
    }
    return dsi_queue_get(q, DSI_QUEUE_AT_RECEIPTS, out, sizeof *out);
}

bool dsi_queue_is_waiting(const struct dsi_queue *q, const struct dsi_queue_table *table,
                          uint32_t slot)
{
    const struct dsi_queue_slot *s = &table->slots[slot];

    return dsi_queue_slot_is(s, DSI_SLOT_PUBLISHED) && s->size <= DSI_QUEUE_INTENT_MAX &&
           s->sum == dsi_queue_slot_sum(q, slot, s) &&
           !dsi_queue_is_answered(q, slot, s, &table->receipts[slot]);
}

bool dsi_queue_get_slot(struct dsi_queue *q, const struct dsi_ticket *t,
                        struct dsi_queue_slot *out)
{
    return dsi_queue_get(q, dsi_queue_at_slot(t->slot), out, sizeof *out) &&
           out->generation == t->generation &&
           memcmp(&out->identity, &t->identity, sizeof t->identity) == 0 &&
           out->sum == dsi_queue_slot_sum(q, t->slot, out);
}

bool dsi_queue_is_alive(struct dsi_queue *q, uint32_t slot,
                        const struct dsi_queue_slot *s)
{
    dsi_mutex_lock(q->mutex);
    const struct dsi_queue_own *own = &q->own[slot];
    bool ours = own->owned && own->incarnation == s->incarnation;
    dsi_mutex_unlock(q->mutex);
    // A lock of our own does not show: it is no obstacle to us.
    return ours || dsi_posix()->test_byte(q->file.fd, DSI_QUEUE_LOCK_ALIVE +
                                                          ((uint64_t)slot << 32) +
                                                          s->incarnation) == 1;
}

uint64_t dsi_queue_nonce(struct dsi_queue *q)
{
    return atomic_fetch_add(&q->nonce, 1);
}

const void *dsi_queue_word(const struct dsi_queue *q, uint64_t offset)
{
    assert(offset >= DSI_QUEUE_AT_CONTROL && offset < DSI_QUEUE_AT_SLOTS);
    return (const uint8_t *)q->file.map + (offset - DSI_QUEUE_AT_CONTROL);
}

void dsi_queue_give_up(struct dsi_queue *q, uint32_t slot)
{
    const struct dsi_posix_ops *posix = dsi_posix();
    struct dsi_queue_own *own = &q->own[slot];

    dsi_mutex_lock(q->mutex);
    if (own->owned) {
        own->owned = false;
        posix->unlock_byte(q->file.fd, DSI_QUEUE_LOCK_ALIVE + ((uint64_t)slot << 32) +
                                           own->incarnation);
        posix->unlock_byte(q->file.fd, DSI_QUEUE_LOCK_SLOT + slot);
    }
    dsi_mutex_unlock(q->mutex);
}

// ---- Making the file ------------------------------------------------------------------

static uint64_t head_sum(const struct dsi_queue_head *h)
{
    struct dsi_queue_head all = *h;
    all.sum = 0;
    return dsi_xxh64(&all, sizeof all);
}

static int boot_id(char out[48], struct ds_error *err)
{
    memset(out, 0, 48);
    int code = dsi_posix()->boot_id(out, 48);
    if (code < 0 || out[0] == '\0') {
        return dsi_fail_os(err, DS_EUNSUPPORTED, code < 0 ? -code : ENODATA,
                           "writers cannot meet in a file: this start of the machine "
                           "has no name");
    }
    return DS_OK;
}

static int fill_head(struct dsi_queue_head *h, struct ds_error *err)
{
    memset(h, 0, sizeof *h);
    memcpy(h->magic, DSI_QUEUE_MAGIC, sizeof h->magic);
    h->version = DSI_QUEUE_VERSION;
    h->slots = DSI_QUEUE_SLOTS;
    h->intent_max = DSI_QUEUE_INTENT_MAX;
    h->file_id = dsi_random_u64() | 1; // Never 0, as a hole would read.
    h->since_ms = dsi_clock_wall_ms();
    int rc = boot_id(h->boot, err);
    h->sum = head_sum(h);
    return rc;
}

// Everybody who may make names in the directory may use the file, whatever the umask and
// the group of the process that happens to make it.
static int share(int fd, const char *dir, struct ds_error *err)
{
    struct stat st;
    int code = dsi_posix()->stat(dir, &st);

    if (code == 0) {
        // Not everybody may give files away, and a group that fits needs nobody to.
        DSI_IGNORE(dsi_posix()->fchown(fd, (uid_t)-1, st.st_gid));
        code = dsi_posix()->fchmod(fd, st.st_mode & 0666);
    }
    return code < 0 ? dsi_posix_fail(err, code, "sharing the writers' queue in", dir)
                    : DS_OK;
}

static int check_file_system(int fd, const char *path, struct ds_error *err)
{
    int code = dsi_posix()->is_network(fd);

    if (code == 1) {
        return dsi_fail(err, DS_EUNSUPPORTED,
                        "%s is on a network file system, where writers cannot meet",
                        path);
    }
    if (code == 0) {
        code = dsi_posix()->test_byte(fd, DSI_QUEUE_LOCK_MAKE);
    }
    return code < 0 ? dsi_fail_os(err, DS_EUNSUPPORTED, -code,
                                  "%s is where files have no locks", path)
                    : DS_OK;
}

// Makes a new queue and names it `path`: only if there is none, or instead of what is
// there.
static int make(const char *path, bool replace, struct ds_error *err)
{
    struct dsi_temp temp = DSI_TEMP_INIT;
    struct dsi_queue_head head;
    struct dsi_queue_control control = {0};
    uint8_t *bytes = dsi_calloc(1, DSI_QUEUE_AT_INTENTS);
    char *dir = dsi_storage_path_dir(path);
    int rc = DS_OK;
    int code = 0;

    if (!bytes || !dir) {
        rc = dsi_no_memory(err, path);
        goto done;
    }
    DSI_TRY(fill_head(&head, err));
    memcpy(bytes, &head, sizeof head);
    control.file_id = head.file_id;
    memcpy(bytes + DSI_QUEUE_AT_CONTROL, &control, sizeof control);
    // Not zero, which is what a hole reads as.
    dsi_random_fill(bytes + DSI_QUEUE_AT_CLAIMS,
                    DSI_QUEUE_SLOTS * sizeof(struct dsi_queue_claim));
    // A table's directory: it is there, or gone.
    DSI_TRY(dsi_temp_open(&temp, NULL, NULL, dir, false, err));
    DSI_TRY(check_file_system(temp.fd, path, err));
    DSI_TRY(dsi_temp_write(&temp, (struct ds_slice){bytes, DSI_QUEUE_AT_INTENTS}, err));
    code = dsi_posix()->ftruncate(temp.fd, DSI_QUEUE_FILE_SIZE);
    if (code < 0) {
        rc = dsi_posix_fail(err, code, "making the writers' queue", path);
        goto done;
    }
    DSI_TRY(share(temp.fd, dir, err));
    DSI_TRY(dsi_temp_close(&temp, false, err));
    rc = dsi_temp_name(&temp, path, replace, err);
    if (rc == DS_EEXISTS && !replace) {
        rc = DS_OK; // Somebody made one meanwhile.
    }
done:
    dsi_temp_release(&temp);
    dsi_free(dir);
    dsi_free(bytes);
    return rc;
}

// ---- Opening it -----------------------------------------------------------------------

// DS_ECORRUPT: it is no queue of this version and boot, or it is damaged.
static int validate(int fd, const char *path, struct dsi_queue_head *head,
                    struct ds_error *err)
{
    struct dsi_queue_control control;
    char boot[48];
    struct stat st;
    int code = dsi_posix()->fstat(fd, &st);

    if (code < 0) {
        return dsi_posix_fail(err, code, "looking at", path);
    }
    if (!S_ISREG(st.st_mode)) {
        return dsi_fail(err, DS_EUNSUPPORTED, "%s is not a file: remove it", path);
    }
    int rc = check_file_system(fd, path, err);
    rc = rc < 0 ? rc : boot_id(boot, err);
    if (rc < 0) {
        return rc;
    }
    code = get(fd, DSI_QUEUE_AT_HEAD, head, sizeof *head);
    code = code < 0 ? code : get(fd, DSI_QUEUE_AT_CONTROL, &control, sizeof control);
    if (code < 0 && code != -ENODATA) {
        return dsi_posix_fail(err, code, "reading", path);
    }
    if (code == 0 && st.st_size == DSI_QUEUE_FILE_SIZE &&
        memcmp(head->magic, DSI_QUEUE_MAGIC, sizeof head->magic) == 0 &&
        head->version == DSI_QUEUE_VERSION && head->slots == DSI_QUEUE_SLOTS &&
        head->intent_max == DSI_QUEUE_INTENT_MAX &&
        memcmp(head->boot, boot, sizeof boot) == 0 && head->sum == head_sum(head) &&
        control.file_id == head->file_id) {
        return DS_OK;
    }
    return dsi_corrupt(
        err, "%s is not a queue of this version and this start of the machine", path);
}

// Puts a new file in the place of the damaged one that is open as `fd`. Only who holds
// the lock of the very file that has the name may do so: two never replace each other's.
// DS_OK: look again.
static int replace(int fd, const char *path, struct ds_error *err)
{
    struct stat here;
    struct stat named;
    int code = dsi_posix()->lock_byte(fd, DSI_QUEUE_LOCK_MAKE);

    if (code == -EAGAIN || code == -EACCES) {
        dsi_sleep_ns(1000000);
        return DS_OK;
    }
    code = code < 0 ? code : dsi_posix()->fstat(fd, &here);
    if (code < 0) {
        return dsi_posix_fail(err, code, "replacing", path);
    }
    code = dsi_posix()->lstat(path, &named);
    if (code < 0 && code != -ENOENT) {
        return dsi_posix_fail(err, code, "replacing", path);
    }
    bool same = code == 0 && here.st_ino == named.st_ino && here.st_dev == named.st_dev;
    return same ? make(path, true, err) : DS_OK;
}

static int open_path(struct dsi_queue *q, int flags, struct ds_error *err)
{
    int code = dsi_private_open(&q->file, q->path, flags | O_NONBLOCK | O_NOFOLLOW, 0);
    return code < 0 ? dsi_posix_fail(err, code, "opening the writers' queue", q->path)
                    : DS_OK;
}

// Opens a valid queue, made if need be.
static int open_or_make(struct dsi_queue *q, struct dsi_queue_head *head,
                        struct ds_error *err)
{
    const char *path = q->path;

    for (int i = 0; i < MAKE_TRIES; i++) {
        int rc = open_path(q, O_RDWR, err);
        if (rc == DS_ENOTFOUND) {
            rc = make(path, false, err);
        } else if (rc == DS_OK) {
            rc = validate(q->file.fd, path, head, err);
            if (rc == DS_OK) {
                return DS_OK;
            }
            if (rc == DS_ECORRUPT) {
                rc = replace(q->file.fd, path, err);
            }
            dsi_private_close(&q->file);
        }
        if (rc < 0) {
            return rc;
        }
    }
    return dsi_fail(err, DS_EIO,
                    "%s is being replaced by another process, or again "
                    "and again damaged: remove it",
                    path);
}

static int map(struct dsi_queue *q, struct ds_error *err)
{
    int code = dsi_private_map(&q->file, DSI_QUEUE_MAP_SIZE, DSI_QUEUE_AT_CONTROL);
    if (code == 0) {
        code = dsi_posix()->futex_wake(dsi_queue_word(q, dsi_queue_at_bell(0)));
    }
    return code < 0
               ? dsi_fail_os(err, DS_EUNSUPPORTED, -code,
                             "%s is where processes cannot wait for each other", q->path)
               : DS_OK;
}

static int open_as(const char *path, bool only_find, struct dsi_queue **out,
                   struct ds_error *err)
{
    struct dsi_queue *q = dsi_calloc(1, sizeof *q);
    struct dsi_queue_head head = {0};
    int rc = DS_OK;

    assert(path[0] == '/');
    *out = NULL;
    if (!q) {
        return dsi_no_memory(err, path);
    }
    q->pid = dsi_posix()->getpid();
    q->read_only = only_find;
    atomic_store(&q->nonce, dsi_random_u64());
    q->path = dsi_strdup(path);
    if (!q->path) {
        rc = dsi_no_memory(err, path);
        goto done;
    }
    DSI_TRY(dsi_mutex_new(&q->mutex, err));
    if (only_find) {
        DSI_TRY(open_path(q, O_RDONLY, err));
        rc = validate(q->file.fd, path, &head, err);
        if (rc == DS_ECORRUPT) {
            rc = dsi_fail(err, DS_ENOTFOUND, "%s is no queue in use", path);
        }
        DSI_TRY(rc);
    } else {
        if (dsi_posix()->size_max() < DSI_QUEUE_FILE_SIZE) { // Or a signal would come.
            rc = dsi_fail(err, DS_EUNSUPPORTED,
                          "%s: files of this process may not grow to %d bytes "
                          "(RLIMIT_FSIZE)",
                          path, (int)DSI_QUEUE_FILE_SIZE);
            goto done;
        }
        DSI_TRY(open_or_make(q, &head, err));
        DSI_TRY(map(q, err));
    }
    q->file_id = head.file_id;
    q->since_ms = head.since_ms;
    *out = q;
    q = NULL;
    rc = DS_OK;
done:
    dsi_queue_free(q);
    return rc;
}

int dsi_queue_open(const char *path, struct dsi_queue **out, struct ds_error *err)
{
    *out = NULL;
    return DSI_FAULT("queue.open")
               ? dsi_fail(err, DS_EIO, "injected: the queue cannot be opened")
               : open_as(path, false, out, err);
}

int dsi_queue_find(const char *path, struct dsi_queue **out, struct ds_error *err)
{
    return open_as(path, true, out, err);
}

// A child that was made past the C library has the descriptor too, and closing ours would
// leave the locks with it.
static void unlock_all(struct dsi_queue *q)
{
    for (uint32_t i = 0; i < DSI_QUEUE_SLOTS && q->mutex; i++) {
        dsi_queue_give_up(q, i);
    }
    if (q->leader) {
        dsi_posix()->unlock_byte(q->file.fd, DSI_QUEUE_LOCK_LEAD + q->epoch);
    }
}

void dsi_queue_free(struct dsi_queue *q)
{
    if (!q) {
        return;
    }
    if (q->file.open && dsi_queue_is_ours(q)) {
        if (q->mutex) {
            dsi_queue_count_rest(q);
        }
        unlock_all(q);
    }
    dsi_private_close(&q->file);
    dsi_mutex_free(q->mutex);
    dsi_free(q->path);
    dsi_free(q);
}

bool dsi_queue_is_ours(const struct dsi_queue *q)
{
    return dsi_posix()->getpid() == q->pid;
}

bool dsi_queue_is_current(const struct dsi_queue *q)
{
    struct stat st;

    return !atomic_load(&q->broken) && dsi_posix()->fstat(q->file.fd, &st) == 0 &&
           st.st_nlink > 0 && st.st_size == DSI_QUEUE_FILE_SIZE;
}
