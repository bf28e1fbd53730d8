"""A plain Inception I3D to hold ours against: one tensor after the other, float64, zeros put round by hand."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor
from torch.nn import functional


class PlainI3D:
    """The published network over a state dict with the names of the PyTorch port."""

    def __init__(self, state: Mapping[str, Tensor]) -> None:
        self.state = {name: tensor.double() for name, tensor in state.items()}

    def steps(self, clip: Tensor) -> Tensor:
        """Features before the mean over time, `(1024, steps)`, of one clip `(3, frames, 224, 224)`."""
        x = self._unit("Conv3d_1a_7x7", clip.double(), 2)
        x = _pool(x, (1, 3, 3), (1, 2, 2))
        x = self._unit("Conv3d_2c_3x3", self._unit("Conv3d_2b_1x1", x))
        x = _pool(x, (1, 3, 3), (1, 2, 2))
        for name in ("3b", "3c"):
            x = self._block(name, x)
        x = _pool(x, (3, 3, 3), (2, 2, 2))
        for name in ("4b", "4c", "4d", "4e", "4f"):
            x = self._block(name, x)
        x = _pool(x, (2, 2, 2), (2, 2, 2))
        for name in ("5b", "5c"):
            x = self._block(name, x)
        means = x[:, :, :7, :7].mean((2, 3))
        return (means[:, :-1] + means[:, 1:]) / 2

    def logits(self, steps: Tensor) -> Tensor:
        """`(classes, steps)` of `steps`."""
        return self.state["logits.conv3d.weight"][:, :, 0, 0, 0] @ steps + self.state["logits.conv3d.bias"][:, None]

    def _block(self, name: str, x: Tensor) -> Tensor:
        unit = f"Mixed_{name}."
        return torch.cat(
            [
                self._unit(unit + "b0", x),
                self._unit(unit + "b1b", self._unit(unit + "b1a", x)),
                self._unit(unit + "b2b", self._unit(unit + "b2a", x)),
                self._unit(unit + "b3b", _pool(x, (3, 3, 3), (1, 1, 1))),
            ]
        )

    def _unit(self, name: str, x: Tensor, stride: int = 1) -> Tensor:
        kernel = self.state[f"{name}.conv3d.weight"]
        ends = _ends(x, kernel.shape[2:], (stride,) * 3)
        x = functional.pad(x, ends)
        # One step of time after the other, for the memory.
        steps = x.unfold(1, kernel.shape[2], stride).movedim(-1, 2).unbind(1)
        x = torch.cat([functional.conv3d(step[None], kernel, stride=(1, stride, stride))[0] for step in steps], 1)
        weight, bias, mean, var = (
            self.state[f"{name}.bn.{part}"][:, None, None, None]
            for part in ("weight", "bias", "running_mean", "running_var")
        )
        return ((x - mean) / (var + 1e-3).sqrt() * weight + bias).clamp(min=0)


def _pool(x: Tensor, window: tuple[int, ...], stride: tuple[int, ...]) -> Tensor:
    x = functional.pad(x, _ends(x, window, stride), value=-float("inf"))
    for axis, (size, step) in enumerate(zip(window, stride, strict=True), start=1):
        x = x.unfold(axis, size, step).amax(-1)
    return x


def _ends(x: Tensor, window: tuple[int, ...], stride: tuple[int, ...]) -> list[int]:
    """What TensorFlow documents that `SAME` puts round `x`, as `torch.nn.functional.pad` takes it."""
    ends: list[int] = []
    for size, length, step in zip(window, x.shape[1:], stride, strict=True):
        total = max(size - step, 0) if length % step == 0 else max(size - length % step, 0)
        ends = [total // 2, total - total // 2, *ends]
    return ends
