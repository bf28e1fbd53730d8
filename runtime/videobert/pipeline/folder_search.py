"""The videos of a folder."""

from __future__ import annotations

import os
from collections.abc import Iterator

from videobert.base.errors import InputError
from videobert.visual.token_file import SUFFIX as TOKENS
from videobert.visual.video_feature_file import SUFFIX as FEATURES

# What a folder is searched for: the usual names of the containers that can be read. Saved features and tokens are none:
# they lie beside their videos.
SUFFIXES = frozenset(
    (
        *(".3gp", ".asf", ".avi", ".flv", ".gif", ".h264", ".h265", ".hevc", ".ivf", ".m2ts", ".m4v", ".mjpeg"),
        *(".mjpg", ".mkv", ".mov", ".mp4", ".mpeg", ".mpg", ".mts", ".mxf", ".obu", ".ogg", ".ogv", ".ts", ".vob"),
        *(".webm", ".wmv", ".y4m"),
    )
)
# What a folder without any video is searched for, in this order: features tell more than tokens.
SAVED_SUFFIXES = (FEATURES, TOKENS)


def videos_in(folder: str) -> Iterator[str | InputError]:
    """The videos of a folder and of those in it, by name; hidden ones and links to folders are left out.

    Named pipes and devices too: opening one waits for whoever writes to it, and nobody asked for it by name. Where
    there is no video, what was saved of some: features, or else tokens.
    """
    unread: list[OSError] = []
    found = 0
    saved: dict[str, list[str]] = {suffix: [] for suffix in SAVED_SUFFIXES}
    for inner, folders, names in os.walk(folder, onerror=unread.append):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(names):
            path = os.path.join(inner, name)
            suffix = "" if name.startswith(".") else os.path.splitext(name)[1].lower()
            # A link that leads nowhere is told as a file that is missing.
            if not suffix or (os.path.exists(path) and not os.path.isfile(path)):
                continue
            if suffix in SUFFIXES:
                found += 1
                yield path
            elif suffix in saved:
                saved[suffix].append(path)
    for error in unread:
        yield InputError("the folder cannot be read", seen=error.filename, fix="Check its permissions.")
    if found:
        return
    kept = next((paths for paths in saved.values() if paths), [])
    yield from kept
    if not kept and not unread:
        yield InputError(
            "there is no video in this folder",
            seen=folder,
            allowed=", ".join([*sorted(SUFFIXES), *SAVED_SUFFIXES]),
            fix="Name a folder with videos, or the files themselves: those may be called anything.",
        )
