"""Clip features of videos, streamed through a model folder's backbone: what a codebook is trained on."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from videobert.base.errors import InputError, MismatchError, ModelError, UsageError
from videobert.model.folder import ModelFolder
from videobert.pipeline.events import Event, FeatureFound
from videobert.pipeline.features import Feature, Seen, features
from videobert.video.decoders.available import DecoderName
from videobert.video.open import open_clips
from videobert.visual.feature_file import FeatureFiles
from videobert_modeling.codebooks.backbone_source import BackboneSource, backbone_of_folder, source_of
from videobert_modeling.codebooks.cluster import Clustering, cluster
from videobert_modeling.codebooks.spool import Progress
from videobert_modeling.model_folder.refit import Refit, check_refit, refit

_BLOCK_CLIPS = 64
FEATURE_SUFFIX = ".safetensors"


def stream_features(
    folder: ModelFolder, videos: Sequence[str | Path], decoder: DecoderName = "auto"
) -> Iterator[npt.NDArray[np.float32]]:
    """Features `(n, feature_dim)` of all whole clips of `videos`, in order, some at a time.

    A clip at the end of a video that is filled with repeats is left out: it would draw a centroid towards stills.

    Raises:
        ModelError: the folder has no `graphs/backbone.onnx`, a file of it is damaged, or a feature is not finite.
        DecodeError: a video cannot be read.
    """
    return features_of_videos(source_of(folder), videos, decoder)


def features_of_videos(
    backbone: BackboneSource, videos: Sequence[str | Path], decoder: DecoderName = "auto"
) -> Iterator[npt.NDArray[np.float32]]:
    """As `stream_features`, with any backbone.

    Raises:
        InputError: no video holds a whole clip.
    """
    run, close = backbone.open()

    def start(frames: Any) -> Future[Seen]:
        # Here and now: what is known of a clip is known before the next one is decoded.
        future: Future[Seen] = Future()
        future.set_result(Seen(run((frames if isinstance(frames, np.ndarray) else frames.on_host())[None])[0], 0.0))
        return future

    found = False
    try:
        for video in videos:
            with open_clips(video, backbone.recipe, decoder=decoder) as stream:
                whole = (clip for clip in stream if clip.padded_frames == 0)
                events = features(
                    start,
                    whole,
                    ahead=0,
                    cancel=None,
                    seconds=defaultdict(float),
                    not_finite=partial(_not_finite, video),
                )
                with closing(events):
                    for block in _blocks(events):
                        found = True
                        yield block
    finally:
        close()
    if not found:
        raise InputError(
            "no video holds a whole clip",
            seen=f"{len(videos)} videos",
            allowed=f"videos of {backbone.recipe.clip_duration_s:g} s or more",
            fix="Use longer videos.",
        )


def _blocks(events: Iterable[Event]) -> Iterator[npt.NDArray[np.float32]]:
    block: list[Feature] = []
    for event in events:
        if isinstance(event, FeatureFound):
            block.append(event.feature)
            if len(block) == _BLOCK_CLIPS:
                yield np.stack(block)
                block = []
    if block:
        yield np.stack(block)


def _not_finite(video: str | Path, index: int, start_s: float) -> ModelError:
    return ModelError(
        "the backbone gave a value that is not finite",
        seen=f"{video}, the clip at {start_s:.2f} s",
        fix="Its weights are damaged or do not fit the recipe: import the backbone again.",
    )


def check_videos(videos: Sequence[str | Path]) -> None:
    """Whether there are videos to read, before the first of them is decoded.

    Raises:
        InputError: none was given, or one does not exist.
    """
    if not videos:
        raise InputError("no videos were given", fix="Name the videos to learn from.")
    for video in videos:
        # What is no local file is refused when it is opened, by what it is.
        if "://" not in str(video) and not Path(video).exists():
            raise InputError("there is no such video file", seen=str(video), fix="Check the path.")


def cluster_videos(
    model: Path,
    videos: Sequence[str | Path],
    out: Path,
    *,
    branching: int = 12,
    depth: int = 4,
    seed: int = 0,
    on_progress: Progress | None = None,
    decoder: DecoderName = "auto",
) -> Clustering:
    """Train a codebook on the clips of `videos`, in the order given, and write it to `out`.

    Args:
        model: a model folder with weights; it needs no graphs and no codebook yet.
        videos: or feature files of the model's own backbone.
        decoder: what reads the videos, see `videobert.video.open.open_clips`.

    Raises:
        InputError: no videos, or none with a whole clip; else as `cluster`.
        ModelError: as `features_of_videos`; or the folder has no weights to name the backbone by.
    """
    result = cluster_sources(
        backbone_of_folder(model),
        videos,
        branching=branching,
        depth=depth,
        seed=seed,
        on_progress=on_progress,
        decoder=decoder,
    )
    result.codebook.save(out)
    return result


def cluster_into(
    model: Path,
    sources: Sequence[str | Path],
    *,
    branching: int = 12,
    depth: int = 4,
    seed: int = 0,
    replace: bool = False,
    on_progress: Progress | None = None,
    decoder: DecoderName = "auto",
) -> tuple[Clustering, Refit]:
    """Train a codebook on `sources` and put it into the folder `model`, whose visual half is resized; see `refit`.

    Args:
        sources: videos, or feature files of the model's own backbone.
        replace: give up the codebook that the folder holds.

    Raises:
        UsageError, ModelError: as `check_refit`, before anything is read; else as `cluster_videos`.
    """
    check_refit(model, replace=replace)
    result = cluster_sources(
        backbone_of_folder(model),
        sources,
        branching=branching,
        depth=depth,
        seed=seed,
        on_progress=on_progress,
        decoder=decoder,
    )
    return result, refit(model, result.codebook, seed=seed)


def cluster_sources(
    backbone: BackboneSource,
    sources: Sequence[str | Path],
    *,
    branching: int,
    depth: int,
    seed: int,
    on_progress: Progress | None,
    decoder: DecoderName,
) -> Clustering:
    """Train a codebook on videos that a backbone sees, or on feature files that it made."""
    files = [Path(source) for source in sources if Path(source).suffix == FEATURE_SUFFIX]
    if files and len(files) < len(sources):
        raise UsageError(
            "videos and feature files cannot be clustered together",
            seen=", ".join(str(source) for source in sources),
            fix="Name one kind of the two.",
        )
    if files:
        rows = _of_files(backbone, files)
    else:
        check_videos(sources)
        rows = features_of_videos(backbone, sources, decoder)
    return cluster(
        rows,
        branching=branching,
        depth=depth,
        seed=seed,
        backbone_hash=backbone.hash,
        clip_hash=backbone.recipe.clip_hash,
        on_progress=on_progress,
    )


def _of_files(backbone: BackboneSource, paths: Sequence[Path]) -> Iterator[npt.NDArray[np.float32]]:
    files = FeatureFiles.open(paths)
    for part, made_by, own in (
        ("backbone", files.backbone_hash, backbone.hash),
        ("clip recipe", files.clip_hash, backbone.recipe.clip_hash),
    ):
        if made_by != own:
            raise MismatchError(
                f"{paths[0].name} was made with another {part} than the model's",
                seen=made_by,
                allowed=own,
                fix="Use features that this model's backbone gave, or its videos.",
            )
    return files.blocks()
