#include "python/python_cpu_path.h"

#include <pybind11/gil_safe_call_once.h>
#include <pybind11/stl.h>

#include <exception>
#include <string>
#include <vector>

#include "cpu/cpu_features.h"
#include "cpu/cpu_path.h"

namespace py = pybind11;

namespace videobert {
namespace {

// A Python exception whose arguments are the reason and the word, so that the caller need not take a message apart.
void bind_refusal(py::module_& m) {
    PYBIND11_CONSTINIT static py::gil_safe_call_once_and_store<py::object> type;
    type.call_once_and_store_result(
        [&m]() -> py::object { return py::exception<CpuPathRefused>(m, "CpuPathRefused", PyExc_ValueError); });
    py::register_local_exception_translator([](std::exception_ptr thrown) {
        try {
            if (thrown) {
                std::rethrow_exception(thrown);
            }
        } catch (const CpuPathRefused& refused) {
            py::set_error(type.get_stored(), py::make_tuple(refused.what(), refused.asked()));
        }
    });
}

}  // namespace

void bind_cpu_path(py::module_& m) {
    bind_refusal(m);
    m.def(
        "cpu_features",
        [] {
            py::dict features;
            for (const auto& feature : decode_cpu_features(read_cpuid())) {
                features[py::str(std::string(feature.name))] = feature.usable;
            }
            return features;
        },
        "Instruction set extensions that this processor has and the operating system supports, by name.\n\n"
        "Read from the feature bits, not from the processor's model name, which virtual machines misreport.");
    m.def(
        "cpu_paths",
        [] {
            std::vector<std::string> names;
            for (const auto path : available_cpu_paths()) {
                names.emplace_back(cpu_path_name(path));
            }
            return names;
        },
        "Names of the families of instructions that can run here, plainest first.\n\n"
        "AMX is among them only if the kernel granted this process its tile state.");
    m.def(
        "cpu_path", [](const std::string& asked) { return std::string(cpu_path_name(chosen_cpu_path(asked))); },
        py::arg("asked") = "",
        "The instruction set path that the core takes: `scalar`, `avx2`, `avx512` or `amx`.\n\n"
        "The one asked for, else what the environment variable VIDEOBERT_CPU says, else the best of `cpu_paths`.\n\n"
        "Raises:\n    CpuPathRefused: (why, the word), if it is not a path, or cannot run here.");
}

}  // namespace videobert
