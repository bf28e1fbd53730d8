"""Every argument of every public function meets every kind of odd value: an answer, or an error that says what to do.

A bare TypeError, ValueError, AttributeError, IndexError or KeyError from inside fails these tests.
"""

from __future__ import annotations

import dataclasses
import io
import itertools
import math
import threading
from collections.abc import Callable, Iterator
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from videobert.base.errors import InputError, UsageError, VideoBertError
from videobert.base.limits import Limits
from videobert.index.reader import open_index
from videobert.model.folder import find
from videobert.model.recipe import Recipe
from videobert.report.html import html_page
from videobert.results.as_json import to_json
from videobert.runtime import Runtime, load
from videobert.verbs import Verbs
from videobert.video.open import open_clips
from videobert.video.source.frame_array import FrameArray
from videobert.visual.codebook import Codebook, Level
from videobert.visual.tokens import VisualTokens
from videobert.visual.video_features import VideoFeatures


class Nasty:
    """Raises whatever is asked of it."""

    def _raise(self, *_: object, **__: object) -> Any:
        raise RuntimeError("nasty")

    __repr__ = __str__ = __eq__ = __hash__ = __len__ = __bool__ = __iter__ = __contains__ = __getitem__ = _raise
    __index__ = __int__ = __float__ = __fspath__ = __array__ = _raise  # type: ignore[assignment]


class NoPath:
    def __fspath__(self) -> Any:
        return 5


def deep() -> Any:
    nested: list[Any] = []
    for _ in range(100_000):
        nested = [nested]
    return nested


def closed(file: Any) -> Any:
    file.close()
    return file


def released() -> memoryview:
    view = memoryview(b"abc")
    view.release()
    return view


# Made anew for each call: some can be read only once.
ODD: dict[str, Callable[[], Any]] = {
    "None": lambda: None,
    "text": lambda: "x",
    "no text": lambda: "",
    "number text": lambda: "3",
    "text with NUL": lambda: "a\0b",
    "long text": lambda: "x" * 5000,
    "surrogate": lambda: "\ud800",
    "int": lambda: 3,
    "negative": lambda: -1,
    "zero": lambda: 0,
    "huge": lambda: 10**400,
    "too huge to print": lambda: 10**6000,
    "float": lambda: 1.5,
    "whole float": lambda: 2.0,
    "NaN": lambda: math.nan,
    "infinity": lambda: math.inf,
    "minus infinity": lambda: -math.inf,
    "True": lambda: True,
    "numpy True": lambda: np.True_,
    "numpy int": lambda: np.int64(2),
    "numpy byte": lambda: np.uint8(1),
    "numpy float": lambda: np.float32(1),
    "numpy NaN": lambda: np.float64("nan"),
    "numpy date": lambda: np.datetime64("2020-01-01"),
    "array of one": lambda: np.array(2),
    "array": lambda: np.array([1, 2]),
    "table": lambda: np.zeros((2, 2)),
    "array of texts": lambda: np.array(["red", "blue"]),
    "array of objects": lambda: np.array([None, object()], dtype=object),
    "empty array": lambda: np.zeros(0),
    "empty list": list,
    "list": lambda: [1],
    "twice": lambda: [1, 1],
    "texts": lambda: ["red", "red"],
    "alike": lambda: ["red", "Red"],
    "paths": lambda: ["a.mp4", Path("b.mp4")],
    "nested": lambda: [[1], [2]],
    "ragged": lambda: [[1], [1, 2]],
    "deep": deep,
    "dict": lambda: {"a": 1},
    "empty dict": dict,
    "set": lambda: {1},
    "generator": lambda: (number for number in range(3)),
    "empty generator": lambda: iter(()),
    "endless numbers": itertools.count,
    "endless texts": lambda: itertools.repeat("red"),
    "bytes": lambda: b"x",
    "no bytes": lambda: b"",
    "bytearray": lambda: bytearray(b"xx"),
    "memory of floats": lambda: memoryview(np.arange(10.0)),
    "memory with gaps": lambda: memoryview(np.arange(10.0))[::2],
    "released memory": released,
    "closed file": lambda: closed(io.BytesIO(b"abc")),
    "text file": lambda: io.StringIO("abc"),
    "path": lambda: Path("nowhere"),
    "folder": lambda: Path(__file__).parent,
    "no path": NoPath,
    "complex": lambda: 1j,
    "fraction": lambda: Fraction(1, 2),
    "decimal": lambda: Decimal("1.5"),
    "object": object,
    "class": lambda: dict,
    "slice": lambda: slice(1),
    "nasty": Nasty,
    "frames without times": lambda: iter([np.zeros((4, 4, 3), np.uint8)]),
    "a time that is text": lambda: iter([(np.zeros((4, 4, 3), np.uint8), "x")]),
    "a frame that is ragged": lambda: iter([([[1], [1, 2]], 0.0)]),
}
WHOLE = {"numpy int", "numpy byte", "array of one"}


