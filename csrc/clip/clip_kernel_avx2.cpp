#include "clip/clip_kernel.h"

#if defined(__x86_64__)
#include <immintrin.h>

#include "clip/clip_kernel_simd.h"

namespace videobert {
namespace {

struct Avx2 {
    using I = __m256i;
    using F = __m256;
    static constexpr std::size_t kLanes = 8;

    static I zero() { return _mm256_setzero_si256(); }
    static F no_sum() { return _mm256_setzero_ps(); }
    static I set(std::int32_t value) { return _mm256_set1_epi32(value); }
    static F set(float value) { return _mm256_set1_ps(value); }
    static I load(const void* from) { return _mm256_loadu_si256(static_cast<const I*>(from)); }
    static void store(void* to, I value) { _mm256_storeu_si256(static_cast<I*>(to), value); }
    static void prefetch(const void* from) { _mm_prefetch(static_cast<const char*>(from), _MM_HINT_T0); }

    // Interleaving, packing and its inverse all work within 128 bits: one after the other they keep samples in order.
    static I low_bytes(I a, I b) { return _mm256_unpacklo_epi8(a, b); }
    static I high_bytes(I a, I b) { return _mm256_unpackhi_epi8(a, b); }
    static I low_words(I a, I b) { return _mm256_unpacklo_epi16(a, b); }
    static I high_words(I a, I b) { return _mm256_unpackhi_epi16(a, b); }
    static I pack(I a, I b) { return _mm256_packs_epi32(a, b); }
    static void store_pair(std::int16_t* to, I a, I b) {
        store(to, _mm256_permute2x128_si256(a, b, 0x20));
        store(to + 16, _mm256_permute2x128_si256(a, b, 0x31));
    }

    static I multiply_add(I a, I b) { return _mm256_madd_epi16(a, b); }
    static I add(I a, I b) { return _mm256_add_epi32(a, b); }
    static I exclusive_or(I a, I b) { return _mm256_xor_si256(a, b); }
    static I either(I a, I b) { return _mm256_or_si256(a, b); }
    static I shift_right(I a, unsigned count) {
        return _mm256_sra_epi32(a, _mm_cvtsi32_si128(static_cast<int>(count)));
    }
    static I shift_left(I a, int count) { return _mm256_slli_epi32(a, count); }

    static F to_float(I a) { return _mm256_cvtepi32_ps(a); }
    static F multiply(F a, F b) { return _mm256_mul_ps(a, b); }
    static F add(F a, F b) { return _mm256_add_ps(a, b); }
    static I to_whole(F a, F top) {
        return _mm256_cvttps_epi32(_mm256_min_ps(_mm256_max_ps(a, _mm256_setzero_ps()), top));
    }

    static void transpose(I* rows) {
        I t[8];
        for (int i = 0; i < 8; i += 2) {
            t[i] = _mm256_unpacklo_epi32(rows[i], rows[i + 1]);
            t[i + 1] = _mm256_unpackhi_epi32(rows[i], rows[i + 1]);
        }
        I u[8];
        for (int i = 0; i < 8; i += 4) {
            u[i] = _mm256_unpacklo_epi64(t[i], t[i + 2]);
            u[i + 1] = _mm256_unpackhi_epi64(t[i], t[i + 2]);
            u[i + 2] = _mm256_unpacklo_epi64(t[i + 1], t[i + 3]);
            u[i + 3] = _mm256_unpackhi_epi64(t[i + 1], t[i + 3]);
        }
        for (int i = 0; i < 4; ++i) {
            rows[i] = _mm256_permute2x128_si256(u[i], u[i + 4], 0x20);
            rows[i + 4] = _mm256_permute2x128_si256(u[i], u[i + 4], 0x31);
        }
    }

    static void store_pixels(std::uint8_t* to, I pixels, std::size_t count) {
        const I three = _mm256_setr_epi8(0, 1, 2, 4, 5, 6, 8, 9, 10, 12, 13, 14, -1, -1, -1, -1, 0, 1, 2, 4, 5, 6, 8, 9,
                                         10, 12, 13, 14, -1, -1, -1, -1);
        const I bytes = _mm256_shuffle_epi8(pixels, three);
        alignas(32) std::uint8_t some[32];
        std::uint8_t* all = count == kLanes ? to : some;
        const __m128i low = _mm256_castsi256_si128(bytes);
        const __m128i high = _mm256_extracti128_si256(bytes, 1);
        // Exactly 24 bytes: the second store covers the four surplus bytes of the first.
        _mm_storeu_si128(reinterpret_cast<__m128i*>(all), low);
        _mm_storel_epi64(reinterpret_cast<__m128i*>(all + 12), high);
        const int last = _mm_extract_epi32(high, 2);
        std::memcpy(all + 20, &last, sizeof last);
        if (count != kLanes) {
            std::memcpy(to, some, 3 * count);
        }
    }
};

}  // namespace

void clip_kernel_avx2(const ClipPlan& plan, const CheckedPlane* planes, std::int16_t* rows, std::int32_t* columns,
                      std::uint8_t* square, std::int32_t* wide) {
    clip_kernel<Avx2>(plan, planes, rows, columns, square, wide);
}

}  // namespace videobert
#endif
