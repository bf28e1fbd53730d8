"""MIL-NCE's text-video network in float64, written down from its paper and its tensors' names; nothing of ours is used.

`state` has the names of the published checkpoint.
"""

from __future__ import annotations

import re

import torch
from torch import Tensor
from torch.nn.functional import conv3d, max_pool3d, pad

State = dict[str, Tensor]
BLOCKS = ("3b", "3c", "4b", "4c", "4d", "4e", "4f", "5b", "5c")


def video_feature(state: State, video: Tensor) -> Tensor:
    """`(batch, 3, frames, height, width)`, 0 to 1, to what the network calls `mixed_5c`."""
    s = {name: tensor.double() for name, tensor in state.items()}
    b, c, t, h, w = video.shape
    # Every 2 x 2 x 2 block of pixels becomes channels: the offsets in time, row and column first, then the colour.
    x = video.double().reshape(b, c, t // 2, 2, h // 2, 2, w // 2, 2).permute(0, 3, 5, 7, 1, 2, 4, 6)
    x = x.reshape(b, 8 * c, t // 2, h // 2, w // 2)
    # Padding 1, 2, 2 at both ends and the first output dropped along each axis.
    x = _normed(s, "conv1.conv1", "conv1.bn1", x, (1, 2, 2))[:, :, 1:, 1:, 1:]
    x = _pool(x, (1, 3, 3), (1, 2, 2))
    x = _separable(s, "conv_2c", _normed(s, "conv_2b.conv1", "conv_2b.bn1", x, (0, 0, 0)))
    x = _pool(_gated(s, "gating", x), (1, 3, 3), (1, 2, 2))
    for block in BLOCKS:
        if block == "4b":
            x = _pool(x, (3, 3, 3), (2, 2, 2))
        if block == "5b":
            x = _pool(x, (2, 2, 2), (2, 2, 2))
        x = _inception(s, f"mixed_{block}", x)
    return x.mean((2, 3, 4))


def video_embedding(state: State, feature: Tensor) -> Tensor:
    return feature.double() @ state["fc.weight"].double().T + state["fc.bias"].double()


def text_ids(text: str, words: list[str]) -> list[int]:
    """16 rows of the table: those of the known words, and row 0."""
    row = {word: place + 1 for place, word in enumerate(words)}
    known = [row[word] for word in re.findall(r"[\w']+", text.lower()) if word in row]
    return (known + 16 * [0])[:16]


def text_embedding(state: State, ids: Tensor) -> Tensor:
    s = {name.removeprefix("text_module."): tensor.double() for name, tensor in state.items()}
    seen = (s["word_embd.weight"][ids] @ s["fc1.weight"].T + s["fc1.bias"]).clamp(min=0)
    return seen.max(1).values @ s["fc2.weight"].T + s["fc2.bias"]


def _normed(s: State, conv: str, norm: str, x: Tensor, padding: tuple[int, int, int]) -> Tensor:
    x = conv3d(x, s[f"{conv}.weight"], padding=padding)
    scale = s[f"{norm}.weight"] / (s[f"{norm}.running_var"] + 1e-5).sqrt()
    shift = s[f"{norm}.bias"] - s[f"{norm}.running_mean"] * scale
    return (x * scale[:, None, None, None] + shift[:, None, None, None]).clamp(min=0)


def _separable(s: State, name: str, x: Tensor) -> Tensor:
    x = _normed(s, f"{name}.conv1", f"{name}.bn1", x, (0, 1, 1))
    return _normed(s, f"{name}.conv2", f"{name}.bn2", x, (1, 0, 0))


def _gated(s: State, name: str, x: Tensor) -> Tensor:
    share = torch.sigmoid(x.mean((2, 3, 4)) @ s[f"{name}.fc.weight"].T + s[f"{name}.fc.bias"])
    return x * share[:, :, None, None, None]


def _inception(s: State, name: str, x: Tensor) -> Tensor:
    def narrow(part: str, given: Tensor) -> Tensor:
        return _normed(s, f"{name}.{part}.conv1", f"{name}.{part}.bn1", given, (0, 0, 0))

    branches = (
        narrow("conv_b0", x),
        _separable(s, f"{name}.conv_b1_b", narrow("conv_b1_a", x)),
        _separable(s, f"{name}.conv_b2_b", narrow("conv_b2_a", x)),
        narrow("conv_b3_b", max_pool3d(x, 3, 1, 1)),
    )
    return torch.cat([_gated(s, f"{name}.gating_b{i}", branch) for i, branch in enumerate(branches)], 1)


def _pool(x: Tensor, kernel: tuple[int, ...], stride: tuple[int, ...]) -> Tensor:
    """Zeros before and behind each axis, `kernel - stride` in all with the smaller half first; then the last window may
    stand over the edge."""
    both: list[int] = []
    for window, step in reversed(list(zip(kernel, stride, strict=True))):
        both += [(window - step) // 2, window - step - (window - step) // 2]
    return max_pool3d(pad(x, both), kernel, stride, ceil_mode=True)
