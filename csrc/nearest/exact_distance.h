// The distance that decides.
#pragma once

#include <cstddef>

namespace videobert {

// sum((point - centroid)^2) in float64, in one order of summation on every processor and path.
double exact_squared_distance(const float* point, const float* centroid, std::size_t dim);

}  // namespace videobert
