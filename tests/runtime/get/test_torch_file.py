"""Tensors of torch's files, of either form: those that torch would give, and nothing else."""

from __future__ import annotations

import struct
import zipfile
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.runtime.get.pickle_writer import (
    ORDERED_DICT,
    REBUILD,
    Built,
    Call,
    Global,
    Outside,
    Raw,
    emit,
    pickled,
    state_dict,
    stream_form,
    tensor,
    zip_form,
)

from videobert.base.errors import ModelError
from videobert.get import torch_file, torch_pickle
from videobert.get.torch_file import read_torch_file

FORMS = {"zip": zip_form, "stream": stream_form}
ROWS = np.arange(12, dtype="<f4").reshape(3, 4)
HALVES = np.arange(6, dtype="<f2")
COUNT = np.array([7], dtype="<i8")


def state() -> Any:
    return state_dict(
        {
            "rows": tensor("0", ROWS),
            "columns": tensor("0", ROWS, shape=(4, 3), strides=(1, 4)),
            "part": tensor("0", ROWS, offset=5, shape=(2, 2), strides=(4, 1)),
            "halves": tensor("1", HALVES, rest=(None,)),
            "count": tensor("2", COUNT, shape=(), strides=()),
            "parameter": Call(
                Global("torch._utils", "_rebuild_parameter"), (tensor("1", HALVES), True, Call(ORDERED_DICT, ()))
            ),
        }
    )


STORED = {"0": ROWS, "1": HALVES, "2": COUNT}


@pytest.mark.parametrize("form", FORMS)
def test_every_way_to_lie_in_a_storage_is_read(form: str) -> None:
    found = read_torch_file(FORMS[form](state(), STORED))
    assert {name: (array.dtype.str, array.shape) for name, array in found.items()} == {
        "rows": ("<f4", (3, 4)),
        "columns": ("<f4", (4, 3)),
        "part": ("<f4", (2, 2)),
        "halves": ("<f2", (6,)),
        "count": ("<i8", ()),
        "parameter": ("<f2", (6,)),
    }
    assert np.array_equal(found["rows"], ROWS)
    assert np.array_equal(found["columns"], ROWS.T)
    assert found["part"].tolist() == [[5, 6], [9, 10]]
    assert found["count"] == 7
    assert all(array.flags.c_contiguous for array in found.values())


@pytest.mark.parametrize("new", [True, False])
def test_a_file_of_torch_itself_is_read(new: bool, tmp_path: Path) -> None:
    import torch

    source = torch.nn.Sequential(torch.nn.Conv2d(2, 3, 3), torch.nn.BatchNorm2d(3)).state_dict()
    source["0.weight"] = source["0.weight"].to(memory_format=torch.channels_last)
    source["half"] = torch.arange(5).half()
    torch.save(source, tmp_path / "model.pth", _use_new_zipfile_serialization=new)
    found = read_torch_file((tmp_path / "model.pth").read_bytes())
    assert list(found) == list(source)
    for name, value in source.items():
        assert np.array_equal(found[name], value.numpy())


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("metadata", [True, False])
def test_what_torch_hangs_on_the_dict_is_passed_over(form: str, metadata: bool) -> None:
    own = Built(state(), {"_metadata" if metadata else "__class__": Call(ORDERED_DICT, ())})
    if metadata:
        assert len(read_torch_file(FORMS[form](own, STORED))) == 6
    else:
        with pytest.raises(ModelError, match="gives a state to"):
            read_torch_file(FORMS[form](own, STORED))


def one(value: Any) -> Any:
    return state_dict({"a": value})


def outside(*identity: Any) -> Any:
    return one(Call(REBUILD, (Outside(identity), 0, (1,), (1,), False, Call(ORDERED_DICT, ()))))


