#include "nearest/nearest_range.h"

#include <algorithm>
#include <cmath>

#include "nearest/exact_distance.h"

namespace videobert {
namespace {

// Within these a float32 sum of squares has lost nothing to underflow or overflow that the bound does not cover.
constexpr float kSmallestSum = 1e-25F;
constexpr float kGreatestSum = 1e37F;

}  // namespace

NearestRange::NearestRange(const NearestKernel& kernel, const float* centroids, std::size_t dim)
    : kernel_(kernel),
      centroids_(centroids),
      dim_(dim),
      // Differences, squares and at most dim / 16 + 6 additions in sequence round once each (a difference counts twice
      // in its square); all terms are positive, so the errors are relative.
      rounding_((static_cast<double>(dim) / 16 + 16) * 0x1p-24) {}

float NearestRange::estimate(const float* point, std::size_t centroid) const {
    const float sum = kernel_.squared_distance(point, centroids_ + centroid * dim_, dim_);
    return sum > kSmallestSum && sum < kGreatestSum ? sum : std::numeric_limits<float>::quiet_NaN();
}

Nearest NearestRange::decide(const float* point, std::size_t centroid) const {
    return {exact_squared_distance(point, centroids_ + centroid * dim_, dim_), static_cast<std::int64_t>(centroid)};
}

Nearest NearestRange::search(const float* point, std::size_t first, std::size_t last) {
    estimates_.resize(last - first);
    float least = std::numeric_limits<float>::infinity();
    for (std::size_t c = first; c < last; ++c) {
        const float sum = estimate(point, c);
        estimates_[c - first] = sum;
        least = sum < least ? sum : least;
    }
    // The nearest has an estimate within both errors of the least one.
    const double limit = static_cast<double>(least) * (1 + rounding_) / (1 - rounding_) * (1 + 1e-9);
    Nearest best;
    for (std::size_t c = first; c < last; ++c) {
        if (!(static_cast<double>(estimates_[c - first]) > limit)) {
            const Nearest found = decide(point, c);
            best = found.beats(best) ? found : best;
        }
    }
    return best;
}

}  // namespace videobert
