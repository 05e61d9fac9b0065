// Someone who cancels: at the n-th question, or after some time.
#ifndef DSI_TEST_CANCEL_ASKS_H
#define DSI_TEST_CANCEL_ASKS_H

#include <stdbool.h>
#include <stdint.h>
#include <time.h>

struct asks {
    unsigned yes_at;  // The question that gets a yes; 0: none.
    int64_t after_ns; // Or from this time of the monotonic clock on; 0: never.
    unsigned count;
    int64_t said_ns; // When it said yes.
};

static inline int64_t asks_now_ns(void)
{
    struct timespec t = {0, 0};
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static inline bool asks_cancelled(void *arg)
{
    struct asks *a = arg;
    int64_t now = asks_now_ns();
    bool yes = ++a->count == a->yes_at || (a->after_ns > 0 && now >= a->after_ns);

    a->said_ns = yes && a->said_ns == 0 ? now : a->said_ns;
    return yes;
}

#endif
