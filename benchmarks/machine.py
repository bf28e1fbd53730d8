"""What a CPU figure depends on besides the code: the processor, what it can do, how busy it was, versions and date."""

from __future__ import annotations

import datetime
import importlib.metadata
import os
import platform
from pathlib import Path
from typing import Any

import videobert
from videobert import _native


def machine(*distributions: str) -> dict[str, Any]:
    """The block that every result carries; `distributions` are those whose versions matter to it."""
    info = Path("/proc/cpuinfo").read_text(encoding="utf-8") if Path("/proc/cpuinfo").exists() else ""
    names = [line.split(":", 1)[1].strip() for line in info.splitlines() if line.startswith("model name")]
    return {
        "date": datetime.datetime.now(datetime.UTC).date().isoformat(),
        "cpu": names[0] if names else platform.processor(),
        "cpu_features": [name for name, there in _native.cpu_features().items() if there],
        "cores": len(os.sched_getaffinity(0)),
        "load": os.getloadavg()[0],
        "python": platform.python_version(),
        **{name: importlib.metadata.version(name) for name in distributions},
        "videobert": videobert.__version__,
    }
