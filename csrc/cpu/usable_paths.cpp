#include "cpu/usable_paths.h"

#include <algorithm>

#if defined(__x86_64__) && defined(__linux__)
#include <sys/syscall.h>
#include <unistd.h>
#endif

namespace videobert {

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

bool has_feature(const CpuFeatures& features, std::string_view name) {
    return std::any_of(features.begin(), features.end(),
                       [name](const CpuFeature& feature) { return feature.name == name && feature.usable; });
}

std::vector<CpuPath> usable_paths(const CpuFeatures& features, bool (*ask_for_tiles)()) {
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

const std::vector<CpuPath>& usable_paths() {
    static const std::vector<CpuPath> paths = usable_paths(decode_cpu_features(read_cpuid()), request_amx);
    return paths;
}

}  // namespace videobert
