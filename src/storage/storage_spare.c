#include "storage/storage_spare.h"

#include <stddef.h>
#include <string.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/thread.h"
#include "storage/storage_posix.h"
#include "storage/storage_share.h"
#include "storage/storage_spread.h"

enum { PLACES = 4 };

// A directory files were made in.
struct place {
    char *dir; // NULL: free.
    struct dsi_spare spares[DSI_SPARES_MAX];
    size_t count;
    size_t made;   // Since the last dsi_spares_fill …
    size_t before; // … and between that and the one before.
    bool proven;   // One of its files was given a name.
    struct dsi_spread spread;
};

// As whom files are made: what is made under another name is not taken.
struct maker {
    int pid;
    uint64_t user;
    uint64_t group;
};

struct dsi_spares {
    struct dsi_mutex *mutex;
    struct maker maker;
    struct place places[PLACES];
    size_t next_out; // Of the places, when a newcomer needs one.
    bool refused;    // It does not work here.
};

// Closes what the place has, and frees it. With the mutex.
static void clear(struct place *p)
{
    while (p->count > 0) {
        dsi_posix()->close(p->spares[--p->count].fd);
    }
    dsi_free(p->dir);
    *p = (struct place){0};
}

// Spares of another maker are given up (2). With the mutex.
static void check_maker(struct dsi_spares *s)
{
    const struct dsi_posix_ops *posix = dsi_posix();
    const struct maker now = {posix->getpid(), posix->user(), posix->group()};

    if (s->maker.pid != now.pid || s->maker.user != now.user ||
        s->maker.group != now.group) {
        for (size_t i = 0; i < PLACES; i++) {
            clear(&s->places[i]);
        }
        s->maker = now;
    }
}

// With the mutex.
static struct place *find(struct dsi_spares *s, const char *dir)
{
    for (size_t i = 0; i < PLACES; i++) {
        if (s->places[i].dir && strcmp(s->places[i].dir, dir) == 0) {
            return &s->places[i];
        }
    }
    return NULL;
}

// A place for a directory that has none; NULL: no memory. With the mutex.
static struct place *settle(struct dsi_spares *s, const char *dir)
{
    struct place *p = NULL;

    for (size_t i = 0; !p && i < PLACES; i++) {
        p = s->places[i].dir ? NULL : &s->places[i];
    }
    p = p ? p : &s->places[s->next_out++ % PLACES];
    clear(p);
    p->dir = dsi_strdup(dir);
    return p->dir ? p : NULL;
}

void dsi_spares_refuse(struct dsi_spares *s)
{
    dsi_mutex_lock(s->mutex);
    s->refused = true;
    dsi_mutex_unlock(s->mutex);
}

int dsi_spares_name(struct dsi_spares *s, const char *dir, int fd, const char *path)
{
    int code = dsi_posix()->link_file(fd, path);

    if (code < 0) {
        dsi_spares_refuse(s);
        return code;
    }
    dsi_mutex_lock(s->mutex);
    struct place *p = find(s, dir);
    if (p) {
        p->proven = true;
    }
    dsi_mutex_unlock(s->mutex);
    return 0;
}

bool dsi_spares_take(struct dsi_spares *s, const char *dir, struct dsi_spare *out,
                     bool *first)
{
    bool found = false;

    dsi_mutex_lock(s->mutex);
    if (!s->refused) {
        check_maker(s);
        struct place *p = find(s, dir);
        p = p ? p : settle(s, dir);
        if (p) {
            p->made++;
            found = p->count > 0;
            *first = !p->proven;
        }
        if (found) {
            *out = p->spares[--p->count];
        }
    }
    dsi_mutex_unlock(s->mutex);
    return found;
}

// Begins a round: how many spares each place is to have comes into wanted[i].
static void begin_round(struct dsi_spares *s, size_t *wanted)
{
    size_t left = DSI_SPARES_MAX;

    dsi_mutex_lock(s->mutex);
    check_maker(s);
    for (size_t i = 0; i < PLACES; i++) {
        struct place *p = &s->places[i];
        size_t both = p->made < p->before ? p->made : p->before; // (3)
        wanted[i] = s->refused ? 0 : both < left ? both : left;
        left -= wanted[i];
        p->before = p->made;
        p->made = 0;
    }
    dsi_mutex_unlock(s->mutex);
}

