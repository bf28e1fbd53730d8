"""Features of videos on disk, named by what they were made of, so that no video is read twice.

An entry that is damaged or of something else is as good as none. Entries are data, never code.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from videobert.base.atomic import write_atomically
from videobert.base.errors import InputError, VideoBertError
from videobert.base.user_cache import cache_folder, own_folder
from videobert.visual.feature_rows import checked_rows
from videobert_modeling.learn.features.video_features import VideoFeatures

_FORMAT = "videobert clip features 1"
_FOLDER = "clip-features"
_TENSORS = frozenset({"start_s", "end_s", "padded_frames", "numbers", "features"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """What features depend on.

    Args:
        video: sha256 of the file's content.
        clip_hash: `Recipe.clip_hash`.
        backbone_hash: see `videobert.model.folder.backbone_hash`.
    """

    video: str
    clip_hash: str
    backbone_hash: str


class FeatureStore:
    """Entries by `Source`.

    Args:
        folder: where they lie; None is the user's cache, or nowhere if there is none.

    Raises:
        InputError: a folder was named and cannot be written to.
    """

    def __init__(self, folder: Path | None = None) -> None:
        self._folder: Path | None = None
        try:
            if folder is not None:
                folder.mkdir(parents=True, exist_ok=True)
                if not os.access(folder, os.W_OK | os.X_OK):
                    raise PermissionError(f"{folder} cannot be written to")
                self._folder = folder
            elif (cache := cache_folder()) is not None:
                self._folder = own_folder(own_folder(cache) / _FOLDER)
        except (OSError, ValueError) as error:
            if folder is not None:
                raise InputError(
                    "the folder for features cannot be used",
                    seen=str(error),
                    allowed="a folder that you may write to, which need not exist yet",
                    fix="Name another one.",
                ) from error

    def get(self, source: Source) -> VideoFeatures | None:
        """The entry of a video, if there is a sound one."""
        if self._folder is None:
            return None
        from safetensors import SafetensorError, safe_open

        try:
            with safe_open(self._path(self._folder, source), framework="numpy") as file:
                if file.metadata() not in (_metadata(source, False), _metadata(source, True)):
                    return None
                if set(file.keys()) != _TENSORS:
                    return None
                complete = file.metadata() == _metadata(source, True)
                tensors = {name: file.get_tensor(name) for name in _TENSORS}
        except (OSError, ValueError, SafetensorError):
            return None
        return _sound(tensors, complete)

    def put(self, source: Source, known: VideoFeatures) -> None:
        """Keep an entry in place of an earlier one; a full disk is no reason to fail."""
        if self._folder is None or not known.features:
            return
        from safetensors.numpy import save_file

        numbers = sorted(known.features)
        tensors: dict[str, npt.NDArray[Any]] = {
            "start_s": known.start_s,
            "end_s": known.end_s,
            "padded_frames": known.padded_frames,
            "numbers": np.array(numbers, np.int64),
            "features": np.stack([known.features[number] for number in numbers]),
        }
        metadata = _metadata(source, known.complete)
        with contextlib.suppress(OSError):
            write_atomically(
                self._path(self._folder, source), lambda path: save_file(tensors, path, metadata), mode=0o600
            )

    @staticmethod
    def _path(folder: Path, source: Source) -> Path:
        text = f"{source.video} {source.clip_hash} {source.backbone_hash}"
        return folder / f"{hashlib.sha256(text.encode()).hexdigest()[:40]}.safetensors"


def digest_of(video: Path) -> str:
    """The sha256 of a file's content.

    Raises:
        OSError: it cannot be read.
    """
    with video.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _metadata(source: Source, complete: bool) -> dict[str, str]:
    return {
        "format": _FORMAT,
        "video": source.video,
        "clip_hash": source.clip_hash,
        "backbone_hash": source.backbone_hash,
        "complete": str(complete),
    }


def _sound(tensors: dict[str, npt.NDArray[Any]], complete: bool) -> VideoFeatures | None:
    start, end, padded = tensors["start_s"], tensors["end_s"], tensors["padded_frames"]
    numbers, features = tensors["numbers"], tensors["features"]
    shapes_fit = (
        start.ndim == 1
        and start.shape == end.shape == padded.shape
        and start.dtype == end.dtype == np.float64
        and padded.dtype == numbers.dtype == np.int64
        and features.dtype == np.float32
        and numbers.ndim == 1
        and features.ndim == 2
        and len(numbers) == len(features)
    )
    if not shapes_fit or not np.isfinite(start).all() or not np.isfinite(end).all():
        return None
    if len(numbers) and not (numbers.min() >= 0 and numbers.max() < len(start)):
        return None
    try:
        rows = checked_rows(features, 0)
    except VideoBertError:
        return None
    return VideoFeatures(
        start_s=start,
        end_s=end,
        padded_frames=padded,
        complete=complete,
        features={int(number): row for number, row in zip(numbers, rows, strict=True)},
    )
