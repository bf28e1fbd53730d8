"""Sentences of several questions: those of one length share the encoder's calls, and no answer changes by it."""

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


def test_sentences_of_one_length_share_a_call(asked: tuple[Runtime, ShapesOfCalls]) -> None:
    model, engine = asked
    video = tokens_of(model, [1, 2])
    model.run(video)
    # Two clips: "the [MASK]"; the two of three pieces; that of four; labels of one and two pieces by themselves.
    assert of(engine, lambda: model.run(video)) == [(2, 6), (2, 8), (4, 7), (6, 8)]


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
    first, second, third = Probe((5, 1), 1), Probe((6, 1), 1), Probe((5, 1, 7), 1)
    one = Asked((first,), (8, 9), (((0, 0),), ((0, 1),)))
    two = Asked((second,), (3, 9), (((0, 0),), ((0, 1),)))
    longer = Asked((third,), (8,), (((0, 0),),))
    groups = encoded_together([one, two, one, longer])
    together = groups[one.probes]
    assert together is groups[two.probes]
    assert together is not groups[longer.probes]
    assert together.probes == (first, second)
    assert together.words == (3, 8, 9)
    found = np.arange(12, dtype=np.float64).reshape(2, 2, 3)
    np.testing.assert_array_equal(together.part(found, one), found[:, :1, 1:])
    np.testing.assert_array_equal(together.part(found, two), found[:, 1:, ::2])


def test_sentences_of_different_lengths_in_a_template_stay_by_themselves() -> None:
    mixed = Asked((Probe((5, 1), 1), Probe((5, 1, 1), 1)), (8,), (((0, 0),), ((1, 0),)))
    plain = Asked((Probe((6, 1), 1),), (8,), (((0, 0),),))
    groups = encoded_together([mixed, plain])
    assert groups[mixed.probes].probes == mixed.probes
    assert groups[plain.probes].probes == plain.probes
