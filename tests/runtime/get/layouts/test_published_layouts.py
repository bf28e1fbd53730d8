"""Checkpoints of videobert.get.layouts: every tensor is accounted for, and a wrong one is named."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from videobert.base.errors import ModelError
from videobert.get.layouts.efficientnet_lite import efficientnet_lite0
from videobert.get.layouts.minilm import minilm
from videobert.get.layouts.transnet_v2 import transnet_v2

Layout = Callable[..., tuple[dict[str, Any], list[Any]]]
LAYOUTS: dict[str, tuple[Layout, int, int]] = {
    # Tensors of the published file, and of ours.
    "efficientnet": (efficientnet_lite0, 296, 247),
    "transnet": (transnet_v2, 90, 64),
    "minilm": (minilm, 104, 77),
}


class Anything(dict[str, Any]):
    """A checkpoint that has each array that it is asked for, in the shape that is asked for."""

    def __init__(self, layout: Layout, monkeypatch: pytest.MonkeyPatch) -> None:
        from videobert.get.layouts import intake

        super().__init__()

        def take(_: Any, name: str, target: str, shape: tuple[int, ...]) -> Any:
            self[name] = np.broadcast_to(np.float32(len(self)), shape)
            return self[name]

        def leave_out(_: Any, name: str, reason: str) -> None:
            self[name] = np.zeros((), np.int64)

        with monkeypatch.context() as patch:
            patch.setattr(intake.ArrayIntake, "take", take)
            patch.setattr(intake.ArrayIntake, "leave_out", leave_out)
            layout({})


@pytest.fixture(params=LAYOUTS)
def published(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> tuple[Layout, dict[str, Any]]:
    layout, count, _ = LAYOUTS[request.param]
    arrays = dict(Anything(layout, monkeypatch))
    assert len(arrays) == count
    return layout, arrays


def test_every_tensor_is_accounted_for(published: tuple[Layout, dict[str, Any]]):
    layout, arrays = published
    tensors, ledger = layout(arrays)
    assert [taken.name for taken in ledger] == list(arrays)
    assert {taken.target for taken in ledger} - {None} == tensors.keys()
    assert all(bool(taken.reason) == (taken.target is None) for taken in ledger)
    (count,) = (ours for known, _, ours in LAYOUTS.values() if known is layout)
    assert len(tensors) == count
    assert {array.dtype for array in tensors.values()} == {np.dtype(np.float32)}
    # Nothing is lost and nothing doubled on the way.
    used = [array for array in arrays.values() if array.dtype.kind == "f"]
    assert sum(array.size for array in tensors.values()) == sum(array.size for array in used)


def test_a_missing_tensor_is_named(published: tuple[Layout, dict[str, Any]]):
    layout, arrays = published
    name = [name for name, array in arrays.items() if array.dtype.kind == "f"][-1]
    del arrays[name]
    with pytest.raises(ModelError, match=f"no tensor {name}"):
        layout(arrays)


def test_a_tensor_of_another_shape_is_named(published: tuple[Layout, dict[str, Any]]):
    layout, arrays = published
    name = next(iter(arrays))
    arrays[name] = arrays[name][:-1]
    with pytest.raises(ModelError, match=f"tensor {name} has another shape"):
        layout(arrays)


def test_an_additional_tensor_is_named(published: tuple[Layout, dict[str, Any]]):
    layout, arrays = published
    with pytest.raises(ModelError, match="new_head"):
        layout(arrays | {"new_head.weight": np.zeros(3, np.float32)})


def test_counters_and_unused_heads_may_be_missing(published: tuple[Layout, dict[str, Any]]):
    layout, arrays = published
    used = {name: array for name, array in arrays.items() if array.dtype.kind == "f"}
    assert layout(used)[0].keys() == layout(arrays)[0].keys()


def test_convolutions_side_by_side_become_one_in_order(monkeypatch: pytest.MonkeyPatch):
    arrays = dict(Anything(transnet_v2, monkeypatch))
    tensors, _ = transnet_v2(arrays)
    spatial = tensors["stages.1.first.spatial.weight"].reshape(4, 64, 64, 1, 3, 3)
    for place, step in enumerate((1, 2, 4, 8)):
        assert np.array_equal(spatial[place], arrays[f"SDDCNN.1.DDCNN.0.Conv3D_{step}.layers.0.weight"])


def test_query_key_and_value_become_one_in_order(monkeypatch: pytest.MonkeyPatch):
    arrays = dict(Anything(minilm, monkeypatch))
    tensors, _ = minilm(arrays)
    parts = np.split(tensors["layers.2.attention.qkv.bias"], 3)
    for part, name in zip(parts, ("query", "key", "value"), strict=True):
        assert np.array_equal(part, arrays[f"encoder.layer.2.attention.self.{name}.bias"])
