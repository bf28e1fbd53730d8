// The nearest of a run of float32 centroids, without codes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <vector>

#include "nearest/nearest_kernel.h"

namespace videobert {

// A decided answer; none yet if the distance is infinite.
struct Nearest {
    double squared = std::numeric_limits<double>::infinity();
    std::int64_t id = std::numeric_limits<std::int64_t>::max();

    // Whether this one is nearer, or as near with the lower index.
    bool beats(const Nearest& other) const {
        return squared < other.squared || (squared == other.squared && id < other.id);
    }
};

// Float32 squared distances with what is known of their rounding, and the float64 ones that decide.
class NearestRange {
  public:
    // centroids (any number, dim).
    NearestRange(const NearestKernel& kernel, const float* centroids, std::size_t dim);

    // The nearest of centroids `first` to `last - 1` to a point.
    Nearest search(const float* point, std::size_t first, std::size_t last);

    // In float64.
    Nearest decide(const float* point, std::size_t centroid) const;

    // The squared distance in float32 if its error is known to be at most `rounding()` of it, else a NaN.
    float estimate(const float* point, std::size_t centroid) const;
    double rounding() const { return rounding_; }

  private:
    const NearestKernel& kernel_;
    const float* centroids_;
    std::size_t dim_;
    double rounding_;
    std::vector<float> estimates_;
};

}  // namespace videobert
