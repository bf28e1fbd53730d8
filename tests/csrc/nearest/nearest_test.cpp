// Every kernel that can run here, and the AMX tile algorithm on emulated tiles, against plain brute force.
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstring>
#include <mutex>
#include <random>
#include <set>
#include <stdexcept>
#include <thread>
#include <vector>

#include "cpu/cpu_path.h"
#include "cpu/worker_threads.h"
#include "nearest/exact_distance.h"
#include "nearest/nearest_amx.h"
#include "nearest/nearest_index.h"
#include "nearest/nearest_kernel.h"
#include "nearest/nearest_tree.h"
#include "nearest/nearest_within.h"

namespace {

using videobert::CpuPath;
using videobert::kGroup;
using videobert::kPanelWidth;
using videobert::TilePanel;
using videobert::TileRows;

int failures = 0;

void expect(bool held, const char* what) {
    if (!held) {
        std::fprintf(stderr, "FAILED: %s\n", what);
        ++failures;
    }
}

// The eight tile registers of AMX in plain memory, all of the full size.
struct EmulatedTiles {
    static inline std::uint8_t bytes[8][videobert::kTileHeight][videobert::kTileBytes];

    template <int T>
    static void zero() {
        std::memset(bytes[T], 0, sizeof(bytes[T]));
    }
    template <int T>
    static void load(const void* data, std::size_t stride) {
        for (std::size_t r = 0; r < videobert::kTileHeight; ++r) {
            std::memcpy(bytes[T][r], static_cast<const std::uint8_t*>(data) + r * stride, videobert::kTileBytes);
        }
    }
    template <int T>
    static void store(void* data, std::size_t stride) {
        for (std::size_t r = 0; r < videobert::kTileHeight; ++r) {
            std::memcpy(static_cast<std::uint8_t*>(data) + r * stride, bytes[T][r], videobert::kTileBytes);
        }
    }
    // TDPBSUD, Intel SDM volume 2: signed bytes of the first operand times unsigned bytes of the second.
    template <int Sum, int Signed, int Unsigned>
    static void multiply() {
        for (std::size_t m = 0; m < videobert::kTileHeight; ++m) {
            for (std::size_t n = 0; n < videobert::kTileLanes; ++n) {
                std::int32_t sum = 0;
                std::memcpy(&sum, &bytes[Sum][m][4 * n], sizeof(sum));
                for (std::size_t k = 0; k < videobert::kTileHeight; ++k) {
                    for (std::size_t i = 0; i < 4; ++i) {
                        sum += static_cast<std::int8_t>(bytes[Signed][m][4 * k + i]) * bytes[Unsigned][k][4 * n + i];
                    }
                }
                std::memcpy(&bytes[Sum][m][4 * n], &sum, sizeof(sum));
            }
        }
    }
};

struct Tile {
    std::vector<std::int8_t> points;
    videobert::AlignedVector<std::uint8_t> codes;
    std::vector<float> starts;
    std::vector<float> factors;
    std::size_t width;

