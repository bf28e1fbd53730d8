// AMX: TDPBSUD multiplies a tile of 16 rows by one of 16 centroids, 64 codes each, exactly, into int32.
//
// Codes are 8-bit and not bf16: the tile unit does twice as many of them in a cycle, the codebook is half the bytes,
// the sums have no rounding, and they are the same integers that every other path computes.
#include "nearest/nearest_amx.h"
#include "nearest/nearest_kernel_vnni.h"

namespace videobert {
namespace {

// A tile costs the same whether it is full or not; fewer rows than this are faster without.
constexpr std::size_t kFewestRows = 8;

// In assembly: the intrinsics of gcc 12 are macros that paste the tile's number into a register's name, so they take
// a literal and no template argument.
struct HardwareTiles {
    template <int T>
    static void zero() {
        __asm__ volatile("tilezero %%tmm%c0" ::"i"(T));
    }
    template <int T>
    static void load(const void* data, std::size_t stride) {
        __asm__ volatile("tileloadd (%0,%1,1), %%tmm%c2" ::"r"(data), "r"(stride), "i"(T) : "memory");
    }
    template <int T>
    static void store(void* data, std::size_t stride) {
        __asm__ volatile("tilestored %%tmm%c2, (%0,%1,1)" ::"r"(data), "r"(stride), "i"(T) : "memory");
    }
    template <int Sum, int Points, int Centroids>
    static void multiply() {
        __asm__ volatile("tdpbsud %%tmm%c2, %%tmm%c1, %%tmm%c0" ::"i"(Sum), "i"(Points), "i"(Centroids));
    }
};

// In assembly too: to the compiler, the intrinsic of gcc 12 reads the first eight bytes only, so that the rest of a
// local one is never written, and LDTILECFG faults on what happens to lie there.
constexpr TileConfig kTileConfig;

void load_tiles() { __asm__ volatile("ldtilecfg %0" ::"m"(kTileConfig)); }

void release_tiles() { _tile_release(); }

inline void registers_of(const std::int32_t* sums, __m512i (&out)[1][2]) {
    out[0][0] = _mm512_loadu_si512(sums);
    out[0][1] = _mm512_loadu_si512(sums + kLanes512);
}

bool hits(const TileRows& rows, const TilePanel& panel, const float* thresholds, std::uint32_t* masks, float* values) {
    if (rows.rows < kFewestRows) {
        return hits_vnni(rows, panel, thresholds, masks, values);
    }
    alignas(64) std::int32_t sums[kAmxTileRows * kPanelWidth];
    amx_tile_sums<HardwareTiles>(rows, panel, sums);
    bool any = false;
    for (std::size_t r = 0; r < rows.rows; ++r) {
        __m512i own[1][2];
        registers_of(sums + r * kPanelWidth, own);
        const TileRows row{rows.codes, rows.stride, 1, rows.factors + r};
        any |= hits512<1>(own, row, panel, thresholds + r, masks + r, values + r * kPanelWidth);
    }
    return any;
}

void maxima(const TileRows& rows, const TilePanel& panel, float* maxima) {
    if (rows.rows < kFewestRows) {
        maxima_vnni(rows, panel, maxima);
        return;
    }
    alignas(64) std::int32_t sums[kAmxTileRows * kPanelWidth];
    amx_tile_sums<HardwareTiles>(rows, panel, sums);
    for (std::size_t r = 0; r < rows.rows; ++r) {
        __m512i own[1][2];
        registers_of(sums + r * kPanelWidth, own);
        const TileRows row{rows.codes, rows.stride, 1, rows.factors + r};
        maxima512<1>(own, row, panel, maxima + r);
    }
}

}  // namespace

const NearestKernel kNearestAmx{"amx",  kAmxTileRows, load_tiles,          release_tiles, hits,
                                maxima, dot_vnni,     squared_distance512, project512};

}  // namespace videobert