// The place's directory, owned by the caller, and where its next file is to be made;
// NULL: it has enough, or there is no memory.
static char *short_of(struct dsi_spares *s, struct place *p, size_t wanted, int *where)
{
    dsi_mutex_lock(s->mutex);
    char *dir = p->dir && p->count < wanted ? dsi_strdup(p->dir) : NULL;
    if (dir) {
        *where = dsi_spread_next(&p->spread);
    }
    dsi_mutex_unlock(s->mutex);
    return dir;
}

// Sees to it that the file can have its name in the directory, and is as open as that.
static bool make_fit(const char *dir, struct dsi_spare *spare)
{
    struct stat above;
    struct stat st;

    if (dsi_posix()->stat(dir, &above) < 0 || dsi_posix()->fstat(spare->fd, &st) < 0 ||
        st.st_dev != above.st_dev) {
        return false;
    }
    spare->device = (uint64_t)st.st_dev;
    spare->inode = (uint64_t)st.st_ino;
    dsi_share_file_in(spare->fd, &above);
    return true;
}

// Makes a file; fd -1: it failed. Not with the mutex: it may take long, which *ns says
// (0: it failed).
static struct dsi_spare make_file(const char *dir, int where, int64_t *ns)
{
    const int64_t start = dsi_clock_monotonic_ns();
    struct dsi_spare spare = {.fd = dsi_spread_open(dir, where)};
    const int64_t took = dsi_clock_monotonic_ns() - start;

    if (spare.fd >= 0 && !make_fit(dir, &spare)) {
        dsi_posix()->close(spare.fd);
        spare.fd = -1;
    }
    *ns = spare.fd < 0 ? 0 : took > 0 ? took : 1;
    return spare;
}

// Puts the file, if it could be made, where it belongs; false: it could not, or is no
// longer wanted, and closed.
static bool put(struct dsi_spares *s, const char *dir, struct dsi_spare spare, int where,
                int64_t ns)
{
    dsi_mutex_lock(s->mutex);
    check_maker(s);
    struct place *p = find(s, dir);
    bool wanted = p && spare.fd >= 0 && p->count < DSI_SPARES_MAX;
    if (p) {
        dsi_spread_made(&p->spread, where, ns);
    }
    if (wanted) {
        p->spares[p->count++] = spare;
    }
    dsi_mutex_unlock(s->mutex);
    if (!wanted && spare.fd >= 0) {
        dsi_posix()->close(spare.fd);
    }
    return wanted;
}

static bool make_one(struct dsi_spares *s, const char *dir, int where)
{
    int64_t ns = 0;
    struct dsi_spare spare = make_file(dir, where, &ns);

    return put(s, dir, spare, where, ns);
}

void dsi_spares_fill(struct dsi_spares *s)
{
    size_t wanted[PLACES];
    int where = DSI_SPREAD_HERE;

    begin_round(s, wanted);
    for (size_t i = 0; i < PLACES; i++) {
        bool more = true;
        for (size_t k = 0; more && k < wanted[i]; k++) {
            char *dir = short_of(s, &s->places[i], wanted[i], &where);
            more = dir && make_one(s, dir, where);
            dsi_free(dir);
        }
    }
}

void dsi_spares_free(struct dsi_spares *s)
{
    if (s) {
        for (size_t i = 0; i < PLACES; i++) {
            clear(&s->places[i]);
        }
        dsi_mutex_free(s->mutex);
        dsi_free(s);
    }
}

int dsi_spares_new(struct dsi_spares **out, struct ds_error *err)
{
    struct dsi_spares *s = dsi_calloc(1, sizeof *s);

    *out = NULL;
    if (!s) {
        return dsi_no_memory(err, "a local storage");
    }
    int rc = dsi_mutex_new(&s->mutex, err);
    if (rc < 0) {
        dsi_free(s);
        return rc;
    }
    *out = s;
    return DS_OK;
}
