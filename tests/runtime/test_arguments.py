"""Every argument of every verb meets every kind of odd value: an answer, or an error that says what to do.

A bare TypeError, ValueError, AttributeError, IndexError or KeyError from inside fails these tests.
"""

from __future__ import annotations

import dataclasses
import itertools
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.runtime.odd_values import WHOLE, answered

from videobert.base.errors import InputError, UsageError
from videobert.index.reader import open_index
from videobert.model.folder import find
from videobert.results.as_json import to_json
from videobert.runtime import Runtime, load
from videobert.verbs import Verbs
from videobert.visual.tokens import VisualTokens
from videobert.visual.video_features import VideoFeatures


@pytest.fixture(scope="module")
def model(cache_dir: Path) -> Iterator[Runtime]:
    with load("shapes", cache_dir=cache_dir, precision="fp32") as runtime:
        yield runtime


@pytest.fixture(scope="module")
def saved(model: Runtime) -> VisualTokens:
    return VisualTokens.on_grid(
        first_s=0.0,
        last_end_s=9.0,
        percentiles=np.full(6, 50, np.float32),
        ids=np.array([1, 2, 3, 4, 5, 6], np.int32),
        padded_frames=0,
        stride=1,
        clip_s=model.recipe.frames / model.recipe.fps,
        model="shapes",
        codebook=model.codebook.hash,
        clip_recipe=model.recipe.clip_hash,
        assignment="flat",
        engine="openvino",
        precision="fp32",
    )


@pytest.fixture(scope="module")
def kept(model: Runtime) -> VideoFeatures:
    return model.features(find("shapes") / "clip.mp4")


