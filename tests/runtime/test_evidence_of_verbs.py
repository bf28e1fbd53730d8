"""Evidence of every verb: the clip that carries the answer is named first, and nothing is said unless asked for."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.small_conse import CONFIG, film, open_small_conse
from tests.small_model import mp4

from videobert.base.errors import UsageError
from videobert.model.questions import QuestionConfig
from videobert.results.as_json import to_json
from videobert.results.evidence import Evidence, weightiest
from videobert.runtime import Runtime
from videobert.visual.video_features import VideoFeatures

# Red by a little, and red for certain.
WEAK, STRONG = (150, 130, 10), (250, 10, 10)
PLANTED = (3.0, 4.5)
MOOD = QuestionConfig(labels=("happy", "sad"), answered_by="groups", of="colour", groups=((0,), (1, 2)))
FITS = "a red square"

Clips = Sequence[Evidence]


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Runtime]:
    folder = tmp_path_factory.mktemp("model")
    with open_small_conse(folder, window_clips=5, questions=CONFIG.questions | {"mood": MOOD}) as opened:
        yield opened


@pytest.fixture(scope="module")
def video(model: Runtime) -> VideoFeatures:
    """Five clips in one shot, of which the third is red for certain."""
    seen = model.features(film(WEAK, WEAK, STRONG, WEAK, WEAK, seconds=1.5))
    return dataclasses.replace(seen, cuts_s=np.zeros(0))


@pytest.fixture(scope="module")
def index(model: Runtime, video: VideoFeatures, tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("index")
    video.save(place / "film.vbf")
    model.index(place / "film.vbf", place / "made")
    return place / "made"


ASKED: dict[str, Callable[[Runtime, VideoFeatures, bool], Any]] = {
    "answer": lambda model, video, e: model.answer(video, "is there a red square?", span=(0, 7.5), evidence=e),
    "locate": lambda model, video, e: model.locate(video, FITS, evidence=e),
    "classify": lambda model, video, e: model.classify(video, question="colour", evidence=e),
    "sentiment": lambda model, video, e: model.sentiment(video, evidence=e),
    "events of a question": lambda model, video, e: model.events(video, question="colour", at_least=0.1, evidence=e),
    "events of labels": lambda model, video, e: model.events(video, labels=["red", "blue"], at_least=0.1, evidence=e),
    "caption": lambda model, video, e: model.caption(video, evidence=e),
    "caption of a span": lambda model, video, e: model.caption(video, span=(0, 7.5), evidence=e),
    "align": lambda model, video, e: model.align(video, FITS, evidence=e),
    "summarize by a text": lambda model, video, e: model.summarize(video, seconds=8, text=FITS, evidence=e),
    "run": lambda model, video, e: model.run(video, evidence=e),
}


def clips_of(found: Any) -> Clips:
    """The first evidence anywhere in an answer, in its order."""
    if isinstance(found, tuple) and found and isinstance(found[0], Evidence):
        return found
    if dataclasses.is_dataclass(found) and not isinstance(found, type):
        found = [getattr(found, field.name) for field in dataclasses.fields(found)]
    elif isinstance(found, dict):
        found = list(found.values())
    if isinstance(found, (list, tuple)):
        return next((clips for each in found if (clips := clips_of(each))), ())
    return ()


@pytest.mark.parametrize("verb", ASKED)
def test_the_clip_that_carries_the_answer_is_named_first(model: Runtime, video: VideoFeatures, verb: str) -> None:
    clips = clips_of(ASKED[verb](model, video, True))
    first = weightiest(clips)
    assert (first.start_s, first.end_s) == PLANTED
    assert first.drop > 0
    if len(clips) > 1:
        assert first.drop > 2 * max(clip.drop for clip in clips if clip is not first)


@pytest.mark.parametrize("verb", ASKED)
def test_nothing_is_said_that_nobody_asked_for(model: Runtime, video: VideoFeatures, verb: str) -> None:
    plain, asked = (ASKED[verb](model, video, wanted) for wanted in (False, True))
    assert clips_of(plain) == ()
    if verb not in ("answer", "locate"):
        assert '"evidence"' not in repr(to_json(plain)).replace("'", '"')
    assert '"evidence"' in repr(to_json(asked)).replace("'", '"')


def test_of_events_that_overlap_each_has_its_own(model: Runtime, video: VideoFeatures) -> None:
    found = model.events(video, labels=["red", "blue"], at_least=0.05, evidence=True)
    assert {event.label for event in found} >= {"red"}
    for event in found:
        inside = [clip for clip in event.evidence if event.start_s <= clip.start_s and clip.end_s <= event.end_s]
        assert list(event.evidence) == inside != []


def test_the_drop_of_an_event_is_what_its_mean_loses(model: Runtime, video: VideoFeatures) -> None:
    (event,) = [each for each in model.events(video, question="colour", at_least=0.1, evidence=True)]
    alone = model.classify(video, question="colour", window_clips=1).segments
    red = np.array([next(c.score for c in each.candidates if c.text == "red") for each in alone])
    assert event.score == pytest.approx(red.mean(), abs=1e-6)
    wanted = [red.mean() - np.delete(red, place).mean() for place in range(5)]
    assert [clip.drop for clip in event.evidence] == pytest.approx(wanted, abs=1e-6)


def test_the_drop_of_a_segment_is_what_its_mean_loses(model: Runtime, video: VideoFeatures) -> None:
    (segment,) = model.run(video, evidence=True).segments
    (event,) = model.events(video, question="colour", at_least=0.1, evidence=True)
    assert [clip.drop for clip in segment.evidence["colour"]] == pytest.approx(
        [c.drop for c in event.evidence], abs=1e-6
    )
    assert set(segment.evidence) == set(segment.answers)
    with model.stream(video, evidence=True) as stream:
        assert [each.evidence for each in stream] == [segment.evidence]


@pytest.mark.parametrize("by", ["text", "video"])
def test_a_hit_of_an_index_names_its_clip(model: Runtime, video: VideoFeatures, index: Path, by: str) -> None:
    query: Any = FITS
    if by == "video":
        query = dataclasses.replace(model.features(film(STRONG, seconds=1.5)), cuts_s=None)
    (plain,), (hit,) = (model.search(query, index, evidence=wanted).hits for wanted in (False, True))
    assert plain.evidence == ()
    assert dataclasses.replace(hit, evidence=()) == plain
    assert [(clip.start_s, clip.end_s) for clip in hit.evidence] == [(1.5 * at, 1.5 * at + 1.5) for at in range(5)]
    first = weightiest(hit.evidence)
    assert (first.start_s, first.end_s) == PLANTED
    assert "evidence" in to_json(hit)
    assert "evidence" not in to_json(plain)


def test_a_summary_names_the_look_that_nothing_else_of_it_has(model: Runtime, video: VideoFeatures) -> None:
    rows = np.array([(1, 0, 0, 1), (1, 0, 0, 1), (1, 0.8, 0, 1), (1, 0, 0, 1), (0, 0, 1, 1)], np.float16)
    changed = dataclasses.replace(video, features=rows, cuts_s=np.array([6.0]))
    shot, other = model.summarize(changed, seconds=7.5, evidence=True).spans
    assert (shot.start_s, shot.end_s) == (0.0, 6.0)
    first = weightiest(shot.evidence)
    assert (first.start_s, first.end_s) == PLANTED
    # What all others show too adds nothing.
    assert [clip.drop for clip in shot.evidence if clip is not first] == pytest.approx([0, 0, 0], abs=1e-6)
    # A clip alone adds all that its span does.
    assert [clip.drop for clip in other.evidence] == pytest.approx([other.score])


def test_an_edit_rests_on_what_locate_rests_on(model: Runtime, tmp_path: Path) -> None:
    path = tmp_path / "film.mp4"
    path.write_bytes(mp4(film(WEAK, WEAK, STRONG, WEAK, WEAK, seconds=1.5)))
    plan = model.edit(path, "keep only the parts with a red square", evidence=True)
    hits = model.locate(path, "a red square", top=1000, evidence=True).clear
    assert [stretch.evidence for stretch in plan.sought[0].stretches] == [hit.evidence for hit in hits]
    assert weightiest(plan.sought[0].stretches[0].evidence).drop > 0
    with pytest.raises(UsageError, match="nothing is looked for") as refused:
        model.edit(path, keep=[(0, 2)], evidence=True)
    assert "Leave evidence out" in str(refused.value.fix)


def test_a_text_alone_rests_on_no_clip(model: Runtime) -> None:
    with pytest.raises(UsageError, match="a text alone has no clips"):
        model.sentiment(text="it is happy", evidence=True)
