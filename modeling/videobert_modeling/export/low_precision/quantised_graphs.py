"""int8 and fp8 graphs of a model folder: calibrated, judged on sequences that were not calibrated with, and written."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import onnx
from onnx import ModelProto

from videobert.base.errors import VideoBertError
from videobert.model.folder import ModelFolder
from videobert.model.graph_files import graph_file, portable_graph
from videobert.model.stage_lists import stage_specs, stages_with_lengths
from videobert_modeling.export.low_precision.calibration import Inputs, ranges_of, samples_of
from videobert_modeling.export.low_precision.lowered import lowered
from videobert_modeling.export.low_precision.masked import masked
from videobert_modeling.export.low_precision.quantised import Quantised, activations_of, quantised
from videobert_modeling.export.low_precision.shared_weights import sharing
from videobert_modeling.export.portable.parity import onnxruntime_runner

# The share of masked positions whose answer must stay.
LEAST_AGREEMENT = 0.99
# Two candidates this near in log-probability are equally good answers.
_TIE = 0.1
# Ranges to try in order: everything, then without the farthest outliers; last, weights only.
_SHARES = (1.0, 0.9999, 0.999, None)

_Judge = Callable[[ModelProto], float]


@dataclass(frozen=True, slots=True, kw_only=True)
class QuantisedStage:
    """How a stage was quantised.

    Args:
        activations: whether they are quantised too, or weights only.
        agreement: share of judged masked positions whose best candidate is the portable graphs', or ties with it.
        judged: how many positions that are.
        files: name in the folder and content.
    """

    stage: str
    activations: bool
    agreement: float
    judged: int
    files: dict[str, bytes]


def quantised_stages(folder: ModelFolder, kind: Quantised) -> tuple[QuantisedStage, ...]:
    """The encoder and the heads over a vocabulary, each with activations quantised if that keeps `LEAST_AGREEMENT`.

    Otherwise its weights alone are; a head that does not agree even so gets no graph and runs in fp16.

    Raises:
        ModelError: the folder lacks a file.
        VideoBertError: the encoder does not agree with weights alone.
    """
    specs = stage_specs(folder.config, folder.recipe)
    (encoder,) = (spec for spec in specs if spec.lengths is not None)
    heads = [spec.name for spec in specs if spec.scores_candidates and portable_graph(spec.name) in folder]
    portable = {stage: folder.read(portable_graph(stage)) for stage in (encoder.name, *heads)}
    run = {stage: onnxruntime_runner(content) for stage, content in portable.items()}
    known, judged = samples_of(folder)
    known_states = run[encoder.name](known.inputs)[known.masked]
    states = run[encoder.name](judged.inputs)[judged.masked]
    logits = {head: run[head]({"states": states}) for head in heads}

    def encoder_agrees(model: ModelProto) -> float:
        ours = onnxruntime_runner(model.SerializeToString())(judged.inputs)[judged.masked]
        return float(np.mean([_agreement(run[head]({"states": ours}), logits[head]) for head in heads]))

    def head_agrees(head: str) -> _Judge:
        return lambda model: _agreement(onnxruntime_runner(model.SerializeToString())({"states": states}), logits[head])

    found = [_stage(encoder.name, kind, portable[encoder.name], known.inputs, known.real, encoder_agrees, len(states))]
    if found[0] is None:
        raise VideoBertError(
            f"this encoder does not keep its answers in {kind}",
            allowed=f"{LEAST_AGREEMENT:.0%} of masked positions with the same best candidate",
            fix="Build with --precision fp16.",
        )
    for head in heads:
        inputs = {"states": known_states}
        found.append(_stage(head, kind, portable[head], inputs, None, head_agrees(head), len(states)))
    return tuple(stage for stage in found if stage is not None)


def _stage(
    stage: str,
    kind: Quantised,
    content: bytes,
    inputs: Inputs,
    real: npt.NDArray[np.bool_] | None,
    judge: _Judge,
    judged: int,
) -> QuantisedStage | None:
    source = onnx.load_from_string(content)
    low = lowered(source, "fp16")
    for share in _SHARES:
        ranges = None if share is None else ranges_of(low, activations_of(low), inputs, share, real)
        model = quantised(low, kind, ranges)
        agreement = judge(model)
        if agreement < LEAST_AGREEMENT:
            continue
        models = {graph_file(stage, kind, mask=False).name: model}
        if stage in stages_with_lengths():
            models[graph_file(stage, kind, mask=True).name] = quantised(lowered(masked(source), "fp16"), kind, ranges)
        files = {name: sharing(model, f"{stage}.onnx", content) for name, model in models.items()}
        return QuantisedStage(
            stage=stage, activations=ranges is not None, agreement=agreement, judged=judged, files=files
        )
    return None


def _agreement(ours: npt.NDArray[np.float32], theirs: npt.NDArray[np.float32]) -> float:
    """Share of rows whose best candidate in `ours` is at most `_TIE` below the best in `theirs`."""
    chosen = np.take_along_axis(theirs, ours.argmax(-1, keepdims=True), -1)[:, 0]
    return float((chosen >= theirs.max(-1) - _TIE).mean())
