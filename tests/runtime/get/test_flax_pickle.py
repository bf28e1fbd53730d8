"""Arrays of a flax checkpoint: the same as pickle would give, and nothing but little-endian float32."""

from __future__ import annotations

import os
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.runtime.get.pickle_writer import Built, Call, Global, pickled

from videobert.base.errors import ModelError
from videobert.get import flax_pickle
from videobert.get.flax_pickle import read_flax_pickle

RECONSTRUCT = Global("numpy._core.multiarray", "_reconstruct")
NDARRAY, DTYPE = Global("numpy", "ndarray"), Global("numpy", "dtype")
LITTLE = (3, "<", None, None, None, -1, -1, 0)
F4 = Built(Call(DTYPE, ("f4", False, True)), LITTLE)
EMPTY = Call(RECONSTRUCT, (NDARRAY, (0,), b"b"))


def checkpoint() -> dict[str, Any]:
    rng = np.random.default_rng(0)
    norm = {"bias": rng.random(5, np.float32), "mean": rng.random((1, 1, 5), np.float32)}
    return {
        "params": {"Mixed/Branch_0": {"Conv_0": {"kernel": rng.random((3, 1, 2, 5), np.float32)}}, "norm": norm},
        "batch_stats": {"fortran": np.asfortranarray(rng.random((4, 3), np.float32)), "none": np.zeros((0, 3), "<f4")},
        "scalar": np.array(2.5, np.float32),
    }


def array(**changes: Any) -> bytes:
    """A checkpoint of one array, changed."""
    fields = {"version": 1, "shape": (2, 2), "dtype": F4, "fortran": False, "content": bytes(16)} | changes
    return pickled({"a": Built(changes.get("empty", EMPTY), tuple(fields[k] for k in list(fields)[:5]))})


@pytest.mark.parametrize("old_name", [False, True])
def test_arrays_come_out_as_they_went_in(old_name: bool) -> None:
    content = pickle.dumps(checkpoint(), 4)
    if old_name:  # what numpy 1 wrote
        assert b"\x8c\x16numpy._core.multiarray" in content
        content = content.replace(b"\x8c\x16numpy._core.multiarray", b"\x8c\x15numpy.core.multiarray")
    found = read_flax_pickle(content)
    source = checkpoint()
    wanted = {
        "params/Mixed/Branch_0/Conv_0/kernel": source["params"]["Mixed/Branch_0"]["Conv_0"]["kernel"],
        "params/norm/bias": source["params"]["norm"]["bias"],
        "params/norm/mean": source["params"]["norm"]["mean"],
        "batch_stats/fortran": source["batch_stats"]["fortran"],
        "batch_stats/none": source["batch_stats"]["none"],
        "scalar": source["scalar"],
    }
    assert list(found) == list(wanted)
    for name, values in wanted.items():
        assert found[name].dtype == np.float32
        assert found[name].shape == values.shape
        assert np.array_equal(found[name], values)
        assert not found[name].flags.writeable


def test_the_order_of_axes_is_told_by_the_file() -> None:
    content = np.arange(6, dtype="<f4").tobytes()
    rows = read_flax_pickle(array(shape=(2, 3), content=content))["a"]
    columns = read_flax_pickle(array(shape=(2, 3), content=content, fortran=True))["a"]
    assert rows.tolist() == [[0, 1, 2], [3, 4, 5]]
    assert columns.tolist() == [[0, 2, 4], [1, 3, 5]]


def test_the_same_array_under_two_names_is_given_twice() -> None:
    same = np.ones(3, np.float32)
    found = read_flax_pickle(pickle.dumps({"a": same, "b": {"c": same}}, 4))
    assert set(found) == {"a", "b/c"}


