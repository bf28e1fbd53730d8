"""Our encoders' weights in transformers' `BertModel`, which computes the same."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

_PARTS = {
    "attention.output": "attention.output.dense",
    "attention_norm": "attention.output.LayerNorm",
    "inner": "intermediate.dense",
    "outer": "output.dense",
    "outer_norm": "output.LayerNorm",
}


def bert_model(encoder: nn.Module) -> Any:
    """A `BertModel` with the weights of a `JointEncoder` or a `TextEncoder`."""
    from transformers import BertConfig, BertModel

    state = encoder.state_dict()
    words, width = state["tokens.weight"].shape
    layers: Any = encoder.layers
    attention = layers[0].attention
    config = BertConfig(
        vocab_size=words,
        hidden_size=width,
        num_hidden_layers=len(layers),
        num_attention_heads=attention.heads,
        intermediate_size=state["layers.0.inner.weight"].shape[0],
        max_position_embeddings=state["positions.weight"].shape[0],
        type_vocab_size=state["segments.weight"].shape[0],
        layer_norm_eps=layers[0].outer_norm.eps,
        attn_implementation="sdpa",
        # The converter of CTranslate2 asks for it.
        position_embedding_type="absolute",
    )
    model = BertModel(config, add_pooling_layer=False).eval()
    model.load_state_dict(_renamed(state), strict=True)
    return model


def _renamed(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    named = {
        "embeddings.word_embeddings.weight": state["tokens.weight"],
        "embeddings.position_embeddings.weight": state["positions.weight"],
        "embeddings.token_type_embeddings.weight": state["segments.weight"],
        "embeddings.LayerNorm.weight": state["norm.weight"],
        "embeddings.LayerNorm.bias": state["norm.bias"],
    }
    layer = 0
    while f"layers.{layer}.inner.weight" in state:
        ours, theirs = f"layers.{layer}.", f"encoder.layer.{layer}."
        for kind in ("weight", "bias"):
            parts = state[f"{ours}attention.qkv.{kind}"].chunk(3)
            for name, part in zip(("query", "key", "value"), parts, strict=True):
                named[f"{theirs}attention.self.{name}.{kind}"] = part
            for name, their_name in _PARTS.items():
                named[f"{theirs}{their_name}.{kind}"] = state[f"{ours}{name}.{kind}"]
        layer += 1
    return named


class HuggingFaceStates(nn.Module):
    """`BertModel` in the place of a stage that gives states.

    Args:
        stage: a stage with an encoder somewhere inside.
    """

    def __init__(self, stage: nn.Module) -> None:
        super().__init__()
        (encoder,) = (part for part in stage.modules() if {"tokens", "layers"} <= set(dict(part.named_children())))
        self.bert = bert_model(encoder)

    def forward(self, ids: Tensor, *rest: Tensor) -> Tensor:
        """Ids, segments where there are any, lengths; to states `(batch, length, width)`."""
        segments = rest[0] if len(rest) > 1 else torch.zeros_like(ids)
        mask = torch.arange(ids.shape[1]) < rest[-1][:, None]
        states: Tensor = self.bert(ids, attention_mask=mask.long(), token_type_ids=segments).last_hidden_state
        return states
