"""Saved visual tokens in place of a video: whether they fit the model, and the walk over them."""

from __future__ import annotations

import os
from collections.abc import Generator
from typing import Any

import numpy.typing as npt

from videobert.base.arguments import local_path
from videobert.base.errors import InputError, MismatchError
from videobert.base.limits import check_duration
from videobert.pipeline.events import Ended, TokenFound
from videobert.pipeline.opened import OpenedModel
from videobert.pipeline.request import Request
from videobert.visual.token_file import is_token_file
from videobert.visual.tokens import VisualTokens


def saved_tokens(opened: OpenedModel, video: Any, request: Request) -> VisualTokens | None:
    """The tokens that a caller gave in place of a video, as such or as the path of their file; None for a video.

    Raises:
        InputError: a token file that is damaged, or tokens that no codebook of this size gives.
        MismatchError: tokens of another model, or not as the request wants them.
        LimitExceeded: they last too long.
    """
    if isinstance(video, (str, os.PathLike)):
        path = local_path("video", video)
        if is_token_file(path):
            video = VisualTokens.load(path)
    return _accepted(opened, video, request) if isinstance(video, VisualTokens) else None


def token_events(tokens: VisualTokens) -> Generator[TokenFound | Ended, None, None]:
    """What happens on a walk over saved tokens, of which there is one at least."""
    columns: dict[str, npt.NDArray[Any]] = {"id": tokens.ids, "start_s": tokens.start_s, "end_s": tokens.end_s}
    judged = {"percentile": tokens.percentiles, "score": tokens.scores, "sure": tokens.sure}
    columns |= {name: column for name, column in judged.items() if column is not None}
    rows = zip(*(column.tolist() for column in columns.values()), strict=True)
    for number, row in enumerate(rows):
        yield TokenFound(number=number, **dict(zip(columns, row, strict=True)))
    yield Ended(
        clips=len(tokens),
        first_s=float(tokens.start_s[0]),
        end_s=float(tokens.end_s[-1]),
        padded_frames=tokens.padded_frames,
    )


def _accepted(opened: OpenedModel, tokens: VisualTokens, request: Request) -> VisualTokens:
    clip_s = opened.recipe.frames / opened.recipe.fps
    if (tokens.codebook, tokens.clip_recipe, tokens.clip_s) != (opened.codebook.hash, opened.recipe.clip_hash, clip_s):
        raise MismatchError(
            "these tokens were made by another model",
            seen=f"{tokens.model}, codebook {tokens.codebook}, recipe {tokens.clip_recipe}, clips of {tokens.clip_s} s",
            allowed=f"{opened.config.name}, codebook {opened.codebook.hash}, recipe {opened.recipe.clip_hash}, "
            f"clips of {clip_s} s",
            fix="Load that model, or make the tokens again with this one.",
        )
    if not len(tokens):
        raise InputError(
            "there are no tokens",
            seen=repr(tokens),
            fix="Make them from a video with `Runtime.tokens`.",
            fix_cli="Make them from a video with `videobert tokens VIDEO --out FILE.vbt`.",
        )
    if not 0 <= int(tokens.ids.min()) <= int(tokens.ids.max()) < len(opened.codebook):
        raise InputError(
            "a visual token is not in the codebook",
            seen=f"{tokens.ids.min()} to {tokens.ids.max()}",
            allowed=f"0 to {len(opened.codebook) - 1}",
            fix="Make the tokens again from the video.",
        )
    if request.assignment not in (None, tokens.assignment):
        raise MismatchError(
            "these tokens were assigned in another way",
            seen=tokens.assignment,
            allowed=request.assignment,
            fix="Leave assignment out, or make the tokens again from the video.",
            fix_cli="Leave --assignment out, or make the tokens again from the video.",
        )
    if request.track is not None:
        raise MismatchError(
            "saved tokens have no tracks to choose from",
            seen=f"track {request.track}",
            fix="Leave track out, or make the tokens again from the video.",
            fix_cli="Leave --track out, or make the tokens again from the video.",
        )
    check_duration(float(tokens.end_s[-1] - tokens.start_s[0]), opened.limits)
    return tokens if request.stride is None else tokens.strided(request.stride)
