"""`each`: the same asked of many videos, of which one that cannot be used does not end the rest."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from threading import Event
from typing import Any, TypeVar

from videobert.base.arguments import callback, described, stop_signal, whole
from videobert.base.cancelling import stop_if
from videobert.base.errors import InputError, MismatchError, UsageError, VideoBertError
from videobert.pipeline.folder_search import videos_in
from videobert.pipeline.video_name import video_name
from videobert.results.each import Each

Answer = TypeVar("Answer")
# More than any machine has use for; each has a decoder of its own.
_MOST_AT_ONCE = 64


def each(
    videos: Any,
    ask: Callable[..., Answer],
    at_once: int,
    cancel: Event | None,
    asked: dict[str, Any],
    check: Callable[[], None],
) -> Iterator[Each[Answer]]:
    """See `Runtime.each`.

    Args:
        check: raises if the model cannot be asked any more.
    """
    callback("ask", ask)
    if ask is None:
        raise UsageError("there is nothing to ask", allowed="a verb, or a function", fix="For example model.tokens.")
    stop_signal(cancel)
    threads = whole(
        "at_once",
        at_once,
        least=1,
        most=_MOST_AT_ONCE,
        allowed=f"1 to {_MOST_AT_ONCE}",
        fix="1 asks about one video after the other.",
    )
    if cancel is not None:
        asked = {**asked, "cancel": cancel}

    def answer(found: Any) -> Each[Answer]:
        stop_if(cancel)
        check()
        return _answered(found, ask, asked)

    found = _expanded(videos)
    return map(answer, found) if threads == 1 else _side_by_side(found, answer, threads)


def _answered(found: Any, ask: Callable[..., Answer], asked: dict[str, Any]) -> Each[Answer]:
    if isinstance(found, InputError):
        return Each(source=str(found.seen), error=found)
    source = _source(found)
    try:
        return Each(source=source, answer=ask(found, **asked))
    except VideoBertError as error:
        if not _is_of_the_video(error):
            raise
        return Each(source=source, error=error)


def _source(video: Any) -> str:
    try:
        return os.fsdecode(video) if isinstance(video, (str, os.PathLike)) else video_name(video)
    except Exception:  # whatever a foreign `__fspath__` raises; what is asked says so
        return described(video)


def _is_of_the_video(error: VideoBertError) -> bool:
    """Whether another video may be answered all the same."""
    return isinstance(error, (InputError, MismatchError)) and not isinstance(error, UsageError)


def _side_by_side(videos: Iterator[Any], answer: Callable[[Any], Each[Answer]], threads: int) -> Iterator[Each[Answer]]:
    """The answers in the order of the videos, some of them worked on at a time, and none further ahead than that."""
    pool = ThreadPoolExecutor(threads, thread_name_prefix="videobert-each")
    try:
        waiting = deque(pool.submit(answer, video) for video in islice(videos, threads))
        while waiting:
            done = waiting.popleft().result()
            waiting.extend(pool.submit(answer, video) for video in islice(videos, 1))
            yield done
    finally:
        # Those that are under way are waited for: none goes on behind the caller's back.
        pool.shutdown(cancel_futures=True)


def _expanded(videos: Any) -> Iterator[Any]:
    """One video, a folder or a list of both, as videos with errors in the place of what cannot be read."""
    if isinstance(videos, (str, os.PathLike)):
        return _of_path(videos)
    try:
        # A file object gives lines and bytes give numbers: either is one video, which belongs into a list.
        if isinstance(videos, (bytes, bytearray, memoryview)) or hasattr(videos, "read"):
            raise TypeError("one video, not many")
        listed = iter(videos)
    except Exception as error:  # whatever a foreign `__iter__` raises
        raise UsageError(
            "videos is neither a path nor a list of videos",
            seen=described(videos),
            allowed="a path, a folder, or a list of what a verb takes as a video",
            fix="Put a single video into a list: [video].",
        ) from error
    return _of_all(listed)


def _of_all(videos: Iterator[Any]) -> Iterator[Any]:
    for video in videos:
        if isinstance(video, (str, os.PathLike)):
            yield from _of_path(video)
        else:
            yield video


def _of_path(path: str | os.PathLike[str]) -> Iterator[Any]:
    try:
        folder = os.path.isdir(path)
    except Exception:  # no path; what is asked says so
        folder = False
    if not folder:
        yield path
        return
    yield from videos_in(os.fsdecode(path))
