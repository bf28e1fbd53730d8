// VPDPBUSD multiplies 64 pairs of 8-bit codes and adds them to 16 sums without rounding. Internal linkage, as in
// `nearest_kernel_avx512.h`.
#pragma once

#include "nearest/nearest_kernel_avx512.h"

namespace videobert {
namespace {

// 12 rows by two registers of centroids fill 24 of the 32 registers with sums; each step then needs 2 loads of
// centroids and 12 broadcasts for 24 products, so that the multiplier and not the load ports is the limit.
constexpr std::size_t kVnniRows = 12;

inline __m512i broadcast_four(const std::int8_t* codes) {
    std::int32_t word = 0;
    std::memcpy(&word, codes, sizeof(word));
    return _mm512_set1_epi32(word);
}

// sum += products of unsigned by signed codes. In assembly, because around the intrinsic gcc 12 copies every sum to
// another register and to memory at each step, which makes the loop three times as long.
inline void add_products(__m512i& sum, __m512i centroids, __m512i points) {
    __asm__("vpdpbusd %2, %1, %0" : "+v"(sum) : "v"(centroids), "v"(points));
}

template <std::size_t R>
inline void vnni_sums(const TileRows& rows, const TilePanel& panel, __m512i (&sums)[R][2]) {
    __m512i left[R];
    __m512i right[R];
#pragma GCC unroll 16
    for (std::size_t r = 0; r < R; ++r) {
        left[r] = right[r] = _mm512_setzero_si512();
    }
    // One pointer for every three rows: the others are at one and two strides from it.
    const std::size_t stride = rows.stride;
    const std::int8_t* point[(R + 2) / 3];
#pragma GCC unroll 16
    for (std::size_t t = 0; t < (R + 2) / 3; ++t) {
        point[t] = rows.codes + 3 * t * stride;
    }
    const std::uint8_t* centroid = panel.codes;
    const std::uint8_t* const end = centroid + panel.groups * kPanelWidth * kGroup;
    for (; centroid != end; centroid += kPanelWidth * kGroup) {
        const __m512i lower = _mm512_load_si512(centroid);
        const __m512i upper = _mm512_load_si512(centroid + kCodeUnit);
#pragma GCC unroll 16
        for (std::size_t r = 0; r < R; ++r) {
            const __m512i group = broadcast_four(point[r / 3] + (r % 3) * stride);
            add_products(left[r], lower, group);
            add_products(right[r], upper, group);
        }
#pragma GCC unroll 16
        for (std::size_t t = 0; t < (R + 2) / 3; ++t) {
            point[t] += kGroup;
        }
    }
#pragma GCC unroll 16
    for (std::size_t r = 0; r < R; ++r) {
        sums[r][0] = left[r];
        sums[r][1] = right[r];
    }
}

template <std::size_t R>
bool hits_of(const TileRows& rows, const TilePanel& panel, const float* thresholds, std::uint32_t* masks,
             float* values) {
    __m512i sums[R][2];
    vnni_sums<R>(rows, panel, sums);
    return hits512<R>(sums, rows, panel, thresholds, masks, values);
}

template <std::size_t R>
void maxima_of(const TileRows& rows, const TilePanel& panel, float* maxima) {
    __m512i sums[R][2];
    vnni_sums<R>(rows, panel, sums);
    maxima512<R>(sums, rows, panel, maxima);
}

inline bool hits_vnni(const TileRows& rows, const TilePanel& panel, const float* thresholds, std::uint32_t* masks,
                      float* values) {
    constexpr decltype(&hits_of<1>) kOf[kVnniRows] = {hits_of<1>, hits_of<2>,  hits_of<3>,  hits_of<4>,
                                                      hits_of<5>, hits_of<6>,  hits_of<7>,  hits_of<8>,
                                                      hits_of<9>, hits_of<10>, hits_of<11>, hits_of<12>};
    return kOf[rows.rows - 1](rows, panel, thresholds, masks, values);
}

inline void maxima_vnni(const TileRows& rows, const TilePanel& panel, float* maxima) {
    constexpr decltype(&maxima_of<1>) kOf[kVnniRows] = {maxima_of<1>, maxima_of<2>,  maxima_of<3>,  maxima_of<4>,
                                                        maxima_of<5>, maxima_of<6>,  maxima_of<7>,  maxima_of<8>,
                                                        maxima_of<9>, maxima_of<10>, maxima_of<11>, maxima_of<12>};
    kOf[rows.rows - 1](rows, panel, maxima);
}

inline std::int32_t dot_vnni(const std::uint8_t* centroid, const std::int8_t* point, std::size_t width) {
    // Two sums in turn hide most of the multiplier's latency; the calls for neighbouring centroids overlap the rest.
    __m512i sums[2] = {_mm512_setzero_si512(), _mm512_setzero_si512()};
    std::size_t i = 0;
    for (; i + 2 * kCodeUnit <= width; i += 2 * kCodeUnit) {
        sums[0] = _mm512_dpbusd_epi32(sums[0], _mm512_loadu_si512(centroid + i), _mm512_loadu_si512(point + i));
        sums[1] = _mm512_dpbusd_epi32(sums[1], _mm512_loadu_si512(centroid + i + kCodeUnit),
                                      _mm512_loadu_si512(point + i + kCodeUnit));
    }
    if (i < width) {
        sums[0] = _mm512_dpbusd_epi32(sums[0], _mm512_loadu_si512(centroid + i), _mm512_loadu_si512(point + i));
    }
    return _mm512_reduce_add_epi32(_mm512_add_epi32(sums[0], sums[1]));
}

}  // namespace
}  // namespace videobert
