"""Two ways to find cuts in small frames that come one by one: a trained network, and what changes between frames."""

from __future__ import annotations

from array import array
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from functools import cache
from itertools import pairwise
from threading import Event
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

import numpy as np
import numpy.typing as npt

from videobert.base.cancelling import stop_if
from videobert.model.stage_lists import SHOT_BOUNDARIES, SHOT_FRAMES, SHOT_HEIGHT, SHOT_WIDTH

if TYPE_CHECKING:
    from videobert.video.small_frames import Small

Run = Callable[..., npt.NDArray[Any]]

# As published (arXiv 2008.04838) of each window about the middle half is used.
_CONTEXT = SHOT_FRAMES // 4
_STEP = SHOT_FRAMES - 2 * _CONTEXT
_IN_FLIGHT = 2
# Films of the usual 24 to 30 frames a second are what the network learnt from: of faster ones it is shown every second
# frame, or as many as make it so.
_SHORTEST_S = 1 / 36
# Where frames so far apart show the same scene all along, and no two neighbours differ far more than others do, no shot
# ends: the network need not look.
_APART, _EVERY = 16, 8
# Such frames show another scene where their parts differ by so many levels of 255. What passes close to a camera makes
# them differ by less, and so does a transition between scenes that resemble each other: that one shows both at once,
# with this share of the second and of the whole change no more than so much that no mixture explains.
_APART_CHANGED, _MIXED_CHANGED = 34.0, 20.0
_MIXED_SHARE, _MIXED_REST = (0.3, 0.7), 0.3
# Levels of 255 by which neighbours differ at the least, and times the usual, where something may have happened at once.
_SUDDEN, _TIMES_THE_USUAL = 6.0, 4.0

# Parts of a small picture, in rows and columns; how far one may have moved; and by how many levels of 255 it then
# differs in another scene. Between films of very different kinds most parts differed by 29 or more, from one frame to
# the next of one shot by 19 or less, a camera that is knocked included.
_BLOCK = (9, 12)
_ROWS, _COLUMNS, _VALUES = SHOT_HEIGHT // _BLOCK[0], SHOT_WIDTH // _BLOCK[1], 3 * _BLOCK[0] * _BLOCK[1]
_REACH = 6
_CHANGED = 24.0
_LOOKED_AT = 3
_NOWHERE = np.uint32(2**32 - 1)


class SoFar(NamedTuple):
    """Cuts that are decided while frames still come.

    Args:
        cuts_s: as `CutDetector.finish` gives them.
        until_s: no cut will be found before this time but those; None while nothing is decided.
    """

    cuts_s: list[float]
    until_s: float | None


class CutDetector(Protocol):
    """Takes the frames of a video in order and says where shots begin."""

    def add(self, picture: Small, time_s: float) -> None:
        """The next frame, uint8 `(27, 48, 3)`, and its presentation time."""

    def so_far(self) -> SoFar:
        """What is decided already."""

    def finish(self) -> list[float]:
        """The times of the first frames of all shots but the first, rising. Nothing may be added after."""

    def close(self) -> None:
        """Stop what is still at work; may be called again."""


