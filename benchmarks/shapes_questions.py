"""How well `locate` and `answer` do on films of the world `shapes` with several events each.

Run as `python benchmarks/shapes_questions.py OUT.json WORK`; it takes some eight minutes on two cores; the
films stay in WORK. Backgrounds are those that training does not have; half of the films are of combinations that
no training stage met. In half of the films events begin where clips do, in the others anywhere.

A hit is right if it and a stretch that the sentence is true of overlap by half of what both cover (R1@0.5 of the first
hit). Choices are four sentences that name all four attributes, the wrong ones of other scenes than the film has, or of
the right scene with one attribute changed; the question is about one event's time, or about the whole film.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

import videobert
from videobert.bench.environment import environment
from videobert.visual.tokens import VisualTokens
from videobert_modeling.metrics.proportion import proportion
from videobert_modeling.train.shapes.media import SUFFIXES, write_film
from videobert_modeling.train.shapes.narrate import FULL_TEMPLATES, PARTIAL_TEMPLATES, fill_template
from videobert_modeling.train.shapes.world import (
    ATTRIBUTES,
    HELD_OUT_BACKGROUNDS,
    Event,
    Film,
    Scene,
    SceneSampler,
    held_out_films,
)

FILMS, EVENTS, SEED = 5, (4, 6), 13
Span = tuple[float, float]


def films(count: int, seed: int, *, free: bool) -> list[Film]:
    """Films of several different scenes each; `free`: they change anywhere, not where clips do."""
    rng = np.random.default_rng([seed, int(free)])
    deals = {split: SceneSampler(rng, split) for split in ("seen", "unseen")}  # type: ignore[arg-type]
    looks = held_out_films(count, seed, "seen")
    made = []
    for number, look in enumerate(looks):
        deal = deals["seen" if number % 2 else "unseen"]
        scenes: list[Scene] = []
        while len(scenes) < int(rng.integers(EVENTS[0], EVENTS[1] + 1)):
            scene = deal()
            if scene not in scenes:
                scenes.append(scene)
        lengths = [float(rng.uniform(2.0, 6.0)) if free else float(rng.choice((3.0, 4.5, 6.0))) for _ in scenes]
        ends = np.cumsum(lengths)
        events = tuple(
            Event(scene, float(end - length), float(end))
            for scene, length, end in zip(scenes, lengths, ends, strict=True)
        )
        made.append(replace(look, events=events, width=320, height=240, backgrounds=HELD_OUT_BACKGROUNDS))
    return made


def overlap(one: Span, other: Span) -> float:
    """What two stretches share over what they cover together."""
    shared = min(one[1], other[1]) - max(one[0], other[0])
    return max(0.0, shared) / (max(one[1], other[1]) - min(one[0], other[0]))


def true_spans(film: Film, template: str, text: str) -> list[Span]:
    """The events that a sentence is true of, and neighbours of these joined."""
    events = [(e.start_s, e.end_s) for e in film.events if fill_template(template, e.scene) == text]
    runs: list[Span] = []
    for start_s, end_s in events:
        touches = bool(runs) and abs(runs[-1][1] - start_s) < 1e-6
        runs.append((runs.pop()[0] if touches else start_s, end_s))
    return [*runs, *events]


def wrong_scenes(rng: np.random.Generator, right: Scene, film: Film, *, alike: bool) -> list[Scene]:
    """Three scenes that are nowhere in the film: any, or the right one with one attribute changed."""
    there = {event.scene for event in film.events}
    found: list[Scene] = []
    while len(found) < 3:
        if alike:
            name = str(rng.choice(list(ATTRIBUTES)))
            scene = replace(right, **{name: str(rng.choice(ATTRIBUTES[name]))})
        else:
            scene = Scene(*(str(rng.choice(values)) for values in ATTRIBUTES.values()))
        if scene not in there and scene not in found:
            found.append(scene)
    return found


def measured(model: videobert.Runtime, made: Sequence[tuple[Film, VisualTokens]], rng: np.random.Generator) -> Any:
    """All figures of some films."""
    right: dict[str, list[bool]] = {}

    def note(name: str, is_right: bool) -> None:
        right.setdefault(name, []).append(bool(is_right))

    for film, tokens in made:
        for event in film.events:
            for kind, templates in (("full", FULL_TEMPLATES), ("part", PARTIAL_TEMPLATES)):
                template = str(rng.choice(templates))
                text = fill_template(template, event.scene)
                hits = model.locate(tokens, text, top=1).hits
                spans = true_spans(film, template, text)
                best = (
                    max((overlap((hits[0].start_s, hits[0].end_s), span) for span in spans), default=0.0) if hits else 0
                )
                note(f"locate_{kind}_sentences_r1_at_0.5", best >= 0.5)
                note(f"locate_{kind}_sentences_r1_at_0.7", best >= 0.7)
            for kind, alike in (("other_scenes", False), ("one_attribute", True)):
                template = FULL_TEMPLATES[int(rng.integers(len(FULL_TEMPLATES)))]
                wrong = wrong_scenes(rng, event.scene, film, alike=alike)
                choices = [fill_template(template, scene) for scene in (event.scene, *wrong)]
                order = [choices[place] for place in rng.permutation(len(choices))]
                in_film = model.answer(tokens, "what happens?", choices=order)
                note(f"choice_of_four_{kind}_in_film", in_film.text == choices[0])
                span = (event.start_s, event.end_s)
                in_event = model.answer(tokens, "what happens?", choices=order, span=span)
                note(f"choice_of_four_{kind}_in_event", in_event.text == choices[0])
            colour = model.answer(
                tokens, "it is [MASK]", choices=ATTRIBUTES["colour"], span=(event.start_s, event.end_s)
            )
            note("cloze_colour_in_event", colour.text == event.scene.colour)
            shown = f"is there a {event.scene.colour} {event.scene.shape}?"
            note("yes_no_true", model.answer(tokens, shown).text == "yes")
            (absent, *_) = wrong_scenes(rng, event.scene, film, alike=False)
            pairs = {(e.scene.colour, e.scene.shape) for e in film.events}
            if (absent.colour, absent.shape) not in pairs:
                note("yes_no_false", model.answer(tokens, f"is there a {absent.colour} {absent.shape}?").text == "no")
    return {name: proportion(rows) for name, rows in right.items()}


def main(out: Path, work: Path) -> None:
    """Write the films, ask about them, write the figures."""
    work.mkdir(parents=True, exist_ok=True)
    figures = {}
    with videobert.load("shapes") as model:
        for name, free in (("events_where_clips_begin", False), ("events_anywhere", True)):
            made = []
            for number, film in enumerate(films(FILMS, SEED, free=free)):
                stem = f"{name}_{number}"
                path = work / f"{stem}{SUFFIXES[film.codec]}"
                made.append((film, model.tokens(path if path.exists() else write_film(film, work, stem))))
            figures[name] = measured(model, made, np.random.default_rng(SEED))
    result = {"films": FILMS, "seed": SEED, "environment": environment("openvino", "numpy", "av"), "figures": figures}
    out.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
