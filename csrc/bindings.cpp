// Binds only; the work is done in the other files of this folder.
#include <pybind11/pybind11.h>

#include <string>

#include "cpu_features.h"

namespace py = pybind11;

PYBIND11_MODULE(_native, m) {
    m.doc() = "The C++ core of videobert.";
    m.def(
        "cpu_features",
        [] {
            py::dict features;
            for (const auto& feature : videobert::decode_cpu_features(videobert::read_cpuid())) {
                features[py::str(std::string(feature.name))] = feature.usable;
            }
            return features;
        },
        "Instruction set extensions that this processor has and the operating system supports, by name.\n\n"
        "Read from the feature bits, not from the processor's model name, which virtual machines misreport.");
}
