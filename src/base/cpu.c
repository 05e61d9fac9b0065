#include "base/cpu.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#if defined(__x86_64__)
#include <cpuid.h>

// Intel SDM volume 1, "Detection of AVX-512 Foundation Instructions": CPUID says what the
// processor knows, XCR0 which registers the operating system saves.
enum { XCR0_AVX = 0x06, XCR0_AVX512 = 0xe6 };

struct cpu_features {
    uint32_t ecx1; // Leaf 1.
    uint32_t ebx7; // Leaf 7.
    uint32_t ecx7;
    uint32_t ecx_extended; // Leaf 0x80000001.
    uint64_t xcr0;
};

static uint64_t read_xcr0(void)
{
    uint32_t low = 0;
    uint32_t high = 0;
    __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
    return (uint64_t)high << 32 | low;
}

static bool has(uint32_t word, uint32_t bits)
{
    return (word & bits) == bits;
}

static struct cpu_features read_features(void)
{
    struct cpu_features f = {0};
    uint32_t a = 0;
    uint32_t b = 0;
    uint32_t c = 0;
    uint32_t d = 0;

    if (__get_cpuid(1, &a, &b, &c, &d)) {
        f.ecx1 = c;
        f.xcr0 = has(c, bit_OSXSAVE) ? read_xcr0() : 0;
    }
    if (__get_cpuid_count(7, 0, &a, &b, &c, &d)) {
        f.ebx7 = b;
        f.ecx7 = c;
    }
    if (__get_cpuid(0x80000001, &a, &b, &c, &d)) {
        f.ecx_extended = c;
    }
    return f;
}

static enum dsi_cpu_level detect(void)
{
    const uint32_t avx512 = bit_AVX512F | bit_AVX512BW | bit_AVX512DQ | bit_AVX512VL;
    struct cpu_features f = read_features();

    if (!has(f.ecx1, bit_SSSE3 | bit_SSE4_1 | bit_SSE4_2 | bit_POPCNT)) {
        return DSI_CPU_SCALAR;
    }
    if (!has(f.ecx1, bit_AVX) || !has(f.ebx7, bit_AVX2 | bit_BMI | bit_BMI2) ||
        !has(f.ecx_extended, bit_ABM) || (f.xcr0 & XCR0_AVX) != XCR0_AVX) {
        return DSI_CPU_SSE4;
    }
    if (!has(f.ebx7, avx512) || !has(f.ecx7, bit_AVX512VBMI | bit_AVX512VBMI2) ||
        (f.xcr0 & XCR0_AVX512) != XCR0_AVX512) {
        return DSI_CPU_AVX2;
    }
    return DSI_CPU_AVX512;
}

#else

static enum dsi_cpu_level detect(void)
{
    return DSI_CPU_SCALAR;
}

#endif

static const char *const names[] = {"scalar", "sse4", "avx2", "avx512"};

const char *dsi_cpu_level_name(enum dsi_cpu_level level)
{
    return names[level];
}

static enum dsi_cpu_level choose(void)
{
    enum dsi_cpu_level level = dsi_cpu_level_max();
    const char *wish = getenv("DATASHARD_SIMD");

    for (size_t i = 0; wish && i < sizeof names / sizeof *names; i++) {
        if (strcmp(wish, names[i]) == 0 && i < (size_t)level) {
            level = (enum dsi_cpu_level)i;
        }
    }
    return level;
}

// An answer is kept as the level and one, and 0 is none yet. Two threads may ask at once:
// they find the same. (In a virtual machine CPUID costs microseconds.)
static enum dsi_cpu_level once(atomic_int *known, enum dsi_cpu_level (*ask)(void))
{
    int level = atomic_load_explicit(known, memory_order_relaxed);

    if (level == 0) {
        level = (int)ask() + 1;
        atomic_store_explicit(known, level, memory_order_relaxed);
    }
    return (enum dsi_cpu_level)(level - 1);
}

enum dsi_cpu_level dsi_cpu_level_max(void)
{
    static atomic_int known;
    return once(&known, detect);
}

enum dsi_cpu_level dsi_cpu_level(void)
{
    static atomic_int known;
    return once(&known, choose);
}
