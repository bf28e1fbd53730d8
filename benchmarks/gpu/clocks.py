"""Driver and clocks as nvidia-smi tells them; needs no torch."""

from __future__ import annotations

import subprocess
from typing import Final

_CLOCKS: Final = (
    "driver_version",
    "pstate",
    "clocks.sm",
    "clocks.mem",
    "clocks.max.sm",
    "clocks.max.mem",
    "power.limit",
    "temperature.gpu",
    "ecc.mode.current",
    "clocks_event_reasons.active",
)


def clocks() -> dict[str, str] | None:
    """Driver, clocks and limits as they are; nothing is ever set. None without nvidia-smi."""
    said = output_of("nvidia-smi", f"--query-gpu={','.join(_CLOCKS)}", "--format=csv,noheader", "--id=0")
    return dict(zip(_CLOCKS, map(str.strip, said.split(",")), strict=False)) if said else None


def output_of(*command: str) -> str | None:
    """What a command prints; None where it is not there, fails, or takes more than five seconds."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=5)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.strip() if done.returncode == 0 else None
