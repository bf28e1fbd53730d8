#include "nearest/nearest_index.h"

#include <algorithm>
#include <atomic>
#include <utility>

#include "cpu/cpu_path.h"
#include "cpu/float_environment.h"
#include "cpu/worker_threads.h"
#include "nearest/nearest_search.h"

namespace videobert {
namespace {

// Below this many float32 values a codebook sits in the cache and reading it whole is the quickest.
constexpr std::size_t kFewestCodedValues = 1 << 14;
constexpr std::size_t kFewestCodedCentroids = 128;
// Directions of the first projection, which with the length of the rest fill two registers of codes.
constexpr std::size_t kFirstDirections = 127;
// Where the projections settled nothing the next searches leave them out, but for one in so many.
constexpr std::size_t kRetry = 16;
// Rows that one thread works on at a time: their codes stay in the cache while the codebook streams past.
constexpr std::size_t kChunkRows = 192;
// Fewer rows than this for each thread share the centroids out instead.
constexpr std::size_t kFewestRowsEach = 24;
// Products that are worth the start of another thread: some 30 microseconds, and far more where other work has the
// core. One point through a codebook of 20,736 by 1024 is less.
constexpr double kProductsPerThread = 3e7;

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
    const std::size_t workers = std::max<std::size_t>(threads, 1);
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
    const NearestKernel& kernel = nearest_kernel(available_cpu_paths().back());
    const std::size_t directions = basis.size() / dim_;
    std::vector<std::size_t> sizes{directions};
    if (directions > kFirstDirections) {
        sizes.insert(sizes.begin(), kFirstDirections);
    }
    stages_.reserve(sizes.size());
    for (const std::size_t size : sizes) {
        Projection projection(basis.first(size * dim_), size, mean_);
        const auto projected = [&](std::size_t c, std::span<double> out) {
            double error = 0;
            projection.apply(kernel, centroid(c), 1, out.data(), &error);
            return error;
        };
        Screen screen(count_, projection.numbers(), projected, false, workers);
        stages_.push_back({std::move(projection), std::move(screen)});
    }
}

std::size_t NearestIndex::bytes() const {
    std::size_t sum = screen_ ? screen_->bytes() : 0;
    for (const Stage& stage : stages_) {
        sum += stage.screen.bytes();
    }
    return sum;
}

void NearestIndex::search(const NearestKernel& kernel, std::span<const float> points, std::size_t threads,
                          std::span<std::int64_t> ids, std::span<double> squared) const {
    const std::size_t rows = ids.size();
    if (rows == 0) {
        return;
    }
    const double products = static_cast<double>(rows) * static_cast<double>(count_) * static_cast<double>(dim_);
    const auto worth = static_cast<std::size_t>(1 + std::min(products / kProductsPerThread, 1e6));
    const std::size_t workers = std::clamp<std::size_t>(threads, 1, worth);
    const bool retry = searches_.fetch_add(1, std::memory_order_relaxed) % kRetry == 0;
    const std::size_t first_stage = retry ? 0 : last_stage_.load(std::memory_order_relaxed);
    if (rows < kFewestRowsEach * workers) {
        const FloatEnvironment plain;
        NearestSearch search(*this, kernel, points.data(), rows);
        const std::size_t stage = search.by_projection(first_stage);
        last_stage_.store(stage, std::memory_order_relaxed);
        if (stage == stages_.size()) {
            search.by_codes(workers);
        }
        search.answers(ids.data(), squared.data());
        return;
    }
    const std::size_t rounds = (rows + workers * kChunkRows - 1) / (workers * kChunkRows);
    const std::size_t wanted = (rows + workers * rounds - 1) / (workers * rounds);
    const std::size_t chunk = (wanted + kernel.tile_rows - 1) / kernel.tile_rows * kernel.tile_rows;
    // Where a projection does not tell the centroids apart, later chunks do not try it again.
    std::atomic<std::size_t> stage{first_stage};
    run_on_threads(workers, (rows + chunk - 1) / chunk, [&](std::size_t c) {
        const std::size_t first = c * chunk;
        NearestSearch search(*this, kernel, points.data() + first * dim_, std::min(chunk, rows - first));
        const std::size_t settled = search.by_projection(stage.load(std::memory_order_relaxed));
        stage.store(settled, std::memory_order_relaxed);
        if (settled == stages_.size()) {
            search.by_codes(1);
        }
        search.answers(ids.data() + first, squared.data() + first);
    });
    last_stage_.store(stage.load(std::memory_order_relaxed), std::memory_order_relaxed);
}

}  // namespace videobert
