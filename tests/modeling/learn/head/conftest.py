"""Examples with features that a straight line parts, or does not."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from videobert_modeling.learn.data.stretch import Stretch
from videobert_modeling.learn.features.gather import Example
from videobert_modeling.learn.head.cross_validation import Labelled

Maker = Callable[..., Labelled]


@pytest.fixture
def made() -> Maker:
    def make(
        per_label: int,
        *,
        labels: int = 3,
        dim: int = 12,
        noise: float = 0.3,
        clips: int = 2,
        per_video: int = 1,
        seed: int = 0,
    ) -> Labelled:
        """Each label has a place of its own; examples of one video are alike."""
        rng = np.random.default_rng(seed)
        places = np.random.default_rng(99).normal(size=(labels, dim))
        examples, targets = [], []
        for label in range(labels):
            for number in range(per_label):
                video = f"{label}-{number // per_video}"
                centre = places[label] + noise * np.random.default_rng(abs(hash_of(video)) + seed).normal(size=dim)
                rows = centre + 0.1 * noise * rng.normal(size=(clips, dim))
                stretch = Stretch(
                    video=Path(video), name=video, start_s=1.0, end_s=2.0, labels={"q": str(label)}, where="line 1"
                )
                examples.append(Example(stretch=stretch, video=video, clips=rows.astype(np.float32)))
                targets.append(label)
        return Labelled(examples=tuple(examples), targets=np.array(targets, np.int64), labels=labels)

    return make


def hash_of(text: str) -> int:
    """The same in every process."""
    return int.from_bytes(text.encode(), "little") % 2**31
