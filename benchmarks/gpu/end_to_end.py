"""From a file on disk to an answer, the bundled model on the torch engine: decoding, backbone, tokens, encoder, heads.

The rival is the same on this machine's CPU. Answers are held to the CPU's: every token and the best answer to every
question must be equal.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.gpu.case import Case, Prepared, device, tiny
from benchmarks.gpu.processes import ROOT

NEEDS_VIDEOBERT = True
CLIP = ROOT / "runtime" / "videobert" / "bundled" / "shapes" / "clip.mp4"
# How far scores of answers may be from the CPU's in fp32; those are sums of log-probabilities.
_SCORES = {"fp32": 1e-4, "bf16": 2e-2}


def cases() -> list[Case]:
    """Each decoder and precision; a film that is read, and one whose clips are tokens already."""
    found = [
        Case(
            name=f"file-to-answer/shapes/{decoder}-{precision}",
            bar=None,
            bar_text="no bar: beside this machine's CPU",
            prepare=partial(_prepare, decoder, precision),
            cost_s=14.0,
            budget_s=45.0,
        )
        for decoder, precision in (("pyav", "bf16"), ("pyav", "fp32"), ("dali", "bf16"))
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
        pass  # missing, this is said as a package that is not here
    import videobert

    opened = videobert.load("shapes", engine="torch", device=where, precision=precision, decoder=decoder)
    opened.warmup()
    return opened


def answers(report: Any) -> dict[tuple[int, str], tuple[str, float]]:
    """The best answer to each question about each segment, and its score."""
    return {
        (number, question): (candidates[0].text, candidates[0].score)
        for number, segment in enumerate(report.segments)
        for question, candidates in segment.answers.items()
    }


def _prepare(decoder: str, precision: str, *, from_tokens: bool = False) -> Prepared:
    ours, exact = model(device(), precision, decoder), model("cpu", "fp32", "pyav")
    film: Any = exact.tokens(CLIP) if from_tokens else Path(CLIP)

    def parity() -> str | None:
        stepped_in = None if tiny() or decoder == "pyav" else ours.tokens(film).decoder_fallback
        if stepped_in is not None:
            return f"PyAV read the film and not {decoder}: {stepped_in}"
        return differences(ours, exact, film, _SCORES[precision])

    def quality() -> dict[str, float]:
        found, wanted = answers(ours.run(film)), answers(exact.run(film))
        return {"score difference": max(abs(found[key][1] - wanted[key][1]) for key in wanted)}

    run: Callable[[Any], Callable[[], object]] = lambda opened: lambda: opened.run(film)  # noqa: E731
    said = ours.origin.fallback or "nothing"
    return Prepared(
        ours=run(ours),
        rivals={} if tiny() else {"this machine's CPU, fp32, PyAV": run(exact)},
        parity=parity,
        quality=quality,
        note=f"10.5 s of 854x480; the engine falls back on {said}",
        clock="host",
    )


def differences(ours: Any, exact: Any, film: Any, allowed: float) -> str | None:
    """What two models say of a film that is not equal; None where all is, and scores are near."""
    if isinstance(film, Path):
        found, wanted = ours.tokens(film).ids, exact.tokens(film).ids
        if not np.array_equal(found, wanted):
            return f"tokens are {found.tolist()}, on the CPU {wanted.tolist()}"
    found_answers, wanted_answers = answers(ours.run(film)), answers(exact.run(film))
    for key in found_answers.keys() | wanted_answers.keys():
        one, other = (each.get(key, ("no answer", 0.0)) for each in (found_answers, wanted_answers))
        if one[0] != other[0] or not abs(one[1] - other[1]) <= allowed:
            return f"segment {key[0]}, {key[1]}: {one}, on the CPU {other}"
    return None
