// A codebook packed for the search of nearest centroids.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "nearest/nearest_kernel.h"
#include "nearest/nearest_projection.h"
#include "nearest/nearest_screen.h"

namespace videobert {

// Where the search looks, from cheap to dear: codes of the projections (if there is a projection), codes of the whole
// vectors, the float32 vectors, float64. Every step but the last only leaves out what its bound proves to be farther
// than some centroid already known, so the answer is that of the last one over all centroids.
//
// What is packed never changes once made: any number of threads may search it.
class NearestIndex {
  public:
    // centroids (count, dim), finite, count and dim at least 1; not copied, and must outlive the index. basis (rows,
    // dim), possibly no rows: see `Projection`.
    NearestIndex(std::span<const float> centroids, std::size_t dim, std::span<const float> basis, std::size_t threads);

    std::size_t count() const { return count_; }
    std::size_t dim() const { return dim_; }
    const float* centroid(std::size_t i) const { return centroids_.data() + i * dim_; }
    std::span<const float> mean() const { return mean_; }

    // Null where the codebook is too small for codes to pay.
    const Screen* screen() const { return screen_ ? &*screen_ : nullptr; }
    // Projections, the fewest numbers first, each with the codes of the projected centroids.
    struct Stage {
        Projection projection;
        Screen screen;
    };
    std::span<const Stage> stages() const { return stages_; }

    // Bytes packed beside the centroids themselves.
    std::size_t bytes() const;

    // For each of `points` (ids.size(), dim), finite, the lowest index among the nearest centroids, and the squared
    // distance to it. Uses up to `threads` threads.
    void search(const NearestKernel& kernel, std::span<const float> points, std::size_t threads,
                std::span<std::int64_t> ids, std::span<double> squared) const;

  private:
    std::span<const float> centroids_;
    std::size_t dim_;
    std::size_t count_;
    std::vector<float> mean_;
    std::optional<Screen> screen_;
    std::vector<Stage> stages_;
    // The stage that the last rows were settled in, and searches so far. They decide only where a search begins to
    // look, never what it finds.
    mutable std::atomic<std::size_t> last_stage_{0};
    mutable std::atomic<std::size_t> searches_{0};
};

}  // namespace videobert
