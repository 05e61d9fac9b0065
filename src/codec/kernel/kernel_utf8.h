// Text: is it UTF-8? The contracts are kernel.h's; for kernel.c only.
#ifndef DSI_CODEC_KERNEL_UTF8_H
#define DSI_CODEC_KERNEL_UTF8_H

#include "codec/kernel/kernel.h"

enum dsi_text_kind dsi_text_kind_scalar(const uint8_t *bytes, size_t size);
enum dsi_text_kind dsi_text_kind_sse4(const uint8_t *bytes, size_t size);
enum dsi_text_kind dsi_text_kind_avx2(const uint8_t *bytes, size_t size);
enum dsi_text_kind dsi_text_kind_avx512(const uint8_t *bytes, size_t size);

#endif
