"""How many threads decode: as many as are asked for, to the same clips, and never more than may compute."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from videobert.base.errors import UsageError
from videobert.base.limits import Limits
from videobert.model.recipe import Recipe
from videobert.video.decoders import decoder_threads
from videobert.video.decoders.decoder_threads import MeasuredThreads, check_decoder_threads
from videobert.video.open import open_clips
from videobert.video.small_frames import small_frames

RECIPE = Recipe(frames=10, short_side=64, crop=64)


@pytest.fixture(scope="module")
def film(factory: ModuleType, tmp_path_factory: pytest.TempPathFactory) -> Callable[[int, int], Path]:
    """A film in a size."""
    folder = tmp_path_factory.mktemp("films")

    def of_size(width: int, height: int) -> Path:
        path = folder / f"{width}x{height}.mp4"
        if not path.exists():
            factory.write_clip(path, ticks=range(30), size=(width, height))
        return path

    return of_size


def decoding() -> int:
    """How many threads of FFmpeg's decoder this process has; those have its name."""
    names = []
    for thread in os.listdir("/proc/self/task"):
        try:
            names.append(Path(f"/proc/self/task/{thread}/comm").read_text())
        except OSError:  # it has ended
            continue
    return sum(name.startswith("av:") for name in names)


def while_open(path: Path, **options: Any) -> int:
    before = decoding()
    with open_clips(path, RECIPE, **options):
        return decoding() - before


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"decoder_threads": 3}, 3),
        ({"decoder_threads": np.int64(2)}, 2),
        ({"decoder_threads": 16}, 16),
        ({"decoder_threads": 3, "threads": 2}, 3),
        ({"decoder_threads": 2, "threads": 8}, 2),
        ({"threads": 4}, 3),
        # One is the calling thread.
        ({"decoder_threads": 1}, 0),
        ({"threads": 2}, 0),
        ({"threads": 1}, 0),
    ],
    ids=str,
)
def test_as_many_decode_as_are_asked_for(
    options: dict[str, Any], expected: int, film: Callable[[int, int], Path]
) -> None:
    assert while_open(film(640, 360), **options) == expected


@pytest.mark.parametrize(("processors", "expected"), [(1, 0), (2, 2), (5, 5), (40, 16)])
def test_without_a_number_as_many_as_processors(
    processors: int, expected: int, film: Callable[[int, int], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("videobert.video.open.thread_limit", lambda asked: asked)
    monkeypatch.setattr(decoder_threads, "processors", lambda: processors)
    assert while_open(film(640, 360)) == expected


@pytest.mark.parametrize(
    ("size", "processors", "expected"),
    [((640, 360), 8, 2), ((1280, 720), 8, 8), ((960, 540), 8, 5), ((1280, 720), 5, 5), ((640, 360), 1, 0)],
)
def test_larger_pictures_have_more_of_what_was_found_with_smaller_ones(
    size: tuple[int, int],
    processors: int,
    expected: int,
    film: Callable[[int, int], Path],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("videobert.video.open.thread_limit", lambda asked: asked)
    monkeypatch.setattr(decoder_threads, "processors", lambda: processors)
    found = MeasuredThreads(threads=2, pixels=640 * 360)
    assert while_open(film(*size), decoder_threads=found) == expected


@pytest.mark.parametrize(("pixels", "expected"), [(1, 2), (100, 2), (101, 3), (400, 8), (10**9, 9)])
def test_threads_go_with_pixels(pixels: int, expected: int) -> None:
    assert MeasuredThreads(threads=2, pixels=100).of_picture(pixels, 9) == expected


def test_all_threads_are_all_for_any_picture() -> None:
    assert [MeasuredThreads(threads=9, pixels=100).of_picture(pixels, 9) for pixels in (1, 99, 101)] == [9, 9, 9]


@pytest.mark.parametrize("number", [1, 4, None])
def test_small_pictures_are_decoded_by_the_calling_thread(number: int | None, film: Callable[[int, int], Path]) -> None:
    assert while_open(film(638, 360), decoder_threads=number) == 0


def test_the_small_frames_of_shots_have_as_many(film: Callable[[int, int], Path]) -> None:
    before = decoding()
    found = []
    for number in (None, 1, 3):
        frames = small_frames(film(640, 360), RECIPE, limits=Limits(), decoder_threads=number)
        first = next(frames)
        if number is not None:
            assert decoding() - before == (0 if number == 1 else number)
        found.append([first, *frames])
    for others in found[1:]:
        assert [time for _, time in others] == [time for _, time in found[0]]
        assert all((a == b).all() for (a, _), (b, _) in zip(others, found[0], strict=True))


@pytest.mark.parametrize("stride", [1, 2])
def test_clips_are_the_same(stride: int, film: Callable[[int, int], Path]) -> None:
    found = []
    for number in (None, 1, 2, 5, MeasuredThreads(threads=1, pixels=640 * 180)):
        with open_clips(film(640, 360), RECIPE.replace(stride=stride), decoder_threads=number) as stream:
            found.append([(clip.start_s, clip.frames.tobytes()) for clip in stream])
    assert found[0]
    assert all(clips == found[0] for clips in found)


@pytest.mark.parametrize("asked", [0, -1, 17, True, 2.0, "2"])
def test_what_is_no_number_of_threads_is_refused(asked: Any, film: Callable[[int, int], Path]) -> None:
    with pytest.raises(UsageError, match=r"out of range; got .*; allowed: 1 to 16\. Leave it out"):
        open_clips(film(640, 360), RECIPE, decoder_threads=asked)


@pytest.mark.parametrize(
    ("threads", "clips", "most"),
    [(1, 1, 1), (2, 1, 1), (3, 1, 2), (17, 1, 16), (64, 1, 16), (4, 2, 1), (6, 2, 2), (2, 4, 1), (1024, 2, 16)],
)
def test_one_of_the_threads_of_a_clip_is_the_callers(threads: int, clips: int, most: int) -> None:
    assert check_decoder_threads(most, threads, clips=clips) == most
    with pytest.raises(UsageError) as caught:
        check_decoder_threads(most + 1, threads, clips=clips)
    assert caught.value.seen == most + 1
    assert str(caught.value.allowed).startswith("1 with " if most == 1 else f"1 to {most} with ")
    assert f"with {threads} thread" in str(caught.value.allowed)
    assert (f"{clips} clips" in str(caught.value.allowed)) == (clips > 1)
    assert "--threads" in str(caught.value.fix_cli)


@pytest.mark.parametrize("threads", [None, 4])
def test_the_command_line_hears_no_python(threads: int | None) -> None:
    with pytest.raises(UsageError) as caught:
        check_decoder_threads(17, threads, measurable=True)
    said = " ".join((caught.value.what, str(caught.value.allowed), str(caught.value.fix_cli)))
    for python in ("None", "decoder_threads", "threads="):
        assert python not in said


@pytest.mark.parametrize("threads", [None, 4])
def test_what_could_be_measured_is_told(threads: int | None) -> None:
    with pytest.raises(UsageError) as caught:
        check_decoder_threads(17, threads, measurable=True)
    assert ', or "measured"' in str(caught.value.allowed)


def test_none_is_left_to_the_decoder() -> None:
    assert (check_decoder_threads(None), check_decoder_threads(None, 1)) == (None, None)
