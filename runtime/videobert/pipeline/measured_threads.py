"""How many threads should decode beside a model on this machine, found by trying and remembered.

Threads that decode and threads of the engine share the processors, and which share is best depends on both. Tried is
what a model does with a film: the backbone works on clips while the next ones are decoded. The film is the one of the
bundled model; pictures of another size get threads by their pixels, see `MeasuredThreads`.
"""

from __future__ import annotations

import json
import threading
import time
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import median
from typing import Any, Final

import av

from videobert.base.cpu_name import cpu_name
from videobert.base.cpu_threads import processors
from videobert.base.others_share import ALLOWED, OthersShare
from videobert.engines.compiled_cache import CompiledCache
from videobert.model.mending import BUNDLED
from videobert.pipeline.features import features
from videobert.pipeline.opened import OpenedModel
from videobert.video.decoders.decoder_threads import MeasuredThreads, most_decoder_threads
from videobert.video.open import open_clips

_FILM: Final = BUNDLED / "shapes" / "clip.mp4"
_PIXELS: Final = 854 * 480
_ROUNDS: Final = 3
# What came beside it may be over by then.
_ATTEMPTS: Final = 3
# What is left of it would be the noise of so few rounds.
_WORTH: Final = 1.05
# Goes up when another way of measuring could find another number.
_FORMAT: Final = 1
# Two that measure at a time would measure each other.
_measuring = threading.Lock()


def measured_threads(opened: OpenedModel, cache_dir: Path | None) -> MeasuredThreads | None:
    """The number of threads that `opened` is fastest with: all, where fewer are not clearly faster.

    What was found on this machine before is read from the cache. Beside other work what is fastest holds only for that:
    it is tried again then, and after some times all decode, and nothing is remembered. Work of other threads of this
    process cannot be told from what is measured: they should rest.

    Args:
        cache_dir: see `load`.

    Returns:
        None where there is nothing to choose: one thread decodes anyway, a GPU does, or the model has no visual half.

    Raises:
        ModelError: the backbone cannot be run.
    """
    most = most_decoder_threads(opened.threads)
    fewer = _fewer(most)
    if not fewer or not opened.sees or opened.decode_on != "cpu":
        return None
    cache, key = CompiledCache(cache_dir), _key(opened, most)
    found = _remembered(cache.get(key), (most, *fewer))
    for _ in range(_ATTEMPTS):
        if found is not None:
            break
        with _measuring:
            others = OthersShare()
            seconds = _seconds(opened, (most, *fewer))
        if (others.found() or 0.0) <= ALLOWED:
            found = _fastest(seconds, most)
            cache.put(key, json.dumps(found).encode())
    return MeasuredThreads(threads=found or most, pixels=_PIXELS, quiet=found is not None)


def _fewer(most: int) -> tuple[int, ...]:
    """Halves of a number, down to one."""
    return (most // 2, *_fewer(most // 2)) if most > 1 else ()


def _seconds(opened: OpenedModel, numbers: Sequence[int]) -> Mapping[int, list[float]]:
    """What the film takes with each number of threads, in turns; the first turn, which warms up, does not count."""
    seconds: dict[int, list[float]] = {number: [] for number in numbers}
    for _ in range(1 + _ROUNDS):
        for number, times in seconds.items():
            began = time.perf_counter()
            _watch(opened, number)
            times.append(time.perf_counter() - began)
    return {number: times[1:] for number, times in seconds.items()}


def _watch(opened: OpenedModel, threads: int) -> None:
    with open_clips(_FILM, opened.recipe, decoder="pyav", threads=opened.threads, decoder_threads=threads) as clips:
        steps = features(
            opened.feature, clips, ahead=opened.engine.parallel + 1, cancel=None, seconds=defaultdict(float)
        )
        for _ in steps:
            pass


def _fastest(seconds: Mapping[int, Sequence[float]], most: int) -> int:
    """All threads, unless fewer are worth it: in the median of the rounds, and faster in each."""
    best, gain = most, _WORTH
    for number, times in seconds.items():
        ratios = [of_all / of_these for of_all, of_these in zip(seconds[most], times, strict=True)]
        if median(ratios) >= gain and min(ratios) > 1:
            best, gain = number, median(ratios)
    return best


def _key(opened: OpenedModel, most: int) -> dict[str, Any]:
    """Everything that the number may depend on."""
    return {
        "what": f"decoder threads {_FORMAT}",
        "origin": str(opened.origin()),
        "parallel": opened.engine.parallel,
        "threads": [opened.threads, most, processors()],
        "cpu": cpu_name(),
        "av": av.__version__,
    }


def _remembered(content: bytes | None, numbers: Sequence[int]) -> int | None:
    try:
        found = None if content is None else json.loads(content)
    except ValueError:
        return None
    return found if type(found) is int and found in numbers else None
