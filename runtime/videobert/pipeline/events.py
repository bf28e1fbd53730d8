"""What happens on a walk over a video. Clips are counted from 0; each one is read, then known, then a token."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from videobert.video.clip import Clip


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ClipRead:
    """A clip has come; the backbone has it already. Whoever keeps the event keeps the clip's pictures."""

    number: int
    clip: Clip


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class FeatureFound:
    """What the networks saw in a clip: the backbone's feature, finite float32 `(feature_dim,)`, and see `Seen`.

    A clip that shows the picture of the one before is not `recomputed`, even if that was.
    """

    number: int
    feature: npt.NDArray[np.float32]
    pictures: Mapping[str, npt.NDArray[np.float32]] = field(default_factory=dict)
    recomputed: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenFound:
    """A clip's visual token.

    Args:
        number: of the clip.
        id: the visual token, 0 to K-1; None in a model without tokens, where this says that the clip is known.
        percentile: see `VisualTokens.percentiles`; None where the codebook is a classifier's.
        score, sure: see `VisualTokens.scores`; None where there is a percentile.
        start_s, end_s: where the clip lies on the grid; a last clip that is not full ends before, see `Ended`.
    """

    number: int
    id: int | None
    start_s: float
    end_s: float
    percentile: float | None = None
    score: float | None = None
    sure: bool | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """The video is over; every clip has its token, or on a walk that knows no tokens its feature.

    Args:
        clips: how many there were, one at least.
        first_s, end_s: bounds of the video, in seconds of presentation time.
        padded_frames: frames of the last clip that repeat the video's last frame.
    """

    clips: int
    first_s: float
    end_s: float
    padded_frames: int


Event = ClipRead | FeatureFound | TokenFound | Ended
