#include "cpu/cpu_features.h"

#include <algorithm>

#if defined(__x86_64__) || defined(__i386__)
#include <cpuid.h>
#endif

namespace videobert {
namespace {

// Bit positions: Intel SDM volume 2A, CPUID; XCR0: volume 1, chapter 13.
constexpr std::uint64_t kXcr0Avx = 0x6;      // SSE and AVX state
constexpr std::uint64_t kXcr0Avx512 = 0xE6;  // and opmask, upper halves, upper registers
constexpr std::uint64_t kXcr0Amx = 0x60000;  // tile configuration and tile data

constexpr bool bit(std::uint32_t word, unsigned position) { return (word >> position) & 1U; }

}  // namespace

CpuidLeaves read_cpuid() {
    CpuidLeaves leaves;
#if defined(__x86_64__) || defined(__i386__)
    unsigned eax = 0;
    unsigned ebx = 0;
    unsigned ecx = 0;
    unsigned edx = 0;
    if (__get_cpuid_count(1, 0, &eax, &ebx, &ecx, &edx) != 0) {
        leaves.leaf1_ecx = ecx;
    }
    if (__get_cpuid_count(7, 0, &eax, &ebx, &ecx, &edx) != 0) {
        leaves.leaf7_ebx = ebx;
        leaves.leaf7_ecx = ecx;
        leaves.leaf7_edx = edx;
        const unsigned last_subleaf = eax;
        if (last_subleaf >= 1 && __get_cpuid_count(7, 1, &eax, &ebx, &ecx, &edx) != 0) {
            leaves.leaf7_1_eax = eax;
        }
    }
    constexpr unsigned kOsxsave = 27;
    if (bit(leaves.leaf1_ecx, kOsxsave)) {
        std::uint32_t low = 0;
        std::uint32_t high = 0;
        __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
        leaves.xcr0 = (static_cast<std::uint64_t>(high) << 32) | low;
    }
#endif
    return leaves;
}

CpuFeatures decode_cpu_features(const CpuidLeaves& leaves) {
    const bool avx = bit(leaves.leaf1_ecx, 28) && (leaves.xcr0 & kXcr0Avx) == kXcr0Avx;
    const bool avx2 = avx && bit(leaves.leaf7_ebx, 5);
    const bool fma = avx && bit(leaves.leaf1_ecx, 12);
    const bool avx512f = avx2 && bit(leaves.leaf7_ebx, 16) && (leaves.xcr0 & kXcr0Avx512) == kXcr0Avx512;
    const bool amx = (leaves.xcr0 & kXcr0Amx) == kXcr0Amx && bit(leaves.leaf7_edx, 24);
    return {{
        {"avx2", avx2},
        {"fma", fma},
        {"avx_vnni", avx2 && bit(leaves.leaf7_1_eax, 4)},
        {"avx512f", avx512f},
        {"avx512bw", avx512f && bit(leaves.leaf7_ebx, 30)},
        {"avx512_vnni", avx512f && bit(leaves.leaf7_ecx, 11)},
        {"avx512_bf16", avx512f && bit(leaves.leaf7_1_eax, 5)},
        {"amx_int8", amx && bit(leaves.leaf7_edx, 25)},
        {"amx_bf16", amx && bit(leaves.leaf7_edx, 22)},
    }};
}

bool has_feature(const CpuFeatures& features, std::string_view name) {
    return std::any_of(features.begin(), features.end(),
                       [name](const CpuFeature& feature) { return feature.name == name && feature.usable; });
}

}  // namespace videobert
