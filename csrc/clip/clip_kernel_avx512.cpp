#include "clip/clip_kernel.h"

#if defined(__x86_64__)
#include <immintrin.h>

#include "clip/clip_kernel_simd.h"

namespace videobert {
namespace {

// AVX-512 F and BW. The same operations as in clip_kernel_avx2.cpp, on twice the lanes.
struct Avx512 {
    using I = __m512i;
    using F = __m512;
    static constexpr std::size_t kLanes = 16;

    static I zero() { return _mm512_setzero_si512(); }
    static F no_sum() { return _mm512_setzero_ps(); }
    static I set(std::int32_t value) { return _mm512_set1_epi32(value); }
    static F set(float value) { return _mm512_set1_ps(value); }
    static I load(const void* from) { return _mm512_loadu_si512(from); }
    static void store(void* to, I value) { _mm512_storeu_si512(to, value); }
    static void prefetch(const void* from) { _mm_prefetch(static_cast<const char*>(from), _MM_HINT_T0); }

    static I low_bytes(I a, I b) { return _mm512_unpacklo_epi8(a, b); }
    static I high_bytes(I a, I b) { return _mm512_unpackhi_epi8(a, b); }
    static I low_words(I a, I b) { return _mm512_unpacklo_epi16(a, b); }
    static I high_words(I a, I b) { return _mm512_unpackhi_epi16(a, b); }
    static I pack(I a, I b) { return _mm512_packs_epi32(a, b); }
    static void store_pair(std::int16_t* to, I a, I b) {
        store(to, _mm512_permutex2var_epi64(a, _mm512_setr_epi64(0, 1, 8, 9, 2, 3, 10, 11), b));
        store(to + 32, _mm512_permutex2var_epi64(a, _mm512_setr_epi64(4, 5, 12, 13, 6, 7, 14, 15), b));
    }

    static I multiply_add(I a, I b) { return _mm512_madd_epi16(a, b); }
    static I add(I a, I b) { return _mm512_add_epi32(a, b); }
    static I exclusive_or(I a, I b) { return _mm512_xor_si512(a, b); }
    static I either(I a, I b) { return _mm512_or_si512(a, b); }
    static I shift_right(I a, unsigned count) {
        return _mm512_sra_epi32(a, _mm_cvtsi32_si128(static_cast<int>(count)));
    }
    static I shift_left(I a, unsigned count) { return _mm512_slli_epi32(a, count); }

    static F to_float(I a) { return _mm512_cvtepi32_ps(a); }
    static F multiply(F a, F b) { return _mm512_mul_ps(a, b); }
    static F add(F a, F b) { return _mm512_add_ps(a, b); }
    static I to_whole(F a, F top) {
        return _mm512_cvttps_epi32(_mm512_min_ps(_mm512_max_ps(a, _mm512_setzero_ps()), top));
    }

    static void transpose(I* rows) {
        I t[16];
        for (int i = 0; i < 16; i += 2) {
            t[i] = _mm512_unpacklo_epi32(rows[i], rows[i + 1]);
            t[i + 1] = _mm512_unpackhi_epi32(rows[i], rows[i + 1]);
        }
        I u[16];
        for (int i = 0; i < 16; i += 4) {
            u[i] = _mm512_unpacklo_epi64(t[i], t[i + 2]);
            u[i + 1] = _mm512_unpackhi_epi64(t[i], t[i + 2]);
            u[i + 2] = _mm512_unpacklo_epi64(t[i + 1], t[i + 3]);
            u[i + 3] = _mm512_unpackhi_epi64(t[i + 1], t[i + 3]);
        }
        // u[4 g + k] holds, in 128-bit lane l, column 4 l + k of rows 4 g to 4 g + 3: now a 4 x 4 transposition of
        // lanes.
        for (int k = 0; k < 4; ++k) {
            const I a = _mm512_shuffle_i32x4(u[k], u[k + 4], 0x88);
            const I b = _mm512_shuffle_i32x4(u[k], u[k + 4], 0xDD);
            const I c = _mm512_shuffle_i32x4(u[k + 8], u[k + 12], 0x88);
            const I d = _mm512_shuffle_i32x4(u[k + 8], u[k + 12], 0xDD);
            rows[k] = _mm512_shuffle_i32x4(a, c, 0x88);
            rows[k + 4] = _mm512_shuffle_i32x4(b, d, 0x88);
            rows[k + 8] = _mm512_shuffle_i32x4(a, c, 0xDD);
            rows[k + 12] = _mm512_shuffle_i32x4(b, d, 0xDD);
        }
    }

    static void store_pixels(std::uint8_t* to, I pixels, std::size_t count) {
        const I three = _mm512_set4_epi32(-1, 0x0E0D0C0A, 0x09080605, 0x04020100);
        const I twelve = _mm512_setr_epi32(0, 1, 2, 4, 5, 6, 8, 9, 10, 12, 13, 14, 3, 7, 11, 15);
        const I bytes = _mm512_permutexvar_epi32(twelve, _mm512_shuffle_epi8(pixels, three));
        _mm512_mask_storeu_epi8(to, (__mmask64{1} << (3 * count)) - 1, bytes);
    }
};

}  // namespace

void clip_kernel_avx512(const ClipPlan& plan, const CheckedPlane* planes, std::int16_t* rows, std::int32_t* columns,
                        std::uint8_t* square, std::int32_t* wide) {
    clip_kernel<Avx512>(plan, planes, rows, columns, square, wide);
}

}  // namespace videobert
#endif
