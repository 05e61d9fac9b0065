// Randomness and UUIDs (RFC 9562): one of the gate's tables.
#ifndef DSI_BASE_RANDOM_H
#define DSI_BASE_RANDOM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct dsi_random_ops {
    void (*fill)(void *bytes, size_t size); ///< Unpredictable bytes; any thread.
};

struct dsi_uuid {
    uint8_t bytes[16]; // Big-endian, as written.
};

enum { DSI_UUID_TEXT_SIZE = 37 }; // With the terminator.

/// Replaces the source; NULL brings back the kernel's. Not while other threads run.
void dsi_random_set(const struct dsi_random_ops *ops);

void dsi_random_fill(void *bytes, size_t size);
uint64_t dsi_random_u64(void);

/// Evenly from [0, below); 0 when below is 0.
uint64_t dsi_random_below(uint64_t below);

/// Version 4: random. Version 7: the wall clock's milliseconds, then random.
struct dsi_uuid dsi_uuid_v4(void);
struct dsi_uuid dsi_uuid_v7(void);

/// Lower-case text, terminated.
void dsi_uuid_format(const struct dsi_uuid *uuid, char out[DSI_UUID_TEXT_SIZE]);

/// Reads exactly the 36 characters of the usual text form; false for anything else.
bool dsi_uuid_parse(const char *text, size_t size, struct dsi_uuid *out);

#endif
