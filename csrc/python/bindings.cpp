// Binds only; the work is done in the other folders.
#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include <deque>
#include <string>
#include <tuple>

#include "clip/clip_transform.h"
#include "cpu/cpu_path.h"
#include "python/python_buffer.h"
#include "python/python_cpu_path.h"
#include "python/python_nearest.h"

namespace py = pybind11;

namespace {

using Component = std::tuple<std::size_t, std::size_t, std::size_t, std::size_t, std::size_t, double, double>;

std::unique_ptr<videobert::ClipTransform> make_clip_transform(const std::vector<Component>& components, unsigned bits,
                                                              std::pair<std::size_t, std::size_t> resized,
                                                              std::size_t crop, std::tuple<bool, bool, bool> turn,
                                                              const videobert::ColourMatrix& colour,
                                                              const std::string& path) {
    videobert::ClipGeometry geometry{
        {}, bits, resized.first, resized.second, crop, std::get<0>(turn), std::get<1>(turn), std::get<2>(turn)};
    for (const auto& [plane, first, step, width, height, offset_x, offset_y] : components) {
        geometry.components.push_back({plane, first, step, width, height, offset_x, offset_y});
    }
    return std::make_unique<videobert::ClipTransform>(geometry, colour, videobert::chosen_cpu_path(path));
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
        "Stored planes to one resized, cropped, turned RGB square; see docs/recipe.md.\n\n"
        "Args:\n"
        "    components: one or three tuples (plane, first sample, samples from one to the next, width, height,\n"
        "        offset x, offset y), the offsets as the recipe's o.\n"
        "    bits: of a sample: 8 in a byte, 9 to 16 in two.\n"
        "    resized: (width, height) before the picture is turned.\n"
        "    crop: side of the square.\n"
        "    turn: (rows become columns, then flipped in x, in y).\n"
        "    colour: rows of four: three products of stored samples and an addend give red, green and blue, 0 to 255.\n"
        "    path: see `cpu_path`.\n"
        "Raises:\n    ValueError: the arguments do not fit together.")
        .def(py::init(&make_clip_transform), py::kw_only(), py::arg("components"), py::arg("bits"), py::arg("resized"),
             py::arg("crop"), py::arg("turn"), py::arg("colour"), py::arg("path") = "")
        .def("__call__", &apply_clip_transform, py::arg("planes"), py::arg("line_sizes"), py::arg("square"),
             "Write the square of a picture to `square`, uint8 `(crop, crop, 3)`, contiguous.\n\n"
             "`planes` are buffers of bytes, lowest address first; a negative line size means that the first row comes "
             "last.\n\n"
             "Raises:\n    ValueError: a plane is shorter than its size says; nothing was read then.");
    videobert::bind_nearest(m);
}
