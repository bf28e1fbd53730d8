"""The few opcodes of a pickle that plain data needs, followed without `pickle`: nothing is imported, made or called.

`pickletools.genops` takes the bytes apart into opcodes and their arguments and runs nothing. What stands for code (a
global, a call, a state, a persistent id) is a name here, and a `Vocabulary` says what the few that it knows mean.
Opcodes as in the standard library's `pickletools`, protocols 2 to 4.
"""

from __future__ import annotations

import pickletools
from collections.abc import Callable
from dataclasses import dataclass
from io import BytesIO
from typing import Any, NoReturn, Protocol

from videobert.base.errors import ModelError

MOST_OPCODES = 1_000_000
MOST_REMEMBERED = 200_000
# Containers that stand open around an opcode; what numpy and torch write has six.
MOST_OPEN = 64
# Letters of a key. Keys are joined to names, and a long one that many share would make much of little.
LONGEST_KEY = 1_000
_PROTOCOLS = range(2, 5)


@dataclass(frozen=True, slots=True)
class GlobalName:
    """What a pickle would import: its name, and no more."""

    module: str
    name: str

    def __str__(self) -> str:
        return f"{self.module}.{self.name}"


class Vocabulary(Protocol):
    """What the names of one kind of file mean. Each method refuses, by `refuse`, what it does not know."""

    def known(self, name: GlobalName) -> bool:
        """Whether such files use this global."""
        ...

    def call(self, name: GlobalName, arguments: tuple[Any, ...]) -> object:
        """What stands for a call of a global that is known."""
        ...

    def build(self, made: object, state: object) -> object:
        """What stands for `made`, a result of `call`, with a state."""
        ...

    def persistent(self, identity: object) -> object:
        """What stands for something that lies outside of the pickle."""
        ...


def refuse(what: str, seen: object = None, allowed: object = None) -> NoReturn:
    """Raise the error of a pickle that is not plain data.

    Raises:
        ModelError: always.
    """
    raise ModelError(
        f"this pickle {what}",
        seen=seen,
        allowed=allowed or "plain dicts of arrays",
        fix="It is damaged, or is not the file that it claims to be; nothing of it was run. Get it again.",
    )


def follow_pickle(stream: BytesIO, vocabulary: Vocabulary) -> object:
    """The data that a pickle describes; the stream is left behind its end.

    Dicts have texts as keys. Work and memory are bounded by the size of the content and the limits above.

    Raises:
        ModelError: it is damaged, has an opcode or a name that plain data needs not, or is past a limit.
    """
    machine = _Machine(vocabulary)
    try:
        for count, (opcode, argument, position) in enumerate(pickletools.genops(stream)):
            if count >= MOST_OPCODES:
                refuse("has too many opcodes", f"more than {count}", f"at most {MOST_OPCODES}")
            follow = _OPCODES.get(opcode.name)
            if follow is None:
                refuse("has an opcode that is not accepted", f"{opcode.name} at byte {position}")
            follow(machine, argument)
    except (ValueError, IndexError, KeyError, TypeError, OverflowError, RecursionError) as error:
        # `genops` meets a broken opcode, or an opcode meets a stack that is not as it must be.
        refuse("is damaged", f"{type(error).__name__}: {error}")
    return machine.result()


