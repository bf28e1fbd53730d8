// The clip transform on every path against plain float64, over random sizes, strides, formats and turns, in memory of
// exactly the needed size, so that the address sanitizer sees one byte too many. And planes that are not what they say.
#include "clip/clip_transform.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <optional>
#include <random>
#include <stdexcept>
#include <string>

namespace {

using videobert::ClipGeometry;
using videobert::ClipTransform;
using videobert::ColourMatrix;
using videobert::ComponentLayout;
using videobert::CpuPath;
using videobert::PlaneBytes;
using videobert::ToneMap;
using videobert::ToneMapTables;
using videobert::Window;

int failures = 0;

void expect(bool held, const std::string& what) {
    if (!held) {
        std::fprintf(stderr, "FAILED: %s\n", what.c_str());
        ++failures;
    }
}

class Random {
  public:
    explicit Random(unsigned seed) : engine_(seed) {}
    std::size_t between(std::size_t low, std::size_t high) {
        return std::uniform_int_distribution<std::size_t>(low, high)(engine_);
    }
    bool coin() { return between(0, 1) == 1; }

  private:
    std::mt19937 engine_;
};

// One plane in memory of its exact size: no padding after the last row.
struct Plane {
    std::unique_ptr<std::uint8_t[]> memory;
    std::size_t size = 0;
    std::size_t pitch = 0;
    std::size_t rows = 0;
    bool upside_down = false;

    PlaneBytes bytes() const {
        const auto line = static_cast<std::ptrdiff_t>(pitch);
        return {{memory.get(), size}, upside_down ? -line : line};
    }
    const std::uint8_t* row(std::size_t y) const { return memory.get() + (upside_down ? rows - 1 - y : y) * pitch; }
};

struct Picture {
    ClipGeometry geometry;
    std::vector<Plane> planes;

