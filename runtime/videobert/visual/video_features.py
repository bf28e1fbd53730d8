"""A video as the features of its clips: what later questions need of it, without its pictures."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from videobert.base.arguments import described, local_path, number, whole
from videobert.base.errors import InputError, UsageError
from videobert.model.recipe import check_stride
from videobert.results.origin import Origin
from videobert.visual import video_feature_file as feature_file
from videobert.visual.cuts import CUTS, are_cuts
from videobert.visual.grid import LONGEST_CLIP_S, MOST_PADDED_FRAMES, on_grid

_USE_THEIRS = "Use what `Runtime.features` gave."
# Beyond any feature; float16 ends at 65,504.
_LARGEST = 6e4
_FAR_S = 1e12


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class VideoFeatures:
    """A video as features, 2 KB a clip of 1,024 values. Every verb takes one where it takes a video.

    Args:
        features: float16 `(n, dim)`, one row for each clip.
        pictures: for each question that pictures answer its logits, float16 `(n, labels)`.
        first_s, end_s: bounds of the video in seconds of presentation time.
        padded_frames: frames of the last clip that repeat the video's last frame.
        stride: every how many clips one was kept.
        clip_s: length of a clip in seconds, exact.
        cuts_s: float64, rising: times at which a new shot begins; None where nobody looked for them.
        model: name of the model that made the features.
        backbone: `videobert.model.folder.backbone_hash` of the network that did.
        clip_recipe: `Recipe.clip_hash`.
        engine, precision: what ran the backbone.
        origin: where the answer of `Runtime.features` comes from; it is not kept in a file, and no part of what makes
            features equal.
    """

    features: npt.NDArray[np.float16]
    first_s: float
    end_s: float
    padded_frames: int
    stride: int
    clip_s: Fraction
    model: str
    backbone: str
    clip_recipe: str
    engine: str
    precision: str
    pictures: Mapping[str, npt.NDArray[np.float16]] = dataclasses.field(default_factory=dict)
    cuts_s: npt.NDArray[np.float64] | None = None
    origin: Origin | None = dataclasses.field(default=None, compare=False)

    def __post_init__(self) -> None:
        _check_rows("features", self.features)
        if not isinstance(self.pictures, Mapping) or not all(isinstance(name, str) for name in self.pictures):
            raise _wrong("pictures", described(self.pictures), "logits by the names of questions")
        for name, rows in self.pictures.items():
            _check_rows(name, rows, len(self.features))
        object.__setattr__(self, "stride", check_stride(self.stride))
        if not isinstance(self.clip_s, Fraction) or not 0 < self.clip_s <= LONGEST_CLIP_S:
            raise _wrong("clip_s", described(self.clip_s), f"a Fraction above 0, at most {LONGEST_CLIP_S}")
        padded = whole(
            "VideoFeatures.padded_frames",
            self.padded_frames,
            least=0,
            most=MOST_PADDED_FRAMES,
            allowed=f"0 to {MOST_PADDED_FRAMES}",
            fix=_USE_THEIRS,
        )
        object.__setattr__(self, "padded_frames", padded)
        for name in ("model", "backbone", "clip_recipe", "engine", "precision"):
            if not isinstance(getattr(self, name), str):
                raise _wrong(name, described(getattr(self, name)), "a text")
        for name in ("first_s", "end_s"):
            value = getattr(self, name)
            seconds = number(name, value, least=-_FAR_S, most=_FAR_S, allowed="a number of seconds", fix=_USE_THEIRS)
            object.__setattr__(self, name, seconds)
        last_start = self.first_s + (len(self.features) - 1) * self.stride * float(self.clip_s)
        if not last_start < self.end_s:
            raise _wrong("times", f"{self.first_s} to {self.end_s}", "seconds of a video that holds the clips")
        if not are_cuts(self.cuts_s):
            raise _wrong("cuts_s", described(self.cuts_s), CUTS)

    def __len__(self) -> int:
        return len(self.features)

    def __repr__(self) -> str:
        return (
            f"VideoFeatures({len(self)} clips, {self.first_s:g}–{self.end_s:g} s, stride={self.stride}, "
            f"model={self.model!r})"
        )

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, VideoFeatures):
            return NotImplemented
        plain = [f.name for f in dataclasses.fields(self) if f.compare and f.name != "pictures"]
        return (
            all(np.array_equal(getattr(self, name), getattr(other, name)) for name in plain)
            and self.pictures.keys() == other.pictures.keys()
            and all(np.array_equal(rows, other.pictures[name]) for name, rows in self.pictures.items())
        )

    __hash__ = None  # type: ignore[assignment]

    @property
    def start_s(self) -> npt.NDArray[np.float64]:
        """Where each clip begins, float64 `(n,)` seconds."""
        return self._times()[0]

    @property
    def end_of_clip_s(self) -> npt.NDArray[np.float64]:
        """Where each clip ends, float64 `(n,)` seconds; the last one where the video does."""
        return self._times()[1]

    def _times(self) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
        numbers = self.stride * np.arange(len(self), dtype=np.int64)
        start, end = on_grid(self.first_s, numbers, self.clip_s)
        end[-1:] = self.end_s
        return start, end

    def strided(self, stride: int) -> VideoFeatures:
        """Every few of these clips, as if the video had been read with this larger stride.

        Raises:
            InputError: `stride` is not a multiple of the stride that they have.
        """
        stride = check_stride(stride)
        if stride == self.stride:
            return self
        if stride % self.stride:
            raise InputError(
                "these features cannot be read with that stride",
                seen=stride,
                allowed=f"multiples of {self.stride}",
                fix="Use the video itself, or features saved with stride 1.",
            )
        keep = slice(None, None, stride // self.stride)
        last = len(range(len(self))[keep]) - 1
        whole_end = (len(self) - 1) % (stride // self.stride) == 0
        return dataclasses.replace(
            self,
            features=self.features[keep],
            pictures={name: rows[keep] for name, rows in self.pictures.items()},
            end_s=self.end_s if whole_end else float(on_grid(self.first_s, last * stride, self.clip_s)[1]),
            padded_frames=self.padded_frames if whole_end else 0,
            stride=stride,
            origin=None,
        )

    def save(self, path: str | Path) -> None:
        """Write a feature file, `.vbf`; it appears whole or not at all.

        Raises:
            InputError: there are no features, or the path cannot be written.
        """
        feature_file.write(local_path("path", path), self.to_bytes())

    @classmethod
    def load(cls, path: str | Path) -> VideoFeatures:
        """Read a file that `save` wrote; the file is not trusted.

        Raises:
            InputError: the file is missing, damaged or not such a file.
        """
        place = local_path("path", path)
        return feature_file.parse(feature_file.read(place), place.name, cls)

    def to_bytes(self) -> bytes:
        """The content of a `.vbf` file.

        Raises:
            InputError: there are no features, or a name that no file can hold.
        """
        if not len(self):
            raise InputError("there are no features to save", seen=repr(self), fix="Save those of one clip or more.")
        try:
            return feature_file.content_of(self)
        except ValueError as error:  # half of a character
            raise InputError("these features cannot be saved", seen=str(error), fix=_USE_THEIRS) from error

    @classmethod
    def from_bytes(cls, content: bytes) -> VideoFeatures:
        """Features from the content of a `.vbf` file; it is not trusted.

        Raises:
            InputError: damaged, or not such a file.
        """
        try:
            # Of a number, `bytes` would make so many zeros.
            whole_file = bytes(memoryview(content))
        except (TypeError, ValueError) as error:  # no bytes, or released
            raise InputError(
                "this is not the content of a feature file", seen=described(content), fix="Give the bytes of one."
            ) from error
        return feature_file.parse(whole_file, "the content", cls)


def _check_rows(name: str, rows: Any, count: int | None = None) -> None:
    if not isinstance(rows, np.ndarray) or rows.dtype != np.float16 or rows.ndim != 2 or rows.shape[1] == 0:
        raise _wrong(name, described(rows), "float16 (clips, values)")
    if count is not None and len(rows) != count:
        raise _wrong(name, f"{len(rows)} rows", f"{count}, one for each clip")
    if not (np.abs(rows) <= _LARGEST).all():
        raise _wrong(name, "a value that is not finite or too large", f"numbers up to {_LARGEST:g}")


def _wrong(name: str, seen: object, allowed: str) -> UsageError:
    return UsageError(f"VideoFeatures.{name} cannot be used", seen=seen, allowed=allowed, fix=_USE_THEIRS)
