#include "nearest/nearest_screen.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "cpu/worker_threads.h"

namespace videobert {
namespace {

constexpr double kMostCode = 127;
constexpr int kCodeOffset = 128;
// Relative room for the rounding of float64 sums of up to 2^14 terms, with a wide margin.
constexpr double kRoom = 1e-11;

// The nearest integer as a double, for |value| < 2^51, in a form that every instruction set vectorises.
inline double rounded(double value) {
    constexpr double kShift = 6755399441055744.0;  // 1.5 * 2^52: the sum has no digits after the point
    return (value + kShift) - kShift;
}

double code_of(double value, double inverse_step) {
    return rounded(std::clamp(value * inverse_step, -kMostCode, kMostCode));
}

std::size_t rounded_up(std::size_t value, std::size_t unit) { return (value + unit - 1) / unit * unit; }

}  // namespace

Screen::Screen(std::size_t count, std::size_t dim, const Vectors& vectors, bool rows, std::size_t threads)
    : dim_(dim),
      width_(rounded_up(dim, kCodeUnit)),
      codes_(rounded_up(count, kPanelWidth) * width_, kCodeOffset),
      rows_(rows ? count * width_ : 0, kCodeOffset),
      // Lanes past the last centroid start so low that they reach no threshold.
      starts_(rounded_up(count, kPanelWidth), -std::numeric_limits<float>::infinity()),
      residuals_(rounded_up(count, kPanelWidth) / kPanelWidth) {
    step_ = sampled_step(count, vectors);
    inverse_step_ = 1 / step_ * (1 + kRoom);
    run_on_threads(threads, panels(), [&](std::size_t panel) { encode_panel(panel, count, vectors); });
    greatest_residual_ = *std::max_element(residuals_.begin(), residuals_.end());
    for (std::size_t i = 0; i < count; ++i) {
        greatest_half_norm_ = std::max(greatest_half_norm_, -static_cast<double>(starts_[i]));
    }
}

double Screen::sampled_step(std::size_t count, const Vectors& vectors) const {
    // One step for all centroids, the one of a few candidates that leaves the smallest residual where it is greatest,
    // since one centroid that is badly off weakens the bound of its whole panel: the range from the greatest value of
    // the sample down to a quarter of it, what lies outside being cut off.
    constexpr std::size_t kSample = 256;
    const std::size_t stride = std::max<std::size_t>(1, count / kSample);
    std::vector<double> sample;
    std::vector<double> vector(dim_);
    for (std::size_t i = 0; i < count; i += stride) {
        vectors(i, vector);
        sample.insert(sample.end(), vector.begin(), vector.end());
    }
    double greatest = 0;
    for (const double value : sample) {
        greatest = std::max(greatest, std::abs(value));
    }
    if (!(greatest > 0)) {
        return 1;
    }
    double best_step = greatest / kMostCode;
    double best_loss = std::numeric_limits<double>::infinity();
    for (const double range : {1.0, 0.85, 0.7, 0.6, 0.5, 0.42, 0.35, 0.3, 0.25}) {
        const double step = greatest * range / kMostCode;
        double loss = 0;
        for (std::size_t i = 0; i < sample.size(); i += dim_) {
            double left = 0;
            for (std::size_t j = i; j < i + dim_; ++j) {
                const double off = sample[j] / step - code_of(sample[j], 1 / step);
                left += off * off;
            }
            loss = std::max(loss, left * range * range);
        }
        if (loss < best_loss) {
            best_loss = loss;
            best_step = step;
        }
    }
    return best_step;
}

void Screen::encode_panel(std::size_t panel, std::size_t count, const Vectors& vectors) {
    std::vector<double> vector(dim_);
    const double inverse = 1 / step_;
    double worst = 0;
    for (std::size_t lane = 0; lane < kPanelWidth; ++lane) {
        const std::size_t centroid = panel * kPanelWidth + lane;
        if (centroid >= count) {
            break;
        }
        const double error = vectors(centroid, vector);
        std::uint8_t* const own = codes_.data() + panel * kPanelWidth * width_ + lane * kGroup;
        double norm = 0;
        double left = 0;
        double length = 0;
        for (std::size_t i = 0; i < dim_; ++i) {
            const double code = code_of(vector[i], inverse);
            const double off = vector[i] - step_ * code;
            left += off * off;
            length += vector[i] * vector[i];
            norm += code * code;
            const auto byte = static_cast<std::uint8_t>(static_cast<int>(code) + kCodeOffset);
            own[i / kGroup * kPanelWidth * kGroup + i % kGroup] = byte;
            if (!rows_.empty()) {
                rows_[centroid * width_ + i] = byte;
            }
        }
        starts_[centroid] = static_cast<float>(-norm / 2);
        worst = std::max(worst, error + (std::sqrt(left) + std::sqrt(length) * kRoom) * (1 + kRoom));
    }
    residuals_[panel] = worst;
}

PointCode Screen::encode(std::span<const double> vector, double error, std::int8_t* codes) const {
    PointCode point;
    double greatest = 0;
    for (const double value : vector) {
        greatest = std::max(greatest, std::abs(value));
    }
    // A step of its own: what is far from the codebook has larger values. No finer than the centroids' needs to be.
    constexpr double kSmallestFactor = 1e-6;
    constexpr double kGreatestFactor = 1e6;
    const double wanted = std::max(greatest / (kMostCode * step_), kSmallestFactor);
    if (!(wanted < kGreatestFactor) || !std::isfinite(error)) {
        std::fill(codes, codes + width_, std::int8_t{0});
        point.uncoded = true;
        return point;
    }
    point.factor = static_cast<float>(wanted);
    const double factor = point.factor;
    const double step = step_ * factor;
    const double inverse = 1 / step;
    double norm = 0;
    double sum = 0;
    double absolute = 0;
    double left = 0;
    double length = 0;
    for (std::size_t i = 0; i < vector.size(); ++i) {
        const double value = vector[i];
        const double code = code_of(value, inverse);
        const double off = value - step * code;
        left += off * off;
        length += value * value;
        norm += code * code;
        sum += code;
        absolute += std::abs(code);
        codes[i] = static_cast<std::int8_t>(code);
    }
    std::fill(codes + vector.size(), codes + width_, std::int8_t{0});
    point.residual = error + (std::sqrt(left) + std::sqrt(length) * kRoom) * (1 + kRoom);
    const double rounding = 0x1p-22 * (factor * 255 * absolute + greatest_half_norm_);
    point.origin = factor * factor * norm / 2 + factor * kCodeOffset * sum - rounding;
    return point;
}

TilePanel Screen::panel(std::size_t index) const {
    return {codes_.data() + index * kPanelWidth * width_, starts_.data() + index * kPanelWidth, width_ / kGroup};
}

float Screen::value(const NearestKernel& kernel, const PointCode& point, const std::int8_t* codes,
                    std::size_t centroid) const {
    const std::int32_t sum = kernel.dot(rows_.data() + centroid * width_, codes, width_);
    return starts_[centroid] + point.factor * static_cast<float>(sum);
}

std::size_t Screen::bytes() const {
    return codes_.size() + rows_.size() + starts_.size() * sizeof(float) + residuals_.size() * sizeof(double);
}

}  // namespace videobert
