// Levels, bitmaps and the gaps that nulls leave. The contracts are kernel.h's; for
// kernel.c only.
#ifndef DSI_CODEC_KERNEL_BITS_H
#define DSI_CODEC_KERNEL_BITS_H

#include <stddef.h>
#include <stdint.h>

size_t dsi_levels_bits_scalar(const uint8_t *levels, size_t count, uint8_t level,
                              uint8_t *bits);
size_t dsi_levels_bits_sse4(const uint8_t *levels, size_t count, uint8_t level,
                            uint8_t *bits);
size_t dsi_levels_bits_avx2(const uint8_t *levels, size_t count, uint8_t level,
                            uint8_t *bits);

void dsi_expand_scalar(uint8_t *values, size_t width, const uint8_t *bits, size_t rows,
                       size_t present);
void dsi_expand_avx2(uint8_t *values, size_t width, const uint8_t *bits, size_t rows,
                     size_t present);
void dsi_expand_avx512(uint8_t *values, size_t width, const uint8_t *bits, size_t rows,
                       size_t present);

size_t dsi_count_bits_scalar(const uint8_t *bits, size_t count);
size_t dsi_count_bits_sse4(const uint8_t *bits, size_t count);

#endif
