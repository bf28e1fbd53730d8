"""Encoders on 8-bit values, with SmoothQuant's scales and without: answers beside those in fp32, and turns.

    python -m benchmarks.int8.encoder judge MODEL OUT.json
    python -m benchmarks.int8.encoder time MODEL OUT.json

Of `shapes` the encoder answers for films with backgrounds that training does not have: which colour, shape or motion
stands at the `[MASK]`, given the same tokens each time. Of `everyday` the text encoder finds, for sentences of this
project's documentation, the nearest of the model's own labels. Ranges are observed on other films and on other pages.
"""

from __future__ import annotations

import argparse
import json
import re
import tempfile
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

import videobert
from benchmarks.int8.agreement import counted
from benchmarks.int8.points import without
from benchmarks.int8.timing import in_turns
from videobert import Runtime
from videobert.bench.environment import environment
from videobert.engines.openvino_int8_error import bias_corrected
from videobert.engines.openvino_ranges import observe
from videobert.families.registry import open_family
from videobert.model.folder import ModelFolder
from videobert.model.int8_ranges import Int8Ranges
from videobert.model.stage_lists import stage_specs

ROOT = Path(__file__).parents[2]
# Answers whose best two are nearer to each other in probability or cosine are near a tie.
NEAR_TIE = 0.01
SMOOTH = (0.5, 0.75, 0.85)
BEST = "smooth 0.75"
OBSERVED, SENTENCES, STORIES = 64, 400, 30
LENGTHS = (16, 128)


@dataclass(frozen=True, slots=True, kw_only=True)
class Answers:
    """What a model said.

    Args:
        said: the first answer to each question.
        gaps: how far it lies above the second.
        right: whether it is right, where that is known.
    """

    said: list[str]
    gaps: npt.NDArray[np.float64]
    right: list[bool]

    def beside(self, true: Answers) -> dict[str, Any]:
        """Agreement with those in fp32."""
        same = np.array([one == other for one, other in zip(self.said, true.said, strict=True)])
        sure = true.gaps >= NEAR_TIE
        found = {
            "same_answer": counted(int(same.sum()), len(same)),
            "same_answer_not_near_a_tie": counted(int((same & sure).sum()), int(sure.sum())),
            "mean_error_of_the_gap": float(np.abs(self.gaps - true.gaps).mean()),
        }
        return found | ({"right": counted(sum(self.right), len(self.right))} if self.right else {})


Ask = Callable[[Runtime], Answers]


def sentences(*, observed: bool) -> list[str]:
    """Sentences of every third page of the documentation, or of the others."""
    found = []
    for number, page in enumerate(sorted((ROOT / "docs").glob("*.md"))):
        if (number % 3 == 0) == observed:
            text = re.sub(r"```.*?```", "", page.read_text(encoding="utf-8"), flags=re.DOTALL)
            cut = (" ".join(each.split()) for each in re.split(r"(?<=[.:])\s+", text))
            found += [each for each in cut if 4 <= len(each.split()) <= 60 and "|" not in each]
    return found


def nearest_labels(texts: list[str]) -> Ask:
    """Asks for the nearest label of each text."""

    def ask(model: Runtime) -> Answers:
        opened = model._opened
        family: Any = open_family(model.config, opened.tokenizer, opened.engine.run)
        labels = next(iter(model.config.questions.values())).labels

        def vectors(given: Any) -> npt.NDArray[np.float64]:
            return np.stack([family.vector(opened.tokenizer.encode(text), None) for text in given]).astype(np.float64)

        cosines = vectors(texts) @ vectors(labels).T
        best = np.sort(cosines, axis=1)[:, -2:]
        return Answers(said=[labels[place] for place in cosines.argmax(axis=1)], gaps=best[:, 1] - best[:, 0], right=[])

    return ask


def what_is_shown(films: list[Any], place: Path) -> Ask:
    """Asks what each event of generated films shows."""
    from videobert_modeling.train.shapes.media import write_film
    from videobert_modeling.train.shapes.world import ATTRIBUTES

    with videobert.load("shapes", precision="fp32") as model:
        seen = [(film, model.tokens(write_film(film, place, str(number)))) for number, film in enumerate(films)]

    def ask(model: Runtime) -> Answers:
        found = []
        for film, tokens in seen:
            for event in film.events:
                scene = event.scene
                for name, text in (
                    ("colour", "it is [MASK]"),
                    ("motion", "it [MASK]"),
                    ("shape", f"the [MASK] {scene.motion}"),
                ):
                    span = (event.start_s, event.end_s)
                    answer = model.answer(tokens, text, choices=ATTRIBUTES[name], span=span)
                    first, second = (each.score for each in answer.candidates[:2])
                    found.append((answer.text, first - second, answer.text == getattr(scene, name)))
        said, gaps, right = zip(*found, strict=True)
        return Answers(said=list(said), gaps=np.array(gaps), right=list(right))

    return ask


