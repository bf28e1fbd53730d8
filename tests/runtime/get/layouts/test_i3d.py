"""I3D's tensors under the names of others: each finds its place, and what does not fit is named."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from videobert.base.errors import ModelError
from videobert.get.layouts.i3d import BACKBONE_FILE, FLAX, LAYOUTS, PORT, I3DLayout, i3d_shapes, layout_of, read_i3d

Arrays = dict[str, npt.NDArray[Any]]


def _ours() -> Arrays:
    """Every tensor of a network that is thinner than the published one, with values of its own."""
    random = np.random.default_rng(0)
    thin = {name: (*(max(1, size // 16) for size in shape[:2]), *shape[2:]) for name, shape in i3d_shapes().items()}
    tensors = {name: random.random(shape, np.float32) for name, shape in thin.items()}
    ones = {name: np.ones_like(tensor) for name, tensor in tensors.items() if name.endswith("bn.weight")}
    return tensors | ones


def _theirs(layout: I3DLayout, tensors: Arrays) -> Arrays:
    """A checkpoint of that layout, written from its description."""
    found: Arrays = {}
    for ours, theirs in layout.names.items():
        value = tensors[ours]
        if ours == "classifier.weight" and not layout.flat_classifier:
            value = value[:, :, None, None, None]
        if value.ndim == 5 and not layout.channels_first:
            value = np.einsum("oithw->thwio", value)
        found[theirs] = value
    return found


def _shapes(tensors: Arrays) -> dict[str, tuple[int, ...]]:
    return {name: tensor.shape for name, tensor in tensors.items()}


@pytest.fixture
def ours() -> Arrays:
    return _ours()


@pytest.mark.parametrize("layout", LAYOUTS, ids=lambda layout: layout.kind + next(iter(layout.names.values()))[:4])
def test_every_tensor_comes_to_its_place(layout: I3DLayout, ours: Arrays) -> None:
    theirs = _theirs(layout, ours)
    assert layout_of(theirs) is layout
    found, ledger = read_i3d(theirs, shapes=_shapes(ours))
    assert found.keys() == ours.keys()
    for name, tensor in found.items():
        assert np.array_equal(tensor, ours[name]), name
        assert tensor.dtype == np.float32
        assert tensor.flags.c_contiguous
    assert {line.name: line.target for line in ledger} == {theirs: ours for ours, theirs in layout.names.items()}


def test_published_names_are_known() -> None:
    names = {layout.kind: set(layout.names.values()) for layout in LAYOUTS[:3]}
    assert "params/Mixed_3b/Branch_1/Conv3d_0a_1x1/Conv_0/kernel" in names["flax I3D"]
    assert "batch_stats/Mixed_5b/Branch_2/Conv3d_0b_3x3/BatchNorm_0/var" in names["flax I3D"]
    assert "Mixed_4f.b3b.bn.running_mean" in names["PyTorch I3D"]
    assert "RGB/inception_i3d/Mixed_5b/Branch_2/Conv3d_0a_3x3/conv_3d/w" in names["TensorFlow I3D"]
    assert "RGB/inception_i3d/Mixed_5c/Branch_2/Conv3d_0b_3x3/batch_norm/beta" in names["TensorFlow I3D"]
    assert [len(each) for each in names.values()] == [230, 287, 230]


def test_statistics_may_keep_the_axes_that_they_were_taken_over(ours: Arrays) -> None:
    theirs = _theirs(FLAX, ours)
    kept = {name: a.reshape(1, 1, 1, 1, -1) if "batch_stats" in name else a for name, a in theirs.items()}
    found, _ = read_i3d(kept, shapes=_shapes(ours))
    assert all(np.array_equal(found[name], ours[name]) for name in ours)


def test_training_matters_are_left_out_for_a_reason(ours: Arrays) -> None:
    counters = {f"{unit}.bn.num_batches_tracked": np.zeros((), np.int64) for unit in ("Conv3d_1a_7x7", "Mixed_3b.b0")}
    _, ledger = read_i3d(_theirs(PORT, ours) | counters, shapes=_shapes(ours))
    left_out = {line.name: line.reason for line in ledger if line.target is None}
    assert left_out == dict.fromkeys(counters, "a training counter")


def _without(name: str) -> Callable[[Arrays], Arrays]:
    return lambda arrays: {key: value for key, value in arrays.items() if key != name}


def _with(name: str, value: npt.NDArray[Any]) -> Callable[[Arrays], Arrays]:
    return lambda arrays: arrays | {name: value}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (_without("Mixed_4c.b1b.conv3d.weight"), r"lacks 1 tensors of I3D; got Mixed_4c\.b1b\.conv3d\.weight"),
        (_without("logits.conv3d.bias"), r"logits\.conv3d\.bias"),
        (_with("fc.weight", np.ones((3, 2), np.float32)), r"1 tensors are unexplained; got fc\.weight \[3, 2\]"),
        (_with("Mixed_3b.b0.bn.bias", np.ones(5, np.float32)), r"Mixed_3b\.b0\.bn\.bias has another shape"),
        (
            _with("Mixed_3b.b0.bn.bias", np.ones((1, 1, 1, 1, 4), np.float32)),
            r"Mixed_3b\.b0\.bn\.bias has another shape",
        ),
        (_with("Mixed_3b.b0.bn.bias", np.ones(4, np.int64)), r"Mixed_3b\.b0\.bn\.bias does not hold floating-point"),
        (_with("Mixed_3b.b0.bn.bias", np.full(4, np.nan)), r"Mixed_3b\.b0\.bn\.bias holds a NaN"),
    ],
)
def test_what_does_not_fit_is_named(ours: Arrays, change: Callable[[Arrays], Arrays], message: str) -> None:
    with pytest.raises(ModelError, match=message):
        read_i3d(change(_theirs(PORT, ours)), shapes=_shapes(ours))


def test_many_missing_tensors_are_counted(ours: Arrays) -> None:
    stem = {name: array for name, array in _theirs(FLAX, ours).items() if "Conv3d_1a" in name}
    with pytest.raises(ModelError, match=r"lacks 226 tensors of I3D.* and 223 more"):
        read_i3d(stem, shapes=_shapes(ours))


def test_the_published_sizes_are_expected_by_default(ours: Arrays) -> None:
    with pytest.raises(ModelError, match=r"Conv3d_1a_7x7\.conv3d\.weight has another shape.*\(64, 3, 7, 7, 7\)"):
        read_i3d(_theirs(BACKBONE_FILE, ours))


def test_another_network_is_told_what_is_known() -> None:
    with pytest.raises(ModelError, match=r"not an I3D checkpoint.*got conv1\.weight.*flax I3D: params/Conv3d_1a_7x7"):
        layout_of({"conv1.weight": 0, "fc.bias": 0})
    with pytest.raises(ModelError, match="not an I3D checkpoint"):
        read_i3d({})


@pytest.mark.modeling
def test_shapes_are_those_of_the_network() -> None:
    import torch

    from videobert_modeling.models import I3D

    with torch.device("meta"):
        state = I3D(classes=7).state_dict()
    assert i3d_shapes(7) == {n: tuple(t.shape) for n, t in state.items() if not n.endswith("num_batches_tracked")}
