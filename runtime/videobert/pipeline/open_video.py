"""Opens what a caller gave as a video for a walk: clips that are there already, or a video to be decoded."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from videobert.base.errors import InputError
from videobert.model.recipe import Recipe
from videobert.pipeline.opened import OpenedModel
from videobert.pipeline.request import Request

if TYPE_CHECKING:
    from videobert.video.given_clips import GivenClips
    from videobert.video.stream import ClipStream, OnFrame


def open_video(
    opened: OpenedModel, video: Any, recipe: Recipe, request: Request, on_frame: OnFrame | None = None
) -> ClipStream | GivenClips:
    """The clips of a video, or of an iterable of clips: an iterator of `Clip` and a context manager.

    Args:
        recipe: of the model, with the stride that is wanted.
        on_frame: see `open_clips`; clips that are there already have no frames to tell of.

    Raises:
        InputError: the video cannot be used; see `open_clips`.
    """
    from videobert.video.clips_or_video import clips_or_video
    from videobert.video.open import open_clips

    clips, live, video = clips_or_video(video)
    if clips is not None:
        from videobert.video.given_clips import GivenClips

        if request.track:
            raise InputError("clips are of one track", seen=f"track {request.track}", fix="Leave track out.")
        return GivenClips(
            clips,
            recipe,
            request.stride,
            live=live,
            limits=opened.limits,
            on_progress=request.on_progress,
            cancel=request.cancel,
        )
    return open_clips(
        video,
        recipe,
        limits=opened.limits,
        on_progress=request.on_progress,
        cancel=request.cancel,
        decoder=opened.decoder,
        device=opened.decode_on,
        track=request.track,
        threads=opened.threads,
        decoder_threads=opened.decoder_threads,
        on_frame=on_frame,
    )
