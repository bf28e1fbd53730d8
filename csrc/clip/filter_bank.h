// A filter along one axis of a plane, as integer weights: the triangle of the recipe, or plain averages.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace videobert {

// Which outputs of a resized axis are wanted, in the order in which they are wanted.
struct AxisSelection {
    std::size_t first;  // index on the resized axis
    bool backwards;     // whether the index falls from one output to the next
    std::size_t count;
};

enum class Window {
    kTriangle,  // of the recipe
    kBox,       // each input by the share of it that the output covers
};

// One filter per wanted output: non-negative weights of neighbouring inputs whose sum is exactly 2^shift.
class FilterBank {
  public:
    struct Filter {
        std::size_t start;  // first input
        std::size_t taps;   // how many; start + taps never exceeds the number of inputs
        std::size_t at;     // where its weights begin
    };

    // Inputs beyond the edge are the edge's own, as the recipe says. `offset` is the recipe's o: 1/2 for samples that
    // lie in the middle of their share of the picture. The shift is the largest, up to `most_shift`, at which every
    // weight is below 2^15.
    // Throws std::invalid_argument if a size is zero or above 2^24, or the selection leaves the axis.
    FilterBank(std::size_t inputs, std::size_t outputs, double offset, AxisSelection wanted, unsigned most_shift,
               Window window = Window::kTriangle);

    const std::vector<Filter>& filters() const { return filters_; }
    const std::vector<std::int16_t>& weights() const { return weights_; }
    unsigned shift() const { return shift_; }
    // The inputs that any filter touches: begin() <= i < end().
    std::size_t begin() const { return begin_; }
    std::size_t end() const { return end_; }

  private:
    std::vector<Filter> filters_;
    std::vector<std::int16_t> weights_;
    unsigned shift_ = 0;
    std::size_t begin_ = 0;
    std::size_t end_ = 0;
};

}  // namespace videobert
