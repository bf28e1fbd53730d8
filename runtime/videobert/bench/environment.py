"""What a figure depends on besides the code: the processor, what it can do, how busy it was, versions, the date."""

from __future__ import annotations

import datetime
import importlib.metadata
import os
import platform
from pathlib import Path
from typing import Any

from videobert.base.cpu_threads import processors
from videobert.base.native import native_core
from videobert.base.version import __version__

_WITHOUT = ("tensorrt", "tensorrt_rtx", "torch", "triton", "nvidia-dali-cuda130")
_ALWAYS = ("openvino", "av", "numpy", "tokenizers")


def environment(*distributions: str) -> dict[str, Any]:
    """The block that every result carries; versions of what is installed.

    Args:
        distributions: whose versions matter besides those that always do.
    """
    info = Path("/proc/cpuinfo")
    lines = info.read_text(encoding="utf-8", errors="replace").splitlines() if info.exists() else []
    said = {name.strip(): value.strip() for name, _, value in (line.partition(":") for line in reversed(lines))}
    # Virtual machines give processors of several generations one name.
    numbers = [said[name] for name in ("cpu family", "model", "stepping") if name in said]
    wanted = dict.fromkeys((*_ALWAYS, *_WITHOUT, *distributions))
    return {
        "date": datetime.datetime.now(datetime.UTC).date().isoformat(),
        "cpu": said.get("model name") or platform.processor(),
        "cpu_family_model_stepping": " ".join(numbers) or None,
        "cpu_features": [name for name, there in native_core().cpu_features().items() if there],
        "cores": processors(),
        "load": os.getloadavg()[0] if hasattr(os, "getloadavg") else None,
        "platform": platform.platform(),
        "python": platform.python_version(),
        "videobert": __version__,
        **{name: version for name in wanted if (version := _version(name)) is not None},
    }


def _version(name: str) -> str | None:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return None
