"""The order of the suite: by what is worth most to know if only the beginning of it is reached."""

from __future__ import annotations

import importlib
from collections.abc import Sequence
from fnmatch import fnmatchcase
from typing import Final

from benchmarks.gpu import correctness
from benchmarks.gpu.case import Case, Prepared
from benchmarks.gpu.parts import Part, figures, probe

_OURS: Final = "benchmarks.gpu."
# Part, family, and which of its cases: patterns of names, of which the first that fits takes a case.
HEADLINES: Final = (
    ("the machine's roofs", "roofs", ("*",)),
    ("encoder", "encoder", ("encoder/base-1x128/eager", "encoder/base-32-ragged")),
    ("attention", "attention", ("attention/ragged/bf16-*", "attention/full/bf16-*", "attention/ragged/fp16-h12-d64-*")),
    ("nearest centroid", "nearest_centroid", ("nearest/few/*", "nearest/*/bf16-n4096-*", "nearest/gemm/bf16-*")),
    ("attention over a cache", "attention", ("attention/decode/*",)),
    ("int8 and fp8 encoder", "low_precision", ("*",)),
    ("generation", "generation", ("*",)),
    ("file to answer", "end_to_end", ("*",)),
    ("first frame", "first_frame", ("*",)),
)
PROBES: Final = (
    "one context",
    "answers",
    "nvdec",
    "clips on the device",
    "compiled kernels",
    "decode rate",
    "cold start",
)
REMAINING: Final = (
    ("more of attention", "attention", ("*",)),
    ("more of the nearest centroid", "nearest_centroid", ("*",)),
    ("fused operators", "encoder", ("fusion/*",)),
    ("encoder beside torch.compile", "encoder", ("*",)),
)
LATE_PROBES: Final = ("tensorrt engines", "tensorrt-rtx here", "gpu tests")


def plan(
    families: Sequence[str] = (), *, dry_run: bool = False, every_case: bool = True, sanitizer: str | None = None
) -> list[Part]:
    """Every part, most valuable first.

    Args:
        families: modules with cases of somebody else, each a part behind ours.
        dry_run: without a GPU, where kernel tests are found and not run.
        every_case: whether parts of ours have all their cases, or the first one only.
        sanitizer: tool of compute-sanitizer for the time that is left in the end.
    """
    from benchmarks.gpu.probes import COSTS_S

    cases = {name: importlib.import_module(_OURS + name).cases() for _, name, _ in (*HEADLINES, *REMAINING)}
    parts = [correctness.collected() if dry_run else correctness.half_precision()]
    parts += _figures(HEADLINES, cases, every_case)
    parts += [probe(name, *COSTS_S[name]) for name in PROBES]
    parts += _figures(REMAINING, cases, every_case)
    parts += [probe(name, *COSTS_S[name]) for name in LATE_PROBES]
    if not dry_run:
        parts.append(correctness.the_rest())
    parts += [_of_family(name) for name in families]
    if sanitizer is not None and not dry_run:
        parts.append(correctness.sanitizer(sanitizer))
    return parts


def chosen(parts: Sequence[Part], patterns: Sequence[str]) -> list[Part]:
    """Those whose name or one of whose rows' names fits a pattern; of those parts whole.

    Raises:
        ValueError: a pattern fits nothing.
    """
    for pattern in patterns:
        if not any(_fits(part, pattern) for part in parts):
            raise ValueError(f"no part fits {pattern!r}; there are {', '.join(part.name for part in parts)}")
    return [part for part in parts if any(_fits(part, pattern) for pattern in patterns)]


def _fits(part: Part, pattern: str) -> bool:
    return fnmatchcase(part.name, pattern) or any(fnmatchcase(row, pattern) for row in part.rows)


def _figures(
    wanted: Sequence[tuple[str, str, Sequence[str]]], cases: dict[str, list[Case]], every_case: bool
) -> list[Part]:
    """Parts of cases, which are taken away from what there is."""
    parts = []
    for name, family, patterns in wanted:
        own = [case for pattern in patterns for case in cases[family] if fnmatchcase(case.name, pattern)]
        own = list({case.name: case for case in own}.values())
        cases[family] = [case for case in cases[family] if case not in own]
        own = own if every_case else own[:1]
        parts.append(figures(name, _OURS + family, own, alone=not _needs_videobert(_OURS + family)))
    return parts


def _of_family(name: str) -> Part:
    """Of a module that is somebody else's: one that cannot be imported is a part that fails."""
    try:
        cases: list[Case] = importlib.import_module(name).cases()
    except Exception:
        # Any module can fail in any way; the process that is to run its cases says how.
        cases = [Case(name=name, bar=None, bar_text="", prepare=_elsewhere)]
    return figures(name, name, cases, alone=not _needs_videobert(name))


def _elsewhere() -> Prepared:
    raise AssertionError("cases are prepared by the processes that run them")


def _needs_videobert(family: str) -> bool:
    try:
        return bool(getattr(importlib.import_module(family), "NEEDS_VIDEOBERT", False))
    except Exception:
        return False
