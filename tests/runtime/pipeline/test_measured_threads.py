"""How many threads decode beside a model: the fastest number is found, told, and remembered for this model alone."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from videobert import Runtime, load
from videobert.base.others_share import OthersShare
from videobert.engines.compiled_cache import CompiledCache
from videobert.pipeline import measured_threads as measuring
from videobert.pipeline.measured_threads import measured_threads
from videobert.pipeline.opened import OpenedModel
from videobert.video.decoders import decoder_threads
from videobert.video.decoders.decoder_threads import MeasuredThreads
from videobert.video.info import VideoInfo
from videobert.video.open import open_clips
from videobert.video.stream import ClipStream

FILM = measuring._FILM


@pytest.fixture
def opened(model: Runtime, monkeypatch: pytest.MonkeyPatch) -> OpenedModel:
    """A model on a machine of eight processors."""
    monkeypatch.setattr(decoder_threads, "processors", lambda: 8)
    monkeypatch.setattr(measuring, "processors", lambda: 8)
    monkeypatch.setattr(OthersShare, "found", lambda self: 0.0)
    return model._opened


@pytest.fixture
def planted(monkeypatch: pytest.MonkeyPatch) -> dict[int, list[float]]:
    """Seconds of each round by number of threads; every reading of them is counted under 0."""
    seconds: dict[int, list[float]] = {8: [1.0] * 3, 4: [1.0] * 3, 2: [1.0] * 3, 1: [1.0] * 3, 0: []}

    def read(opened: OpenedModel, numbers: Sequence[int]) -> dict[int, list[float]]:
        seconds[0].append(0.0)
        return {number: seconds[number] for number in numbers}

    monkeypatch.setattr(measuring, "_seconds", read)
    return seconds


@pytest.mark.parametrize(
    ("times", "expected"),
    [
        ({}, 8),
        ({4: [0.9, 0.9, 0.9]}, 4),
        ({4: [0.9, 0.9, 0.9], 1: [0.8, 0.8, 0.8]}, 1),
        ({4: [0.8, 0.8, 0.8], 1: [0.9, 0.9, 0.9]}, 4),
        # Not by enough to be no noise.
        ({2: [0.96, 0.96, 0.96]}, 8),
        # Not each time.
        ({2: [0.5, 0.5, 1.01]}, 8),
        ({2: [2.0, 2.0, 2.0]}, 8),
        # The machine became slower meanwhile: a round is held to itself.
        ({8: [1.0, 2.0, 4.0], 2: [0.9, 1.8, 3.6]}, 2),
    ],
    ids=str,
)
def test_fewer_are_taken_where_they_are_clearly_faster(
    times: dict[int, list[float]],
    expected: int,
    opened: OpenedModel,
    planted: dict[int, list[float]],
    tmp_path: Path,
) -> None:
    planted.update(times)
    assert measured_threads(opened, tmp_path) == MeasuredThreads(threads=expected, pixels=854 * 480)


def test_what_was_found_is_remembered(opened: OpenedModel, planted: dict[int, list[float]], tmp_path: Path) -> None:
    planted[2] = [0.5, 0.5, 0.5]
    first = measured_threads(opened, tmp_path)
    planted[2] = [2.0, 2.0, 2.0]
    assert measured_threads(opened, tmp_path) == first == MeasuredThreads(threads=2, pixels=854 * 480)
    assert len(planted[0]) == 1


def test_that_all_are_fastest_is_remembered_too(
    opened: OpenedModel, planted: dict[int, list[float]], tmp_path: Path
) -> None:
    assert measured_threads(opened, tmp_path) == MeasuredThreads(threads=8, pixels=854 * 480)
    planted[2] = [0.5, 0.5, 0.5]
    assert measured_threads(opened, tmp_path) == MeasuredThreads(threads=8, pixels=854 * 480)
    assert len(planted[0]) == 1


@pytest.mark.parametrize(
    ("shares", "tried", "expected"),
    [
        ([0.04], 1, MeasuredThreads(threads=2, pixels=854 * 480)),
        ([None], 1, MeasuredThreads(threads=2, pixels=854 * 480)),
        ([0.5, 0.06, 0.05], 3, MeasuredThreads(threads=2, pixels=854 * 480)),
        ([0.5, 0.5, 0.5], 3, MeasuredThreads(threads=8, pixels=854 * 480, quiet=False)),
    ],
    ids=str,
)
def test_what_holds_beside_other_work_is_not_chosen(
    shares: list[float | None],
    tried: int,
    expected: MeasuredThreads,
    opened: OpenedModel,
    planted: dict[int, list[float]],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    planted[2] = [0.5, 0.5, 0.5]
    left = iter(shares)
    monkeypatch.setattr(OthersShare, "found", lambda self: next(left))
    assert measured_threads(opened, tmp_path) == expected
    assert len(planted[0]) == tried
    # Nor is it remembered.
    monkeypatch.setattr(OthersShare, "found", lambda self: 0.0)
    assert measured_threads(opened, tmp_path) == MeasuredThreads(threads=2, pixels=854 * 480)
    assert len(planted[0]) == (tried if expected.quiet else tried + 1)


@pytest.mark.parametrize("other", ["precision", "engine", "weights", "processors", "cpu", "threads", "av"])
def test_something_else_is_measured_anew(
    other: str,
    opened: OpenedModel,
    planted: dict[int, list[float]],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    measured_threads(opened, tmp_path)
    if other in ("precision", "engine", "weights"):
        origin = dataclasses.replace(opened.origin(), **{other: "another"})
        monkeypatch.setattr(opened, "origin", lambda: origin)
    elif other == "processors":
        monkeypatch.setattr(measuring, "processors", lambda: 9)
    elif other == "cpu":
        monkeypatch.setattr(measuring, "cpu_name", lambda: "another")
    elif other == "threads":
        monkeypatch.setattr(opened, "threads", 9)
    else:
        monkeypatch.setattr(measuring.av, "__version__", "another")
    measured_threads(opened, tmp_path)
    assert len(planted[0]) == 2


@pytest.mark.parametrize("content", [b"", b"3", b"16", b"0", b"true", b'"2"', b"[2]", b"{", b"\xff", b"2.0", b"NaN"])
def test_a_memory_that_makes_no_sense_is_none(
    content: bytes, opened: OpenedModel, planted: dict[int, list[float]], tmp_path: Path
) -> None:
    CompiledCache(tmp_path).put(measuring._key(opened, 8), content)
    planted[1] = [0.5, 0.5, 0.5]
    assert measured_threads(opened, tmp_path) == MeasuredThreads(threads=1, pixels=854 * 480)
    CompiledCache(tmp_path).put(measuring._key(opened, 8), b"4")
    assert measured_threads(opened, tmp_path) == MeasuredThreads(threads=4, pixels=854 * 480)


@pytest.mark.parametrize("why", ["one thread", "no visual half", "decoded on a GPU"])
def test_nothing_is_tried_where_nothing_can_be_chosen(
    why: str,
    opened: OpenedModel,
    planted: dict[int, list[float]],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    planted[1] = [0.1, 0.1, 0.1]
    if why == "one thread":
        monkeypatch.setattr(opened, "threads", 2)
    elif why == "no visual half":
        monkeypatch.setattr(OpenedModel, "sees", False)
    else:
        monkeypatch.setattr(opened, "decode_on", "cuda")
    assert measured_threads(opened, tmp_path) is None
    assert planted[0] == []


def test_the_film_is_of_the_size_that_is_told() -> None:
    with load("shapes") as shapes, open_clips(FILM, shapes.recipe) as clips:
        assert isinstance(clips.info, VideoInfo)
        assert clips.info.width * clips.info.height == measuring._PIXELS


def test_each_number_is_tried_in_turns_on_the_whole_film(
    model: Runtime, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened, tried = model._opened, []

    def watched(*arguments: Any, **options: Any) -> ClipStream:
        tried.append(options["decoder_threads"])
        return open_clips(*arguments, **options)

    monkeypatch.setattr(measuring, "open_clips", watched)
    monkeypatch.setattr(opened, "threads", 4)
    monkeypatch.setattr(OthersShare, "found", lambda self: 0.0)
    found = measured_threads(opened, tmp_path)
    assert tried == [3, 1] * 4
    assert found in (MeasuredThreads(threads=number, pixels=854 * 480) for number in (1, 3))
    assert measured_threads(opened, tmp_path) == found
    assert len(tried) == 8
