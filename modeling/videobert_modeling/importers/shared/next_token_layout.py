"""`torch.nn.Transformer` as a model of the next token: the tensors of such a checkpoint by our names."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field

from torch import Tensor

from videobert.base.errors import ModelError
from videobert_modeling.importers.shared.intake import Intake

_TABLE, _HEAD = "tok_embed.weight", "fc_out.weight"
# Of its stacks and their layers, and the norm behind each stack; ours drop the first word.
_ENCODES, _DECODES = "transformer.encoder", "transformer.decoder"
_NEEDED = (_TABLE, "pos_encoding.weight", "tok_type_embed.weight", _HEAD, "transformer.encoder.layers.0.linear1.weight")


@dataclass(slots=True)
class NextTokenTensors:
    """What was taken, by our names, and the sizes that were read off it.

    Args:
        tokens, positions: rows of the tables.
        layers: of the encoder and of the decoder, each.
    """

    tokens: int
    width: int
    positions: int
    feed_forward: int
    layers: int
    state: dict[str, Tensor] = field(default_factory=dict)


def take_next_token(intake: Intake, *, past: str, head: str) -> NextTokenTensors:
    """Every tensor of the network.

    Args:
        past, head: how our names of the transformer and of the linear layer begin.

    Raises:
        ModelError: another layout, a tensor is missing or has another shape, or encoder and decoder differ in depth.
    """
    sizes = _sizes(intake)
    taking = _Taking(intake, sizes, past)
    width, state = sizes.width, sizes.state
    for theirs, ours, rows in (
        ("tok_embed", "tokens", sizes.tokens),
        ("pos_encoding", "positions", sizes.positions),
        ("tok_type_embed", "segments", 2),
    ):
        taking.one(f"{theirs}.weight", f"{ours}.weight", (rows, width))
    for stack in (_ENCODES, _DECODES):
        ours = stack.rpartition(".")[2]
        for layer in range(sizes.layers):
            taking.layer(f"{stack}.layers.{layer}", f"{ours}.{layer}", decodes=stack == _DECODES)
        taking.linear(f"{stack}.norm", f"{ours}_norm", (width,))
    for part, shape in (("weight", (sizes.tokens, width)), ("bias", (sizes.tokens,))):
        state[f"{head}.{part}"] = _taken(intake, f"fc_out.{part}", f"{head}.{part}", shape)
    return sizes


class _Taking:
    """Takes tensors out of an intake into `sizes.state`, under names that begin with `past`."""

    def __init__(self, intake: Intake, sizes: NextTokenTensors, past: str) -> None:
        self._intake, self._sizes, self._past = intake, sizes, past

    def one(self, theirs: str, ours: str, shape: tuple[int, ...]) -> None:
        ours = f"{self._past}.{ours}"
        self._sizes.state[ours] = _taken(self._intake, theirs, ours, shape)

    def linear(self, theirs: str, ours: str, shape: tuple[int, ...]) -> None:
        """Weight and bias of a linear layer or a LayerNorm; `shape` is the weight's."""
        self.one(f"{theirs}.weight", f"{ours}.weight", shape)
        self.one(f"{theirs}.bias", f"{ours}.bias", shape[:1])

    def attention(self, theirs: str, ours: str) -> None:
        """torch stacks query, key and value; ours has the query apart, which the decoder takes from elsewhere."""
        width, state = self._sizes.width, self._sizes.state
        for part, rest in (("weight", (width,)), ("bias", ())):
            target = f"{self._past}.{ours}"
            stacked = _taken(self._intake, f"{theirs}.in_proj_{part}", f"{target}.*.{part}", (3 * width, *rest))
            state[f"{target}.query.{part}"] = stacked[:width].clone()
            state[f"{target}.key_value.{part}"] = stacked[width:].clone()
        self.linear(f"{theirs}.out_proj", f"{ours}.output", (width, width))

    def layer(self, theirs: str, ours: str, *, decodes: bool) -> None:
        width, wide = self._sizes.width, self._sizes.feed_forward
        self.attention(f"{theirs}.self_attn", f"{ours}.attention")
        norms = ["attention_norm", "outer_norm"]
        if decodes:
            self.attention(f"{theirs}.multihead_attn", f"{ours}.memory_attention")
            norms.insert(1, "memory_norm")
        self.linear(f"{theirs}.linear1", f"{ours}.inner", (wide, width))
        self.linear(f"{theirs}.linear2", f"{ours}.outer", (width, wide))
        for number, norm in enumerate(norms, 1):
            self.linear(f"{theirs}.norm{number}", f"{ours}.{norm}", (width,))


def _sizes(intake: Intake) -> NextTokenTensors:
    shapes = intake.left
    lacking = [name for name in _NEEDED if len(shapes.get(name, ())) != 2]
    if lacking:
        raise ModelError(
            f"{intake.ledger.source} is not a checkpoint of this next-token model",
            seen=f"no matrix {', '.join(lacking)}",
            allowed=", ".join(_NEEDED),
            fix="Check the kind: a VideoBERT with BERT's names is imported as mdskul.",
        )
    depth = {stack: _depth(stack, shapes) for stack in (_ENCODES, _DECODES)}
    if depth[_ENCODES] != depth[_DECODES]:
        raise ModelError(
            "encoder and decoder of this model are not equally deep",
            seen=f"{depth[_ENCODES]} and {depth[_DECODES]} layers",
            allowed="half of num_hidden_layers each",
            fix="Get a whole copy of the checkpoint.",
        )
    tokens, width = shapes[_TABLE]
    return NextTokenTensors(
        tokens=tokens,
        width=width,
        positions=shapes[_NEEDED[1]][0],
        feed_forward=shapes[_NEEDED[4]][0],
        layers=depth[_ENCODES],
    )


def _depth(stack: str, names: Iterable[str]) -> int:
    found = (re.match(rf"{re.escape(stack)}\.layers\.([0-9]{{1,6}})\.", name) for name in names)
    return max((int(layer[1]) + 1 for layer in found if layer), default=0)


def _taken(intake: Intake, theirs: str, ours: str, shape: tuple[int, ...]) -> Tensor:
    if theirs not in intake:
        raise ModelError(
            f"{intake.ledger.source} lacks the tensor {theirs}",
            allowed=shape,
            fix="Get a whole copy of the checkpoint.",
        )
    return intake.take(theirs, ours, shape)
