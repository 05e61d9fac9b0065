// Maxima, and values out of byte streams. The contracts are kernel.h's; for kernel.c
// only.
#ifndef DSI_CODEC_KERNEL_VALUES_H
#define DSI_CODEC_KERNEL_VALUES_H

#include <stddef.h>
#include <stdint.h>

uint32_t dsi_max_u32_scalar(const uint32_t *values, size_t count);
uint32_t dsi_max_u32_sse4(const uint32_t *values, size_t count);
uint32_t dsi_max_u32_avx2(const uint32_t *values, size_t count);
uint32_t dsi_max_u32_avx512(const uint32_t *values, size_t count);

void dsi_join_streams_scalar(const uint8_t *in, size_t width, size_t count, uint8_t *out);
void dsi_join_streams_sse4(const uint8_t *in, size_t width, size_t count, uint8_t *out);
void dsi_split_streams_scalar(const uint8_t *in, size_t width, size_t count,
                              uint8_t *out);
void dsi_split_streams_sse4(const uint8_t *in, size_t width, size_t count, uint8_t *out);

#endif
