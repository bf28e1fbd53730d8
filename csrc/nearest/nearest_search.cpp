#include "nearest/nearest_search.h"

#include <algorithm>
#include <bit>
#include <cmath>

#include "cpu/worker_threads.h"

namespace videobert {
namespace {

// Candidates that may wait for a decision; more would be a score matrix under another name.
constexpr std::size_t kMostWaiting = 1 << 18;
// Share of the (row, panel) pairs that the projections may leave before reading all codes is quicker.
constexpr double kMostPanelsLeft = 0.12;
// Tiles of rows that a projection is tried on first.
constexpr std::size_t kProbedTiles = 2;
// More than the relative rounding of any float64 sum here.
constexpr double kRoom = 1e-9;

}  // namespace

NearestSearch::NearestSearch(const NearestIndex& index, const NearestKernel& kernel, const float* points,
                             std::size_t rows)
    : index_(index), kernel_(kernel), points_(points), range_(kernel, index.centroid(0), index.dim()), rows_(rows) {
    for (std::size_t r = 0; r < rows; ++r) {
        rows_[r].point = points + r * index.dim();
    }
}

void NearestSearch::encode() {
    const Screen& screen = *index_.screen();
    if (!codes_.empty()) {
        return;
    }
    codes_.resize((rows_.size() + kernel_.tile_rows) * screen.width());
    factors_.resize(rows_.size() + kernel_.tile_rows);
    std::vector<double> centred(index_.dim());
    for (std::size_t r = 0; r < rows_.size(); ++r) {
        for (std::size_t i = 0; i < centred.size(); ++i) {
            centred[i] = static_cast<double>(rows_[r].point[i]) - static_cast<double>(index_.mean()[i]);
        }
        rows_[r].code = screen.encode(centred, 0, codes_.data() + r * screen.width());
        factors_[r] = rows_[r].code.factor;
    }
}

std::size_t NearestSearch::by_projection(std::size_t first) {
    const std::span<const NearestIndex::Stage> stages = index_.stages();
    if (first >= stages.size()) {
        return stages.size();
    }
    const KernelScope state(kernel_);
    encode();
    const std::size_t tried = kProbedTiles * kernel_.tile_rows;
    const std::size_t probe = rows_.size() > 2 * tried ? tried : rows_.size();
    for (std::size_t i = first; i < stages.size(); ++i) {
        // The first few rows tell whether it is worth the time for all.
        if (settles(stages[i], 0, probe)) {
            if (probe == rows_.size() || settles(stages[i], probe, rows_.size())) {
                return i;
            }
        }
    }
    return stages.size();
}

bool NearestSearch::settles(const NearestIndex::Stage& stage, std::size_t first_row, std::size_t last_row) {
    const Screen* const screen = &stage.screen;
    const std::size_t count = last_row - first_row;
    const std::size_t tile_rows = kernel_.tile_rows;
    const std::size_t numbers = screen->dim();
    std::vector<double> vectors(count * numbers);
    std::vector<double> errors(count);
    stage.projection.apply(kernel_, rows_[first_row].point, count, vectors.data(), errors.data());
    AlignedVector<std::int8_t> codes((count + tile_rows) * screen->width());
    std::vector<PointCode> points(count);
    std::vector<float> factors(count);
    for (std::size_t r = 0; r < count; ++r) {
        points[r] =
            screen->encode({vectors.data() + r * numbers, numbers}, errors[r], codes.data() + r * screen->width());
        factors[r] = points[r].factor;
        if (points[r].uncoded) {
            return false;
        }
    }
    // The greatest value of each row in each panel, (panels, rows): a 32nd of the scores. The reach of a row is known
    // only after all of them, since many centroids look near in a few numbers.
    AlignedVector<float> maxima(screen->panels() * count);
    for (std::size_t p = 0; p < screen->panels(); ++p) {
        const TilePanel panel = screen->panel(p);
        for (std::size_t r = 0; r < count; r += tile_rows) {
            const TileRows tile{codes.data() + r * screen->width(), screen->width(), std::min(tile_rows, count - r),
                                factors.data() + r};
            kernel_.maxima(tile, panel, maxima.data() + p * count + r);
        }
    }
    std::vector<float> greatest(maxima.begin(), maxima.begin() + static_cast<std::ptrdiff_t>(count));
    std::vector<std::uint32_t> best(count);
    for (std::size_t p = 1; p < screen->panels(); ++p) {
        const float* const own = maxima.data() + p * count;
        for (std::size_t r = 0; r < count; ++r) {
            best[r] = own[r] > greatest[r] ? static_cast<std::uint32_t>(p) : best[r];
            greatest[r] = own[r] > greatest[r] ? own[r] : greatest[r];
        }
    }
    std::vector<float> thresholds(count);
    std::uint32_t mask = 0;
    AlignedVector<float> values(tile_rows * kPanelWidth);
    const auto one_row = [&](std::size_t r) {
        return TileRows{codes.data() + r * screen->width(), screen->width(), 1, factors.data() + r};
    };
    for (std::size_t r = 0; r < count; ++r) {
        if (kernel_.hits(one_row(r), screen->panel(best[r]), &greatest[r], &mask, values.data())) {
            const auto lane = static_cast<std::size_t>(std::countr_zero(mask));
            refine(first_row + r, best[r] * kPanelWidth + lane);
        }
        thresholds[r] = screen->threshold(points[r], rows_[first_row + r].reach, screen->greatest_residual());
    }
    std::size_t left = 0;
    for (std::size_t p = 0; p < screen->panels(); ++p) {
        for (std::size_t r = 0; r < count; ++r) {
            left += maxima[p * count + r] >= thresholds[r] ? 1U : 0U;
        }
    }
    if (static_cast<double>(left) > kMostPanelsLeft * static_cast<double>(screen->panels() * count)) {
        return false;
    }
    for (std::size_t p = 0; p < screen->panels(); ++p) {
        for (std::size_t r = 0; r < count; ++r) {
            if (maxima[p * count + r] < thresholds[r]) {
                continue;
            }
            const float threshold = screen->threshold(points[r], rows_[first_row + r].reach, screen->residual(p));
            if (!kernel_.hits(one_row(r), screen->panel(p), &threshold, &mask, values.data())) {
                continue;
            }
            for (; mask != 0; mask &= mask - 1) {
                refine(first_row + r, p * kPanelWidth + static_cast<std::size_t>(std::countr_zero(mask)));
            }
        }
    }
    settle_all();
    return true;
}

void NearestSearch::refine(std::size_t row, std::size_t centroid) {
    const Screen& screen = *index_.screen();
    Row& own = rows_[row];
    const float value = screen.value(kernel_, own.code, codes_.data() + row * screen.width(), centroid);
    if (value >= screen.threshold(own.code, own.reach, screen.residual(centroid / kPanelWidth))) {
        consider(own, centroid, value);
    }
}

void NearestSearch::by_codes(std::size_t threads) {
    const Screen* const screen = index_.screen();
    if (screen != nullptr) {
        encode();
    }
    const std::size_t units = screen != nullptr ? screen->panels() : index_.count();
    const std::size_t parts = std::min(threads, units);
    if (parts <= 1) {
        scan(0, units);
        return;
    }
    std::vector<NearestSearch> shares(parts, *this);
    run_on_threads(parts, parts, [&](std::size_t i) { shares[i].scan(units * i / parts, units * (i + 1) / parts); });
    for (const NearestSearch& share : shares) {
        for (std::size_t r = 0; r < rows_.size(); ++r) {
            const Nearest& found = share.rows_[r].nearest;
            rows_[r].nearest = found.beats(rows_[r].nearest) ? found : rows_[r].nearest;
        }
    }
}

void NearestSearch::scan(std::size_t first, std::size_t last) {
    const Screen* const screen = index_.screen();
    if (screen == nullptr) {
        for (Row& row : rows_) {
            row.nearest = range_.search(row.point, first, last);
        }
        return;
    }
    const KernelScope state(kernel_);
    const std::size_t count = rows_.size();
    const std::size_t tile_rows = kernel_.tile_rows;
    std::vector<float> thresholds(count);
    std::vector<std::uint32_t> masks(tile_rows);
    AlignedVector<float> values(tile_rows * kPanelWidth);
    for (std::size_t p = first; p < last; ++p) {
        const TilePanel panel = screen->panel(p);
        for (std::size_t r = 0; r < count; ++r) {
            thresholds[r] = screen->threshold(rows_[r].code, rows_[r].reach, screen->residual(p));
        }
        for (std::size_t top = 0; top < count; top += tile_rows) {
            const std::size_t height = std::min(tile_rows, count - top);
            const TileRows tile{codes_.data() + top * screen->width(), screen->width(), height, factors_.data() + top};
            if (!kernel_.hits(tile, panel, thresholds.data() + top, masks.data(), values.data())) {
                continue;
            }
            for (std::size_t r = 0; r < height; ++r) {
                if (masks[r] == 0) {
                    continue;
                }
                Row& row = rows_[top + r];
                for (std::uint32_t mask = masks[r]; mask != 0; mask &= mask - 1) {
                    const auto lane = static_cast<std::size_t>(std::countr_zero(mask));
                    consider(row, p * kPanelWidth + lane, values[r * kPanelWidth + lane]);
                }
            }
        }
    }
    settle_all();
}

void NearestSearch::consider(Row& row, std::size_t centroid, float value) {
    if (value > row.best_value) {
        // The best so far: its distance rules out others, and some of those that wait.
        row.best_value = value;
        shorten(row, centroid);
    }
    row.candidates.push_back({centroid, value});
    if (++waiting_ >= kMostWaiting) {
        settle_all();
    }
}

void NearestSearch::shorten(Row& row, std::size_t centroid) const {
    const double sum = static_cast<double>(range_.estimate(row.point, centroid)) * (1 + range_.rounding());
    const double squared = std::isnan(sum) ? range_.decide(row.point, centroid).squared : sum;
    row.reach = std::min(row.reach, std::sqrt(squared) * (1 + kRoom));
}

void NearestSearch::decide(Row& row, std::size_t centroid) const {
    const Nearest found = range_.decide(row.point, centroid);
    if (found.beats(row.nearest)) {
        row.nearest = found;
        row.reach = std::min(row.reach, std::sqrt(found.squared) * (1 + kRoom));
    }
}

void NearestSearch::settle(Row& row) const {
    const Screen& screen = *index_.screen();
    std::size_t kept = 0;
    for (const Candidate& candidate : row.candidates) {
        const std::size_t centroid = candidate.centroid;
        if (candidate.value < screen.threshold(row.code, row.reach, screen.residual(centroid / kPanelWidth))) {
            continue;
        }
        const float sum = range_.estimate(row.point, centroid);
        if (std::isnan(sum)) {
            decide(row, centroid);
            continue;
        }
        const double most = static_cast<double>(sum) * (1 + range_.rounding());
        row.reach = std::min(row.reach, std::sqrt(most) * (1 + kRoom));
        row.candidates[kept++] = {centroid, sum};
    }
    for (std::size_t i = 0; i < kept; ++i) {
        const Candidate& candidate = row.candidates[i];
        if (std::sqrt(static_cast<double>(candidate.value) * (1 - range_.rounding())) <= row.reach) {
            decide(row, candidate.centroid);
        }
    }
    row.candidates.clear();
}

void NearestSearch::settle_all() {
    for (Row& row : rows_) {
        settle(row);
    }
    waiting_ = 0;
}

void NearestSearch::answers(std::int64_t* ids, double* squared) const {
    for (std::size_t r = 0; r < rows_.size(); ++r) {
        ids[r] = rows_[r].nearest.id;
        squared[r] = rows_[r].nearest.squared;
    }
}

}  // namespace videobert
