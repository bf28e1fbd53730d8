"""The way of a film from `Runtime.run` to the engine: calls go down the rooms of the house, and few doors lead to each.

A room is a folder of `videobert`, or `runtime.py` with `verbs.py`. Every call of one of our Python functions is
followed, in every thread, while the bundled model's clip is reported on; what is counted is a call from a function of
one room to a function of another, whichever library lies between, as where numpy or a thread pool calls back. A
generator that a room was handed from above and asks for more is data on its way down, and no call; what it calls
counts as its own.

`base` and `results` are the ground that every room stands on, and are left out. `model` describes the model that all
rooms work for: calls must not go up from it, but any room may ask it.
"""

from __future__ import annotations

import inspect
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from types import FrameType
from typing import Any

import pytest

import videobert
from videobert.model.folder import BUNDLED, bundled_names
from videobert.runtime import Runtime, load

pytestmark = pytest.mark.skipif("shapes" not in bundled_names(), reason="this checkout carries no bundled model")

HOME = Path(videobert.__file__).parent
CLIP = BUNDLED / "shapes" / "clip.mp4"
GROUND = ("base", "results")
# The methods of a Runtime are one room with it.
ONE_ROOM = {"verbs": "runtime"}
# A room calls only rooms after it; `engines` and `video` know nothing of each other.
DOWN = ("runtime", "tasks", "pipeline", "families", "engines", "video", "visual", "text", "model")
MOST_CALLERS = 2
ASKED_BY_ALL = "model"

Arrow = tuple[str, str]


class Followed:
    """Which rooms were entered from which, in the order in which it first happened.

    Attributes:
        arrows: from a room to another, with how often and the first function that was called.
        order: rooms in the order in which they were first entered.
    """

    def __init__(self) -> None:
        self.arrows: dict[Arrow, tuple[int, str]] = {}
        self.order: list[str] = []
        self._rooms: dict[str, str | None] = {}
        self._lock = threading.Lock()

    def room(self, frame: FrameType) -> str | None:
        """The room that a function lies in; None for other code and for the ground."""
        file = frame.f_code.co_filename
        if file not in self._rooms:
            path = Path(file)
            inside = path.is_relative_to(HOME) and path != HOME / "__init__.py"
            name = path.relative_to(HOME).parts[0].removesuffix(".py") if inside else None
            self._rooms[file] = None if name in GROUND else ONE_ROOM.get(name or "", name)
        return self._rooms[file]

    def __call__(self, frame: FrameType, event: str, argument: Any) -> None:
        # The body of a module or of a class is no call: something was imported.
        if event != "call" or not frame.f_code.co_flags & 0x2:
            return
        room = self.room(frame)
        if room is None:
            return
        caller = frame.f_back
        while caller is not None and (self.room(caller) is None or not caller.f_code.co_flags & 0x2):
            caller = caller.f_back
        came_from = None if caller is None else self.room(caller)
        if came_from == room or (_is_generator(frame) and came_from in DOWN and is_up(came_from, room)):
            return
        with self._lock:
            if room not in self.order:
                self.order.append(room)
            # A thread begins with nobody above it: where its first function was handed over is a call of its own.
            if came_from is not None:
                count, first = self.arrows.get((came_from, room), (0, frame.f_code.co_qualname))
                self.arrows[came_from, room] = (count + 1, first)


def _is_generator(frame: FrameType) -> bool:
    return bool(frame.f_code.co_flags & inspect.CO_GENERATOR)


def is_up(caller: str, called: str) -> bool:
    """Whether a call from one known room to another goes up the house."""
    return called in DOWN and DOWN.index(caller) > DOWN.index(called)


def follow(model: Runtime) -> Followed:
    followed = Followed()
    threading.setprofile(followed)
    sys.setprofile(followed)
    try:
        model.run(CLIP)
    finally:
        sys.setprofile(None)
        threading.setprofile(None)  # type: ignore[arg-type]
    return followed


@pytest.fixture(scope="module")
def followed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Followed]:
    cache_dir = tmp_path_factory.mktemp("rooms")
    # Once before, so that what only the first film of a process imports and prepares is there.
    with load("shapes", precision="fp32", engine="openvino", cache_dir=cache_dir) as model:
        model.run(CLIP)
    # The threads of this one begin while it is followed.
    with load("shapes", precision="fp32", engine="openvino", cache_dir=cache_dir) as model:
        yield follow(model)


def wrong(arrows: dict[Arrow, tuple[int, str]]) -> list[str]:
    """What is not as it should be, in words."""
    found = [f"unknown room {room}" for room in sorted({room for arrow in arrows for room in arrow} - set(DOWN))]
    if found:
        return found
    found += [
        f"{lower} calls {upper} ({first}, {count} times)"
        for (lower, upper), (count, first) in arrows.items()
        if is_up(lower, upper) or {lower, upper} == {"engines", "video"}
    ]
    for room in set(DOWN) - {ASKED_BY_ALL}:
        callers = [caller for caller, called in arrows if called == room]
        if len(callers) > MOST_CALLERS:
            found.append(f"{room} is entered from {', '.join(callers)}")
    return found


def test_a_film_goes_down_the_house_and_enters_each_room_by_two_doors_at_most(followed: Followed) -> None:
    assert wrong(followed.arrows) == []


def test_the_way_is_the_one_that_the_house_was_drawn_for(followed: Followed) -> None:
    """Were the film not followed to the engine, nothing above would mean anything."""
    assert followed.order[0] == "runtime"
    assert {"video", "visual", "engines"} <= set(followed.order)
    assert {("runtime", "tasks"), ("tasks", "pipeline"), ("pipeline", "video"), ("pipeline", "visual")} <= set(
        followed.arrows
    )
    assert any(called == "engines" for _, called in followed.arrows)


@pytest.mark.parametrize(
    ("planted", "told"),
    [
        (("visual", "pipeline"), "visual calls pipeline"),
        (("engines", "video"), "engines calls video"),
        (("runtime", "visual"), "visual is entered from"),
        (("pipeline", "attic"), "unknown room attic"),
    ],
    ids=str,
)
def test_a_planted_arrow_is_seen(planted: Arrow, told: str) -> None:
    arrows = {("tasks", "pipeline"): (1, "f"), ("pipeline", "visual"): (1, "f"), ("tasks", "visual"): (1, "f")}
    assert wrong(arrows) == []
    assert any(told in each for each in wrong(arrows | {planted: (1, "g")}))
