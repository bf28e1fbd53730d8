"""The video that was typed: a path, `-`, or nothing."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from videobert.base.errors import InputError
from videobert.cli.notes import note
from videobert.model.folder import ModelFolder, find
from videobert.model.mending import MANIFEST

if TYPE_CHECKING:
    from videobert.cli.parser.options import VideoOptions
    from videobert.cli.standard_input import HeldInput, StandardInput
    from videobert.visual.tokens import VisualTokens
    from videobert.visual.video_features import VideoFeatures

STANDARD_INPUT = "-"

_CLIP = "clip.mp4"


def clip_of_model(options: VideoOptions) -> str:
    """The video where none was typed: the clip that lies in the model folder, as in a bundled model.

    Raises:
        InputError: the model has no clip of its own.
        ModelError: there is no such model, or its clip is damaged.
    """
    folder = find(options.model)
    if not (folder / _CLIP).is_file():
        raise InputError("no video given", fix=f"Name one: `videobert run VIDEO --model {options.model}`.")
    # A folder that was not built is refused when it is loaded, with what to do.
    clip = ModelFolder(folder).verified_path(_CLIP) if (folder / MANIFEST).is_file() else folder / _CLIP
    note("no video given: here is the clip that comes with the model", options)
    return str(clip)


def video_source(video: str) -> str | StandardInput | HeldInput | VisualTokens | VideoFeatures:
    """What a verb reads where `video` was typed: `-` is standard input, all else a path, `./-` too.

    Raises:
        UsageError, DecodeError, InputError: see `read_standard_input`.
    """
    if video != STANDARD_INPUT:
        return video
    from videobert.cli.standard_input import read_standard_input

    return read_standard_input()


def video_label(video: str) -> str:
    """What a video is called while it is read."""
    return "standard input" if video == STANDARD_INPUT else Path(video).name
