#include "clip/filter_bank.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <stdexcept>

namespace videobert {
namespace {

constexpr std::size_t kMostSamples = std::size_t{1} << 24;
constexpr double kMostWeight = 32766;  // one below the largest int16: rounding may add one

void check(std::size_t inputs, std::size_t outputs, double offset, const AxisSelection& wanted) {
    if (inputs == 0 || outputs == 0 || inputs > kMostSamples || outputs > kMostSamples) {
        throw std::invalid_argument("an axis of a picture has no samples or too many");
    }
    if (!(offset >= 0 && offset <= 1)) {
        throw std::invalid_argument("a sample lies outside its share of the picture");
    }
    const bool inside = wanted.count > 0 && wanted.first < outputs &&
                        (wanted.backwards ? wanted.count <= wanted.first + 1 : wanted.count <= outputs - wanted.first);
    if (!inside) {
        throw std::invalid_argument("outputs are wanted that lie outside the resized picture");
    }
}

// Exact weights of one output, summing to one; `start` becomes the first input.
std::vector<double> exact_weights(std::size_t inputs, std::size_t outputs, double offset, std::size_t output,
                                  Window window, std::size_t& start) {
    const double scale = static_cast<double>(inputs) / static_cast<double>(outputs);
    const double centre = (static_cast<double>(output) + 0.5) * scale - offset;
    // A box as wide as one output, and each input half of its own beyond; no narrower than one input.
    const double half = std::max(scale, 1.0) / 2;
    const double reach = window == Window::kBox ? half + 0.5 : 2 * half;
    const double last = static_cast<double>(inputs - 1);
    const auto first = static_cast<std::int64_t>(std::floor(centre - reach)) + 1;
    const auto end = static_cast<std::int64_t>(std::ceil(centre + reach));
    const auto clamped = [last](std::int64_t i) {
        return static_cast<std::size_t>(std::clamp(static_cast<double>(i), 0.0, last));
    };
    start = clamped(first);
    std::vector<double> weights(clamped(end - 1) - start + 1, 0.0);
    for (std::int64_t i = first; i < end; ++i) {
        const double away = std::abs(static_cast<double>(i) - centre);
        weights[clamped(i) - start] +=
            window == Window::kBox ? std::clamp(reach - away, 0.0, 1.0) : std::max(0.0, 1.0 - away / reach);
    }
    const double sum = std::accumulate(weights.begin(), weights.end(), 0.0);
    for (double& weight : weights) {
        weight /= sum;
    }
    return weights;
}

// Rounded to integers whose sum is 2^shift: each down, then up again where that changes the least.
void append_rounded(const std::vector<double>& exact, unsigned shift, std::vector<std::int16_t>& weights) {
    const std::size_t at = weights.size();
    std::vector<double> rest(exact.size());
    std::int64_t missing = std::int64_t{1} << shift;
    for (std::size_t i = 0; i < exact.size(); ++i) {
        const double scaled = std::ldexp(exact[i], static_cast<int>(shift));
        weights.push_back(static_cast<std::int16_t>(std::floor(scaled)));
        rest[i] = scaled - std::floor(scaled);
        missing -= weights.back();
    }
    std::vector<std::size_t> order(exact.size());
    std::iota(order.begin(), order.end(), std::size_t{0});
    std::stable_sort(order.begin(), order.end(), [&rest](std::size_t a, std::size_t b) { return rest[a] > rest[b]; });
    for (std::size_t i = 0; missing > 0; i = (i + 1) % order.size(), --missing) {
        ++weights[at + order[i]];
    }
}

}  // namespace

FilterBank::FilterBank(std::size_t inputs, std::size_t outputs, double offset, AxisSelection wanted,
                       unsigned most_shift, Window window)
    : begin_(inputs) {
    check(inputs, outputs, offset, wanted);
    std::vector<std::vector<double>> exact(wanted.count);
    double largest = 0;
    for (std::size_t i = 0; i < wanted.count; ++i) {
        std::size_t start = 0;
        exact[i] = exact_weights(inputs, outputs, offset, wanted.backwards ? wanted.first - i : wanted.first + i,
                                 window, start);
        filters_.push_back({start, exact[i].size(), 0});
        begin_ = std::min(begin_, start);
        end_ = std::max(end_, start + exact[i].size());
        largest = std::max(largest, *std::max_element(exact[i].begin(), exact[i].end()));
    }
    while (shift_ < most_shift && std::ldexp(largest, static_cast<int>(shift_) + 1) <= kMostWeight) {
        ++shift_;
    }
    for (std::size_t i = 0; i < wanted.count; ++i) {
        filters_[i].at = weights_.size();
        append_rounded(exact[i], shift_, weights_);
    }
}

}  // namespace videobert
