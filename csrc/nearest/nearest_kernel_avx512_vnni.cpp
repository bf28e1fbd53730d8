// AVX-512 with VNNI.
#include "nearest/nearest_kernel_vnni.h"

namespace videobert {

const NearestKernel kNearestAvx512Vnni{"avx512_vnni", kVnniRows,           no_state,  no_state, hits_vnni, maxima_vnni,
                                       dot_vnni,      squared_distance512, project512};

}  // namespace videobert
