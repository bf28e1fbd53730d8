// The AMX tile algorithm, written once against a small interface of tile instructions: `nearest_kernel_amx.cpp` gives
// it the real ones, the tests give it ones emulated in plain C++. Internal linkage, as in `nearest_kernel_avx512.h`.
#pragma once

#include <cstddef>
#include <cstdint>

#include "nearest/nearest_kernel.h"

namespace videobert {
namespace {

// An AMX tile: up to 16 rows of 64 bytes.
constexpr std::size_t kTileHeight = 16;
constexpr std::size_t kTileBytes = 64;
constexpr std::size_t kAmxTileRows = 2 * kTileHeight;
constexpr std::size_t kTileLanes = kTileBytes / sizeof(std::int32_t);

// The memory image that LDTILECFG reads: Intel SDM volume 1, 18.3. All tiles are full: tiles 0 to 3 are sums (2 blocks
// of rows by 2 of centroids), 4 and 5 points, 6 and 7 centroids, so that 4 loads feed 4 products of 16 x 64 codes by
// 64 x 16.
struct alignas(64) TileConfig {
    std::uint8_t palette = 1;
    std::uint8_t start_row = 0;
    std::uint8_t reserved[14] = {};
    std::uint16_t bytes[16] = {64, 64, 64, 64, 64, 64, 64, 64};
    std::uint8_t rows[16] = {16, 16, 16, 16, 16, 16, 16, 16};
};
static_assert(sizeof(TileConfig) == 64);

// sums (32, 32). Up to 32 rows count, but whole tiles are read: `rows.codes` is followed by at least 31 readable rows,
// whose sums mean nothing. `groups` is a multiple of 16. The layout of a panel, four values of 16 centroids in 64
// bytes, is the one that TDPBSUD wants of its second operand.
template <typename Tiles>
void amx_tile_sums(const TileRows& rows, const TilePanel& panel, std::int32_t* sums) {
    const bool both = rows.rows > kTileHeight;
    const std::int8_t* const upper = rows.codes;
    const std::int8_t* const lower = rows.codes + kTileHeight * rows.stride;
    Tiles::template zero<0>();
    Tiles::template zero<1>();
    Tiles::template zero<2>();
    Tiles::template zero<3>();
    constexpr std::size_t kPanelStride = kPanelWidth * kGroup;
    for (std::size_t g = 0; g < panel.groups; g += kTileHeight) {
        const std::uint8_t* const centroids = panel.codes + g * kPanelStride;
        Tiles::template load<4>(upper + g * kGroup, rows.stride);
        Tiles::template load<6>(centroids, kPanelStride);
        Tiles::template load<7>(centroids + kTileBytes, kPanelStride);
        Tiles::template multiply<0, 4, 6>();
        Tiles::template multiply<1, 4, 7>();
        if (both) {
            Tiles::template load<5>(lower + g * kGroup, rows.stride);
            Tiles::template multiply<2, 5, 6>();
            Tiles::template multiply<3, 5, 7>();
        }
    }
    constexpr std::size_t kSumStride = kPanelWidth * sizeof(std::int32_t);
    Tiles::template store<0>(sums, kSumStride);
    Tiles::template store<1>(sums + kTileLanes, kSumStride);
    if (both) {
        Tiles::template store<2>(sums + kTileHeight * kPanelWidth, kSumStride);
        Tiles::template store<3>(sums + kTileHeight * kPanelWidth + kTileLanes, kSumStride);
    }
}

}  // namespace
}  // namespace videobert
