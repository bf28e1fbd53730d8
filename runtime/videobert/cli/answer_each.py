"""A verb asked about each of its videos: of several, each has its own answer or its own failure."""

from __future__ import annotations

import dataclasses
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from videobert.base.errors import InputError, VideoBertError
from videobert.cli.failure import INTERNAL, failure_of
from videobert.cli.inputs import Input, inputs_of
from videobert.cli.open_model import open_model, open_model_and_video
from videobert.cli.progress import VideoProgress, video_progress
from videobert.cli.stdout import print_json
from videobert.cli.video_argument import video_label, video_source

if TYPE_CHECKING:
    from videobert.cli.parser.options import VideoOptions
    from videobert.runtime import Runtime

_BAD_INPUT = InputError.exit_code
Answer = TypeVar("Answer")


def answer_each(
    videos: Sequence[str],
    options: VideoOptions,
    ask: Callable[[Runtime, Any, Input, VideoProgress | None], Answer],
    tell: Callable[[Answer, Input], None],
    *,
    out: Path | None = None,
    option: str = "--out",
    suffix: str = "",
) -> None:
    """Ask about each video and tell the answer; of several, one that cannot be used is told, and the rest goes on.

    Args:
        videos, out, option, suffix: see `inputs_of`.
        ask: gives the answer of a model to what `video_source` gives; takes the input too, and the progress bar.
        tell: prints an answer.

    Raises:
        UsageError: `out` cannot be written, or is one of the videos.
        VideoBertError: of the one video; or at the end, how many of several could not be used.
    """
    inputs = inputs_of(videos, out, option, suffix)
    if not inputs[0].several:
        (only,) = inputs
        with open_model_and_video(only.video, options) as (model, given, bar):
            answer = ask(model, given, only, bar)
        tell(answer, only)
        return
    failed: list[int] = []
    with open_model(options) as model:
        for each in inputs:
            try:
                if each.error is not None:
                    raise each.error
                given = video_source(each.video)
                with video_progress(video_label(each.video), options) as bar:
                    answer = ask(model, given, each, bar)
                tell(answer, each)
                # So that a failure on stderr stands behind the answers before it.
                sys.stdout.flush()
            except Exception as error:
                failed.append(_recorded(error, each, options))
    if failed:
        raise _summary(failed, len(inputs))


def _recorded(error: Exception, each: Input, options: VideoOptions) -> int:
    """Tells a failure that is of this video alone, and gives its exit code; any other is raised again."""
    failure = failure_of(error)
    if failure.exit_code not in (_BAD_INPUT, INTERNAL):
        raise error
    if options.json:
        print_json({"source": each.video, "error": failure.fields()})
    else:
        dataclasses.replace(failure, what=f"{each.video}: {failure.what}").show(as_json=False)
    return failure.exit_code


def _summary(failed: Sequence[int], count: int) -> VideoBertError:
    what = f"{len(failed)} of {count} videos could not be used"
    fix = "What each of them lacks stands above" + ("; the others are answered." if len(failed) < count else ".")
    # The worst decides: a defect of ours is not a bad video.
    return VideoBertError(what, fix=fix) if INTERNAL in failed else InputError(what, fix=fix)
