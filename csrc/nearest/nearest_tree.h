// A tree of centroids, gone down from the root to a leaf.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "nearest/nearest_kernel.h"

namespace videobert {

class NearestTree {
  public:
    // Nodes of one level: centroids (nodes, dim), and for all levels but the last the children of node i: the nodes
    // offsets[i] to offsets[i + 1] - 1 of the next level. Nothing is copied.
    struct Level {
        std::span<const float> centroids;
        std::span<const std::int64_t> offsets;
    };

    // The last level holds the leaves. Throws std::invalid_argument where the levels do not fit each other.
    NearestTree(std::vector<Level> levels, std::size_t dim);

    std::size_t dim() const { return dim_; }

    // For each of `points` (ids.size(), dim), finite, the leaf at which the nearest child of the nearest child … ends
    // (ties to the lowest index), and the squared distance to it. Uses up to `threads` threads.
    void search(const NearestKernel& kernel, std::span<const float> points, std::size_t threads,
                std::span<std::int64_t> ids, std::span<double> squared) const;

  private:
    std::vector<Level> levels_;
    std::size_t dim_;
};

}  // namespace videobert
