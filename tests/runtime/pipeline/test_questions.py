"""What a question needs once for each model is done once: counted in sequences that the encoder gets."""

from __future__ import annotations

import hashlib
import json
import shutil
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from tests.small_model import tokens_of

from videobert.base.errors import Cancelled, InputError, ModelError, UsageError
from videobert.base.limits import Limits
from videobert.engines.base import EngineOptions
from videobert.engines.openvino_engine import OpenVinoEngine
from videobert.model.folder import ModelFolder
from videobert.model.stage import Stage
from videobert.pipeline.scoring import Clips
from videobert.results.as_json import to_json
from videobert.runtime import Runtime
from videobert.visual.tokens import VisualTokens

WORDS = 128
OWN = {"labels": ["red", "blue"], "templates": ["a [MASK] square", "the circle is [MASK]"]}
TWO_WORDS = {"labels": ["red", "dark red"], "templates": ["a {label} square"]}


class CountingEngine(OpenVinoEngine):
    """Counts the sequences that the encoder gets; `before` is called before each batch."""

    def __init__(self, folder: ModelFolder, cache_dir: Path) -> None:
        super().__init__(folder, EngineOptions(precision="fp32", cache_dir=cache_dir))
        self.with_video = self.text_alone = 0
        self.before: Callable[[npt.NDArray[np.int64]], None] = lambda ids: None

    def run(self, stage: Stage, **inputs: npt.NDArray[Any]) -> npt.NDArray[Any]:
        if stage == "encoder":
            self.before(inputs["ids"])
            video = int((inputs["ids"] >= WORDS).any(axis=1).sum())
            self.with_video += video
            self.text_alone += len(inputs["ids"]) - video
        return super().run(stage, **inputs)

    def counted(self, work: Callable[[], object]) -> tuple[int, int]:
        """Sequences with a video and without one that `work` takes."""
        before = self.with_video, self.text_alone
        work()
        return self.with_video - before[0], self.text_alone - before[1]


@pytest.fixture
def open_counting(cache_dir: Path) -> Iterator[Callable[[Path], tuple[Runtime, CountingEngine]]]:
    opened: list[Runtime] = []

    def open_(folder: Path) -> tuple[Runtime, CountingEngine]:
        engine = CountingEngine(ModelFolder(folder), cache_dir)
        opened.append(Runtime(ModelFolder(folder), engine, Limits()))
        return opened[-1], engine

    yield open_
    for runtime in opened:
        runtime.close()


@pytest.fixture
def counting(
    open_counting: Callable[[Path], tuple[Runtime, CountingEngine]], model_folder: Path
) -> tuple[Runtime, CountingEngine]:
    return open_counting(model_folder)


def answer(result: Any) -> Any:
    fields = to_json(result)
    fields.pop("timings_s", None)
    return fields


def with_questions(model_folder: Path, folder: Path, questions: dict[str, Any]) -> Path:
    shutil.copytree(model_folder, folder)
    config = json.loads((folder / "config.json").read_text()) | {"questions": questions}
    (folder / "config.json").write_text(json.dumps(config))
    manifest = json.loads((folder / "manifest.json").read_text())
    manifest["files"]["config.json"] = hashlib.sha256((folder / "config.json").read_bytes()).hexdigest()
    (folder / "manifest.json").write_text(json.dumps(manifest))
    return folder


@pytest.mark.parametrize(
    ("ask", "with_video", "text_alone"),
    [
        (lambda model, video: model.run(video), 6, 2),
        (lambda model, video: model.classify(video, question="colour", window_clips=1), 6, 2),
        (lambda model, video: model.classify(video, **OWN, window_clips=1), 6, 2),
        (lambda model, video: model.classify(video, **TWO_WORDS, window_clips=1), 9, 3),
    ],
    ids=["run", "a question of the model", "own labels", "labels of two words"],
)
def test_the_second_request_encodes_nothing_but_the_windows(
    counting: tuple[Runtime, CountingEngine],
    ask: Callable[[Runtime, VisualTokens], Any],
    with_video: int,
    text_alone: int,
) -> None:
    model, engine = counting
    answers: list[Any] = []
    first, second = (tokens_of(model, ids) for ids in ([1, 2, 3], [4, 5, 6]))
    assert engine.counted(lambda: answers.append(answer(ask(model, first)))) == (with_video, text_alone)
    assert engine.counted(lambda: ask(model, second)) == (with_video, 0)
    assert engine.counted(lambda: answers.append(answer(ask(model, first)))) == (with_video, 0)
    assert answers[0] == answers[1]


