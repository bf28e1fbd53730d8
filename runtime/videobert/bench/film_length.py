"""A film of another length: a generated one is made anew, a real one is cut."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from videobert.base.limits import Limits
from videobert.bench.film import made_film
from videobert.editing.film import write_film
from videobert.model.recipe import Recipe
from videobert.video.open import open_clips


def film_of_length(
    video: Path | str,
    seconds: int,
    folder: Path,
    *,
    track: int | None,
    limits: Limits | None,
    told: Callable[[str], None],
) -> Path:
    """The first seconds of a film, as a file in `folder`.

    Args:
        video: a file, whose pictures are copied as they are, up to the last few; or a made film's size such as
            `"854x480x20"`, of which only the size of its pictures counts.
        track, limits: see `Runtime`.
        told: hears that a film is made.

    Raises:
        InputError: the file is shorter, or no video.
        UsageError: no size of a film.
    """
    if isinstance(video, str):
        return made_film(f"{video.rpartition('x')[0]}x{seconds}", folder, told)
    path = folder / f"{video.stem} {seconds} s.mkv"
    if not path.exists():
        told(f"cutting to {seconds} s")
        with open_clips(video, Recipe(), limits=limits, track=track) as clips:
            start_s = clips.info.start_s
        write_film(video, [(start_s, start_s + seconds)], path, track=track, limits=limits)
    return path
