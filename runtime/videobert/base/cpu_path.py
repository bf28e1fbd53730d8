"""Which instructions the native core runs on. The core reads VIDEOBERT_CPU and decides; here is what a user is told."""

from __future__ import annotations

from videobert.base.errors import EngineUnavailable
from videobert.base.native import native_core


def cpu_path(asked: str | None = None) -> str:
    """The family of instructions that the native core runs on: `scalar`, `avx2`, `avx512` or `amx`.

    Args:
        asked: a path by name; None for the environment variable VIDEOBERT_CPU, and where that is unset or empty, the
            widest that this processor, its system and its kernel allow.

    Raises:
        EngineUnavailable: the name is not known, or this machine cannot run it.
    """
    core = native_core()
    try:
        return str(core.cpu_path(asked or ""))
    except core.CpuPathRefused as error:
        why, word = error.args
        raise EngineUnavailable(
            why,
            seen=word,
            allowed=", ".join(core.cpu_paths()),
            fix="Unset VIDEOBERT_CPU to have the widest one chosen.",
        ) from error
