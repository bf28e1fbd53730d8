"""The graphs of a model folder as modules: what goes in, what comes out, which axes may vary."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from videobert.config import ModelConfig
from videobert.recipe import Recipe
from videobert_modeling.models import S3D, JointEncoder, VideoBert
from videobert_modeling.models.joint_encoder import SelfAttention

Inputs = dict[str, Tensor]


@dataclass(frozen=True, kw_only=True)
class Graph:
    """One graph.

    Args:
        name: file name without suffix.
        module: its `forward` takes `example` in order.
        example: inputs to trace with; axes that vary must not have length 1.
        output: name of the output.
        axes: names of the axes that vary, the same for each input as far as the input has them.
        longest: upper bound of an axis, by name.
        trials: inputs for checking the exported file.
        part: the share of an output that has a meaning, given the inputs; all of it by default.
    """

    name: str
    module: nn.Module
    example: Inputs
    output: str
    axes: tuple[str, ...]
    trials: tuple[Inputs, ...]
    longest: dict[str, int]
    part: Callable[[Inputs, Tensor], Tensor] = lambda inputs, output: output


class BackboneGraph(nn.Module):
    """Clips as the decoder gives them to features; the recipe's normalisation is part of the graph."""

    def __init__(self, backbone: S3D, recipe: Recipe) -> None:
        super().__init__()
        self.backbone = backbone
        std = torch.tensor(recipe.std, dtype=torch.float64)
        mean = torch.tensor(recipe.mean, dtype=torch.float64)
        self.scale: Tensor
        self.shift: Tensor
        self.register_buffer("scale", (1 / (255 * std)).float())
        self.register_buffer("shift", (-mean / std).float())

    def forward(self, clips: Tensor) -> Tensor:
        """uint8 `(batch, frames, height, width, 3)` to `(batch, feature_dim)`."""
        # TensorRT-RTX accepts nothing but Cast on a uint8 input, so this comes first.
        pixels = clips.to(self.scale.dtype) * self.scale + self.shift
        features: Tensor = self.backbone(pixels.permute(0, 4, 1, 2, 3))
        return features


class TextHeadGraph(nn.Module):
    """States of masked positions, `(n, width)`, to logits over the words, `(n, words)`."""

    def __init__(self, model: VideoBert) -> None:
        super().__init__()
        self.model = model

    def forward(self, states: Tensor) -> Tensor:
        return self.model.text_logits(states)


class VisualHeadGraph(TextHeadGraph):
    """States of masked positions, `(n, width)`, to logits over the visual tokens, `(n, visual_tokens)`."""

    def forward(self, states: Tensor) -> Tensor:
        return self.model.visual_logits(states)


class AlignmentHeadGraph(TextHeadGraph):
    """`[CLS]` states, `(n, width)`, to the log-odds that text and video belong together, `(n,)`."""

    def forward(self, states: Tensor) -> Tensor:
        logits = self.model.alignment_logits(states)
        return logits[:, 0] - logits[:, 1]


_HEADS = {"text": TextHeadGraph, "visual": VisualHeadGraph, "alignment": AlignmentHeadGraph}


def graphs_of(backbone: S3D, model: VideoBert, recipe: Recipe) -> Iterator[Graph]:
    """The graphs of a model, backbone first; heads only as far as the model has them."""
    random = torch.Generator().manual_seed(0)
    yield _backbone(backbone, recipe, random)
    yield _encoder(model.encoder, model.config, random)
    for head in model.config.heads:
        yield _head(head, model, random)


@contextmanager
def lengths_in_attention(module: nn.Module) -> Iterator[None]:
    """While it lasts, every attention in `module` is traced as one ONNX `Attention` with key lengths and no mask."""
    attentions = [part for part in module.modules() if isinstance(part, SelfAttention)]
    before = [attention.attend for attention in attentions]
    for attention in attentions:
        attention.attend = _onnx_attention
    try:
        yield
    finally:
        for attention, attend in zip(attentions, before, strict=True):
            attention.attend = attend


def _onnx_attention(query: Tensor, key: Tensor, value: Tensor, lengths: Tensor) -> Tensor:
    # Inputs of the operator: Q, K, V, mask, past key, past value, nonpad_kv_seqlen (since opset 24).
    return torch.onnx.ops.symbolic(
        "Attention", (query, key, value, None, None, None, lengths), dtype=query.dtype, shape=query.shape, version=24
    )


def _backbone(backbone: S3D, recipe: Recipe, random: torch.Generator) -> Graph:
    def clips(batch: int) -> Inputs:
        shape = (batch, recipe.frames, recipe.crop, recipe.crop, 3)
        return {"clips": torch.randint(256, shape, generator=random, dtype=torch.uint8)}

    return Graph(
        name="backbone",
        module=BackboneGraph(backbone, recipe),
        example=clips(2),
        output="features",
        axes=("batch",),
        trials=(clips(1), clips(2)),
        longest={},
    )


def _encoder(encoder: JointEncoder, config: ModelConfig, random: torch.Generator) -> Graph:
    longest = config.encoder.positions

    def sequences(*lengths: int) -> Inputs:
        shape = (len(lengths), max(lengths))
        return {
            "ids": torch.randint(config.vocabulary, shape, generator=random),
            "segments": torch.randint(config.encoder.segments, shape, generator=random),
            "lengths": torch.tensor(lengths),
        }

    return Graph(
        name="encoder",
        module=encoder,
        example=sequences(7, 4),
        output="states",
        axes=("batch", "length"),
        trials=(sequences(1), sequences(2, 9, 5), sequences(min(longest, 63)), sequences(3, min(longest, 40))),
        longest={"length": longest},
        part=_valid,
    )


def _head(head: str, model: VideoBert, random: torch.Generator) -> Graph:
    def states(count: int) -> Inputs:
        return {"states": torch.randn((count, model.config.encoder.width), generator=random)}

    return Graph(
        name=f"{head}_head",
        module=_HEADS[head](model),
        example=states(3),
        output="logits",
        axes=("count",),
        trials=(states(1), states(5)),
        longest={},
    )


def _valid(inputs: Inputs, states: Tensor) -> Tensor:
    return states[torch.arange(states.shape[1])[None] < inputs["lengths"][:, None]]
