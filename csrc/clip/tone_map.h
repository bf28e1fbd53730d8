// High dynamic range to ordinary colours, pixel by pixel, by tables that the caller fills.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace videobert {

// What a tone map looks up. Light counts from 0 to 1. Tables over light are over its fourth root, evenly: dark light
// fills more of them than bright light, as the eye has it.
struct ToneMapTables {
    std::vector<float> light;                       // of a coded sample, ToneMap::kTop + 1 of them
    std::array<float, 3> luminance;                 // weights of red, green and blue light in their luminance
    std::vector<float> by_luminance;                // what light is multiplied by, ToneMap::kSteps
    std::vector<float> by_peak;                     // the same by the largest of the three afterwards, kSteps
    std::array<std::array<float, 3>, 3> primaries;  // rows that give red, green and blue light for display
    std::vector<std::uint8_t> codes;                // of that light, kSteps
};

class ToneMap {
  public:
    static constexpr std::int32_t kTop = 65535;
    static constexpr std::size_t kSteps = 4096;

    // Throws std::invalid_argument if a table has another size.
    explicit ToneMap(ToneMapTables tables);

    // Three planes of `line` times `line` samples, 0 to kTop, to `side` * `side` pixels of three bytes.
    void operator()(const std::int32_t* samples, std::size_t side, std::size_t line, std::uint8_t* square) const;

  private:
    ToneMapTables tables_;
};

}  // namespace videobert
