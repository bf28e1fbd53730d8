"""The model that a verb runs, alone or with the video that it is asked about."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import videobert
from videobert.cli.notes import note_decoder_threads
from videobert.cli.progress import spinner, video_progress
from videobert.cli.video_argument import video_label, video_source
from videobert.video.decoders.decoder_threads import MEASURED

if TYPE_CHECKING:
    from videobert.cli.parser.options import VideoOptions
    from videobert.cli.progress import VideoProgress
    from videobert.runtime import Runtime


def load_arguments(options: VideoOptions) -> dict[str, Any]:
    """What the options say to `load`, but for the model's name."""
    return {
        "device": options.device,
        "engine": options.engine,
        "limits": options.limits,
        "threads": options.threads,
        "decoder_threads": options.decoder_threads,
        "hint": options.hint,
        "precision": options.precision,
        "cache_dir": options.cache_dir,
        "decoder": options.decoder,
        "rebuild_engines": options.rebuild_engines,
        "trust_engines": options.trust_engines,
    }


@contextmanager
def open_model(options: VideoOptions) -> Iterator[Runtime]:
    """The model that the options name, closed at the end of the block."""
    with spinner(f"loading {options.model}", options):
        model = videobert.load(options.model, **load_arguments(options))
    with model:
        if options.decoder_threads == MEASURED:
            note_decoder_threads(model.decoder_threads, options)
        yield model


@contextmanager
def open_model_and_video(
    video: str | None, options: VideoOptions
) -> Iterator[tuple[Runtime, Any, VideoProgress | None]]:
    """The model, what its verbs take for the video that was typed, and a progress bar over that.

    A video that cannot be one is refused before the model is loaded.
    """
    given = None if video is None else video_source(video)
    name = "text" if video is None else video_label(video)
    with open_model(options) as model, video_progress(name, options) as bar:
        yield model, given, bar