GOOD: dict[str, dict[str, Any]] = {
    "tokens": {},
    "features": {},
    "embed": {"text": "red"},
    "fill": {"text": "a [MASK]"},
    "classify": {"labels": ["red", "blue"], "templates": ["a [MASK] circle"]},
    "align": {"text": "red"},
    "locate": {"text": "red"},
    "answer": {"question": "is it red?"},
    "caption": {},
    "events": {},
    "forecast": {},
    "summarize": {},
    "sentiment": {},
    "run": {},
}
# The odd values that each argument takes; it refuses all others.
TAKEN: dict[str, dict[str, set[str]]] = {
    "tokens": {"video": set(), "assignment": {"None"}},
    "features": {"video": set()},
    "embed": {"video": {"None"}, "text": {"None"}},
    "fill": {
        "video": {"None"},
        "text": set(),
        "visual": {
            *("array", "empty array", "empty list", "list", "twice", "empty dict", "set"),
            *("generator", "empty generator"),
        },
        "top": WHOLE | {"int", "huge", "too huge to print"},
    },
    "classify": {
        "video": set(),
        "labels": {"array of texts"},
        "templates": set(),
        "question": {"None"},
        "window_clips": WHOLE | {"None", "int"},
        "top": WHOLE | {"int", "huge", "too huge to print"},
        "prior_strength": WHOLE | {"zero", "float", "whole float", "numpy float", "fraction"},
        "evidence": {"True", "numpy True"},
    },
    "align": {
        "video": set(),
        "text": set(),
        "window_clips": WHOLE | {"None", "int"},
        "evidence": {"True", "numpy True"},
    },
    "locate": {
        "video": set(),
        "text": set(),
        "top": WHOLE | {"int", "huge", "too huge to print"},
        "evidence": {"True", "numpy True"},
    },
    "answer": {
        "video": set(),
        "question": set(),
        "choices": {"None", "array of texts"},
        "span": {"None"},
        "evidence": {"True", "numpy True"},
    },
    "caption": {"video": set(), "span": {"None"}, "evidence": {"True", "numpy True"}},
    "events": {
        "video": set(),
        "labels": {"None"},
        "question": {"None"},
        "at_least": {"zero", "numpy byte", "numpy float", "fraction"},
        "evidence": {"True", "numpy True"},
    },
    "forecast": {
        "video": set(),
        "ahead": WHOLE | {"int", "array", "list", "twice", "set"},
        "top": WHOLE | {"int", "huge", "too huge to print"},
        "index": {"None"},
        "context_clips": WHOLE | {"None", "int"},
        "evidence": {"True", "numpy True"},
    },
    "summarize": {
        "video": set(),
        # One second is less than a clip.
        "seconds": {"None", "int", "float", "whole float", "numpy int", "array of one"},
        "share": {"numpy byte", "numpy float", "fraction"},
        "text": {"None"},
        "evidence": {"True", "numpy True"},
    },
    "sentiment": {"video": set(), "text": {"None"}, "evidence": {"True", "numpy True"}},
    "run": {
        "video": set(),
        "top": WHOLE | {"int", "huge", "too huge to print"},
        "context_clips": WHOLE | {"int", "zero", "huge", "too huge to print"},
        "evidence": {"True", "numpy True"},
    },
}
# Verbs that work on files; what they read lies in `films`, and each is asked there in the simplest way.
OF_FILES: dict[str, dict[str, set[str]]] = {
    "index": {
        # Whatever could name a file: one that is not there is recorded, and the rest goes on.
        "videos": {
            *("text", "no text", "number text", "text with NUL", "long text", "surrogate", "path"),
            *("array of texts", "texts", "alike", "paths", "dict", "text file"),
        },
        "out": {"text", "number text", "path"},
        "retry": {"True", "numpy True"},
        "on_begin": {"None"},
        "on_file": {"None"},
    },
    "search": {
        "query": set(),
        "index": set(),
        "span": {"None"},
        "top": WHOLE | {"int", "huge", "too huge to print"},
        "evidence": {"True", "numpy True"},
    },
    "edit": {
        "video": set(),
        "instruction": {"None"},
        "keep": set(),
        "remove": {"None"},
        "seconds": WHOLE | {"None", "int", "float", "whole float", "numpy float", "fraction"},
        # Of spans by hand there is none.
        "evidence": set(),
    },
}
# What is tried is saved tokens or features, which have no tracks.
SHARED = {"stride": WHOLE | {"None", "int"}, "track": {"None"}, "on_progress": {"None", "class"}, "cancel": {"None"}}
ARGUMENTS = [(verb, name) for verb in GOOD for name in (*TAKEN[verb], *SHARED)]


OF_LOAD: list[tuple[str, set[str]]] = [
    ("name_or_folder", set()),
    ("device", set()),
    ("engine", set()),
    ("limits", {"None"}),
    ("threads", WHOLE | {"None", "int"}),
    ("decoder_threads", WHOLE | {"None", "int"}),
    ("hint", set()),
    ("precision", set()),
    ("cache_dir", {"path", "text"}),
    ("decoder", set()),
    ("rebuild_engines", {"True", "numpy True"}),
    ("trust_engines", {"True", "numpy True"}),
]


OF_EACH: list[tuple[str, set[str]]] = [
    (
        "videos",
        {
            *("text", "no text", "number text", "text with NUL", "long text", "surrogate", "path", "folder"),
            *("array", "table", "array of texts", "array of objects", "empty array", "empty list", "list", "twice"),
            *("texts", "alike", "paths", "nested", "ragged", "deep", "dict", "empty dict", "set", "generator"),
            *("empty generator", "endless numbers", "endless texts", "frames without times"),
            *("a time that is text", "a frame that is ragged"),
        },
    ),
    ("ask", set()),
    ("at_once", WHOLE | {"int"}),
    ("cancel", {"None"}),
]


@pytest.mark.parametrize(("verb", "argument"), ARGUMENTS)
def test_a_verb_answers_or_says_what_is_wrong(
    model: Runtime, saved: VisualTokens, kept: VideoFeatures, verb: str, argument: str
) -> None:
    # Tokens do not tell the features that they were made of.
    good = {"video": kept if verb == "features" else saved} | GOOD[verb]
    taken = answered(lambda value: getattr(model, verb)(**(good | {argument: value})))
    assert taken == (TAKEN[verb] | SHARED)[argument]


