"""The model that a verb runs, and the video it reads."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import videobert
from videobert.base.errors import InputError
from videobert.cli.stderr import note, waiting
from videobert.model.folder import ModelFolder, find
from videobert.model.mending import MANIFEST

if TYPE_CHECKING:
    from videobert.cli.parser.options import VideoOptions
    from videobert.cli.standard_input import HeldInput, StandardInput
    from videobert.runtime import Runtime
    from videobert.visual.tokens import VisualTokens

STANDARD_INPUT = "-"

_CLIP = "clip.mp4"


@contextmanager
def open_model(options: VideoOptions) -> Iterator[Runtime]:
    """The model that the options name, closed at the end of the block."""
    with waiting(f"loading {options.model}", options):
        model = videobert.load(
            options.model,
            device=options.device,
            engine=options.engine,
            limits=options.limits,
            threads=options.threads,
            hint=options.hint,
            precision=options.precision,
            cache_dir=options.cache_dir,
            decoder=options.decoder,
            rebuild_engines=options.rebuild_engines,
            trust_engines=options.trust_engines,
        )
    with model:
        yield model


def video_or_clip(video: str | None, options: VideoOptions) -> str:
    """The video asked for, or the clip that lies in the model folder, as in a bundled model.

    Raises:
        InputError: no video given, and the model has no clip of its own.
        ModelError: no video given, and there is no such model, or its clip is damaged.
    """
    if video is not None:
        return video
    folder = find(options.model)
    if not (folder / _CLIP).is_file():
        raise InputError("no video given", fix=f"Name one: `videobert run VIDEO --model {options.model}`.")
    # A folder that was not built is refused when it is loaded, with what to do.
    clip = ModelFolder(folder).verified_path(_CLIP) if (folder / MANIFEST).is_file() else folder / _CLIP
    note("no video given: here is the clip that comes with the model", options)
    return str(clip)


def source(video: str) -> str | StandardInput | HeldInput | VisualTokens:
    """What a verb reads where `video` was typed: `-` is standard input, all else a path, `./-` too.

    Raises:
        UsageError, DecodeError, InputError: see `read_standard_input`.
    """
    if video != STANDARD_INPUT:
        return video
    from videobert.cli.standard_input import read_standard_input

    return read_standard_input()


def label(video: str) -> str:
    """What a video is called while it is read."""
    return "standard input" if video == STANDARD_INPUT else Path(video).name
