"""The next-token model of ammesatyajit/VideoBERT in float64, written down from the names of its tensors.

Nothing of ours is used, and nothing of torch's transformer.
"""

from __future__ import annotations

from math import erf

import numpy as np
import numpy.typing as npt
from torch import Tensor

Array = npt.NDArray[np.float64]


def logits(state: dict[str, Tensor], ids: list[int], segments: list[int], heads: int) -> Array:
    """Of what follows each place of one sequence, `(length, tokens)`."""
    s = {name: tensor.double().numpy() for name, tensor in state.items()}
    width = s["tok_embed.weight"].shape[1]
    given = s["tok_embed.weight"][ids] * np.sqrt(width)
    given = given + s["pos_encoding.weight"][: len(ids)] + s["tok_type_embed.weight"][segments]
    layers = sum(".encoder.layers." in name and name.endswith(".norm1.weight") for name in s)
    memory = given
    for i in range(layers):
        name = f"transformer.encoder.layers.{i}"
        memory = _norm(s, f"{name}.norm1", memory + _attention(s, f"{name}.self_attn", memory, memory, heads))
        memory = _norm(s, f"{name}.norm2", memory + _wide(s, name, memory))
    memory = _norm(s, "transformer.encoder.norm", memory)
    states = given
    for i in range(layers):
        name = f"transformer.decoder.layers.{i}"
        states = _norm(s, f"{name}.norm1", states + _attention(s, f"{name}.self_attn", states, states, heads))
        states = _norm(s, f"{name}.norm2", states + _attention(s, f"{name}.multihead_attn", states, memory, heads))
        states = _norm(s, f"{name}.norm3", states + _wide(s, name, states))
    states = _norm(s, "transformer.decoder.norm", states)
    return states @ s["fc_out.weight"].T + s["fc_out.bias"]


def _attention(s: dict[str, Array], name: str, states: Array, memory: Array, heads: int) -> Array:
    """Place by place and head by head: each sees itself and what is before it."""
    width = states.shape[1]
    size = width // heads
    weight, bias = s[f"{name}.in_proj_weight"], s[f"{name}.in_proj_bias"]
    query = states @ weight[:width].T + bias[:width]
    key = memory @ weight[width : 2 * width].T + bias[width : 2 * width]
    value = memory @ weight[2 * width :].T + bias[2 * width :]
    mixed = np.zeros_like(query)
    for place in range(len(states)):
        for head in range(heads):
            own = slice(head * size, (head + 1) * size)
            scores = key[: place + 1, own] @ query[place, own] / np.sqrt(size)
            shares = np.exp(scores - scores.max())
            mixed[place, own] = shares / shares.sum() @ value[: place + 1, own]
    return mixed @ s[f"{name}.out_proj.weight"].T + s[f"{name}.out_proj.bias"]


def _wide(s: dict[str, Array], name: str, states: Array) -> Array:
    inner = states @ s[f"{name}.linear1.weight"].T + s[f"{name}.linear1.bias"]
    inner = inner * 0.5 * (1 + np.vectorize(erf)(inner / np.sqrt(2)))
    return inner @ s[f"{name}.linear2.weight"].T + s[f"{name}.linear2.bias"]


def _norm(s: dict[str, Array], name: str, x: Array) -> Array:
    centred = x - x.mean(-1, keepdims=True)
    scaled = centred / np.sqrt((centred**2).mean(-1, keepdims=True) + 1e-5)
    return scaled * s[f"{name}.weight"] + s[f"{name}.bias"]
