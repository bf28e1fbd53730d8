"""Stretches of an index that look like a visual token: a number means nothing to a person."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from videobert.index.reader import IndexReader
from videobert.pipeline.opened import OpenedModel
from videobert.pipeline.request import Request
from videobert.pipeline.scoring import Clips
from videobert.pipeline.stretches import fitted, identity_of
from videobert.results.forecast import Exemplar

_MOST = 3


class Exemplars:
    """What an index holds that looks like visual tokens.

    Args:
        opened: the model that made the index.
        index: its folder, or what was opened of it.
        request: how a video is read.

    Raises:
        ModelError: the model embeds nothing, or the index is damaged.
        InputError: there is no index.
        MismatchError: an index of another model, recipe or stride.
    """

    def __init__(self, opened: OpenedModel, index: str | Path | IndexReader, request: Request) -> None:
        self._embeds = opened.embeds
        self._reader = index if isinstance(index, IndexReader) else IndexReader(index)
        self._reader.identity.check(identity_of(opened, request.stride), self._reader.folder)
        self._threads, self._cancel = opened.threads, request.cancel

    def of(self, token: int) -> tuple[Exemplar, ...]:
        """At most three stretches whose vectors lie nearest to that of a stretch of this token alone, nearest first."""
        clip = Clips(ids=np.array([token], np.int32))
        vector = fitted(self._embeds.vector(None, [clip], self._cancel), self._reader.identity)
        rows, _ = self._reader.nearest(vector, _MOST, threads=self._threads)
        found = []
        for row in rows.tolist():
            stored, other = self._reader.stretch(row), self._reader.vector(row)
            lengths = max(float(np.linalg.norm(other) * np.linalg.norm(vector)), 1e-12)
            found.append(
                Exemplar(
                    source=stored.source,
                    start_s=stored.start_s,
                    end_s=stored.end_s,
                    score=float(other @ vector) / lengths,
                )
            )
        return tuple(sorted(found, key=lambda each: -each.score))
