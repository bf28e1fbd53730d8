// Which path a processor's features allow, and what VIDEOBERT_CPU may ask for.
#include "cpu/cpu_path.h"

#include <cstdio>
#include <cstdlib>
#include <stdexcept>

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

bool refused(const char* word) {
    setenv("VIDEOBERT_CPU", word, 1);
    try {
        videobert::selected_cpu_path();
    } catch (const std::invalid_argument&) {
        return true;
    }
    return false;
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

    unsetenv("VIDEOBERT_CPU");
    const CpuPath own = videobert::selected_cpu_path();
    expect(!videobert::requested_cpu_path().has_value(), "unset asks for nothing");
    setenv("VIDEOBERT_CPU", "", 1);
    expect(videobert::selected_cpu_path() == own, "empty asks for nothing");
    for (const CpuPath path : {CpuPath::kScalar, CpuPath::kAvx2, CpuPath::kAvx512, CpuPath::kAmx}) {
        const std::string_view name = videobert::cpu_path_name(path);
        if (path > own) {
            expect(refused(name.data()), "a path that this processor cannot take is refused");
            continue;
        }
        setenv("VIDEOBERT_CPU", name.data(), 1);
        expect(videobert::selected_cpu_path() == path, "a path asked for is taken");
    }
    expect(refused("AVX2"), "names are lower case");
    expect(refused("sse"), "an unknown name is refused");

    std::printf("%s\n", failures == 0 ? "cpu_path: all rules hold" : "cpu_path: rules broken");
    return failures == 0 ? 0 : 1;
}
