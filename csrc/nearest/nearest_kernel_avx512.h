// What the AVX-512 kernels share. Everything here has internal linkage: the files that include it are compiled for
// different instruction sets, and none may lend its copy to another.
#pragma once

#include <immintrin.h>

#include <cstring>

#include "nearest/nearest_kernel.h"

namespace videobert {
namespace {

constexpr std::size_t kLanes512 = 16;

inline __m512 values512(__m512i sums, const float* starts, float factor) {
    return _mm512_fmadd_ps(_mm512_cvtepi32_ps(sums), _mm512_set1_ps(factor), _mm512_loadu_ps(starts));
}

// Compares the sums of a tile, two registers a row, with the rows' thresholds.
template <std::size_t R>
inline bool hits512(const __m512i (&sums)[R][2], const TileRows& rows, const TilePanel& panel, const float* thresholds,
                    std::uint32_t* masks, float* values) {
    std::uint32_t any = 0;
    __m512 value[R][2];
#pragma GCC unroll 16
    for (std::size_t r = 0; r < R; ++r) {
        const __m512 threshold = _mm512_set1_ps(thresholds[r]);
        value[r][0] = values512(sums[r][0], panel.starts, rows.factors[r]);
        value[r][1] = values512(sums[r][1], panel.starts + kLanes512, rows.factors[r]);
        const std::uint32_t low = _mm512_cmp_ps_mask(value[r][0], threshold, _CMP_GE_OQ);
        const std::uint32_t high = _mm512_cmp_ps_mask(value[r][1], threshold, _CMP_GE_OQ);
        masks[r] = low | (high << kLanes512);
        any |= masks[r];
    }
    if (any == 0) {
        return false;
    }
#pragma GCC unroll 16
    for (std::size_t r = 0; r < R; ++r) {
        _mm512_storeu_ps(values + r * kPanelWidth, value[r][0]);
        _mm512_storeu_ps(values + r * kPanelWidth + kLanes512, value[r][1]);
    }
    return true;
}

// The greatest value of each row of a tile.
template <std::size_t R>
inline void maxima512(const __m512i (&sums)[R][2], const TileRows& rows, const TilePanel& panel, float* maxima) {
#pragma GCC unroll 16
    for (std::size_t r = 0; r < R; ++r) {
        maxima[r] =
            _mm512_reduce_max_ps(_mm512_max_ps(values512(sums[r][0], panel.starts, rows.factors[r]),
                                               values512(sums[r][1], panel.starts + kLanes512, rows.factors[r])));
    }
}

inline float squared_distance512(const float* a, const float* b, std::size_t dim) {
    constexpr std::size_t kSums = 4;
    __m512 sums[kSums];
    for (auto& sum : sums) {
        sum = _mm512_setzero_ps();
    }
    std::size_t i = 0;
    for (; i + kLanes512 * kSums <= dim; i += kLanes512 * kSums) {
#pragma GCC unroll 4
        for (std::size_t s = 0; s < kSums; ++s) {
            const std::size_t at = i + kLanes512 * s;
            const __m512 difference = _mm512_sub_ps(_mm512_loadu_ps(a + at), _mm512_loadu_ps(b + at));
            sums[s] = _mm512_fmadd_ps(difference, difference, sums[s]);
        }
    }
    for (; i < dim; i += kLanes512) {
        const std::size_t left = dim - i;
        const __mmask16 mask = _cvtu32_mask16(left >= kLanes512 ? 0xFFFFU : (1U << left) - 1U);
        const __m512 difference = _mm512_sub_ps(_mm512_maskz_loadu_ps(mask, a + i), _mm512_maskz_loadu_ps(mask, b + i));
        sums[0] = _mm512_fmadd_ps(difference, difference, sums[0]);
    }
    return _mm512_reduce_add_ps(_mm512_add_ps(_mm512_add_ps(sums[0], sums[2]), _mm512_add_ps(sums[1], sums[3])));
}

// 64 columns of R rows.
template <std::size_t R>
inline void project_columns512(const float* points, std::size_t dim, const float* basis, std::size_t columns,
                               float* out) {
    constexpr std::size_t kRegisters = kProjectionUnit / kLanes512;
    for (std::size_t block = 0; block < dim; block += kProjectionBlock) {
        const std::size_t end = block + kProjectionBlock < dim ? block + kProjectionBlock : dim;
        __m512 partial[R][kRegisters];
#pragma GCC unroll 8
        for (std::size_t r = 0; r < R; ++r) {
#pragma GCC unroll 4
            for (std::size_t c = 0; c < kRegisters; ++c) {
                partial[r][c] = _mm512_setzero_ps();
            }
        }
        for (std::size_t i = block; i < end; ++i) {
            __m512 column[kRegisters];
#pragma GCC unroll 4
            for (std::size_t c = 0; c < kRegisters; ++c) {
                column[c] = _mm512_loadu_ps(basis + i * columns + c * kLanes512);
            }
#pragma GCC unroll 8
            for (std::size_t r = 0; r < R; ++r) {
                const __m512 value = _mm512_set1_ps(points[r * dim + i]);
#pragma GCC unroll 4
                for (std::size_t c = 0; c < kRegisters; ++c) {
                    partial[r][c] = _mm512_fmadd_ps(value, column[c], partial[r][c]);
                }
            }
        }
#pragma GCC unroll 8
        for (std::size_t r = 0; r < R; ++r) {
#pragma GCC unroll 4
            for (std::size_t c = 0; c < kRegisters; ++c) {
                float* const at = out + r * columns + c * kLanes512;
                const __m512 before = block == 0 ? _mm512_setzero_ps() : _mm512_loadu_ps(at);
                _mm512_storeu_ps(at, _mm512_add_ps(before, partial[r][c]));
            }
        }
    }
}

inline void project512(const float* points, std::size_t rows, std::size_t dim, const float* basis, std::size_t columns,
                       float* out) {
    for (std::size_t c = 0; c < columns; c += kProjectionUnit) {
        std::size_t row = 0;
        for (; row + 6 <= rows; row += 6) {
            project_columns512<6>(points + row * dim, dim, basis + c, columns, out + row * columns + c);
        }
        for (; row < rows; ++row) {
            project_columns512<1>(points + row * dim, dim, basis + c, columns, out + row * columns + c);
        }
    }
}

}  // namespace
}  // namespace videobert