class _Machine:
    """Stack, marks and memo, as `pickletools` tells of them."""

    def __init__(self, vocabulary: Vocabulary) -> None:
        self.vocabulary = vocabulary
        self.stack: list[Any] = []
        self.below: list[list[Any]] = []
        self.memo: dict[int, Any] = {}

    def result(self) -> object:
        if len(self.stack) != 1 or self.below:
            refuse("is damaged", f"{len(self.stack)} values at its end")
        return self.stack[0]

    def mark(self) -> None:
        if len(self.below) >= MOST_OPEN:
            refuse("is nested too deeply", f"more than {MOST_OPEN} levels", f"at most {MOST_OPEN}")
        self.below.append(self.stack)
        self.stack = []

    def since_mark(self) -> list[Any]:
        values, self.stack = self.stack, self.below.pop()
        return values

    def take(self, count: int) -> tuple[Any, ...]:
        if len(self.stack) < count:
            raise IndexError("the stack is empty")
        values = tuple(self.stack[-count:])
        del self.stack[-count:]
        return values

    def remember(self, number: int) -> None:
        if len(self.memo) >= MOST_REMEMBERED:
            refuse("remembers too much", f"more than {MOST_REMEMBERED} values", f"at most {MOST_REMEMBERED}")
        self.memo[number] = self.stack[-1]

    def global_name(self, module: object, name: object) -> GlobalName:
        if not isinstance(module, str) or not isinstance(name, str):
            refuse("has a global whose name is no text", type(name).__name__)
        found = GlobalName(module, name)
        if not self.vocabulary.known(found):
            refuse("names code", str(found))
        return found

    def set_items(self, values: list[Any] | tuple[Any, ...]) -> None:
        target = self.stack[-1]
        if type(target) is not dict or len(values) % 2:
            refuse("sets items of something else than a dict", type(target).__name__)
        for key, value in zip(values[::2], values[1::2], strict=True):
            if type(key) is not str:
                refuse("has a key that is no text", type(key).__name__)
            if len(key) > LONGEST_KEY:
                refuse("has a key that is too long", f"{len(key)} letters", f"at most {LONGEST_KEY}")
            if key in target:
                refuse("has a key twice", key)
            target[key] = value

    def append(self, values: list[Any] | tuple[Any, ...]) -> None:
        target = self.stack[-1]
        if type(target) is not list:
            refuse("appends to something else than a list", type(target).__name__)
        target.extend(values)

    def reduce(self) -> None:
        name, arguments = self.take(2)
        if not isinstance(name, GlobalName) or type(arguments) is not tuple:
            refuse("calls something that is no known name", type(name).__name__)
        self.stack.append(self.vocabulary.call(name, arguments))

    def build(self) -> None:
        made, state = self.take(2)
        self.stack.append(self.vocabulary.build(made, state))


def _protocol(machine: _Machine, argument: Any) -> None:
    if argument not in _PROTOCOLS:
        refuse("has a protocol that is not accepted", argument, "2 to 4")


def _nothing(machine: _Machine, argument: Any) -> None:
    """A frame only tells how much can be read at once, and after the end nothing is read."""


def _push(machine: _Machine, argument: Any) -> None:
    machine.stack.append(argument)


def _tuple(machine: _Machine, argument: Any) -> None:
    values = machine.since_mark()  # first: it puts back the stack that the tuple goes to
    machine.stack.append(tuple(values))


def _constant(value: object) -> Callable[[_Machine, Any], None]:
    return lambda machine, argument: machine.stack.append(value)


def _tuple_of(count: int) -> Callable[[_Machine, Any], None]:
    return lambda machine, argument: machine.stack.append(machine.take(count) if count else ())


_OPCODES: dict[str, Callable[[_Machine, Any], None]] = {
    "PROTO": _protocol,
    "FRAME": _nothing,
    "STOP": _nothing,
    **dict.fromkeys(("BININT", "BININT1", "BININT2", "LONG1"), _push),
    **dict.fromkeys(("SHORT_BINUNICODE", "BINUNICODE", "SHORT_BINBYTES", "BINBYTES", "BINBYTES8"), _push),
    "NONE": _constant(None),
    "NEWTRUE": _constant(True),
    "NEWFALSE": _constant(False),
    "MARK": lambda machine, argument: machine.mark(),
    "EMPTY_TUPLE": _tuple_of(0),
    "TUPLE1": _tuple_of(1),
    "TUPLE2": _tuple_of(2),
    "TUPLE3": _tuple_of(3),
    "TUPLE": _tuple,
    "EMPTY_DICT": lambda machine, argument: machine.stack.append({}),
    "SETITEM": lambda machine, argument: machine.set_items(machine.take(2)),
    "SETITEMS": lambda machine, argument: machine.set_items(machine.since_mark()),
    "EMPTY_LIST": lambda machine, argument: machine.stack.append([]),
    "APPEND": lambda machine, argument: machine.append(machine.take(1)),
    "APPENDS": lambda machine, argument: machine.append(machine.since_mark()),
    "MEMOIZE": lambda machine, argument: machine.remember(len(machine.memo)),
    **dict.fromkeys(("BINPUT", "LONG_BINPUT"), lambda machine, argument: machine.remember(argument)),
    **dict.fromkeys(("BINGET", "LONG_BINGET"), lambda machine, argument: machine.stack.append(machine.memo[argument])),
    "GLOBAL": lambda machine, argument: machine.stack.append(machine.global_name(*argument.split(" ", 1))),
    "STACK_GLOBAL": lambda machine, argument: machine.stack.append(machine.global_name(*machine.take(2))),
    "REDUCE": lambda machine, argument: machine.reduce(),
    "BUILD": lambda machine, argument: machine.build(),
    "BINPERSID": lambda machine, argument: machine.stack.append(machine.vocabulary.persistent(*machine.take(1))),
}
