// 8-bit codes of all centroids, from which a lower bound of every distance follows.
#pragma once

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <limits>
#include <span>
#include <vector>

#include "cpu/aligned_vector.h"
#include "nearest/nearest_kernel.h"

namespace videobert {

// What is known of one point beside its codes.
struct PointCode {
    // Turns sums of codes into values.
    float factor = 0;
    // A centroid at distance T or less of the coded vectors has a value of at least origin - (T / step)^2 / 2.
    double origin = 0;
    // Upper bound of the distance between the point and what its codes stand for.
    double residual = 0;
    // The point cannot be coded in the step of these centroids: no bound is known.
    bool uncoded = false;
};

// The bound. Let v be vectors such that |v_x - v_c| <= |x - c| for every point x and centroid c. Codes q are integers
// from -127 to 127; step * q_c stands for v_c, and factor * step * q_x for v_x. How far each stands off is computed in
// float64, not estimated: r_x and r_c. By the triangle inequality
//     |x - c| >= |v_x - v_c| >= step * |factor * q_x - q_c| - r_x - r_c,
// so if c is no farther than U from x, then with T = U + r_x + r_c
//     |factor * q_x - q_c|^2 <= (T / step)^2
//     factor * <q_x, q_c> - |q_c|^2 / 2 >= (factor^2 |q_x|^2 - (T / step)^2) / 2.
// The left side is the value that the kernels compute from the exact integer sum <q_x, q_c + 128>; the term
// factor * 128 * sum(q_x) moves to the right side, and the float32 rounding of the value, at most
// 2^-22 * (factor * 255 * sum|q_x| + max|q_c|^2 / 2), is taken off it. A centroid whose value is below that threshold
// is farther than U.
class Screen {
  public:
    // Writes vector i to `out` and returns an upper bound of how far, in length, it stands off the v_c meant above.
    using Vectors = std::function<double(std::size_t i, std::span<double> out)>;

    // Codes `count` vectors of `dim` values; `rows` keeps a second copy of the codes, centroid by centroid, for
    // `value`.
    Screen(std::size_t count, std::size_t dim, const Vectors& vectors, bool rows, std::size_t threads);

    std::size_t dim() const { return dim_; }
    // Codes of a point: `dim` rounded up to a whole number of registers.
    std::size_t width() const { return width_; }
    std::size_t panels() const { return residuals_.size(); }
    std::size_t bytes() const;

    // Codes a point of `dim` values whose v_x is known up to `error`; writes `width` codes.
    PointCode encode(std::span<const double> vector, double error, std::int8_t* codes) const;

    TilePanel panel(std::size_t index) const;
    // Upper bound of r_c in a panel, and in all of them.
    double residual(std::size_t panel) const { return residuals_[panel]; }
    double greatest_residual() const { return greatest_residual_; }

    // No centroid of residual `residual` or less and distance `distance` or less from the point has a lower value.
    float threshold(const PointCode& point, double distance, double residual) const {
        // Asked for once for every row and panel: so no division, and a margin instead of the next lower float.
        const double reach = (distance + point.residual + residual) * inverse_step_;
        const double value = point.origin - reach * reach / 2;
        if (!(value > -kGreatestValue) || point.uncoded) {
            return -std::numeric_limits<float>::max();
        }
        return static_cast<float>(value - std::abs(value) * 0x1p-23 - kTiny);
    }

    // The value of one centroid; needs the copy by rows.
    float value(const NearestKernel& kernel, const PointCode& point, const std::int8_t* codes,
                std::size_t centroid) const;

  private:
    // Below this a value becomes no float32; and what a float32 near zero may be off by.
    static constexpr double kGreatestValue = 3e38;
    static constexpr double kTiny = 1e-40;

    double sampled_step(std::size_t count, const Vectors& vectors) const;
    void encode_panel(std::size_t panel, std::size_t count, const Vectors& vectors);

    std::size_t dim_;
    std::size_t width_;
    double step_ = 1;
    // No less than the true inverse.
    double inverse_step_ = 1;
    double greatest_residual_ = 0;
    double greatest_half_norm_ = 0;
    AlignedVector<std::uint8_t> codes_;
    AlignedVector<std::uint8_t> rows_;
    AlignedVector<float> starts_;
    std::vector<double> residuals_;
};

}  // namespace videobert
