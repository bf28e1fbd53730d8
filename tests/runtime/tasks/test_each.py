"""The same asked of many videos: an answer or an error for each, in order; several at once share fairly."""

from __future__ import annotations

import io
import shutil
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from videobert.base.errors import (
    Cancelled,
    DecodeError,
    DeviceError,
    InputError,
    MismatchError,
    ModelError,
    UsageError,
    VideoBertError,
)
from videobert.results.as_json import to_json
from videobert.runtime import Runtime
from videobert.video.source.frame_array import FrameArray

FILM = Path(__file__).parents[2] / "media/driving_car.mp4"


def frames(seconds: int = 2) -> FrameArray:
    return FrameArray(np.zeros((10 * seconds, 32, 32, 3), np.uint8), np.arange(10 * seconds) / 10)


@pytest.fixture
def films(tmp_path: Path) -> Path:
    """Two videos, one of them in an inner folder, and between them a file that is none."""
    folder = tmp_path / "films"
    (folder / "in").mkdir(parents=True)
    for name in ("a.mp4", "in/c.mp4"):
        shutil.copy(FILM, folder / name)
    (folder / "b.mp4").write_bytes(b"no video")
    return folder


def named(name: str) -> str:
    """An answer that needs no model."""
    return f"answer to {Path(name).name}"


def test_each_video_has_its_answer_or_its_error_in_order(model: Runtime, films: Path) -> None:
    found = list(model.each(films, model.tokens))
    assert [each.source for each in found] == [str(films / name) for name in ("a.mp4", "b.mp4", "in/c.mp4")]
    first, broken, last = found
    assert isinstance(broken.error, DecodeError)
    assert broken.answer is None
    with pytest.raises(DecodeError):
        broken.result()
    assert first.error is last.error is None
    assert first.result() == model.tokens(films / "a.mp4")
    assert to_json(broken)["error"]["type"] == "DecodeError"
    assert to_json(broken)["error"]["exit_code"] == 3


def test_several_verbs_and_their_arguments(model: Runtime, films: Path) -> None:
    (each,) = model.each([films / "a.mp4"], model.tokens, stride=2)
    assert each.result().stride == 2

    def both(video: Any) -> tuple[int, int]:
        features = model.features(video)
        return len(model.tokens(features).ids), len(model.run(features).segments)

    (each_of_both,) = model.each(str(films / "a.mp4"), both)
    tokens, segments = each_of_both.result()
    assert tokens >= segments > 0


@pytest.mark.alone
def test_videos_at_once_get_on_alike(model: Runtime, make_video: Callable[..., FrameArray]) -> None:
    """None waits for another to end: when the first is done, the others have most of their way behind them."""
    films = [make_video(90, seed=seed) for seed in range(3)]
    # What is loaded and compiled for a first video is not waited for by the others alike.
    model.tokens(make_video(3, seed=3))
    shares = []
    for _ in range(3):
        seen_s: dict[int, float] = {}
        behind: list[list[float]] = []
        together = threading.Barrier(3)

        def ask(number: int, seen_s: Any = seen_s, behind: Any = behind, together: Any = together) -> None:
            together.wait()
            model.tokens(films[number], on_progress=lambda done_s, total_s: seen_s.update({number: done_s}))
            behind.append([seen_s.get(other, 0.0) for other in range(3)])

        with ThreadPoolExecutor(3) as pool:
            list(pool.map(ask, range(3)))
        shares.append(min(behind[0]) / max(behind[0]))
    # The system's own turns are not even: the middle one of three.
    assert sorted(shares)[1] >= 0.5, shares


def test_every_kind_of_video_may_stand_in_the_list(model: Runtime, films: Path) -> None:
    video = films / "a.mp4"
    given: list[Any] = [video, video.read_bytes(), io.BytesIO(video.read_bytes()), frames(), model.tokens(video), films]
    found = list(model.each(iter(given), model.tokens))
    assert [Path(each.source).name for each in found] == [
        *("a.mp4", "bytes", "frames", "frames", "tokens"),
        *("a.mp4", "b.mp4", "c.mp4"),
    ]
    assert [each.error is None for each in found] == [True] * 6 + [False, True]


