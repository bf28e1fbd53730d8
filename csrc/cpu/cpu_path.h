// Which of the compiled instruction set paths a hot function takes: the one owner of VIDEOBERT_CPU.
#pragma once

#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "cpu/cpu_features.h"

namespace videobert {

// In rising order: a processor that can take one can take those before it.
enum class CpuPath { kScalar, kAvx2, kAvx512, kAmx };

// A path was asked for that is none, or that cannot be taken here. The message says which of the two, without the word.
class CpuPathRefused : public std::invalid_argument {
  public:
    CpuPathRefused(const char* why, std::string_view asked) : std::invalid_argument(why), asked_(asked) {}
    const std::string& asked() const { return asked_; }

  private:
    std::string asked_;
};

// The fastest path that features allow. AMX asks for the tile bits only: whether the kernel grants the tile state is
// for `available_cpu_paths` to find out.
CpuPath best_cpu_path(const CpuFeatures& features);

// Asks the kernel for the right to use AMX tile registers in this process; false where it refuses or knows no AMX.
// The kernel remembers the answer, so asking again is cheap.
bool request_amx();

// Paths that can run with these features, plainest first. The kernel is asked for tile state only if the feature bits
// promise AMX; a refusal leaves the other paths.
std::vector<CpuPath> available_cpu_paths(const CpuFeatures& features, bool (*ask_for_tiles)());

// Paths that can run on this processor in this process, plainest first; found out once.
const std::vector<CpuPath>& available_cpu_paths();

// The path to take now: the one asked for by name, else the one that the environment variable VIDEOBERT_CPU names, else
// the best available; an empty word asks for nothing. Code that has no tiles takes kAmx for kAvx512.
// Throws CpuPathRefused.
CpuPath chosen_cpu_path(std::string_view asked = {});

// "scalar", "avx2", "avx512" or "amx".
std::string_view cpu_path_name(CpuPath path);

}  // namespace videobert
