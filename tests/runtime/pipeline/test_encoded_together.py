"""Sentences of several questions share the encoder's calls, and no answer changes by it."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from tests.small_model import tokens_of

from videobert.base.limits import Limits
from videobert.engines.base import EngineOptions
from videobert.engines.openvino_engine import OpenVinoEngine
from videobert.model.folder import ModelFolder
from videobert.model.stage import Stage
from videobert.pipeline.encoded_together import encoded_together
from videobert.pipeline.questions import Asked, Probe
from videobert.runtime import Runtime

QUESTIONS = {
    "colour": {"templates": ["a [MASK] square", "the square is [MASK]"], "labels": ["red", "blue", "green"]},
    "light": {"templates": ["a [MASK] circle", "the [MASK]"], "labels": ["dark", "light"]},
    "both": {"templates": ["a {label} square"], "labels": ["red", "dark red"]},
}


class ShapesOfCalls(OpenVinoEngine):
    """Notes how many sequences of which length the encoder gets."""

    calls: list[tuple[int, ...]]

    def run(self, stage: Stage, **inputs: npt.NDArray[Any]) -> npt.NDArray[Any]:
        if stage == "encoder":
            self.calls.append(inputs["ids"].shape)
        return super().run(stage, **inputs)


@pytest.fixture
def asked(model_folder: Path, cache_dir: Path, tmp_path: Path) -> Iterator[tuple[Runtime, ShapesOfCalls]]:
    place = tmp_path / "several"
    shutil.copytree(model_folder, place)
    config = json.loads((place / "config.json").read_text()) | {"questions": QUESTIONS}
    (place / "config.json").write_text(json.dumps(config))
    manifest = json.loads((place / "manifest.json").read_text())
    manifest["files"]["config.json"] = hashlib.sha256((place / "config.json").read_bytes()).hexdigest()
    (place / "manifest.json").write_text(json.dumps(manifest))
    engine = ShapesOfCalls(ModelFolder(place), EngineOptions(precision="fp32", cache_dir=cache_dir))
    engine.calls = []
    with Runtime(ModelFolder(place), engine, Limits()) as runtime:
        yield runtime, engine


def of(engine: ShapesOfCalls, work: Callable[[], object]) -> list[tuple[int, ...]]:
    engine.calls.clear()
    work()
    return sorted(engine.calls)


def test_sentences_of_several_questions_share_a_call(asked: tuple[Runtime, ShapesOfCalls]) -> None:
    model, engine = asked
    video = tokens_of(model, [1, 2])
    model.run(video)
    # Two clips: "the [MASK]"; two of three pieces; that of four; two more of a label of two pieces.
    assert of(engine, lambda: model.run(video)) == [(12, 8)]


def test_what_the_sentences_say_alone_is_one_call_too(asked: tuple[Runtime, ShapesOfCalls]) -> None:
    model, engine = asked
    video = tokens_of(model, [1])
    # Without the clip's two places.
    assert of(engine, lambda: model.run(video)) == [(6, 6), (6, 8)]


def test_neighbours_that_reach_differently_far_are_not_mixed(asked: tuple[Runtime, ShapesOfCalls]) -> None:
    """With all the room that there is, a shorter sentence has more neighbours beside it."""
    model, engine = asked
    video = tokens_of(model, list(range(1, 41)))
    wide, near = (model.run(video, context_clips=clips) for clips in (100, 0))
    assert wide.segments
    assert near.segments
    lengths = {length for _, length in of(engine, lambda: model.run(video, context_clips=100))}
    assert max(lengths) <= model.config.encoder.positions


def test_answers_are_those_of_each_question_alone(asked: tuple[Runtime, ShapesOfCalls]) -> None:
    model, _ = asked
    for clip in (1, 2, 3):
        (segment,) = model.run(tokens_of(model, [clip])).segments
        for name in QUESTIONS:
            found = segment.answers[name]
            wanted = model.classify(tokens_of(model, [clip]), question=name, top=3).segments[0].candidates
            assert [(c.text, c.log_prior) for c in found] == [(c.text, c.log_prior) for c in wanted]
            np.testing.assert_allclose([c.score for c in found], [c.score for c in wanted], rtol=1e-15)


def test_each_template_gets_its_own_part() -> None:
    first, second = Probe((5, 1), 1), Probe((6, 1, 7), 1)
    one = Asked((first,), (8, 9), (((0, 0),), ((0, 1),)))
    two = Asked((second,), (3, 9), (((0, 0),), ((0, 1),)))
    groups = encoded_together([one, two, one])
    together = groups[one.probes]
    assert together is groups[two.probes]
    assert together.probes == (first, second)
    assert together.words == (3, 8, 9)
    found = np.arange(12, dtype=np.float64).reshape(2, 2, 3)
    np.testing.assert_array_equal(together.part(found, one), found[:, :1, 1:])
    np.testing.assert_array_equal(together.part(found, two), found[:, 1:, ::2])


def test_templates_of_many_sentences_go_with_others() -> None:
    mixed = Asked((Probe((5, 1), 1), Probe((5, 1, 1), 1)), (8,), (((0, 0),), ((1, 0),)))
    plain = Asked((Probe((6, 1), 1),), (9,), (((0, 0),),))
    groups = encoded_together([mixed, plain])
    assert groups[mixed.probes] is groups[plain.probes]
    found = np.arange(6, dtype=np.float64).reshape(1, 3, 2)
    np.testing.assert_array_equal(groups[mixed.probes].part(found, mixed), found[:, :2, :1])
    np.testing.assert_array_equal(groups[mixed.probes].part(found, plain), found[:, 2:, 1:])


def test_sentences_that_templates_share_are_held_once() -> None:
    first, second = Probe((5, 1), 1), Probe((6, 1), 1)
    one = Asked((first,), (8,), (((0, 0),),))
    both = Asked((first, second), (8,), (((0, 0),), ((1, 0),)))
    assert encoded_together([one, both])[one.probes].probes == (first, second)


def test_no_more_is_held_together_than_the_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = [Asked((Probe((5, word), 1),), (word, 100 + word), (((0, 0),), ((0, 1),))) for word in range(6)]
    assert len({id(group) for group in encoded_together(asked).values()}) == 1
    monkeypatch.setattr("videobert.pipeline.encoded_together._MOST_NUMBERS", 12)
    groups = {id(group): group for group in encoded_together([*asked, asked[0]]).values()}
    assert [len(group.probes) * len(group.words) for group in groups.values()] == [8, 8, 8]
    wide = Asked((Probe((5, 1), 1),), tuple(range(50)), (((0, 0),),))
    assert encoded_together([wide])[wide.probes].words == wide.words, "one alone is encoded whatever it holds"


def test_what_every_template_has_asked_for_is_forgotten() -> None:
    first, second = (Asked((Probe((5, word), 1),), (word,), (((0, 0),),)) for word in (1, 2))
    together = encoded_together([first, second, first])[first.probes]
    found = np.zeros((1, 2, 2))
    assert together.known((b"a",)) is None
    together.keep((b"a",), found)
    assert together.known((b"a",)) is found
    assert together.known((b"a",)) is found
    assert together.known((b"a",)) is None
