"""EfficientNet-Lite0 against a plain reading of the published network, on random weights under the port's names."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.nn import functional

from videobert.get.layouts.efficientnet_lite import efficientnet_lite0
from videobert_modeling.models.backbones.efficientnet_lite import EfficientNetLite0, SameConv

# Kernel, stride, whether the input is added: block by block, written out.
BLOCKS = [
    (3, 1, False),
    (3, 2, False), (3, 1, True),
    (5, 2, False), (5, 1, True),
    (3, 2, False), (3, 1, True), (3, 1, True),
    (5, 1, False), (5, 1, True), (5, 1, True),
    (5, 2, False), (5, 1, True), (5, 1, True), (5, 1, True),
    (3, 1, False),
]  # fmt: skip
CHANNELS = [32, 16, 24, 24, 40, 40, 80, 80, 80, 112, 112, 112, 192, 192, 192, 192, 320]


@pytest.fixture(scope="module")
def published() -> dict[str, Tensor]:
    """Random weights of the right sizes under the port's names."""
    random = torch.Generator().manual_seed(0)
    state: dict[str, Tensor] = {}

    def conv(name: str, norm: str, *shape: int) -> None:
        state[f"{name}.weight"] = torch.randn(shape, generator=random) * (2 / np.prod(shape[1:])) ** 0.5
        state[f"{norm}.weight"] = 1 + 0.1 * torch.randn(shape[0], generator=random)
        state[f"{norm}.bias"] = 0.1 * torch.randn(shape[0], generator=random)
        state[f"{norm}.running_mean"] = 0.1 * torch.randn(shape[0], generator=random)
        # Near zero as well, where the constant of the norm is seen.
        state[f"{norm}.running_var"] = torch.rand(shape[0], generator=random) + 1e-3
        state[f"{norm}.num_batches_tracked"] = torch.tensor(7)

    conv("_conv_stem", "_bn0", 32, 3, 3, 3)
    for index, (kernel, _, _) in enumerate(BLOCKS):
        before, after = CHANNELS[index : index + 2]
        wide = before if index == 0 else 6 * before
        if index:
            conv(f"_blocks.{index}._expand_conv", f"_blocks.{index}._bn0", wide, before, 1, 1)
        conv(f"_blocks.{index}._depthwise_conv", f"_blocks.{index}._bn1", wide, 1, kernel, kernel)
        conv(f"_blocks.{index}._project_conv", f"_blocks.{index}._bn2", after, wide, 1, 1)
    conv("_conv_head", "_bn1", 1280, 320, 1, 1)
    state["_fc.weight"] = 0.05 * torch.randn((1000, 1280), generator=random)
    state["_fc.bias"] = torch.randn(1000, generator=random)
    return state


@pytest.fixture(scope="module")
def ours(published: dict[str, Tensor]) -> EfficientNetLite0:
    tensors, _ = efficientnet_lite0({name: tensor.numpy() for name, tensor in published.items()})
    model = EfficientNetLite0()
    counters = {name for name in model.state_dict() if name.endswith("num_batches_tracked")}
    assert tensors.keys() == model.state_dict().keys() - counters
    model.load_state_dict({name: torch.from_numpy(array) for name, array in tensors.items()}, strict=False)
    return model.double().eval()  # so that nothing but a difference of meaning can be seen


def reference(state: dict[str, Tensor], pictures: Tensor) -> Tensor:
    """The network in float64, one step after the other."""
    state = {name: tensor.double() for name, tensor in state.items()}

    def conv(x: Tensor, name: str, norm: str, stride: int = 1) -> Tensor:
        weight = state[f"{name}.weight"]
        kernel = weight.shape[-1]
        steps = -(-x.shape[-1] // stride)
        missing = max(0, (steps - 1) * stride + kernel - x.shape[-1])
        around = (missing // 2, missing - missing // 2) * 2
        x = functional.conv2d(functional.pad(x, around), weight, stride=stride, groups=x.shape[1] // weight.shape[1])
        mean, var = state[f"{norm}.running_mean"], state[f"{norm}.running_var"]
        x = (x - mean[:, None, None]) / torch.sqrt(var[:, None, None] + 1e-3)
        return x * state[f"{norm}.weight"][:, None, None] + state[f"{norm}.bias"][:, None, None]

    def clipped(x: Tensor) -> Tensor:
        return x.clamp(0, 6)

    x = clipped(conv(pictures.double(), "_conv_stem", "_bn0", 2))
    for index, (_, stride, adds) in enumerate(BLOCKS):
        name = f"_blocks.{index}"
        inner = clipped(conv(x, f"{name}._expand_conv", f"{name}._bn0")) if index else x
        inner = clipped(conv(inner, f"{name}._depthwise_conv", f"{name}._bn1", stride))
        inner = conv(inner, f"{name}._project_conv", f"{name}._bn2")
        x = x + inner if adds else inner
    x = clipped(conv(x, "_conv_head", "_bn1")).mean((2, 3))
    return x @ state["_fc.weight"].T + state["_fc.bias"]


# The published size; odd sizes, whose padding differs; a picture smaller than the network reduces by.
@pytest.mark.parametrize("side", [224, 97, 30])
def test_logits_equal_a_plain_reading(ours: EfficientNetLite0, published: dict[str, Tensor], side: int):
    pictures = torch.randn(2, 3, side, side, generator=torch.Generator().manual_seed(side))
    expected = reference(published, pictures)
    with torch.inference_mode():
        logits = ours(pictures.double())
    assert logits.shape == (2, 1000)
    assert (logits - expected).abs().max() <= 1e-6 * expected.abs().max()


@pytest.mark.parametrize("size", [5, 6, 7, 8])
@pytest.mark.parametrize("kernel", [3, 5])
def test_padding_is_that_of_tensorflow(size: int, kernel: int):
    conv = SameConv(1, 1, kernel, 2, act=False).eval()
    with torch.no_grad():
        conv.conv.weight.fill_(1)
        out = conv(torch.ones(1, 1, size, size)) * (1 + 1e-3) ** 0.5
    # Along one axis: how many places under the kernel lie in the picture, which TensorFlow's documentation gives.
    before = max(0, (-(-size // 2) - 1) * 2 + kernel - size) // 2
    inside = [sum(0 <= start - before + k < size for k in range(kernel)) for start in range(0, size, 2)]
    assert out[0, 0].round().tolist() == np.outer(inside, inside).tolist()


def test_a_picture_does_not_depend_on_its_neighbours(ours: EfficientNetLite0):
    pictures = torch.randn(3, 3, 64, 64, dtype=torch.float64)
    with torch.inference_mode():
        together, alone = ours(pictures), ours(pictures[1:2])
    assert (together[1] - alone[0]).abs().max() <= 1e-6
