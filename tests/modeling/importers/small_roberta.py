"""A small RoBERTa as transformers names and saves it, its weights told by their own names.

Names, shapes and sizes are those of transformers' `RobertaForMaskedLM`; each tensor is filled from the CRC-32 of its
name, so that anyone can make the same network without a file.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch
from tests.modeling.conftest import seeded
from tests.small_byte_level import byte_level
from torch import Tensor

State = dict[str, Tensor]

CONFIG: dict[str, Any] = {
    "model_type": "roberta",
    "num_hidden_layers": 3,
    "hidden_size": 128,
    "num_attention_heads": 4,
    "intermediate_size": 256,
    "vocab_size": 2048,
    "max_position_embeddings": 66,
    "hidden_dropout_prob": 0.0,
    "attention_probs_dropout_prob": 0.0,
    "type_vocab_size": 1,
    "layer_norm_eps": 1e-5,
    "hidden_act": "gelu",
    "pad_token_id": 1,
}
_TIED = {
    "lm_head.decoder.weight": "roberta.embeddings.word_embeddings.weight",
    "lm_head.decoder.bias": "lm_head.bias",
}


def linear(name: str, rows: int, columns: int) -> dict[str, tuple[int, ...]]:
    return {f"{name}.weight": (rows, columns), f"{name}.bias": (rows,)}


def norm(name: str, width: int) -> dict[str, tuple[int, ...]]:
    return {f"{name}.weight": (width,), f"{name}.bias": (width,)}


def roberta_shapes(config: dict[str, Any] = CONFIG) -> dict[str, tuple[int, ...]]:
    """Names and shapes of a `RobertaForMaskedLM` state dict."""
    rows, width, wide = config["vocab_size"], config["hidden_size"], config["intermediate_size"]
    embeddings = "roberta.embeddings"
    shapes: dict[str, tuple[int, ...]] = {
        f"{embeddings}.word_embeddings.weight": (rows, width),
        f"{embeddings}.token_type_embeddings.weight": (config["type_vocab_size"], width),
        **norm(f"{embeddings}.LayerNorm", width),
        f"{embeddings}.position_embeddings.weight": (config["max_position_embeddings"], width),
    }
    for index in range(config["num_hidden_layers"]):
        layer = f"roberta.encoder.layer.{index}"
        for part in ("query", "key", "value"):
            shapes |= linear(f"{layer}.attention.self.{part}", width, width)
        shapes |= linear(f"{layer}.attention.output.dense", width, width)
        shapes |= norm(f"{layer}.attention.output.LayerNorm", width)
        shapes |= linear(f"{layer}.intermediate.dense", wide, width)
        shapes |= linear(f"{layer}.output.dense", width, wide)
        shapes |= norm(f"{layer}.output.LayerNorm", width)
    shapes["lm_head.bias"] = (rows,)
    shapes |= linear("lm_head.dense", width, width)
    shapes |= norm("lm_head.layer_norm", width)
    return shapes | linear("lm_head.decoder", rows, width)


def seeded_state(config: dict[str, Any] = CONFIG) -> State:
    """Every tensor from its own name; of tied ones the last holds."""
    state = {name: seeded(name, list(shape)) for name, shape in roberta_shapes(config).items()}
    for last, first in _TIED.items():
        state[first] = state[last].clone()
    return state


def write_roberta(folder: Path, state: State, weights: str = "model.safetensors", **changed: Any) -> Path:
    """A folder like those of the hub: weights, config and tokenizer."""
    from safetensors.torch import save_file

    folder.mkdir(exist_ok=True)
    if weights.endswith(".safetensors"):
        save_file({name: tensor.contiguous() for name, tensor in state.items()}, folder / weights)
    else:
        torch.save(state, folder / weights)
    config = CONFIG | changed
    (folder / "config.json").write_text(json.dumps(config))
    (folder / "tokenizer.json").write_bytes(byte_level(config["vocab_size"]))
    return folder