class NetworkCuts:
    """Cuts by TransNetV2, window by window while the frames come.

    Args:
        run: runs a stage of the model.
        probability_at_least: from which a frame belongs to a transition.
        beside: run the network in a thread of its own, while the next frames are read.
        cancel: looked at before each window.
    """

    def __init__(self, run: Run, probability_at_least: float, *, beside: bool, cancel: Event | None) -> None:
        self._run, self._least, self._cancel = run, probability_at_least, cancel
        self._worker = ThreadPoolExecutor(1, thread_name_prefix="videobert-shots") if beside else None
        self._window: list[Small] = []
        # Of the frames that the network is shown: when a shot begins that they are the first of.
        self._times = array("d")
        self._shown_s = 0.0
        self._passed_over: list[tuple[Small, float]] = []
        # Hard cuts by what changes, as numbers of frames: where they explain all change, the network is not asked.
        self._changes = ChangeCuts()
        self._asked = 0
        self._pending: deque[Future[npt.NDArray[np.float32]]] = deque()
        self._found: list[npt.NDArray[np.float32]] = []
        # Probabilities from the last frame on that no transition goes through, and that frame's number.
        self._open, self._decided = np.zeros(0, np.float32), 0
        self._cuts: list[float] = []

    def add(self, picture: Small, time_s: float) -> None:
        """See `CutDetector`. Where the network falls behind, this waits for it."""
        if not self._times:
            self._window = [picture] * _CONTEXT
        elif time_s - self._shown_s < _SHORTEST_S:
            self._passed_over.append((picture, time_s))
            return
        before = self._window[-1]
        alike = (time for passed, time in self._passed_over if _distance(passed, picture) < _distance(passed, before))
        self._changes.add(picture, float(len(self._times)))
        self._times.append(next(alike, time_s))
        self._shown_s = time_s
        self._passed_over.clear()
        self._place(picture)

    def so_far(self) -> SoFar:
        """See `CutDetector`. A transition that goes on is not decided yet."""
        while self._pending and self._pending[0].done():
            self._collect(len(self._pending) - 1)
        self._decide(all_of_it=False)
        return SoFar(list(self._cuts), self._times[self._decided] if self._decided else None)

    def finish(self) -> list[float]:
        """See `CutDetector`. The last frame is repeated until every frame has its context."""
        try:
            while self._asked < len(self._times):
                self._place(self._window[-1])
            self._collect(0)
        finally:
            self.close()
        self._decide(all_of_it=True)
        return self._cuts

    def close(self) -> None:
        """See `CutDetector`."""
        if self._worker is not None:
            self._worker.shutdown(wait=True, cancel_futures=True)

    def _place(self, picture: Small) -> None:
        self._window.append(picture)
        if len(self._window) < SHOT_FRAMES:
            return
        stop_if(self._cancel)
        window = np.stack(self._window)
        first = self._asked - _CONTEXT
        cuts = [int(frame) - first for frame in self._changes.so_far().cuts_s if frame > first]
        del self._window[:_STEP]
        self._asked += _STEP
        if self._worker is None:
            self._found.append(self._probabilities(window, cuts))
        else:
            self._pending.append(self._worker.submit(self._probabilities, window, cuts))
            self._collect(_IN_FLIGHT)

    def _collect(self, left: int) -> None:
        while len(self._pending) > left:
            stop_if(self._cancel)
            self._found.append(self._pending.popleft().result())

    def _decide(self, *, all_of_it: bool) -> None:
        """Find the cuts in what the network has said since, up to the last calm frame unless the video is over."""
        known = np.concatenate([self._open, *self._found])[: len(self._times) - self._decided]
        self._found.clear()
        calm = np.flatnonzero(known < self._least)
        end = len(known) if all_of_it else int(calm[-1]) + 1 if len(calm) else 0
        if not end:
            self._open = known
            return
        self._cuts += [self._times[self._decided + first] for first in first_frames(known[:end], self._least)]
        self._open = known[end - 1 :]
        self._decided += end - 1

    def _probabilities(self, window: npt.NDArray[np.uint8], cuts: list[int]) -> npt.NDArray[np.float32]:
        """Of the frames in the middle of a window.

        Args:
            cuts: places in the window that hard cuts are known to lie before.
        """
        if not _is_explained(window, cuts):
            logits = self._run(SHOT_BOUNDARIES, frames=window[None])[0, _CONTEXT : _CONTEXT + _STEP]
            return np.asarray(1 / (1 + np.exp(-logits)), np.float32)
        certain = np.zeros(_STEP, np.float32)
        # The last frame of a shot is what the network would be surest of.
        certain[[cut - 1 - _CONTEXT for cut in cuts if 0 <= cut - 1 - _CONTEXT < _STEP]] = 1.0
        return certain


def _is_explained(window: npt.NDArray[np.uint8], cuts: list[int]) -> bool:
    """Whether known cuts are all that happens in the middle of a window and somewhat beyond."""
    first, end = _CONTEXT - _EVERY, _CONTEXT + _STEP + _EVERY
    differences = np.abs(np.diff(window.astype(np.int16), axis=0)).mean((1, 2, 3))
    sudden = np.flatnonzero(differences > _TIMES_THE_USUAL * np.median(differences) + _SUDDEN) + 1
    if any(_CONTEXT <= place <= _CONTEXT + _STEP and place not in cuts for place in sudden.tolist()):
        return False
    for start, stop in pairwise([first, *(cut for cut in cuts if first < cut < end), end]):
        for place in (*range(start, stop, _EVERY), stop - 1):
            frames = window[place : min(place + _APART, stop - 1) + 1]
            if is_another_scene(frames[0], frames[-1], _MIXED_CHANGED) and (
                is_another_scene(frames[0], frames[-1], _APART_CHANGED) or _is_mixed(frames)
            ):
                return False
    return True


def _is_mixed(frames: npt.NDArray[np.uint8]) -> bool:
    """Whether a frame between the first and the last is a mixture of both, as in a dissolve and in a fade."""
    rows = frames.reshape(len(frames), -1).astype(np.float32)
    gone, change = rows[1:-1] - rows[0], rows[-1] - rows[0]
    shares = gone @ change / max(float(change @ change), 1.0)
    rests = np.abs(gone - shares[:, None] * change).mean(axis=1)
    mixed = (shares >= _MIXED_SHARE[0]) & (shares <= _MIXED_SHARE[1])
    return bool((rests[mixed] <= _MIXED_REST * np.abs(change).mean()).any())


def _distance(one: Small, other: Small) -> float:
    return float(np.abs(one.astype(np.int16) - other).mean())


