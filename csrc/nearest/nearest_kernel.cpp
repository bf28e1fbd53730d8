#include "nearest/nearest_kernel.h"

#include "cpu/cpu_features.h"

namespace videobert {

void no_state() {}

const NearestKernel& nearest_kernel(CpuPath path) {
#if defined(VIDEOBERT_X86_KERNELS)
    static const bool vnni = has_feature(decode_cpu_features(read_cpuid()), "avx512_vnni");
    switch (path) {
        case CpuPath::kAvx2:
            return kNearestAvx2;
        case CpuPath::kAvx512:
            return vnni ? kNearestAvx512Vnni : kNearestAvx512;
        case CpuPath::kAmx:
            return kNearestAmx;
        case CpuPath::kScalar:
            break;
    }
#else
    static_cast<void>(path);
#endif
    return kNearestScalar;
}

}  // namespace videobert
