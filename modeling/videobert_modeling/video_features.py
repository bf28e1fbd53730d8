"""Clip features of videos, streamed through a model folder's backbone: what a codebook is trained on."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path

import numpy as np
import numpy.typing as npt

from videobert.decoding import DecoderName
from videobert.engines.base import EngineOptions
from videobert.engines.selection import open_engine
from videobert.errors import InputError
from videobert.model_folder import ModelFolder
from videobert.video import open_clips
from videobert_modeling.cluster import Clustering, cluster
from videobert_modeling.spool import Progress

_BLOCK_CLIPS = 64


def stream_features(
    folder: ModelFolder, videos: Sequence[str | Path], decoder: DecoderName = "auto"
) -> Iterator[npt.NDArray[np.float32]]:
    """Features `(n, feature_dim)` of all whole clips of `videos`, in order, some at a time.

    A clip at the end of a video that is filled with repeats is left out: it would draw a centroid towards stills.

    Raises:
        ModelError: the folder has no `graphs/backbone.onnx`, or a file of it is damaged.
        DecodeError: a video cannot be read.
    """
    engine = open_engine(folder, engine="auto", device="auto", options=EngineOptions())
    try:
        for video in videos:
            with open_clips(video, folder.recipe, decoder=decoder) as stream:
                whole = (clip.on_host() for clip in stream if clip.padded_frames == 0)
                while block := list(islice(whole, _BLOCK_CLIPS)):
                    yield np.concatenate([engine.run("backbone", clips=frames[None]) for frames in block])
    finally:
        engine.close()


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
        model: a model folder with weights and graphs; it needs no codebook yet.
        decoder: what reads the videos, see `videobert.video.open_clips`.

    Raises:
        InputError: no videos, or none with a whole clip; else as `cluster`.
        ModelError: as `stream_features`; or the folder has no weights to name the backbone by.
    """
    if not videos:
        raise InputError("no videos were given", fix="Name the videos to learn from.")
    folder = ModelFolder(model)
    folder.path("model.safetensors")
    result = cluster(
        stream_features(folder, videos, decoder),
        branching=branching,
        depth=depth,
        seed=seed,
        backbone_hash=folder.backbone_hash() or "",
        clip_hash=folder.recipe.clip_hash,
        on_progress=on_progress,
    )
    result.codebook.save(out)
    return result
