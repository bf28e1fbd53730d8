"""Tokens and answers of the bundled model on its own clip are those of `saved_answers.json`.

The file is made again, by running this file, only when an answer is meant to change. Tokens, texts, times and pictures
are the same on every machine. Scores are in fp32: their last bits are those of the file where the same OpenVINO runs on
the same kind of CPU, which may order its sums otherwise; elsewhere they are within 1e-4, percentiles within half a
point, and features within the last bits of float16, as they are rounded.
"""

from __future__ import annotations

import hashlib
import json
import platform
import tempfile
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from videobert.base.offline_imports import openvino_library
from videobert.engines.openvino_engine import cpu_features
from videobert.model.folder import BUNDLED, bundled_names
from videobert.results.as_json import to_json
from videobert.runtime import Runtime, load

pytestmark = pytest.mark.skipif("shapes" not in bundled_names(), reason="this checkout carries no bundled model")

SAVED = Path(__file__).parent / "saved_answers.json"
CLIP = BUNDLED / "shapes" / "clip.mp4"
VERBS = (
    *("tokens", "features", "run", "stream", "embed", "fill", "align", "classify", "caption", "events"),
    *("answer", "locate", "forecast", "summarize", "sentiment", "edit", "search"),
)
# Names of fields, with how far their numbers may be off on another kind of CPU; all others are the same everywhere.
MAY_DIFFER = {
    "features": 4e-3,
    "percentile": 0.5,
    "percentiles": 0.5,
    **dict.fromkeys(("score", "log_prior", "vector", "cover", "covered", "fits"), 1e-4),
    # Differences of log-odds, which go past 10.
    **dict.fromkeys(("fit", "drop"), 2e-3),
}
# They tell of the machine, of the release, or of files that no answer is made from.
LEFT_OUT = ("timings_s", "videobert", "weights")


def kind_of_cpu() -> dict[str, Any]:
    """What the last bits of a sum may depend on."""

    told: dict[str, str] = {}
    if Path("/proc/cpuinfo").exists():
        for line in Path("/proc/cpuinfo").read_text().split("\n\n")[0].splitlines():
            name, _, value = line.partition(":")
            told[name.strip()] = value.strip()
    model = " ".join(told.get(name, "") for name in ("model name", "cpu family", "model"))
    return {
        "cpu": model.strip() or platform.processor(),
        "instruction_sets": sorted(name for name, there in cpu_features().items() if there),
        "openvino": openvino_library().__version__,
    }


def answers(model: Runtime, verb: str) -> dict[str, Any]:
    """What a verb says about the clip, asked in several ways."""
    if verb == "tokens":
        found: dict[str, Any] = {f"{way}": model.tokens(CLIP, assignment=way) for way in ("flat", "tree")}
        found |= {f"stride {stride}": model.tokens(CLIP, stride=stride) for stride in (2, 3, 5)}
    elif verb == "features":
        found = {"stride 3": model.features(CLIP, stride=3)}
    elif verb == "run":
        found = {f"context {clips}": model.run(CLIP, context_clips=clips) for clips in (0, 2)}
        found["saved tokens"] = model.run(model.tokens(CLIP, assignment="tree"), stride=2)
    elif verb == "stream":
        found = {"context 1": list(model.stream(CLIP, context_clips=1))}
    elif verb == "embed":
        text = "a red circle"
        found = {"video": model.embed(CLIP), "text": model.embed(text=text), "joint": model.embed(CLIP, text)}
    elif verb == "fill":
        found = {
            "words": model.fill("a [MASK] [MASK] that [MASK]", CLIP),
            "moments": model.fill("it is a [MASK]", CLIP, [0, 2]),
            "text": model.fill("the object is a [MASK]"),
        }
    elif verb == "caption":
        found = {"whole": model.caption(CLIP), "span": model.caption(CLIP, span=(3.0, 7.5))}
    elif verb == "events":
        found = {"all": model.events(CLIP)}
    elif verb == "answer":
        found = {"yes or no": model.answer(CLIP, "is there a red heart?", evidence=True)}
        found["blank"] = model.answer(CLIP, "a [MASK] circle", choices=["red", "blue"])
    elif verb == "locate":
        found = {text: model.locate(CLIP, text, evidence=True) for text in ("a red heart", "a yellow star bounces")}
    elif verb == "forecast":
        found = {"ahead": model.forecast(CLIP, ahead=(1, 3), top=2)}
    elif verb == "summarize":
        found = {"share": model.summarize(CLIP), "about a text": model.summarize(CLIP, seconds=6, text="a red heart")}
    elif verb == "sentiment":
        found = {"both": model.sentiment(CLIP, text="the face is sad")}
    elif verb == "edit":
        found = {
            "sentence": model.edit(CLIP, "keep only the parts where a yellow star bounces, then at most 2 seconds")
        }
        found["by hand"] = model.edit(CLIP, keep=[(0.5, 4.5), (6, 10)], remove=[(2, 3)])
    elif verb == "search":
        found = searched(model)
    elif verb == "align":
        found = {text: model.align(CLIP, text) for text in ("a red circle", "the face is sad")}
        found["windows"] = model.align(CLIP, "a blue square", window_clips=3)
    else:
        found = {name: model.classify(CLIP, question=name) for name in model.config.questions}
        labels, templates = ["red", "blue", "white"], ["the object is {label}"]
        found["labels"] = model.classify(CLIP, labels, templates, window_clips=2, top=2, prior_strength=0.5)
    return {way: plain(answer) for way, answer in found.items()}


