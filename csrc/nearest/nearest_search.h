// The search for the nearest centroids of a few rows.
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <vector>

#include "cpu/aligned_vector.h"
#include "nearest/nearest_index.h"
#include "nearest/nearest_kernel.h"
#include "nearest/nearest_range.h"
#include "nearest/nearest_screen.h"

namespace videobert {

// One use: construct, `by_projection` and, if that gave up, `by_codes`, then `answers`.
class NearestSearch {
  public:
    // points (rows, index.dim()).
    NearestSearch(const NearestIndex& index, const NearestKernel& kernel, const float* points, std::size_t rows);

    // Looks through the projections, from stage `first` of the index on, until one settles the rows. Returns it, or the
    // number of stages where each leaves too many centroids; the distances found so far still speed up `by_codes`.
    std::size_t by_projection(std::size_t first);

    // Looks through the codes of all centroids (or all centroids, where there are no codes), on several threads.
    void by_codes(std::size_t threads);

    void answers(std::int64_t* ids, double* squared) const;

  private:
    struct Candidate {
        std::size_t centroid;
        float value;
    };
    struct Row {
        const float* point = nullptr;
        PointCode code;
        // Upper bound of the distance to the nearest centroid.
        double reach = std::numeric_limits<double>::infinity();
        // Of the decided candidates.
        Nearest nearest;
        float best_value = -std::numeric_limits<float>::infinity();
        std::vector<Candidate> candidates;
    };

    void encode();
    // Looks through one projection for some of the rows. False where it leaves too many centroids.
    bool settles(const NearestIndex::Stage& stage, std::size_t first_row, std::size_t last_row);
    void scan(std::size_t first_panel, std::size_t last_panel);
    // A candidate that the codes did not rule out.
    void consider(Row& row, std::size_t centroid, float value);
    // Lowers the row's reach to the distance of this centroid.
    void shorten(Row& row, std::size_t centroid) const;
    // Decides among the row's candidates and forgets them.
    void settle(Row& row) const;
    void decide(Row& row, std::size_t centroid) const;
    void settle_all();
    // Looks at one centroid's codes.
    void refine(std::size_t row, std::size_t centroid);

    const NearestIndex& index_;
    const NearestKernel& kernel_;
    const float* points_;
    NearestRange range_;
    std::vector<Row> rows_;
    // Codes of the rows for the screen, and the rows' factors.
    AlignedVector<std::int8_t> codes_;
    std::vector<float> factors_;
    std::size_t waiting_ = 0;
};

}  // namespace videobert