    Tile(std::size_t rows, std::size_t width_of, bool extreme) : starts(kPanelWidth), factors(rows), width(width_of) {
        std::mt19937 random(static_cast<unsigned>(rows * 1000 + width));
        // Whole tiles are read, whatever the number of rows that count.
        points.resize((rows + videobert::kAmxTileRows) * width);
        codes.resize(kPanelWidth * width);
        for (auto& code : points) {
            code = static_cast<std::int8_t>(extreme ? 127 : static_cast<int>(random() % 255) - 127);
        }
        for (auto& code : codes) {
            code = static_cast<std::uint8_t>(extreme ? 255 : random() % 256);
        }
        for (auto& start : starts) {
            start = -static_cast<float>(random() % 100000);
        }
        for (auto& factor : factors) {
            factor = 0.25F + static_cast<float>(random() % 100) / 64;
        }
    }
    TileRows rows(std::size_t count) const { return {points.data(), width, count, factors.data()}; }
    TilePanel panel() const { return {codes.data(), starts.data(), width / kGroup}; }
    std::int32_t sum(std::size_t row, std::size_t lane) const {
        std::int32_t sum = 0;
        for (std::size_t i = 0; i < width; ++i) {
            sum += points[row * width + i] * codes[i / kGroup * kPanelWidth * kGroup + lane * kGroup + i % kGroup];
        }
        return sum;
    }
};

void check_tiles(const videobert::NearestKernel& kernel, bool extreme) {
    const videobert::KernelScope state(kernel);
    for (std::size_t rows = 1; rows <= kernel.tile_rows; ++rows) {
        for (const std::size_t width : {64UL, 128UL, 1024UL, extreme ? 16384UL : 192UL}) {
            const Tile tile(rows, width, extreme);
            std::vector<float> expected(rows * kPanelWidth);
            std::vector<float> thresholds(rows);
            for (std::size_t r = 0; r < rows; ++r) {
                for (std::size_t lane = 0; lane < kPanelWidth; ++lane) {
                    const double value = static_cast<double>(tile.starts[lane]) +
                                         static_cast<double>(tile.factors[r]) * tile.sum(r, lane);
                    expected[r * kPanelWidth + lane] = static_cast<float>(value);
                }
                auto sorted = std::vector<float>(expected.begin() + static_cast<std::ptrdiff_t>(r * kPanelWidth),
                                                 expected.begin() + static_cast<std::ptrdiff_t>((r + 1) * kPanelWidth));
                std::sort(sorted.begin(), sorted.end());
                // Between two values, so that rounding cannot move one across.
                thresholds[r] = (sorted[kPanelWidth - 4] + sorted[kPanelWidth - 3]) / 2;
            }
            std::vector<std::uint32_t> masks(rows);
            std::vector<float> values(rows * kPanelWidth);
            std::vector<float> maxima(rows);
            kernel.hits(tile.rows(rows), tile.panel(), thresholds.data(), masks.data(), values.data());
            kernel.maxima(tile.rows(rows), tile.panel(), maxima.data());
            bool close = true;
            bool marked = true;
            bool greatest = true;
            for (std::size_t r = 0; r < rows; ++r) {
                float most = expected[r * kPanelWidth];
                for (std::size_t lane = 0; lane < kPanelWidth; ++lane) {
                    const float value = expected[r * kPanelWidth + lane];
                    const double scale = std::abs(static_cast<double>(tile.starts[lane])) +
                                         std::abs(static_cast<double>(tile.factors[r]) * tile.sum(r, lane));
                    close &= std::abs(static_cast<double>(values[r * kPanelWidth + lane]) -
                                      static_cast<double>(value)) <= 0x1p-22 * scale;
                    if (!extreme) {
                        marked &= (((masks[r] >> lane) & 1U) != 0) == (value > thresholds[r]);
                    }
                    most = std::max(most, value);
                }
                greatest &= std::abs(maxima[r] - most) <= 1e-6F * std::abs(most) + 1e-2F;
            }
            expect(close, "a tile's values are those of exact sums");
            expect(marked, "a tile marks the values that reach the threshold");
            expect(greatest, "a tile finds each row's greatest value");
            std::vector<float> above(rows, std::numeric_limits<float>::max());
            expect(!kernel.hits(tile.rows(rows), tile.panel(), above.data(), masks.data(), values.data()),
                   "nothing reaches a threshold above everything");
        }
    }
}

void check_emulated_tiles() {
    for (const std::size_t rows : {1UL, 15UL, 16UL, 17UL, 32UL}) {
        for (const std::size_t width : {64UL, 128UL, 1024UL}) {
            const Tile tile(rows, width, false);
            std::vector<std::int32_t> sums(videobert::kAmxTileRows * kPanelWidth, -1);
            videobert::amx_tile_sums<EmulatedTiles>(tile.rows(rows), tile.panel(), sums.data());
            bool same = true;
            for (std::size_t r = 0; r < rows; ++r) {
                for (std::size_t lane = 0; lane < kPanelWidth; ++lane) {
                    same &= sums[r * kPanelWidth + lane] == tile.sum(r, lane);
                }
            }
            expect(same, "the AMX algorithm adds up the same integers");
        }
    }
    const videobert::TileConfig config;
    expect(config.palette == 1 && config.bytes[7] == 64 && config.rows[7] == 16 && config.rows[8] == 0,
           "eight full tiles are configured");
}

std::vector<float> noise(std::size_t count, unsigned seed, float scale = 1, float offset = 0) {
    std::mt19937 random(seed);
    std::normal_distribution<float> normal;
    std::vector<float> values(count);
    for (auto& value : values) {
        value = offset + scale * normal(random);
    }
    return values;
}

// Rows of the identity are orthonormal directions like any other.
std::vector<float> first_axes(std::size_t rows, std::size_t dim) {
    std::vector<float> basis(rows * dim);
    for (std::size_t r = 0; r < rows; ++r) {
        basis[r * dim + r] = 1;
    }
    return basis;
}

void check_search(const videobert::NearestKernel& kernel, std::size_t rows, std::size_t count, std::size_t dim,
                  std::size_t axes, float spread) {
    const std::vector<float> centroids = noise(count * dim, 1);
    std::vector<float> points = noise(rows * dim, 2, spread);
    for (std::size_t r = 0; r < rows; ++r) {
        for (std::size_t i = 0; i < dim; ++i) {
            points[r * dim + i] += centroids[(r * 37 % count) * dim + i];
        }
    }
    const std::vector<float> basis = first_axes(axes, dim);
    const videobert::NearestIndex index(centroids, dim, basis, 2);
    for (const std::size_t threads : {1UL, 3UL}) {
        std::vector<std::int64_t> ids(rows, -1);
        std::vector<double> squared(rows, -1);
        index.search(kernel, points, threads, ids, squared);
        bool right = true;
        for (std::size_t r = 0; r < rows; ++r) {
            double best = std::numeric_limits<double>::infinity();
            std::int64_t id = -1;
            for (std::size_t c = 0; c < count; ++c) {
                const double found =
                    videobert::exact_squared_distance(points.data() + r * dim, centroids.data() + c * dim, dim);
                if (found < best) {
                    best = found;
                    id = static_cast<std::int64_t>(c);
                }
            }
            right &= ids[r] == id && squared[r] == best;
        }
        expect(right, "a search finds what brute force finds, to the bit");
    }
}

// Around points that lie `spread` beside a centroid: the few nearest, none at all, about half of all, and all.
void check_within(const videobert::NearestKernel& kernel, std::size_t count, std::size_t dim, std::size_t axes,
                  float spread) {
    const std::vector<float> centroids = noise(count * dim, 3);
    const std::vector<float> basis = first_axes(axes, dim);
    const videobert::NearestIndex index(centroids, dim, basis, 2);
    bool right = true;
    for (std::size_t r = 0; r < 9; ++r) {
        std::vector<float> point = noise(dim, 4 + static_cast<unsigned>(r), spread);
        for (std::size_t i = 0; i < dim; ++i) {
            point[i] += centroids[(r * 37 % count) * dim + i];
        }
        std::vector<double> squared(count);
        for (std::size_t c = 0; c < count; ++c) {
            squared[c] = videobert::exact_squared_distance(point.data(), centroids.data() + c * dim, dim);
        }
        std::vector<double> order = squared;
        std::sort(order.begin(), order.end());
        for (const double far : {order[0] * 0.99, order[0], order[std::min<std::size_t>(3, count - 1)],
                                 order[count / 2], order[count - 1] * 1.01}) {
            // A root whose square is no less, so that the farthest one counts.
            double distance = std::sqrt(far);
            while (distance * distance < far) {
                distance = std::nextafter(distance, std::numeric_limits<double>::infinity());
            }
            std::vector<std::int64_t> wanted;
            for (std::size_t c = 0; c < count; ++c) {
                if (squared[c] <= distance * distance) {
                    wanted.push_back(static_cast<std::int64_t>(c));
                }
            }
            right &= videobert::centroids_within(index, kernel, point.data(), distance) == wanted;
        }
    }
    expect(right, "all that is within a distance is found, and nothing else");
}

void check_tree(const videobert::NearestKernel& kernel) {
    constexpr std::size_t kDim = 19;
    const std::vector<float> top = noise(3 * kDim, 5);
    const std::vector<float> leaves = noise(7 * kDim, 6);
    const std::vector<std::int64_t> offsets{0, 1, 4, 7};
    const videobert::NearestTree tree({{top, offsets}, {leaves, {}}}, kDim);
    const std::vector<float> points = noise(50 * kDim, 7);
    std::vector<std::int64_t> ids(50);
    std::vector<double> squared(50);
    tree.search(kernel, points, 2, ids, squared);
    bool right = true;
    for (std::size_t r = 0; r < ids.size(); ++r) {
        const auto nearest = [&](const std::vector<float>& table, std::size_t first, std::size_t last) {
            std::size_t best = first;
            for (std::size_t c = first; c < last; ++c) {
                const auto far = [&](std::size_t i) {
                    return videobert::exact_squared_distance(points.data() + r * kDim, table.data() + i * kDim, kDim);
                };
                best = far(c) < far(best) ? c : best;
            }
            return best;
        };
        const std::size_t node = nearest(top, 0, 3);
        right &= static_cast<std::size_t>(ids[r]) ==
                 nearest(leaves, static_cast<std::size_t>(offsets[node]), static_cast<std::size_t>(offsets[node + 1]));
    }
    expect(right, "a tree is gone down by the nearest child");
    bool refused = false;
    try {
        const std::vector<std::int64_t> childless{0, 4, 4, 7};
        const videobert::NearestTree wrong({{top, childless}, {leaves, {}}}, kDim);
    } catch (const std::invalid_argument&) {
        refused = true;
    }
    expect(refused, "a node without children is refused");
}

void check_concurrent_searches(const videobert::NearestKernel& kernel) {
    constexpr std::size_t kDim = 64;
    constexpr std::size_t kRows = 40;
    const std::vector<float> centroids = noise(600 * kDim, 8);
    const std::vector<float> points = noise(kRows * kDim, 9);
    const std::vector<float> basis = first_axes(16, kDim);
    const videobert::NearestIndex index(centroids, kDim, basis, 3);
    std::vector<std::int64_t> wanted(kRows);
    std::vector<double> squared(kRows);
    index.search(kernel, points, 1, wanted, squared);
    std::vector<int> same(4);
    {
        std::vector<std::jthread> callers;
        for (std::size_t t = 0; t < same.size(); ++t) {
            callers.emplace_back([&, t] {
                std::vector<std::int64_t> ids(kRows);
                std::vector<double> own(kRows);
                index.search(kernel, points, 2, ids, own);
                same[t] = ids == wanted && own == squared ? 1 : 0;
            });
        }
    }
    expect(std::count(same.begin(), same.end(), 1) == 4, "searches at the same time do not disturb each other");
}

void check_workers() {
    std::vector<int> calls(100);
    videobert::run_on_threads(4, calls.size(), [&](std::size_t i) { ++calls[i]; });
    expect(std::count(calls.begin(), calls.end(), 1) == 100, "every piece of work is done once");
    bool thrown = false;
    try {
        videobert::run_on_threads(3, 50, [](std::size_t i) {
            if (i == 20) {
                throw std::runtime_error("piece 20");
            }
        });
    } catch (const std::runtime_error&) {
        thrown = true;
    }
    expect(thrown, "an exception in a thread reaches the caller");
    for (const std::size_t threads : {0UL, 1UL, 3UL}) {
        std::mutex guard;
        std::set<std::thread::id> seen;
        videobert::run_on_threads(threads, 64, [&](std::size_t) {
            const std::lock_guard lock(guard);
            seen.insert(std::this_thread::get_id());
        });
        expect(seen.size() <= std::max<std::size_t>(threads, 1), "no more threads work than may");
        expect(threads > 1 || *seen.begin() == std::this_thread::get_id(), "one thread is the caller's");
    }
}

}  // namespace

