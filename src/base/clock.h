// Time and sleep: two of the gate's tables. Nothing else in the library knows the time.
#ifndef DSI_BASE_CLOCK_H
#define DSI_BASE_CLOCK_H

#include <stdint.h>

struct dsi_clock_ops {
    int64_t (*wall_us)(void);      ///< Microseconds since 1970-01-01 UTC; may jump.
    int64_t (*monotonic_ns)(void); ///< Never goes back; only differences mean anything.
};

struct dsi_sleep_ops {
    void (*sleep_ns)(int64_t ns); ///< At least this long, unless the process is ending.
};

/// Replace a table; NULL brings back the system's. Not while other threads run.
void dsi_clock_set(const struct dsi_clock_ops *ops);
void dsi_sleep_set(const struct dsi_sleep_ops *ops);

/// Any thread.
int64_t dsi_clock_wall_us(void);
int64_t dsi_clock_wall_ms(void);
int64_t dsi_clock_monotonic_ns(void);
void dsi_sleep_ns(int64_t ns);

#endif