FLOATS = Global("torch", "FloatStorage")
REFUSED: dict[str, Any] = {
    "a call": one(Call(Global("os", "system"), ("echo owned",))),
    "another function of torch": one(Call(Global("torch", "load"), ("file",))),
    "a whole module": Call(Global("torch.nn.modules.linear", "Linear"), ()),
    "a number": one(7),
    "a dict in a dict": one(state_dict({"b": tensor("0", ROWS)})),
    "no tensors": state_dict({}),
    "a list": [tensor("0", ROWS)],
    "a tensor alone": tensor("0", ROWS),
    "float64": one(tensor("0", ROWS.astype("<f8"))),
    "a tensor past its storage": one(tensor("0", ROWS, offset=1)),
    "a stride past its storage": one(tensor("0", ROWS, shape=(3, 4), strides=(5, 1))),
    "a negative offset": one(tensor("0", ROWS, offset=-1)),
    "a negative stride": one(tensor("0", ROWS, shape=(3,), strides=(-1,))),
    "a negative axis": one(tensor("0", ROWS, shape=(-3,), strides=(1,))),
    "an axis that is true": one(tensor("0", ROWS, shape=(True,), strides=(1,))),
    "a tensor larger than its storage": one(tensor("0", ROWS, shape=(1 << 20, 1 << 20), strides=(0, 0))),
    "an axis past all memory": one(tensor("0", ROWS, shape=(1 << 60,), strides=(0,))),
    "more axes than strides": one(tensor("0", ROWS, shape=(3, 4), strides=(1,))),
    "too many axes": one(tensor("0", ROWS, shape=(1,) * 9, strides=(1,) * 9)),
    "a storage of another size": one(tensor("0", ROWS, elements=13)),
    "a storage in two sizes": state_dict({"a": tensor("0", ROWS), "b": tensor("0", ROWS, elements=20)}),
    "a storage without a name": outside("storage", FLOATS, 0, "cpu", 1),
    "a storage of another kind": outside("storage", Global("torch", "_utils"), "0", "cpu", 1),
    "a storage that is a text": outside("storage", "FloatStorage", "0", "cpu", 1),
    "something else outside": outside("module", FLOATS, "0", "cpu", 1),
    "a view of a storage": outside("storage", FLOATS, "0", "cpu", 12, ("view", 0, 1)),
    "a short identity": outside("storage", FLOATS, "0"),
    "an identity that is a text": one(Outside("storage")),
    "a storage that is not there": one(tensor("missing", ROWS)),
    "a parameter of a number": one(Call(Global("torch._utils", "_rebuild_parameter"), (1, True, None))),
    "a state for a tensor": one(Built(tensor("0", ROWS), {"_metadata": 1})),
    "a dict with arguments": Call(ORDERED_DICT, ([],)),
}


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("refused", REFUSED)
def test_anything_else_is_refused(form: str, refused: str, capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(ModelError, match="this pickle"):
        read_torch_file(FORMS[form](REFUSED[refused], {"0": ROWS}))
    assert capfd.readouterr() == ("", "")


def test_a_zip_that_is_compressed_or_doubled_is_refused() -> None:
    with pytest.raises(ModelError, match="compressed"):
        read_torch_file(zip_form(state(), STORED, compressed=True))
    whole = zip_form(state(), STORED)
    stream = BytesIO(whole)
    with pytest.warns(UserWarning, match="Duplicate"), zipfile.ZipFile(stream, "a") as archive:
        archive.writestr("archive/data.pkl", pickled(1))
    with pytest.raises(ModelError, match="a name twice"):
        read_torch_file(stream.getvalue())


def test_members_that_share_their_bytes_are_refused() -> None:
    """A bomb without compression: the table names one member many times, each with its whole size."""
    content = zip_form(one(tensor("0", np.zeros(100_000, "<f4"))), {"0": np.zeros(100_000, "<f4")})
    start = content.index(b"PK\x01\x02")
    end = content.index(b"PK\x05\x06")
    entries = content[start:end]
    name = b"archive/data/0"
    at = entries.index(name) - 46
    entry = entries[at : at + 46 + len(name)]
    copies = b"".join(entry.replace(name, b"archive/data/" + bytes([letter])) for letter in b"abcdefgh")
    count = 4 + 8
    tail = bytearray(content[end:])
    struct.pack_into("<HHI", tail, 8, count, count, len(entries) + len(copies))
    with pytest.raises(ModelError, match="members overlap"):
        read_torch_file(content[:start] + entries + copies + bytes(tail))


@pytest.mark.parametrize("form", FORMS)
def test_many_tensors_of_one_storage_do_not_multiply(form: str, monkeypatch: pytest.MonkeyPatch) -> None:
    shared = state_dict({f"{number}": tensor("0", ROWS) for number in range(10)})
    monkeypatch.setattr(torch_pickle, "MOST_TENSOR_BYTES", 10 * ROWS.nbytes)
    assert len(read_torch_file(FORMS[form](shared, {"0": ROWS}))) == 10
    monkeypatch.setattr(torch_pickle, "MOST_TENSOR_BYTES", 10 * ROWS.nbytes - 1)
    with pytest.raises(ModelError, match="too large together"):
        read_torch_file(FORMS[form](shared, {"0": ROWS}))


DEEP = Raw(b"](" + b")" + 500_000 * b"\x85" + b"e")


def test_storages_that_are_named_by_tuples_in_tuples_do_not_end_the_process() -> None:
    """Python's hash of such a tuple does, without an exception: keys are texts before they are compared."""
    sound = stream_form(one(tensor("0", ROWS)), {"0": ROWS})
    names = pickled(["0"])
    assert sound.count(names) == 1
    with pytest.raises(ModelError, match="other storages"):
        read_torch_file(sound.replace(names, pickled(DEEP)))


DAMAGE = {
    "nothing": b"",
    "text": b"not a checkpoint",
    "a zip of something else": zip_form(state(), STORED).replace(b"data.pkl", b"data.txt"),
    "a cut zip": zip_form(state(), STORED)[:-40],
    "a changed zip": zip_form(state(), STORED).replace(ROWS.tobytes(), (ROWS + 1).tobytes()),
    "a zip of another machine": zip_form(state(), STORED, byteorder=b"big"),
    "a stream of another machine": stream_form(state(), STORED, little_endian=False),
    "a cut stream": stream_form(state(), STORED)[:-4],
    "a stream with more": stream_form(state(), STORED) + b"more",
    "a stream with another storage": stream_form(state(), STORED | {"3": COUNT}),
    "a stream that lacks a storage": stream_form(state(), {"0": ROWS, "1": HALVES}),
    "a stream that only begins": pickled(0x1950A86A20F9469CFC6C) + pickled(1001),
    "a stream of another protocol": pickled(0x1950A86A20F9469CFC6C) + pickled(1002) + pickled({}),
    "a stream whose beginning calls": pickled(0x1950A86A20F9469CFC6C)
    + pickled(1001)
    + pickled(Raw(emit(Call(Global("os", "getcwd"), ())))),
}


@pytest.mark.parametrize("damage", DAMAGE)
def test_a_damaged_file_is_an_error(damage: str) -> None:
    with pytest.raises(ModelError, match="this pickle"):
        read_torch_file(DAMAGE[damage])


def test_a_file_that_is_too_large_is_not_even_looked_into(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch_file, "MOST_BYTES", 100)
    with pytest.raises(ModelError, match=r"allowed: at most 100 bytes"):
        read_torch_file(zip_form(state(), STORED))
