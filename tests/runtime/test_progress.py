"""Every verb tells how far it is: never back, never beyond the whole, and at the end all of it."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.runtime.editing.film_factory import write_film
from tests.small_conse import film as scenes
from tests.small_model import mp4

from videobert.model.folder import bundled_names
from videobert.runtime import Runtime, load
from videobert.video.source.frame_array import FrameArray

if "shapes" not in bundled_names():
    pytest.skip("this checkout carries no bundled model", allow_module_level=True)

Ask = Callable[[Runtime, Any, dict[str, Any]], object]
# How each verb is asked about a video; `model.each` asks these.
VERBS: dict[str, Ask] = {
    "tokens": lambda model, video, told: model.tokens(video, **told),
    "features": lambda model, video, told: model.features(video, **told),
    "embed": lambda model, video, told: model.embed(video, **told),
    "fill": lambda model, video, told: model.fill("a [MASK] square", video, **told),
    "classify": lambda model, video, told: model.classify(video, question="colour", **told),
    "align": lambda model, video, told: model.align(video, "a red circle", **told),
    "caption": lambda model, video, told: model.caption(video, **told),
    "answer": lambda model, video, told: model.answer(video, "is there a red heart?", **told),
    "events": lambda model, video, told: model.events(video, **told),
    "forecast": lambda model, video, told: model.forecast(video, **told),
    "locate": lambda model, video, told: model.locate(video, "a red circle", **told),
    "summarize": lambda model, video, told: model.summarize(video, **told),
    "sentiment": lambda model, video, told: model.sentiment(video, **told),
    "run": lambda model, video, told: model.run(video, **told),
    "stream": lambda model, video, told: list(model.stream(video, **told)),
    "edit": lambda model, video, told: model.edit(video, "cut out a red circle", **told),
    "edit by two texts": lambda model, video, told: model.edit(video, "cut out red and a blue star", **told),
    "edit by hand": lambda model, video, told: model.edit(video, keep=[(0.5, 2.0)], **told),
}
OF_FILES: dict[str, Ask] = {
    "index": lambda model, place, told: model.index(place / "film.mp4", place / "new", **told),
    "search": lambda model, place, told: model.search(place / "film.mp4", place / "index", **told),
}


@pytest.fixture(scope="module")
def model() -> Iterator[Runtime]:
    with load("shapes") as opened:
        yield opened


@pytest.fixture(scope="module")
def place(model: Runtime, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A film that ends inside a clip and inside a sample: 5.48 s, 25 frames a second, samples of 1/20 s."""
    folder = tmp_path_factory.mktemp("progress")
    write_film(folder / "film.mp4", frames=137, options={"bf": "2"})
    model.index(folder / "film.mp4", folder / "index")
    return folder


def told_by(ask: Ask, model: Runtime, video: Any) -> list[tuple[float, float | None]]:
    told: list[tuple[float, float | None]] = []
    ask(model, video, {"on_progress": lambda done_s, total_s: told.append((done_s, total_s))})
    return told


def check(told: list[tuple[float, float | None]], length_s: float) -> None:
    assert len(told) >= 2
    done = [done_s for done_s, _ in told]
    assert all(a <= b for a, b in itertools.pairwise(done)), done
    assert all(done_s <= total_s + 1e-9 for done_s, total_s in told if total_s is not None), told
    assert done[0] >= 0
    assert done[-1] == pytest.approx(length_s)


@pytest.mark.parametrize("verb", VERBS)
def test_a_verb_tells_how_far_it_is(model: Runtime, place: Path, verb: str) -> None:
    check(told_by(VERBS[verb], model, place / "film.mp4"), 5.48)


@pytest.mark.parametrize("verb", OF_FILES)
def test_a_verb_on_files_tells_how_far_it_is(model: Runtime, place: Path, verb: str) -> None:
    check(told_by(OF_FILES[verb], model, place), 5.48)


@pytest.mark.parametrize("verb", ["caption", "events", "run"])
def test_frames_whose_length_nobody_knows_before(model: Runtime, verb: str) -> None:
    frames = scenes((200, 0, 0), (0, 200, 0), seconds=1.33, fps=30)
    given = ((frame, float(time_s)) for frame, time_s in zip(frames.frames, frames.times_s, strict=True))
    told = told_by(VERBS[verb], model, given)
    assert all(total_s is None for _, total_s in told)
    # What was told of the last sample stands, though the video ends inside it.
    check(told, told[-1][0])
    assert told[-1][0] == pytest.approx(len(frames.frames) / 30, abs=0.05)


def test_the_verbs_are_all_that_read_a_video() -> None:
    asked = {verb.split(" ")[0] for verb in (*VERBS, *OF_FILES)}
    public = {name for name in dir(Runtime) if not name.startswith("_") and callable(getattr(Runtime, name))}
    assert public - asked == {"each", "warmup", "close"}


def test_a_film_of_many_packets_is_told_while_they_are_read(model: Runtime, tmp_path: Path) -> None:
    picture = np.zeros((700, 64, 64, 3), np.uint8)
    path = tmp_path / "long.mp4"
    path.write_bytes(mp4(FrameArray(picture, np.arange(700) / 10)))
    told = told_by(VERBS["edit by hand"], model, path)
    assert len(told) >= 3
    check(told, 70.0)
