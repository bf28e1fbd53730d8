"""Pickles are followed and never run: what plain data needs not is refused, whatever it would have done."""

from __future__ import annotations

import os
import pickle
import struct
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from tests.runtime.get.pickle_writer import Built, Call, Global, Outside, Raw, emit, pickled

from videobert.base.errors import ModelError
from videobert.get import pickle_machine
from videobert.get.pickle_machine import GlobalName, follow_pickle


class Words:
    """A vocabulary of one global."""

    def known(self, name: GlobalName) -> bool:
        return name == GlobalName("known", "thing")

    def call(self, name: GlobalName, arguments: tuple[Any, ...]) -> object:
        return ("called", name.name, arguments)

    def build(self, made: object, state: object) -> object:
        return ("built", made, state)

    def persistent(self, identity: object) -> object:
        return ("outside", identity)


def read(content: bytes) -> object:
    return follow_pickle(BytesIO(content), Words())


@pytest.mark.parametrize("protocol", [2, 3, 4])
@pytest.mark.parametrize(
    "value",
    [
        {},
        {"a": {"b": (1, 2, 3, 4), "c": [True, False, None]}, "d": "text"},
        {"n": 0, "small": 255, "middle": 65535, "below": -7, "long": 1 << 80},
        [(), (1,), (1, 2), (1, 2, 3), [[]], ["again", "again"]],
        {f"{number}": [number] for number in range(3000)},
    ],
    ids=["empty", "nested", "numbers", "tuples", "many"],
)
def test_plain_data_is_what_pickle_would_give(value: Any, protocol: int) -> None:
    assert read(pickle.dumps(value, protocol)) == value


def test_bytes_are_read_whole() -> None:
    assert read(pickle.dumps({"b": b"x" * 70_000, "s": b"y"}, 4)) == {"b": b"x" * 70_000, "s": b"y"}


def test_names_calls_states_and_what_lies_outside_go_to_the_vocabulary() -> None:
    call = Call(Global("known", "thing"), (1,))
    assert read(pickled([call, Built(call, {"a": 1}), Outside("key")])) == [
        ("called", "thing", (1,)),
        ("built", ("called", "thing", (1,)), {"a": 1}),
        ("outside", "key"),
    ]


class Runs:
    def __init__(self, place: Path) -> None:
        self.place = place

    def __reduce__(self) -> Any:
        return os.mkdir, (str(self.place),)


@pytest.mark.parametrize("protocol", range(6))
def test_a_poisoned_pickle_runs_nothing(protocol: int, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="nothing of it was run"):
        read(pickle.dumps({"a": Runs(tmp_path / "owned")}, protocol))
    assert not list(tmp_path.iterdir())


POISON = {
    "os.system": pickled(Call(Global("os", "system"), ("echo owned",))),
    "posix by stack": b"\x80\x04" + emit("posix") + emit("system") + b"\x93" + emit(("echo owned",)) + b"R.",
    "eval": pickled(Call(Global("builtins", "eval"), ("1",))),
    "a name below a known one": pickled(Global("known", "thing.__class__")),
    "a known name in another module": pickled(Global("other", "thing")),
    "names that are no texts": b"\x80\x04" + emit(1) + emit(2) + b"\x93.",
    "a call of a number": pickled(Call(1, ())),
    "a call of a result": pickled(Call(Call(Global("known", "thing"), ()), ())),
    "arguments that are no tuple": pickled(Raw(emit(Global("known", "thing")) + emit({}) + b"R")),
    "inst": b"\x80\x02(S'echo'\nios\nsystem\n.",
    "obj": b"\x80\x02(" + emit(Global("known", "thing")) + b"o.",
    "newobj": pickled(Raw(emit(Global("known", "thing")) + emit(()) + b"\x81")),
    "newobj_ex": b"\x80\x04" + emit(Global("known", "thing")) + emit(()) + emit({}) + b"\x92.",
    "ext1": b"\x80\x02\x82\x01.",
    "ext2": b"\x80\x02\x83\x01\x00.",
    "ext4": b"\x80\x02\x84\x01\x00\x00\x00.",
    "persid": b"\x80\x02Pkey\n.",
    "buffers": b"\x80\x05\x97.",
    "protocol 0": b"I1\n.",
    "protocol 5": b"\x80\x05}.",
    "a string of Python": b"\x80\x02S'text'\n.",
    "a float": b"\x80\x02F1.5\n.",
    "a set": b"\x80\x04\x8f.",
    "dup": b"\x80\x02K\x012.",
}


@pytest.mark.parametrize("poison", POISON)
def test_what_plain_data_needs_not_is_refused(poison: str, capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(ModelError, match="this pickle"):
        read(POISON[poison])
    assert capfd.readouterr() == ("", "")


DAMAGE = {
    "nothing": b"",
    "cut": pickle.dumps({"a": b"x" * 1000}, 4)[:-500],
    "no end": b"\x80\x02}",
    "an empty stack": b"\x80\x02.",
    "two values": b"\x80\x02K\x01K\x02.",
    "a mark that stays open": b"\x80\x02(K\x01.",
    "no mark": b"\x80\x02t.",
    "not enough for a tuple": b"\x80\x02K\x01\x86.",
    "no such memo": b"\x80\x02h\x07.",
    "nothing to remember": b"\x80\x02q\x00.",
    "items of no dict": pickled(Raw(emit([]) + b"(" + emit("a") + emit(1) + b"u")),
    "odd items": pickled(Raw(emit({}) + b"(" + emit("a") + b"u")),
    "a key that is no text": pickled({1: 2}),
    "a key that cannot be one": pickled(Raw(emit({}) + emit([]) + emit(1) + b"s")),
    "a key twice": pickled(Raw(b"}(" + emit("a") + emit(1) + emit("a") + emit(2) + b"u")),
    "appends to no list": pickled(Raw(emit({}) + b"(" + emit("a") + b"e")),
    "a text that is none": b"\x80\x02X\x01\x00\x00\x00\xff.",
    "bytes longer than the file": b"\x80\x03B\xff\xff\xff\x7fab.",
    "an opcode that there is not": b"\x80\x02\xff.",
    "a global in pieces": b"\x80\x02cos\n",
}


@pytest.mark.parametrize("damage", DAMAGE)
def test_a_damaged_pickle_is_an_error(damage: str) -> None:
    with pytest.raises(ModelError, match="this pickle"):
        read(DAMAGE[damage])


def test_opcodes_memo_and_marks_are_limited(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pickle_machine, "MOST_OPCODES", 1000)
    monkeypatch.setattr(pickle_machine, "MOST_REMEMBERED", 100)
    with pytest.raises(ModelError, match="too many opcodes"):
        read(b"\x80\x02]" + b"(" + b"N" * 2000 + b"e.")
    with pytest.raises(ModelError, match="remembers too much"):
        read(b"\x80\x04]" + b"\x94" * 101 + b".")
    with pytest.raises(ModelError, match="remembers too much"):
        read(b"\x80\x02]" + b"".join(b"r" + struct.pack("<I", number) for number in range(101)) + b".")
    with pytest.raises(ModelError, match="nested too deeply"):
        read(b"\x80\x02" + b"(" * 65)


def test_a_tuple_deeper_than_the_stack_of_python_is_an_error_or_a_value() -> None:
    content = b"\x80\x02)" + b"\x85" * 200_000
    assert read(content + b".")
    with pytest.raises(ModelError):
        read(content + emit(1) + b"\x86R.")
