"""Clips that an engine is given together: what the backbone alone takes for so many."""

from __future__ import annotations

import itertools
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from videobert.base.errors import InputError
from videobert.bench.agreement import cosine
from videobert.bench.opened_model import opened_model
from videobert.bench.statistics import spread_of
from videobert.engines.base import Engine
from videobert.model.stage_lists import BACKBONE
from videobert.results.bench import SweepPoint
from videobert.video.open import open_clips

Clips = Sequence[npt.NDArray[np.uint8]]


class ClipBatches:
    """Calls of the backbone with several clips of one film.

    No clip's tokens may depend on its neighbours in a batch, so the backbone of every model here is compiled for one
    clip: a batch is then as many calls, of which the engine has so many under way at once as are worth it.

    Args:
        model, options: what `load` takes, of the setting that features are held to.
        video: the film, whose first clips are taken; of a short one some come again.
        most: clips of the largest batch.
        track, limits: see `Runtime`.

    Raises:
        InputError: the film has no clip.
    """

    def __init__(
        self, model: str | Path, options: Mapping[str, Any], video: Path, most: int, *, track: int | None, limits: Any
    ) -> None:
        self._model = model
        with opened_model(model, options) as opened:
            with open_clips(video, opened.model.recipe, limits=limits, track=track) as clips:
                frames = [np.array(clip.frames) for clip in itertools.islice(clips, most)]
            if not frames:
                raise InputError("this video has no clip", seen=video.name, fix="Choose a longer one.")
            self._clips = list(itertools.islice(itertools.cycle(frames), most))
            self._seconds_a_clip = opened.model.recipe.frames / float(opened.model.recipe.fps)
            self._reference = _features(opened.engine, self._clips)

    def point(self, options: Mapping[str, Any], setting: Mapping[str, Any], runs: int) -> SweepPoint:
        """What one batch takes.

        Args:
            options: of `load`, with what the setting says.
            setting: has `batch`.
            runs: batches that count, after one that does not.
        """
        clips = self._clips[: setting["batch"]]
        with opened_model(self._model, options) as opened:
            found = _features(opened.engine, clips)
            times = [_timed(opened.engine, clips) for _ in range(runs)]
            note = f"one clip a call, {opened.engine.parallel} at once"
        spread = spread_of(times)
        alike = [cosine(a, b) for a, b in zip(found, self._reference, strict=False)]
        return SweepPoint(
            setting=dict(setting),
            answer=spread,
            same_answers=float(np.mean(alike)),
            times_real_time=len(clips) * self._seconds_a_clip / spread.p50,
            note=note,
        )


def _features(engine: Engine, clips: Clips) -> npt.NDArray[np.float32]:
    """One row a clip."""
    with ThreadPoolExecutor(engine.parallel) as calls:
        return np.concatenate(list(calls.map(lambda clip: engine.run(BACKBONE, clips=clip[None]), clips)))


def _timed(engine: Engine, clips: Clips) -> float:
    began = time.perf_counter()
    _features(engine, clips)
    return time.perf_counter() - began
