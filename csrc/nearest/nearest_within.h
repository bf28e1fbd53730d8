// Every centroid that is near enough to a point, not only the nearest.
#pragma once

#include <cstdint>
#include <vector>

#include "nearest/nearest_index.h"
#include "nearest/nearest_kernel.h"

namespace videobert {

// The centroids of an index whose distance from a point, (index.dim()) finite values, is at most `distance`, in rising
// order: those that float64 brute force finds. It looks where `NearestIndex::search` looks, so a distance that few
// centroids lie within costs about as much as finding the nearest.
std::vector<std::int64_t> centroids_within(const NearestIndex& index, const NearestKernel& kernel, const float* point,
                                           double distance);

}  // namespace videobert
