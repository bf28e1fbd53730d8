#include "nearest/nearest_within.h"

#include <bit>
#include <cstddef>
#include <optional>
#include <span>

#include "cpu/aligned_vector.h"
#include "cpu/float_environment.h"
#include "nearest/exact_distance.h"
#include "nearest/nearest_screen.h"

namespace videobert {
namespace {

// Share of the panels that a projection may leave before reading all codes is quicker.
constexpr double kMostPanelsLeft = 0.12;
// More than the relative rounding of any float64 sum here.
constexpr double kRoom = 1e-9;

// One point, coded for a screen.
class CodedPoint {
  public:
    CodedPoint(const Screen& screen, const NearestKernel& kernel, std::span<const double> vector, double error)
        : screen_(screen),
          kernel_(kernel),
          codes_(kernel.tile_rows * screen.width()),
          values_(kernel.tile_rows * kPanelWidth),
          point_(screen.encode(vector, error, codes_.data())) {}

    // Bits of the centroids of a panel that may be within a distance; those that cannot be are left out by proof.
    std::uint32_t may_be_within(std::size_t panel, double distance) {
        const TileRows row{codes_.data(), screen_.width(), 1, &point_.factor};
        const float threshold = screen_.threshold(point_, distance, screen_.residual(panel));
        std::uint32_t mask = 0;
        return kernel_.hits(row, screen_.panel(panel), &threshold, &mask, values_.data()) ? mask : 0;
    }

    bool may_be_within(std::size_t panel, std::size_t centroid, double distance) const {
        const float value = screen_.value(kernel_, point_, codes_.data(), centroid);
        return value >= screen_.threshold(point_, distance, screen_.residual(panel));
    }

  private:
    const Screen& screen_;
    const NearestKernel& kernel_;
    AlignedVector<std::int8_t> codes_;
    AlignedVector<float> values_;
    PointCode point_;
};

using Masks = std::vector<std::uint32_t>;

// What a projection leaves, a mask for each panel; nothing where that is so much that it does not pay.
std::optional<Masks> left_by(const NearestIndex::Stage& stage, const NearestKernel& kernel, const float* point,
                             double distance) {
    std::vector<double> vector(stage.screen.dim());
    double error = 0;
    stage.projection.apply(kernel, point, 1, vector.data(), &error);
    CodedPoint coded(stage.screen, kernel, vector, error);
    Masks masks(stage.screen.panels());
    const double most = kMostPanelsLeft * static_cast<double>(masks.size());
    std::size_t left = 0;
    for (std::size_t p = 0; p < masks.size(); ++p) {
        masks[p] = coded.may_be_within(p, distance);
        left += masks[p] != 0 ? 1U : 0U;
        if (static_cast<double>(left) > most) {
            return std::nullopt;
        }
    }
    return masks;
}

// What the codes of whole vectors leave of the centroids.
Masks left_by_codes(const NearestIndex& index, const NearestKernel& kernel, const float* point, double distance) {
    const Screen& screen = *index.screen();
    std::vector<double> centred(index.dim());
    for (std::size_t i = 0; i < centred.size(); ++i) {
        centred[i] = static_cast<double>(point[i]) - static_cast<double>(index.mean()[i]);
    }
    CodedPoint coded(screen, kernel, centred, 0);
    for (const NearestIndex::Stage& stage : index.stages()) {
        std::optional<Masks> masks = left_by(stage, kernel, point, distance);
        if (!masks) {
            continue;
        }
        for (std::size_t p = 0; p < masks->size(); ++p) {
            for (std::uint32_t mask = (*masks)[p]; mask != 0; mask &= mask - 1) {
                const auto lane = static_cast<std::size_t>(std::countr_zero(mask));
                if (!coded.may_be_within(p, p * kPanelWidth + lane, distance)) {
                    (*masks)[p] &= ~(1U << lane);
                }
            }
        }
        return *masks;
    }
    Masks masks(screen.panels());
    for (std::size_t p = 0; p < masks.size(); ++p) {
        masks[p] = coded.may_be_within(p, distance);
    }
    return masks;
}

}  // namespace

std::vector<std::int64_t> centroids_within(const NearestIndex& index, const NearestKernel& kernel, const float* point,
                                           double distance) {
    const FloatEnvironment plain;
    std::vector<std::int64_t> found;
    const auto decide = [&](std::size_t centroid) {
        if (exact_squared_distance(point, index.centroid(centroid), index.dim()) <= distance * distance) {
            found.push_back(static_cast<std::int64_t>(centroid));
        }
    };
    if (index.screen() == nullptr) {
        for (std::size_t c = 0; c < index.count(); ++c) {
            decide(c);
        }
        return found;
    }
    const KernelScope state(kernel);
    const Masks masks = left_by_codes(index, kernel, point, distance * (1 + kRoom));
    for (std::size_t p = 0; p < masks.size(); ++p) {
        for (std::uint32_t mask = masks[p]; mask != 0; mask &= mask - 1) {
            decide(p * kPanelWidth + static_cast<std::size_t>(std::countr_zero(mask)));
        }
    }
    return found;
}

}  // namespace videobert
