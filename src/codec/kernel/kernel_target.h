// How a function of this folder says which instructions it may use: docs/decisions/009.
#ifndef DSI_CODEC_KERNEL_TARGET_H
#define DSI_CODEC_KERNEL_TARGET_H

#if defined(__x86_64__) && (defined(__GNUC__) || defined(__clang__))
#define DSI_KERNEL_X86 1
#include <immintrin.h>

// The same sets as in base/cpu.h.
#define DSI_SSE4 __attribute__((target("ssse3,sse4.1,sse4.2,popcnt")))
#define DSI_AVX2 __attribute__((target("avx2,bmi,bmi2,lzcnt,popcnt")))
#define DSI_AVX512                                                                       \
    __attribute__((target("avx2,bmi,bmi2,lzcnt,popcnt,avx512f,avx512bw,avx512dq,"        \
                          "avx512vl,avx512vbmi,avx512vbmi2")))
#else
#define DSI_KERNEL_X86 0
#endif

#endif
