"""`embed`: a video, a text or both as one vector."""

from __future__ import annotations

from typing import Any

import numpy as np

from videobert.errors import UsageError
from videobert.results import Embedding
from videobert.stages import Stages
from videobert.tasks.tokens import Request, watch
from videobert.tasks.windows import windows


def embed(stages: Stages, video: Any, text: str | None, request: Request) -> Embedding:
    """See `Runtime.embed`."""
    pieces = [] if text is None else stages.tokenizer.encode(text)
    stride, fallback = request.stride, None
    if video is not None:
        tokens = watch(stages, video, request).tokens
        stride, fallback = tokens.stride, tokens.decoder_fallback
        sequences = [stages.builder.joint(pieces, part.ids) for part in windows(stages, tokens, len(pieces))]
    elif text is not None:
        sequences = [stages.builder.text(pieces)]
    else:
        raise UsageError("there is nothing to embed", fix="Give a video, a text or both.")
    # A sum as the states come keeps a long video's windows out of memory.
    total = np.zeros(stages.config.encoder.width, np.float64)
    for state in stages.states(((sequence, (0,)) for sequence in sequences), request.cancel):
        total += state[0]
    return Embedding(
        vector=(total / len(sequences)).astype(np.float32),
        kind="text" if video is None else "video" if text is None else "joint",
        origin=stages.origin(stride, fallback),
    )
