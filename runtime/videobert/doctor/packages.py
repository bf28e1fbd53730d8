"""Python packages that this project can use: which of them are installed, told without importing any."""

from __future__ import annotations

import importlib.util
from importlib import metadata

from videobert.results.diagnosis import Package

# Import name, distributions that may bring it, extra.
_PACKAGES: tuple[tuple[str, tuple[str, ...], str | None], ...] = (
    ("numpy", ("numpy",), None),
    ("av", ("av",), None),
    ("openvino", ("openvino",), None),
    ("tokenizers", ("tokenizers",), None),
    ("safetensors", ("safetensors",), None),
    ("rich", ("rich",), None),
    ("typer", ("typer",), None),
    ("torch", ("torch",), "build"),
    ("onnx", ("onnx",), "build"),
    ("onnxscript", ("onnxscript",), "build"),
    ("onnxruntime", ("onnxruntime",), "build"),
    ("sklearn", ("scikit-learn",), "train"),
    ("cv2", ("opencv-python-headless", "opencv-python"), "train"),
    ("faiss", ("faiss-cpu", "faiss-gpu"), "search"),
    ("opentimelineio", ("opentimelineio",), "edit"),
    ("nvidia.dali", ("nvidia-dali-cuda130", "nvidia-dali-cuda120"), "dali"),
    ("triton", ("triton",), "kernels"),
    ("tritonclient", ("tritonclient",), "triton-server"),
    ("tensorrt_rtx", ("tensorrt-rtx-cu13", "tensorrt-rtx-cu12", "tensorrt-rtx"), "tensorrt-rtx"),
    ("tensorrt", ("tensorrt-cu13", "tensorrt-cu12", "tensorrt"), "tensorrt"),
)


def packages() -> tuple[Package, ...]:
    """Every package that the install itself or an extra brings, with its version."""
    return tuple(
        Package(name=module, extra=extra, version=_version(module, names)) for module, names, extra in _PACKAGES
    )


def installed(module: str) -> bool:
    """Whether a top-level module can be found, without importing it."""
    try:
        return importlib.util.find_spec(module) is not None
    except (ImportError, ValueError):
        return False


def _version(module: str, distributions: tuple[str, ...]) -> str | None:
    if not installed(module):
        return None
    for name in distributions:
        try:
            return metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return "unknown"
