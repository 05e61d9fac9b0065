// Bit-packing, least significant bit first: what dsi_parquet_unpack32 and _unpack64 undo.
// Parquet Encodings.md, "Run Length Encoding / Bit-Packing Hybrid".
#ifndef DSI_CODEC_PARQUET_PACK_H
#define DSI_CODEC_PARQUET_PACK_H

#include <stddef.h>
#include <stdint.h>

/// Values come in eights. Packing writes up to so many bytes after the last one that
/// counts, whatever was there.
enum { DSI_PARQUET_PACK_GROUP = 8, DSI_PARQUET_PACK_SLACK = 8 };

/// Packs `groups` times eight values of `width` bits (0..32; 0..64) to `out`, which takes
/// groups * width bytes and the slack. No value has a bit above its width.
void dsi_parquet_pack32(const uint32_t *values, size_t groups, int width, uint8_t *out);
void dsi_parquet_pack64(const uint64_t *values, size_t groups, int width, uint8_t *out);

/// Bits that the largest of these values needs.
int dsi_parquet_bit_width64(uint64_t max);

#endif
