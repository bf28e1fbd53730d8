"""What a model's stages are given when its family answers for texts and films: to calibrate and to judge with.

The family itself makes the inputs, so they are those of its tasks, whatever stages it has and however they follow each
other. The texts are those of the model's questions; the films are random pictures, seen by the model's own backbone.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from videobert.base.limits import Limits
from videobert.families.family import Aligns, Embeds, Joint
from videobert.families.registry import capabilities_of, open_family
from videobert.model.folder import ModelFolder
from videobert.model.graph_files import portable_graph
from videobert.model.stage import Stage, StageSpec
from videobert.model.stage_lists import BACKBONE, stage_specs
from videobert.text.reader import TextTokenizer
from videobert_modeling.export.portable.parity import Run, onnxruntime_runner

Array = npt.NDArray[Any]

_TEXTS, _CLIPS = 48, 24
_SCALES = (1, 4, 16)


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One call of a stage: its inputs, and what the portable graph gave."""

    inputs: dict[str, Array]
    output: npt.NDArray[np.float32]

    def real(self, spec: StageSpec) -> npt.NDArray[np.bool_]:
        """bool, the leading axes of the output: which places mean something; those past a length do not."""
        along = {f"{axis.name}s": axis.name for axis in spec.free_axes}
        lengths = {along[name]: self.inputs[name] for name in spec.length_inputs}
        if not lengths:
            return np.ones(self.output.shape[:-1], np.bool_)
        sizes = spec.lengths_of(self.inputs)
        inside = [np.arange(sizes[axis]) < values[:, None] for axis, values in lengths.items()]
        return np.concatenate(inside, axis=1)


class RecordingStages:
    """Runs portable graphs in onnxruntime and keeps every call. See `RunStages`; only stages of one output are run.

    Args:
        folder: has its portable graphs.
    """

    def __init__(self, folder: ModelFolder) -> None:
        self.calls: dict[Stage, list[Call]] = {}
        self._folder = folder
        self._runs: dict[Stage, Run] = {}

    def __call__(self, stage: Stage, **inputs: Array) -> npt.NDArray[np.float32]:
        if stage not in self._runs:
            self._runs[stage] = onnxruntime_runner(self._folder.read(portable_graph(stage)))
        output = self._runs[stage](inputs)
        kept = {name: array.copy() for name, array in inputs.items()}
        self.calls.setdefault(stage, []).append(Call(inputs=kept, output=output.copy()))
        return output

    def run_all(self, stage: Stage, **inputs: Array) -> dict[str, Array]:
        """See `RunStages`."""
        return {"": self(stage, **inputs)}


@dataclass(frozen=True, slots=True)
class _Film:
    """See `Stretch`."""

    features: npt.NDArray[np.float32]
    ids: npt.NDArray[np.int32]
    sure: None = None


def recorded_calls(folder: ModelFolder) -> dict[Stage, list[Call]]:
    """The calls of each stage that a model's answers need, in order; the same folder gives the same.

    Raises:
        ModelError: the folder lacks a file.
    """
    config = folder.config
    tokenizer = TextTokenizer(folder.read("tokenizer.json"), config, Limits())
    run = RecordingStages(folder)
    family, able = open_family(config, tokenizer, run), capabilities_of(config)
    random = np.random.default_rng(0)
    texts, film = _texts(folder, tokenizer, random), _film(folder, run, random)
    for number, pieces in enumerate(texts):
        if isinstance(family, Embeds):
            family.vector(pieces, None)
        count = int(random.integers(1, min(len(film), family.room(len(pieces))) + 1))
        start = int(random.integers(0, len(film) - count + 1))
        stretch = _Film(film[start : start + count], np.zeros(count, np.int32))
        if isinstance(family, Embeds):
            family.vector(None, [stretch])
        if isinstance(family, Aligns) and "aligns" in able:
            family.log_odds(pieces, [stretch])
        if isinstance(family, Joint) and "fills_words" in able:
            sequence = family.joint(pieces, stretch, {number % count})
            place = sequence.text_start + number % max(1, len(pieces))
            (states,) = family.states([(sequence, [place])])
            family.word_log_probs(states)
    return run.calls


def _texts(folder: ModelFolder, tokenizer: TextTokenizer, random: np.random.Generator) -> list[list[int]]:
    """Word pieces of the templates and labels of the model's questions, and random words up to a number of texts."""
    questions = folder.config.questions.values()
    said = [text for asked in questions for text in (*asked.templates, *asked.labels)]
    texts = [tokenizer.read(text, masks=True).pieces for text in dict.fromkeys(said[:_TEXTS])]
    words = np.flatnonzero(tokenizer.answers)
    most = min(16, folder.config.encoder.positions - 2)
    while len(texts) < _TEXTS:
        texts.append([int(word) for word in random.choice(words, int(random.integers(1, most + 1)))])
    return texts


def _film(folder: ModelFolder, run: RecordingStages, random: np.random.Generator) -> npt.NDArray[np.float32]:
    """Features `(clips, feature_dim)` of clips of coloured blocks of several sizes, each clip standing still."""
    (spec,) = (spec for spec in stage_specs(folder.config, folder.recipe) if spec.name == BACKBONE)
    _, frames, height, width, channels = spec.inputs[0].shape
    features = []
    for number in range(_CLIPS):
        side = _SCALES[number % len(_SCALES)]
        blocks = random.integers(0, 256, (-(-height // side), -(-width // side), channels), np.uint8)
        picture = blocks.repeat(side, axis=0).repeat(side, axis=1)[:height, :width]
        clip = np.broadcast_to(picture, (1, frames, *picture.shape))
        features.append(run(BACKBONE, **{spec.inputs[0].name: np.ascontiguousarray(clip)})[0])
    return np.stack(features)
