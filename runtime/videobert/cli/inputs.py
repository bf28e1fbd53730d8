"""The videos that a verb was given: one, or several, with the folders among them searched."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from videobert.base.errors import InputError, UsageError
from videobert.base.printable import printable
from videobert.cli.output_file import check_folder, check_writable
from videobert.cli.stdout import print_json, print_text
from videobert.cli.video_argument import STANDARD_INPUT
from videobert.pipeline.folder_search import videos_in
from videobert.results.as_json import to_json


@dataclass(frozen=True, slots=True, kw_only=True)
class Input:
    """One video, and the form that its answer takes.

    Args:
        video: its path, or `-`.
        several: it is one of several, so its answer says which.
        out: where a file that was asked for goes.
        error: why it cannot be used, where that is known already.
    """

    video: str
    several: bool = False
    out: Path | None = None
    error: InputError | None = None

    def print_json(self, answer: Any) -> None:
        """The answer as one JSON object; one of several has `source`, the video as it was named."""
        named = {"source": self.video} if self.several else {}
        print_json(named | to_json(answer) | named)

    def print_heading(self) -> None:
        """Say on stdout which video the lines to come are about, if there are several."""
        if self.several:
            # A line break in the name would begin a line that looks like an answer.
            print_text(f"==> {printable(self.video)} <==")


def inputs_of(videos: Sequence[str], out: Path | None, option: str, suffix: str) -> list[Input]:
    """What was typed with its folders searched. Its form depends on what was typed, not on what a folder holds.

    Args:
        videos: as typed: paths, folders, `-`.
        out: what `option` was given: a file, or with several videos a folder, for one file of each with `suffix`.

    Raises:
        UsageError: `out` cannot be written, or is one of the videos.
    """
    inputs = list(_expanded(videos, out, option, suffix))
    keep_videos([each.video for each in inputs], [each.out for each in inputs], option)
    return inputs


def _expanded(videos: Sequence[str], out: Path | None, option: str, suffix: str) -> Iterator[Input]:
    if len(videos) == 1 and not os.path.isdir(videos[0]):
        check_writable(out, option)
        yield Input(video=videos[0], out=out)
        return
    if out is not None:
        check_folder(out, option)
    taken: set[str] = set()
    for typed in videos:
        if not os.path.isdir(typed):
            yield Input(video=typed, several=True, out=_file_for(out, typed, suffix, taken))
            continue
        for found in videos_in(typed):
            if isinstance(found, InputError):
                yield Input(video=str(found.seen), several=True, error=found)
            else:
                yield Input(video=found, several=True, out=_file_for(out, found, suffix, taken))


def keep_videos(videos: Iterable[str | Path], outs: Iterable[Path | None], option: str) -> None:
    """Refuses an output that would take the place of a video, under whatever name.

    Raises:
        UsageError: one of `outs`, which `option` was given, is one of the videos.
    """
    known = {identity for each in videos if (identity := _identity(each))}
    for out in outs:
        if out is not None and _identity(out) in known:
            raise UsageError(
                f"{option} would overwrite a video that is to be read", seen=str(out), fix="Choose another name."
            )


def _identity(path: str | Path) -> tuple[int, int] | None:
    """What two names of one file have in common; None for what is not there."""
    try:
        status = os.fstat(sys.stdin.fileno()) if path == STANDARD_INPUT else os.stat(path)
    except (OSError, ValueError, AttributeError):  # no such file, no name of one, no standard input
        return None
    return status.st_dev, status.st_ino


def _file_for(out: Path | None, video: str, suffix: str, taken: set[str]) -> Path | None:
    """A file of its own in the folder for each video, though two of them may have one name."""
    if out is None:
        return None
    stem = "stdin" if video == STANDARD_INPUT else Path(video).stem
    name, number = stem, 1
    while name.lower() in taken:
        number += 1
        name = f"{stem}-{number}"
    taken.add(name.lower())
    return out / f"{name}{suffix}"
