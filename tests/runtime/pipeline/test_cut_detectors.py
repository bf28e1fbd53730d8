"""Cuts in small frames: windows as published, transitions of a network's answers, and what changes between frames."""

from __future__ import annotations

import threading
from typing import Any

import numpy as np
import pytest

from videobert.base.errors import Cancelled
from videobert.pipeline import cut_detectors
from videobert.pipeline.cut_detectors import ChangeCuts, CutDetector, NetworkCuts, first_frames, is_another_scene


def scene(seed: int) -> np.ndarray:
    """A picture of large patches, 81 x 144, from which a camera can show any part."""
    patches = np.random.default_rng(seed).integers(0, 256, (9, 12, 3), dtype=np.uint8)
    return patches.repeat(9, 0).repeat(12, 1)


def shot(seed: int, count: int, *, speed: int = 0) -> np.ndarray:
    """A camera that moves over a scene, with noise, uint8 `(count, 27, 48, 3)`."""
    random, ground = np.random.default_rng((seed, count)), scene(seed)
    frames = np.stack([ground[:27, (start := min(speed * n, 96)) : start + 48] for n in range(count)]).astype(int)
    return (frames + random.integers(-6, 7, frames.shape)).clip(0, 255).astype(np.uint8)


def cuts(detector: CutDetector, frames: np.ndarray) -> list[int]:
    """Numbers of the frames that shots begin with; frame n is at n / 4 seconds."""
    for number, frame in enumerate(frames):
        detector.add(frame, number / 4)
    return [round(time * 4) for time in detector.finish()]


def film(*counts: int) -> tuple[np.ndarray, list[int]]:
    """Shots of so many frames, and where they begin."""
    return np.concatenate([shot(seed, count) for seed, count in enumerate(counts)]), np.cumsum(counts)[:-1].tolist()


class Sees:
    """A network that is sure of a cut wherever most of a picture is not that of the next; keeps what it was given."""

    def __init__(self) -> None:
        self.windows: list[np.ndarray] = []

    def __call__(self, stage: str, *, frames: np.ndarray) -> np.ndarray:
        assert stage == "shot_boundaries"
        assert frames.shape == (1, 50, 27, 48, 3)
        assert frames.dtype == np.uint8
        self.windows.append(frames[0])
        changes = np.abs(np.diff(frames[0].astype(int), axis=0)).mean((1, 2, 3)) > 20
        return np.append(np.where(changes, 9.0, -9.0), -9.0)[None].astype(np.float32)


def network(run: Any, *, beside: bool = False, cancel: threading.Event | None = None) -> NetworkCuts:
    return NetworkCuts(run, 0.5, beside=beside, cancel=cancel)


@pytest.mark.parametrize("beside", [False, True])
@pytest.mark.parametrize("counts", [(1,), (30, 19), (49, 1), (2, 48), (25, 25), (50, 51), (20, 80, 3, 97)], ids=str)
def test_a_network_finds_the_first_frames_of_shots(counts: tuple[int, ...], beside: bool) -> None:
    frames, expected = film(*counts)
    assert cuts(network(Sees(), beside=beside), frames) == expected


@pytest.fixture
def asked_always(monkeypatch: pytest.MonkeyPatch) -> None:
    """The network is asked about every window."""
    monkeypatch.setattr(cut_detectors, "_is_explained", lambda window, cuts: False)


@pytest.mark.usefixtures("asked_always")
def test_every_frame_is_in_the_middle_of_a_window() -> None:
    frames = np.concatenate([shot(seed, 1) for seed in range(70)])
    sees = Sees()
    cuts(network(sees), frames)
    around = np.concatenate([frames[:1].repeat(12, 0), frames, frames[-1:].repeat(12 + 8, 0)])
    assert len(sees.windows) == 3
    for number, window in enumerate(sees.windows):
        assert np.array_equal(window, around[26 * number : 26 * number + 50])


def test_the_network_is_spared_where_the_scene_stays() -> None:
    # A camera that moves, 16 frames by less than parts are looked for; then another scene.
    frames = np.concatenate([shot(1, 200), shot(2, 100)])
    sees = Sees()
    assert cuts(network(sees), frames) == [200]
    assert len(sees.windows) <= 2
    spared = Sees()
    assert cuts(network(spared), shot(1, 300)) == []
    assert not spared.windows


def blended(one: np.ndarray, other: np.ndarray, count: int) -> np.ndarray:
    """A transition of so many frames."""
    shares = np.linspace(0, 1, count + 2)[1:-1, None, None, None]
    return ((1 - shares) * one + shares * other).astype(np.uint8)


def test_a_hard_cut_that_is_plain_needs_no_network() -> None:
    sees = Sees()
    assert cuts(network(sees), film(130, 70, 90)[0]) == [130, 200]
    assert not sees.windows


