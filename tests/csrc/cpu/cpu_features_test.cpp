// The rules that turn register values into usable features, on processors other than this one.
#include "cpu/cpu_features.h"

#include <cstdio>
#include <string_view>

namespace {

using videobert::CpuidLeaves;

bool usable(const CpuidLeaves& leaves, std::string_view name) {
    for (const auto& feature : videobert::decode_cpu_features(leaves)) {
        if (feature.name == name) {
            return feature.usable;
        }
    }
    std::fprintf(stderr, "no feature is called %s\n", name.data());
    return false;
}

int failures = 0;

void expect(bool held, const char* what) {
    if (!held) {
        std::fprintf(stderr, "FAILED: %s\n", what);
        ++failures;
    }
}

CpuidLeaves everything() {
    CpuidLeaves leaves;
    leaves.leaf1_ecx = ~0U;
    leaves.leaf7_ebx = ~0U;
    leaves.leaf7_ecx = ~0U;
    leaves.leaf7_edx = ~0U;
    leaves.leaf7_1_eax = ~0U;
    leaves.xcr0 = ~0ULL;
    return leaves;
}

}  // namespace

int main() {
    for (const auto& feature : videobert::decode_cpu_features(CpuidLeaves{})) {
        expect(!feature.usable, "a processor without any bit has no feature");
    }
    for (const auto& feature : videobert::decode_cpu_features(everything())) {
        expect(feature.usable, "a processor with every bit has every feature");
    }

    CpuidLeaves no_tiles = everything();
    no_tiles.xcr0 = 0xE7;
    expect(!usable(no_tiles, "amx_bf16"), "AMX needs the system to save tile state");
    expect(usable(no_tiles, "avx512_bf16"), "AVX-512 does not need tile state");

    CpuidLeaves no_zmm = everything();
    no_zmm.xcr0 = 0x7;
    expect(!usable(no_zmm, "avx512f"), "AVX-512 needs the system to save its registers");
    expect(!usable(no_zmm, "avx512_bf16"), "AVX512-BF16 needs AVX-512");
    expect(usable(no_zmm, "avx2"), "AVX2 needs only AVX state");
    expect(usable(no_zmm, "avx_vnni"), "AVX-VNNI needs only AVX state");

    CpuidLeaves no_bf16 = everything();
    no_bf16.leaf7_1_eax = 0;
    expect(!usable(no_bf16, "avx512_bf16"), "AVX512-BF16 has its own bit");
    expect(usable(no_bf16, "avx512f"), "AVX-512 without BF16 exists");

    CpuidLeaves no_avx_vnni = everything();
    no_avx_vnni.leaf7_1_eax = ~(1U << 4);
    expect(!usable(no_avx_vnni, "avx_vnni"), "AVX-VNNI has its own bit");
    expect(usable(no_avx_vnni, "avx512_vnni"), "AVX-512 VNNI does not need that of AVX");

    // On whatever runs this test, the answer must be the same twice.
    const auto first = videobert::decode_cpu_features(videobert::read_cpuid());
    const auto second = videobert::decode_cpu_features(videobert::read_cpuid());
    for (std::size_t i = 0; i < first.size(); ++i) {
        expect(first[i].usable == second[i].usable, "reading twice gives the same answer");
    }

    std::printf("%s\n", failures == 0 ? "cpu_features: all rules hold" : "cpu_features: rules broken");
    return failures == 0 ? 0 : 1;
}
