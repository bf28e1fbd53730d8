"""A small checkpoint of the next-token model, with the names that torch's own transformer gives its tensors."""

from __future__ import annotations

import json
from pathlib import Path

import torch
from torch import Tensor, nn

WORDS = ["<unk>", "<pad>", "<sos>", "<eos>", "the", "pan", "do", "n't", "it", "'s", ",", " ", "<sep>"]
VISUAL, WIDTH, HEADS, LAYERS, WIDE, POSITIONS = 11, 32, 4, 2, 48, 24
TOKENS = len(WORDS) + VISUAL


def checkpoint(layers: int = LAYERS, width: int = WIDTH, heads: int = HEADS) -> dict[str, Tensor]:
    torch.manual_seed(6)
    network = nn.Transformer(width, heads, layers, layers, WIDE, activation="gelu")
    state = {f"transformer.{name}": tensor.detach().clone() for name, tensor in network.state_dict().items()}
    for name in state:
        if name.endswith("bias"):
            state[name] = 0.1 * torch.randn(state[name].shape)
        elif ".norm" in name:
            state[name] = 1 + 0.1 * torch.randn(state[name].shape)
    state["tok_embed.weight"] = 0.3 * torch.randn(TOKENS, width)
    state["pos_encoding.weight"] = torch.randn(POSITIONS, width)
    state["tok_type_embed.weight"] = torch.randn(2, width)
    state["fc_out.weight"] = torch.randn(TOKENS, width)
    state["fc_out.bias"] = torch.randn(TOKENS)
    return state


def written(folder: Path, words: list[str] = WORDS) -> Path:
    path = folder / "words.json"
    path.write_text(json.dumps(words))
    return path
