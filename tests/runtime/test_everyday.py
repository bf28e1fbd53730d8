"""The real model `everyday` on real film. It is third-party weights: where nobody has got it, nothing here can run."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import av
import numpy as np
import pytest
from tests.real_everyday import needs_everyday

from videobert.base.errors import ModelError
from videobert.results.classify import NONE_OF_THESE
from videobert.runtime import Runtime, load
from videobert.video.source.frame_array import FrameArray

sys.path.append(str(Path(__file__).parents[2] / "benchmarks" / "everyday"))

from joined_films import write_joined

pytestmark = needs_everyday

MEDIA = Path(__file__).parents[1] / "media"
STREET, FILM = MEDIA / "driving_car.mp4", MEDIA / "bigbuckbunny.mp4"


@pytest.fixture(scope="module")
def model() -> Iterator[Runtime]:
    with load("everyday", precision="fp32") as opened:
        yield opened


def frames_of(path: Path, count: int) -> list[np.ndarray]:
    with av.open(str(path)) as container:
        frames = [frame.to_ndarray(format="rgb24", width=320, height=180) for frame in container.decode(video=0)]
    return frames[:count]


def test_the_first_question_is_the_action(model: Runtime) -> None:
    name, question = next(iter(model.config.questions.items()))
    assert (name, len(question.labels), question.answered_by) == ("action", 400, "features")
    assert model.config.family == "conse"
    assert model.config.backbone.kind == "i3d"


def test_an_action_is_named(model: Runtime) -> None:
    report = model.run(STREET)
    assert report.segments[0].answers["action"][0].text == "driving car"
    assert report.segments[0].answers["action"][0].score > 0.8
    assert "action" not in report.segments[0].unsure
    assert report.percentile is None


def test_what_is_no_action_is_left_open(model: Runtime) -> None:
    """An animated film shows none of the 400 actions, however probable one seems."""
    report = model.run(FILM)
    assert all("action" in segment.unsure for segment in report.segments)


def test_plain_english_finds_the_right_film(model: Runtime) -> None:
    street, film = model.embed(STREET), model.embed(FILM)
    assert street.comparable
    assert film.comparable
    for query in ("a car on a road", "someone drives an automobile down the street", "traffic"):
        text = model.embed(text=query).vector
        assert float(street.vector @ text) > float(film.vector @ text)
    assert model.align(STREET, "a person is driving a car").score > 0.5 > model.align(STREET, "baking a cake").score


def test_labels_of_ones_own(model: Runtime) -> None:
    found = model.classify(STREET, ["driving a car", "cooking", "playing music"]).segments[0]
    assert found.text == "driving a car"
    nothing = model.classify(STREET, ["cooking", "playing the violin"]).segments[0]
    assert nothing.text == NONE_OF_THESE


def test_tokens_and_features_say_the_same(model: Runtime, tmp_path: Path) -> None:
    tokens = model.tokens(STREET)
    tokens.save(tmp_path / "street.vbt")
    assert (tmp_path / "street.vbt").stat().st_size < 1000
    labels = model.config.questions["action"].labels
    assert labels[tokens.ids[0]] == "driving car"
    model.features(STREET).save(tmp_path / "street.vbf")
    for saved in (tmp_path / "street.vbt", tmp_path / "street.vbf"):
        assert model.run(saved).segments[0].answers["action"][0].text == "driving car"
        assert model.classify(saved, ["driving a car", "cooking"]).segments[0].text == "driving a car"


def test_the_nearest_centroid_is_the_classifiers_first_label(model: Runtime) -> None:
    random = np.random.default_rng(0)
    # As features are: not negative, and sparse.
    features = np.maximum(random.standard_normal((3000, 1024)) * 0.6 - 0.4, 0).astype(np.float32)
    ids, _ = model._opened.assign(features)
    said = model._opened.feature_classifiers["action"].judge(features).probabilities
    assert (ids == said.argmax(axis=1)).all()


def test_a_cut_is_found_at_its_frame(model: Runtime) -> None:
    """Forty pictures of one film, then forty of the other, at 25 pictures a second."""
    frames = np.stack([*frames_of(FILM, 40), *frames_of(STREET, 40)])
    report = model.run(FrameArray(frames, np.arange(len(frames)) / 25))
    assert report.shots_by == "transnet_v2"
    assert [shot.start_s for shot in report.shots] == [0.0, pytest.approx(40 / 25)]


def test_it_says_what_it_cannot_do(model: Runtime) -> None:
    with pytest.raises(ModelError, match="cannot fill in words") as refused:
        model.fill("a [MASK] on a road", STREET)
    assert "shapes" in str(refused.value.fix)


def test_events_and_captions_of_a_film_of_both(model: Runtime, tmp_path: Path) -> None:
    joined = write_joined([FILM, STREET], tmp_path / "both.mp4")
    saved = model.features(STREET)
    captions = model.caption(saved)
    assert captions.segments[0].text == "Someone is driving a car."
    found = model.events(joined.path, question="action")
    (street,) = [event for event in found if event.label == "driving car"][:1]
    assert street.start_s == pytest.approx(joined.span("driving_car").start_s, abs=0.1)
    assert street.score > 0.5
    assert [event.label for event in found if event.start_s < joined.span("driving_car").start_s] == []
    assert found.unsure[0].start_s == 0.0