REFUSED: dict[str, bytes] = {
    "float64": pickle.dumps({"a": np.ones(3)}, 4),
    "float16": pickle.dumps({"a": np.ones(3, np.float16)}, 4),
    "int32": pickle.dumps({"a": np.ones(3, np.int32)}, 4),
    "big-endian": pickle.dumps({"a": np.ones(3, ">f4")}, 4),
    "objects": pickle.dumps({"a": np.array([{}, []], object)}, 4),
    "a record": pickle.dumps({"a": np.zeros(2, [("x", "<f4")])}, 4),
    "numpy's own number": pickle.dumps({"a": np.float32(1)}, 4),
    "protocol 5": pickle.dumps({"a": np.ones(3, np.float32)}, 5),
    "no array": pickle.dumps({"a": 1}, 4),
    "no dict": pickle.dumps([np.ones(3, np.float32)], 4),
    "an empty dict": pickle.dumps({"a": {}}, 4),
    "a name twice": pickle.dumps({"a/b": np.ones(1, np.float32), "a": {"b": np.ones(1, np.float32)}}, 4),
    "more after the end": pickle.dumps({"a": np.ones(3, np.float32)}, 4) + b"more",
    "short bytes": array(content=bytes(15)),
    "long bytes": array(content=bytes(17)),
    "a shape past all memory": array(shape=(1 << 27, 1 << 27, 1 << 27)),
    "a negative axis": array(shape=(-2, -2)),
    "an axis that is no number": array(shape=("2", 2)),
    "an axis that is true": array(shape=(True, 4)),
    "too many axes": array(shape=(1,) * 9),
    "a shape that is a list": array(shape=[2, 2]),
    "another version": array(version=2),
    "an order that is a number": array(fortran=2),
    "content that is text": array(content="x" * 16),
    "a type that was never finished": array(dtype=Call(DTYPE, ("f4", False, True))),
    "a type of another order": array(dtype=Built(Call(DTYPE, ("f4", False, True)), (3, ">", *LITTLE[2:]))),
    "a type with metadata": array(dtype=Built(Call(DTYPE, ("f4", False, True)), (4, *LITTLE[1:], {}))),
    "an array as a type": array(dtype=EMPTY),
    "an array of another start": array(empty=Call(RECONSTRUCT, (NDARRAY, (7,), b"b"))),
    "a reconstructed type": array(empty=Call(RECONSTRUCT, (DTYPE, (0,), b"b"))),
    "an array without a state": pickled({"a": EMPTY}),
    "a state twice": pickled(
        {"a": Built(Built(EMPTY, (1, (1,), F4, False, bytes(4))), (1, (1,), F4, False, bytes(4)))}
    ),
    "a state that is a dict": pickled({"a": Built(EMPTY, {"shape": (1,)})}),
    "a state for a dict": pickled(Built({}, {"__class__": 1})),
    "another function of numpy": pickled({"a": Call(Global("numpy", "load"), ("file",))}),
    "a call of ndarray": pickled({"a": Call(NDARRAY, ((2,),))}),
    "something outside": b"\x80\x02" + b"X\x01\x00\x00\x00aQ.",
}


@pytest.mark.parametrize("refused", REFUSED)
def test_anything_else_is_refused(refused: str) -> None:
    with pytest.raises(ModelError, match="this pickle"):
        read_flax_pickle(REFUSED[refused])


class Poison:
    def __init__(self, place: Path) -> None:
        self.place = place

    def __reduce__(self) -> Any:
        return os.mkdir, (str(self.place / "owned"),)


def test_a_poisoned_copy_of_a_checkpoint_never_runs(tmp_path: Path) -> None:
    for where in ("params", "extra"):
        with pytest.raises(ModelError, match="nothing of it was run"):
            read_flax_pickle(pickle.dumps(checkpoint() | {where: Poison(tmp_path)}, 4))
    assert not list(tmp_path.iterdir())


def test_levels_of_the_same_dicts_do_not_multiply() -> None:
    level: Any = np.ones(1, np.float32)
    for _ in range(14):
        level = {"a": level, "b": level}
    with pytest.raises(ModelError, match="too many arrays"):
        read_flax_pickle(pickle.dumps(level, 4))
    loop: dict[str, Any] = {}
    loop["a"] = loop
    with pytest.raises(ModelError, match="something else than a dict of arrays"):
        read_flax_pickle(pickle.dumps(loop, 4))


def test_a_long_key_that_many_arrays_share_does_not_multiply() -> None:
    one = np.ones(1, np.float32)
    assert len(read_flax_pickle(pickle.dumps({"k" * 1000: {str(n): one for n in range(9)}}, 4))) == 9
    with pytest.raises(ModelError, match=r"a key that is too long; got 1001 letters"):
        read_flax_pickle(pickle.dumps({"k" * 1001: {str(n): one for n in range(9)}}, 4))


def test_a_file_that_is_too_large_is_not_even_looked_into(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(flax_pickle, "MOST_BYTES", 100)
    with pytest.raises(ModelError, match=r"too large; got .* bytes; allowed: at most 100 bytes"):
        read_flax_pickle(pickle.dumps(checkpoint(), 4))
