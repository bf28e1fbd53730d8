"""The margin of `precision="exact"`, measured on clips: features in bf16 beside those in fp32.

What decides a token is how far the error of a feature reaches towards the nearest plane between two centroids, and how
near that plane lies. Few clips of a calibration have another token in bf16, so their number tells little; every error
is therefore laid against every distance, which tells the share of tokens that a margin leaves wrong from a hundred
times as many pairs.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from videobert.base.errors import EngineUnavailable
from videobert.engines.base import Engine, EngineOptions, RunsInFp32
from videobert.engines.selection import open_engine
from videobert.model.exact_margin import LEAST_EXACT_CLIPS, ExactMargin
from videobert.model.folder import ModelFolder
from videobert.model.graph_files import portable_graph
from videobert.model.mending import CODEBOOK
from videobert.model.stage_lists import BACKBONE
from videobert.pipeline.calibration_clips import too_few, whole_clips
from videobert.visual.codebook import Assignment, Codebook
from videobert.visual.near_ties import NearTies

# The share of tokens that may differ from fp32's: half of what is promised.
MOST_LEFT = 0.0005
# More clips cost time and tell no more.
MOST_CLIPS = 1024
PURPOSE = "to measure a margin on"

Features = npt.NDArray[np.float32]


def measured_margin(low: Features, high: Features, codebook: Codebook, backbone: str) -> ExactMargin:
    """The smallest margin that leaves at most `MOST_LEFT` of tokens wrong.

    Args:
        low, high: float32 `(n, feature_dim)`: features of the same clips in bf16 and in fp32.
        codebook: of the model.
        backbone: sha256 of its graph.

    Raises:
        InputError: there are fewer than 32 clips.
    """
    if len(low) < LEAST_EXACT_CLIPS:
        raise too_few(PURPOSE, len(low), LEAST_EXACT_CLIPS)
    ties = NearTies(codebook)
    flat, again, left = _margin(ties, codebook, low, high, "flat")
    tree = None if codebook.levels is None else _margin(ties, codebook, low, high, "tree")[0]
    return ExactMargin(
        backbone=backbone, codebook=codebook.hash, flat=flat, tree=tree, clips=len(low), again=again, left=left
    )


def both_features(folder: ModelFolder, clips: Iterable[npt.NDArray[np.uint8]]) -> tuple[Features, Features]:
    """The features of clips, uint8 `(frames, height, width, 3)` each, in bf16 and in fp32; at most 1,024 of them.

    Raises:
        EngineUnavailable: the processor has no bf16.
    """
    engine: Engine = open_engine(folder, engine="openvino", device="cpu", options=EngineOptions(precision="exact"))
    low, high = [], []
    try:
        if engine.precision != "exact" or not isinstance(engine, RunsInFp32):
            raise EngineUnavailable(
                "there is nothing to measure here: this CPU has no bf16 arithmetic, and exact is fp32 on it",
                fix="Measure on a CPU that has it.",
            )
        for clip in clips:
            low.append(engine.run(BACKBONE, clips=clip[None])[0])
            high.append(engine.run_in_fp32(BACKBONE, clips=clip[None])[0])
            if len(low) == MOST_CLIPS:
                break
    finally:
        engine.close()
    dim = folder.config.backbone.feature_dim
    return np.reshape(low, (-1, dim)).astype(np.float32), np.reshape(high, (-1, dim)).astype(np.float32)


def calibrated(folder: ModelFolder, videos: Sequence[str | Path]) -> ExactMargin:
    """The margin on the whole clips of videos, see `measured_margin` and `both_features`.

    Raises:
        InputError, DecodeError: a video cannot be read, or they hold too few clips.
        EngineUnavailable: the processor has no bf16.
        ModelError: the folder has no codebook, or a file of it is damaged.
    """
    codebook = Codebook.from_bytes(folder.read(CODEBOOK))
    low, high = both_features(folder, whole_clips(folder.recipe, videos))
    return measured_margin(low, high, codebook, folder.digest(portable_graph(BACKBONE)))


def _margin(
    ties: NearTies, codebook: Codebook, low: Features, high: Features, method: Assignment
) -> tuple[float, float, float]:
    """Margin, share of clips that are computed again, share of tokens that stay wrong."""
    planes = [ties.nearest_plane(row, method) for row in low]
    margins = np.array([plane.margin for plane in planes])
    lengths = np.maximum(np.linalg.norm(low, axis=1), np.finfo(np.float32).tiny)
    errors = (high - low).astype(np.float64) / lengths[:, None]
    reach = np.abs([error @ plane.normal for error, plane in zip(errors, planes, strict=True)])
    # Half of the errors lead away from the plane.
    order = np.sort(margins)
    crossing = np.searchsorted(np.sort(reach), order, side="right")
    wrong = (len(reach) - crossing) / len(reach) / 2
    # left[i]: share of tokens that stay wrong if the i clips nearest to a tie are computed again.
    left = np.append(np.cumsum(wrong[::-1])[::-1], 0.0) / len(order)
    count = int((left > MOST_LEFT).sum())
    differs = codebook.assign(low, method)[0] != codebook.assign(high, method)[0]
    seen = margins[differs]
    allowed = int(MOST_LEFT * len(low))
    # What was seen to go wrong counts too.
    if len(seen) > allowed:
        count = max(count, int(np.searchsorted(order, np.sort(seen)[len(seen) - 1 - allowed], side="right")))
    margin = float(order[count]) if count < len(order) else float(np.nextafter(order[-1], np.inf))
    return margin, count / len(order), float(left[count])
