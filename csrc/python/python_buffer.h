// The bytes of a Python object that offers the buffer protocol, held for as long as this lives.
#pragma once

#include <pybind11/pybind11.h>

#include <cstddef>
#include <cstdint>
#include <span>

namespace videobert {

class PythonBuffer {
  public:
    // Asks for contiguous bytes; nothing is copied. Throws the Python error of an object that has none to give.
    PythonBuffer(pybind11::handle object, bool writable);
    ~PythonBuffer();
    PythonBuffer(const PythonBuffer&) = delete;
    PythonBuffer& operator=(const PythonBuffer&) = delete;

    std::span<std::uint8_t> bytes() const;

  private:
    Py_buffer view_{};
};

}  // namespace videobert