def searched(model: Runtime) -> dict[str, Any]:
    """Hits in an index of the clip alone, named as it is wherever the index lies."""
    with tempfile.TemporaryDirectory() as folder:
        model.index(CLIP, folder)
        asked = {
            "text": model.search("a yellow star bounces", folder, top=3),
            "video": model.search(CLIP, folder, span=(0.0, 3.0), top=3),
        }
    return {
        way: replace(found, hits=tuple(replace(hit, source=CLIP.name) for hit in found.hits))
        for way, found in asked.items()
    }


def plain(answer: Any) -> Any:
    """JSON of an answer, with the digests of its pictures."""
    if isinstance(answer, list):
        return [plain(each) for each in answer]
    fields = {name: value for name, value in to_json(answer).items() if name not in LEFT_OUT}
    if "origin" in fields:
        fields["origin"] = {name: value for name, value in fields["origin"].items() if name not in LEFT_OUT}
    pictures = [still.picture for still in getattr(answer, "stills", ())]
    pictures += [segment.thumbnail for segment in getattr(answer, "segments", ()) if hasattr(segment, "thumbnail")]
    if getattr(answer, "thumbnail", None) is not None:
        pictures.append(answer.thumbnail)
    if pictures:
        shown = [picture.tobytes() for picture in pictures if picture is not None]
        fields["pictures"] = [len(shown), hashlib.sha256(b"".join(shown)).hexdigest()]
    if "vector" in fields:  # the shortest text that says a float32
        fields["vector"] = [float(str(np.float32(value))) for value in fields["vector"]]
    return json.loads(json.dumps(fields, allow_nan=False))


def load_plainly(cache_dir: Path) -> Runtime:
    """With one thread: a sum that is shared by threads may be ordered by how many there are."""
    return load("shapes", precision="fp32", engine="openvino", threads=1, cache_dir=cache_dir)


def compare(found: Any, saved: Any, *, exactly: bool, within: float = 0.0, path: str = "") -> None:
    assert type(found) is type(saved), path
    if isinstance(saved, dict):
        assert list(found) == list(saved), path
        for name, value in saved.items():
            may = 0.0 if exactly else MAY_DIFFER.get(name, 0.0)
            compare(found[name], value, exactly=exactly, within=may, path=f"{path}.{name}")
    elif isinstance(saved, list):
        assert len(found) == len(saved), path
        for number, pair in enumerate(zip(found, saved, strict=True)):
            compare(*pair, exactly=exactly, within=within, path=f"{path}[{number}]")
    elif within and isinstance(saved, float):
        assert found == pytest.approx(saved, abs=within, rel=min(within, 1e-4)), path
    else:
        assert found == saved, path


@pytest.fixture(scope="module")
def shapes(tmp_path_factory: pytest.TempPathFactory) -> Any:
    with load_plainly(tmp_path_factory.mktemp("saved")) as model:
        yield model


@pytest.mark.parametrize("verb", VERBS)
def test_answers_are_those_that_were_saved(shapes: Runtime, verb: str) -> None:
    saved = json.loads(SAVED.read_text(encoding="utf-8"))
    exactly = saved["made_on"] == kind_of_cpu()
    compare(answers(shapes, verb), saved["answers"][verb], exactly=exactly, path=verb)


def test_another_token_or_score_is_seen() -> None:
    """The comparison itself: what it lets pass, and what not."""
    saved = json.loads(SAVED.read_text(encoding="utf-8"))["answers"]
    for verb, path, change, passes_elsewhere in (
        ("tokens", ("flat", "ids", 0), 1, False),
        ("tokens", ("flat", "percentiles", 0), -0.5, True),
        ("run", ("context 0", "segments", 0, "start_s"), 1e-9, False),
        ("embed", ("text", "vector", 3), 1e-6, True),
        ("embed", ("text", "vector", 3), 1e-1, False),
        ("align", ("a red circle", "score"), 1e-6, True),
        ("fill", ("text", "filled", 0, "candidates", 0, "text"), "x", False),
    ):
        changed = json.loads(json.dumps(saved[verb]))
        *outer, last = path
        inner: Any = changed
        for step in outer:
            inner = inner[step]
        inner[last] += change
        with pytest.raises(AssertionError):
            compare(changed, saved[verb], exactly=True)
        if passes_elsewhere:
            compare(changed, saved[verb], exactly=False)
        else:
            with pytest.raises(AssertionError):
                compare(changed, saved[verb], exactly=False)


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as cache, load_plainly(Path(cache)) as bundled:
        made = {"made_on": kind_of_cpu(), "answers": {verb: answers(bundled, verb) for verb in VERBS}}
    # A line for each answer, so that a change shows where it is.
    short = partial(json.dumps, separators=(",", ":"))
    lines = {
        verb: ",\n".join(f"{json.dumps(way)}: {short(answer)}" for way, answer in ways.items())
        for verb, ways in made["answers"].items()
    }
    body = ",\n".join(f"{json.dumps(verb)}: {{\n{text}\n}}" for verb, text in lines.items())
    text = f'{{\n"made_on": {json.dumps(made["made_on"])},\n"answers": {{\n{body}\n}}\n}}\n'
    SAVED.write_text(text, encoding="utf-8")
