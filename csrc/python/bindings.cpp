// Binds only; the work is done in the other folders.
#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include <array>
#include <cstring>
#include <deque>
#include <optional>
#include <string>
#include <tuple>

#include "clip/clip_transform.h"
#include "cpu/cpu_path.h"
#include "python/python_buffer.h"
#include "python/python_cpu_path.h"
#include "python/python_nearest.h"

namespace py = pybind11;

namespace {

std::vector<float> floats(const py::handle& table) {
    const videobert::PythonBuffer held(table, false);
    const auto bytes = held.bytes();
    std::vector<float> numbers(bytes.size() / sizeof(float));
    std::memcpy(numbers.data(), bytes.data(), numbers.size() * sizeof(float));
    return numbers;
}

std::optional<videobert::ToneMap> made_tone_map(const py::object& tables) {
    if (tables.is_none()) {
        return std::nullopt;
    }
    const auto parts = tables.cast<py::tuple>();
    if (parts.size() != 6) {
        throw py::value_error("a tone map has six parts");
    }
    const videobert::PythonBuffer codes(parts[5], false);
    return videobert::ToneMap({floats(parts[0]),
                               parts[1].cast<std::array<float, 3>>(),
                               floats(parts[2]),
                               floats(parts[3]),
                               parts[4].cast<std::array<std::array<float, 3>, 3>>(),
                               {codes.bytes().begin(), codes.bytes().end()}});
}

using Component = std::tuple<std::size_t, std::size_t, std::size_t, std::size_t, std::size_t, double, double>;

std::unique_ptr<videobert::ClipTransform> make_clip_transform(
    const std::vector<Component>& components, unsigned bits, std::pair<std::size_t, std::size_t> resized,
    std::pair<std::size_t, std::size_t> crop, std::tuple<bool, bool, bool> turn, const videobert::ColourMatrix& colour,
    const std::string& path, const py::object& tone_map, bool averaged) {
    videobert::ClipGeometry geometry{{},
                                     bits,
                                     resized.first,
                                     resized.second,
                                     crop.first,
                                     crop.second,
                                     averaged ? videobert::Window::kBox : videobert::Window::kTriangle,
                                     std::get<0>(turn),
                                     std::get<1>(turn),
                                     std::get<2>(turn)};
    for (const auto& [plane, first, step, width, height, offset_x, offset_y] : components) {
        geometry.components.push_back({plane, first, step, width, height, offset_x, offset_y});
    }
    return std::make_unique<videobert::ClipTransform>(geometry, colour, videobert::chosen_cpu_path(path),
                                                      made_tone_map(tone_map));
}

void apply_clip_transform(videobert::ClipTransform& transform, const py::sequence& planes,
                          const std::vector<std::ptrdiff_t>& line_sizes, const py::object& square) {
    if (planes.size() != line_sizes.size()) {
        throw py::value_error("there must be one line size to a plane");
    }
    std::deque<videobert::PythonBuffer> held;
    std::vector<videobert::PlaneBytes> bytes;
    for (std::size_t p = 0; p < line_sizes.size(); ++p) {
        held.emplace_back(planes[p], false);
        bytes.push_back({held.back().bytes(), line_sizes[p]});
    }
    const videobert::PythonBuffer target(square, true);
    const py::gil_scoped_release release;
    transform(bytes, target.bytes());
}

}  // namespace

PYBIND11_MODULE(_native, m) {
    m.doc() = "The C++ core of videobert.";
    videobert::bind_cpu_path(m);
    py::class_<videobert::ClipTransform>(
        m, "ClipTransform",
        "Stored planes to one resized, cropped, turned RGB picture; see docs/recipe.md.\n\n"
        "Args:\n"
        "    components: one or three tuples (plane, first sample, samples from one to the next, width, height,\n"
        "        offset x, offset y), the offsets as the recipe's o.\n"
        "    bits: of a sample: 8 in a byte, 9 to 16 in two.\n"
        "    resized: (width, height) before the picture is turned.\n"
        "    crop: (width, height) of the middle that is kept, before it is turned.\n"
        "    turn: (rows become columns, then flipped in x, in y).\n"
        "    colour: rows of four: three products of stored samples and an addend give red, green and blue, 0 to 255.\n"
        "    path: see `cpu_path`.\n"
        "    tone_map: None, or what follows the colours, for which 255 is then 65535: a tuple of light, float32 "
        "(65536,);\n"
        "        three weights of its luminance; by_luminance and by_peak, float32 (4096,); three rows of three, the\n"
        "        primaries; codes, uint8 (4096,). Of squares alone.\n"
        "    averaged: each output is the mean of what it covers, in place of the recipe's triangle.\n"
        "Raises:\n    ValueError: the arguments do not fit together.")
        .def(py::init(&make_clip_transform), py::kw_only(), py::arg("components"), py::arg("bits"), py::arg("resized"),
             py::arg("crop"), py::arg("turn"), py::arg("colour"), py::arg("path") = "",
             py::arg("tone_map") = py::none(), py::arg("averaged") = false)
        .def("__call__", &apply_clip_transform, py::arg("planes"), py::arg("line_sizes"), py::arg("square"),
             "Write the RGB picture to `square`, uint8 `(height, width, 3)` of the crop as turned, contiguous.\n\n"
             "`planes` are buffers of bytes, lowest address first; a negative line size means that the first row comes "
             "last.\n\n"
             "Raises:\n    ValueError: a plane is shorter than its size says; nothing was read then.");
    videobert::bind_nearest(m);
}
