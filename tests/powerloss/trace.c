// For MAP_ANONYMOUS.
#define _DEFAULT_SOURCE // NOLINT(bugprone-reserved-identifier,cert-dcl37-c,cert-dcl51-cpp)
#include "powerloss/trace.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "crash/people.h"

#define BYTES_MAX ((size_t)192 << 20)
enum { FDS = 1024, ROOT_MAX = 512 };

struct trace {
    pthread_mutex_t
        mutex; // Robust: a thread may be killed in it, and then wrote nothing.
    char root[ROOT_MAX];
    size_t root_size;
    uint32_t ids;
    uint32_t count;
    size_t used;
    struct trace_event events[TRACE_EVENTS_MAX];
    uint8_t bytes[]; // BYTES_MAX
};

static struct trace *trace; // Of this process.
static uint32_t id_of[FDS]; // 0: not of ours.

static struct {
    const char *call;
    const char *suffix;
    unsigned left;
} death;

static void die(const char *what)
{
    fprintf(stderr, "trace: %s\n", what);
    abort();
}

struct trace *trace_new(const char *root)
{
    pthread_mutexattr_t shared;
    struct trace *t = mmap(NULL, sizeof *t + BYTES_MAX, PROT_READ | PROT_WRITE,
                           MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

    if (t == MAP_FAILED) {
        die("no memory");
    }
    pthread_mutexattr_init(&shared);
    pthread_mutexattr_setpshared(&shared, PTHREAD_PROCESS_SHARED);
    pthread_mutexattr_setrobust(&shared, PTHREAD_MUTEX_ROBUST);
    pthread_mutex_init(&t->mutex, &shared);
    pthread_mutexattr_destroy(&shared);
    snprintf(t->root, sizeof t->root, "%s/", root);
    t->root_size = strlen(t->root);
    return t;
}

void trace_free(struct trace *t)
{
    munmap(t, sizeof *t + BYTES_MAX);
}

const struct trace_event *trace_events(const struct trace *t, size_t *count)
{
    *count = t->count;
    return t->events;
}

static bool is_ours(const char *path)
{
    size_t size = trace->root_size - 1; // Without the slash at its end.
    return path && strncmp(path, trace->root, size) == 0 &&
           (path[size] == '/' || path[size] == '\0');
}

// Copies into the trace; the mutex is held.
static const void *keep(const void *bytes, size_t size)
{
    if (trace->used + size > BYTES_MAX) {
        die("too many bytes");
    }
    uint8_t *to = trace->bytes + trace->used;
    memcpy(to, bytes, size);
    trace->used += size;
    return to;
}

static const char *keep_path(const char *path)
{
    return path ? keep(path, strlen(path) + 1) : NULL;
}

static void lock(void)
{
    if (pthread_mutex_lock(&trace->mutex) == EOWNERDEAD) {
        pthread_mutex_consistent(&trace->mutex);
    }
}

static void add(struct trace_event e)
{
    lock();
    if (trace->count == TRACE_EVENTS_MAX) {
        die("too many events");
    }
    e.path = keep_path(e.path);
    e.other = keep_path(e.other);
    e.bytes = e.bytes ? keep(e.bytes, e.size) : NULL;
    e.writer = (uint32_t)getpid();
    trace->events[trace->count++] = e;
    pthread_mutex_unlock(&trace->mutex);
}

static enum shim_verdict before(struct shim_call *c)
{
    people_before_call(c);
    lock();
    c->mark = trace->count;
    pthread_mutex_unlock(&trace->mutex);
    return SHIM_DO;
}

// From here on the descriptor's file has a number in the trace, which is the result.
static uint32_t number_file(const struct shim_call *c)
{
    if (c->fd >= FDS) {
        die("too many descriptors");
    }
    lock();
    id_of[c->fd] = ++trace->ids;
    pthread_mutex_unlock(&trace->mutex);
    return id_of[c->fd];
}

static void opened(const struct shim_call *c)
{
    struct trace_event e = {.kind = TRACE_OPEN, .path = c->path};

    if (c->layer == SHIM_VFS) {
        e.create = c->flags & 0x4; // SQLITE_OPEN_CREATE
        add(e);
        return;
    }
    e.create = c->flags & O_CREAT;
    e.id = number_file(c);
    add(e);
    if (c->flags & O_TRUNC) {
        add((struct trace_event){.kind = TRACE_TRUNCATE, .id = e.id});
    }
}

// The event of a call on an open file, filled as far as the two layers have it alike.
static bool on_file(const struct shim_call *c, enum trace_kind kind,
                    struct trace_event *e)
{
    *e = (struct trace_event){
        .kind = kind, .began = c->mark, .offset = c->offset, .size = c->size};
    if (c->layer == SHIM_VFS) {
        e->path = c->path;
        return is_ours(c->path);
    }
    e->id = c->fd >= 0 && c->fd < FDS ? id_of[c->fd] : 0;
    return e->id > 0;
}

// A file that got its first name; if it was opened before the trace began, it is new
// here.
static void named_file(const struct shim_call *c)
{
    struct trace_event e;

    if (!on_file(c, TRACE_NAME, &e)) {
        e.id = number_file(c);
        add((struct trace_event){.kind = TRACE_NEW, .id = e.id});
    }
    e.path = c->path;
    add(e);
}

static void changed(const struct shim_call *c, int64_t result)
{
    struct trace_event e;

    switch (c->kind) {
    case SHIM_OPEN:
        if (is_ours(c->path)) {
            opened(c);
        } else if (c->layer == SHIM_POSIX && c->fd >= 0 && c->fd < FDS) {
            id_of[c->fd] = 0;
        }
        break;
    case SHIM_OPEN_UNNAMED:
        if (is_ours(c->path)) {
            add((struct trace_event){.kind = TRACE_NEW, .id = number_file(c)});
        }
        break;
    case SHIM_NAME:
        if (is_ours(c->path)) {
            named_file(c);
        }
        break;
    case SHIM_WRITE:
        if (on_file(c, TRACE_WRITE, &e)) {
            e.size = c->layer == SHIM_VFS ? c->size : (uint64_t)result;
            e.bytes = c->bytes;
            add(e);
        }
        break;
    case SHIM_TRUNCATE:
        if (on_file(c, TRACE_TRUNCATE, &e)) {
            add(e);
        }
        break;
    case SHIM_FSYNC:
        if (on_file(c, TRACE_FSYNC, &e)) {
            add(e);
        }
        break;
    default:
        break;
    }
}

static void named(const struct shim_call *c)
{
    static const enum trace_kind kinds[] = {
        [SHIM_LINK] = TRACE_LINK,         [SHIM_RENAME] = TRACE_RENAME,
        [SHIM_EXCHANGE] = TRACE_EXCHANGE, [SHIM_UNLINK] = TRACE_UNLINK,
        [SHIM_MKDIR] = TRACE_MKDIR,       [SHIM_SYNC_DIR] = TRACE_SYNC_DIR};

    if (is_ours(c->path)) {
        add((struct trace_event){.kind = kinds[c->kind],
                                 .began = c->mark,
                                 .path = c->path,
                                 .other = c->other});
    }
}

static bool ends_in(const char *path, const char *suffix)
{
    size_t size = path ? strlen(path) : 0;
    size_t tail = strlen(suffix);
    return size >= tail && strcmp(path + size - tail, suffix) == 0;
}

static void after(const struct shim_call *c, int64_t result)
{
    bool well = c->layer == SHIM_POSIX ? result >= 0 : result == 0;

    if (well &&
        (c->kind == SHIM_LINK || c->kind == SHIM_RENAME || c->kind == SHIM_EXCHANGE ||
         c->kind == SHIM_UNLINK || c->kind == SHIM_MKDIR || c->kind == SHIM_SYNC_DIR)) {
        named(c);
    } else if (well && c->layer != SHIM_SQLITE) {
        changed(c, result);
    }
    if (death.left > 0 && strcmp(c->name, death.call) == 0 &&
        (ends_in(c->path, death.suffix) || ends_in(c->other, death.suffix)) &&
        --death.left == 0) {
        raise(SIGKILL);
    }
    people_after_call(c, result);
}

void trace_start(struct trace *t)
{
    static const struct shim_watcher w = {.before = before, .after = after};
    trace = t;
    shim_start(&w);
}

void trace_ack(struct trace *t, uint32_t number)
{
    trace = t;
    add((struct trace_event){.kind = TRACE_ACK, .id = number});
}

void trace_die_after(const char *call, const char *suffix, unsigned nth)
{
    death.call = call;
    death.suffix = suffix;
    death.left = nth;
}
