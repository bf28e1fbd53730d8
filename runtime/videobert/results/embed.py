"""What `embed` returns."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from videobert.results.origin import Origin


@dataclass(frozen=True, slots=True, kw_only=True)
class Embedding:
    """The result of `embed`.

    Args:
        vector: float32 `(width,)`, the mean over windows of the joint encoder's final `[CLS]` state.
        kind: what went in: `"video"`, `"text"` or `"joint"`.
        comparable: False: vectors of text and of video are comparable with each other only with a retrieval
            head, which no model family here has yet; vectors of one kind are comparable among themselves.
        percentile, out_of_domain: see `Report`; None without a video.
        unknown_words: see `Fill`.
    """

    vector: npt.NDArray[np.float32]
    kind: Literal["video", "text", "joint"]
    origin: Origin
    comparable: bool = False
    percentile: float | None = None
    out_of_domain: bool | None = None
    unknown_words: tuple[str, ...] = ()

    def __repr__(self) -> str:
        return f"Embedding(kind={self.kind!r}, vector=float32{self.vector.shape}, comparable={self.comparable})"
