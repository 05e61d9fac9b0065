#include "base/clock.h"

#include <errno.h>
#include <stddef.h>
#include <time.h>

static int64_t now_ns(clockid_t id)
{
    struct timespec t = {0, 0};
    clock_gettime(id, &t); // Fails only for a clock that does not exist.
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static int64_t system_wall_us(void)
{
    return now_ns(CLOCK_REALTIME) / 1000;
}

static int64_t system_monotonic_ns(void)
{
    return now_ns(CLOCK_MONOTONIC);
}

static void system_sleep_ns(int64_t ns)
{
    struct timespec left = {(time_t)(ns / 1000000000), (long)(ns % 1000000000)};
    while (nanosleep(&left, &left) < 0 && errno == EINTR) {
    }
}

static const struct dsi_clock_ops system_clock = {system_wall_us, system_monotonic_ns};
static const struct dsi_sleep_ops system_sleep = {system_sleep_ns};
static const struct dsi_clock_ops *clock_ops = &system_clock;
static const struct dsi_sleep_ops *sleep_ops = &system_sleep;

void dsi_clock_set(const struct dsi_clock_ops *ops)
{
    clock_ops = ops ? ops : &system_clock;
}

void dsi_sleep_set(const struct dsi_sleep_ops *ops)
{
    sleep_ops = ops ? ops : &system_sleep;
}

int64_t dsi_clock_wall_us(void)
{
    return clock_ops->wall_us();
}

int64_t dsi_clock_wall_ms(void)
{
    return clock_ops->wall_us() / 1000;
}

int64_t dsi_clock_monotonic_ns(void)
{
    return clock_ops->monotonic_ns();
}

void dsi_sleep_ns(int64_t ns)
{
    if (ns > 0) {
        sleep_ops->sleep_ns(ns);
    }
}
