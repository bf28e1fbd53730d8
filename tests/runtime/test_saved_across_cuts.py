"""What was saved of a video with cuts answers as the video does."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.small_conse import film, open_small_conse

from videobert.model.folder import bundled_names, find
from videobert.results.as_json import to_json
from videobert.runtime import Runtime, load
from videobert.visual.tokens import VisualTokens
from videobert.visual.video_features import VideoFeatures

# As the small model names the channels: cuts lie inside clips, which begin every 1.5 s.
RED, BLUE, GREEN, DARK = (220, 10, 10), (10, 220, 10), (10, 10, 220), (4, 4, 4)
FILM = film(RED, BLUE, DARK, GREEN, RED, seconds=4.0)


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Runtime]:
    with open_small_conse(tmp_path_factory.mktemp("model")) as opened:
        yield opened


@pytest.fixture(scope="module", params=["vbt", "vbf"])
def saved(model: Runtime, request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("saved") / f"film.{request.param}"
    (model.tokens(FILM) if request.param == "vbt" else model.features(FILM)).save(path)
    return path


# What each says, and when; scores are of other clips and differ a little.
ASKED: dict[str, Callable[[Runtime, Any], Any]] = {
    "events": lambda model, video: [
        (each.start_s, each.end_s, each.label) for each in model.events(video, question="colour")
    ],
    "unsure": lambda model, video: [
        (each.start_s, each.end_s) for each in model.events(video, question="colour").unsure
    ],
    "changes": lambda model, video: model.events(video, question="colour").changes_s,
    "cuts": lambda model, video: model.events(video, question="colour").cuts_s,
    "shots": lambda model, video: model.run(video).shots,
    "segments": lambda model, video: [(each.start_s, each.end_s) for each in model.run(video).segments],
}


@pytest.mark.parametrize("verb", ASKED)
def test_saved_answers_are_those_of_the_video(model: Runtime, saved: Path, verb: str) -> None:
    wanted, found = ASKED[verb](model, FILM), ASKED[verb](model, saved)
    assert wanted
    assert found == wanted


def test_captions_are_those_of_the_video(model: Runtime) -> None:
    wanted, found = model.caption(FILM), model.caption(model.features(FILM))
    assert [(c.start_s, c.end_s, c.text, c.unsure) for c in found] == [
        (c.start_s, c.end_s, c.text, c.unsure) for c in wanted
    ]
    assert not found.cuts_unknown


def test_locate_finds_what_it_finds_in_the_video(model: Runtime, saved: Path) -> None:
    wanted, found = (model.locate(video, "a blue square") for video in (FILM, saved))
    assert [(hit.start_s, hit.end_s, hit.unsure) for hit in found] == [
        (hit.start_s, hit.end_s, hit.unsure) for hit in wanted
    ]
    # Of features all is known that is known of the video, but for the rounding of the file.
    assert [hit.fit for hit in found] == pytest.approx([hit.fit for hit in wanted], abs=2e-2)


def test_files_that_know_no_cuts_say_so(model: Runtime) -> None:
    tokens = dataclasses.replace(model.tokens(FILM), cuts_s=None)
    features = dataclasses.replace(model.features(FILM), cuts_s=None)
    given: tuple[VisualTokens | VideoFeatures, ...] = (tokens, features)
    for each in given:
        for found in (model.locate(each, "a blue square"), model.caption(each), model.events(each)):
            assert found.cuts_unknown
        assert to_json(model.locate(each, "a blue square"))["cuts_unknown"] is True
    assert "cuts_unknown" not in to_json(model.locate(FILM, "a blue square"))


def test_a_joint_encoder_is_told_cuts_where_it_is_told_those_of_a_video() -> None:
    if "shapes" not in bundled_names():
        pytest.skip("this checkout carries no bundled model")
    clip = find("shapes") / "clip.mp4"
    with load("shapes") as model:
        tokens, features = model.tokens(clip), model.features(clip)
        assert tokens.cuts_s is not None
        for given in (tokens, features):
            assert model.events(given).cuts_s == model.events(clip).cuts_s
            # It knows no shots where it looks for a text or reports, of a video or of what was saved of one.
            assert model.locate(given, "a blue circle").hits == model.locate(clip, "a blue circle").hits
            assert model.run(given).shots == model.run(clip).shots == ()
        assert [(e.start_s, e.end_s, e.label) for e in model.events(tokens)] == [
            (e.start_s, e.end_s, e.label) for e in model.events(clip)
        ]
