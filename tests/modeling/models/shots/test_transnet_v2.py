"""TransNetV2 against a plain reading of the published network, on random weights under the port's names."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.nn import functional

from videobert.get.layouts.transnet_v2 import transnet_v2
from videobert_modeling.models.shots.transnet_v2 import TransNetV2, colour_histograms


@pytest.fixture(scope="module")
def published() -> dict[str, Tensor]:
    """Random weights of the right sizes under the port's names."""
    random = torch.Generator().manual_seed(0)
    state: dict[str, Tensor] = {}

    def linear(name: str, outputs: int, inputs: int) -> None:
        state[f"{name}.weight"] = torch.randn((outputs, inputs), generator=random) * (2 / inputs) ** 0.5
        state[f"{name}.bias"] = 0.1 * torch.randn(outputs, generator=random)

    inputs = 3
    for stage, filters in enumerate((16, 32, 64)):
        for half in range(2):
            name = f"SDDCNN.{stage}.DDCNN.{half}"
            for step in (1, 2, 4, 8):
                over_picture = torch.randn((2 * filters, inputs, 1, 3, 3), generator=random)
                over_time = torch.randn((filters, 2 * filters, 3, 1, 1), generator=random)
                state[f"{name}.Conv3D_{step}.layers.0.weight"] = over_picture * (2 / (9 * inputs)) ** 0.5
                state[f"{name}.Conv3D_{step}.layers.1.weight"] = over_time * (1 / (6 * filters)) ** 0.5
            inputs = 4 * filters
            state[f"{name}.bn.weight"] = 1 + 0.1 * torch.randn(inputs, generator=random)
            state[f"{name}.bn.bias"] = 0.1 * torch.randn(inputs, generator=random)
            state[f"{name}.bn.running_mean"] = 0.1 * torch.randn(inputs, generator=random)
            state[f"{name}.bn.running_var"] = torch.rand(inputs, generator=random) + 1e-3
            state[f"{name}.bn.num_batches_tracked"] = torch.tensor(7)
    linear("frame_sim_layer.projection", 128, 448)
    linear("frame_sim_layer.fc", 128, 101)
    linear("color_hist_layer.fc", 128, 101)
    linear("fc1", 1024, 4864)
    linear("cls_layer1", 1, 1024)
    linear("cls_layer2", 1, 1024)
    return state


@pytest.fixture(scope="module")
def ours(published: dict[str, Tensor]) -> TransNetV2:
    tensors, _ = transnet_v2({name: tensor.numpy() for name, tensor in published.items()})
    model = TransNetV2()
    counters = {name for name in model.state_dict() if name.endswith("num_batches_tracked")}
    assert tensors.keys() == model.state_dict().keys() - counters
    model.load_state_dict({name: torch.from_numpy(array) for name, array in tensors.items()}, strict=False)
    return model.double().eval()  # so that nothing but a difference of meaning can be seen


def counted_colours(frame: np.ndarray) -> np.ndarray:
    """Pixels of each of 512 colours, counted."""
    red, green, blue = (frame[..., channel].astype(int) >> 5 for channel in range(3))
    return np.bincount((red * 64 + green * 8 + blue).ravel(), minlength=512)


def cosines_around(vectors: np.ndarray) -> Tensor:
    """Of each row with the fifty before it, itself and the fifty after it."""
    unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    out = np.zeros((len(unit), 101))
    for here in range(len(unit)):
        for place in range(101):
            there = here + place - 50
            if 0 <= there < len(unit):
                out[here, place] = unit[here] @ unit[there]
    return torch.from_numpy(out)


