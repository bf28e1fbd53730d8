// The inner loops of the nearest-centroid search: one table of functions for each kind of processor.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "cpu/cpu_path.h"

namespace videobert {

// Centroids that a tile works on side by side.
inline constexpr std::size_t kPanelWidth = 32;
// Neighbouring values of a vector that one 32-bit lane multiplies: the layout of VPDPBUSD and of the AMX tiles.
inline constexpr std::size_t kGroup = 4;
// Code widths are multiples of this: one AMX tile, or one 512-bit register of a row.
inline constexpr std::size_t kCodeUnit = 64;
// Columns of a projection are a multiple of this.
inline constexpr std::size_t kProjectionUnit = 64;
// Values of a vector that a projection sums before the sum is added to the result: keeps rounding small.
inline constexpr std::size_t kProjectionBlock = 128;

// Rows of signed 8-bit codes, `stride` apart, each with the factor that turns its products into values.
struct TileRows {
    const std::int8_t* codes;
    std::size_t stride;
    std::size_t rows;
    const float* factors;
};

// 32 centroids: unsigned 8-bit codes `(groups, 32, 4)`, and the number from which each centroid's value starts.
struct TilePanel {
    const std::uint8_t* codes;
    const float* starts;
    std::size_t groups;
};

// value[row][lane] = starts[lane] + factors[row] * sum(codes of row * codes of lane); the sum is exact in int32, the
// rest float32 with at most two roundings.
struct NearestKernel {
    std::string_view name;
    // Most rows that one call of `hits` or `maxima` takes; so many rows must be readable from the first, even if fewer
    // count.
    std::size_t tile_rows;
    // Called on a thread before and after a run of calls of `hits` and `maxima`; no foreign code may run in between.
    void (*enter)();
    void (*leave)();
    // masks[row] has bit `lane` set where the value reaches thresholds[row]. Returns whether any bit is set; only then
    // are `values`, (rows, 32), written.
    bool (*hits)(const TileRows& rows, const TilePanel& panel, const float* thresholds, std::uint32_t* masks,
                 float* values);
    // maxima[row] is the greatest value of the row in this panel.
    void (*maxima)(const TileRows& rows, const TilePanel& panel, float* maxima);
    // sum(codes of a centroid * codes of a point); `width` is a multiple of 64.
    std::int32_t (*dot)(const std::uint8_t* centroid, const std::int8_t* point, std::size_t width);
    // sum((a - b)^2) in float32, at least 16 partial sums.
    float (*squared_distance)(const float* a, const float* b, std::size_t dim);
    // out (rows, columns) = points (rows, dim) @ basis (dim, columns) in float32, summed in blocks of 128 values.
    void (*project)(const float* points, std::size_t rows, std::size_t dim, const float* basis, std::size_t columns,
                    float* out);
};

// `enter` and `leave` of the kernels that need neither.
void no_state();

// Holds a kernel's state for a scope.
class KernelScope {
  public:
    explicit KernelScope(const NearestKernel& kernel) : leave_(kernel.leave) { kernel.enter(); }
    ~KernelScope() { leave_(); }
    KernelScope(const KernelScope&) = delete;
    KernelScope& operator=(const KernelScope&) = delete;

  private:
    void (*leave_)();
};

extern const NearestKernel kNearestScalar;
#if defined(VIDEOBERT_X86_KERNELS)
extern const NearestKernel kNearestAvx2;
extern const NearestKernel kNearestAvx512;
extern const NearestKernel kNearestAvx512Vnni;
extern const NearestKernel kNearestAmx;
#endif

// The kernels of a path, which must be one of `available_cpu_paths()`.
const NearestKernel& nearest_kernel(CpuPath path);

}  // namespace videobert
