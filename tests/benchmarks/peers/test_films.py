"""How alike two decoders' frames are, and when one of them chose another frame."""

from __future__ import annotations

from pathlib import Path

import av
import numpy as np
import pytest

from benchmarks.peers.case import Setting
from benchmarks.peers.films import FILMS, LoopedFilm, likeness, shown, wanted_of
from videobert.model.recipe import Recipe


def moving(count: int = 6) -> np.ndarray:
    """A bright square that wanders over noise."""
    rng = np.random.default_rng(0)
    frames = np.repeat(rng.integers(0, 60, (1, 32, 32, 3), np.uint8), count, axis=0)
    for place, frame in enumerate(frames):
        frame[8:16, 3 * place : 3 * place + 8] = 200
    return frames


def test_equal_frames_are_as_alike_as_can_be() -> None:
    assert likeness(moving(), moving()) == 100


def test_a_little_noise_is_a_little_less_alike() -> None:
    noisy = np.clip(moving().astype(int) + np.random.default_rng(1).integers(-2, 3, (6, 32, 32, 3)), 0, 255)
    assert 40 < likeness(noisy.astype(np.uint8), moving()) < 60


def test_a_frame_of_its_neighbour_is_far_off() -> None:
    shifted = moving()[[0, 1, 3, 3, 4, 5]]
    assert likeness(shifted, moving()) < 30


def test_a_frame_of_its_neighbour_is_found_in_a_slow_film_too() -> None:
    slow = np.full((3, 32, 32, 3), 100, np.uint8) + np.arange(3, dtype=np.uint8)[:, None, None, None]
    assert likeness(slow[[0, 2, 2]], slow) == 0


@pytest.mark.parametrize("answer", [moving(5), moving()[:, :16]])
def test_another_count_or_size_is_not_alike(answer: np.ndarray) -> None:
    assert likeness(answer, moving()) == 0


def test_how_many_samples_show_a_frame() -> None:
    assert list(shown([0.0, 0.1, 0.2], np.array([0.0, 0.05, 0.1, 0.3]))) == [2, 1, 1]


def test_the_samples_asked_of_others_are_those_of_ours() -> None:
    wanted, frames = wanted_of(FILMS["480p"].place, Recipe(), 1)
    assert wanted.size == (199, 112)
    assert frames.shape == (len(wanted.times_s), 112, 112, 3)
    assert len(frames) % Recipe().frames == 0
    assert wanted.times_s[1] - wanted.times_s[0] == pytest.approx(0.05)


def test_a_short_film_is_looped_to_its_length_once(tmp_path: Path) -> None:
    film = LoopedFilm(FILMS["car"].place, "a car", 5)
    setting = Setting(tiny=False, scratch=tmp_path, models=None, threads=1)
    path = film.path(setting)
    with av.open(str(path)) as found:
        stream = found.streams.video[0]
        assert (stream.width, stream.height, stream.frames) == (854, 480, 5 * 12)
    written = path.stat().st_mtime_ns
    assert film.path(setting).stat().st_mtime_ns == written
    assert [each.name for each in tmp_path.iterdir()] == [path.name]
