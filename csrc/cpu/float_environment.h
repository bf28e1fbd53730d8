// Plain IEEE arithmetic for the length of a scope, whatever a caller or a library has set on this thread.
#pragma once

#if defined(__SSE2__)
#include <xmmintrin.h>
#endif

namespace videobert {

// Other libraries switch flush-to-zero on for their threads; here a denormal difference can decide an answer.
class FloatEnvironment {
  public:
    FloatEnvironment() {
#if defined(__SSE2__)
        saved_ = _mm_getcsr();
        _mm_setcsr(kDefault);
#endif
    }
    ~FloatEnvironment() {
#if defined(__SSE2__)
        _mm_setcsr(saved_);
#endif
    }
    FloatEnvironment(const FloatEnvironment&) = delete;
    FloatEnvironment& operator=(const FloatEnvironment&) = delete;

  private:
    // Round to nearest, denormals kept, exceptions masked: Intel SDM volume 1, 10.2.3.
    static constexpr unsigned kDefault = 0x1F80;
    unsigned saved_ = kDefault;
};

}  // namespace videobert
