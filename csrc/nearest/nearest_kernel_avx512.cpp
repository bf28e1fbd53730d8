// AVX-512 without VNNI (Skylake and Cascade Lake's elder siblings): codes are widened to 16 bits for VPMADDWD.
#include "nearest/nearest_kernel_avx512.h"

namespace videobert {
namespace {

constexpr std::size_t kTileRows = 5;
// A register holds 8 centroids of 4 values in 16 bits.
constexpr std::size_t kQuarters = 4;

inline __m512i broadcast_group(const std::int8_t* codes) {
    std::int32_t word = 0;
    std::memcpy(&word, codes, sizeof(word));
    return _mm512_broadcastq_epi64(_mm_cvtepi8_epi16(_mm_cvtsi32_si128(word)));
}

// The 8 sums of a register in which every centroid has two neighbouring ones.
inline __m256i paired(__m512i halves) {
    return _mm512_cvtepi64_epi32(_mm512_add_epi32(halves, _mm512_srli_epi64(halves, 32)));
}

template <std::size_t R>
inline void tile_sums(const TileRows& rows, const TilePanel& panel, __m512i (&sums)[R][2]) {
    __m512i total[R][kQuarters];
#pragma GCC unroll 8
    for (std::size_t r = 0; r < R; ++r) {
#pragma GCC unroll 4
        for (std::size_t q = 0; q < kQuarters; ++q) {
            total[r][q] = _mm512_setzero_si512();
        }
    }
    for (std::size_t g = 0; g < panel.groups; ++g) {
        const std::uint8_t* const group = panel.codes + g * kPanelWidth * kGroup;
        __m512i wide[kQuarters];
#pragma GCC unroll 4
        for (std::size_t q = 0; q < kQuarters; ++q) {
            wide[q] = _mm512_cvtepu8_epi16(_mm256_load_si256(reinterpret_cast<const __m256i*>(group + q * 32)));
        }
#pragma GCC unroll 8
        for (std::size_t r = 0; r < R; ++r) {
            const __m512i point = broadcast_group(rows.codes + r * rows.stride + g * kGroup);
#pragma GCC unroll 4
            for (std::size_t q = 0; q < kQuarters; ++q) {
                total[r][q] = _mm512_add_epi32(total[r][q], _mm512_madd_epi16(wide[q], point));
            }
        }
    }
#pragma GCC unroll 8
    for (std::size_t r = 0; r < R; ++r) {
        for (std::size_t half = 0; half < 2; ++half) {
            sums[r][half] = _mm512_inserti64x4(_mm512_castsi256_si512(paired(total[r][2 * half])),
                                               paired(total[r][2 * half + 1]), 1);
        }
    }
}

template <std::size_t R>
bool hits_of(const TileRows& rows, const TilePanel& panel, const float* thresholds, std::uint32_t* masks,
             float* values) {
    __m512i sums[R][2];
    tile_sums<R>(rows, panel, sums);
    return hits512<R>(sums, rows, panel, thresholds, masks, values);
}

template <std::size_t R>
void maxima_of(const TileRows& rows, const TilePanel& panel, float* maxima) {
    __m512i sums[R][2];
    tile_sums<R>(rows, panel, sums);
    maxima512<R>(sums, rows, panel, maxima);
}

bool hits(const TileRows& rows, const TilePanel& panel, const float* thresholds, std::uint32_t* masks, float* values) {
    constexpr decltype(&hits_of<1>) kOf[kTileRows] = {hits_of<1>, hits_of<2>, hits_of<3>, hits_of<4>, hits_of<5>};
    return kOf[rows.rows - 1](rows, panel, thresholds, masks, values);
}

void maxima(const TileRows& rows, const TilePanel& panel, float* maxima) {
    constexpr decltype(&maxima_of<1>) kOf[kTileRows] = {maxima_of<1>, maxima_of<2>, maxima_of<3>, maxima_of<4>,
                                                        maxima_of<5>};
    kOf[rows.rows - 1](rows, panel, maxima);
}

std::int32_t dot(const std::uint8_t* centroid, const std::int8_t* point, std::size_t width) {
    __m512i sum = _mm512_setzero_si512();
    for (std::size_t i = 0; i < width; i += 32) {
        const __m256i codes = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(centroid + i));
        const __m256i values = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(point + i));
        sum = _mm512_add_epi32(sum, _mm512_madd_epi16(_mm512_cvtepu8_epi16(codes), _mm512_cvtepi8_epi16(values)));
    }
    return _mm512_reduce_add_epi32(sum);
}

}  // namespace

const NearestKernel kNearestAvx512{"avx512", kTileRows,           no_state,  no_state, hits, maxima,
                                   dot,      squared_distance512, project512};

}  // namespace videobert
