"""Counted operations: those of the bundled model's graphs, counted again by hand."""

from __future__ import annotations

from videobert.bench.graph_cost import costs_of
from videobert.model.folder import ModelFolder
from videobert.model.stage import StageSpec
from videobert.model.stage_lists import stage_spec

FOLDER = ModelFolder("shapes")


def spec(name: str) -> StageSpec:
    return stage_spec(name, FOLDER.config, FOLDER.recipe)


def test_the_encoder_costs_what_its_sizes_say() -> None:
    sizes = FOLDER.config.encoder
    batch, length = 3, 20
    (given, *_others) = (tensor.name for tensor in spec("encoder").inputs)
    shapes = tuple((t.name, (batch, length) if len(t.shape) > 1 else (batch,)) for t in spec("encoder").inputs)
    assert given == "ids"
    ((_, cost),) = costs_of(FOLDER, [("encoder", shapes)], "fp32").items()
    projections = 2 * batch * length * sizes.width * (4 * sizes.width + 2 * sizes.feed_forward)
    attention = 2 * batch * length * length * sizes.width * 2
    assert abs(cost.flops / (sizes.layers * (projections + attention)) - 1) < 0.02


def test_twice_the_batch_costs_twice_and_moves_the_weights_once() -> None:
    def cost(batch: int, precision: str = "fp32"):
        shapes = tuple((t.name, (batch, 16) if len(t.shape) > 1 else (batch,)) for t in spec("encoder").inputs)
        return costs_of(FOLDER, [("encoder", shapes)], precision)["encoder", shapes]

    assert cost(8).flops == 2 * cost(4).flops
    assert cost(4).least_bytes < cost(8).least_bytes < 1.5 * cost(4).least_bytes
    assert 1.5 < cost(1).least_bytes / cost(1, "bf16").least_bytes <= 2


def test_what_has_no_graph_or_other_shapes_has_no_cost() -> None:
    asked = [("decode", ()), ("no_such_stage", (("x", (1,)),)), ("encoder", (("nothing", (1, 2)),))]
    assert costs_of(FOLDER, asked, "fp32") == {}