def first_frames(probabilities: npt.NDArray[np.float32], least: float) -> list[int]:
    """Numbers of the frames that shots begin with, but the first.

    Neighbouring frames that are probable are one transition, as published: one of several is gradual. The new shot
    begins behind its most probable frame, which is the last one before a hard cut and the middle of a gradual one.
    Before the first frame and behind the last there is no shot, so a transition there is none.
    """
    probable = np.concatenate(([False], probabilities >= least, [False]))
    edges = np.flatnonzero(probable[1:] != probable[:-1]).reshape(-1, 2)
    firsts = (int(start + probabilities[start:end].argmax()) + 1 for start, end in edges if start > 0)
    return [first for first in firsts if first < len(probabilities)]


class ChangeCuts:
    """Cuts by what changes from one frame to the next, for models without a network for it. Finds hard cuts only.

    A moving camera or a moving thing changes much too, but shows what was there before at another place: so each part
    of a picture is looked for in the other picture, nearby. A flash changes all for a moment: so the frames after a cut
    must differ from the one before it, and the frames before it from the one after.
    """

    def __init__(self) -> None:
        self._frames: deque[tuple[Small, float]] = deque(maxlen=2 * _LOOKED_AT)
        self._before = 0  # of them, those whose join to the next one was looked at
        self._cuts: list[float] = []

    def add(self, picture: Small, time_s: float) -> None:
        """See `CutDetector`."""
        if len(self._frames) == self._frames.maxlen:
            self._before -= 1
        self._frames.append((picture, time_s))
        if len(self._frames) - self._before > _LOOKED_AT:
            self._look()

    def so_far(self) -> SoFar:
        """See `CutDetector`."""
        return SoFar(list(self._cuts), self._frames[self._before][1] if self._before else None)

    def finish(self) -> list[float]:
        """See `CutDetector`."""
        while self._before + 1 < len(self._frames):
            self._look()
        return self._cuts

    def close(self) -> None:
        """See `CutDetector`: nothing is."""

    def _look(self) -> None:
        """Whether the first frame that was not looked at is the last one of its shot."""
        self._before += 1
        frames = list(self._frames)
        before = [picture for picture, _ in frames[max(0, self._before - _LOOKED_AT) : self._before]]
        after = [picture for picture, _ in frames[self._before : self._before + _LOOKED_AT]]
        pairs = [(before[-1], picture) for picture in after] + [(picture, after[0]) for picture in before[:-1]]
        if all(is_another_scene(*pair) for pair in pairs):
            self._cuts.append(frames[self._before][1])


def is_another_scene(one: Small, other: Small, changed: float = _CHANGED) -> bool:
    """Whether most parts of a small picture are nowhere near their place in another one.

    Args:
        changed: by how many levels of 255 a part differs at least that is not found.
    """
    least = changed * _VALUES
    # As it is, and only then moved: moving can but make them more alike.
    if np.median(_by_block(_differences(one, other))) < least:
        return False
    around = np.pad(one, ((_REACH, _REACH), (_REACH, _REACH), (0, 0)))
    moved = np.lib.stride_tricks.sliding_window_view(around, one.shape)[:, :, 0]
    # Row by row, so that what is worked on stays in the nearest cache.
    found = [
        np.where(within, _by_block(_differences(to_the_side, other)), _NOWHERE).min(0)
        for to_the_side, within in zip(moved, _within(), strict=True)
    ]
    return bool(np.median(np.min(found, axis=0)) >= least)


def _differences(one: npt.NDArray[np.uint8], other: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    """By how much values differ, without leaving 8 bits, of which a register holds most."""
    larger = np.maximum(one, other)
    larger -= np.minimum(one, other)
    return larger


def _by_block(differences: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint32]:
    """The sum over each part, `(..., rows, columns)`, of differences `(..., 27, 48, 3)`."""
    pixels = differences.reshape(*differences.shape[:-3], _ROWS, _BLOCK[0], SHOT_WIDTH * 3)
    lines = np.add.reduce(pixels, axis=-2, dtype=np.uint16)
    sums: npt.NDArray[np.uint32] = np.add.reduce(
        lines.reshape(*lines.shape[:-1], _COLUMNS, _BLOCK[1] * 3), axis=-1, dtype=np.uint32
    )
    return sums


@cache
def _within() -> npt.NDArray[np.bool_]:
    """For each way to move a picture which of its parts come from inside of it, `(down, right, rows, columns)`."""
    moves = np.arange(-_REACH, _REACH + 1)[:, None]
    tops, lefts = _BLOCK[0] * np.arange(_ROWS) + moves, _BLOCK[1] * np.arange(_COLUMNS) + moves
    in_rows = (tops >= 0) & (tops + _BLOCK[0] <= SHOT_HEIGHT)
    in_columns = (lefts >= 0) & (lefts + _BLOCK[1] <= SHOT_WIDTH)
    return in_rows[:, None, :, None] & in_columns[None, :, None, :]
