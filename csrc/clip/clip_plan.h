// Everything about a clip transform that does not change from picture to picture, laid out for the kernels.
#pragma once

#include <cstddef>
#include <cstdint>

namespace videobert {

// Output rows that a kernel works on at a time, at most: one lane each of the widest vector.
constexpr std::size_t kMostLanes = 16;
constexpr std::size_t kMostPlanes = 4;

// The vertical filter of one output row.
struct RowFilter {
    std::size_t start;  // first row of the plane
    std::size_t taps;   // rows
    std::size_t at;     // where its weights begin; two to an element, low half first, the last half zero if taps is odd
};

// One plane as stored, which may hold several components side by side.
struct PlanePlan {
    std::size_t first;    // first sample of every row that is read
    std::size_t samples;  // how many are read
    const RowFilter* rows;
    const std::int32_t* weights;
    std::int32_t addend;    // half a unit for rounding, less the middle of the range of samples
    unsigned shift;         // to 16 bits
    std::size_t stride;     // of a row of intermediate samples
    std::size_t row_at;     // where the plane's one intermediate row begins in the scalar path's scratch rows
    std::size_t column_at;  // where its columns, two to an element, begin in the scratch columns
};

// One component: horizontal filters over pairs of neighbouring intermediate samples of its plane. Where the plane holds
// other components too, their samples have weight zero.
struct ComponentPlan {
    std::size_t plane;
    std::size_t pairs;            // of each output column
    const std::uint32_t* starts;  // first pair of each output column
    const std::int32_t* weights;  // pairs for each output column
};

// Plain arrays and pointers, owned by ClipTransform: files that are compiled for one processor must not share inline
// functions of the library with the others.
struct ClipPlan {
    std::size_t rows;  // that are wanted of the planes
    std::size_t columns;
    bool swap;                 // whether rows of the planes become columns of what comes out
    std::size_t width;         // of what comes out: columns, or rows if swapped
    std::size_t sample_bytes;  // 1 or 2
    std::uint16_t flip;        // exclusive-or that makes 16-bit samples signed
    std::size_t plane_count;
    PlanePlan planes[kMostPlanes];
    std::size_t component_count;  // one or three
    ComponentPlan components[3];
    // Red, green and blue are each three products of a horizontal sum and an addend, which holds the half for rounding.
    float colour[3][4];
    float top;                // of red, green and blue: 255, or 65535 where they are tone-mapped afterwards
    std::size_t sample_line;  // of a row of these wide samples, in samples: the longer side, in whole vectors
};

// Row 0 of a plane whose size was checked against the plan.
struct CheckedPlane {
    const std::uint8_t* row;
    std::ptrdiff_t line;  // bytes to the next row; may be negative
};

}  // namespace videobert
