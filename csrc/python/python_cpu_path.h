// Binds what the processor has and which path is taken.
#pragma once

#include <pybind11/pybind11.h>

namespace videobert {

void bind_cpu_path(pybind11::module_& m);

}  // namespace videobert
