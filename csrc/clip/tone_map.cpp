#include "clip/tone_map.h"

#include <algorithm>
#include <cmath>
#include <stdexcept>
#include <utility>

namespace videobert {
namespace {

// Two square roots, which IEEE 754 rounds exactly: the same place on every machine.
std::size_t place(float light) {
    const float root = std::sqrt(std::sqrt(std::min(std::max(0.0F, light), 1.0F)));
    return static_cast<std::size_t>(root * static_cast<float>(ToneMap::kSteps - 1) + 0.5F);
}

}  // namespace

ToneMap::ToneMap(ToneMapTables tables) : tables_(std::move(tables)) {
    const ToneMapTables& t = tables_;
    if (t.light.size() != static_cast<std::size_t>(kTop) + 1 || t.by_luminance.size() != kSteps ||
        t.by_peak.size() != kSteps || t.codes.size() != kSteps) {
        throw std::invalid_argument("a table of the tone map has another size");
    }
}

void ToneMap::operator()(const std::int32_t* samples, std::size_t side, std::size_t line, std::uint8_t* square) const {
    const ToneMapTables& t = tables_;
    for (std::size_t y = 0; y < side; ++y) {
        for (std::size_t x = 0; x < side; ++x) {
            float light[3];
            float luminance = 0;
            for (std::size_t c = 0; c < 3; ++c) {
                light[c] = t.light[static_cast<std::size_t>(samples[(c * line + y) * line + x])];
                luminance += t.luminance[c] * light[c];
            }
            const float shown = t.by_luminance[place(luminance)];
            for (float& value : light) {
                value *= shown;
            }
            const float mapped = t.by_peak[place(std::max({light[0], light[1], light[2]}))];
            for (std::size_t c = 0; c < 3; ++c) {
                const auto& row = t.primaries[c];
                const float own = (row[0] * light[0] + row[1] * light[1]) + row[2] * light[2];
                square[3 * (y * side + x) + c] = t.codes[place(own * mapped)];
            }
        }
    }
}

}  // namespace videobert
