"""A plain ResNet to hold ours against: float64, one frame after the other, zeros put round by hand."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor
from torch.nn import functional

State = Mapping[str, Tensor]
DEPTHS = {50: (3, 4, 6, 3), 101: (3, 4, 23, 3), 152: (3, 8, 36, 3)}


def frame_features(state: State, clip: Tensor, depth: int = 50) -> Tensor:
    """`(frames, features)` of a normalised clip `(3, frames, height, width)`; names are torchvision's."""
    s = {name: tensor.double() for name, tensor in state.items()}
    return torch.stack([_frame(s, frame.double(), depth) for frame in clip.unbind(1)])


def logits(state: State, features: Tensor) -> Tensor:
    return features @ state["fc.weight"].double().T + state["fc.bias"].double()


def _frame(s: State, frame: Tensor, depth: int) -> Tensor:
    x = _normed(s, "conv1", "bn1", frame, 2).clamp(min=0)
    x = functional.pad(x, (1, 1, 1, 1), value=-float("inf")).unfold(1, 3, 2).unfold(2, 3, 2).amax((-2, -1))
    for stage, blocks in enumerate(DEPTHS[depth], start=1):
        for block in range(blocks):
            name = f"layer{stage}.{block}"
            stride = 2 if stage > 1 and block == 0 else 1
            kept = x if block else _normed(s, f"{name}.downsample.0", f"{name}.downsample.1", x, stride)
            x = _normed(s, f"{name}.conv1", f"{name}.bn1", x).clamp(min=0)
            x = _normed(s, f"{name}.conv2", f"{name}.bn2", x, stride).clamp(min=0)
            x = (_normed(s, f"{name}.conv3", f"{name}.bn3", x) + kept).clamp(min=0)
    return x.mean((1, 2))


def _normed(s: State, conv: str, norm: str, x: Tensor, stride: int = 1) -> Tensor:
    kernel = s[f"{conv}.weight"]
    ends = kernel.shape[-1] // 2
    x = functional.conv2d(functional.pad(x, (ends,) * 4)[None], kernel, stride=stride)[0]
    weight, bias, mean, var = (
        s[f"{norm}.{part}"][:, None, None] for part in ("weight", "bias", "running_mean", "running_var")
    )
    return (x - mean) / (var + 1e-5).sqrt() * weight + bias
