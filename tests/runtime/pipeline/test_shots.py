"""Where shots begin, in films spliced here: found beside a walk or in a reading of its own, whatever holds them."""

from __future__ import annotations

import dataclasses
import io
import threading
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import av
import numpy as np
import pytest
from tests.real_everyday import needs_everyday

from videobert.base.errors import Cancelled, InputError
from videobert.base.limits import Limits
from videobert.model.config import ShotsConfig
from videobert.model.folder import ModelFolder
from videobert.pipeline.open_video import open_video
from videobert.pipeline.opened import OpenedModel
from videobert.pipeline.request import Request
from videobert.pipeline.shots import ShotFinder, shot_bounds
from videobert.runtime import load
from videobert.video.source.frame_array import FrameArray

BUNNY = Path(__file__).parents[2] / "media" / "bigbuckbunny.mp4"
COUNTS = (40, 31, 60, 12)
FIRSTS = [40, 71, 131]
RATE = 25


def scene(seed: int, count: int, side: tuple[int, int] = (160, 90)) -> np.ndarray:
    """A thing that moves over a ground of patches."""
    random = np.random.default_rng(seed)
    width, height = side
    ground = random.integers(0, 256, (9, 16, 3), dtype=np.uint8).repeat(-(-height // 9), 0).repeat(-(-width // 16), 1)
    frames = ground[None, :height, :width].repeat(count, 0)
    for number, frame in enumerate(frames):
        frame[height // 3 : height // 2, (3 * number) % (width - 20) :][:, :20] = random.integers(0, 256, 3)
    return frames


def spliced(side: tuple[int, int] = (160, 90)) -> np.ndarray:
    return np.concatenate([scene(seed, count, side) for seed, count in enumerate(COUNTS)])


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory, factory: ModuleType) -> Path:
    frames = spliced()
    path = tmp_path_factory.mktemp("shots") / "film.mp4"
    return factory.write_clip(path, ticks=range(len(frames)), size=(160, 90), frames=frames)


class Network:
    """Sure of a cut where neighbouring frames differ."""

    calls = 0

    def __call__(self, stage: str, *, frames: np.ndarray) -> np.ndarray:
        self.calls += 1
        changes = np.abs(np.diff(frames[0].astype(int), axis=0)).mean((1, 2, 3)) > 20
        return np.append(np.where(changes, 9.0, -9.0), -9.0)[None].astype(np.float32)


@pytest.fixture(params=[None, "network", "network by turns"])
def opened(request: pytest.FixtureRequest, model_folder: Path) -> Iterator[Any]:
    """A model without a network for shots, with one, and with one where threads are limited."""
    engine: Any = SimpleNamespace(name="none", device="CPU", precision="fp32", parallel=1, close=lambda: None)
    threads = 1 if request.param == "network by turns" else None
    model = OpenedModel(ModelFolder(model_folder), engine, Limits(), threads=threads)
    if request.param:
        model.config = dataclasses.replace(model.config, shots=ShotsConfig())
        model.run = Network()  # type: ignore[assignment]
    yield model
    model.close()


def seconds(*firsts: int) -> list[float]:
    return [first / RATE for first in firsts]


def test_cuts_are_found_at_their_frames(opened: OpenedModel, film: Path) -> None:
    assert shot_bounds(opened, film, Request()) == seconds(*FIRSTS)


def test_it_does_not_matter_what_holds_the_film(opened: OpenedModel, film: Path) -> None:
    data = film.read_bytes()
    frames = spliced()
    sources = [data, io.BytesIO(data), FrameArray(frames, np.arange(len(frames)) / RATE)]
    for source in sources:
        assert shot_bounds(opened, source, Request()) == seconds(*FIRSTS)


def test_a_film_of_another_film_and_ours_has_its_cuts(opened: OpenedModel, tmp_path: Path, factory: ModuleType) -> None:
    with av.open(str(BUNNY)) as container:
        bunny = [frame.reformat(160, 90, "rgb24").to_ndarray() for frame in container.decode(video=0)]
    frames = [*bunny[:50], *scene(1, 30), *bunny[70:]]
    path = factory.write_clip(tmp_path / "film.mkv", ticks=range(len(frames)), size=(160, 90), frames=frames)
    assert shot_bounds(opened, path, Request()) == seconds(50, 80)
    assert shot_bounds(opened, BUNNY, Request()) == []


def test_a_wandering_clock_keeps_its_times(opened: OpenedModel, tmp_path: Path, factory: ModuleType) -> None:
    frames = spliced()
    ticks = np.cumsum(np.random.default_rng(0).integers(15, 60, len(frames))).tolist()
    path = factory.write_clip(
        tmp_path / "film.mkv", ticks=ticks, time_base=Fraction(1, 1000), size=(160, 90), frames=frames
    )
    assert shot_bounds(opened, path, Request()) == pytest.approx([ticks[first] / 1000 for first in FIRSTS])


@pytest.mark.parametrize("side", [(34, 18), (98, 250)])
def test_odd_sizes(opened: OpenedModel, tmp_path: Path, factory: ModuleType, side: tuple[int, int]) -> None:
    frames = spliced(side)
    path = factory.write_clip(tmp_path / "film.mkv", codec="ffv1", ticks=range(len(frames)), size=side, frames=frames)
    assert shot_bounds(opened, path, Request()) == seconds(*FIRSTS)


@pytest.mark.parametrize("count", [1, 2])
def test_a_film_of_one_shot_has_no_cut(opened: OpenedModel, count: int) -> None:
    assert shot_bounds(opened, FrameArray(scene(1, count), np.arange(count) / RATE), Request()) == []


def test_a_walk_that_decodes_all_finds_them_too(opened: OpenedModel, film: Path) -> None:
    with (
        ShotFinder(opened, Request()) as finder,
        open_video(opened, film, opened.recipe, Request(), finder.see) as clips,
    ):
        assert list(clips)
        assert finder.bounds() == seconds(*FIRSTS)
        assert finder.by == ("differences" if opened.config.shots is None else "transnet_v2")


def test_frames_from_an_iterator_are_seen_as_they_come(opened: OpenedModel) -> None:
    frames = ((frame, number / RATE) for number, frame in enumerate(spliced()))
    with (
        ShotFinder(opened, Request()) as finder,
        open_video(opened, frames, opened.recipe, Request(), finder.see) as clips,
    ):
        assert list(clips)
        assert finder.bounds() == seconds(*FIRSTS)


def test_frames_that_come_again_are_passed_over(opened: OpenedModel) -> None:
    frames = spliced()
    with ShotFinder(opened, Request()) as finder:
        for count in (50, len(frames)):
            for number, frame in enumerate(frames[:count]):
                finder.see(SimpleNamespace(picture=frame), Fraction(number, RATE))  # type: ignore[arg-type]
        assert finder.bounds() == seconds(*FIRSTS)


def test_a_walk_that_leaves_frames_out_says_so(opened: OpenedModel, tmp_path: Path, factory: ModuleType) -> None:
    path = factory.write_clip(tmp_path / "film.mp4", ticks=range(400), options={"bf": "0", "g": "10"})
    request = Request(stride=4)
    with (
        ShotFinder(opened, request) as finder,
        open_video(opened, path, opened.recipe_for(4), request, finder.see) as clips,
    ):
        assert list(clips)
        assert finder.bounds() is None


def test_clips_in_place_of_a_film_are_judged_by_what_changes(opened: OpenedModel) -> None:
    frames = spliced((96, 96))
    film = FrameArray(frames, np.arange(len(frames)) / RATE)
    with open_video(opened, film, opened.recipe, Request()) as clips, ShotFinder(opened, Request()) as finder:
        for clip in clips:
            finder.see_clip(clip)
        found = finder.bounds()
        assert finder.by == "differences"
    # The first frame of the new shot that the model samples: it takes ten a second.
    assert found is not None
    assert len(found) == 3
    for time, first in zip(found, FIRSTS, strict=True):
        assert 0 <= time - first / RATE < 0.1


def test_clips_with_gaps_say_that_nobody_looked(opened: OpenedModel, film: Path) -> None:
    with open_video(opened, film, opened.recipe_for(2), Request(stride=2)) as clips:
        given = list(clips)
    with ShotFinder(opened, Request()) as finder:
        for clip in given:
            finder.see_clip(clip)
        assert finder.bounds() is None


def test_a_cancelled_search_stops(opened: OpenedModel, film: Path) -> None:
    cancel = threading.Event()
    cancel.set()
    before = set(threading.enumerate())  # one of another test may end meanwhile
    with pytest.raises(Cancelled):
        shot_bounds(opened, film, Request(cancel=cancel))
    assert not set(threading.enumerate()) - before


def test_what_is_no_video_is_refused(opened: OpenedModel) -> None:
    with pytest.raises(InputError):
        shot_bounds(opened, np.zeros((3, 8, 8, 3), np.uint8), Request())


@needs_everyday
def test_the_real_network_finds_joins_at_their_frames_and_nothing_else() -> None:
    with av.open(str(BUNNY)) as container:
        bunny = np.stack([frame.reformat(160, 90, "rgb24").to_ndarray() for frame in container.decode(video=0)])
    # A film with itself turned over, and scenes that are drawn.
    frames = np.concatenate([bunny[:70], bunny[10:60, ::-1, ::-1], bunny[60:], scene(5, 40)])
    film = FrameArray(frames, np.arange(len(frames)) / RATE)
    with load("everyday") as model, model._lifetime.using() as opened:
        assert ShotFinder(opened, Request()).by == "transnet_v2"
        assert shot_bounds(opened, BUNNY, Request()) == []
        assert shot_bounds(opened, film, Request()) == seconds(70, 120, 192)
