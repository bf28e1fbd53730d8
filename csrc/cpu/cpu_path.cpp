#include "cpu/cpu_path.h"

#include <algorithm>
#include <array>
#include <cstdlib>

#if defined(__x86_64__) && defined(__linux__)
#include <sys/syscall.h>
#include <unistd.h>
#endif

namespace videobert {
namespace {

constexpr std::array<std::string_view, 4> kNames = {"scalar", "avx2", "avx512", "amx"};

}  // namespace

CpuPath best_cpu_path(const CpuFeatures& features) {
    if (!has_feature(features, "avx2") || !has_feature(features, "fma")) {
        return CpuPath::kScalar;
    }
    if (!has_feature(features, "avx512f") || !has_feature(features, "avx512bw")) {
        return CpuPath::kAvx2;
    }
    return has_feature(features, "amx_bf16") ? CpuPath::kAmx : CpuPath::kAvx512;
}

bool request_amx() {
#if defined(__x86_64__) && defined(__linux__)
    // Linux, Documentation/arch/x86/xstate.rst: ARCH_REQ_XCOMP_PERM for state component 18, XTILEDATA.
    constexpr long kArchReqXcompPerm = 0x1023;
    constexpr long kTileData = 18;
    return syscall(SYS_arch_prctl, kArchReqXcompPerm, kTileData) == 0;
#else
    return false;
#endif
}

std::vector<CpuPath> available_cpu_paths(const CpuFeatures& features, bool (*ask_for_tiles)()) {
    const CpuPath best = best_cpu_path(features);
    std::vector<CpuPath> paths;
    for (const auto path : {CpuPath::kScalar, CpuPath::kAvx2, CpuPath::kAvx512}) {
        if (path <= best) {
            paths.push_back(path);
        }
    }
    const bool tiles = has_feature(features, "amx_int8") && has_feature(features, "avx512_vnni");
    if (best == CpuPath::kAmx && tiles && ask_for_tiles()) {
        paths.push_back(CpuPath::kAmx);
    }
    return paths;
}

const std::vector<CpuPath>& available_cpu_paths() {
    static const std::vector<CpuPath> paths = available_cpu_paths(decode_cpu_features(read_cpuid()), request_amx);
    return paths;
}

CpuPath chosen_cpu_path(std::string_view asked) {
    const auto& available = available_cpu_paths();
    if (asked.empty()) {
        const char* const variable = std::getenv("VIDEOBERT_CPU");
        asked = variable == nullptr ? "" : variable;
    }
    if (asked.empty()) {
        return available.back();
    }
    const auto named = std::find(kNames.begin(), kNames.end(), asked);
    if (named == kNames.end()) {
        throw CpuPathRefused("the CPU path is not known", asked);
    }
    const auto path = static_cast<CpuPath>(named - kNames.begin());
    if (std::find(available.begin(), available.end(), path) == available.end()) {
        throw CpuPathRefused("the CPU path cannot run on this machine", asked);
    }
    return path;
}

std::string_view cpu_path_name(CpuPath path) { return kNames.at(static_cast<std::size_t>(path)); }

}  // namespace videobert