def reference(state: dict[str, Tensor], frames: np.ndarray) -> Tensor:
    """The network on one window, `(frames, 27, 48, 3)`, in float64."""
    state = {name: tensor.double() for name, tensor in state.items()}

    def linear(x: Tensor, name: str) -> Tensor:
        return x @ state[f"{name}.weight"].T + state[f"{name}.bias"]

    def convs(x: Tensor, name: str) -> Tensor:
        parts = []
        for step in (1, 2, 4, 8):
            weights = [state[f"{name}.Conv3D_{step}.layers.{half}.weight"] for half in range(2)]
            inner = functional.conv3d(x, weights[0], padding=(0, 1, 1))
            parts.append(functional.conv3d(inner, weights[1], padding=(step, 0, 0), dilation=(step, 1, 1)))
        norm = [state[f"{name}.bn.{kind}"][:, None, None, None] for kind in ("running_mean", "running_var")]
        scaled = (torch.cat(parts, 1) - norm[0]) / torch.sqrt(norm[1] + 1e-3)
        return scaled * state[f"{name}.bn.weight"][:, None, None, None] + state[f"{name}.bn.bias"][:, None, None, None]

    x = torch.from_numpy(frames).double().permute(3, 0, 1, 2)[None] / 255
    means = []
    for stage in range(3):
        first = convs(x, f"SDDCNN.{stage}.DDCNN.0").clamp(min=0)
        second = convs(first, f"SDDCNN.{stage}.DDCNN.1").clamp(min=0)
        x = functional.avg_pool3d(first + second, (1, 2, 2))
        means.append(x.mean((3, 4))[0].T)
    features = linear(torch.cat(means, 1), "frame_sim_layer.projection")
    colours = np.stack([counted_colours(frame) for frame in frames]).astype(float)
    joined = torch.cat(
        (
            linear(cosines_around(colours), "color_hist_layer.fc").clamp(min=0),
            linear(cosines_around(features.numpy()), "frame_sim_layer.fc").clamp(min=0),
            x[0].permute(1, 2, 3, 0).flatten(1),
        ),
        1,
    )
    return linear(linear(joined, "fc1").clamp(min=0), "cls_layer1")[:, 0]


def film(count: int, seed: int = 0) -> np.ndarray:
    """A noisy picture that changes to another in the middle, uint8 `(count, 27, 48, 3)`."""
    random = np.random.default_rng(seed)
    pictures = random.integers(0, 256, (2, 27, 48, 3)).repeat([count // 2, count - count // 2], 0)
    return (pictures + random.integers(-9, 10, pictures.shape)).clip(0, 255).astype(np.uint8)


# The published length; one without a whole neighbourhood; one with more than a neighbourhood; a single frame.
@pytest.mark.parametrize("count", [100, 31, 104, 1])
def test_logits_equal_a_plain_reading(ours: TransNetV2, published: dict[str, Tensor], count: int):
    frames = film(count)
    expected = reference(published, frames)
    with torch.inference_mode():
        logits = ours(torch.from_numpy(frames)[None].double())
    assert logits.shape == (1, count)
    assert (logits[0] - expected).abs().max() <= 1e-9 * max(1, expected.abs().max())


def test_windows_of_a_batch_do_not_see_each_other(ours: TransNetV2):
    windows = torch.from_numpy(np.stack([film(50, 1), film(50, 2)])).double()
    with torch.inference_mode():
        together, alone = ours(windows), ours(windows[1:])
    assert (together[1] - alone[0]).abs().max() <= 1e-9


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_histograms_are_counts(dtype: torch.dtype):
    random = np.random.default_rng(0)
    frames = random.integers(0, 256, (2, 3, 27, 48, 3), dtype=np.uint8)
    # All on the edges between two levels, and a frame of one colour.
    frames[0, 1] = random.choice([0, 31, 32, 63, 64, 191, 192, 223, 224, 255], (27, 48, 3))
    frames[1, 2] = (255, 0, 32)
    counts = colour_histograms(torch.from_numpy(frames).to(dtype))
    assert counts.dtype == dtype
    expected = np.stack([[counted_colours(frame) for frame in window] for window in frames])
    assert np.array_equal(counts.numpy(), expected)
