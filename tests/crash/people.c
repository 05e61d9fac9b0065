#include "crash/people.h"

#include <string.h>
#include <time.h>

#include "storage/storage_queue_file.h"

// Others may be stuck, or not know of groups at all: then nobody waits for ever.
#define PATIENCE_MS 5000

static struct people *people; // Of this process.
static unsigned me;

static int64_t now_ms(void)
{
    struct timespec t = {0};
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static void wait_until(bool (*ready)(void))
{
    const struct timespec pause = {.tv_nsec = 100000};
    int64_t until = now_ms() + PATIENCE_MS;

    while (!ready() && now_ms() < until) {
        nanosleep(&pause, NULL);
    }
}

static bool tails_are_ready(void)
{
    for (unsigned i = 0; i < people->count; i++) {
        const struct person *p = &people->is[i];
        if (i != me && p->role >= PERSON_TAIL && !p->published && !p->over) {
            return false;
        }
    }
    return true;
}

static bool head_is_ready(void)
{
    for (unsigned i = 0; i < people->count; i++) {
        const struct person *p = &people->is[i];
        if (p->role == PERSON_HEAD && !p->led && !p->over) {
            return false;
        }
    }
    return true;
}

static bool first_is_through(void)
{
    return people->is[0].led || people->is[0].over;
}

static bool is_leadership(const struct shim_call *c)
{
    return strcmp(c->name, "posix.lock_byte") == 0 && c->offset >= DSI_QUEUE_LOCK_LEAD &&
           c->offset < DSI_QUEUE_LOCK_SLOT;
}

void people_join(struct people *p, unsigned person)
{
    people = p;
    me = person;
}

void people_wait_for_turn(void)
{
    if (people->is[me].role >= PERSON_TAIL) {
        wait_until(head_is_ready);
    }
}

// Whoever tries to lead, or sleeps, has published.
void people_before_call(const struct shim_call *c)
{
    struct person *p = people ? &people->is[me] : NULL;

    if (p && (is_leadership(c) || strcmp(c->name, "posix.futex_wait") == 0)) {
        p->published = true;
    }
    if (p && is_leadership(c) && p->role == PERSON_LATE_TAIL) {
        wait_until(first_is_through);
    }
}

void people_after_call(const struct shim_call *c, int64_t result)
{
    struct person *p = people ? &people->is[me] : NULL;

    if (p && is_leadership(c) && result == 0 && !p->led) {
        p->led = true;
        if (p->role == PERSON_HEAD) {
            wait_until(tails_are_ready);
        }
    }
}
