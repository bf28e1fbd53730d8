// Zeroed memory that begins on a cache line.
#pragma once

#include <algorithm>
#include <cstddef>
#include <memory>
#include <new>

namespace videobert {

template <class T>
class AlignedBuffer {
  public:
    AlignedBuffer() = default;
    explicit AlignedBuffer(std::size_t size) : memory_(static_cast<T*>(::operator new[](size * sizeof(T), kLine))) {
        std::fill_n(memory_.get(), size, T{});
    }
    T* data() const { return memory_.get(); }

  private:
    static constexpr std::align_val_t kLine{64};
    struct Free {
        void operator()(T* memory) const { ::operator delete[](memory, kLine); }
    };
    std::unique_ptr<T[], Free> memory_;
};

}  // namespace videobert
