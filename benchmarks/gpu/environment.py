"""What a figure depends on besides the code: the device as it is, its driver, versions, settings, commit and date."""

from __future__ import annotations

import datetime
import hashlib
import importlib.metadata
import platform
from pathlib import Path
from typing import Any, Final

import torch

from benchmarks.gpu.clocks import clocks, output_of
from videobert_kernels.variant import FP_FUSION

ROOT: Final = Path(__file__).parents[2]
_ROOMS: Final = ("runtime", "modeling", "kernels", "csrc", "benchmarks/gpu", "tests/kernels")
_SOURCES: Final = {".py", ".h", ".cpp", ".json"}


def environment(commit: str | None = None) -> dict[str, Any]:
    """The whole block; `commit` where the tree has no repository around it."""
    return {
        "date": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        "commit": commit or _commit(),
        "sources": sources(),
        "device": device(),
        "driver": (now := clocks()) and now["driver_version"],
        "clocks": now,
        "python": platform.python_version(),
        "platform": platform.platform(),
        "torch": torch.__version__,
        "torch_cuda": torch.version.cuda,
        "cudnn": torch.backends.cudnn.version(),
        "triton": _version("triton"),
        "numpy": _version("numpy"),
        "av": _version("av"),
        "dali": _version("nvidia-dali-cuda130"),
        "pycuda": _version("pycuda"),
        "cuda_bindings": _version("cuda-bindings"),
        "fp_fusion": FP_FUSION,
        "matmul_allow_tf32": torch.backends.cuda.matmul.allow_tf32,
    }


def sources() -> str:
    """One hash of every file that a figure can depend on, so that a tree without a repository is known too."""
    found = hashlib.sha256()
    for path in sorted(path for room in _ROOMS for path in (ROOT / room).rglob("*") if path.suffix in _SOURCES):
        found.update(f"{path.relative_to(ROOT).as_posix()}\0".encode())
        found.update(path.read_bytes())
    return found.hexdigest()


def device() -> dict[str, Any] | None:
    """The GPU, or None."""
    if not torch.cuda.is_available():
        return None
    found = torch.cuda.get_device_properties("cuda")
    return {
        "name": found.name,
        "capability": found.major * 10 + found.minor,
        "multiprocessors": found.multi_processor_count,
        "memory_bytes": found.total_memory,
        "l2_bytes": found.L2_cache_size,
    }


def _commit() -> str | None:
    commit = output_of("git", "-C", str(ROOT), "rev-parse", "HEAD")
    if commit is None:
        return None
    return commit + ("-dirty" if output_of("git", "-C", str(ROOT), "status", "--porcelain", "-uno") else "")


def _version(distribution: str) -> str | None:
    try:
        return importlib.metadata.version(distribution)
    except importlib.metadata.PackageNotFoundError:
        return None
