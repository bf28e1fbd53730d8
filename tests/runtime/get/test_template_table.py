"""The holes of a template as JSON, which is read from a file."""

from __future__ import annotations

import json
from typing import Any

import pytest

from videobert.get.template_hole import Hole, NormFactor, Weight
from videobert.get.template_table import hole_from_json, hole_to_json

# What the errors name.
WRONG = "instead of|shape|dtype|rows|axes|zero_is_dropped|constants|unknown fields|norm|hexadecimal"
PLAIN = Hole(offset=3, dtype="float16", shape=(2, 4), source=Weight(tensor="weight", shape=(2, 4)))
NORM = NormFactor(part="shift", gain="g", bias="b", mean="m", variance="v", channels=8, epsilon=0.001)
HOLES = [
    PLAIN,
    Hole(offset=0, dtype="float32", shape=(8,), source=Weight(tensor="bias", shape=(8,)), zero_is_dropped=True),
    Hole(offset=0, dtype="float16", shape=(4, 2), source=Weight(tensor="weight", shape=(2, 4), axes=(1, 0))),
    Hole(offset=0, dtype="float16", shape=(2, 4), source=Weight(tensor="table", shape=(9, 4), rows=(7, 9))),
    Hole(offset=0, dtype="float32", shape=(), source=Weight(tensor="one", shape=()), constants=(b"\0\1\2\3",)),
    Hole(offset=0, dtype="float32", shape=(8, 1, 1, 1), source=NORM),
]


@pytest.mark.parametrize("hole", HOLES)
def test_a_hole_comes_back_as_it_was(hole: Hole) -> None:
    assert hole_from_json(json.loads(json.dumps(hole_to_json(hole)))) == hole


def test_a_plain_hole_is_told_in_few_words() -> None:
    assert hole_to_json(PLAIN) == {"offset": 3, "dtype": "float16", "shape": [2, 4], "tensor": "weight"}


@pytest.mark.parametrize(
    "change",
    [
        {"offset": -1},
        {"offset": 1.0},
        {"offset": True},
        {"offset": 1 << 40},
        {"dtype": "float64"},
        {"dtype": ["float16"]},
        {"dtype": None},
        {"shape": [2, -4]},
        {"shape": "24"},
        {"shape": [1] * 9},
        {"shape": None},
        {"tensor": ""},
        {"tensor": 3},
        {"tensor": None},
        {"tensor_shape": [2, 5]},
        {"tensor_shape": {}},
        {"rows": [0, 1]},
        {"rows": [0, 3]},
        {"rows": [1, 1]},
        {"rows": [0]},
        {"axes": [0]},
        {"axes": [0, 0]},
        {"axes": [0, 2]},
        {"zero_is_dropped": 1},
        {"constants": "00"},
        {"constants": [0]},
        {"constants": ["zz"]},
        {"unknown": 0},
    ],
)
def test_a_hole_that_cannot_be_is_refused(change: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=WRONG):
        hole_from_json(hole_to_json(PLAIN) | change)


@pytest.mark.parametrize(
    "change",
    [
        {"norm": "both"},
        {"norm": []},
        {"gain": None},
        {"variance": ""},
        {"channels": 7},
        {"channels": "8"},
        {"epsilon": 1},
        {"epsilon": -0.1},
        {"epsilon": float("nan")},
        {"epsilon": float("inf")},
        {"tensor": "weight"},
    ],
)
def test_a_norm_that_cannot_be_is_refused(change: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=WRONG):
        hole_from_json(hole_to_json(HOLES[-1]) | change)


@pytest.mark.parametrize("name", ["offset", "dtype", "shape", "tensor"])
def test_a_hole_without_what_it_must_have_is_refused(name: str) -> None:
    fields = hole_to_json(PLAIN)
    del fields[name]
    with pytest.raises(ValueError, match=WRONG):
        hole_from_json(fields)


@pytest.mark.parametrize("fields", [None, [], "hole", 3])
def test_what_is_no_object_is_refused(fields: object) -> None:
    with pytest.raises(ValueError, match="no object"):
        hole_from_json(fields)


def test_a_hole_of_another_size_than_its_tensor_is_refused() -> None:
    with pytest.raises(ValueError, match="takes 8 numbers"):
        hole_from_json(hole_to_json(PLAIN) | {"shape": [2, 5], "tensor_shape": [2, 4]})


def test_constants_beside_a_large_tensor_are_refused() -> None:
    large = Hole(offset=0, dtype="float32", shape=(9,), source=Weight(tensor="bias", shape=(9,)))
    with pytest.raises(ValueError, match="constants beside a large tensor"):
        hole_from_json(hole_to_json(large) | {"constants": ["00"]})
