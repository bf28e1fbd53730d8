#include "clip/clip_transform.h"

#include <algorithm>
#include <cmath>
#include <stdexcept>

#include "clip/clip_kernel.h"

namespace videobert {
namespace {

constexpr std::size_t kMostStep = 8;
constexpr std::size_t kMostSide = std::size_t{1} << 20;
// Largest shifts at which a sum of weighted samples fits 32 bits: of unsigned bytes, of 16-bit samples with the middle
// of their range taken off, of 16-bit intermediate samples.
constexpr unsigned kByteShift = 22;
constexpr unsigned kWordShift = 15;
constexpr unsigned kColumnShift = 16;

constexpr std::size_t round_up(std::size_t value, std::size_t unit) { return (value + unit - 1) / unit * unit; }

std::int32_t packed(std::int16_t low, std::int16_t high) {
    return static_cast<std::int32_t>(static_cast<std::uint32_t>(static_cast<std::uint16_t>(low)) |
                                     static_cast<std::uint32_t>(static_cast<std::uint16_t>(high)) << 16U);
}

void check(const ClipGeometry& geometry) {
    const auto fail = [](const char* what) { throw std::invalid_argument(what); };
    if (geometry.components.size() != 1 && geometry.components.size() != 3) {
        fail("a picture has one component or three");
    }
    if (geometry.bits < 8 || geometry.bits > 16) {
        fail("samples have 8 to 16 bits");
    }
    if (geometry.crop_width == 0 || geometry.crop_width > std::min(geometry.resized_width, kMostSide) ||
        geometry.crop_height == 0 || geometry.crop_height > std::min(geometry.resized_height, kMostSide)) {
        fail("the crop is empty or leaves the resized picture");
    }
    for (const ComponentLayout& component : geometry.components) {
        if (component.plane >= kMostPlanes || component.step == 0 || component.step > kMostStep ||
            component.first >= component.step) {
            fail("a component lies outside its plane");
        }
        if (component.width == 0 || component.height == 0 || component.width > kMostSide ||
            component.height > kMostSide) {
            fail("a plane has no samples or too many");
        }
    }
}

// The part of a resized axis that the crop keeps: the crop's offset is rounded down on the axis as shown.
AxisSelection kept(std::size_t resized, std::size_t crop, bool flipped) {
    const std::size_t offset = (resized - crop) / 2;
    return flipped ? AxisSelection{resized - 1 - offset, true, crop} : AxisSelection{offset, false, crop};
}

ClipKernel& kernel_of(CpuPath path) {
#if defined(__x86_64__)
    switch (path) {
        case CpuPath::kScalar:
            return clip_kernel_scalar;
        case CpuPath::kAvx2:
            return clip_kernel_avx2;
        case CpuPath::kAvx512:
        case CpuPath::kAmx:
            return clip_kernel_avx512;
    }
#else
    static_cast<void>(path);
#endif
    return clip_kernel_scalar;
}

}  // namespace

ClipTransform::ClipTransform(const ClipGeometry& geometry, const ColourMatrix& colour, CpuPath path,
                             std::optional<ToneMap> tone_map)
    : path_(path), tone_map_(std::move(tone_map)) {
    check(geometry);
    const ClipGeometry& g = geometry;
    if (tone_map_ && g.crop_width != g.crop_height) {
        throw std::invalid_argument("what is tone-mapped is a square");
    }
    plan_.rows = g.crop_height;
    plan_.columns = g.crop_width;
    plan_.swap = g.swap;
    plan_.width = g.swap ? g.crop_height : g.crop_width;
    plan_.sample_bytes = g.bits == 8 ? 1 : 2;
    plan_.flip = g.bits == 16 ? 0x8000 : 0;
    plan_.component_count = g.components.size();
    plan_.top = tone_map_ ? static_cast<float>(ToneMap::kTop) : 255.0F;
    plan_.sample_line = round_up(std::max(g.crop_width, g.crop_height), kMostLanes);
    // Shown, x runs along the stored rows, or along the stored columns if swapped.
    const AxisSelection across = kept(g.resized_width, g.crop_width, g.swap ? g.flip_y : g.flip_x);
    const AxisSelection down = kept(g.resized_height, g.crop_height, g.swap ? g.flip_x : g.flip_y);
    std::vector<FilterBank> banks;
    for (const ComponentLayout& component : g.components) {
        banks.emplace_back(component.width, g.resized_width, component.offset_x, across, kColumnShift, g.window);
        plan_.plane_count = std::max(plan_.plane_count, component.plane + 1);
    }
    for (std::size_t p = 0; p < plan_.plane_count; ++p) {
        plan_plane(g, p, banks, down);
    }
    fold_colour(colour, g.bits, banks);
    const PlanePlan& last = plan_.planes[plan_.plane_count - 1];
    std::size_t most_rows = last.row_at + last.stride;
    for (std::size_t p = 0; p < plan_.plane_count; ++p) {
        most_rows = std::max(most_rows, plan_.planes[p].stride * kMostLanes);
    }
    rows_.resize(most_rows);
    columns_.resize(last.column_at + last.stride / 2 * kMostLanes);
    if (tone_map_) {
        wide_.resize(3 * plan_.sample_line * plan_.sample_line);
    }
}

void ClipTransform::plan_plane(const ClipGeometry& geometry, std::size_t plane, const std::vector<FilterBank>& across,
                               AxisSelection down) {
    std::size_t first = SIZE_MAX;
    std::size_t end = 0;
    const ComponentLayout* any = nullptr;
    Need need{0, 0};
    for (std::size_t c = 0; c < geometry.components.size(); ++c) {
        const ComponentLayout& component = geometry.components[c];
        if (component.plane != plane) {
            continue;
        }
        if (any != nullptr && (any->height != component.height || any->offset_y != component.offset_y)) {
            throw std::invalid_argument("components of one plane have different rows");
        }
        any = &component;
        first = std::min(first, across[c].begin() * component.step + component.first);
        end = std::max(end, (across[c].end() - 1) * component.step + component.first + 1);
        const std::size_t samples = (component.width - 1) * component.step + component.first + 1;
        need = {std::max(need.row_bytes, samples * plan_.sample_bytes), component.height};
    }
    if (any == nullptr) {
        throw std::invalid_argument("a plane holds no component");
    }
    needs_.push_back(need);
    PlanePlan& plan = plan_.planes[plane];
    plan.first = first;
    plan.samples = end - first;
    plan.stride = round_up(plan.samples, 2 * kMostLanes);
    if (plane > 0) {
        const PlanePlan& before = plan_.planes[plane - 1];
        plan.row_at = before.row_at + before.stride;
        plan.column_at = before.column_at + before.stride / 2 * kMostLanes;
    }
    const unsigned most_shift = geometry.bits == 8 ? kByteShift : kWordShift;
    plan_rows(plan, FilterBank(any->height, geometry.resized_height, any->offset_y, down, most_shift, geometry.window),
              geometry.bits);
    for (std::size_t c = 0; c < geometry.components.size(); ++c) {
        if (geometry.components[c].plane == plane) {
            plan_columns(geometry.components[c], plan_.components[c], across[c]);
        }
    }
}

void ClipTransform::plan_rows(PlanePlan& plan, const FilterBank& bank, unsigned bits) {
    std::vector<RowFilter> rows;
    std::vector<std::int32_t> weights;
    for (const FilterBank::Filter& filter : bank.filters()) {
        rows.push_back({filter.start, filter.taps, weights.size()});
        for (std::size_t tap = 0; tap < filter.taps; tap += 2) {
            const std::int16_t* pair = bank.weights().data() + filter.at + tap;
            weights.push_back(packed(pair[0], tap + 1 < filter.taps ? pair[1] : std::int16_t{0}));
        }
    }
    plan.shift = bank.shift() + bits - 16;
    // Samples of 16 bits are made signed as they are read, which takes the middle off.
    const std::int64_t middle = bits == 16 ? 0 : std::int64_t{1} << (bits - 1 + bank.shift());
    plan.addend = static_cast<std::int32_t>((std::int64_t{1} << (plan.shift - 1)) - middle);
    plan.rows = row_filters_.emplace_back(std::move(rows)).data();
    plan.weights = weights_.emplace_back(std::move(weights)).data();
}

void ClipTransform::plan_columns(const ComponentLayout& layout, ComponentPlan& plan, const FilterBank& bank) {
    const PlanePlan& plane = plan_.planes[layout.plane];
    const std::size_t all_pairs = (plane.samples + 1) / 2;
    const auto begin = [&](const FilterBank::Filter& f) { return f.start * layout.step + layout.first - plane.first; };
    plan.plane = layout.plane;
    for (const FilterBank::Filter& filter : bank.filters()) {
        const std::size_t end = begin(filter) + (filter.taps - 1) * layout.step + 1;
        plan.pairs = std::max(plan.pairs, (end + 1) / 2 - begin(filter) / 2);
    }
    std::vector<std::uint32_t> starts;
    std::vector<std::int32_t> weights;
    for (const FilterBank::Filter& filter : bank.filters()) {
        // As many pairs for each: those at the end begin earlier instead of leaving the row.
        const std::size_t start = std::min(begin(filter) / 2, all_pairs - plan.pairs);
        std::vector<std::int16_t> spread(2 * plan.pairs, 0);
        for (std::size_t tap = 0; tap < filter.taps; ++tap) {
            spread[begin(filter) + tap * layout.step - 2 * start] = bank.weights()[filter.at + tap];
        }
        starts.push_back(static_cast<std::uint32_t>(start));
        for (std::size_t k = 0; k < plan.pairs; ++k) {
            weights.push_back(packed(spread[2 * k], spread[2 * k + 1]));
        }
    }
    plan.starts = starts_.emplace_back(std::move(starts)).data();
    plan.weights = weights_.emplace_back(std::move(weights)).data();
}

// A horizontal sum is a stored sample less the middle of its range, times a power of two.
void ClipTransform::fold_colour(const ColourMatrix& colour, unsigned bits, const std::vector<FilterBank>& across) {
    const double middle = std::ldexp(1.0, static_cast<int>(bits) - 1);
    const double scale = static_cast<double>(plan_.top) / 255;
    for (std::size_t c = 0; c < 3; ++c) {
        double addend = colour[c][3] * scale + 0.5;
        for (std::size_t k = 0; k < across.size(); ++k) {
            const int exponent = static_cast<int>(bits) - 16 - static_cast<int>(across[k].shift());
            plan_.colour[c][k] = static_cast<float>(std::ldexp(colour[c][k] * scale, exponent));
            addend += colour[c][k] * scale * middle;
        }
        plan_.colour[c][3] = static_cast<float>(addend);
    }
}

void ClipTransform::operator()(std::span<const PlaneBytes> planes, std::span<std::uint8_t> square) {
    if (planes.size() != needs_.size()) {
        throw std::invalid_argument("the picture has another number of planes");
    }
    if (square.size() != plan_.rows * plan_.columns * 3) {
        throw std::invalid_argument("the picture to write to has another size");
    }
    std::array<CheckedPlane, kMostPlanes> checked{};
    for (std::size_t p = 0; p < planes.size(); ++p) {
        const std::ptrdiff_t line = planes[p].line_size;
        const Need& need = needs_[p];
        const std::size_t pitch =
            line < 0 ? std::size_t{0} - static_cast<std::size_t>(line) : static_cast<std::size_t>(line);
        // Divided rather than multiplied: no product of untrusted sizes can wrap.
        const std::size_t size = planes[p].bytes.size();
        const bool holds =
            size >= need.row_bytes && (need.rows == 1 || (pitch >= need.row_bytes && pitch <= size &&
                                                          (size - need.row_bytes) / pitch >= need.rows - 1));
        if (!holds) {
            throw std::invalid_argument("a plane holds fewer bytes than its size says");
        }
        const std::size_t row_0 = line < 0 ? (need.rows - 1) * pitch : 0;
        checked[p] = {planes[p].bytes.data() + row_0, line};
    }
    const std::lock_guard lock(mutex_);
    std::int32_t* wide = tone_map_ ? wide_.data() : nullptr;
    kernel_of(path_)(plan_, checked.data(), rows_.data(), columns_.data(), square.data(), wide);
    if (tone_map_) {
        (*tone_map_)(wide, plan_.rows, plan_.sample_line, square.data());
    }
}

}  // namespace videobert
