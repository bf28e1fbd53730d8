// The vertical filter for any processor. A template, so that every file that is compiled for some processor has its own
// copy: `Path` is a type of that file alone.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>

#include "clip/clip_plan.h"

namespace videobert {

template <class Path>
inline std::int16_t saturate(std::int32_t value) {
    return static_cast<std::int16_t>(value > 32767 ? 32767 : value < -32768 ? -32768 : value);
}

// `samples` filtered samples of one row; `top` is the first sample of the filter's first row.
template <class Path>
void blend_any(const ClipPlan& plan, const PlanePlan& plane, const RowFilter& filter, const std::uint8_t* top,
               std::ptrdiff_t line, std::int16_t* out) {
    constexpr std::size_t kBlock = 64;
    std::int32_t sums[kBlock];
    std::int16_t values[kBlock];
    for (std::size_t c = 0; c < plane.samples; c += kBlock) {
        const std::size_t count = plane.samples - c < kBlock ? plane.samples - c : kBlock;
        for (std::size_t i = 0; i < kBlock; ++i) {
            sums[i] = plane.addend;
            values[i] = 0;
        }
        for (std::size_t tap = 0; tap < filter.taps; ++tap) {
            const std::uint8_t* row = top + static_cast<std::ptrdiff_t>(tap) * line;
            if (plan.sample_bytes == 1) {
                for (std::size_t i = 0; i < count; ++i) {
                    values[i] = row[c + i];
                }
            } else {
                std::memcpy(values, row + 2 * c, 2 * count);
                for (std::size_t i = 0; i < kBlock; ++i) {
                    values[i] = static_cast<std::int16_t>(values[i] ^ static_cast<std::int16_t>(plan.flip));
                }
            }
            const std::int32_t pair = plane.weights[filter.at + tap / 2];
            const auto weight = static_cast<std::int16_t>(tap % 2 == 0 ? pair & 0xFFFF : pair >> 16);
            for (std::size_t i = 0; i < kBlock; ++i) {
                sums[i] += static_cast<std::int32_t>(values[i]) * static_cast<std::int32_t>(weight);
            }
        }
        for (std::size_t i = 0; i < count; ++i) {
            out[c + i] = saturate<Path>(sums[i] >> plane.shift);
        }
    }
}

}  // namespace videobert
