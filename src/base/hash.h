// Hashes. Murmur3 x86 32-bit, seed 0, is what Iceberg's bucket transform is defined by
// (specification, Appendix B); the other one is for our own tables in memory.
#ifndef DSI_BASE_HASH_H
#define DSI_BASE_HASH_H

#include <stddef.h>
#include <stdint.h>

int32_t dsi_murmur3(const void *bytes, size_t size);

/// FNV-1a, 64 bits: not for anything stored.
uint64_t dsi_hash(const void *bytes, size_t size);

/// XXH64 with seed 0 (xxHash specification 0.1.1).
uint64_t dsi_xxh64(const void *bytes, size_t size);

#endif
