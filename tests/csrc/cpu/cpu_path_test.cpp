// Which path a processor's features allow, and what VIDEOBERT_CPU may ask for.
#include "cpu/cpu_path.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <stdexcept>
#include <string_view>
#include <vector>

namespace {

using videobert::CpuidLeaves;
using videobert::CpuPath;

int failures = 0;

void expect(bool held, const char* what) {
    if (!held) {
        std::fprintf(stderr, "FAILED: %s\n", what);
        ++failures;
    }
}

CpuPath best(const CpuidLeaves& leaves) { return videobert::best_cpu_path(videobert::decode_cpu_features(leaves)); }

// Refused for that reason, whether the word stands in the environment or is an argument.
bool refused(const char* word, std::string_view why) {
    const auto refusal_of = [word, why](std::string_view asked) {
        try {
            videobert::chosen_cpu_path(asked);
        } catch (const videobert::CpuPathRefused& refusal) {
            return refusal.asked() == word && std::string_view(refusal.what()) == why;
        }
        return false;
    };
    setenv("VIDEOBERT_CPU", "scalar", 1);
    const bool as_argument = refusal_of(word);
    setenv("VIDEOBERT_CPU", word, 1);
    return as_argument && refusal_of({});
}

void check_consent_to_tiles() {
    CpuidLeaves leaves;
    leaves.leaf1_ecx = leaves.leaf7_ebx = leaves.leaf7_ecx = leaves.leaf7_edx = leaves.leaf7_1_eax = ~0U;
    leaves.xcr0 = ~0ULL;
    const auto features = videobert::decode_cpu_features(leaves);
    const auto granted = videobert::available_cpu_paths(features, [] { return true; });
    expect(granted.back() == CpuPath::kAmx && granted.size() == 4, "AMX is used where the kernel grants its state");
    const auto refused = videobert::available_cpu_paths(features, [] { return false; });
    expect(refused.back() == CpuPath::kAvx512 && refused.size() == 3, "AVX-512 is next where the kernel refuses AMX");
    const auto none = videobert::available_cpu_paths(videobert::decode_cpu_features({}), []() -> bool {
        throw std::logic_error("asked for tiles that the processor does not have");
    });
    expect(none == std::vector<CpuPath>{CpuPath::kScalar}, "plain C++ is left, and the kernel is not asked");
}

}  // namespace

int main() {
    CpuidLeaves everything;
    everything.leaf1_ecx = everything.leaf7_ebx = everything.leaf7_ecx = ~0U;
    everything.leaf7_edx = everything.leaf7_1_eax = ~0U;
    everything.xcr0 = ~0ULL;
    expect(best(everything) == CpuPath::kAmx, "every bit allows AMX");
    CpuidLeaves no_tiles = everything;
    no_tiles.xcr0 = 0xE7;
    expect(best(no_tiles) == CpuPath::kAvx512, "without tile state, AVX-512");
    CpuidLeaves no_bytes = everything;
    no_bytes.leaf7_ebx &= ~(1U << 30);
    expect(best(no_bytes) == CpuPath::kAvx2, "AVX-512 without byte and word instructions does not do");
    CpuidLeaves no_fma = everything;
    no_fma.leaf1_ecx &= ~(1U << 12);
    expect(best(no_fma) == CpuPath::kScalar, "AVX2 without fused multiply-add does not do");
    expect(best(CpuidLeaves{}) == CpuPath::kScalar, "without any bit, scalar");

    check_consent_to_tiles();

    unsetenv("VIDEOBERT_CPU");
    const auto& available = videobert::available_cpu_paths();
    expect(videobert::chosen_cpu_path() == available.back(), "unset asks for nothing");
    setenv("VIDEOBERT_CPU", "", 1);
    expect(videobert::chosen_cpu_path() == available.back(), "empty asks for nothing");
    for (const CpuPath path : {CpuPath::kScalar, CpuPath::kAvx2, CpuPath::kAvx512, CpuPath::kAmx}) {
        const std::string_view name = videobert::cpu_path_name(path);
        if (std::find(available.begin(), available.end(), path) == available.end()) {
            expect(refused(name.data(), "the CPU path cannot run on this machine"),
                   "a path that this processor cannot take is refused");
            continue;
        }
        setenv("VIDEOBERT_CPU", name.data(), 1);
        expect(videobert::chosen_cpu_path() == path, "a path asked for is taken");
        expect(videobert::chosen_cpu_path("scalar") == CpuPath::kScalar, "an argument goes before the environment");
    }
    expect(refused("AVX2", "the CPU path is not known"), "names are lower case");
    expect(refused("sse", "the CPU path is not known"), "an unknown name is refused");
    expect(refused("avx", "the CPU path is not known"), "a part of a name is none");

    std::printf("%s\n", failures == 0 ? "cpu_path: all rules hold" : "cpu_path: rules broken");
    return failures == 0 ? 0 : 1;
}
