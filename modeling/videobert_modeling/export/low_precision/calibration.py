"""Sequences to calibrate and to judge quantised graphs with, and the ranges that activations take on them."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
from onnx import ModelProto, helper

from videobert.base.limits import Limits
from videobert.families.videobert import JointSequence, SequenceBuilder
from videobert.model.folder import ModelFolder
from videobert.runtime import load
from videobert.text.reader import TextTokenizer
from videobert_modeling.export.portable.onnxruntime_library import onnxruntime_library

Inputs = dict[str, npt.NDArray[Any]]

_COUNT = 256
_CLIP = "clip.mp4"


@dataclass(frozen=True, slots=True, kw_only=True)
class Samples:
    """A batch of joint sequences as the encoder takes them, and where they hold `[MASK]`: rows and columns."""

    inputs: Inputs
    masked: tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]]

    @property
    def real(self) -> npt.NDArray[np.bool_]:
        """`(batch, length)`: what is not padding."""
        length = self.inputs["ids"].shape[1]
        found: npt.NDArray[np.bool_] = np.arange(length)[None] < self.inputs["lengths"][:, None]
        return found


def samples_of(folder: ModelFolder) -> tuple[Samples, Samples]:
    """Samples to calibrate with, and others to judge with.

    Each sequence has one masked visual token, and one masked word where the model has questions. The visual tokens are
    those of the clip that comes with the model, else drawn at random from the codebook; the texts are the templates of
    the model's questions.
    """
    config = folder.config
    tokenizer = TextTokenizer(folder.read("tokenizer.json"), config, Limits())
    builder = SequenceBuilder(config, tokenizer.special)
    random = np.random.default_rng(0)
    texts = [
        tokenizer.read(text, masks=True).pieces for asked in config.questions.values() for text in asked.templates
    ] or [[]]
    visual = _visual_tokens(folder, random)
    sequences = []
    for index in range(_COUNT):
        pieces = texts[index % len(texts)]
        room = min(config.window_clips, builder.room(len(pieces)), len(visual))
        count = int(random.integers(1, room + 1))
        start = int(random.integers(0, len(visual) - count + 1))
        masked = {int(random.integers(0, count))}
        sequences.append(builder.joint(pieces, visual[start : start + count], masked))
    random.shuffle(sequences)  # so that both halves have every text
    half, mask = _COUNT // 2, tokenizer.special.mask
    return _batch(builder, sequences[:half], mask), _batch(builder, sequences[half:], mask)


def ranges_of(
    model: ModelProto,
    values: tuple[str, ...],
    calls: Sequence[tuple[Inputs, npt.NDArray[np.bool_] | None]],
    share: float,
) -> dict[str, float]:
    """For each value the magnitude that a share of its elements stays below.

    Args:
        calls: inputs, and `(batch, length)` the places to count of values that have these axes; all if it is None.
        share: 1 for the largest magnitude.
    """
    watched = ModelProto()
    watched.CopyFrom(model)
    types = {v.name: v.type.tensor_type.elem_type for v in onnx.shape_inference.infer_shapes(model).graph.value_info}
    types |= {v.name: v.type.tensor_type.elem_type for v in model.graph.input}
    known = [name for name in values if name in {v.name for v in model.graph.input}]
    made = [name for name in values if name not in known]
    watched.graph.output.extend(helper.make_tensor_value_info(name, types[name], None) for name in made)
    with tempfile.TemporaryDirectory(prefix="videobert-calibration-") as place:
        path = Path(place, "watched.onnx")
        onnx.save(watched, path)
        session = onnxruntime_library().InferenceSession(str(path), providers=["CPUExecutionProvider"])
    counted: dict[str, list[npt.NDArray[np.float32]]] = {name: [] for name in values}
    for inputs, real in calls:
        found = dict(zip(made, session.run(made, inputs), strict=True)) | {name: inputs[name] for name in known}
        for name, value in found.items():
            counted[name].append(np.abs((value if real is None else value[real]).astype(np.float32)).ravel())
    return {name: float(np.quantile(np.concatenate(parts), share)) for name, parts in counted.items()}


def _batch(builder: SequenceBuilder, sequences: list[JointSequence], mask: int) -> Samples:
    batch = builder.batch(sequences)
    inputs = {"ids": batch.ids, "segments": batch.segments, "lengths": batch.lengths}
    rows, columns = np.nonzero(batch.ids == mask)
    return Samples(inputs=inputs, masked=(rows, columns))


def _visual_tokens(folder: ModelFolder, random: np.random.Generator) -> npt.NDArray[np.int64]:
    clip = folder.root / _CLIP
    if clip.is_file():
        with load(folder.root) as model:
            return np.asarray(model.tokens(clip).ids, np.int64)
    return random.integers(folder.config.visual_tokens, size=1024)
