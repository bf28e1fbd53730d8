#include "nearest_index.h"

#include <algorithm>
#include <atomic>

#include "float_environment.h"
#include "nearest_search.h"
#include "usable_paths.h"
#include "worker_threads.h"

namespace videobert {
namespace {

// Below this many float32 values a codebook sits in the cache and reading it whole is the quickest.
constexpr std::size_t kFewestCodedValues = 1 << 14;
constexpr std::size_t kFewestCodedCentroids = 128;
// Rows that one thread works on at a time: their codes stay in the cache while the codebook streams past.
constexpr std::size_t kChunkRows = 192;
// Fewer rows than this for each thread share the centroids out instead.
constexpr std::size_t kFewestRowsEach = 8;
// Products that are worth the start of another thread, which costs some 30 microseconds.
constexpr double kProductsPerThread = 4e6;

std::vector<float> mean_of(std::span<const float> centroids, std::size_t count, std::size_t dim) {
    std::vector<double> sums(dim);
    for (std::size_t c = 0; c < count; ++c) {
        for (std::size_t i = 0; i < dim; ++i) {
            sums[i] += static_cast<double>(centroids[c * dim + i]);
        }
    }
    std::vector<float> mean(dim);
    std::transform(sums.begin(), sums.end(), mean.begin(),
                   [count](double sum) { return static_cast<float>(sum / static_cast<double>(count)); });
    return mean;
}

}  // namespace

NearestIndex::NearestIndex(std::span<const float> centroids, std::size_t dim, std::span<const float> basis,
                           std::size_t threads)
    : centroids_(centroids), dim_(dim), count_(centroids.size() / dim) {
    const FloatEnvironment plain;
    if (count_ < kFewestCodedCentroids || centroids.size() < kFewestCodedValues) {
        return;
    }
    const std::size_t workers = thread_count(threads);
    // Distances do not change when everything moves; values near zero have more digits left.
    mean_ = mean_of(centroids, count_, dim_);
    const auto centred = [this](std::size_t c, std::span<double> out) {
        for (std::size_t i = 0; i < dim_; ++i) {
            out[i] = static_cast<double>(centroid(c)[i]) - static_cast<double>(mean_[i]);
        }
        return 0.0;
    };
    screen_.emplace(count_, dim_, centred, true, workers);
    if (basis.empty()) {
        return;
    }
    projection_.emplace(basis, basis.size() / dim_, mean_);
    const NearestKernel& kernel = nearest_kernel(usable_paths().back());
    const auto projected = [&](std::size_t c, std::span<double> out) {
        double error = 0;
        projection_->apply(kernel, centroid(c), 1, out.data(), &error);
        return error;
    };
    projected_screen_.emplace(count_, projection_->numbers(), projected, false, workers);
}

std::size_t NearestIndex::bytes() const {
    return (screen_ ? screen_->bytes() : 0) + (projected_screen_ ? projected_screen_->bytes() : 0);
}

void NearestIndex::search(const NearestKernel& kernel, std::span<const float> points, std::size_t threads,
                          std::span<std::int64_t> ids, std::span<double> squared) const {
    const std::size_t rows = ids.size();
    if (rows == 0) {
        return;
    }
    const double products = static_cast<double>(rows) * static_cast<double>(count_) * static_cast<double>(dim_);
    const auto worth = static_cast<std::size_t>(1 + std::min(products / kProductsPerThread, 1e6));
    const std::size_t workers = std::min(thread_count(threads), worth);
    if (rows < kFewestRowsEach * workers) {
        const FloatEnvironment plain;
        NearestSearch search(*this, kernel, points.data(), rows);
        if (!search.by_projection()) {
            search.by_codes(workers);
        }
        search.answers(ids.data(), squared.data());
        return;
    }
    const std::size_t rounds = (rows + workers * kChunkRows - 1) / (workers * kChunkRows);
    const std::size_t wanted = (rows + workers * rounds - 1) / (workers * rounds);
    const std::size_t chunk = (wanted + kernel.tile_rows - 1) / kernel.tile_rows * kernel.tile_rows;
    // Where the projections do not tell the centroids apart, later chunks do not try them again.
    std::atomic<bool> project{true};
    run_on_threads(workers, (rows + chunk - 1) / chunk, [&](std::size_t c) {
        const std::size_t first = c * chunk;
        NearestSearch search(*this, kernel, points.data() + first * dim_, std::min(chunk, rows - first));
        if (!project.load(std::memory_order_relaxed) || !search.by_projection()) {
            project.store(false, std::memory_order_relaxed);
            search.by_codes(1);
        }
        search.answers(ids.data() + first, squared.data() + first);
    });
}

}  // namespace videobert