@pytest.fixture(scope="module")
def films(model: Runtime, tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, Any]]:
    """How each verb on files is asked, with an index that has the bundled clip."""
    index, clip = tmp_path_factory.mktemp("films") / "index", find("shapes") / "clip.mp4"
    model.index(clip, index)
    return {
        "index": {"videos": clip, "out": index},
        "search": {"query": clip, "index": open_index(index)},
        "edit": {"video": clip, "keep": [(0, 2)]},
    }


@pytest.mark.parametrize(("verb", "argument"), [(verb, name) for verb, names in OF_FILES.items() for name in names])
def test_a_verb_on_files_answers_or_says_what_is_wrong(
    model: Runtime,
    saved: VisualTokens,
    films: dict[str, dict[str, Any]],
    verb: str,
    argument: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    good = films[verb] | ({"query": saved} if verb == "search" and argument != "span" else {})
    # A class is a function, and what it raises is its own; the folder of these tests has films.
    without = frozenset({"class"} if argument in ("on_begin", "on_file") else {"folder"})
    taken = answered(lambda value: getattr(model, verb)(**(good | {argument: value})), without=without)
    assert taken == OF_FILES[verb][argument]


@pytest.mark.parametrize(("argument", "taken"), OF_EACH, ids=[name for name, _ in OF_EACH])
def test_each_answers_about_every_list_or_says_what_is_wrong(
    model: Runtime, saved: VisualTokens, argument: str, taken: set[str]
) -> None:
    good: dict[str, Any] = {"videos": [saved], "ask": model.tokens}
    # A class is a function, and what it raises is its own.
    without = frozenset({"class"} if argument == "ask" else ())
    found = answered(lambda value: list(itertools.islice(model.each(**(good | {argument: value})), 3)), without=without)
    assert found == taken


def test_every_argument_of_every_verb_is_tried() -> None:
    import inspect

    for verb in GOOD:
        names = set(inspect.signature(getattr(Runtime, verb)).parameters) - {"self", "reading"} | set(SHARED)
        assert {name for tried, name in ARGUMENTS if tried == verb} == names
    for verb, tried in OF_FILES.items():
        assert set(tried) == set(inspect.signature(getattr(Runtime, verb)).parameters) - {"self", "reading"}
    # Streams are read after they are asked for, and have a test of their own.
    assert {*GOOD, *OF_FILES, "stream", "each"} == {name for name in vars(Verbs) if not name.startswith("_")}
    assert {name for name, _ in OF_EACH} == set(inspect.signature(Runtime.each).parameters) - {"self", "asked"}
    assert {name for name, _ in OF_LOAD} == set(inspect.signature(load).parameters)


def test_what_stands_for_a_number_or_a_list_gives_the_same_answer(model: Runtime, saved: VisualTokens) -> None:
    asked = model.classify(saved, ["red", "blue"], ["a [MASK] circle"], window_clips=2, top=1, stride=2)
    number = np.int64(2)
    for labels in (("red", "blue"), iter(["red", "blue"]), np.array(["red", "blue"]), {"red": 1, "blue": 2}):
        templates = (text for text in ["a [MASK] circle"])
        found = model.classify(saved, labels, templates, window_clips=number, top=np.uint8(1), stride=number)
        assert found == asked
        assert all(type(label) is str for label in found.labels)
    text = to_json(model.classify(saved, question="colour", prior_strength=np.float32(0.5)))
    assert text == to_json(model.classify(saved, question="colour", prior_strength=0.5))
    wanted = model.fill("a [MASK]", saved, [1, 3])
    for visual in ((3, 1), {1, 3}, np.array([1, 3, 3], np.uint8), (position for position in (1, 3))):
        assert model.fill("a [MASK]", saved, visual) == wanted
    assert model.align(saved, np.str_("red")).score == model.align(saved, "red").score


@pytest.mark.parametrize("labels", [["red", "Red"], ["red circle", "blue", "RED  circle"], [" red", "red"]], ids=str)
def test_labels_that_are_one_to_the_model_are_refused_by_both_names(
    model: Runtime, saved: VisualTokens, labels: list[str]
) -> None:
    with pytest.raises(UsageError, match="two labels are the same to this model") as raised:
        model.classify(saved, labels, ["a [MASK] circle"])
    first, second = sorted(labels, key=lambda label: "blue" in label)[:2]
    assert repr(first) in str(raised.value)
    assert repr(second) in str(raised.value)


def test_a_label_too_long_for_the_model_is_refused_before_it_is_taken_apart(
    model: Runtime, saved: VisualTokens
) -> None:
    """Of n pieces it would make n sentences of n pieces."""
    with pytest.raises(InputError, match="longer than the model can hold"):
        model.classify(saved, ["red", "red " * 20_000], ["a [MASK] circle"])


def test_tokens_of_no_clip_are_an_input_error_for_every_verb(model: Runtime, saved: VisualTokens) -> None:
    nothing = dataclasses.replace(
        saved,
        ids=[],
        start_s=[],
        end_s=[],
        percentiles=np.zeros(0, np.float32),  # type: ignore[arg-type]
    )
    assert (len(nothing), len(nothing.strided(2))) == (0, 0)
    assert "empty" in repr(nothing)
    for verb in GOOD:
        with pytest.raises(InputError, match="no tokens"):
            getattr(model, verb)(video=nothing, **GOOD[verb])
    with pytest.raises(InputError, match="no tokens to save"):
        nothing.to_bytes()


def test_a_token_that_no_centroid_has_is_an_input_error_for_every_verb(model: Runtime, saved: VisualTokens) -> None:
    foreign = dataclasses.replace(saved, ids=np.array([1, 2, 3, 4, 5, 1684], np.int32))
    for verb in GOOD:
        with pytest.raises(InputError, match="not in the codebook; got 1 to 1684; allowed: 0 to 1683"):
            getattr(model, verb)(video=foreign, **GOOD[verb])


@pytest.mark.parametrize(("argument", "taken"), OF_LOAD)
def test_load_opens_a_model_or_says_what_is_wrong(
    cache_dir: Path,
    argument: str,
    taken: set[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    tmp_path.chmod(0o700)
    good = {"name_or_folder": "shapes", "cache_dir": cache_dir, "precision": "fp32"}

    def opened(value: Any) -> None:
        load(**(good | {argument: value})).close()

    # Each place that is good for a cache costs a compilation, and the folder of these tests is none.
    other_places = frozenset({"None", "number text", "no text", "folder"})
    without = other_places if argument == "cache_dir" else frozenset()
    assert answered(opened, without=without) == taken


def test_memory_of_any_form_is_its_bytes(model: Runtime, factory: Any, tmp_path: Path) -> None:
    content = factory.write_clip(tmp_path / "a.mp4", ticks=range(5)).read_bytes()
    padded = content + b"\0" * (-len(content) % 8)
    spread = np.zeros(2 * len(padded), np.uint8)
    spread[::2] = np.frombuffer(padded, np.uint8)
    wanted = model.tokens(content)
    for same in (memoryview(np.frombuffer(padded, np.float64)), memoryview(spread)[::2]):
        assert model.tokens(same) == wanted


def test_an_event_of_another_kind_stops_the_work(model: Runtime, saved: VisualTokens) -> None:
    import multiprocessing

    from videobert.base.errors import Cancelled

    for event in (threading.Event(), multiprocessing.get_context("spawn").Event()):
        event.set()
        with pytest.raises(Cancelled):
            model.align(saved, "red", cancel=event)  # type: ignore[arg-type]
