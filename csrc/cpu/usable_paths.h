// Which paths can run in this process, the kernel's consent to AMX included.
#pragma once

#include <string_view>
#include <vector>

#include "cpu/cpu_features.h"
#include "cpu/cpu_path.h"

namespace videobert {

// Asks the kernel for the right to use AMX tile registers in this process; false where it refuses or knows no AMX.
// The kernel remembers the answer, so asking again is cheap.
bool request_amx();

// Paths that can run with these features, plainest first. The kernel is asked for tile state only if the feature bits
// promise AMX; a refusal leaves the other paths.
std::vector<CpuPath> usable_paths(const CpuFeatures& features, bool (*ask_for_tiles)());

// Paths that can run on this processor in this process, plainest first; found out once.
const std::vector<CpuPath>& usable_paths();

// Whether the feature of that name is among the usable ones.
bool has_feature(const CpuFeatures& features, std::string_view name);

}  // namespace videobert