def asks(model: str, place: Path) -> tuple[str, Ask, Ask]:
    """The stage, what it is observed on, and what it is judged on."""
    if ModelFolder(model).config.family == "conse":
        judged = sentences(observed=False)
        some = judged[:: max(1, len(judged) // SENTENCES)][:SENTENCES]
        return "text_encoder", nearest_labels(sentences(observed=True)[:OBSERVED]), nearest_labels(some)
    from benchmarks.exact_tokens import drawn

    stories = drawn("judge")
    (place / "observed").mkdir()
    (place / "judged").mkdir()
    observed = what_is_shown(drawn("int8"), place / "observed")
    return "encoder", observed, what_is_shown(stories[:: len(stories) // STORIES], place / "judged")


def opened(model: str, precision: Any, stage: str, ranges: Int8Ranges | None) -> Runtime:
    """The model with one stage that has ranges, or none."""
    found = videobert.load(model, precision=precision)
    engine: Any = found._opened.engine
    engine._int8 = {} if ranges is None else {stage: ranges}
    engine._stages.clear()
    return found


def inputs_of(model: str, stage: str, ask: Ask) -> list[dict[str, npt.NDArray[Any]]]:
    """What the stage is given while a model answers, every so many calls."""
    calls: list[dict[str, npt.NDArray[Any]]] = []
    with opened(model, "fp32", stage, None) as runtime:
        engine: Any = runtime._opened.engine
        run_all = engine.run_all

        def record(name: str, **inputs: npt.NDArray[Any]) -> Any:
            if name == stage:
                calls.append({key: np.array(value) for key, value in inputs.items()})
            return run_all(name, **inputs)

        engine.run_all = record
        ask(runtime)
    return [call for call in calls[:: max(1, len(calls) // OBSERVED)] if len(next(iter(call.values()))) == 1][:OBSERVED]


def points(model: str, stage: str, ask: Ask) -> dict[str, Int8Ranges]:
    """Ranges of all products, and with those of the feed-forward parts' second matrix kept."""
    folder, inputs = ModelFolder(model), inputs_of(model, stage, ask)
    observed = observe(folder, stage, inputs)
    found = {"largest": observed.ranges(), "squares": observed.ranges("squares")}
    found |= {f"smooth {power}": observed.ranges(smooth=power) for power in SMOOTH}
    found[f"{BEST}, bias"] = bias_corrected(folder, stage, found[BEST], inputs)
    # What leaves a GELU has few large values: the second matrix of a feed-forward part costs most.
    wide = frozenset(name for name, key in observed.keys.items() if "gelu" in key[0])
    return found | {f"{name}, after GELU kept": without(found[name], wide) for name in ("largest", BEST)}


def judged(model: str, place: Path) -> dict[str, Any]:
    """Answers at every point beside those in fp32."""
    stage, observed, ask = asks(model, place)
    with opened(model, "fp32", stage, None) as runtime:
        true = ask(runtime)
    rows = {"fp32": true.beside(true)}
    known: dict[str, Int8Ranges | None] = {"bf16": None, **points(model, stage, observed)}
    for name, ranges in known.items():
        with opened(model, "auto", stage, ranges) as runtime:
            rows[name] = ask(runtime).beside(true)
        print(name, rows[name], flush=True)
    return {"stage": stage, "near_a_tie_score": NEAR_TIE, "points": rows}


def timed(model: str, place: Path) -> dict[str, Any]:
    """Milliseconds of one sequence of each length, in turns."""
    stage, observed, _ = asks(model, place)
    ranges = points(model, stage, observed)[f"{BEST}, after GELU kept"]
    folder = ModelFolder(model)
    (spec,) = (each for each in stage_specs(folder.config, folder.recipe) if each.name == stage)
    found = {}
    with ExitStack() as stack:
        engines = {
            name: stack.enter_context(opened(model, precision, stage, each))._opened.engine
            for name, precision, each in (
                ("fp32", "fp32", None),
                ("bf16", "auto", None),
                ("int8", "auto", ranges),
            )
        }
        for length in LENGTHS:
            given = {each.name: np.ones((1, length), np.int64) for each in spec.inputs}
            given["lengths"] = np.array([length], np.int64)
            ways = {name: partial(engine.run, stage, **given) for name, engine in engines.items()}
            found[f"1x{length}"] = in_turns(ways, all_s=12.0)
    return found


def main() -> None:
    """Read the arguments and do one of the two."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("judge", "time"))
    parser.add_argument("model")
    parser.add_argument("out", type=Path)
    given = parser.parse_args()
    said = json.loads(given.out.read_text(encoding="utf-8")) if given.out.exists() else {}
    with tempfile.TemporaryDirectory() as place:
        found = (judged if given.what == "judge" else timed)(given.model, Path(place))
    said["encoder"] = said.get("encoder", {}) | (found if given.what == "judge" else {"time": found})
    said["environment"] = environment("openvino", "numpy")
    given.out.write_text(json.dumps(said, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