def test_one_preparation_serves_every_verb_and_strength(counting: tuple[Runtime, CountingEngine]) -> None:
    model, engine = counting
    video = tokens_of(model, [1])
    model.run(video)
    asked = model.config.questions["colour"]
    assert engine.counted(lambda: model.classify(video, question="colour")) == (2, 0)
    assert engine.counted(lambda: model.classify(video, list(asked.labels), list(asked.templates))) == (2, 0)
    half = model.classify(video, question="colour", prior_strength=0.5).segments[0].candidates
    whole = model.classify(video, question="colour").segments[0].candidates
    priors = [{c.text: c.log_prior for c in candidates} for candidates in (half, whole)]
    assert all(priors[0][text] == 0.5 * (prior or 0) for text, prior in priors[1].items())


def test_a_warm_model_has_its_questions_ready(counting: tuple[Runtime, CountingEngine]) -> None:
    model, engine = counting
    model.warmup()
    assert engine.counted(lambda: model.run(tokens_of(model, [1, 2]))) == (4, 0)


def test_a_question_that_cannot_be_put_fails_where_it_is_put(
    open_counting: Callable[[Path], tuple[Runtime, CountingEngine]], model_folder: Path, tmp_path: Path
) -> None:
    odd = {"odd": {"templates": ["a [MASK]"], "labels": ["zebra"]}}
    model, _ = open_counting(with_questions(model_folder, tmp_path / "odd", odd))
    model.warmup()
    assert model.align(tokens_of(model, [1]), "red").windows
    for _ in range(2):
        with pytest.raises(InputError, match="zebra"):
            model.run(tokens_of(model, [1]))


def test_threads_that_ask_first_at_once_prepare_once(counting: tuple[Runtime, CountingEngine]) -> None:
    """The encoder is held until all threads are on their way, so that nobody finds the work done already."""
    model, engine = counting
    video = tokens_of(model, [1, 2])
    started = threading.Barrier(4)

    def ask(_: int) -> Any:
        started.wait(60)
        return answer(model.classify(video, **OWN))

    def total() -> None:
        with ThreadPoolExecutor(4) as pool:
            answers = list(pool.map(ask, range(4)))
        assert answers == [answers[0]] * 4

    assert engine.counted(total) == (8, 2)


def test_work_that_is_cancelled_in_the_middle_leaves_nothing_half_done(
    counting: tuple[Runtime, CountingEngine], model: Runtime
) -> None:
    asked, engine = counting
    video = tokens_of(asked, [1])
    cancel = threading.Event()

    def stop_at_text(ids: npt.NDArray[np.int64]) -> None:
        if not (ids >= WORDS).any():
            cancel.set()

    engine.before = stop_at_text
    with pytest.raises(Cancelled):
        asked.classify(video, **OWN, cancel=cancel)
    engine.before = lambda ids: None
    found: list[Any] = []
    assert engine.counted(lambda: found.append(answer(asked.classify(video, **OWN)))) == (2, 2)
    wanted = answer(model.classify(video, **OWN))
    assert found[0] == wanted
    assert engine.counted(lambda: asked.classify(video, **OWN)) == (2, 0)


def test_one_who_waits_for_the_preparation_can_be_cancelled(counting: tuple[Runtime, CountingEngine]) -> None:
    model, engine = counting
    video = tokens_of(model, [1])
    held, go_on, cancel = threading.Event(), threading.Event(), threading.Event()

    def hold_text(ids: npt.NDArray[np.int64]) -> None:
        if not (ids >= WORDS).any():
            held.set()
            assert go_on.wait(60)

    engine.before = hold_text
    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(model.classify, video, **OWN)
        assert held.wait(60)
        waiting = pool.submit(model.classify, video, **OWN, cancel=cancel)
        cancel.set()
        with pytest.raises(Cancelled):
            waiting.result(60)
        assert not first.done()
        go_on.set()
        assert first.result(60).segments


def test_an_error_on_the_way_is_not_kept(counting: tuple[Runtime, CountingEngine]) -> None:
    model, engine = counting
    video = tokens_of(model, [1])

    def fail_at_text(ids: npt.NDArray[np.int64]) -> None:
        if not (ids >= WORDS).any():
            raise ModelError("this once")

    engine.before = fail_at_text
    with pytest.raises(ModelError, match="this once"):
        model.classify(video, **OWN)
    engine.before = lambda ids: None
    assert engine.counted(lambda: model.classify(video, **OWN)) == (2, 2)
    for _ in range(2):
        with pytest.raises(UsageError, match="two labels are the same"):
            model.classify(video, ["red", "Red"], OWN["templates"])
    with pytest.raises(UsageError, match="one alone"):
        model.classify(video, ["red"], OWN["templates"])


