"""The graphs of a model folder as modules: what goes in, what comes out, which axes may vary."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from videobert.families.registry import FAMILIES
from videobert.model.config import ModelConfig
from videobert.model.recipe import Recipe
from videobert.model.stage import StageSpec
from videobert.model.stage_lists import stage_specs
from videobert_modeling.export.portable.decoder_inputs import decoder_inputs
from videobert_modeling.models.encoders.decoder import DecoderMemoryStage, DecoderStage
from videobert_modeling.models.encoders.transformer import SelfAttention, attend_where
from videobert_modeling.models.stage_modules import HeadStage, stages_of
from videobert_modeling.models.weights import Backbone, Model

Inputs = dict[str, Tensor]
# Added to the scores of places that are not seen: finite in fp16, and its exponential is zero in every type.
FAR = -3e4


@dataclass(frozen=True, kw_only=True)
class Graph:
    """One graph.

    Args:
        name: file name without suffix.
        module: its `forward` takes `example` in order.
        example: inputs to trace with; axes that vary must not have length 1.
        outputs: names of the outputs, in order.
        axes: for each input the names of its axes that vary, by their places.
        longest: upper bound of an axis, by name.
        trials: inputs for checking the exported file.
        part: the share of each output that has a meaning, given the inputs; all of it by default.
        rounded_at: size of what the last step rounds, for an output that is a difference and may be near zero.
    """

    name: str
    module: nn.Module
    example: Inputs
    outputs: tuple[str, ...]
    axes: dict[str, dict[int, str]]
    trials: tuple[Inputs, ...]
    longest: dict[str, int]
    part: Callable[[Inputs, Tensor], Tensor] = lambda inputs, output: output
    rounded_at: float = 0.0


def graphs_of(backbone: Backbone, model: Model, recipe: Recipe) -> Iterator[Graph]:
    """The graphs of a model, backbone first; heads only as far as the model has them."""
    random = torch.Generator().manual_seed(0)
    specs = {spec.name: spec for spec in stage_specs(model.config, recipe)}
    for name, module in stages_of(backbone, model, recipe).items():
        spec = specs[name]
        if spec.inputs[0].dtype == "uint8":
            yield _of_pixels(spec, module, random)
        elif isinstance(module, (DecoderMemoryStage, DecoderStage)):
            yield _graph(spec, module, *decoder_inputs(spec, random))
        elif all(tensor.dtype == "int64" for tensor in spec.inputs) and spec.lengths is None:
            yield _of_ids(spec, module, model.config, random)
        elif len(spec.free_axes) > 1:
            yield _of_sequences(spec, module, model.config, random)
        else:
            yield _head(spec, module, random)


@contextmanager
def lengths_in_attention(module: nn.Module) -> Iterator[None]:
    """While it lasts, every attention in `module` is traced as one ONNX `Attention`.

    With key lengths and no mask, or with a mask where it depends on the query.
    """
    attentions = [part for part in module.modules() if isinstance(part, SelfAttention)]
    before = [attention.attend for attention in attentions]
    for attention, plain in zip(attentions, before, strict=True):
        attention.attend = _onnx_attention_where if plain is attend_where else _onnx_attention
    try:
        yield
    finally:
        for attention, plain in zip(attentions, before, strict=True):
            attention.attend = plain


def _onnx_attention(query: Tensor, key: Tensor, value: Tensor, lengths: Tensor) -> Tensor:
    # Inputs of the operator: Q, K, V, mask, past key, past value, nonpad_kv_seqlen (since opset 24).
    return torch.onnx.ops.symbolic(
        "Attention", (query, key, value, None, None, None, lengths), dtype=query.dtype, shape=query.shape, version=24
    )


def _onnx_attention_where(query: Tensor, key: Tensor, value: Tensor, keep: Tensor) -> Tensor:
    # Added to the scores: a mask of truth values would be one more type that every engine has to know. Expanded last,
    # as onnxruntime refuses a mask that is broadcast over queries.
    mask = torch.where(keep, 0.0, FAR).to(query.dtype)[:, None].expand(-1, -1, query.shape[2], -1)
    return torch.onnx.ops.symbolic(
        "Attention", (query, key, value, mask), dtype=query.dtype, shape=query.shape, version=24
    )


def _graph(spec: StageSpec, module: nn.Module, example: Inputs, trials: tuple[Inputs, ...], **more: Any) -> Graph:
    """The graph of a stage, named as its specification says and with its inputs in that order."""
    return Graph(
        name=spec.name,
        module=module,
        example={tensor.name: example[tensor.name] for tensor in spec.inputs},
        outputs=tuple(tensor.name for tensor in spec.outputs),
        axes={
            tensor.name: {place: axis.name for place, axis in enumerate(tensor.axes) if axis.is_free}
            for tensor in spec.inputs
        },
        trials=trials,
        longest={axis.name: axis.longest for axis in spec.free_axes if axis.longest is not None},
        **more,
    )


def _of_pixels(spec: StageSpec, module: nn.Module, random: torch.Generator) -> Graph:
    (given,) = spec.inputs

    def pixels(batch: int) -> Inputs:
        shape = given.shape_with({spec.batch: batch})
        return {given.name: torch.randint(256, shape, generator=random, dtype=torch.uint8)}

    # One is what the runtime passes, and differs from the example.
    return _graph(spec, module, pixels(2), (pixels(1),))


def _of_sequences(spec: StageSpec, module: nn.Module, config: ModelConfig, random: torch.Generator) -> Graph:
    """A stage whose inputs have lengths: `lengths` along the axis `length`, `text_lengths` along `text_length`."""
    below = {
        "ids": FAMILIES[config.family].word_table(config).rows,
        "segments": config.encoder.segments,
    }
    longest = _longest_along(spec)

    def sequences(*wanted: int) -> Inputs:
        # The streams of a stage that has two are of unlike lengths.
        asked = dict(zip(longest, (wanted, wanted[::-1]), strict=False))
        lengths = {axis: [min(length, longest[axis]) for length in asked[axis]] for axis in longest}
        sizes = {spec.batch: len(wanted), **{axis: max(values) for axis, values in lengths.items()}}
        given: Inputs = {}
        for tensor in spec.inputs:
            shape = tensor.shape_with(sizes)
            if tensor.name.removesuffix("s") in lengths:
                given[tensor.name] = torch.tensor(lengths[tensor.name.removesuffix("s")])
            elif tensor.name in below:
                given[tensor.name] = torch.randint(below[tensor.name], shape, generator=random)
            else:
                given[tensor.name] = torch.randn(shape, generator=random)
        return given

    trials = (sequences(1), sequences(2, 9, 5), sequences(63), sequences(3, 40))
    return _graph(spec, module, sequences(7, 4), trials, part=_valid)


def _longest_along(spec: StageSpec) -> dict[str, int]:
    """How long sequences may be along each axis, so that those that stand behind each other fit too."""
    (output,) = spec.outputs
    longest = {axis.name: axis.longest or 64 for axis in spec.free_axes if axis.name != spec.batch}
    for axis in output.axes:
        for part in axis.sum_of:
            longest[part] = min(longest[part], (axis.longest or 128) // len(axis.sum_of))
    return longest


def _of_ids(spec: StageSpec, module: nn.Module, config: ModelConfig, random: torch.Generator) -> Graph:
    """A stage of tokens that needs no lengths: every place of every item counts."""
    most = {"ids": config.words + (0 if spec.of_text else config.visual_tokens), "segments": config.encoder.segments}

    def tokens(batch: int, length: int) -> Inputs:
        lengths = {axis.name: min(length, config.encoder.positions) for axis in spec.free_axes} | {spec.batch: batch}
        return {
            tensor.name: torch.randint(most[tensor.name], tensor.shape_with(lengths), generator=random)
            for tensor in spec.inputs
        }

    return _graph(spec, module, tokens(3, 5), (tokens(1, 1), tokens(2, 9), tokens(1, 63)))


def _head(spec: StageSpec, module: nn.Module, random: torch.Generator) -> Graph:
    (given,) = spec.inputs

    def states(count: int) -> Inputs:
        return {given.name: torch.randn(given.shape_with({spec.batch: count}), generator=random)}

    rounded_at = module.rounded_at if isinstance(module, HeadStage) else 0.0
    return _graph(spec, module, states(3), (states(1), states(5)), rounded_at=rounded_at)


def _valid(inputs: Inputs, states: Tensor) -> Tensor:
    """The states of real places; those of the second stream stand behind all places of the first."""
    lengths = [tensor for name, tensor in inputs.items() if name.endswith("lengths")]
    first = inputs.get("text_states", states).shape[1]
    sizes = (first, states.shape[1] - first)[: len(lengths)]
    real = [torch.arange(size) < length[:, None] for size, length in zip(sizes, lengths, strict=True)]
    return states[torch.cat(real, dim=1)]
