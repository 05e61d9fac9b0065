// What the processor can do, asked once.
#ifndef DSI_BASE_CPU_H
#define DSI_BASE_CPU_H

/// Levels of vector instructions, each with all below it. A level counts only when the
/// operating system keeps its registers, too.
enum dsi_cpu_level {
    DSI_CPU_SCALAR, // Nothing beyond the C compiler's baseline.
    DSI_CPU_SSE4,   // x86-64-v2: SSSE3, SSE4.1, SSE4.2, POPCNT.
    DSI_CPU_AVX2,   // x86-64-v3: AVX2, BMI1, BMI2, LZCNT.
    DSI_CPU_AVX512, // F, BW, DQ, VL, VBMI, VBMI2 (Ice Lake and Zen 4, or newer).
};

/// The level in use. The environment variable DATASHARD_SIMD (scalar, sse4, avx2, avx512)
/// lowers it, for tests and for finding out whether a vector path is to blame; what the
/// processor cannot do is never chosen, and other words mean nothing. Any thread.
enum dsi_cpu_level dsi_cpu_level(void);

/// What the processor can do, whatever the environment says.
enum dsi_cpu_level dsi_cpu_level_max(void);

/// "avx2" …, as in the environment.
const char *dsi_cpu_level_name(enum dsi_cpu_level level);

#endif
