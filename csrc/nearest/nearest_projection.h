// A few numbers for each vector whose distances never exceed the distances of the vectors themselves.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "cpu/aligned_vector.h"
#include "nearest/nearest_kernel.h"

namespace videobert {

// Q x for the rows of a matrix Q, and one more number: the length of what Q leaves of x.
//
// For any Q with largest singular value at most 1 there is a positive S with |x|^2 = |Q x|^2 + |S x|^2, so
//     |x - c|^2 = |Q x - Q c|^2 + |S x - S c|^2 >= |Q x - Q c|^2 + (|S x| - |S c|)^2,
// and |S x| = sqrt(|x|^2 - |Q x|^2) needs no S. The Q that is given need only be close to that: its largest singular
// value L is bounded by the greatest row sum of |Q Q^T| (Gershgorin), and Q / L is used.
class Projection {
  public:
    // basis (rows, dim), mean (dim). Pays when the rows are the directions in which the centroids differ most.
    Projection(std::span<const float> basis, std::size_t rows, std::span<const float> mean);

    // Numbers for each vector: the rows of the basis and one more.
    std::size_t numbers() const { return rows_ + 1; }

    // out (count, numbers()) for `vectors` (count, dim), and for each an upper bound of how far, in length, rounding
    // has moved it; not finite where the vector is too large for float32 sums.
    void apply(const NearestKernel& kernel, const float* vectors, std::size_t count, double* out, double* errors) const;

  private:
    std::size_t rows_;
    std::size_t columns_;
    std::size_t dim_;
    // (dim, columns_), zero past the rows.
    AlignedVector<float> transposed_;
    std::vector<float> mean_;
    double bound_ = 1;
    double frobenius_ = 0;
};

}  // namespace videobert
