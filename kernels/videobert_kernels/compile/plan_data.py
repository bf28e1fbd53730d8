"""A launch plan for every number of rows, as data that a process without torch and Triton can follow.

A plan is a function of the number of rows; for one model everything else is fixed. It is called with a number that
remembers what was computed from it, so sizes come out as "as many times as it takes steps of 128 to cover the rows"
instead of as figures. What such a number cannot express is an error here, not a wrong launch later.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, Final, NoReturn

from videobert_kernels.errors import KernelError

MOST_ROWS: Final = 65_536
# Up to here every number of rows is tried; beyond, where the plan changes is sought by halving.
_TRIED: Final = 2048

Plan = Callable[[int], Any]


class _Rows(int):
    """`times * ceil(rows / every)` for a known number of rows; behaves as that number."""

    rows: int
    every: int
    times: int

    @classmethod
    def of(cls, rows: int, every: int = 1, times: int = 1) -> _Rows:
        made = cls(-(-rows // every) * times)
        made.rows, made.every, made.times = rows, every, times
        return made

    def __neg__(self) -> _Negated:
        return _Negated.of_rows(self)

    def __mul__(self, other: object) -> _Rows:
        if type(other) is not int:
            _refuse()
        return _Rows.of(self.rows, self.every, self.times * other)

    __rmul__ = __mul__

    def _not_expressed(self, *_: object) -> NoReturn:
        _refuse()

    __add__ = __radd__ = __sub__ = __rsub__ = __floordiv__ = __mod__ = __truediv__ = _not_expressed


class _Negated(int):
    """`-_Rows`, on its way through the usual `-(-rows // every)`."""

    positive: _Rows

    @classmethod
    def of_rows(cls, rows: _Rows) -> _Negated:
        made = cls(-int(rows))
        made.positive = rows
        return made

    def __floordiv__(self, other: object) -> _Negated:
        if type(other) is not int or self.positive.times != 1:
            _refuse()
        return _Negated.of_rows(_Rows.of(self.positive.rows, self.positive.every * other))

    def __neg__(self) -> _Rows:
        return self.positive


def _refuse() -> NoReturn:
    raise KernelError("a plan computes something from the number of rows that a stored plan cannot say")


def plan_data(plan: Plan, most_rows: int = MOST_ROWS) -> list[dict[str, Any]]:
    """Ranges of row counts with their buffers and launches; see `docs/model-folder.md` for the form.

    Args:
        plan: from a number of rows to an object with `buffers` and `launches`.
        most_rows: the largest number that is asked for.

    Raises:
        KernelError: the plan cannot be stored, or what would be stored does not say what the plan says.
    """
    ranges: list[dict[str, Any]] = []
    rows = 1
    while rows <= most_rows:
        last = _last_like(plan, rows, most_rows)
        ranges.append({"most_rows": last, **_data(plan, rows)})
        _verify(plan, ranges[-1], rows, last)
        rows = last + 1
    return ranges


def variants_of(plan: Plan, ranges: list[dict[str, Any]]) -> dict[str, Any]:
    """The variants that stored ranges launch, by name."""
    launches = (launch for each in ranges for launch in plan(each["most_rows"]).launches)
    return {launch.variant.name: launch.variant for launch in launches}


def evaluated(size: int | dict[str, int], rows: int) -> int:
    """A stored size for a number of rows."""
    return size if isinstance(size, int) else -(-rows // size["every"]) * size["times"]


def _data(plan: Plan, rows: int) -> dict[str, Any]:
    made = plan(_Rows.of(rows))
    return {
        "buffers": [
            {"name": each.name, "dtype": each.dtype, "shape": [_stored(n) for n in each.shape], "role": each.role}
            for each in made.buffers
        ],
        "launches": [
            {
                "kernel": each.variant.name,
                "grid": [_stored(n) for n in each.grid],
                "arguments": [value if isinstance(value, str) else _stored(value) for value in each.arguments],
            }
            for each in made.launches
        ],
    }


def _stored(value: int) -> int | dict[str, int]:
    if isinstance(value, _Rows):
        return {"every": value.every, "times": value.times}
    if type(value) is not int:
        _refuse()
    return value


def _last_like(plan: Plan, first: int, most_rows: int) -> int:
    like = json.dumps(_data(plan, first))

    def same(rows: int) -> bool:
        return json.dumps(_data(plan, rows)) == like

    rows = first
    while rows < min(most_rows, _TRIED) and same(rows + 1):
        rows += 1
    if rows < _TRIED or rows == most_rows:
        return rows
    end = most_rows + 1
    while end - rows > 1:
        middle = (rows + end) // 2
        rows, end = (middle, end) if same(middle) else (rows, middle)
    return rows


def _verify(plan: Plan, stored: dict[str, Any], first: int, last: int) -> None:
    """Hold what is stored against the plan itself, called with ordinary numbers."""
    steps = max(1, (last - first) // 16)
    for rows in {*range(first, last + 1, steps), *range(first, min(last, first + 300) + 1), last}:
        made = plan(rows)
        said = [
            (
                launch["kernel"],
                [evaluated(n, rows) for n in launch["grid"]],
                [_argument(v, rows) for v in launch["arguments"]],
            )
            for launch in stored["launches"]
        ]
        meant = [(each.variant.name, list(each.grid), list(each.arguments)) for each in made.launches]
        shapes = [[evaluated(n, rows) for n in each["shape"]] for each in stored["buffers"]]
        if said != meant or shapes != [list(each.shape) for each in made.buffers]:
            raise KernelError("a stored plan does not say what the plan says", seen=f"{rows} rows")


def _argument(value: Any, rows: int) -> Any:
    return value if isinstance(value, str) else evaluated(value, rows)