@pytest.mark.parametrize("length", [4, 12, 25])
def test_a_dissolve_is_shown_to_the_network(length: int) -> None:
    one, other = shot(1, 120), shot(2, 120)
    sees = Sees()
    cuts(network(sees), np.concatenate([one, blended(one[-1], other[0], length), other]))
    assert sees.windows


def pale(frames: np.ndarray) -> np.ndarray:
    """The same with less contrast: another scene differs by little more than what moves does."""
    return (frames.astype(int) * 2 // 5 + 70).astype(np.uint8)


def test_what_changes_a_picture_without_mixing_it_needs_no_network() -> None:
    """A camera that leaves behind all that it saw, 16 frames before, where little differs from anything."""
    frames = pale(shot(4, 90, speed=1))
    pairs = [(frames[n], frames[n + 16]) for n in range(8, 72)]
    assert any(is_another_scene(*pair) for pair in pairs)
    assert not any(is_another_scene(*pair, 34.0) for pair in pairs)
    sees = Sees()
    assert cuts(network(sees), frames) == []
    assert not sees.windows


@pytest.mark.parametrize("length", [4, 12, 18])
def test_a_dissolve_between_scenes_that_are_much_alike_is_shown_to_the_network(length: int) -> None:
    one, other = pale(shot(1, 120)), pale(shot(2, 120))
    assert not is_another_scene(one[-1], other[0], 34.0)
    sees = Sees()
    cuts(network(sees), np.concatenate([one, blended(one[-1], other[0], length), other]))
    assert sees.windows


def test_a_fade_is_shown_to_the_network() -> None:
    one = shot(1, 120)
    sees = Sees()
    cuts(network(sees), np.concatenate([one, blended(one[-1], np.zeros_like(one[0]), 12), 0 * one[:40]]))
    assert sees.windows


def test_a_small_sudden_change_is_shown_to_the_network() -> None:
    """Another camera on the same stage: no part of the picture is far from what it was."""
    calm = np.random.default_rng(3).integers(60, 190, (27, 48, 3))
    one = (calm + np.random.default_rng(4).integers(-1, 2, (120, 27, 48, 3))).astype(np.uint8)
    other = (one.astype(int) + np.where(np.arange(48)[:, None] % 2, 16, -16)).astype(np.uint8)
    sees = Sees()
    cuts(network(sees), np.concatenate([one, other]))
    assert sees.windows


@pytest.mark.usefixtures("asked_always")
@pytest.mark.parametrize("rate", [24, 30, 50, 60, 120])
@pytest.mark.parametrize("first", [240, 241, 242, 243])
def test_fast_films_are_thinned_and_keep_their_times(rate: int, first: int) -> None:
    frames, _ = film(first, 240)
    sees = Sees()
    detector = network(sees)
    for number, frame in enumerate(frames):
        detector.add(frame, number / rate)
    assert detector.finish() == [first / rate]
    shown = sees.windows[0]
    step = {24: 1, 30: 1, 50: 2, 60: 2, 120: 4}[rate]
    places = [np.abs(frames.astype(int) - picture).sum((1, 2, 3)).argmin() for picture in shown[-3:]]
    assert np.diff(places).tolist() == [step, step]


def test_no_frames_have_no_cuts() -> None:
    assert network(Sees()).finish() == []
    assert network(Sees(), beside=True).finish() == []
    assert ChangeCuts().finish() == []


@pytest.mark.usefixtures("asked_always")
@pytest.mark.parametrize("beside", [False, True])
def test_an_error_of_the_network_comes_out(beside: bool) -> None:
    def fails(stage: str, *, frames: np.ndarray) -> np.ndarray:
        raise ValueError("broken")

    with pytest.raises(ValueError, match="broken"):
        cuts(network(fails, beside=beside), film(40, 400)[0])


@pytest.mark.parametrize("beside", [False, True])
def test_a_cancelled_search_stops(beside: bool) -> None:
    cancel = threading.Event()
    detector = network(Sees(), beside=beside, cancel=cancel)
    frames, _ = film(30, 30)
    for frame in frames:
        detector.add(frame, 0.0)
    cancel.set()
    with pytest.raises(Cancelled):
        detector.finish()


@pytest.mark.usefixtures("asked_always")
def test_closing_ends_the_thread() -> None:
    before = set(threading.enumerate())  # one of another test may end meanwhile
    detector = network(Sees(), beside=True)
    for number, frame in enumerate(film(60, 60)[0]):
        detector.add(frame, number / 25)
    assert set(threading.enumerate()) - before
    detector.close()
    detector.close()
    assert not set(threading.enumerate()) - before


@pytest.mark.parametrize(
    ("probabilities", "expected"),
    [
        ([0, 0, 0], []),
        ([0, 0.9, 0], [2]),
        ([0, 0.5, 0], [2]),
        ([0, 0.49, 0], []),
        # One transition over several frames, and two.
        ([0, 0.6, 0.8, 0.7, 0, 0], [3]),
        ([0, 0.6, 0, 0.7, 0], [2, 4]),
        # The first of equals.
        ([0, 0.9, 0.9, 0], [2]),
        # No shot before the first frame, none behind the last.
        ([0.9, 0, 0, 0], []),
        ([0.9, 0.9, 0, 0], []),
        ([0, 0, 0, 0.9], []),
        ([0, 0, 0.9, 0.8], [3]),
        ([0.9], []),
    ],
)
def test_transitions_become_first_frames(probabilities: list[float], expected: list[int]) -> None:
    assert first_frames(np.array(probabilities, np.float32), 0.5) == expected


@pytest.mark.parametrize("counts", [(1,), (30, 30), (10, 3, 10), (3, 3), (1, 20), (20, 1), (5, 5, 5, 5)], ids=str)
def test_changes_show_the_first_frames_of_shots(counts: tuple[int, ...]) -> None:
    frames, expected = film(*counts)
    assert cuts(ChangeCuts(), frames) == expected


@pytest.mark.parametrize("speed", [1, 3, 6])
def test_a_moving_camera_is_no_cut(speed: int) -> None:
    assert cuts(ChangeCuts(), shot(3, 12, speed=speed)) == []


@pytest.mark.parametrize("length", [1, 2])
@pytest.mark.parametrize("level", [0, 255])
def test_a_flash_is_no_cut(length: int, level: int) -> None:
    frames = shot(4, 30)
    frames[14 : 14 + length] = level
    assert cuts(ChangeCuts(), frames) == []


def test_a_still_is_no_cut_and_repeated_frames_hide_none() -> None:
    frames, _ = film(10, 10)
    assert cuts(ChangeCuts(), frames.repeat(3, 0)) == [30]
    assert cuts(ChangeCuts(), frames[:1].repeat(20, 0)) == []


def test_a_scene_is_another_one_if_little_of_it_is_found() -> None:
    one, other = shot(1, 1)[0], shot(2, 1)[0]
    assert is_another_scene(one, other)
    assert is_another_scene(other, one)
    assert not is_another_scene(one, one)
    # A third of it changes.
    part = one.copy()
    part[:9] = other[:9]
    assert not is_another_scene(one, part)
    # Moved to any side.
    for place in ((0, 5), (0, -5), (5, 0), (-5, -5)):
        assert not is_another_scene(one, np.roll(one, place, (0, 1)))


@pytest.mark.parametrize("changed", [4.0, 12.0, 24.0, 34.0])
def test_parts_are_looked_for_as_by_definition(changed: float) -> None:
    """Each of the twelve parts at every place within 6 pixels that lies in the other picture, one by one."""
    random = np.random.default_rng(8)
    found = set()
    for seed in range(12):
        # From almost the same to something else.
        other = random.integers(0, 256, (27, 48, 3), dtype=np.uint8).astype(int)
        share = seed / 11
        one = ((1 - share) * np.roll(other, -3, 1) + share * random.integers(0, 256, other.shape)).astype(int)
        least = [
            min(
                np.abs(one[top + y :, left + x :][:9, :12] - other[top : top + 9, left : left + 12]).mean()
                for y in range(max(-6, -top), min(6, 18 - top) + 1)
                for x in range(max(-6, -left), min(6, 36 - left) + 1)
            )
            for top in (0, 9, 18)
            for left in (0, 12, 24, 36)
        ]
        said = is_another_scene(one.astype(np.uint8), other.astype(np.uint8), changed)
        assert said == (np.median(least) >= changed)
        found.add(said)
    assert found == {True, False}


@pytest.mark.parametrize("name", ["network", "network beside", "changes"])
def test_what_is_decided_while_frames_come_stays(name: str) -> None:
    frames, expected = film(30, 45, 80, 20, 60)
    detector: CutDetector = ChangeCuts() if name == "changes" else network(Sees(), beside=name == "network beside")
    told: list[tuple[list[float], float]] = []
    for number, frame in enumerate(frames):
        detector.add(frame, number / 4)
        so_far = detector.so_far()
        assert so_far.until_s is None or so_far.until_s <= number / 4
        told.append((so_far.cuts_s, -1.0 if so_far.until_s is None else so_far.until_s))
    final = detector.finish()
    assert final == [first / 4 for first in expected]
    for cuts_s, until_s in told:
        assert cuts_s == [cut for cut in final if cut <= until_s or cut in cuts_s]
        assert [cut for cut in final if cut < until_s] == [cut for cut in cuts_s if cut < until_s]
    assert [until_s for _, until_s in told] == sorted(until_s for _, until_s in told)
    # Where nothing runs beside, the first cut is known long before the end.
    assert name == "network beside" or told[130][0]