    std::vector<PlaneBytes> bytes() const {
        std::vector<PlaneBytes> all;
        for (const Plane& plane : planes) {
            all.push_back(plane.bytes());
        }
        return all;
    }
    double sample(const ComponentLayout& c, std::size_t x, std::size_t y) const {
        const std::size_t at = c.first + x * c.step;
        if (geometry.bits == 8) {
            return planes[c.plane].row(y)[at];
        }
        std::uint16_t value = 0;
        std::memcpy(&value, planes[c.plane].row(y) + 2 * at, 2);
        return value;
    }
};

Plane random_plane(Random& random, std::size_t row_bytes, std::size_t rows, unsigned bits) {
    Plane plane;
    plane.rows = rows;
    plane.pitch = row_bytes + random.between(0, 3) * random.between(0, 40);
    plane.upside_down = random.between(0, 3) == 0;
    plane.size = plane.pitch * (rows - 1) + row_bytes;
    plane.memory = std::make_unique<std::uint8_t[]>(plane.size);
    const bool extremes = random.coin();
    for (std::size_t i = 0; i < plane.size; ++i) {
        plane.memory[i] = static_cast<std::uint8_t>(extremes ? 255 * random.between(0, 1) : random.between(0, 255));
    }
    if (bits > 8 && bits < 16) {
        for (std::size_t y = 0; y < rows; ++y) {
            for (std::size_t i = 1; i < row_bytes; i += 2) {
                plane.memory[y * plane.pitch + i] &= static_cast<std::uint8_t>((1U << (bits - 8)) - 1);
            }
        }
    }
    return plane;
}

Picture random_picture(Random& random, bool square) {
    Picture picture;
    ClipGeometry& g = picture.geometry;
    g.bits = random.coin() ? 8 : static_cast<unsigned>(random.between(9, 16));
    // Often a side of one or two samples, sometimes a long one.
    const auto side = [&random] { return random.between(0, 2) == 0 ? random.between(1, 9) : random.between(1, 160); };
    const std::size_t width = side();
    const std::size_t height = side();
    const std::size_t shorter = random.between(1, 48);
    const std::size_t short_side = std::min(width, height);
    g.resized_width = std::min<std::size_t>((2 * width * shorter + short_side) / (2 * short_side), 4000);
    g.resized_height = std::min<std::size_t>((2 * height * shorter + short_side) / (2 * short_side), 4000);
    g.crop_width = random.between(1, square ? std::min(g.resized_width, g.resized_height) : g.resized_width);
    g.crop_height = square ? g.crop_width : random.between(1, g.resized_height);
    g.window = random.coin() ? Window::kBox : Window::kTriangle;
    g.swap = random.coin();
    g.flip_x = random.coin();
    g.flip_y = random.coin();
    const std::size_t kind = random.between(0, 3);
    const std::size_t half = random.coin() ? 1 : 0;
    const std::size_t chroma_width = (width + half) >> half;
    const std::size_t chroma_height = (height + half) >> half;
    const double offset = random.coin() && half == 1 ? 0.25 : 0.5;
    switch (kind) {
        case 0:  // one plane each
            g.components = {{0, 0, 1, width, height, 0.5, 0.5},
                            {1, 0, 1, chroma_width, chroma_height, offset, 0.5},
                            {2, 0, 1, chroma_width, chroma_height, offset, 0.5}};
            break;
        case 1:  // as NV12
            g.components = {{0, 0, 1, width, height, 0.5, 0.5},
                            {1, 0, 2, chroma_width, chroma_height, offset, 0.75},
                            {1, 1, 2, chroma_width, chroma_height, offset, 0.75}};
            break;
        case 2: {  // packed
            const std::size_t step = random.between(3, 4);
            const std::size_t first = step - 3;
            for (std::size_t c = 0; c < 3; ++c) {
                g.components.push_back({0, first + 2 - c, step, width, height, 0.5, 0.5});
            }
            break;
        }
        default:
            g.components = {{0, 0, random.between(1, 2), width, height, 0.5, 0.5}};
    }
    const std::size_t sample_bytes = g.bits == 8 ? 1 : 2;
    for (std::size_t p = 0; p < 3; ++p) {
        std::size_t samples = 0;
        std::size_t rows = 0;
        for (const ComponentLayout& c : g.components) {
            if (c.plane == p) {
                samples = std::max(samples, c.first + (c.width - 1) * c.step + 1);
                rows = c.height;
            }
        }
        if (rows > 0) {
            picture.planes.push_back(random_plane(random, samples * sample_bytes, rows, g.bits));
        }
    }
    return picture;
}

ColourMatrix random_colour(Random& random, unsigned bits) {
    ColourMatrix colour{};
    for (auto& row : colour) {
        for (std::size_t k = 0; k < 3; ++k) {
            row[k] =
                (static_cast<double>(random.between(0, 400)) / 100 - 2) * std::ldexp(1.0, 8 - static_cast<int>(bits));
        }
        row[3] = static_cast<double>(random.between(0, 500)) - 250;
    }
    return colour;
}

// How far input `i`, as wide as one, and what lies half of `reach` around `centre` cover each other.
double covered(int i, double centre, double reach) {
    return std::max(0.0, std::min(i + 0.5, centre + reach / 2) - std::max(i - 0.5, centre - reach / 2));
}

// Weights of every input for one output, as docs/recipe.md has it; or averages.
std::vector<double> weights(std::size_t inputs, std::size_t outputs, double offset, std::size_t output, Window window) {
    const double scale = static_cast<double>(inputs) / static_cast<double>(outputs);
    const double centre = (static_cast<double>(output) + 0.5) * scale - offset;
    const double reach = std::max(scale, 1.0);
    std::vector<double> all(inputs, 0.0);
    double sum = 0;
    for (auto i = static_cast<int>(std::floor(centre - reach)); i <= static_cast<int>(std::ceil(centre + reach)); ++i) {
        const double weight =
            window == Window::kBox ? covered(i, centre, reach) : std::max(0.0, 1 - std::abs(i - centre) / reach);
        all[static_cast<std::size_t>(std::clamp(i, 0, static_cast<int>(inputs) - 1))] += weight;
        sum += weight;
    }
    for (double& weight : all) {
        weight /= sum;
    }
    return all;
}

// One pixel of the square in float64, not rounded.
std::array<double, 3> pixel(const Picture& picture, const ColourMatrix& colour, std::size_t x, std::size_t y) {
    const ClipGeometry& g = picture.geometry;
    const std::size_t shown_width = g.swap ? g.resized_height : g.resized_width;
    const std::size_t shown_height = g.swap ? g.resized_width : g.resized_height;
    std::size_t shown_x = (shown_width - (g.swap ? g.crop_height : g.crop_width)) / 2 + x;
    std::size_t shown_y = (shown_height - (g.swap ? g.crop_width : g.crop_height)) / 2 + y;
    shown_x = g.flip_x ? shown_width - 1 - shown_x : shown_x;
    shown_y = g.flip_y ? shown_height - 1 - shown_y : shown_y;
    double values[3] = {0, 0, 0};
    for (std::size_t k = 0; k < g.components.size(); ++k) {
        const ComponentLayout& c = g.components[k];
        const auto across = weights(c.width, g.resized_width, c.offset_x, g.swap ? shown_y : shown_x, g.window);
        const auto down = weights(c.height, g.resized_height, c.offset_y, g.swap ? shown_x : shown_y, g.window);
        for (std::size_t j = 0; j < c.height; ++j) {
            for (std::size_t i = 0; i < c.width && down[j] > 0; ++i) {
                values[k] += across[i] > 0 ? down[j] * across[i] * picture.sample(c, i, j) : 0;
            }
        }
    }
    std::array<double, 3> rgb{};
    for (std::size_t c = 0; c < 3; ++c) {
        const auto& row = colour[c];
        rgb[c] = std::clamp(row[0] * values[0] + row[1] * values[1] + row[2] * values[2] + row[3], 0.0, 255.0);
    }
    return rgb;
}

bool refuses(ClipTransform& transform, const std::vector<PlaneBytes>& planes, std::size_t size) {
    std::vector<std::uint8_t> square(size);
    try {
        transform(planes, square);
    } catch (const std::invalid_argument&) {
        return true;
    }
    return false;
}

void check_lies(ClipTransform& transform, const Picture& picture, const std::string& name) {
    const std::size_t size = picture.geometry.crop_width * picture.geometry.crop_height * 3;
    for (std::size_t p = 0; p < picture.planes.size(); ++p) {
        auto planes = picture.bytes();
        const PlaneBytes honest = planes[p];
        planes[p].bytes = honest.bytes.first(honest.bytes.size() - 1);
        expect(refuses(transform, planes, size), name + ": a plane that is a byte short is refused");
        planes[p].bytes = honest.bytes.first(0);
        expect(refuses(transform, planes, size), name + ": an empty plane is refused");
        if (picture.planes[p].rows > 1) {
            for (const std::ptrdiff_t line : {std::ptrdiff_t{0}, std::ptrdiff_t{1} << 40, PTRDIFF_MIN, PTRDIFF_MAX,
                                              honest.line_size + (honest.line_size < 0 ? -1 : 1)}) {
                planes[p] = {honest.bytes, line};
                expect(refuses(transform, planes, size), name + ": a line size that leaves the plane is refused");
            }
        }
    }
    auto planes = picture.bytes();
    expect(refuses(transform, planes, size + 1), name + ": a square of another size is refused");
    planes.pop_back();
    expect(refuses(transform, planes, size), name + ": a missing plane is refused");
}

// Tables that leave colours as they are, but for their own rounding.
ToneMapTables plain_tables() {
    ToneMapTables tables{std::vector<float>(ToneMap::kTop + 1),     {0.2F, 0.7F, 0.1F},
                         std::vector<float>(ToneMap::kSteps, 1.0F), std::vector<float>(ToneMap::kSteps, 1.0F),
                         {{{1, 0, 0}, {0, 1, 0}, {0, 0, 1}}},       std::vector<std::uint8_t>(ToneMap::kSteps)};
    for (std::size_t i = 0; i < tables.light.size(); ++i) {
        tables.light[i] = static_cast<float>(std::pow(static_cast<double>(i) / ToneMap::kTop, 4));
    }
    for (std::size_t i = 0; i < ToneMap::kSteps; ++i) {
        tables.codes[i] =
            static_cast<std::uint8_t>(std::lround(255.0 * static_cast<double>(i) / (ToneMap::kSteps - 1)));
    }
    return tables;
}

void check_picture(unsigned seed, CpuPath best, bool tone_mapped) {
    Random random(seed);
    const Picture picture = random_picture(random, tone_mapped);
    const ColourMatrix colour = random_colour(random, picture.geometry.bits);
    const ClipGeometry& g = picture.geometry;
    const std::size_t width = g.swap ? g.crop_height : g.crop_width;
    const std::size_t height = g.swap ? g.crop_width : g.crop_height;
    const std::string name = "seed " + std::to_string(seed) + (tone_mapped ? ", tone-mapped" : "");
    std::optional<ToneMap> tone_map;
    if (tone_mapped) {
        tone_map.emplace(plain_tables());
    }
    std::vector<std::uint8_t> first;
    for (const CpuPath path : {CpuPath::kScalar, CpuPath::kAvx2, CpuPath::kAvx512}) {
        if (path > best) {
            break;
        }
        ClipTransform transform(picture.geometry, colour, path, tone_map);
        const std::size_t size = width * height * 3;
        const auto square = std::make_unique<std::uint8_t[]>(size);
        std::fill_n(square.get(), size, std::uint8_t{0xA5});
        transform(picture.bytes(), {square.get(), size});
        if (path == CpuPath::kScalar) {
            first.assign(square.get(), square.get() + size);
            check_lies(transform, picture, name);
        }
        expect(std::equal(first.begin(), first.end(), square.get()),
               name + ": " + std::string(cpu_path_name(path)) + " gives the bytes of scalar");
    }
    for (int probe = 0; probe < 12; ++probe) {
        const std::size_t x = random.between(0, width - 1);
        const std::size_t y = random.between(0, height - 1);
        const auto wanted = pixel(picture, colour, x, y);
        for (std::size_t c = 0; c < 3; ++c) {
            const double difference = std::abs(first[3 * (y * width + x) + c] - wanted[c]);
            expect(difference < (tone_mapped ? 0.62 : 0.56), name + ": off by " + std::to_string(difference));
        }
    }
}

bool makes_no_sense(const ClipGeometry& geometry) {
    try {
        ClipTransform transform(geometry, ColourMatrix{}, CpuPath::kScalar);
    } catch (const std::invalid_argument&) {
        return true;
    }
    return false;
}

void check_geometries() {
    const ClipGeometry good{{{0, 0, 1, 8, 6, 0.5, 0.5}}, 8, 12, 9, 12, 9, Window::kTriangle, false, false, false};
    expect(!makes_no_sense(good), "a good geometry is accepted");
    const auto bad = [&good](auto change, const char* what) {
        ClipGeometry geometry = good;
        change(geometry);
        expect(makes_no_sense(geometry), what);
    };
    bad([](ClipGeometry& g) { g.components.clear(); }, "no component");
    bad([](ClipGeometry& g) { g.components.resize(2, g.components[0]); }, "two components");
    bad([](ClipGeometry& g) { g.bits = 7; }, "too few bits");
    bad([](ClipGeometry& g) { g.bits = 17; }, "too many bits");
    bad([](ClipGeometry& g) { g.crop_width = 0; }, "no crop");
    bad([](ClipGeometry& g) { g.crop_height = 0; }, "no rows of a crop");
    bad([](ClipGeometry& g) { g.crop_height = 10; }, "a crop that leaves the picture");
    bad([](ClipGeometry& g) { g.crop_width = 13; }, "a crop that is too wide");
    bad([](ClipGeometry& g) { g.components[0].plane = 1; }, "a plane without a component");
    bad([](ClipGeometry& g) { g.components[0].plane = 4; }, "too many planes");
    bad([](ClipGeometry& g) { g.components[0].width = 0; }, "no columns");
    bad([](ClipGeometry& g) { g.components[0].height = SIZE_MAX; }, "too many rows");
    bad([](ClipGeometry& g) { g.components[0].step = 0; }, "no step");
    bad([](ClipGeometry& g) { g.components[0].first = 1; }, "a component outside its step");
    bad([](ClipGeometry& g) { g.components[0].offset_x = NAN; }, "an offset that is no number");
    bad([](ClipGeometry& g) { g.resized_width = SIZE_MAX; }, "too many columns wanted");
}

}  // namespace

int main(int count, char** arguments) {
    const unsigned pictures = count > 1 ? static_cast<unsigned>(std::atoi(arguments[1])) : 300;
    const CpuPath best = videobert::best_cpu_path(videobert::decode_cpu_features(videobert::read_cpuid()));
    check_geometries();
    for (unsigned seed = 0; seed < pictures && failures < 20; ++seed) {
        check_picture(seed, best, false);
        check_picture(seed, best, true);
    }
    std::printf("%s\n", failures == 0 ? "clip_transform: all rules hold" : "clip_transform: rules broken");
    return failures == 0 ? 0 : 1;
}
