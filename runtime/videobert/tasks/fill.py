"""`fill`: what stands where a word or a moment of the video is masked."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, cast

import numpy as np
import numpy.typing as npt

from videobert.base.arguments import items, whole
from videobert.base.errors import InputError, UsageError
from videobert.families.distinct_states import distinct_states
from videobert.families.family import Capability, JointInput
from videobert.families.log_softmax import log_softmax
from videobert.pipeline.opened import OpenedModel
from videobert.pipeline.ranking import best, check_top
from videobert.pipeline.reading import check_known
from videobert.pipeline.request import Request
from videobert.pipeline.watched import Watched, watch
from videobert.pipeline.windows import Window, window_size, windows
from videobert.results.candidate import Candidate
from videobert.results.fill import Fill, Filled
from videobert.text.reader import ReadText

# More clips than any video has; an endless iterator ends here.
_MOST_POSITIONS = 1_000_000


def fill(opened: OpenedModel, text: str, video: Any, visual: Iterable[int], top: int, request: Request) -> Fill:
    """See `Runtime.fill`."""
    top = check_top(top)
    read = opened.tokenizer.read(text, masks=True)
    pieces = read.pieces
    masks = [index for index, piece in enumerate(pieces) if piece == opened.tokenizer.special.mask]
    given = items("visual", visual, most=_MOST_POSITIONS, of="positions", example="visual=[3, 4]")
    wanted = sorted({_position(position) for position in given})
    if not masks and not wanted:
        raise UsageError(
            "there is nothing to fill in",
            seen=text,
            allowed="a text with [MASK] in it, or visual positions",
            fix='The text comes first: fill("a [MASK] circle", video), or with visual=[3, 4] for moments of the video.',
            fix_cli='The text comes first: `videobert fill "a [MASK] circle" VIDEO`, or with --visual 3 for a moment.',
        )
    check_known(opened, text, read)
    needed: dict[Capability, bool] = {"fills_words": bool(masks), "fills_moments": bool(wanted)}
    asked = [capability for capability, is_needed in needed.items() if is_needed]
    for capability in asked:
        opened.need(capability)
    if video is None:
        if wanted:
            raise UsageError("visual positions need a video", seen=wanted, fix="Give the video too.")
        sequence = opened.joint.text(pieces)
        places = [sequence.text_start + mask for mask in masks]
        log_probs = opened.joint.word_log_probs(next(opened.joint.states([(sequence, places)], request.cancel)))
        return Fill(
            text=text,
            filled=_words(opened, read, log_probs, top),
            origin=opened.resting_on(opened.origin(request.stride), "fills_words", text=True),
            unknown_words=read.unknown_words,
        )
    size = window_size(opened, len(pieces))
    watched = watch(opened, video, request)
    clips = watched.clips
    if wanted and wanted[-1] >= len(clips):
        raise InputError(
            "a visual position does not exist",
            seen=wanted[-1],
            allowed=f"0 to {len(clips) - 1} in this video",
            fix="Positions count clips, the first is 0.",
        )
    filled = _fill_windows(opened, read, masks, windows(watched, size), watched, wanted, top, request)
    return Fill(
        text=text,
        filled=filled,
        percentile=watched.percentile,
        out_of_domain=watched.out_of_domain,
        origin=opened.resting_on(watched.origin, *asked, text=True, video=True),
        unknown_words=read.unknown_words,
    )


def _fill_windows(
    opened: OpenedModel,
    read: ReadText,
    masks: list[int],
    parts: list[Window],
    watched: Watched,
    wanted: list[int],
    top: int,
    request: Request,
) -> tuple[Filled, ...]:
    """Words from all windows together, a visual position from the window that holds it."""
    inside = [[position for position in wanted if part.start <= position < part.stop] for part in parts]
    jobs = [
        (part, positions, _sequence(opened, read.pieces, part, positions))
        for part, positions in zip(parts, inside, strict=True)
        if masks or positions
    ]
    words = np.zeros((len(masks), opened.config.words), np.float64)
    moments: list[Filled] = []
    asked = [
        (
            sequence,
            [
                *(sequence.text_start + mask for mask in masks),
                *(sequence.visual_start + position - part.start for position in positions),
            ],
        )
        for part, positions, sequence in jobs
    ]
    for (_, positions, _), states in zip(
        jobs, distinct_states(opened.joint.states, asked, request.cancel), strict=True
    ):
        if masks:
            words += opened.joint.word_log_probs(states[: len(masks)])
        if positions:
            log_probs = opened.joint.moment_log_probs(states[len(masks) :], _choices(opened, watched))
            moments += [
                _moment(opened, watched, position, row, top) for position, row in zip(positions, log_probs, strict=True)
            ]
    return (*_words(opened, read, log_softmax(words / len(jobs)), top), *moments)


def _sequence(opened: OpenedModel, pieces: list[int], part: Window, positions: list[int]) -> JointInput:
    return opened.joint.joint(pieces, part, [position - part.start for position in positions])


def _words(opened: OpenedModel, read: ReadText, log_probs: npt.NDArray[np.float32], top: int) -> tuple[Filled, ...]:
    return tuple(
        Filled(
            kind="word",
            index=index,
            candidates=tuple(
                Candidate(text=opened.tokenizer.word(word, after_space=begins), id=word, score=float(np.exp(row[word])))
                for word in best(row, top)
            ),
        )
        for index, (begins, row) in enumerate(zip(read.after_space, log_probs, strict=True))
    )


def _choices(opened: OpenedModel, watched: Watched) -> npt.NDArray[np.float32]:
    """Features that a hidden moment could have: the codebook's, or in a model without those of the film's own clips."""
    if opened.has_tokens:
        return opened.codebook.leaves[:, : opened.config.backbone.feature_dim]
    # Such a model keeps features, or has refused the video before.
    return cast(npt.NDArray[np.float32], watched.features)


def _moment(opened: OpenedModel, watched: Watched, position: int, row: npt.NDArray[np.float32], top: int) -> Filled:
    clips = watched.clips
    if opened.has_tokens:
        said = [(f"<{token}>", opened.config.words + token, row[token]) for token in best(row, top)]
    else:
        said = [(_time(clips.start_s[at], clips.end_s[at]), at, row[at]) for at in best(row, top)]
    return Filled(
        kind="visual",
        index=position,
        candidates=tuple(Candidate(text=text, id=at, score=float(np.exp(score))) for text, at, score in said),
        start_s=float(clips.start_s[position]),
        end_s=float(clips.end_s[position]),
    )


def _time(start_s: float, end_s: float) -> str:
    return f"{start_s:.1f}–{end_s:.1f} s"


def _position(position: object) -> int:
    return whole(
        "a visual position", position, least=0, allowed="0 or more", fix="Positions count clips, the first is 0."
    )
