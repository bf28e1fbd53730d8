// The kernel of the vector paths, written once. `V` is the vector of one instruction set, a type of the one file that
// is compiled for it; see clip_kernel_avx2.cpp for what it offers.
//
// A batch of V::kLanes output rows is worked on at a time:
//   1. Vertical filter, row by row of the output: rows of samples as stored are contiguous. Two input rows are
//      interleaved, so that one multiply-add takes both. Sums are rounded to 16 bits around the middle of the range.
//   2. Transposition, so that a vector holds two neighbouring samples of each of the batch's rows.
//   3. Horizontal filter, output column by column: every row of the batch in its own lane, weights broadcast. No sum
//      runs across lanes, any ratio of sizes is the same code, and unused samples of interleaved planes cost a zero
//      weight instead of a shuffle.
//   4. Colour in float32: multiplications and additions in a fixed order, never fused, so that all paths agree.
//   5. A square of V::kLanes columns is transposed back and stored, as bytes or, where tone mapping follows, as 32-bit
//      samples; where the picture is turned by a quarter it is already as needed.
#pragma once

#include "clip/clip_blend.h"
#include "clip/clip_plan.h"

namespace videobert {

// Rows that the next output row needs and this one does not, as few lines at a time as are needed soon: each is a
// stream of its own, more than a processor follows by itself.
template <class V>
struct Ahead {
    const std::uint8_t* row;
    std::size_t rows;
    std::ptrdiff_t line;

