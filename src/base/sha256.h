// SHA-256 (FIPS 180-4): the checksums that DataShard recorded for its files.
#ifndef DSI_BASE_SHA256_H
#define DSI_BASE_SHA256_H

#include <stddef.h>
#include <stdint.h>

enum { DSI_SHA256_SIZE = 32, DSI_SHA256_TEXT_SIZE = 65 };

/// A sum being made. Nothing to release.
struct dsi_sha256 {
    uint32_t state[8];
    uint64_t size; // Bytes so far.
    uint8_t block[64];
};

void dsi_sha256_init(struct dsi_sha256 *s);
void dsi_sha256_update(struct dsi_sha256 *s, const void *bytes, size_t size);

/// Ends the sum: lower-case hexadecimal digits, terminated.
void dsi_sha256_text(struct dsi_sha256 *s, char out[DSI_SHA256_TEXT_SIZE]);

#endif
