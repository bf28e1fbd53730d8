"""GPUs that kernels are compiled for ahead of time."""

from __future__ import annotations

# Compute capability by name of the target: all that `videobert_kernels` has configurations for.
KERNEL_TARGETS = {f"cuda-sm{capability}": capability for capability in (80, 86, 89, 90, 100, 120)}
