"""The GPU of this machine, asked of the driver's own tool: no CUDA context is made and no library loaded."""

from __future__ import annotations

import subprocess

_ASK = ("nvidia-smi", "--query-gpu=name,compute_cap", "--format=csv,noheader")


def present_gpu() -> str | None:
    """Name and compute capability of the first GPU, such as `"NVIDIA GeForce RTX 4090 8.9"`; None without one."""
    try:
        done = subprocess.run(_ASK, capture_output=True, text=True, errors="replace", timeout=20, check=True)
    except (OSError, subprocess.SubprocessError):
        return None
    lines = [line for line in done.stdout.splitlines() if line.strip()]
    if not lines:
        return None
    name, _, capability = lines[0].rpartition(",")
    return f"{name.strip()} {capability.strip()}"
