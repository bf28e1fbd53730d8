// One picture through a plan: the same bytes on every path.
#pragma once

#include <cstdint>

#include "clip/clip_plan.h"

namespace videobert {

// `planes` has plan.plane_count elements, `square` side * side * 3. `rows` holds kMostLanes times the longest stride
// and the sum of all strides, `columns` kMostLanes / 2 times that sum. `wide` is null, or three planes of
// sample_line * sample_line for red, green and blue, 0 to plan.top; then `square` is not touched. Only a path that the
// processor has may be called.
using ClipKernel = void(const ClipPlan& plan, const CheckedPlane* planes, std::int16_t* rows, std::int32_t* columns,
                        std::uint8_t* square, std::int32_t* wide);

ClipKernel clip_kernel_scalar;
#if defined(__x86_64__)
ClipKernel clip_kernel_avx2;
ClipKernel clip_kernel_avx512;
#endif

}  // namespace videobert
