"""`embed`: a video, a text or both as one vector."""

from __future__ import annotations

from typing import Any

import numpy as np

from videobert.base.errors import UsageError
from videobert.pipeline.opened import OpenedModel
from videobert.pipeline.reading import read_text
from videobert.pipeline.request import Request
from videobert.pipeline.watch import watch
from videobert.pipeline.windows import states_of, window_size, windows
from videobert.results.embed import Embedding
from videobert.text.reader import ReadText


def embed(opened: OpenedModel, video: Any, text: str | None, request: Request) -> Embedding:
    """See `Runtime.embed`."""
    opened.need("embeds")
    read = ReadText([], (), ()) if text is None else read_text(opened, text)
    size = None if video is None else window_size(opened, len(read.pieces))
    watched = None if video is None else watch(opened, video, request)
    if watched is not None and size is not None:
        sequences = [opened.family.joint(read.pieces, part.ids) for part in windows(watched.tokens, size)]
    elif text is not None:
        sequences = [opened.family.text(read.pieces)]
    else:
        raise UsageError("there is nothing to embed", fix="Give a video, a text or both.")
    # A sum as the states come keeps a long video's windows out of memory.
    total = np.zeros(opened.config.encoder.width, np.float64)
    for state in states_of(opened, [(sequence, (sequence.whole,)) for sequence in sequences], request.cancel):
        total += state[0]
    return Embedding(
        vector=(total / len(sequences)).astype(np.float32),
        kind="text" if video is None else "video" if text is None else "joint",
        percentile=None if watched is None else watched.percentile,
        out_of_domain=None if watched is None else watched.out_of_domain,
        origin=opened.origin(request.stride) if watched is None else watched.origin,
        unknown_words=read.unknown_words,
    )