def test_what_callers_ask_is_kept_within_bounds(counting: tuple[Runtime, CountingEngine]) -> None:
    model, engine = counting
    video = tokens_of(model, [1])
    model.run(video)
    model.classify(video, **OWN)
    assert engine.counted(lambda: model.classify(video, **OWN)) == (2, 0)
    for number in range(64):
        model.classify(video, OWN["labels"], ["a " * (1 + number) + "[MASK]"])
    assert engine.counted(lambda: model.classify(video, **OWN)) == (2, 2)
    assert engine.counted(lambda: model.run(video)) == (2, 0)


def test_a_sentence_of_several_questions_is_encoded_once(
    open_counting: Callable[[Path], tuple[Runtime, CountingEngine]], model_folder: Path, tmp_path: Path
) -> None:
    questions = {
        "colour": {"templates": ["a [MASK] square", "the square is [MASK]"], "labels": ["red", "blue", "green"]},
        "light": {"templates": ["the square is [MASK]"], "labels": ["dark", "light"]},
        "twice": {"templates": ["a [MASK] square"] * 2, "labels": ["dark", "light"]},
    }
    model, engine = open_counting(with_questions(model_folder, tmp_path / "several", questions))
    video = tokens_of(model, [1, 2, 1, 3])
    reports: list[Any] = []
    assert engine.counted(lambda: reports.append(model.run(video))) == (6, 2)
    assert engine.counted(lambda: reports.append(model.run(video))) == (6, 0)
    assert answer(reports[0]) == answer(reports[1])
    for clip in (1, 2, 3):
        (segment,) = model.run(tokens_of(model, [clip])).segments
        for name in questions:
            found = segment.answers[name]
            wanted = model.classify(tokens_of(model, [clip]), question=name, top=3).segments[0].candidates
            assert [(c.text, c.log_prior) for c in found] == [(c.text, c.log_prior) for c in wanted]
            # A report takes the mean over a stretch, here of one clip, which rounds once more.
            np.testing.assert_allclose([c.score for c in found], [c.score for c in wanted], rtol=1e-15)


def test_windows_of_the_same_tokens_are_encoded_once_and_answered_each(
    counting: tuple[Runtime, CountingEngine],
) -> None:
    """A picture that stands still; the last window is another one, being shorter."""
    model, engine = counting
    still, short = tokens_of(model, [7, 7] * 50 + [7]), tokens_of(model, [7])
    pair = tokens_of(model, [7, 7])
    found: list[Any] = []
    assert engine.counted(lambda: found.append(model.align(still, "red", window_clips=2))) == (2, 0)
    scores = [window.score for window in found[0].windows]
    assert scores == [model.align(pair, "red").score] * 50 + [model.align(short, "red").score]
    four, one = (model.embed(tokens_of(model, ids)).vector.astype(np.float64) for ids in ([7] * 4, [7]))
    assert engine.counted(lambda: found.append(model.embed(still))) == (2, 0)
    np.testing.assert_array_equal(found[1].vector, ((25 * four + one) / 26).astype(np.float32))
    # Two windows with a masked moment, each in its own place, and those without.
    assert engine.counted(lambda: found.append(model.fill("a [MASK]", still, [0, 5, 8]))) == (4, 0)
    moments = {filled.index: filled.candidates for filled in found[2].filled if filled.kind == "visual"}
    assert moments[0] == moments[8] != moments[5]


def test_what_stands_beside_a_sequence_does_not_change_it(model: Runtime) -> None:
    """Otherwise an answer would depend on which sentences were encoded before and are left out."""
    family = model._opened.family
    random = np.random.default_rng(0)
    stretches = [Clips(ids=random.integers(0, 64, 1 + n % 11, np.int32)) for n in range(40)]
    sequences = [family.joint([5 + n % 9] * (1 + n % 4), stretch) for n, stretch in enumerate(stretches)]
    together = list(family.states([(sequence, range(len(sequence))) for sequence in sequences]))
    for sequence, states in zip(sequences, together, strict=True):
        np.testing.assert_array_equal(next(family.states([(sequence, range(len(sequence)))])), states)
