// A vector whose data starts on a cache line, as whole-register loads like it.
#pragma once

#include <cstddef>
#include <new>
#include <vector>

namespace videobert {

inline constexpr std::size_t kCacheLine = 64;

template <typename T>
struct CacheLineAllocator {
    using value_type = T;

    CacheLineAllocator() = default;
    template <typename U>
    explicit CacheLineAllocator(const CacheLineAllocator<U>& /*other*/) {}

    T* allocate(std::size_t count) {
        return static_cast<T*>(::operator new(count * sizeof(T), std::align_val_t{kCacheLine}));
    }
    void deallocate(T* data, std::size_t /*count*/) { ::operator delete(data, std::align_val_t{kCacheLine}); }

    template <typename U>
    bool operator==(const CacheLineAllocator<U>& /*other*/) const {
        return true;
    }
};

template <typename T>
using AlignedVector = std::vector<T, CacheLineAllocator<T>>;

}  // namespace videobert
