"""Self-attention with fewer kernels: the same states; what is not self-attention as it is known stays as it is."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from videobert.base.openvino_core import openvino_core
from videobert.engines.openvino_attention import simplify_self_attention
from videobert.model.folder import BUNDLED

ov = pytest.importorskip("openvino")
opset = ov.opset13
HEADS, SIZE = 2, 4
WIDTH = HEADS * SIZE
Array = npt.NDArray[Any]


def attention(**other: Any) -> Any:
    """A model of one self-attention as OpenVINO makes it of ONNX's; `other` changes a part of it."""
    part: dict[str, Any] = {
        "order": [0, 2, 1, 3],
        "parts": (0, 1, 2),
        "guard": 0.0,
        "root_of": 3,
        "over": 3,
        "second": False,
        "turned": True,
        "query_turned": False,
        "value_turned": False,
        "split_axis": -1,
        "width": WIDTH,
        "shape_of": "query",
        "divided": True,
        "heads": [0, 0, HEADS, SIZE],
        # Axes of the input whose sides are read when the model runs, in place of the first two of `heads`.
        "sides_of": None,
        "type": np.float32,
        "axes_of_mask": 4,
        "rows": True,
    } | other
    sides = [-1, -1, 3 * part["width"]] if part["rows"] else [-1, 3 * part["width"]]
    joined = opset.parameter(sides, part["type"], name="joined")
    apart = opset.split(joined, opset.constant(np.int64(part["split_axis"])), 3)
    if part["second"]:
        more = opset.parameter([-1, -1, 3 * WIDTH], np.float32, name="more")
        value_of = opset.split(more, opset.constant(np.int64(2)), 3)
    else:
        more, value_of = None, apart
    sources = [apart.output(part["parts"][0]), apart.output(part["parts"][1]), value_of.output(part["parts"][2])]
    sizes = opset.constant(np.array(part["heads"], np.int64))
    if part["sides_of"] is not None:
        sizes = opset.concat([*(side_of(joined, axis) for axis in part["sides_of"]), opset.constant([HEADS, SIZE])], 0)
    query, key, value = (
        opset.transpose(
            opset.reshape(each, sizes, True),
            opset.constant(np.array(part["order"], np.int64)),
        )
        for each in sources
    )
    scores = opset.matmul(query, key, part["query_turned"], part["turned"])
    side = opset.gather(
        opset.shape_of({"query": query, "key": key}[part["shape_of"]]),
        opset.constant([part["root_of"]]),
        opset.constant(0),
    )
    if part["divided"]:
        scores = opset.divide(scores, opset.sqrt(opset.convert_like(side, query)))
    mask = opset.parameter([1] * (part["axes_of_mask"] - 4) + [-1, 1, 1, -1], part["type"], name="mask")
    weights = opset.softmax(opset.add(scores, mask), part["over"])
    if part["guard"] is not None:
        guard = opset.convert_like(opset.constant(np.asarray(part["guard"], np.float32)), weights)
        weights = opset.select(opset.is_nan(weights), guard, weights)
    out = opset.matmul(weights, value, False, part["value_turned"])
    inputs = [joined, mask] if more is None else [joined, mask, more]
    return ov.Model([out], inputs)


def side_of(value: Any, axis: int) -> Any:
    """One side of a value's shape, read as OpenVINO reads ONNX's."""
    first, step = opset.constant([0]), opset.constant([1])
    side = opset.slice(opset.shape_of(value), opset.constant([axis]), opset.constant([axis + 1]), step, first)
    return opset.reshape(opset.squeeze(side, first), opset.constant([-1]), False)


def values(rows: int, places: int, lengths: list[int]) -> dict[str, Array]:
    random = np.random.default_rng(rows * places)
    mask = np.where(np.arange(places) < np.array(lengths)[:, None], 0, -np.inf).astype(np.float32)
    return {
        "joined": random.normal(size=(rows, places, 3 * WIDTH)).astype(np.float32),
        "mask": mask[:, None, None],
    }


def answer(model: Any, inputs: Mapping[str, Array], precision: str = "f32") -> Array:
    compiled = openvino_core().compile_model(model, "CPU", {"INFERENCE_PRECISION_HINT": precision})
    return np.array(compiled(dict(inputs))[0])


