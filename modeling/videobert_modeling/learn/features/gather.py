"""Features of every stretch of the data: video by video, from the store where it has them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from videobert.base.errors import InputError
from videobert_modeling.codebooks.backbone_source import BackboneSource, Run
from videobert_modeling.learn.data.stretch import Stretch
from videobert_modeling.learn.features.store import FeatureStore, Source, digest_of
from videobert_modeling.learn.features.video_features import VideoFeatures
from videobert_modeling.learn.features.walk import DecoderName, walk

Progress = Callable[[str, float, float | None], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Example:
    """A stretch and the features of its clips.

    Args:
        video: sha256 of the video's content: copies of a film are one film.
        clips: float32 `(n, feature_dim)`, one at least.
    """

    stretch: Stretch
    video: str
    clips: npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True, kw_only=True)
class LeftOut:
    """A video, or a stretch of one, that nothing was learned from.

    Args:
        where: where the user wrote it; of a video, where it comes first.
        stretches: how many stretches are left out by this.
        reason: what is wrong with it.
    """

    video: str
    where: str
    stretches: int
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Gathered:
    """The examples, in the order of the stretches, and what could not be used."""

    examples: tuple[Example, ...]
    left_out: tuple[LeftOut, ...]
    clips_computed: int


def gather(
    stretches: Sequence[Stretch],
    backbone: BackboneSource,
    store: FeatureStore,
    *,
    decoder: DecoderName = "auto",
    on_progress: Progress | None = None,
) -> Gathered:
    """Features of all stretches. What was found stays in the store, also when this is interrupted.

    A video that cannot be read, or a stretch beyond its end, is recorded, and the rest goes on.

    Args:
        on_progress: called with the name of a video, the videos that are done, with the share of this one, and how many
            there are.

    Raises:
        ModelError: the backbone cannot be opened, or gives what is not finite.
    """
    by_video: dict[Path, list[Stretch]] = {}
    for stretch in stretches:
        by_video.setdefault(stretch.video, []).append(stretch)
    lazily = _Lazily(backbone)
    examples: dict[int, Example] = {}
    left_out: list[LeftOut] = []
    try:
        for done, (video, its) in enumerate(by_video.items()):

            def move(done_s: float, total_s: float | None, name: str = video.name, done: int = done) -> None:
                if on_progress is not None:
                    on_progress(name, done + (min(done_s / total_s, 1.0) if total_s else 0.0), len(by_video))

            move(0.0, None)
            try:
                source = Source(
                    video=digest_of(video), clip_hash=backbone.recipe.clip_hash, backbone_hash=backbone.hash
                )
                known = _features(video, its, source, lazily, store, decoder, move)
            except (InputError, OSError) as error:
                reason = error.what if isinstance(error, InputError) else error.strerror or str(error)
                left_out.append(LeftOut(video=its[0].name, where=its[0].where, stretches=len(its), reason=reason))
                continue
            for stretch in its:
                found = known.clips_of(stretch)
                if found:
                    rows = np.stack([known.features[number] for number in found])
                    examples[id(stretch)] = Example(stretch=stretch, video=source.video, clips=rows)
                else:
                    reason = f"it starts after the video's end at {known.end_s[-1]:.2f} s"
                    left_out.append(LeftOut(video=its[0].name, where=stretch.where, stretches=1, reason=reason))
    finally:
        lazily.close()
    if on_progress is not None:
        on_progress("features", len(by_video), len(by_video))
    return Gathered(
        examples=tuple(examples[id(stretch)] for stretch in stretches if id(stretch) in examples),
        left_out=tuple(left_out),
        clips_computed=lazily.calls,
    )


def _features(
    video: Path,
    stretches: Sequence[Stretch],
    source: Source,
    run: _Lazily,
    store: FeatureStore,
    decoder: DecoderName,
    on_progress: Callable[[float, float | None], None],
) -> VideoFeatures:
    known = store.get(source)
    if known is not None and all(known.has(stretch) for stretch in stretches):
        return known
    return walk(
        video,
        stretches,
        backbone=run.backbone,
        run=run,
        known=known,
        keep=lambda found: store.put(source, found),
        decoder=decoder,
        on_progress=on_progress,
    )


class _Lazily:
    """A backbone that is opened when the first clip needs it: with all features in the store, none does."""

    def __init__(self, backbone: BackboneSource) -> None:
        self.backbone = backbone
        self.calls = 0
        self._opened: tuple[Run, Callable[[], None]] | None = None

    def __call__(self, clips: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
        if self._opened is None:
            self._opened = self.backbone.open()
        self.calls += 1
        return self._opened[0](clips)

    def close(self) -> None:
        if self._opened is not None:
            self._opened[1]()
