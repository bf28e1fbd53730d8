"""int8 and fp8 graphs of a model folder: calibrated, judged on sequences that were not calibrated with, and written."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import onnx
from onnx import ModelProto

from videobert.base.errors import UsageError, VideoBertError
from videobert.model.folder import ModelFolder
from videobert.model.graph_files import check_quantisable, graph_file, portable_graph
from videobert.model.kept_layers import KeptLayers
from videobert.model.precision import FLOAT_PRECISIONS
from videobert.model.stage import StageSpec
from videobert.model.stage_lists import stage_specs, stages_with_lengths
from videobert_modeling.export.low_precision.calibration import Inputs, ranges_of, samples_of
from videobert_modeling.export.low_precision.lowered import lowered
from videobert_modeling.export.low_precision.masked import masked
from videobert_modeling.export.low_precision.quantised import Quantised, activations_of, quantised
from videobert_modeling.export.low_precision.recorded_calls import Call, recorded_calls
from videobert_modeling.export.low_precision.shared_weights import sharing
from videobert_modeling.export.portable.parity import onnxruntime_runner

# The share of masked positions whose answer must stay.
LEAST_AGREEMENT = 0.99
# Two candidates this near in log-probability are equally good answers.
_TIE = 0.1
# Ranges to try in order: everything, then without the farthest outliers; last, weights only.
_SHARES = (1.0, 0.9999, 0.999, None)

# States this near in direction are as good; those of a graph in fp8 have about 0.997.
_LEAST_COSINE = 0.99

_Judge = Callable[[ModelProto], float]
_Calls = list[tuple[Inputs, npt.NDArray[np.bool_] | None]]


@dataclass(frozen=True, slots=True, kw_only=True)
class QuantisedStage:
    """How a stage was quantised.

    Args:
        activations: whether they are quantised too, or weights only.
        agreement: share of what was judged that is as the portable graphs have it: masked positions whose best
            candidate is the same or ties with it, or, of an encoder that is not judged by heads, states whose cosine
            with theirs is 0.99 or more.
        judged: how many positions or states that are.
        files: name in the folder and content.
    """

    stage: str
    activations: bool
    agreement: float
    judged: int
    files: dict[str, bytes]


def quantised_stages(
    folder: ModelFolder, kind: Quantised, keep: KeptLayers | None = None
) -> tuple[QuantisedStage, ...]:
    """The encoders and the heads over a vocabulary, each with activations quantised if that keeps `LEAST_AGREEMENT`.

    Otherwise its weights alone are; a stage that does not agree even so gets no graph and runs in fp16. One encoder
    whose states heads read is judged by their answers, others by their own states.

    Args:
        folder: the model.
        kind: int8 or fp8.
        keep: products that stay in fp16; None for none.

    Raises:
        ModelError: the folder lacks a file.
        UsageError: the model has no encoder, or none that an answer about a text or a film needs.
        VideoBertError: no encoder agrees even with weights alone.
    """
    kept = KeptLayers(weights="") if keep is None else keep
    specs = stage_specs(folder.config, folder.recipe)
    check_quantisable(specs, kind)
    encoders = [spec for spec in specs if spec.is_encoder]
    heads = [spec for spec in specs if spec.scores_candidates and portable_graph(spec.name) in folder]
    if len(encoders) == 1 and heads and _takes_joint_sequences(encoders[0]):
        found = _by_answers(folder, kind, encoders[0], heads, kept)
    else:
        found = _by_states(folder, kind, encoders, [head for head in heads if len(head.outputs) == 1], kept)
    if not {stage.stage for stage in found} & {spec.name for spec in encoders}:
        raise VideoBertError(
            f"{'this encoder does' if len(encoders) == 1 else 'these encoders do'} not keep its answers in {kind}",
            allowed=f"{LEAST_AGREEMENT:.0%} of masked positions with the same best candidate, or of like states",
            fix="Build with --precision fp16.",
        )
    return found


def _takes_joint_sequences(encoder: StageSpec) -> bool:
    """Whether its input is words and visual tokens in one sequence, as `samples_of` makes them."""
    return {tensor.name for tensor in encoder.inputs} == {"ids", "segments", "lengths"}


def _by_answers(
    folder: ModelFolder, kind: Quantised, encoder: StageSpec, heads: Sequence[StageSpec], keep: KeptLayers
) -> tuple[QuantisedStage, ...]:
    """One encoder of joint sequences, whose states at hidden places the heads read."""
    names = [head.name for head in heads]
    portable = {stage: folder.read(portable_graph(stage)) for stage in (encoder.name, *names)}
    run = {stage: onnxruntime_runner(content) for stage, content in portable.items()}
    known, judged = samples_of(folder)
    known_states = run[encoder.name](known.inputs)[known.masked]
    states = run[encoder.name](judged.inputs)[judged.masked]
    logits = {head: run[head]({"states": states}) for head in names}

    def encoder_agrees(model: ModelProto) -> float:
        ours = onnxruntime_runner(model.SerializeToString())(judged.inputs)[judged.masked]
        return float(np.mean([_agreement(run[head]({"states": ours}), logits[head]) for head in names]))

    def head_agrees(head: str) -> _Judge:
        return lambda model: _agreement(onnxruntime_runner(model.SerializeToString())({"states": states}), logits[head])

    calls: _Calls = [(known.inputs, known.real)]
    found = [_stage(encoder.name, kind, portable[encoder.name], calls, encoder_agrees, len(states), keep)]
    if found[0] is None:
        return ()
    for head in names:
        inputs: _Calls = [({"states": known_states}, None)]
        found.append(_stage(head, kind, portable[head], inputs, head_agrees(head), len(states), keep))
    return tuple(stage for stage in found if stage is not None)


def _by_states(
    folder: ModelFolder, kind: Quantised, encoders: Sequence[StageSpec], heads: Sequence[StageSpec], keep: KeptLayers
) -> tuple[QuantisedStage, ...]:
    """Encoders by the states of real places, heads by their best candidates, on what the family's answers give them.

    A stage that no answer needs stays in fp16.
    """
    recorded = recorded_calls(folder)
    if not any(len(recorded.get(spec.name, [])) > 1 for spec in encoders):
        raise UsageError(
            f"there is nothing to judge this model's encoders by in {kind}: no vector of a text or a film needs them",
            seen=", ".join(spec.name for spec in encoders),
            allowed=", ".join(FLOAT_PRECISIONS),
            fix="Use one of those.",
        )
    found = []
    for spec in (*encoders, *heads):
        calls = recorded.get(spec.name, [])
        known, judged = calls[::2], calls[1::2]
        if not judged:
            continue
        places = [call.real(spec) for call in judged]

        def agrees(
            model: ModelProto,
            judged: list[Call] = judged,
            places: list[npt.NDArray[np.bool_]] = places,
            compare: Callable[[npt.NDArray[np.float32], npt.NDArray[np.float32]], float] = (
                _likeness if spec.is_encoder else _agreement
            ),
        ) -> float:
            run = onnxruntime_runner(model.SerializeToString())
            ours = [run(call.inputs)[real] for call, real in zip(judged, places, strict=True)]
            theirs = [call.output[real] for call, real in zip(judged, places, strict=True)]
            return compare(np.concatenate(ours), np.concatenate(theirs))

        inputs: _Calls = [(call.inputs, _places_of_values(spec, call)) for call in known]
        count = int(sum(real.sum() for real in places))
        found.append(_stage(spec.name, kind, folder.read(portable_graph(spec.name)), inputs, agrees, count, keep))
    return tuple(stage for stage in found if stage is not None)


def _places_of_values(spec: StageSpec, call: Call) -> npt.NDArray[np.bool_] | None:
    """The places that count of every value inside a stage; none are left out where values have other axes than states.

    A stage of two streams has values of each before they are put behind each other, but none of them enters a product.
    """
    return call.real(spec) if spec.length_inputs else None


def _stage(
    stage: str,
    kind: Quantised,
    content: bytes,
    calls: _Calls,
    judge: _Judge,
    judged: int,
    keep: KeptLayers,
) -> QuantisedStage | None:
    kept = keep.of(stage)
    source = onnx.load_from_string(content)
    low = lowered(source, "fp16")
    for share in _SHARES:
        ranges = None if share is None else ranges_of(low, activations_of(low, kept), calls, share)
        model = quantised(low, kind, ranges, kept)
        agreement = judge(model)
        if agreement < LEAST_AGREEMENT:
            continue
        models = {graph_file(stage, kind, mask=False).name: model}
        if stage in stages_with_lengths():
            models[graph_file(stage, kind, mask=True).name] = quantised(
                lowered(masked(source), "fp16"), kind, ranges, kept
            )
        files = {name: sharing(model, f"{stage}.onnx", content) for name, model in models.items()}
        return QuantisedStage(
            stage=stage, activations=ranges is not None, agreement=agreement, judged=judged, files=files
        )
    return None


def _agreement(ours: npt.NDArray[np.float32], theirs: npt.NDArray[np.float32]) -> float:
    """Share of rows whose best candidate in `ours` is at most `_TIE` below the best in `theirs`."""
    chosen = np.take_along_axis(theirs, ours.argmax(-1, keepdims=True), -1)[:, 0]
    return float((chosen >= theirs.max(-1) - _TIE).mean())


def _likeness(ours: npt.NDArray[np.float32], theirs: npt.NDArray[np.float32]) -> float:
    """Share of rows of `ours` that have the direction of those in `theirs`."""
    lengths = np.linalg.norm(ours, axis=-1) * np.linalg.norm(theirs, axis=-1)
    cosines = (ours * theirs).sum(-1) / np.maximum(lengths, np.finfo(np.float32).tiny)
    return float((cosines >= _LEAST_COSINE).mean())
