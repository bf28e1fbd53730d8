#include "python/python_buffer.h"

namespace videobert {

PythonBuffer::PythonBuffer(pybind11::handle object, bool writable) {
    if (PyObject_GetBuffer(object.ptr(), &view_, writable ? PyBUF_WRITABLE : PyBUF_SIMPLE) != 0) {
        throw pybind11::error_already_set();
    }
}

PythonBuffer::~PythonBuffer() { PyBuffer_Release(&view_); }

std::span<std::uint8_t> PythonBuffer::bytes() const {
    return {static_cast<std::uint8_t*>(view_.buf), static_cast<std::size_t>(view_.len)};
}

}  // namespace videobert
