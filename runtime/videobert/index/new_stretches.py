"""The stretches of one video, as they go into an index."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from videobert.base.errors import InputError
from videobert.index.identity import IndexIdentity
from videobert.index.index_format import (
    CLIP,
    CLIPS,
    FEATURES,
    MOST_PICTURE_BYTES,
    PICTURES,
    ROW,
    ROWS,
    UNKNOWN,
    VECTORS,
)

_LARGEST_HALF = 65_504


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class NewStretches:
    """Stretches in order of time, one at least; together they have all clips of the video, in order.

    Args:
        start_s, end_s: float64 `(n,)`.
        clips: int `(n,)`, how many each has, one at least.
        shots: int `(n,)`, number of its shot.
        percentiles: float32 `(n,)`, NaN where there is none.
        unsure: bool `(n,)`.
        vectors: float32 `(n, width)`.
        pictures: a JPEG each, `b""` where there is none.
        ids: int32 `(clips,)`, visual tokens; None in a model without.
        scores: float32 `(clips,)`; None where there are none.
        sure: bool `(clips,)`; None where the model always stands to its tokens.
        features: float32 `(clips, feature_width)`; None where none are kept.
        duration_s: of the video.
        percentile, out_of_domain: of the video, see `Report`.
    """

    start_s: npt.NDArray[np.float64]
    end_s: npt.NDArray[np.float64]
    clips: npt.NDArray[np.integer]
    shots: npt.NDArray[np.integer]
    percentiles: npt.NDArray[np.float32]
    unsure: npt.NDArray[np.bool_]
    vectors: npt.NDArray[np.float32]
    pictures: Sequence[bytes]
    ids: npt.NDArray[np.int32] | None
    scores: npt.NDArray[np.float32] | None
    sure: npt.NDArray[np.bool_] | None
    features: npt.NDArray[np.float32] | None
    duration_s: float
    percentile: float | None
    out_of_domain: bool

    def __len__(self) -> int:
        return len(self.start_s)

    @property
    def all_clips(self) -> int:
        """How many clips they have together."""
        return int(np.sum(self.clips))

    def columns(self, identity: IndexIdentity, *, file: int, first_clip: int, first_picture: int) -> dict[str, bytes]:
        """What goes to the end of each column.

        Args:
            file: number of the video in the index.
            first_clip, first_picture: where the columns end now.

        Raises:
            InputError: they do not fit the index, or hold what is no finite number.
        """
        pictures = [picture if len(picture) <= MOST_PICTURE_BYTES else b"" for picture in self.pictures]
        sizes = np.array([len(picture) for picture in pictures], np.int64)
        clips = np.asarray(self.clips, np.int64)
        rows = np.zeros(len(self), ROW)
        rows["start_s"], rows["end_s"] = self.start_s, self.end_s
        rows["first_clip"] = first_clip + np.cumsum(clips) - clips
        rows["picture"] = first_picture + np.cumsum(sizes) - sizes
        rows["picture_bytes"], rows["clips"] = sizes, clips
        rows["file"], rows["shot"] = file, self.shots
        rows["percentile"], rows["unsure"] = self.percentiles, self.unsure
        each = np.zeros(self.all_clips, CLIP)
        each["id"] = -1 if self.ids is None else self.ids
        each["score"] = 0 if self.scores is None else self.scores
        each["sure"] = UNKNOWN if self.sure is None else self.sure
        vectors = np.asarray(self.vectors, "<f4")
        features = np.zeros((len(each), 0), "<f2")
        if self.features is not None and identity.feature_width:
            features = np.clip(self.features, -_LARGEST_HALF, _LARGEST_HALF).astype("<f2")
        shapes = (vectors.shape, features.shape)
        wanted = ((len(self), identity.width), (len(each), identity.feature_width))
        if shapes != wanted or not np.isfinite(vectors).all() or not np.isfinite(features).all() or not len(self):
            raise InputError(
                "these stretches do not fit the index",
                seen=f"vectors {shapes[0]}, features {shapes[1]}",
                allowed=f"finite vectors {wanted[0]}, features {wanted[1]}, one stretch at least",
                fix="Index with the model that made the index.",
            )
        return {
            ROWS: rows.tobytes(),
            VECTORS: vectors.tobytes(),
            CLIPS: each.tobytes(),
            FEATURES: features.tobytes(),
            PICTURES: b"".join(pictures),
        }
