// AVX2 + FMA. Codes are widened to 16 bits, because the 8-bit product of AVX2 saturates.
//
// Only built-in vectors and functions of this file are used here: it is compiled for AVX2, and a template of the
// standard library that it instantiated could be the copy that the linker keeps for everybody.
#include <immintrin.h>

#include <cstring>

#include "nearest/nearest_kernel.h"

namespace videobert {
namespace {

constexpr std::size_t kTileRows = 3;
// Two halves of a panel are worked on in turn: 4 registers of 4 centroids, for each of 3 rows.
constexpr std::size_t kHalf = kPanelWidth / 2;
constexpr std::size_t kQuarters = 4;

__m256i four_codes(const std::int8_t* codes) {
    std::int32_t word = 0;
    std::memcpy(&word, codes, sizeof(word));
    return _mm256_broadcastq_epi64(_mm_cvtepi8_epi16(_mm_cvtsi32_si128(word)));
}

// Sums of 16 centroids for R rows, as int32.
template <std::size_t R>
void half_sums(const TileRows& rows, std::size_t first, const std::uint8_t* codes, std::size_t groups,
               std::int32_t* sums, std::size_t sums_stride) {
    __m256i total[R][kQuarters];
    for (std::size_t r = 0; r < R; ++r) {
        for (std::size_t q = 0; q < kQuarters; ++q) {
            total[r][q] = _mm256_setzero_si256();
        }
    }
    const std::int8_t* point[R];
    for (std::size_t r = 0; r < R; ++r) {
        point[r] = rows.codes + (first + r) * rows.stride;
    }
    for (std::size_t g = 0; g < groups; ++g) {
        __m256i broadcast[R];
        for (std::size_t r = 0; r < R; ++r) {
            broadcast[r] = four_codes(point[r] + g * kGroup);
        }
        for (std::size_t q = 0; q < kQuarters; ++q) {
            const auto* const packed = reinterpret_cast<const __m128i*>(codes + g * kPanelWidth * kGroup + q * 16);
            const __m256i wide = _mm256_cvtepu8_epi16(_mm_load_si128(packed));
            for (std::size_t r = 0; r < R; ++r) {
                total[r][q] = _mm256_add_epi32(total[r][q], _mm256_madd_epi16(wide, broadcast[r]));
            }
        }
    }
    const __m256i even = _mm256_setr_epi32(0, 2, 4, 6, 0, 2, 4, 6);
    for (std::size_t r = 0; r < R; ++r) {
        for (std::size_t q = 0; q < kQuarters; ++q) {
            // A centroid has two neighbouring sums.
            const __m256i pairs = _mm256_add_epi32(total[r][q], _mm256_srli_epi64(total[r][q], 32));
            const __m128i four = _mm256_castsi256_si128(_mm256_permutevar8x32_epi32(pairs, even));
            _mm_storeu_si128(reinterpret_cast<__m128i*>(sums + r * sums_stride + q * 4), four);
        }
    }
}

void tile_sums(const TileRows& rows, const TilePanel& panel, std::int32_t* sums) {
    for (std::size_t half = 0; half < kPanelWidth; half += kHalf) {
        const std::uint8_t* const codes = panel.codes + half * kGroup;
        switch (rows.rows) {
            case 1:
                half_sums<1>(rows, 0, codes, panel.groups, sums + half, kPanelWidth);
                break;
            case 2:
                half_sums<2>(rows, 0, codes, panel.groups, sums + half, kPanelWidth);
                break;
            default:
                half_sums<3>(rows, 0, codes, panel.groups, sums + half, kPanelWidth);
                break;
        }
    }
}

__m256 eight_values(const std::int32_t* sums, const float* starts, float factor) {
    const __m256 numbers = _mm256_cvtepi32_ps(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(sums)));
    return _mm256_fmadd_ps(numbers, _mm256_set1_ps(factor), _mm256_loadu_ps(starts));
}

bool hits(const TileRows& rows, const TilePanel& panel, const float* thresholds, std::uint32_t* masks, float* values) {
    std::int32_t sums[kTileRows * kPanelWidth];
    tile_sums(rows, panel, sums);
    std::uint32_t any = 0;
    for (std::size_t r = 0; r < rows.rows; ++r) {
        const __m256 threshold = _mm256_set1_ps(thresholds[r]);
        masks[r] = 0;
        for (std::size_t lane = 0; lane < kPanelWidth; lane += 8) {
            const __m256 value = eight_values(sums + r * kPanelWidth + lane, panel.starts + lane, rows.factors[r]);
            _mm256_storeu_ps(values + r * kPanelWidth + lane, value);
            const int reached = _mm256_movemask_ps(_mm256_cmp_ps(value, threshold, _CMP_GE_OQ));
            masks[r] |= static_cast<std::uint32_t>(reached) << lane;
        }
        any |= masks[r];
    }
    return any != 0;
}

void maxima(const TileRows& rows, const TilePanel& panel, float* maxima) {
    std::int32_t sums[kTileRows * kPanelWidth];
    tile_sums(rows, panel, sums);
    for (std::size_t r = 0; r < rows.rows; ++r) {
        const std::int32_t* const own = sums + r * kPanelWidth;
        __m256 greatest = eight_values(own, panel.starts, rows.factors[r]);
        for (std::size_t lane = 8; lane < kPanelWidth; lane += 8) {
            greatest = _mm256_max_ps(greatest, eight_values(own + lane, panel.starts + lane, rows.factors[r]));
        }
        __m128 four = _mm_max_ps(_mm256_castps256_ps128(greatest), _mm256_extractf128_ps(greatest, 1));
        four = _mm_max_ps(four, _mm_movehl_ps(four, four));
        maxima[r] = _mm_cvtss_f32(_mm_max_ss(four, _mm_shuffle_ps(four, four, 1)));
    }
}

std::int32_t dot(const std::uint8_t* centroid, const std::int8_t* point, std::size_t width) {
    __m256i sum = _mm256_setzero_si256();
    for (std::size_t i = 0; i < width; i += 16) {
        const __m256i c = _mm256_cvtepu8_epi16(_mm_loadu_si128(reinterpret_cast<const __m128i*>(centroid + i)));
        const __m256i p = _mm256_cvtepi8_epi16(_mm_loadu_si128(reinterpret_cast<const __m128i*>(point + i)));
        sum = _mm256_add_epi32(sum, _mm256_madd_epi16(c, p));
    }
    __m128i four = _mm_add_epi32(_mm256_castsi256_si128(sum), _mm256_extracti128_si256(sum, 1));
    four = _mm_add_epi32(four, _mm_shuffle_epi32(four, 0x4E));
    four = _mm_add_epi32(four, _mm_shuffle_epi32(four, 0xB1));
    return _mm_cvtsi128_si32(four);
}

float squared_distance(const float* a, const float* b, std::size_t dim) {
    constexpr std::size_t kSums = 4;
    __m256 sums[kSums];
    for (auto& sum : sums) {
        sum = _mm256_setzero_ps();
    }
    std::size_t i = 0;
    for (; i + 8 * kSums <= dim; i += 8 * kSums) {
        for (std::size_t s = 0; s < kSums; ++s) {
            const __m256 difference = _mm256_sub_ps(_mm256_loadu_ps(a + i + 8 * s), _mm256_loadu_ps(b + i + 8 * s));
            sums[s] = _mm256_fmadd_ps(difference, difference, sums[s]);
        }
    }
    const __m256 total = _mm256_add_ps(_mm256_add_ps(sums[0], sums[2]), _mm256_add_ps(sums[1], sums[3]));
    __m128 four = _mm_add_ps(_mm256_castps256_ps128(total), _mm256_extractf128_ps(total, 1));
    four = _mm_add_ps(four, _mm_movehl_ps(four, four));
    float sum = _mm_cvtss_f32(_mm_add_ss(four, _mm_shuffle_ps(four, four, 1)));
    // Fewer than 32 values: a second sum, so that neither has many terms.
    float rest = 0;
    for (; i < dim; ++i) {
        const float difference = a[i] - b[i];
        rest += difference * difference;
    }
    return sum + rest;
}

// 16 columns at a time of R rows.
template <std::size_t R>
void project_columns(const float* points, std::size_t dim, const float* basis, std::size_t columns, float* out) {
    __m256 total[R][2];
    for (std::size_t r = 0; r < R; ++r) {
        total[r][0] = total[r][1] = _mm256_setzero_ps();
    }
    for (std::size_t block = 0; block < dim; block += kProjectionBlock) {
        const std::size_t end = block + kProjectionBlock < dim ? block + kProjectionBlock : dim;
        __m256 partial[R][2];
        for (std::size_t r = 0; r < R; ++r) {
            partial[r][0] = partial[r][1] = _mm256_setzero_ps();
        }
        for (std::size_t i = block; i < end; ++i) {
            const __m256 left = _mm256_loadu_ps(basis + i * columns);
            const __m256 right = _mm256_loadu_ps(basis + i * columns + 8);
            for (std::size_t r = 0; r < R; ++r) {
                const __m256 value = _mm256_broadcast_ss(points + r * dim + i);
                partial[r][0] = _mm256_fmadd_ps(value, left, partial[r][0]);
                partial[r][1] = _mm256_fmadd_ps(value, right, partial[r][1]);
            }
        }
        for (std::size_t r = 0; r < R; ++r) {
            total[r][0] = _mm256_add_ps(total[r][0], partial[r][0]);
            total[r][1] = _mm256_add_ps(total[r][1], partial[r][1]);
        }
    }
    for (std::size_t r = 0; r < R; ++r) {
        _mm256_storeu_ps(out + r * columns, total[r][0]);
        _mm256_storeu_ps(out + r * columns + 8, total[r][1]);
    }
}

void project(const float* points, std::size_t rows, std::size_t dim, const float* basis, std::size_t columns,
             float* out) {
    for (std::size_t c = 0; c < columns; c += 16) {
        std::size_t row = 0;
        for (; row + 4 <= rows; row += 4) {
            project_columns<4>(points + row * dim, dim, basis + c, columns, out + row * columns + c);
        }
        for (; row < rows; ++row) {
            project_columns<1>(points + row * dim, dim, basis + c, columns, out + row * columns + c);
        }
    }
}

}  // namespace

const NearestKernel kNearestAvx2{"avx2", kTileRows, no_state, no_state, hits, maxima, dot, squared_distance, project};

}  // namespace videobert
