// Bit-packed values to numbers. The contracts are kernel.h's; for kernel.c only.
#ifndef DSI_CODEC_KERNEL_UNPACK_H
#define DSI_CODEC_KERNEL_UNPACK_H

#include <stddef.h>
#include <stdint.h>

void dsi_unpack8_scalar(const uint8_t *in, size_t size, int width, uint8_t *out,
                        size_t count);
void dsi_unpack32_scalar(const uint8_t *in, size_t size, int width, uint32_t *out,
                         size_t count);
void dsi_unpack64_scalar(const uint8_t *in, size_t size, int width, uint64_t *out,
                         size_t count);

void dsi_unpack32_avx2(const uint8_t *in, size_t size, int width, uint32_t *out,
                       size_t count);
void dsi_unpack64_avx2(const uint8_t *in, size_t size, int width, uint64_t *out,
                       size_t count);

void dsi_unpack8_avx512(const uint8_t *in, size_t size, int width, uint8_t *out,
                        size_t count);
void dsi_unpack32_avx512(const uint8_t *in, size_t size, int width, uint32_t *out,
                         size_t count);
void dsi_unpack64_avx512(const uint8_t *in, size_t size, int width, uint64_t *out,
                         size_t count);

#endif
