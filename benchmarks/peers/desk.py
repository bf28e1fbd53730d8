"""The plugin between pytest and the cases: prepares each case once, judges, lets `benchmark` time, keeps the rows."""

from __future__ import annotations

import re
import time
from collections.abc import Sequence
from typing import Any, Final

import pytest

from benchmarks.peers.case import Absent, Case, Contender, Prepared, Setting
from benchmarks.peers.deadline import TimeUp, deadline
from benchmarks.peers.record import ABSENT, FAILED, LEFT, MEASURED, RED, Record, Row
from benchmarks.peers.turns import Turns, rounds, spread
from videobert.bench.statistics import paired_ratio

# With less than that left a peer is not begun; one that takes longer than was left is stopped. torch.compile takes half
# a minute for a small network, and a minute for a large one.
_COMPILES_S: Final = 30.0
_ELSE_S: Final = 10.0
# A row beside which others took more of the processors has no figure.
_MOST_OTHERS: Final = 0.15
_DIGITS: Final = 5


class Desk:
    """Where the pairs of a run lie.

    Args:
        setting: where, how large, how many threads.
        plan: cases with one peer each, those of one case together; peers that compile come after all others.
        record: where the rows go.
        budget_s: for the rounds of one peer.
        until_s: of `time.monotonic()`; what is not done by then is left.
    """

    def __init__(
        self, setting: Setting, plan: Sequence[tuple[Case, str]], record: Record, *, budget_s: float, until_s: float
    ) -> None:
        self._setting = setting
        left = [(case, peer) for case, peer in plan if record.open(case.name, peer)]
        # What compiles first takes a tenth of the time each: where minutes run out, these are what is left.
        self._plan = sorted(left, key=lambda pair: _compiles(pair[1]))
        self._record = record
        self._budget_s, self._until_s = budget_s, until_s
        self._open: tuple[str, Prepared | Exception, float] | None = None

    @pytest.fixture(name="desk")
    def _desk(self) -> Desk:
        return self

    def pytest_generate_tests(self, metafunc: pytest.Metafunc) -> None:
        """One test a pair."""
        if "case_and_peer" in metafunc.fixturenames:
            ids = [f"{case.name}: {peer}" for case, peer in self._plan]
            metafunc.parametrize("case_and_peer", self._plan, ids=ids)

    def pytest_sessionfinish(self) -> None:
        """Give back the last case."""
        self._close()

    def row(self, case: Case, peer: str, benchmark: Any) -> Row:
        """Measure one pair and keep its row."""
        head: Row = {"case": case.name, "what": case.what, "peer": peer}
        left_s = self._until_s - time.monotonic()
        needs_s = _COMPILES_S if _compiles(peer) else _ELSE_S
        if left_s < needs_s and not self._setting.tiny:
            why = f"not begun with less than {needs_s:.0f} s, and {max(0.0, left_s):.0f} were left"
            row = {**head, "state": LEFT, "why": why}
        else:
            try:
                with deadline(self._until_s):
                    row = head | self._measured(case, peer, benchmark)
            except TimeUp:
                row = {**head, "state": LEFT, "why": "the time was up"}
            except (Absent, ImportError, OSError) as error:
                row = {**head, "state": ABSENT, "why": _said(error)}
            except Exception as error:  # a peer may fail in any way, and must not take the others with it
                row = {**head, "state": FAILED, "why": f"{type(error).__name__}: {_said(error)}"}
        if row["state"] in (ABSENT, LEFT, RED, FAILED):
            benchmark.skipped = True
        self._record.put(row)
        return row

    def _measured(self, case: Case, peer: str, benchmark: Any) -> Row:
        prepared, ours_value = self._prepared(case)
        theirs: Contender = case.peers[peer](prepared.inputs)
        measure = prepared.measure
        value = prepared.judge(theirs.call())
        agreement: Row = {
            "measure": measure.name,
            "limit": _rounded(measure.limit),
            "better": measure.better,
            "ours": _rounded(ours_value),
            "peer": _rounded(value),
            "ours_holds": measure.holds(ours_value),
            "peer_holds": measure.holds(value),
        }
        row: Row = {
            "state": MEASURED,
            "version": theirs.version,
            "note": theirs.note,
            "ours_version": prepared.ours.version,
            "ours_note": prepared.ours.note,
            "agreement": agreement,
        }
        if not (agreement["ours_holds"] and agreement["peer_holds"]):
            return row | {"state": RED}
        if self._setting.tiny:
            benchmark.pedantic(theirs.call, rounds=1)
            return row
        timed = self._timed(prepared, theirs, benchmark)
        others = timed["noise"]["others"]
        if others is not None and others > _MOST_OTHERS:
            return {"state": LEFT, "why": f"others took {others:.0%} of the processors meanwhile".replace("%", " %")}
        return row | timed

    def _timed(self, prepared: Prepared, theirs: Contender, benchmark: Any) -> Row:
        began = time.perf_counter()
        prepared.ours.call()
        theirs.call()
        count = rounds(time.perf_counter() - began, self._budget_s)
        turns = Turns(prepared.ours.call)
        benchmark.pedantic(theirs.call, setup=turns.before, teardown=turns.after, rounds=count)
        theirs_s = list(benchmark.stats.stats.data)
        ratio = paired_ratio(turns.ours_s, theirs_s)
        return {
            "ours_ms": spread(turns.ours_s),
            "peer_ms": spread(theirs_s),
            "ratio": {"median": _rounded(ratio.median), "low": _rounded(ratio.low), "high": _rounded(ratio.high)},
            "pairs": ratio.pairs,
            "noise": turns.noise(),
            "ours_s": [_rounded(value) for value in turns.ours_s],
            "peer_s": [_rounded(value) for value in theirs_s],
        }

    def _prepared(self, case: Case) -> tuple[Prepared, float]:
        """The case, prepared once, and the value of our own answer."""
        if self._open is None or self._open[0] != case.name:
            self._close()
            try:
                made = case.prepare(self._setting)
                self._open = case.name, made, made.judge(made.ours.call())
            except Exception as error:
                self._open = case.name, error, float("nan")
                raise
        _, found, value = self._open
        if isinstance(found, Exception):
            raise found
        return found, value

    def _close(self) -> None:
        if self._open is not None and isinstance(self._open[1], Prepared):
            self._open[1].close()
        self._open = None


def _compiles(peer: str) -> bool:
    return "compile" in peer


def _rounded(value: float) -> float | str:
    """As JSON has it, to some digits."""
    return float(f"{value:.{_DIGITS}g}") if abs(value) < float("inf") else str(value)


def _said(error: BaseException) -> str:
    """The message in one line, without folders of this machine; with that of what caused it."""
    causes = [error, *([error.__cause__] if error.__cause__ else [])]
    said = "; ".join(dict.fromkeys(" ".join(str(each).split()) for each in causes))
    return re.sub(r"/(?:[\w.+-]+/)+", "", said)[:500]
