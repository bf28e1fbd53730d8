#include "nearest/nearest_tree.h"

#include <algorithm>
#include <stdexcept>

#include "cpu/worker_threads.h"
#include "nearest/nearest_range.h"

namespace videobert {
namespace {

// Work of less than this is not worth another thread.
constexpr std::size_t kChunkRows = 16;

}  // namespace

NearestTree::NearestTree(std::vector<Level> levels, std::size_t dim) : levels_(std::move(levels)), dim_(dim) {
    for (std::size_t depth = 0; depth < levels_.size(); ++depth) {
        const Level& level = levels_[depth];
        const std::size_t nodes = level.centroids.size() / dim_;
        if (nodes == 0 || level.centroids.size() % dim_ != 0) {
            throw std::invalid_argument("a level of the tree is empty or has vectors of another length");
        }
        if (depth + 1 == levels_.size()) {
            continue;
        }
        const auto below = static_cast<std::int64_t>(levels_[depth + 1].centroids.size() / dim_);
        const bool reached =
            level.offsets.size() == nodes + 1 && level.offsets.front() == 0 && level.offsets.back() == below &&
            std::adjacent_find(level.offsets.begin(), level.offsets.end(),
                               [](std::int64_t a, std::int64_t b) { return b <= a; }) == level.offsets.end();
        if (!reached) {
            throw std::invalid_argument("the offsets of a level of the tree do not reach every child once");
        }
    }
    if (levels_.empty()) {
        throw std::invalid_argument("a tree has at least one level");
    }
}

void NearestTree::search(const NearestKernel& kernel, std::span<const float> points, std::size_t threads,
                         std::span<std::int64_t> ids, std::span<double> squared) const {
    const std::size_t rows = ids.size();
    const std::size_t chunks = (rows + kChunkRows - 1) / kChunkRows;
    run_on_threads(threads, chunks, [&](std::size_t chunk) {
        std::vector<NearestRange> ranges;
        ranges.reserve(levels_.size());
        for (const Level& level : levels_) {
            ranges.emplace_back(kernel, level.centroids.data(), dim_);
        }
        for (std::size_t r = chunk * kChunkRows; r < std::min(rows, (chunk + 1) * kChunkRows); ++r) {
            std::size_t first = 0;
            std::size_t last = levels_.front().centroids.size() / dim_;
            Nearest found;
            for (std::size_t depth = 0; depth < levels_.size(); ++depth) {
                found = ranges[depth].search(points.data() + r * dim_, first, last);
                if (depth + 1 < levels_.size()) {
                    const auto node = static_cast<std::size_t>(found.id);
                    first = static_cast<std::size_t>(levels_[depth].offsets[node]);
                    last = static_cast<std::size_t>(levels_[depth].offsets[node + 1]);
                }
            }
            ids[r] = found.id;
            squared[r] = found.squared;
        }
    });
}

}  // namespace videobert