int main() {
    check_workers();
    check_emulated_tiles();
    for (const auto path : videobert::available_cpu_paths()) {
        std::vector<const videobert::NearestKernel*> kernels{&videobert::nearest_kernel(path)};
#if defined(VIDEOBERT_X86_KERNELS)
        if (path == CpuPath::kAvx512) {
            // What runs where VNNI is missing.
            kernels.push_back(&videobert::kNearestAvx512);
        }
#endif
        for (const auto* const kernel : kernels) {
            std::printf("nearest: %s\n", std::string(kernel->name).c_str());
            check_tiles(*kernel, false);
            check_tiles(*kernel, true);
            check_search(*kernel, 13, 130, 131, 0, 1.0F);
            check_search(*kernel, 3, 700, 70, 20, 0.1F);
            check_search(*kernel, 41, 700, 70, 20, 0.1F);
            check_search(*kernel, 41, 333, 65, 64, 3.0F);
            // Two projections: rows that the first settles, rows that only the second does, and rows that neither does.
            check_search(*kernel, 61, 333, 300, 200, 0.1F);
            check_search(*kernel, 61, 333, 300, 200, 0.6F);
            check_search(*kernel, 61, 333, 300, 200, 3.0F);
            check_search(*kernel, 5, 3, 1, 0, 1.0F);
            check_within(*kernel, 3, 1, 0, 1.0F);
            check_within(*kernel, 130, 131, 0, 1.0F);
            // One projection, two of which the second settles, and two that settle nothing.
            check_within(*kernel, 700, 70, 20, 0.1F);
            check_within(*kernel, 3333, 300, 200, 0.6F);
            check_within(*kernel, 333, 300, 200, 3.0F);
            check_tree(*kernel);
            check_concurrent_searches(*kernel);
        }
    }
    std::printf("%s\n", failures == 0 ? "nearest: all hold" : "nearest: broken");
    return failures == 0 ? 0 : 1;
}