def test_a_file_that_is_missing_and_a_folder_without_videos_do_not_end_the_rest(grey: Runtime, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    found = list(grey.each([tmp_path / "gone.mp4", tmp_path / "empty", frames()], grey.tokens))
    assert [each.error and each.error.what for each in found][1:] == ["there is no video in this folder", None]
    assert isinstance(found[0].error, InputError)


@pytest.mark.parametrize("at_once", [1, 2])
@pytest.mark.parametrize(
    "error",
    [UsageError("that stride"), ModelError("no such head"), DeviceError("lost"), Cancelled("stopped"), KeyError("x")],
    ids=lambda error: type(error).__name__,
)
def test_what_every_other_video_would_meet_too_ends_it(grey: Runtime, error: Exception, at_once: int) -> None:
    asked = []

    def ask(name: str) -> str:
        asked.append(name)
        if name == "b":
            raise error
        return name

    found = grey.each("abcdefgh".replace("", " ").split(), ask, at_once=at_once)
    assert next(found).answer == "a"
    with pytest.raises(type(error)):
        next(found)
    assert len(asked) <= 3


@pytest.mark.parametrize("error", [InputError("torn"), DecodeError("torn"), MismatchError("tokens of another model")])
def test_what_is_of_one_video_is_recorded(grey: Runtime, error: VideoBertError) -> None:
    def ask(name: str) -> str:
        if name == "b":
            raise error
        return name

    assert [(each.answer, each.error) for each in grey.each(["a", "b", "c"], ask)] == [
        ("a", None),
        (None, error),
        ("c", None),
    ]


def test_nothing_is_asked_before_the_next_answer_is_wanted(grey: Runtime) -> None:
    asked: list[str] = []
    endless = (f"{number}.mp4" for number in iter(int, 1))
    found = grey.each(endless, lambda name: asked.append(name))
    assert asked == []
    next(found)
    next(found)
    assert len(asked) == 2


def test_several_at_a_time_keep_the_order_and_stay_close_to_the_reader(grey: Runtime) -> None:
    together = threading.Barrier(3)
    taken = []

    def videos() -> Any:
        for number in range(30):
            taken.append(number)
            yield str(number)

    def ask(name: str) -> int:
        together.wait(10)  # breaks where fewer than three are under way
        time.sleep(0.002 * (3 - int(name) % 3))
        return int(name)

    found = grey.each(videos(), ask, at_once=3)
    assert [next(found).answer for _ in range(3)] == [0, 1, 2]
    assert len(taken) <= 6
    assert [each.answer for each in found] == list(range(3, 30))


def test_those_under_way_are_over_when_the_reader_gives_up(grey: Runtime) -> None:
    begun, ended = [], []

    def ask(name: str) -> None:
        begun.append(name)
        time.sleep(0.02)
        ended.append(name)

    found = grey.each([str(number) for number in range(50)], ask, at_once=4)
    next(found)
    found.close()  # type: ignore[attr-defined]
    assert sorted(begun) == sorted(ended)
    assert len(begun) < 10
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("videobert-each")]


@pytest.mark.parametrize("at_once", [1, 2])
def test_cancel_ends_the_call_under_way_and_those_to_come(grey: Runtime, at_once: int) -> None:
    stop = threading.Event()

    def ask(name: str, *, cancel: threading.Event) -> str:
        assert cancel is stop
        if name == "1":
            stop.set()
        return name

    with pytest.raises(Cancelled):
        list(grey.each([str(number) for number in range(9)], ask, at_once=at_once, cancel=stop))
    live = ((np.zeros((32, 32, 3), np.uint8), number / 10) for number in range(10**9))
    threading.Timer(0.2, stop.set).start()
    stop.clear()
    with pytest.raises(Cancelled):
        next(grey.each([live], grey.tokens, cancel=stop))


def test_a_closed_model_ends_it(grey: Runtime) -> None:
    found = grey.each(["a.mp4", "b.mp4"], named)
    assert next(found).answer == "answer to a.mp4"
    grey.close()
    with pytest.raises(InputError, match="this Runtime is closed"):
        next(found)


@pytest.mark.parametrize("videos", [3, b"video", io.BytesIO(b"video"), frames()], ids=lambda value: str(type(value)))
def test_one_video_is_no_list(grey: Runtime, videos: Any) -> None:
    with pytest.raises(UsageError, match="videos is neither a path nor a list of videos"):
        grey.each(videos, grey.tokens)


@pytest.mark.parametrize("wrong", [{"ask": None}, {"ask": "tokens"}, {"at_once": 0}, {"at_once": 65}, {"cancel": 3}])
def test_odd_arguments_are_told_at_once(grey: Runtime, wrong: dict[str, Any]) -> None:
    with pytest.raises(UsageError):
        grey.each(**({"videos": ["a.mp4"], "ask": grey.tokens} | wrong))
