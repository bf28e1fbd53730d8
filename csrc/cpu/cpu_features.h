// What the processor and the operating system together let a program use.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

namespace videobert {

// One instruction set extension that a fast path may need.
struct CpuFeature {
    std::string_view name;
    bool usable;
};

// The raw register values that the answer is derived from, so that the rules can be tested on any machine.
struct CpuidLeaves {
    std::uint32_t leaf1_ecx = 0;
    std::uint32_t leaf7_ebx = 0;
    std::uint32_t leaf7_ecx = 0;
    std::uint32_t leaf7_edx = 0;
    std::uint32_t leaf7_1_eax = 0;
    std::uint64_t xcr0 = 0;
};

using CpuFeatures = std::array<CpuFeature, 9>;

// Reads the registers of this processor; all zero where it is not an x86.
CpuidLeaves read_cpuid();

// A feature is usable when its bit is set and the operating system saves the registers that it works on.
CpuFeatures decode_cpu_features(const CpuidLeaves& leaves);

// Whether the feature of that name is among the usable ones.
bool has_feature(const CpuFeatures& features, std::string_view name);

}  // namespace videobert
