"""From a file on disk to an answer, the bundled model on the torch engine: decoding, backbone, tokens, encoder, heads.

The rival is the same on this machine's CPU. Answers are held to the CPU's: every token and the best answer to every
question must be equal.
"""

from __future__ import annotations

import functools
import importlib
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks.gpu.case import Case, Prepared, device, tiny
from benchmarks.gpu.processes import ROOT

NEEDS_VIDEOBERT = True
CLIP = ROOT / "runtime" / "videobert" / "bundled" / "shapes" / "clip.mp4"
# How far scores of answers may be from the CPU's in fp32; those are sums of log-probabilities.
_SCORES = {"fp32": 1e-4, "bf16": 2e-2}


def cases() -> list[Case]:
    """Each decoder and precision of a film that is read, and one whose clips are tokens already."""
    found = [
        Case(
            name=f"file-to-answer/shapes/{decoder}-{precision}",
            bar=None,
            bar_text="no bar: beside this machine's CPU",
            prepare=partial(_prepare, decoder, precision),
            cost_s=14.0,
            budget_s=45.0,
        )
        for decoder, precision in (("pyav", "fp32"), ("pyav", "bf16"), ("dali", "bf16"))
    ]
    found.append(
        Case(
            name="tokens-to-answer/shapes/fp32",
            bar=None,
            bar_text="no bar: beside this machine's CPU",
            prepare=partial(_prepare, "pyav", "fp32", from_tokens=True),
            cost_s=4.0,
            budget_s=30.0,
        )
    )
    return found


@functools.cache
def model(where: str, precision: str, decoder: str) -> Any:
    """The bundled model, loaded and warm; it is kept for the cases to come."""
    if decoder == "dali":
        importlib.import_module("nvidia.dali")  # missing, this is said as a package that is not here
    import videobert

    opened = videobert.load("shapes", engine="torch", device=where, precision=precision, decoder=decoder)
    if not tiny():
        opened.warmup()
    return opened


def answers(report: Any) -> dict[tuple[int, str], tuple[str, float]]:
    """The best answer to each question about each segment, and its score."""
    return {
        (number, question): (candidates[0].text, candidates[0].score)
        for number, segment in enumerate(report.segments)
        for question, candidates in segment.answers.items()
    }


@functools.cache
def wanted(film: Path | None) -> Any:
    """What the CPU says of a film in fp32; of the tokens of the bundled one where none is given."""
    exact = model("cpu", "fp32", "pyav")
    return exact.run(film or exact.tokens(CLIP))


def _prepare(decoder: str, precision: str, *, from_tokens: bool = False) -> Prepared:
    ours, exact = model(device(), precision, decoder), model("cpu", "fp32", "pyav")
    film: Any = exact.tokens(CLIP) if from_tokens else CLIP
    told = wanted(None if from_tokens else CLIP)
    said: dict[str, float] = {}

    def parity() -> str | None:
        found = ours.run(film)
        said["score difference"] = score_difference(found, told)
        stepped_in = found.origin.decoder_fallback
        if decoder != "pyav" and stepped_in is not None and not tiny():
            return f"PyAV read the film and not {decoder}: {stepped_in}"
        return differences(found, told, _SCORES[precision])

    run: Callable[[Any], Callable[[], object]] = lambda opened: lambda: opened.run(film)  # noqa: E731
    return Prepared(
        ours=run(ours),
        rivals={} if tiny() else {"this machine's CPU, fp32, PyAV": run(exact)},
        parity=parity,
        quality=lambda: said,
        note=f"10.5 s of 854x480; the engine falls back on {ours.origin.fallback or 'nothing'}",
        clock="host",
    )


def differences(found: Any, told: Any, allowed: float) -> str | None:
    """What of a report is not equal to the CPU's; None where tokens and answers are, and scores are near."""
    ids, wanted_ids = ([[*each.tokens] for each in report.segments] for report in (found, told))
    if ids != wanted_ids:
        return f"tokens are {ids}, on the CPU {wanted_ids}"
    one, other = answers(found), answers(told)
    for key in one.keys() | other.keys():
        a, b = (each.get(key, ("no answer", 0.0)) for each in (one, other))
        if a[0] != b[0] or not abs(a[1] - b[1]) <= allowed:
            return f"segment {key[0]}, {key[1]}: {a}, on the CPU {b}"
    return None


def score_difference(found: Any, told: Any) -> float:
    """The most that the score of a best answer differs by, of those that both have."""
    one, other = answers(found), answers(told)
    return max((abs(one[key][1] - other[key][1]) for key in one.keys() & other.keys()), default=0.0)