def check(call: Callable[[Any], object], odd: Callable[[], Any]) -> bool:
    """Whether there was an answer; an error must say what, and what next."""
    try:
        call(odd())
    except VideoBertError as error:
        if not (error.what and error.fix and str(error)):
            raise AssertionError(f"an error that does not say what to do: {error}") from error
        return False
    return True


def answered(call: Callable[[Any], object], *, without: frozenset[str] = frozenset()) -> set[str]:
    """The names of the odd values that `call` takes."""
    taken = set()
    for name, odd in ODD.items():
        if name in without:
            continue
        try:
            if check(call, odd):
                taken.add(name)
        except Exception as error:
            raise AssertionError(f"{name}: {type(error).__name__}: {error}") from error
    return taken


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
        "labels": {"array of texts", "dict"},
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
        "ahead": {"array", "list", "twice", "set"},
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
    ("hint", set()),
    ("precision", set()),
    ("cache_dir", {"path", "text"}),
    ("decoder", set()),
    ("rebuild_engines", {"True", "numpy True"}),
    ("trust_engines", {"True", "numpy True"}),
]
OF_OPEN_CLIPS: list[tuple[str, set[str]]] = [
    ("source", set()),
    ("recipe", set()),
    ("limits", {"None"}),
    ("on_progress", {"None"}),
    ("cancel", {"None"}),
    ("threads", WHOLE | {"None", "int"}),
    ("track", {"None", "zero"}),
    ("decoder", set()),
    ("device", set()),
    ("on_frame", {"None"}),
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
    assert {name for name, _ in OF_OPEN_CLIPS} == set(inspect.signature(open_clips).parameters)


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


FIELDS: dict[str, Any] = {
    "first_s": 0.0,
    "last_end_s": 3.0,
    "percentiles": [50, 50],
    "ids": [1, 2],
    "padded_frames": 0,
    "stride": 1,
    "clip_s": Fraction(3, 2),
    "model": "tiny",
    "codebook": "0" * 16,
    "clip_recipe": "1" * 16,
    "assignment": "flat",
    "engine": "openvino",
    "precision": "fp32",
}


@pytest.mark.parametrize("argument", [*FIELDS, "percentile", "out_of_domain", "origin", "unheard_of"])
def test_tokens_that_can_be_made_can_be_used(argument: str) -> None:
    def used(value: Any) -> None:
        tokens = VisualTokens.on_grid(**(FIELDS | {argument: value}))
        assert tokens.ids.dtype == np.int32
        assert (type(tokens.stride), type(tokens.padded_frames)) == (int, int)
        assert repr(tokens)
        assert len(tokens.strided(tokens.stride)) == len(tokens)
        to_json(tokens)
        assert VisualTokens.from_bytes(tokens.to_bytes()) == tokens

    taken = answered(used)
    if argument in ("stride", "padded_frames"):
        assert (
            taken & (WHOLE | {"True", "float", "whole float", "NaN"})
            == {
                "stride": {"numpy byte"},
                "padded_frames": WHOLE,
            }[argument]
        )
    if argument == "ids":
        assert taken == {"array", "twice", "bytearray"}


@pytest.mark.parametrize("field", [field.name for field in dataclasses.fields(VisualTokens)])
def test_a_field_of_tokens_is_right_or_refused(field: str) -> None:
    good = VisualTokens.on_grid(**FIELDS)

    def used(value: Any) -> None:
        tokens = dataclasses.replace(good, **{field: value})
        assert len({len(tokens.ids), len(tokens.start_s), len(tokens.end_s), len(tokens.percentiles)}) == 1
        tokens.to_bytes()

    answered(used)


def test_the_rest_of_tokens(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    good = VisualTokens.on_grid(**FIELDS)
    assert answered(good.strided) == WHOLE | {"int"}
    assert answered(VisualTokens.load) == set()
    assert answered(VisualTokens.from_bytes) == set()
    assert answered(good.save) == {"text", "number text", "path"}
    content = good.to_bytes()
    for same in (bytearray(content), memoryview(content)):
        assert VisualTokens.from_bytes(same) == good  # type: ignore[arg-type]
    with pytest.raises(UsageError, match="need other fields"):
        VisualTokens.on_grid(first_s=0, last_end_s=1, percentiles=np.zeros(1, np.float32), ids=[1])


@pytest.mark.parametrize("field", [field.name for field in dataclasses.fields(VideoFeatures)])
def test_a_field_of_features_is_right_or_refused(field: str, kept: VideoFeatures, tmp_path: Path) -> None:
    def used(value: Any) -> None:
        features = dataclasses.replace(kept, **{field: value})
        assert repr(features)
        assert len(features.strided(features.stride)) == len(features.start_s) == len(features.end_of_clip_s)
        to_json(features)
        if field != "origin":
            assert VideoFeatures.from_bytes(features.to_bytes()) == features

    answered(used)


def test_the_rest_of_features(kept: VideoFeatures, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert answered(kept.strided) == WHOLE | {"int"}
    assert answered(VideoFeatures.load) == set()
    assert answered(VideoFeatures.from_bytes) == set()
    assert answered(kept.save) == {"text", "number text", "path"}
    content = kept.to_bytes()
    for same in (bytearray(content), memoryview(content)):
        assert VideoFeatures.from_bytes(same) == kept  # type: ignore[arg-type]


@pytest.mark.parametrize("argument", ["leaves", "distances", "backbone_hash", "clip_hash", "levels", "agreement"])
def test_a_codebook_that_can_be_made_can_be_used(argument: str, tmp_path: Path) -> None:
    good: dict[str, Any] = {
        "leaves": np.eye(4, dtype=np.float32),
        "distances": np.array([0, 1], np.float32),
        "backbone_hash": "0" * 16,
        "clip_hash": "1" * 16,
        "seed": np.int64(3),
        "samples": np.int32(9),
    }

    def used(value: Any) -> None:
        codebook = Codebook(**(good | {argument: value}))
        assert repr(codebook)
        codebook.save(tmp_path / "codebook.safetensors")
        assert Codebook.load(tmp_path / "codebook.safetensors").hash == codebook.hash

    answered(used)
    level = Level(np.eye(4, dtype=np.float32)[:2], np.array([0, 2, 4]))
    assert Codebook(**good, levels=[level]).levels == (level,)  # type: ignore[arg-type]


def test_the_rest_of_a_codebook(model: Runtime, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    codebook = model.codebook
    feature = np.zeros((1, codebook.dim), np.float32)
    assert answered(codebook.assign) == set()
    assert answered(lambda method: codebook.assign(feature, method)) == set()
    assert answered(lambda threads: codebook.assign(feature, threads=threads)) == WHOLE | {"None", "int", "zero"}
    assert answered(lambda given: codebook.check(given, codebook.clip_hash)) == set()
    assert answered(Codebook.load) == set()
    assert answered(Codebook.from_bytes) == set()
    assert answered(codebook.save) == {"text", "number text", "path"}
    with pytest.raises(InputError, match="distances are not numbers"):
        codebook.percentile([0.0, math.nan])
    np.testing.assert_array_equal(codebook.percentile([-1, math.inf]), [0, 100])
    answered(codebook.percentile)
    with pytest.raises(InputError, match=r"cannot be written; got no/x \(No such file"):
        codebook.save("no/x")


@pytest.mark.parametrize("field", [field.name for field in dataclasses.fields(Recipe)])
def test_a_recipe_that_can_be_made_comes_back_from_json(field: str) -> None:
    def used(value: Any) -> None:
        recipe = Recipe(**{field: value})
        assert Recipe.from_json(recipe.to_json()) == recipe
        assert recipe.hash

    taken = answered(used)
    if field in ("frames", "stride", "crop"):
        assert taken == WHOLE | {"int"}
    if field in ("frame_choice", "colour"):
        assert taken == set()
    assert answered(Recipe.from_json) == set()


@pytest.mark.parametrize("field", ["max_duration_s", "max_side_px", "max_text_chars"])
def test_limits_are_numbers(field: str) -> None:
    taken = answered(lambda value: Limits(**{field: value}))
    real = (
        {"zero", "float", "whole float", "numpy float", "fraction", "infinity"} if field == "max_duration_s" else set()
    )
    assert taken == WHOLE | {"int", "huge", "too huge to print"} | real


@pytest.mark.parametrize(("argument", "taken"), OF_OPEN_CLIPS)
def test_open_clips_opens_or_says_what_is_wrong(argument: str, taken: set[str]) -> None:
    good: dict[str, Any] = {
        "source": FrameArray(np.zeros((3, 8, 8, 3), np.uint8), np.arange(3.0)),
        "recipe": Recipe(fps=5, frames=2, short_side=8, crop=8),
    }

    def used(value: Any) -> None:
        with open_clips(**(good | {argument: value})) as stream:
            assert list(itertools.islice(stream, 2))

    # A class can be called; what comes of it is the caller's.
    assert answered(used, without=frozenset({"class"})) == taken


@pytest.mark.parametrize("field", ["frames", "times_s"])
def test_frames_and_their_times_are_numbers(field: str) -> None:
    good: dict[str, Any] = {"frames": np.zeros((2, 4, 4, 3), np.uint8), "times_s": [0, 1]}
    assert answered(lambda value: FrameArray(**(good | {field: value}))) == ({"array"} if field == "times_s" else set())


def test_memory_of_any_form_is_its_bytes(model: Runtime, factory: Any, tmp_path: Path) -> None:
    content = factory.write_clip(tmp_path / "a.mp4", ticks=range(5)).read_bytes()
    padded = content + b"\0" * (-len(content) % 8)
    spread = np.zeros(2 * len(padded), np.uint8)
    spread[::2] = np.frombuffer(padded, np.uint8)
    wanted = model.tokens(content)
    for same in (memoryview(np.frombuffer(padded, np.float64)), memoryview(spread)[::2]):
        assert model.tokens(same) == wanted


def test_a_report_and_nothing_else_becomes_a_page() -> None:
    assert answered(html_page) == set()


def test_what_json_has_no_form_for_is_refused() -> None:
    taken = answered(to_json, without=frozenset({"endless numbers", "endless texts"}))
    refused = {
        *("numpy date", "array of objects", "complex", "set", "generator", "empty generator", "bytes", "no bytes"),
        *("bytearray", "memory of floats", "memory with gaps", "released memory", "closed file", "text file"),
        *("no path", "decimal", "object", "class", "slice", "nasty", "deep", "frames without times"),
        *("a time that is text", "a frame that is ragged"),
    }
    assert set(ODD) - taken - {"endless numbers", "endless texts"} == refused
    assert to_json({"a": [np.int8(1), np.float32(0.5), np.array([[1.5]]), Path("x"), np.str_("y"), np.True_]}) == {
        "a": [1, 0.5, [[1.5]], "x", "y", True]
    }


def test_what_a_caller_gives_is_read_once() -> None:
    from videobert.base.arguments import texts

    class Once:
        asked = 0

        def __iter__(self) -> Iterator[str]:
            self.asked += 1
            return iter(["red", "blue"])

    once = Once()
    assert texts("labels", once, example="[]") == ("red", "blue")
    assert once.asked == 1


def test_an_event_of_another_kind_stops_the_work(model: Runtime, saved: VisualTokens) -> None:
    import multiprocessing

    from videobert.base.errors import Cancelled

    for event in (threading.Event(), multiprocessing.get_context("spawn").Event()):
        event.set()
        with pytest.raises(Cancelled):
            model.align(saved, "red", cancel=event)  # type: ignore[arg-type]
