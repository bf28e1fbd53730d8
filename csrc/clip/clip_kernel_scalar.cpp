#include <algorithm>

#include "clip/clip_blend.h"
#include "clip/clip_kernel.h"

namespace videobert {
namespace {

struct Scalar;

std::int32_t to_whole(float value, float top) {
    return static_cast<std::int32_t>(std::min(std::max(0.0F, value), top));
}

// The filtered sample of output column j, from one row of intermediate samples.
float sum_of(const ComponentPlan& component, const std::int16_t* row, std::size_t j) {
    const std::int16_t* samples = row + 2 * std::size_t{component.starts[j]};
    const std::int32_t* weights = component.weights + j * component.pairs;
    std::int32_t sum = 0;
    for (std::size_t k = 0; k < component.pairs; ++k) {
        sum += samples[2 * k] * static_cast<std::int16_t>(weights[k] & 0xFFFF);
        sum += samples[2 * k + 1] * static_cast<std::int16_t>(weights[k] >> 16);
    }
    return static_cast<float>(sum);
}

}  // namespace

void clip_kernel_scalar(const ClipPlan& plan, const CheckedPlane* planes, std::int16_t* rows, std::int32_t*,
                        std::uint8_t* square, std::int32_t* wide) {
    for (std::size_t i = 0; i < plan.rows; ++i) {
        for (std::size_t p = 0; p < plan.plane_count; ++p) {
            const PlanePlan& plane = plan.planes[p];
            const RowFilter& filter = plane.rows[i];
            const std::uint8_t* top = planes[p].row + static_cast<std::ptrdiff_t>(filter.start) * planes[p].line +
                                      static_cast<std::ptrdiff_t>(plane.first * plan.sample_bytes);
            blend_any<Scalar>(plan, plane, filter, top, planes[p].line, rows + plane.row_at);
        }
        for (std::size_t j = 0; j < plan.columns; ++j) {
            float sums[3] = {0, 0, 0};
            for (std::size_t c = 0; c < plan.component_count; ++c) {
                const ComponentPlan& component = plan.components[c];
                sums[c] = sum_of(component, rows + plan.planes[component.plane].row_at, j);
            }
            const std::size_t y = plan.swap ? j : i;
            const std::size_t x = plan.swap ? i : j;
            for (std::size_t c = 0; c < 3; ++c) {
                const float* row = plan.colour[c];
                const std::int32_t value =
                    to_whole(((sums[0] * row[0] + sums[1] * row[1]) + sums[2] * row[2]) + row[3], plan.top);
                if (wide == nullptr) {
                    square[3 * (y * plan.width + x) + c] = static_cast<std::uint8_t>(value);
                } else {
                    wide[(c * plan.sample_line + y) * plan.sample_line + x] = value;
                }
            }
        }
    }
}

}  // namespace videobert
