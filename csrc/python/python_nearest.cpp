#include "python/python_nearest.h"

#include <pybind11/numpy.h>
#include <pybind11/stl.h>

#include <span>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "cpu/cpu_path.h"
#include "nearest/nearest_index.h"
#include "nearest/nearest_kernel.h"
#include "nearest/nearest_tree.h"
#include "nearest/nearest_within.h"

namespace py = pybind11;

namespace videobert {
namespace {

using Floats = py::array_t<float, py::array::c_style>;
using Offsets = py::array_t<std::int64_t, py::array::c_style>;

template <typename T>
std::span<const T> span_of(const py::array_t<T, py::array::c_style>& array) {
    return {array.data(), static_cast<std::size_t>(array.size())};
}

std::size_t matrix_dim(const Floats& matrix) {
    if (matrix.ndim() != 2 || matrix.shape(0) == 0 || matrix.shape(1) == 0) {
        throw std::invalid_argument("a matrix with rows and columns is needed");
    }
    return static_cast<std::size_t>(matrix.shape(1));
}

template <typename Searcher>
std::pair<py::array_t<std::int64_t>, py::array_t<double>> search(const Searcher& searcher, const Floats& points,
                                                                 std::size_t threads, const std::string& path) {
    if (points.ndim() != 2 || static_cast<std::size_t>(points.shape(1)) != searcher.dim()) {
        throw std::invalid_argument("points of the centroids' length are needed");
    }
    const auto& kernel = nearest_kernel(chosen_cpu_path(path));
    py::array_t<std::int64_t> ids(points.shape(0));
    py::array_t<double> squared(points.shape(0));
    const auto rows = static_cast<std::size_t>(points.shape(0));
    const std::span<std::int64_t> ids_out(ids.mutable_data(), rows);
    const std::span<double> squared_out(squared.mutable_data(), rows);
    {
        const py::gil_scoped_release unlocked;
        searcher.search(kernel, span_of(points), threads, ids_out, squared_out);
    }
    return {std::move(ids), std::move(squared)};
}

py::array_t<std::int64_t> within(const NearestIndex& index, const Floats& point, double distance,
                                 const std::string& path) {
    if (point.ndim() != 1 || static_cast<std::size_t>(point.size()) != index.dim()) {
        throw std::invalid_argument("a point of the centroids' length is needed");
    }
    const auto& kernel = nearest_kernel(chosen_cpu_path(path));
    std::vector<std::int64_t> found;
    {
        const py::gil_scoped_release unlocked;
        found = centroids_within(index, kernel, point.data(), distance);
    }
    return py::array_t<std::int64_t>(static_cast<py::ssize_t>(found.size()), found.data());
}

// An index and the arrays that it looks into.
class BoundIndex {
  public:
    BoundIndex(Floats centroids, const Floats& basis, std::size_t threads)
        : centroids_(std::move(centroids)), index_(made(centroids_, basis, threads)) {}
    const NearestIndex& index() const { return index_; }

  private:
    static NearestIndex made(const Floats& centroids, const Floats& basis, std::size_t threads) {
        const std::size_t dim = matrix_dim(centroids);
        if (basis.size() > 0 && matrix_dim(basis) != dim) {
            throw std::invalid_argument("a basis of the centroids' length is needed");
        }
        const py::gil_scoped_release unlocked;
        return {span_of(centroids), dim, span_of(basis), threads};
    }

    Floats centroids_;
    NearestIndex index_;
};

class BoundTree {
  public:
    explicit BoundTree(std::vector<Floats> tables, std::vector<Offsets> offsets)
        : tables_(std::move(tables)), offsets_(std::move(offsets)), tree_(levels(), matrix_dim(tables_.at(0))) {}
    const NearestTree& tree() const { return tree_; }

  private:
    std::vector<NearestTree::Level> levels() const {
        std::vector<NearestTree::Level> levels;
        for (std::size_t i = 0; i < tables_.size(); ++i) {
            levels.push_back({span_of(tables_[i]), {}});
            if (i < offsets_.size()) {
                levels.back().offsets = span_of(offsets_[i]);
            }
        }
        return levels;
    }

    std::vector<Floats> tables_;
    std::vector<Offsets> offsets_;
    NearestTree tree_;
};

}  // namespace

void bind_nearest(py::module_& m) {
    m.def(
        "nearest_kernel",
        [](const std::string& path) { return std::string(nearest_kernel(chosen_cpu_path(path)).name); },
        py::arg("path"), "Name of the nearest-centroid kernels that a path runs here.");

    py::class_<BoundIndex>(m, "NearestIndex",
                           "A codebook packed for the search of nearest centroids; safe to search from many threads.")
        .def(py::init<Floats, const Floats&, std::size_t>(), py::arg("centroids").noconvert(),
             py::arg("basis").noconvert(), py::arg("threads"))
        .def(
            "search",
            [](const BoundIndex& self, const Floats& points, std::size_t threads, const std::string& path) {
                return search(self.index(), points, threads, path);
            },
            py::arg("points").noconvert(), py::arg("threads"), py::arg("path"),
            "Index of the nearest centroid and squared distance to it, for each finite row. Releases the GIL.")
        .def(
            "within",
            [](const BoundIndex& self, const Floats& point, double distance, const std::string& path) {
                return within(self.index(), point, distance, path);
            },
            py::arg("point").noconvert(), py::arg("distance"), py::arg("path"),
            "Indices of the centroids that are at most so far from a finite point, rising. Releases the GIL.")
        .def_property_readonly("packed_bytes", [](const BoundIndex& self) { return self.index().bytes(); });

    py::class_<BoundTree>(m, "NearestTree", "A tree of centroids; safe to search from many threads.")
        .def(py::init<std::vector<Floats>, std::vector<Offsets>>(), py::arg("tables"), py::arg("offsets"))
        .def(
            "search",
            [](const BoundTree& self, const Floats& points, std::size_t threads, const std::string& path) {
                return search(self.tree(), points, threads, path);
            },
            py::arg("points").noconvert(), py::arg("threads"), py::arg("path"),
            "Leaf at the end of the way down and squared distance to it, for each finite row. Releases the GIL.");
}

}  // namespace videobert
