// Tone mapping: each step by tables whose values are known, and tables that are not what they should be.
#include "clip/tone_map.h"

#include <array>
#include <cmath>
#include <cstdio>
#include <limits>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

namespace {

using videobert::ToneMap;
using videobert::ToneMapTables;

int failures = 0;

void expect(bool held, const std::string& what) {
    if (!held) {
        std::fprintf(stderr, "FAILED: %s\n", what.c_str());
        ++failures;
    }
}

// Light is the coded value; the code of light tells its place, sixteen places to a code.
ToneMapTables known_tables() {
    ToneMapTables tables{std::vector<float>(ToneMap::kTop + 1),     {0.25F, 0.5F, 0.25F},
                         std::vector<float>(ToneMap::kSteps, 1.0F), std::vector<float>(ToneMap::kSteps, 1.0F),
                         {{{1, 0, 0}, {0, 1, 0}, {0, 0, 1}}},       std::vector<std::uint8_t>(ToneMap::kSteps)};
    for (std::size_t i = 0; i < tables.light.size(); ++i) {
        tables.light[i] = static_cast<float>(i) / static_cast<float>(ToneMap::kTop);
    }
    for (std::size_t i = 0; i < ToneMap::kSteps; ++i) {
        tables.codes[i] = static_cast<std::uint8_t>(i / 16);
    }
    return tables;
}

int code_of(double light) { return static_cast<int>(std::pow(light, 0.25) * (ToneMap::kSteps - 1) + 0.5) / 16; }

// The pixel of one set of samples, from the middle of a square of three.
std::array<int, 3> pixel(const ToneMapTables& tables, std::array<std::int32_t, 3> samples) {
    constexpr std::size_t kSide = 3;
    constexpr std::size_t kLine = 16;
    std::vector<std::int32_t> planes(3 * kLine * kLine, -1);
    for (std::size_t c = 0; c < 3; ++c) {
        for (std::size_t y = 0; y < kSide; ++y) {
            for (std::size_t x = 0; x < kSide; ++x) {
                planes[(c * kLine + y) * kLine + x] = x == 1 && y == 1 ? samples[c] : 0;
            }
        }
    }
    std::vector<std::uint8_t> square(3 * kSide * kSide);
    const ToneMap map(tables);
    map(planes.data(), kSide, kLine, square.data());
    const std::uint8_t* middle = square.data() + 3 * (kSide + 1);
    return {middle[0], middle[1], middle[2]};
}

void check_steps() {
    const auto light = [](std::int32_t sample) { return static_cast<double>(sample) / ToneMap::kTop; };
    const std::array<std::int32_t, 3> samples{40000, 1000, 65535};
    const double luminance = 0.25 * light(40000) + 0.5 * light(1000) + 0.25;
    ToneMapTables tables = known_tables();
    using Codes = std::array<int, 3>;
    expect(pixel(tables, samples) == Codes{code_of(light(40000)), code_of(light(1000)), 255}, "light goes to its code");
    for (std::size_t i = 0; i < ToneMap::kSteps; ++i) {
        tables.by_luminance[i] = code_of(luminance) == static_cast<int>(i / 16) ? 0.5F : 2.0F;
    }
    expect(pixel(tables, samples) == Codes{code_of(light(40000) / 2), code_of(light(1000) / 2), code_of(0.5)},
           "the luminance of all three says how much of them is shown");
    tables = known_tables();
    for (std::size_t i = 0; i < ToneMap::kSteps; ++i) {
        tables.by_peak[i] = i == ToneMap::kSteps - 1 ? 0.25F : 1.0F;
    }
    expect(pixel(tables, samples) == Codes{code_of(light(40000) / 4), code_of(light(1000) / 4), code_of(0.25)},
           "the largest of the three says how far all are brought down");
    tables = known_tables();
    tables.primaries = {{{0, 1, 0}, {2, 0, 0}, {-1, 0, 0.5F}}};
    expect(pixel(tables, samples) == Codes{code_of(light(1000)), 255, 0}, "what leaves the gamut is cut off");
    tables.primaries = {{{std::numeric_limits<float>::quiet_NaN(), 0, 0}, {0, 1, 0}, {0, 0, 1}}};
    expect(pixel(tables, samples)[0] == 0, "what is no number is black");
}

bool refused(ToneMapTables tables) {
    try {
        const ToneMap map(std::move(tables));
    } catch (const std::invalid_argument&) {
        return true;
    }
    return false;
}

void check_sizes() {
    expect(!refused(known_tables()), "good tables are accepted");
    const auto bad = [](auto change, const char* what) {
        ToneMapTables tables = known_tables();
        change(tables);
        expect(refused(tables), what);
    };
    bad([](ToneMapTables& t) { t.light.pop_back(); }, "light for too few samples");
    bad([](ToneMapTables& t) { t.by_luminance.push_back(1); }, "too many factors by luminance");
    bad([](ToneMapTables& t) { t.by_peak.clear(); }, "no factors by the peak");
    bad([](ToneMapTables& t) { t.codes.pop_back(); }, "too few codes");
}

}  // namespace

int main() {
    check_steps();
    check_sizes();
    std::printf("%s\n", failures == 0 ? "tone_map: all rules hold" : "tone_map: rules broken");
    return failures == 0 ? 0 : 1;
}
