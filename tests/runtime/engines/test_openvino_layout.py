"""Backbones laid out for a processor: the same values from the same clips; what cannot be laid out stays as it is."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from videobert.base.errors import ModelError
from videobert.base.openvino_core import openvino_core
from videobert.engines import openvino_rows_first
from videobert.engines.base import EngineOptions
from videobert.engines.openvino_engine import OpenVinoEngine
from videobert.engines.openvino_layout import Layout, lay_out
from videobert.model.folder import ModelFolder
from videobert.model.stage_lists import BACKBONE

ov = pytest.importorskip("openvino")
opset = ov.opset13
Size = tuple[int, int, int]
FP32, BF16, INT8 = 4, 2, 1


@pytest.fixture(autouse=True)
def _every_plane_is_large(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(openvino_rows_first, "_LARGE_BYTES", 0)


class Network:
    """A small backbone, node by node; all of the same seed are equal."""

    def __init__(self, shape: Sequence[int], *, colours: str = "three", seed: int = 0) -> None:
        self._random = np.random.default_rng(seed)
        self.clips = opset.parameter(list(shape), np.uint8, name="clips")
        self.clips.output(0).set_names({"clips"})
        values = opset.convert(self.clips, "f32")
        if colours != "none":
            sizes: tuple[int, ...] = (3,) if colours == "three" else (1,)
            values = opset.multiply(values, opset.constant(self._random.uniform(0.01, 0.02, sizes).astype(np.float32)))
            values = opset.add(opset.constant(self._random.normal(size=sizes).astype(np.float32)), values)
        self.turned = opset.transpose(values, opset.constant(np.array([0, 4, 1, 2, 3])))
        self.value = self.turned.output(0)

    def convolved(
        self,
        outputs: int,
        kernel: Size,
        strides: Size = (1, 1, 1),
        pads: tuple[Size, Size] | None = None,
        dilations: Size = (1, 1, 1),
        half: bool = True,
    ) -> Network:
        """Convolution, normalisation, ReLU."""
        begin, end = pads or (tuple(side // 2 for side in kernel),) * 2
        inputs = int(self.value.get_partial_shape()[1].get_length())
        weight = self._random.normal(size=(outputs, inputs, *kernel)) / np.sqrt(inputs * np.prod(kernel))
        constant = opset.constant(weight.astype(np.float16 if half else np.float32))
        taken = opset.convert(constant, "f32") if half else constant
        made = opset.convolution(self.value, taken, list(strides), list(begin), list(end), list(dilations))
        sides = [self._random.uniform(0.5, 1.5, outputs).astype(np.float32) for _ in range(4)]
        made = opset.batch_norm_inference(made, *map(opset.constant, sides), 1e-3)
        self.value = opset.relu(made).output(0)
        return self

    def pooled(
        self,
        kernel: Size,
        strides: Size,
        rounding: str = "floor",
        pads: tuple[Size, Size] | None = None,
        dilations: Size = (1, 1, 1),
    ) -> Network:
        begin, end = pads or (tuple(side // 2 for side in kernel),) * 2
        said = (list(strides), list(dilations), list(begin), list(end), list(kernel), rounding, "explicit", "i64", 0)
        self.value = opset.max_pool(self.value, *said).output(0)
        return self

    def averaged(self, kernel: Size, strides: Size, pads: tuple[Size, Size], exclude: bool) -> Network:
        begin, end = map(list, pads)
        self.value = opset.avg_pool(self.value, list(strides), begin, end, list(kernel), exclude, "floor").output(0)
        return self

    def inception(self) -> Network:
        """Branches over the same value, joined by channel."""
        before = self.value
        branches = []
        for kernels in ([(1, 1, 1)], [(1, 3, 3), (3, 1, 1)]):
            self.value = before
            for kernel in kernels:
                self.convolved(8, kernel)
            branches.append(self.value)
        self.value = before
        branches.append(self.pooled((3, 3, 3), (1, 1, 1)).value)
        self.value = opset.concat(branches, 1).output(0)
        return self

    def model(self) -> Any:
        """With means over the picture, then over time, as features are made."""
        over_picture = opset.reduce_mean(self.value, opset.constant(np.array([3, 4])), False)
        weights = opset.constant(np.arange(1, 1 + int(over_picture.output(0).get_shape()[2]), dtype=np.float32))
        # Not the same for every frame and every row: a graph in which they were mixed up gives something else.
        weighted = opset.multiply(over_picture, weights)
        return ov.Model([opset.reduce_mean(weighted, opset.constant(np.array([2])), False)], [self.clips])


def separable(shape: Sequence[int] = (1, 6, 16, 20, 3), **more: Any) -> Network:
    return Network(shape, **more).convolved(8, (1, 7, 7), (1, 2, 2)).convolved(8, (7, 1, 1), (2, 1, 1))


def answers(make: Callable[[], Any], value_bytes: int) -> tuple[Layout, npt.NDArray[Any], npt.NDArray[Any]]:
    """How a model was laid out, and what it gave before and after."""
    plain, changed = make(), make()
    layout = lay_out(changed, value_bytes)
    shape = plain.inputs[0].get_shape()
    clips = np.random.default_rng(1).integers(0, 256, tuple(shape)).astype(np.uint8)
    found = []
    for model, how in ((plain, Layout()), (changed, layout)):
        compiled = openvino_core().compile_model(model, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
        assert Layout.of_input(compiled.inputs[0].get_names()) == how
        found.append(np.array(compiled(how.inputs({"clips": clips}))[0]))
    return layout, found[0], found[1]


def assert_same(found: npt.NDArray[Any], expected: npt.NDArray[Any]) -> None:
    assert found.shape == expected.shape
    assert np.abs(found - expected).max() <= 1e-5 * np.abs(expected).max()


@pytest.mark.parametrize("value_bytes", [FP32, BF16, INT8])
@pytest.mark.parametrize("shape", [(1, 6, 16, 20, 3), (1, 16, 16, 16, 3), (2, 5, 9, 12, 3), (1, 7, 11, 15, 3)])
def test_features_are_the_same(shape: Sequence[int], value_bytes: int) -> None:
    layout, before, after = answers(
        lambda: separable(shape).pooled((1, 3, 3), (1, 2, 2)).inception().inception().model(), value_bytes
    )
    # A row of an odd number of pixels has no pairs, and four bytes are multiplied one by one.
    assert layout == Layout(rows_first=True, pairs=value_bytes < FP32 and shape[3] % 2 == 0)
    assert_same(after, before)


@pytest.mark.parametrize("width", range(1, 9))
@pytest.mark.parametrize("before", range(4))
@pytest.mark.parametrize("after", range(4))
def test_pairs_of_every_kernel_and_padding(width: int, before: int, after: int) -> None:
    pads = ((0, 1, before), (1, 0, after))
    layout, expected, found = answers(
        lambda: Network((1, 4, 6, 14, 3)).convolved(4, (2, 3, width), (1, 2, 2), pads).model(), BF16
    )
    assert not layout.rows_first
    assert_same(found, expected)


def test_same_padding_of_i3d_is_paired() -> None:
    pads = ((2, 2, 2), (3, 3, 3))
    layout, before, after = answers(
        lambda: Network((1, 8, 16, 16, 3)).convolved(8, (7, 7, 7), (2, 2, 2), pads).inception().model(), BF16
    )
    assert layout.pairs
    assert_same(after, before)


@pytest.mark.parametrize("colours", ["three", "one", "none"])
@pytest.mark.parametrize("half", [True, False], ids=["half", "float"])
def test_normalisation_is_kept(colours: str, half: bool) -> None:
    layout, before, after = answers(
        lambda: Network((1, 6, 8, 8, 3), colours=colours).convolved(8, (1, 7, 7), (1, 2, 2), half=half).model(), BF16
    )
    assert layout.pairs
    assert_same(after, before)


def test_pools_that_round_up_and_strides_of_every_axis() -> None:
    layout, before, after = answers(
        lambda: (
            separable((1, 12, 15, 20, 3))
            .pooled((3, 3, 3), (2, 2, 2), "ceil")
            .convolved(8, (3, 1, 1), (2, 1, 1))
            .model()
        ),
        BF16,
    )
    assert layout == Layout(rows_first=True, pairs=True)
    assert_same(after, before)


# No two axes of any of these are told the same.
ONE_SIDED = ((1, 0, 0), (0, 1, 2))
UNEVEN: dict[str, Callable[[Network], Network]] = {
    "convolution": lambda made: made.convolved(8, (2, 3, 1), (1, 2, 1), ONE_SIDED),
    "dilated convolution": lambda made: made.convolved(8, (2, 3, 2), (1, 1, 2), ONE_SIDED, (2, 1, 3)),
    "pool": lambda made: made.pooled((2, 3, 4), (1, 2, 1), pads=((1, 0, 2), (0, 2, 3))),
    "dilated pool": lambda made: made.pooled((2, 2, 3), (1, 1, 1), pads=((0, 1, 2), (1, 0, 0)), dilations=(2, 1, 3)),
    "mean": lambda made: made.averaged((2, 3, 4), (1, 2, 1), ((1, 0, 2), (0, 2, 3)), exclude=False),
    "mean without padding": lambda made: made.averaged((2, 3, 4), (1, 2, 1), ((1, 0, 2), (0, 2, 3)), exclude=True),
}


@pytest.mark.parametrize("name", UNEVEN)
def test_every_axis_keeps_its_own(name: str) -> None:
    layout, before, after = answers(lambda: UNEVEN[name](separable()).model(), BF16)
    assert layout == Layout(rows_first=True, pairs=True)
    assert_same(after, before)


@pytest.mark.parametrize("axis", [2, 3, 4, -3])
def test_what_is_joined_by_place_is_joined_in_the_order_of_clips(axis: int) -> None:
    def make() -> Any:
        network = separable()
        network.value = opset.concat([network.value, network.value], axis).output(0)
        return network.model()

    layout, before, after = answers(make, BF16)
    assert layout.pairs
    assert_same(after, before)


def test_what_is_joined_with_values_from_elsewhere_stays_in_the_order_of_clips() -> None:
    def make() -> Any:
        network = separable()
        other = np.random.default_rng(5).normal(size=tuple(network.value.get_shape())).astype(np.float32)
        network.value = opset.concat([network.value, opset.constant(other)], 1).output(0)
        return network.model()

    layout, before, after = answers(make, BF16)
    assert layout == Layout(pairs=True)
    assert_same(after, before)


def test_where_a_maximum_stood_is_told_in_the_order_of_clips() -> None:
    def make() -> Any:
        network = separable()
        said = ([1, 1, 1], [1, 1, 1], [0, 0, 0], [0, 0, 0], [2, 3, 1], "floor", "explicit", "i64", 0)
        highest, places = opset.max_pool(network.value, *said).outputs()
        network.value = opset.add(highest, opset.convert(places, "f32")).output(0)
        return network.model()

    layout, before, after = answers(make, BF16)
    assert layout.pairs
    assert_same(after, before)


def test_weights_that_are_computed_stay_in_the_order_of_clips() -> None:
    def make() -> Any:
        network = separable()
        weight = opset.multiply(
            opset.constant(np.random.default_rng(5).normal(size=(4, 8, 2, 3, 1)).astype(np.float32)),
            opset.constant(np.float32(2)),
        )
        made = opset.convolution(network.value, weight, [1, 1, 1], [0, 0, 0], [0, 0, 0], [1, 1, 1])
        network.value = made.output(0)
        return network.model()

    layout, before, after = answers(make, BF16)
    assert layout.pairs
    assert_same(after, before)


def test_a_value_that_others_take_too_stands_as_before() -> None:
    """Its axes are put back once; what takes two values of the network leaves it as it is."""

    def make() -> Any:
        network = separable()
        within = opset.reduce_mean(network.value, opset.constant(np.array([2, 3, 4])), False)
        network.convolved(8, (3, 1, 1))
        last = opset.reduce_mean(network.value, opset.constant(np.array([2, 3, 4])), False)
        return ov.Model([opset.add(within, last)], [network.clips])

    layout, before, after = answers(make, BF16)
    assert layout == Layout(pairs=True)
    assert_same(after, before)


@pytest.mark.parametrize("node", ["gate", "sum"])
def test_a_node_that_is_not_known_ends_what_is_laid_out(node: str) -> None:
    def make() -> Any:
        network = separable()
        planes = opset.constant(np.linspace(0.5, 1.5, 3, dtype=np.float32).reshape(1, 1, 3, 1, 1))
        other = opset.multiply(network.value, planes) if node == "gate" else opset.add(network.value, planes)
        network.value = other.output(0)
        return network.convolved(8, (3, 1, 1)).model()

    layout, before, after = answers(make, BF16)
    assert layout == Layout(rows_first=True, pairs=True)
    assert_same(after, before)


def other_order() -> Any:
    network = Network((1, 6, 8, 8, 3))
    turned = opset.transpose(opset.convert(network.clips, "f32"), opset.constant(np.array([0, 4, 2, 1, 3])))
    network.value = turned.output(0)
    return network.convolved(8, (1, 7, 7), (1, 2, 2)).convolved(8, (7, 1, 1), (2, 1, 1)).model()


def also_taken() -> Any:
    network = separable()
    mean = opset.reduce_mean(network.turned, opset.constant(np.array([1, 2, 3, 4])), True)
    features = opset.reduce_mean(network.value, opset.constant(np.array([2, 3, 4])), True)
    return ov.Model([opset.add(features, mean)], [network.clips])


def by_column() -> Any:
    network = Network((1, 6, 8, 8, 3))
    columns = opset.constant(np.linspace(1, 2, 8, dtype=np.float32).reshape(8, 1))
    scaled = opset.multiply(opset.convert(network.clips, "f32"), columns)
    network.value = opset.transpose(scaled, opset.constant(np.array([0, 4, 1, 2, 3]))).output(0)
    return network.convolved(8, (1, 7, 7), (1, 2, 2)).model()


def flat() -> Any:
    tokens = opset.parameter([1, 8], np.float32, name="clips")
    tokens.output(0).set_names({"clips"})
    weight = opset.constant(np.eye(8, dtype=np.float32))
    return ov.Model([opset.matmul(tokens, weight, False, False)], [tokens])


@pytest.mark.parametrize("make", [other_order, also_taken, by_column, flat])
def test_what_is_no_such_backbone_stays_as_it_is(make: Callable[[], Any]) -> None:
    model = make()
    before = [(node.get_friendly_name(), node.get_type_name()) for node in model.get_ordered_ops()]
    assert lay_out(model, BF16) == Layout()
    assert [(node.get_friendly_name(), node.get_type_name()) for node in model.get_ordered_ops()] == before
    assert model.inputs[0].get_names() == {"clips"}


def test_a_batch_of_any_size_stays_as_it_is() -> None:
    model = separable().model()
    model.reshape({"clips": [-1, 6, 16, 20, 3]})
    assert lay_out(model, BF16) == Layout()


def test_other_colours_and_other_inputs_are_no_clips() -> None:
    network = separable()
    more = opset.parameter([1], np.float32, name="more")
    (out,) = network.model().outputs
    two = ov.Model([opset.add(out.get_node().input_value(0), more)], [network.clips, more])
    assert lay_out(two, BF16) == Layout()
    four = Network((1, 6, 16, 20, 4), colours="none").convolved(8, (1, 7, 7), (1, 2, 2)).model()
    assert lay_out(four, BF16) == Layout()


@pytest.mark.parametrize("strides", [(1, 1, 1), (1, 2, 1), (1, 2, 3), (1, 2, 4)])
def test_columns_that_are_not_stepped_over_by_two_are_not_paired(strides: Size) -> None:
    layout, before, after = answers(lambda: Network((1, 6, 8, 20, 3)).convolved(4, (1, 3, 3), strides).model(), BF16)
    assert layout == Layout()
    assert_same(after, before)


def test_dilated_columns_are_not_paired() -> None:
    layout, before, after = answers(
        lambda: Network((1, 6, 8, 20, 3)).convolved(4, (1, 3, 3), (1, 2, 2), dilations=(1, 1, 2)).model(), BF16
    )
    assert layout == Layout()
    assert_same(after, before)


def test_rows_come_first_only_where_planes_leave_the_cache(monkeypatch: pytest.MonkeyPatch) -> None:
    # What the convolution over time reads: 7 frames of 8 x 10 places of 8 channels.
    monkeypatch.setattr(openvino_rows_first, "_LARGE_BYTES", 7 * 8 * 10 * 8 * BF16)
    assert not lay_out(separable().model(), BF16).rows_first
    assert lay_out(separable().model(), FP32).rows_first
    monkeypatch.setattr(openvino_rows_first, "_LARGE_BYTES", 7 * 8 * 10 * 8 * BF16 - 1)
    assert lay_out(separable().model(), BF16).rows_first


@pytest.mark.parametrize("rows_first", [True, False])
@pytest.mark.parametrize("pairs", [True, False])
def test_clips_are_given_as_the_names_say(rows_first: bool, pairs: bool) -> None:
    layout = Layout(rows_first=rows_first, pairs=pairs)
    assert Layout.of_input([layout.name("clips")]) == layout
    clips = np.arange(2 * 3 * 4 * 6 * 3, dtype=np.uint8).reshape(2, 3, 4, 6, 3)
    (given,) = layout.inputs({"clips": clips}).values()
    assert given.flags.c_contiguous
    back = given.reshape(*given.shape[:3], 6, 3)
    assert np.array_equal(back.swapaxes(1, 2) if rows_first else back, clips)
    if not rows_first:
        assert np.shares_memory(given, clips)


@pytest.mark.parametrize("precision", ["fp32", "auto"])
def test_an_engine_gives_the_same_from_what_it_kept(
    model_folder: Path, tmp_path: Path, precision: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The second engine reads no graph: what it kept says how it takes clips."""
    folder = ModelFolder(model_folder)
    recipe = folder.recipe
    shape = (1, recipe.frames, recipe.crop, recipe.crop, 3)
    clips = np.random.default_rng(0).integers(0, 256, shape).astype(np.uint8)
    options = EngineOptions(cache_dir=tmp_path / "laid out", precision=precision)
    found = [OpenVinoEngine(folder, options).run(BACKBONE, clips=clips) for _ in range(2)]
    assert np.array_equal(*found)
    monkeypatch.setattr("videobert.engines.openvino_engine.lay_out", lambda *_: Layout())
    plain = OpenVinoEngine(folder, replace(options, cache_dir=tmp_path / "plain")).run(BACKBONE, clips=clips)
    assert np.abs(found[0] - plain).max() <= (1e-5 if precision == "fp32" else 2e-2) * np.abs(plain).max()


@pytest.mark.parametrize("sides", [(0, 0, 1), (0, 1, 0), (1, 0, 0), (0, 0, 2)])
def test_clips_of_another_shape_are_refused(model_folder: Path, tmp_path: Path, sides: Size) -> None:
    """Whether they can be laid out, or have an odd row that has no pairs."""
    folder = ModelFolder(model_folder)
    recipe = folder.recipe
    frames, rows, columns = (
        side + more for side, more in zip((recipe.frames, recipe.crop, recipe.crop), sides, strict=True)
    )
    engine = OpenVinoEngine(folder, EngineOptions(cache_dir=tmp_path))
    with pytest.raises(ModelError, match="cannot be run on these inputs"):
        engine.run(BACKBONE, clips=np.zeros((1, frames, rows, columns, 3), np.uint8))
