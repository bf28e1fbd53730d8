// Decoded planes to one resized, cropped, turned RGB picture: a square as the recipe defines it, or averages.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <optional>
#include <span>
#include <vector>

#include "clip/clip_plan.h"
#include "clip/filter_bank.h"
#include "clip/tone_map.h"
#include "cpu/aligned_vector.h"
#include "cpu/cpu_path.h"

namespace videobert {

// Where the samples of one component lie.
struct ComponentLayout {
    std::size_t plane;
    std::size_t first;   // of the component's first sample, counted in samples
    std::size_t step;    // from one sample to the next, in samples; 2 for the chroma of NV12
    std::size_t width;   // samples in a row
    std::size_t height;  // rows
    double offset_x;     // the recipe's o: 1/2 in the middle of its share of the picture
    double offset_y;
};

// A picture as a decoder stores it and what is wanted of it.
struct ClipGeometry {
    std::vector<ComponentLayout> components;  // one (grey) or three
    unsigned bits;                            // of a sample: 8 in one byte, 9 to 16 in two (the machine's byte order)
    std::size_t resized_width;                // before it is turned
    std::size_t resized_height;
    std::size_t crop_width;  // of the middle of the resized picture, before it is turned
    std::size_t crop_height;
    Window window;
    bool swap;  // the picture is shown with rows as columns, and then
    bool flip_x;
    bool flip_y;
};

// Row c gives red, green and blue, 0 to 255, as three products of stored samples and an addend.
using ColourMatrix = std::array<std::array<double, 4>, 3>;

// Bytes of one plane as the buffer protocol gives them: lowest address first. With a negative line size row 0 is the
// last in memory.
struct PlaneBytes {
    std::span<const std::uint8_t> bytes;
    std::ptrdiff_t line_size;
};

class ClipTransform {
  public:
    // Precomputes every weight. With `tone_map` the colours that the matrix gives, in 16 bits, go through it.
    // Throws std::invalid_argument if the geometry makes no sense.
    ClipTransform(const ClipGeometry& geometry, const ColourMatrix& colour, CpuPath path,
                  std::optional<ToneMap> tone_map = std::nullopt);

    // Writes crop_width * crop_height * 3 bytes. Calls from several threads wait for each other.
    // Throws std::invalid_argument, having read and written nothing, if a plane does not hold what the geometry says or
    // `square` has another size.
    void operator()(std::span<const PlaneBytes> planes, std::span<std::uint8_t> square);

  private:
    // What a plane must hold.
    struct Need {
        std::size_t row_bytes;
        std::size_t rows;
    };

    void plan_plane(const ClipGeometry& geometry, std::size_t plane, const std::vector<FilterBank>& across,
                    AxisSelection down);
    void plan_rows(PlanePlan& plan, const FilterBank& bank, unsigned bits);
    void plan_columns(const ComponentLayout& layout, ComponentPlan& plan, const FilterBank& bank);
    void fold_colour(const ColourMatrix& colour, unsigned bits, const std::vector<FilterBank>& across);

    std::vector<Need> needs_;
    ClipPlan plan_{};
    std::vector<std::vector<RowFilter>> row_filters_;  // these three are what the plan points to
    std::vector<std::vector<std::int32_t>> weights_;
    std::vector<std::vector<std::uint32_t>> starts_;
    CpuPath path_;
    std::mutex mutex_;
    AlignedVector<std::int16_t> rows_;
    AlignedVector<std::int32_t> columns_;
    std::optional<ToneMap> tone_map_;
    AlignedVector<std::int32_t> wide_;  // what is to be tone-mapped
};

}  // namespace videobert
