"""int8 for a model's backbone: ranges observed on some clips, judged on others."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from videobert.base.errors import InputError
from videobert.engines.base import EngineOptions
from videobert.engines.openvino_engine import OpenVinoEngine
from videobert.engines.openvino_int8_error import bias_corrected
from videobert.engines.openvino_ranges import observe
from videobert.engines.range_rules import RangeRule
from videobert.model.folder import ModelFolder
from videobert.model.int8_file import LEAST_INT8_CLIPS, Int8Judged, Int8Model
from videobert.model.int8_ranges import Int8Ranges
from videobert.model.mending import CODEBOOK
from videobert.model.stage_lists import BACKBONE
from videobert.pipeline.calibration_clips import too_few, whole_clips
from videobert.visual.codebook import Codebook
from videobert.visual.near_ties import NearTies

# Clips that ranges are observed on, all held: more change little.
MOST_OBSERVED = 32
MOST_JUDGED = 1024
PURPOSE = "to calibrate int8 with"
# Which is better depends on the network: values of S3D lie close together, of I3D few are large.
_RULES: tuple[RangeRule, ...] = ("largest", "squares")
_COMPARED = 8
# Of the clips that are judged, those nearer to a tie than this share of a feature's length are counted apart.
NEAR_TIE = 0.005

Clip = npt.NDArray[np.uint8]


def calibrated_int8(folder: ModelFolder, videos: Sequence[str | Path], keep: frozenset[str]) -> Int8Model:
    """Ranges of the backbone by the better of two rules, with bias correction, and what they cost in tokens.

    Every other clip is observed, at most 32 of them, spread over the videos; the rest are judged.

    Args:
        folder: the model.
        videos: whose whole clips are used.
        keep: products, by the names of their nodes, that stay in the precision of the rest.

    Raises:
        InputError, DecodeError: a video cannot be read; they hold fewer than 16 whole clips; `keep` is all there is.
        ModelError: the folder has no backbone's graph, or a file of it is damaged.
    """
    count = sum(1 for _ in whole_clips(folder.recipe, videos))
    if count < LEAST_INT8_CLIPS:
        raise too_few(PURPOSE, count, LEAST_INT8_CLIPS)
    every = max(2, -(-count // MOST_OBSERVED))
    observed = [clip[None] for number, clip in enumerate(whole_clips(folder.recipe, videos)) if number % every == 0]
    ranges = _ranges(folder, keep, observed)
    others = (clip for number, clip in enumerate(whole_clips(folder.recipe, videos)) if number % every)
    return Int8Model(stages={BACKBONE: ranges}, judged=_judged(folder, ranges, others))


def _ranges(folder: ModelFolder, keep: frozenset[str], observed: Sequence[Clip]) -> Int8Ranges:
    """By the rule whose features are nearer to those of fp32, on the first of the clips that were observed."""
    seen = observe(folder, BACKBONE, observed)
    some = observed[:_COMPARED]
    wanted = _features(OpenVinoEngine(folder, EngineOptions(precision="fp32")), some)
    tried: list[tuple[float, Int8Ranges]] = []
    for rule in _RULES:
        found = seen.ranges(rule)
        tops = {name: top for name, top in found.tops.items() if name not in keep}
        if not tops:
            raise InputError("every product of the backbone is to be kept", seen=len(keep), fix="Keep fewer of them.")
        ranges = bias_corrected(folder, BACKBONE, Int8Ranges(graph=found.graph, tops=tops), observed)
        features = _features(OpenVinoEngine(folder, EngineOptions(), {BACKBONE: ranges}), some)
        tried.append((float(np.median(list(map(_error, features, wanted)))), ranges))
    return min(tried, key=lambda each: each[0])[1]


def _features(engine: OpenVinoEngine, clips: Sequence[Clip]) -> list[npt.NDArray[np.float32]]:
    """By an engine that is closed then."""
    try:
        return [engine.run(BACKBONE, clips=clip) for clip in clips]
    finally:
        engine.close()


def _error(found: npt.NDArray[np.float32], wanted: npt.NDArray[np.float32]) -> float:
    """The distance of a feature from fp32's, as a share of its length."""
    length = max(float(np.linalg.norm(wanted)), float(np.finfo(np.float32).tiny))
    return float(np.linalg.norm(found - wanted)) / length


def _judged(folder: ModelFolder, ranges: Int8Ranges, clips: Iterable[Clip]) -> Int8Judged:
    """Tokens beside those of fp32; of a model without tokens how far features are off."""
    small = OpenVinoEngine(folder, EngineOptions(), {BACKBONE: ranges})
    true = OpenVinoEngine(folder, EngineOptions(precision="fp32"))
    codebook = Codebook.from_bytes(folder.read(CODEBOOK)) if folder.has_codebook else None
    ties = None if codebook is None else NearTies(codebook)
    count = same = sure = sure_same = 0
    errors = []
    try:
        for clip in clips:
            found, wanted = small.run(BACKBONE, clips=clip[None]), true.run(BACKBONE, clips=clip[None])
            errors.append(_error(found, wanted))
            count += 1
            if codebook is not None and ties is not None:
                equal = bool(codebook.assign(found)[0][0] == codebook.assign(wanted)[0][0])
                far = ties.nearest_plane(wanted[0]).margin >= NEAR_TIE
                same, sure, sure_same = same + equal, sure + far, sure_same + (equal and far)
            if count == MOST_JUDGED:
                break
    finally:
        small.close()
        true.close()
    return Int8Judged(clips=count, same=same, sure=sure, sure_same=sure_same, error=float(np.median(errors)))
