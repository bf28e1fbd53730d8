#include "nearest/nearest_projection.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace videobert {
namespace {

constexpr double kUnit = 0x1p-24;  // float32 rounding

}  // namespace

Projection::Projection(std::span<const float> basis, std::size_t rows, std::span<const float> mean)
    : rows_(rows),
      columns_((rows + kProjectionUnit - 1) / kProjectionUnit * kProjectionUnit),
      dim_(mean.size()),
      transposed_(dim_ * columns_),
      mean_(mean.begin(), mean.end()) {
    for (std::size_t r = 0; r < rows_; ++r) {
        for (std::size_t i = 0; i < dim_; ++i) {
            transposed_[i * columns_ + r] = basis[r * dim_ + i];
        }
    }
    double greatest = 0;
    for (std::size_t r = 0; r < rows_; ++r) {
        double row_sum = 0;
        for (std::size_t s = 0; s < rows_; ++s) {
            double product = 0;
            for (std::size_t i = 0; i < dim_; ++i) {
                product += static_cast<double>(basis[r * dim_ + i]) * static_cast<double>(basis[s * dim_ + i]);
            }
            row_sum += std::abs(product);
            frobenius_ += r == s ? product : 0;
        }
        greatest = std::max(greatest, row_sum);
    }
    bound_ = std::max(1.0, std::sqrt(greatest) * (1 + 1e-10));
    frobenius_ = std::sqrt(frobenius_) * (1 + 1e-10);
}

void Projection::apply(const NearestKernel& kernel, const float* vectors, std::size_t count, double* out,
                       double* errors) const {
    AlignedVector<float> centred(count * dim_);
    AlignedVector<float> products(count * columns_);
    for (std::size_t v = 0; v < count; ++v) {
        for (std::size_t i = 0; i < dim_; ++i) {
            centred[v * dim_ + i] = vectors[v * dim_ + i] - mean_[i];
        }
    }
    kernel.project(centred.data(), count, dim_, transposed_.data(), columns_, products.data());
    // |fl(a·b) - a·b| <= n u |a| |b| for n additions in sequence; here a block, then the blocks' sums. The subtraction
    // of the mean and the product itself round once each, and a product that underflows is off by at most 2^-149.
    const double additions =
        static_cast<double>(std::min(kProjectionBlock, dim_) + (dim_ + kProjectionBlock - 1) / kProjectionBlock);
    const double relative = (additions + 6) * kUnit * 1.001 * frobenius_;
    const double underflow = std::sqrt(static_cast<double>(rows_)) * static_cast<double>(dim_) * 0x1p-148;
    for (std::size_t v = 0; v < count; ++v) {
        double length = 0;
        for (std::size_t i = 0; i < dim_; ++i) {
            const double value = static_cast<double>(vectors[v * dim_ + i]) - static_cast<double>(mean_[i]);
            length += value * value;
        }
        double kept = 0;
        double* const own = out + v * numbers();
        for (std::size_t r = 0; r < rows_; ++r) {
            own[r] = static_cast<double>(products[v * columns_ + r]) / bound_;
            kept += own[r] * own[r];
        }
        kept = std::sqrt(kept);
        const double error = (relative * std::sqrt(length) + underflow) * 1.001 + 1e-12 * kept;
        // The true |Q x| is within `error` of `kept`: so the length of the rest lies between these.
        const double least = std::max(0.0, kept - error);
        const double most = kept + error;
        const double low = std::sqrt(std::max(0.0, length * (1 - 1e-11) - most * most));
        const double high = std::sqrt(std::max(0.0, length * (1 + 1e-11) - least * least));
        own[rows_] = (low + high) / 2;
        const double rest_error = (high - low) / 2 * (1 + 1e-10);
        errors[v] = std::hypot(error, rest_error) * (1 + 1e-10);
        if (!std::isfinite(kept)) {
            std::fill(own, own + numbers(), 0.0);
            errors[v] = std::numeric_limits<double>::infinity();
        }
    }
}

}  // namespace videobert
