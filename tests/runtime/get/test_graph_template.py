"""Templates of graphs: filled they are the graph, and whatever is wrong with them or with the weights is told."""

from __future__ import annotations

import json
import zlib
from typing import Any

import numpy as np
import pytest

from videobert.base.errors import MismatchError, ModelError
from videobert.get.graph_template import GraphTemplate, fill
from videobert.get.template_hole import Hole, Weight

MAGIC = b"videobert graph template\n"
TENSORS = {
    "dense.weight": np.arange(6, dtype=np.float16).reshape(2, 3),
    "dense.bias": np.array([0.1, 0.2], np.float32),
    "table": np.arange(20, dtype=np.float16).reshape(5, 4),
}
CONTENT = b"".join(
    (
        b"begin ",
        TENSORS["dense.weight"].T.tobytes(),
        b" then ",
        TENSORS["dense.bias"].tobytes(),
        TENSORS["table"][1:3].tobytes(),
        b" end",
    )
)
HOLES = (
    Hole(offset=6, dtype="float16", shape=(3, 2), source=Weight(tensor="dense.weight", shape=(2, 3), axes=(1, 0))),
    Hole(offset=24, dtype="float32", shape=(2,), source=Weight(tensor="dense.bias", shape=(2,))),
    Hole(offset=32, dtype="float16", shape=(2, 4), source=Weight(tensor="table", shape=(5, 4), rows=(1, 3))),
)


@pytest.fixture
def template() -> bytes:
    return GraphTemplate.of(CONTENT, HOLES[::-1]).to_bytes()


def packed(head: object, rest: bytes = b"begin  then  end") -> bytes:
    text = head if isinstance(head, bytes) else json.dumps(head).encode()
    return MAGIC + zlib.compress(text + b"\n" + rest)


def fields(template: bytes) -> dict[str, Any]:
    head = zlib.decompress(template[len(MAGIC) :]).split(b"\n", 1)[0]
    found: dict[str, Any] = json.loads(head)
    return found


def test_a_filled_template_is_the_graph_that_it_was_made_of(template: bytes) -> None:
    assert fill(template, TENSORS) == CONTENT


def test_other_weights_go_to_the_same_places(template: bytes) -> None:
    others = {name: value + 1 for name, value in TENSORS.items()} | {"of another graph": np.ones(3, np.float32)}
    filled = fill(template, others)
    assert len(filled) == len(CONTENT)
    assert filled[6:18] == others["dense.weight"].T.tobytes()
    assert filled[24:32] == others["dense.bias"].tobytes()
    assert filled[32:48] == others["table"][1:3].tobytes()
    assert (filled[:6], filled[18:24], filled[48:]) == (b"begin ", b" then ", b" end")


def test_weights_that_are_stored_in_float32_but_fit_float16_are_taken(template: bytes) -> None:
    assert fill(template, {name: value.astype(np.float32) for name, value in TENSORS.items()}) == CONTENT


def test_no_weight_is_in_a_template(template: bytes) -> None:
    assert GraphTemplate.from_bytes(template).rest == b"begin  then  end"


def test_the_same_graph_gives_the_same_template(template: bytes) -> None:
    assert GraphTemplate.of(CONTENT, HOLES).to_bytes() == template
    assert GraphTemplate.from_bytes(template).to_bytes() == template


def test_a_graph_without_weights_has_no_holes() -> None:
    assert fill(GraphTemplate.of(CONTENT, ()).to_bytes(), {}) == CONTENT


def test_small_tensors_that_are_equal_are_refused(template: bytes) -> None:
    hole = Hole(offset=4, dtype="float32", shape=(2,), source=Weight(tensor="dense.bias", shape=(2,)))
    other = Hole(offset=12, dtype="float32", shape=(2,), source=Weight(tensor="norm.bias", shape=(2,)))
    small = GraphTemplate.of(bytes(24), (hole, other))
    different = {"dense.bias": TENSORS["dense.bias"], "norm.bias": np.array([0.2, 0.1], np.float32)}
    assert len(small.fill(different)) == 24
    with pytest.raises(MismatchError, match=r"dense\.bias and norm\.bias"):
        small.fill({name: TENSORS["dense.bias"] for name in different})


def test_a_tensor_that_is_missing_is_named(template: bytes) -> None:
    with pytest.raises(MismatchError, match="table"):
        fill(template, {name: value for name, value in TENSORS.items() if name != "table"})


@pytest.mark.parametrize("length", [0, 10, len(MAGIC), len(MAGIC) + 1, -1, -20])
def test_a_cut_template_is_refused(template: bytes, length: int) -> None:
    with pytest.raises(ModelError, match=r"damaged.*Install videobert again"):
        fill(template[:length], TENSORS)


def test_no_changed_byte_goes_unseen(template: bytes) -> None:
    whole = GraphTemplate.from_bytes(template)
    for place in range(len(template)):
        changed = template[:place] + bytes([template[place] ^ 0x10]) + template[place + 1 :]
        try:
            seen = GraphTemplate.from_bytes(changed)
        except ModelError:
            continue
        assert seen == whole  # a bit that zlib itself does not read


def test_what_follows_a_template_is_refused(template: bytes) -> None:
    with pytest.raises(ModelError, match="damaged"):
        fill(template + b"x", TENSORS)


def test_a_template_that_unpacks_to_far_more_than_any_is_refused() -> None:
    bomb = packed({"version": 1, "size_bytes": 1 << 26, "holes": []}, bytes(1 << 26))
    assert len(bomb) < 1 << 17
    with pytest.raises(ModelError, match="more than 16777216 bytes"):
        fill(bomb, {})


def test_a_hole_larger_than_any_graph_is_refused_before_anything_is_made(template: bytes) -> None:
    head = fields(template)
    head["holes"] = [{"offset": 6, "dtype": "float32", "shape": [1 << 30, 1 << 30], "tensor": "dense.weight"}]
    with pytest.raises(ModelError, match="a graph of more than"):
        fill(packed(head), TENSORS)


@pytest.mark.parametrize(
    "change",
    [
        {"version": 2},
        {"version": None},
        {"size_bytes": 53},
        {"size_bytes": "52"},
        {"holes": {}},
        {"holes": [None]},
        {"more": 1},
    ],
)
def test_another_head_is_refused(template: bytes, change: dict[str, object]) -> None:
    with pytest.raises(ModelError, match="damaged"):
        fill(packed(fields(template) | change), TENSORS)


@pytest.mark.parametrize("head", [b"", b"[]", b"{", b"[" * 100_000, b"\xff", b"1" * 10_000])
def test_a_head_that_is_no_object_is_refused(head: bytes) -> None:
    with pytest.raises(ModelError, match="damaged"):
        fill(packed(head), TENSORS)


@pytest.mark.parametrize("offsets", [(6, 17, 32), (24, 6, 32), (6, 24, 37)])
def test_holes_that_overlap_or_lie_beyond_the_end_are_refused(template: bytes, offsets: tuple[int, ...]) -> None:
    head = fields(template)
    for hole, offset in zip(head["holes"], offsets, strict=True):
        hole["offset"] = offset
    with pytest.raises(ModelError, match="damaged"):
        fill(packed(head), TENSORS)