def kernels(model: Any) -> list[str]:
    """The kinds of kernel that a model is compiled to."""
    compiled = openvino_core().compile_model(model, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    return [node.get_rt_info()["layerType"].value for node in compiled.get_runtime_model().get_ordered_ops()]


@pytest.mark.parametrize(("rows", "places"), [(1, 1), (1, 7), (3, 5), (2, 33)])
@pytest.mark.parametrize(("precision", "least"), [("f32", 2e-6), ("bf16", 2e-2)])
def test_the_same_states(rows: int, places: int, precision: str, least: float) -> None:
    lengths = [max(1, places - 2 * row) for row in range(rows)]
    inputs = values(rows, places, lengths)
    model = attention()
    wanted = answer(model, inputs)
    plain = np.abs(answer(model, inputs, precision) - wanted).max()
    assert simplify_self_attention(model) == 1
    found = answer(model, inputs, precision)
    assert np.abs(found - wanted).max() <= max(2 * plain, least)
    assert found.shape == (rows, HEADS, places, SIZE)


def test_sides_that_are_read_when_it_runs() -> None:
    inputs = values(3, 5, [5, 2, 4])
    model = attention(sides_of=(0, 1))
    wanted = answer(model, inputs)
    assert simplify_self_attention(model) == 1
    np.testing.assert_allclose(answer(model, inputs), wanted, atol=2e-6)


def test_a_row_without_a_place_spoils_no_other() -> None:
    inputs = values(2, 5, [5, 0])
    model = attention()
    wanted = answer(model, inputs)
    simplify_self_attention(model)
    found = answer(model, inputs)
    np.testing.assert_allclose(found[0], wanted[0], atol=2e-6)
    assert np.isfinite(found).all()


def test_each_has_its_own_mask() -> None:
    first, second = attention(), attention()
    # The second mask hides other places of the same sequences.
    names = [value.get_node() for value in first.inputs], [value.get_node() for value in second.inputs]
    names[1][1].set_friendly_name("other_mask")
    names[1][1].output(0).set_names({"other_mask"})
    names[1][0].output(0).replace(names[0][0].output(0))
    outs = [each.get_results()[0].input_value(0) for each in (first, second)]
    model = ov.Model(outs, [*names[0], names[1][1]])
    inputs = values(2, 6, [6, 3]) | {"other_mask": values(2, 6, [2, 6])["mask"]}

    def both() -> list[Array]:
        compiled = openvino_core().compile_model(model, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
        given = compiled(inputs)
        return [np.array(given[0]), np.array(given[1])]

    wanted = both()
    assert np.abs(wanted[0] - wanted[1]).max() > 0.1
    assert simplify_self_attention(model) == 2
    for found, plain in zip(both(), wanted, strict=True):
        np.testing.assert_allclose(found, plain, atol=2e-6)


OTHERS: dict[str, dict[str, Any]] = {
    "turned otherwise": {"order": [0, 1, 2, 3]},
    "query and key have changed places": {"parts": (1, 0, 2)},
    "no value of its own": {"parts": (0, 1, 1)},
    "a guard of another number": {"guard": 1.0},
    "no guard": {"guard": None},
    "divided by the root of another side": {"root_of": 1},
    "not divided": {"divided": False},
    "weights over queries": {"over": 2},
    "values of another sequence": {"second": True},
    "a key that is not turned": {"turned": False},
    "a query that is turned": {"query_turned": True},
    "a value that is turned": {"value_turned": True},
    "query, key and value of different places": {"split_axis": 1, "heads": [0, -1, HEADS, SIZE]},
    "two places of each": {"width": 2 * WIDTH, "heads": [0, -1, HEADS, SIZE]},
    "divided by the root of a key's side": {"shape_of": "key"},
    "all rows as one": {"heads": [1, -1, HEADS, SIZE]},
    "places in windows": {"heads": [-1, 4, HEADS, SIZE]},
    "rows and places have changed sides": {"sides_of": (1, 0)},
    "no rows": {"heads": [1, -1, HEADS, SIZE], "rows": False},
    "another type": {"type": np.float16},
    "a mask with more axes": {"axes_of_mask": 5},
    "a guard with axes": {"guard": np.zeros((3, 1, 1, 1, 1))},
}


@pytest.mark.parametrize("name", OTHERS)
def test_anything_else_stays_as_it_is(name: str) -> None:
    model = attention(**OTHERS[name])
    before = [node.get_friendly_name() for node in model.get_ordered_ops()]
    assert simplify_self_attention(model) == 0
    assert [node.get_friendly_name() for node in model.get_ordered_ops()] == before


def test_a_model_without_attention() -> None:
    value = opset.parameter([2, 3], np.float32)
    product = opset.matmul(value, opset.constant(np.ones((3, 2), np.float32)), False, False)
    assert simplify_self_attention(ov.Model([product], [value])) == 0


@pytest.mark.parametrize("lengths", [[1], [5, 9], [9, 1, 4]])
def test_every_layer_of_the_bundled_encoder(lengths: list[int]) -> None:
    graph = BUNDLED / "shapes" / "graphs" / "encoder.onnx"
    model = openvino_core().read_model(graph.read_bytes())
    assert simplify_self_attention(model) == 3
    given = openvino_core().read_model(graph.read_bytes())
    assert len(kernels(model)) < len(kernels(given)) - 3 * 8
    places = max(lengths)
    random = np.random.default_rng(0)
    inputs = {
        "ids": random.integers(5, 1500, (len(lengths), places)),
        "segments": random.integers(0, 2, (len(lengths), places)),
        "lengths": np.array(lengths),
    }
    wanted = answer(given, inputs)
    found = answer(model, inputs)
    for row, length in enumerate(lengths):
        np.testing.assert_allclose(found[row, :length], wanted[row, :length], atol=1e-5)
