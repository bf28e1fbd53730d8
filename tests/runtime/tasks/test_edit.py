"""`Runtime.edit`: spans by hand, and texts where `locate` finds them."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import pytest
from tests.real_everyday import needs_everyday
from tests.runtime.editing.film_factory import numbers_of, write_film

import videobert
from videobert.base.errors import InputError, UsageError
from videobert.results.locate import Hit, Located
from videobert.runtime import Runtime


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Eight seconds."""
    return write_film(tmp_path_factory.mktemp("film") / "film.mp4", frames=200, options={"bf": "2"})


def frames(plan: videobert.EditPlan) -> list[tuple[int, int]]:
    return [(span.first_frame, span.first_frame + span.frames) for span in plan.spans]


def test_spans_by_hand(model: Runtime, film: Path, tmp_path: Path) -> None:
    plan = model.edit(film, keep=[(4.0, 6.0), (1.01, 2.0), (1.5, 3.0)], remove=[(5, 5.2)], seconds=3.5)
    # In the film's order, overlaps once, bounds at the nearest frames; the first parts fit whole.
    assert frames(plan) == [(25, 75), (100, 125), (130, 142)]
    assert plan.duration_s == pytest.approx(3.48)
    assert [span.why for span in plan.spans] == ["by hand"] * 3
    assert (plan.percentile, plan.out_of_domain, plan.sought) == (None, False, ())
    assert plan.origin.model == model.config.name
    cut = videobert.write_film(film, plan, tmp_path / "cut.mp4")
    assert numbers_of(tmp_path / "cut.mp4") == [n for first, end in frames(plan) for n in range(first, end)]
    assert cut.frames == sum(end - first for first, end in frames(plan))


def test_times_that_an_instruction_names_are_told(model: Runtime, film: Path) -> None:
    plan = model.edit(film, "bring the last 3 seconds to the front")
    assert [span.why for span in plan.spans] == ["the last 3 s", "not cut out"]


HITS = {"goal": ((4.0, 6.0, 0.9), (1.0, 2.0, 0.8)), "talking": ((0.5, 1.5, 0.7),), "nothing": ()}


@pytest.fixture
def located(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Hits that are known, in place of those that the small model, which was never trained, would find."""
    asked: list[str] = []

    def locate(opened: Any, video: Any, text: str, *_: Any) -> Located:
        asked.append(f"{text} in {type(video).__name__}")
        return Located(
            text=text,
            hits=tuple(Hit(start_s=a, end_s=b, score=score, fit=score) for a, b, score in HITS[text]),
            method="meaning",
            calibrated=True,
            percentile=99.0,
            out_of_domain=True,
            origin=opened.origin(),
        )

    monkeypatch.setattr("videobert.tasks.edit.locate", locate)
    return asked


@pytest.mark.parametrize(
    ("instruction", "expected"),
    [
        ("keep only the parts with goal", [(25, 50), (100, 150)]),
        ("cut out the talking", [(0, 12), (37, 200)]),
        ("bring the goal to the front", [(100, 150), (0, 100), (150, 200)]),
        ("keep all goal and cut out the talking, then at most 2 seconds", [(100, 150)]),
        ("cut out the nothing", [(0, 200)]),
    ],
)
def test_texts(model: Runtime, film: Path, located: list[str], instruction: str, expected: Any) -> None:
    plan = model.edit(film, instruction)
    assert frames(plan) == expected
    assert plan.instruction == instruction
    # Of several texts the film is watched once, and what was seen of it is asked.
    assert all(asked.endswith("VideoFeatures") for asked in located) == (len(located) > 1)
    assert (plan.percentile, plan.out_of_domain) == (99.0, True)
    assert {each.text: len(each.stretches) for each in plan.sought} == {
        asked.split(" in ")[0]: len(HITS[asked.split(" in ")[0]]) for asked in located
    }


def test_a_text_that_is_nowhere(model: Runtime, film: Path, located: list[str]) -> None:
    with pytest.raises(InputError, match="nothing is left of the film"):
        model.edit(film, "keep the nothing")


def test_bytes_and_files(model: Runtime, film: Path, located: list[str]) -> None:
    data = film.read_bytes()
    assert frames(model.edit(data, "keep the goal")) == [(25, 50), (100, 150)]
    with open(film, "rb") as file:
        assert frames(model.edit(file, "keep the goal")) == [(25, 50), (100, 150)]


@pytest.mark.parametrize(
    ("arguments", "error", "match"),
    [
        ({}, UsageError, "nothing to do"),
        ({"instruction": "make it nicer"}, UsageError, "cannot be understood"),
        ({"instruction": 5}, UsageError, "cannot be understood"),
        ({"keep": []}, UsageError, "no span"),
        ({"keep": [(2, 1)]}, UsageError, "reversed"),
        ({"keep": [(1, 1)]}, UsageError, "empty"),
        ({"keep": [(1, 100)]}, InputError, "outside"),
        ({"keep": 5}, UsageError, "list of spans"),
        ({"keep": [("1", "2")]}, UsageError, "list of spans"),
        ({"remove": [(0, 8)]}, InputError, "nothing is left"),
        ({"instruction": "keep 9 to 12 s"}, InputError, "outside"),
        ({"seconds": 0}, UsageError, "out of range"),
        ({"seconds": float("nan")}, UsageError, "out of range"),
        ({"seconds": 0.01}, InputError, "nothing is left"),
    ],
)
def test_bad_input(model: Runtime, film: Path, arguments: dict[str, Any], error: type[Exception], match: str) -> None:
    with pytest.raises(error, match=match):
        model.edit(film, **arguments)


def test_what_is_no_film(model: Runtime, make_video: Any) -> None:
    for video in (make_video(10, 1), iter([]), 5):
        with pytest.raises(InputError, match="cannot be cut"):
            model.edit(video, seconds=1)


@needs_everyday
def test_a_sentence_on_real_film(tmp_path: Path) -> None:
    """A street between two pieces of an animated film: the parts where someone drives are the street's."""
    media = Path(__file__).parents[2] / "media"
    lengths: list[int] = []
    film = tmp_path / "film.mp4"
    with av.open(str(film), "w") as output:
        stream = output.add_stream("libx264", rate=25, options={"crf": "20", "preset": "fast"})
        stream.width, stream.height, stream.pix_fmt = 320, 180, "yuv420p"
        for name in ("bigbuckbunny.mp4", "driving_car.mp4", "bigbuckbunny.mp4"):
            with av.open(str(media / name)) as clip:
                # The street comes at half the rate.
                times = 2 if name == "driving_car.mp4" else 1
                decoded = [frame.reformat(320, 180, "yuv420p").to_ndarray() for frame in clip.decode(video=0)]
            pictures = [av.VideoFrame.from_ndarray(each, "yuv420p") for each in decoded for _ in range(times)]
            for number, picture in enumerate(pictures, sum(lengths)):
                picture.pts, picture.time_base = number, Fraction(1, 25)
                output.mux(stream.encode(picture))
            lengths.append(len(pictures))
        output.mux(stream.encode(None))
    with videobert.load("everyday", precision="fp32") as model:
        plan = model.edit(film, "keep only the parts where someone is driving a car")
    kept = {n for first, end in frames(plan) for n in range(first, end)}
    wanted = set(range(lengths[0], lengths[0] + lengths[1]))
    assert len(kept & wanted) / len(kept | wanted) >= 0.5
