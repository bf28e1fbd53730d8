// Binds the nearest-centroid search; only binds.
#pragma once

#include <pybind11/pybind11.h>

namespace videobert {

void bind_nearest(pybind11::module_& m);

}  // namespace videobert
