#include "cpu/cpu_path.h"

#include <array>
#include <cstdlib>
#include <stdexcept>
#include <string>

namespace videobert {
namespace {

constexpr std::array<std::string_view, 4> kNames = {"scalar", "avx2", "avx512", "amx"};

bool usable(const CpuFeatures& features, std::string_view name) {
    for (const auto& feature : features) {
        if (feature.name == name) {
            return feature.usable;
        }
    }
    return false;
}

}  // namespace

CpuPath best_cpu_path(const CpuFeatures& features) {
    if (!usable(features, "avx2") || !usable(features, "fma")) {
        return CpuPath::kScalar;
    }
    if (!usable(features, "avx512f") || !usable(features, "avx512bw")) {
        return CpuPath::kAvx2;
    }
    return usable(features, "amx_bf16") ? CpuPath::kAmx : CpuPath::kAvx512;
}

std::optional<CpuPath> requested_cpu_path() {
    const char* value = std::getenv("VIDEOBERT_CPU");
    if (value == nullptr || *value == '\0') {
        return std::nullopt;
    }
    for (std::size_t i = 0; i < kNames.size(); ++i) {
        if (kNames.at(i) == value) {
            return static_cast<CpuPath>(i);
        }
    }
    throw std::invalid_argument("VIDEOBERT_CPU is \"" + std::string(value) +
                                "\"; it may be scalar, avx2, avx512, amx or unset");
}

CpuPath selected_cpu_path() {
    static const CpuPath best = best_cpu_path(decode_cpu_features(read_cpuid()));
    const CpuPath wanted = requested_cpu_path().value_or(best);
    if (wanted > best) {
        throw std::invalid_argument("VIDEOBERT_CPU asks for " + std::string(cpu_path_name(wanted)) +
                                    ", and this processor allows " + std::string(cpu_path_name(best)) + " at most");
    }
    return wanted;
}

std::string_view cpu_path_name(CpuPath path) { return kNames.at(static_cast<std::size_t>(path)); }

}  // namespace videobert
