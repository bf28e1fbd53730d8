// Which of the compiled instruction set paths a hot function takes.
#pragma once

#include <optional>
#include <string_view>

#include "cpu/cpu_features.h"

namespace videobert {

// In rising order: a processor that can take one can take those before it.
enum class CpuPath { kScalar, kAvx2, kAvx512, kAmx };

// The fastest path that features allow. AMX asks for the tile bits only: whether the kernel grants the tile state is
// for the code that uses tiles to find out.
CpuPath best_cpu_path(const CpuFeatures& features);

// What the environment variable VIDEOBERT_CPU asks for: "scalar", "avx2", "avx512", "amx", or nothing.
// Throws std::invalid_argument if it is another word.
std::optional<CpuPath> requested_cpu_path();

// The path to take now: the requested one, else the best. Code that has no tiles takes kAmx for kAvx512.
// Throws std::invalid_argument if the request is not a path or this processor cannot take it.
CpuPath selected_cpu_path();

std::string_view cpu_path_name(CpuPath path);

}  // namespace videobert
