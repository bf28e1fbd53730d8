"""What is said about a scene: paraphrased sentences over a small vocabulary, and the questions of the bundled model."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from videobert.model.questions import QuestionConfig
from videobert_modeling.train.shapes.world import ATTRIBUTES, COLOURS, MOODS, MOTIONS, SHAPES, Film, Scene

# Sentences that name everything; {motion} is the verb as in "spins", {doing} as in "spinning".
FULL_TEMPLATES = (
    "a {mood} {colour} {shape} {motion}",
    "the {mood} {colour} {shape} {motion}",
    "the {colour} {shape} with a {mood} face {motion}",
    "here a {mood} {colour} {shape} {motion}",
    "a {colour} {shape} {motion} and it looks {mood}",
    "look , a {mood} {colour} {shape} that {motion}",
    "we see a {mood} {colour} {shape} , it {motion}",
    "the {shape} is {colour} , it looks {mood} and it {motion}",
    "it {motion} , the {mood} {shape} that is {colour}",
    "a {mood} {colour} {shape} is {doing}",
    "the {colour} {shape} with a {mood} face is {doing} now",
)
# Sentences that name a part.
PARTIAL_TEMPLATES = (
    "a {colour} {shape} {motion}",
    "the {colour} {shape} {motion}",
    "the {shape} {motion}",
    "a {shape} {motion}",
    "it {motion}",
    "it is {doing}",
    "the {shape} is {doing}",
    "the object {motion}",
    "something {colour} {motion}",
    "the shape is {colour}",
    "the object is {colour}",
    "it is {colour}",
    "a {colour} shape",
    "a {colour} object {motion}",
    "it is a {shape}",
    "there is a {shape}",
    "the object is a {shape}",
    "a {mood} {shape}",
    "the face is {mood}",
    "a {mood} face",
    "it looks {mood}",
    "the {mood} object {motion}",
    "a {colour} {shape}",
    "there is a {colour} {shape}",
)
_FULL_SHARE = 0.5
_DOING = {
    "slides": "sliding",
    "spins": "spinning",
    "grows": "growing",
    "shrinks": "shrinking",
    "bounces": "bouncing",
    "blinks": "blinking",
}

QUESTIONS: dict[str, QuestionConfig] = {
    "motion": QuestionConfig(templates=("it [MASK]", "the object [MASK]"), labels=MOTIONS),
    "colour": QuestionConfig(templates=("it is [MASK]", "the object is [MASK]", "a [MASK] shape"), labels=COLOURS),
    "shape": QuestionConfig(templates=("it is a [MASK]", "there is a [MASK]", "the object is a [MASK]"), labels=SHAPES),
    "mood": QuestionConfig(templates=("it looks [MASK]", "the face is [MASK]", "a [MASK] face"), labels=MOODS),
}


@dataclass(frozen=True, slots=True)
class Sentence:
    """A sentence about a scene and the stretch of the film that it speaks of.

    Args:
        template: see `random_template`.
    """

    scene: Scene
    template: str
    start_s: float
    end_s: float

    @property
    def text(self) -> str:
        """The words."""
        return fill_template(self.template, self.scene)


def random_template(rng: np.random.Generator) -> str:
    """A sentence with places for `{colour}`, `{shape}`, `{mood}` and `{motion}` or `{doing}`, or some of them."""
    templates = FULL_TEMPLATES if rng.random() < _FULL_SHARE else PARTIAL_TEMPLATES
    return templates[rng.integers(len(templates))]


def fill_template(template: str, scene: Scene) -> str:
    """The template with the words of the scene."""
    return template.format(
        colour=scene.colour, shape=scene.shape, mood=scene.mood, motion=scene.motion, doing=_DOING[scene.motion]
    )


def narration(film: Film, seed: int) -> list[Sentence]:
    """Time-stamped sentences: one for every event, at times a second one."""
    rng = np.random.default_rng([film.seed, seed])
    sentences = []
    for event in film.events:
        middle = (event.start_s + event.end_s) / 2
        if rng.random() < 0.7:
            spans = [(event.start_s, event.end_s)]
        else:
            spans = [(event.start_s, middle), (middle, event.end_s)]
        sentences += [Sentence(event.scene, random_template(rng), start, end) for start, end in spans]
    return sentences


def naming_words() -> frozenset[str]:
    """The words that name a value of an attribute, in every form."""
    return frozenset(_DOING.values()).union(*ATTRIBUTES.values())


def vocabulary() -> list[str]:
    """Every word of the narration, sorted."""
    fixed = {w for t in FULL_TEMPLATES + PARTIAL_TEMPLATES for w in t.split() if not w.startswith("{")}
    return sorted(fixed | naming_words())
