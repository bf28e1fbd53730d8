"""Which share of the processors other processes take while something is measured."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Final

# On an idle machine others take below 2 % of the processors, and the same work takes within 2 % of the same time.
ALLOWED: Final = 0.05
_STAT, _PROCESSES = Path("/proc/stat"), Path("/proc")


class OthersShare:
    """Counts from when it is made.

    Args:
        children: processes that work for this one, as long as they live; those it waited for are counted anyway.
    """

    def __init__(self, children: Sequence[int] = ()) -> None:
        self._children = tuple(children)
        self._began = _processor_seconds(self._children)

    def found(self) -> float | None:
        """The share so far, 0 to 1; None where the system does not tell."""
        now = _processor_seconds(self._children)
        if self._began is None or now is None or now.all_s <= self._began.all_s:
            return None
        busy, own = now.busy_s - self._began.busy_s, now.own_s - self._began.own_s
        # Two counts of ticks, and a division of each: where others took everything, it may come out as a hair more.
        return min(1.0, max(0.0, busy - own) / (now.all_s - self._began.all_s))


class _ProcessorSeconds:
    """Seconds of all processors so far: all, busy ones, and those of this process and its children."""

    def __init__(self, line: str, children: Sequence[int]) -> None:
        # user nice system idle iowait irq softirq steal, in ticks; see proc(5). Guests are in user already.
        ticks = [int(field) for field in line.split()[1:9]]
        each = os.sysconf("SC_CLK_TCK")
        self.all_s = sum(ticks) / each
        self.busy_s = (sum(ticks) - ticks[3] - ticks[4]) / each
        times = os.times()
        self.own_s = times.user + times.system + times.children_user + times.children_system
        self.own_s += sum(map(_ticks_of, children)) / each


def _ticks_of(pid: int) -> int:
    """Of a living process, in user and in system; what follows its name, which may hold anything. See proc(5)."""
    fields = (_PROCESSES / str(pid) / "stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
    return int(fields[11]) + int(fields[12])


def _processor_seconds(children: Sequence[int]) -> _ProcessorSeconds | None:
    """None where the system does not tell."""
    try:
        return _ProcessorSeconds(_STAT.read_text(encoding="ascii").split("\n", 1)[0], children)
    except (OSError, ValueError, IndexError):
        return None