    void fetch(std::size_t byte) const {
        const std::uint8_t* at = row + byte;
        for (std::size_t k = 0; k < rows; ++k, at += line) {
            V::prefetch(at);
        }
    }
};

template <class V>
void blend_bytes(const PlanePlan& plane, const RowFilter& filter, const std::uint8_t* top, std::ptrdiff_t line,
                 const Ahead<V>& ahead, std::int16_t* out) {
    using I = typename V::I;
    constexpr std::size_t kBlock = 4 * V::kLanes;
    const std::int32_t* weights = plane.weights + filter.at;
    for (std::size_t c = 0;;) {
        I a = V::set(plane.addend);
        I b = a;
        I d = a;
        I e = a;
        ahead.fetch(c);
        const std::uint8_t* row = top + c;
        for (std::size_t tap = 0; tap < filter.taps; tap += 2) {
            const I weight = V::set(weights[tap / 2]);
            const I one = V::load(row);
            const I two = V::load(tap + 1 < filter.taps ? row + line : row);
            row += 2 * line;
            const I low = V::low_bytes(one, two);
            const I high = V::high_bytes(one, two);
            a = V::add(a, V::multiply_add(V::low_bytes(low, V::zero()), weight));
            b = V::add(b, V::multiply_add(V::high_bytes(low, V::zero()), weight));
            d = V::add(d, V::multiply_add(V::low_bytes(high, V::zero()), weight));
            e = V::add(e, V::multiply_add(V::high_bytes(high, V::zero()), weight));
        }
        V::store_pair(out + c, V::pack(V::shift_right(a, plane.shift), V::shift_right(b, plane.shift)),
                      V::pack(V::shift_right(d, plane.shift), V::shift_right(e, plane.shift)));
        if (c + kBlock >= plane.samples) {
            return;
        }
        // The last block overlaps the one before it rather than leave the row.
        c = c + 2 * kBlock <= plane.samples ? c + kBlock : plane.samples - kBlock;
    }
}

template <class V>
void blend_words(const ClipPlan& plan, const PlanePlan& plane, const RowFilter& filter, const std::uint8_t* top,
                 std::ptrdiff_t line, const Ahead<V>& ahead, std::int16_t* out) {
    using I = typename V::I;
    constexpr std::size_t kBlock = 2 * V::kLanes;
    const std::int32_t* weights = plane.weights + filter.at;
    const I flip = V::set(static_cast<std::int32_t>(plan.flip * 0x10001U));
    for (std::size_t c = 0;;) {
        I a = V::set(plane.addend);
        I b = a;
        ahead.fetch(2 * c);
        const std::uint8_t* row = top + 2 * c;
        for (std::size_t tap = 0; tap < filter.taps; tap += 2) {
            const I weight = V::set(weights[tap / 2]);
            const I one = V::exclusive_or(V::load(row), flip);
            const I two = V::exclusive_or(V::load(tap + 1 < filter.taps ? row + line : row), flip);
            row += 2 * line;
            a = V::add(a, V::multiply_add(V::low_words(one, two), weight));
            b = V::add(b, V::multiply_add(V::high_words(one, two), weight));
        }
        V::store(out + c, V::pack(V::shift_right(a, plane.shift), V::shift_right(b, plane.shift)));
        if (c + kBlock >= plane.samples) {
            return;
        }
        c = c + 2 * kBlock <= plane.samples ? c + kBlock : plane.samples - kBlock;
    }
}

template <class V>
void blend(const ClipPlan& plan, const PlanePlan& plane, const CheckedPlane& view, std::size_t row, std::int16_t* out) {
    const RowFilter& filter = plane.rows[row];
    const auto at = [&](std::size_t y) {
        return view.row + static_cast<std::ptrdiff_t>(y) * view.line +
               static_cast<std::ptrdiff_t>(plane.first * plan.sample_bytes);
    };
    const std::uint8_t* top = at(filter.start);
    if (plane.samples * plan.sample_bytes < sizeof(typename V::I)) {
        blend_any<V>(plan, plane, filter, top, view.line, out);
        return;
    }
    const RowFilter& next = plane.rows[row + 1 < plan.rows ? row + 1 : row];
    const std::size_t end = filter.start + filter.taps;
    const std::size_t next_end = next.start + next.taps;
    Ahead<V> ahead{top, 0, view.line};
    if (next_end > end) {
        const std::size_t first = next.start > end ? next.start : end;
        ahead = {at(first), next_end - first, view.line};
    } else if (next.start < filter.start) {
        ahead = {at(next.start), (next_end < filter.start ? next_end : filter.start) - next.start, view.line};
    }
    if (plan.sample_bytes == 1) {
        blend_bytes<V>(plane, filter, top, view.line, ahead, out);
    } else {
        blend_words<V>(plan, plane, filter, top, view.line, ahead, out);
    }
}

// Rows of 16-bit samples to columns: element c of `columns` holds samples 2 c and 2 c + 1 of every row.
template <class V>
void to_columns(const PlanePlan& plane, const std::int16_t* rows, std::int32_t* columns) {
    typename V::I block[V::kLanes];
    for (std::size_t c = 0; 2 * c < plane.samples; c += V::kLanes) {
        for (std::size_t lane = 0; lane < V::kLanes; ++lane) {
            block[lane] = V::load(rows + lane * plane.stride + 2 * c);
        }
        V::transpose(block);
        for (std::size_t lane = 0; lane < V::kLanes; ++lane) {
            V::store(columns + (c + lane) * V::kLanes, block[lane]);
        }
    }
}

template <class V>
typename V::F column_sum(const ComponentPlan& component, const std::int32_t* columns, std::size_t j) {
    const std::int32_t* samples = columns + std::size_t{component.starts[j]} * V::kLanes;
    const std::int32_t* weights = component.weights + j * component.pairs;
    typename V::I sum = V::zero();
    for (std::size_t k = 0; k < component.pairs; ++k) {
        sum = V::add(sum, V::multiply_add(V::load(samples + k * V::kLanes), V::set(weights[k])));
    }
    return V::to_float(sum);
}

// Red, green or blue.
template <class V>
typename V::I colour_of(const ClipPlan& plan, std::size_t c, const typename V::F* sums) {
    const float* row = plan.colour[c];
    const auto xy = V::add(V::multiply(sums[0], V::set(row[0])), V::multiply(sums[1], V::set(row[1])));
    return V::to_whole(V::add(V::add(xy, V::multiply(sums[2], V::set(row[2]))), V::set(row[3])), V::set(plan.top));
}

// Four bytes to a pixel, the last one zero.
template <class V>
typename V::I to_pixels(const ClipPlan& plan, const typename V::F* sums) {
    const auto red = colour_of<V>(plan, 0, sums);
    const auto green = colour_of<V>(plan, 1, sums);
    const auto blue = colour_of<V>(plan, 2, sums);
    return V::either(red, V::either(V::shift_left(green, 8), V::shift_left(blue, 16)));
}

// Samples of one colour, a column of the planes in each vector of `tile`, to `plane`; whole vectors are written.
template <class V>
void store_wide(const ClipPlan& plan, typename V::I* tile, std::size_t i, std::size_t j, std::int32_t* plane) {
    if (!plan.swap) {
        V::transpose(tile);
    }
    std::int32_t* first = plane + (plan.swap ? j * plan.sample_line + i : i * plan.sample_line + j);
    for (std::size_t lane = 0; lane < V::kLanes; ++lane) {
        V::store(first + lane * plan.sample_line, tile[lane]);
    }
}

template <class V>
void clip_kernel(const ClipPlan& plan, const CheckedPlane* planes, std::int16_t* rows, std::int32_t* columns,
                 std::uint8_t* square, std::int32_t* wide) {
    for (std::size_t i = 0; i < plan.rows; i += V::kLanes) {
        const std::size_t height = plan.rows - i < V::kLanes ? plan.rows - i : V::kLanes;
        for (std::size_t p = 0; p < plan.plane_count; ++p) {
            const PlanePlan& plane = plan.planes[p];
            for (std::size_t lane = 0; lane < height; ++lane) {
                blend<V>(plan, plane, planes[p], i + lane, rows + lane * plane.stride);
            }
            to_columns<V>(plane, rows, columns + plane.column_at);
        }
        typename V::I tile[V::kLanes];
        typename V::I wide_tiles[3][V::kLanes] = {};
        for (std::size_t j = 0; j < plan.columns; j += V::kLanes) {
            const std::size_t width = plan.columns - j < V::kLanes ? plan.columns - j : V::kLanes;
            for (std::size_t lane = 0; lane < width; ++lane) {
                typename V::F sums[3] = {V::no_sum(), V::no_sum(), V::no_sum()};
                for (std::size_t c = 0; c < plan.component_count; ++c) {
                    const ComponentPlan& component = plan.components[c];
                    sums[c] = column_sum<V>(component, columns + plan.planes[component.plane].column_at, j + lane);
                }
                if (wide == nullptr) {
                    tile[lane] = to_pixels<V>(plan, sums);
                    continue;
                }
                for (std::size_t c = 0; c < 3; ++c) {
                    wide_tiles[c][lane] = colour_of<V>(plan, c, sums);
                }
            }
            if (wide != nullptr) {
                for (std::size_t c = 0; c < 3; ++c) {
                    store_wide<V>(plan, wide_tiles[c], i, j, wide + c * plan.sample_line * plan.sample_line);
                }
                continue;
            }
            if (plan.swap) {
                for (std::size_t lane = 0; lane < width; ++lane) {
                    V::store_pixels(square + 3 * ((j + lane) * plan.width + i), tile[lane], height);
                }
                continue;
            }
            for (std::size_t lane = width; lane < V::kLanes; ++lane) {
                tile[lane] = V::zero();
            }
            V::transpose(tile);
            for (std::size_t lane = 0; lane < height; ++lane) {
                V::store_pixels(square + 3 * ((i + lane) * plan.width + j), tile[lane], width);
            }
        }
    }
}

}  // namespace videobert
