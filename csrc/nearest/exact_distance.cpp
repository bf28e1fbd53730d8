#include "nearest/exact_distance.h"

namespace videobert {

double exact_squared_distance(const float* point, const float* centroid, std::size_t dim) {
    // Lane j adds the terms j, j + 8, …; this file is built for the plain instruction set and without contraction, so
    // that no processor fuses a product into a sum that another rounds.
    constexpr std::size_t kLanes = 8;
    double lanes[kLanes] = {};
    std::size_t i = 0;
    for (; i + kLanes <= dim; i += kLanes) {
        for (std::size_t j = 0; j < kLanes; ++j) {
            const double difference = static_cast<double>(point[i + j]) - static_cast<double>(centroid[i + j]);
            lanes[j] += difference * difference;
        }
    }
    for (std::size_t j = 0; i + j < dim; ++j) {
        const double difference = static_cast<double>(point[i + j]) - static_cast<double>(centroid[i + j]);
        lanes[j] += difference * difference;
    }
    return ((lanes[0] + lanes[4]) + (lanes[1] + lanes[5])) + ((lanes[2] + lanes[6]) + (lanes[3] + lanes[7]));
}

}  // namespace videobert
