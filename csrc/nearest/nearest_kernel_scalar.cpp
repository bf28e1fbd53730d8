// Plain C++: what every processor runs, and what the other kernels are held against.
#include "nearest/nearest_kernel.h"

namespace videobert {
namespace {

void tile_values(const TileRows& rows, const TilePanel& panel, std::size_t row, float* values) {
    std::int32_t sums[kPanelWidth] = {};
    const std::int8_t* const point = rows.codes + row * rows.stride;
    for (std::size_t g = 0; g < panel.groups; ++g) {
        const std::uint8_t* const group = panel.codes + g * kPanelWidth * kGroup;
        for (std::size_t lane = 0; lane < kPanelWidth; ++lane) {
            std::int32_t sum = 0;
            for (std::size_t i = 0; i < kGroup; ++i) {
                sum += group[lane * kGroup + i] * point[g * kGroup + i];
            }
            sums[lane] += sum;
        }
    }
    for (std::size_t lane = 0; lane < kPanelWidth; ++lane) {
        values[lane] = panel.starts[lane] + rows.factors[row] * static_cast<float>(sums[lane]);
    }
}

bool hits(const TileRows& rows, const TilePanel& panel, const float* thresholds, std::uint32_t* masks, float* values) {
    std::uint32_t any = 0;
    for (std::size_t row = 0; row < rows.rows; ++row) {
        float* const own = values + row * kPanelWidth;
        tile_values(rows, panel, row, own);
        masks[row] = 0;
        for (std::size_t lane = 0; lane < kPanelWidth; ++lane) {
            masks[row] |= static_cast<std::uint32_t>(own[lane] >= thresholds[row]) << lane;
        }
        any |= masks[row];
    }
    return any != 0;
}

void maxima(const TileRows& rows, const TilePanel& panel, float* maxima) {
    float values[kPanelWidth];
    for (std::size_t row = 0; row < rows.rows; ++row) {
        tile_values(rows, panel, row, values);
        float greatest = values[0];
        for (const float value : values) {
            greatest = value > greatest ? value : greatest;
        }
        maxima[row] = greatest;
    }
}

std::int32_t dot(const std::uint8_t* centroid, const std::int8_t* point, std::size_t width) {
    std::int32_t sum = 0;
    for (std::size_t i = 0; i < width; ++i) {
        sum += centroid[i] * point[i];
    }
    return sum;
}

float squared_distance(const float* a, const float* b, std::size_t dim) {
    constexpr std::size_t kLanes = 16;
    float lanes[kLanes] = {};
    std::size_t i = 0;
    for (; i + kLanes <= dim; i += kLanes) {
        for (std::size_t j = 0; j < kLanes; ++j) {
            const float difference = a[i + j] - b[i + j];
            lanes[j] += difference * difference;
        }
    }
    for (std::size_t j = 0; i + j < dim; ++j) {
        const float difference = a[i + j] - b[i + j];
        lanes[j] += difference * difference;
    }
    for (std::size_t half = kLanes / 2; half > 0; half /= 2) {
        for (std::size_t j = 0; j < half; ++j) {
            lanes[j] += lanes[j + half];
        }
    }
    return lanes[0];
}

void project(const float* points, std::size_t rows, std::size_t dim, const float* basis, std::size_t columns,
             float* out) {
    for (std::size_t row = 0; row < rows; ++row) {
        float* const sums = out + row * columns;
        for (std::size_t c = 0; c < columns; ++c) {
            sums[c] = 0;
        }
        for (std::size_t first = 0; first < columns; first += kProjectionUnit) {
            for (std::size_t block = 0; block < dim; block += kProjectionBlock) {
                const std::size_t end = block + kProjectionBlock < dim ? block + kProjectionBlock : dim;
                float partial[kProjectionUnit] = {};
                for (std::size_t i = block; i < end; ++i) {
                    const float value = points[row * dim + i];
                    for (std::size_t c = 0; c < kProjectionUnit; ++c) {
                        partial[c] += value * basis[i * columns + first + c];
                    }
                }
                for (std::size_t c = 0; c < kProjectionUnit; ++c) {
                    sums[first + c] += partial[c];
                }
            }
        }
    }
}

}  // namespace

const NearestKernel kNearestScalar{"scalar", 8, no_state, no_state, hits, maxima, dot, squared_distance, project};

}  // namespace videobert
