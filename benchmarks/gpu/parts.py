"""What the suite is made of: parts that are planned with, each a few rows that are answered one after the other."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Literal

from benchmarks.gpu.case import Case, tiny
from benchmarks.gpu.processes import START_S, Worker

Kind = Literal["correctness", "figures", "probes"]

# What an answer may take beyond its budget before its process is ended: a last round of timing.
_GRACE: Final = 0.5
_GRACE_S: Final = 2.0
# A dry run shares a small machine with whatever else runs there; budgets are for a GPU.
_INTERPRETER_SLOWNESS: Final = 10.0


class Workers:
    """The two processes that answer: one where `videobert` cannot be imported, and one for the whole product.

    Args:
        module: what the processes run, see `Worker`.
    """

    def __init__(self, module: str = "benchmarks.gpu.worker") -> None:
        self._alone, self._product = Worker(alone=True, module=module), Worker(alone=False, module=module)

    def ask(self, request: Mapping[str, str], budget_s: float, deadline_s: float, *, alone: bool) -> dict[str, Any]:
        """The answer to one request; verdict `"not measured"` where the suite's own time was up.

        Args:
            request: see `benchmarks.gpu.worker.answer`.
            budget_s: of the request.
            deadline_s: of `time.monotonic()`; whatever does not answer until then is ended.
            alone: which process.
        """
        left_s = deadline_s - time.monotonic()
        if left_s <= 0:
            return {"verdict": "not measured", "reason": "the time for this part was up"}
        most_s = _most(budget_s)
        row = (self._alone if alone else self._product).ask(request, most_s, left_s)
        if row["verdict"] == "ended" and time.monotonic() >= deadline_s:
            return {"verdict": "not measured", "reason": "the time for this part was up while it ran"}
        return row

    def start(self, names: set[str]) -> None:
        """Let `"alone"` or `"product"` import what they need while something else runs."""
        for name in names:
            (self._alone if name == "alone" else self._product).start()

    def close(self) -> None:
        """End both."""
        self._alone.close()
        self._product.close()


# Answers the rows that are named, in that order, until a deadline.
Run = Callable[[Workers, Sequence[str], float], Iterator[dict[str, Any]]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """What is run or left as a whole.

    Args:
        name: unique, `kind/what`.
        kind: for readers of the file.
        rows: names of its rows, all known before it runs.
        cost_s: how long it takes, as far as one knows; a part that does not fit into what is left is left.
        most_s: longest time; what has not answered then is ended.
        worker: which process answers its rows, if one does.
        run: see `Run`.
    """

    name: str
    kind: Kind
    rows: tuple[str, ...]
    cost_s: float
    most_s: float
    worker: Literal["alone", "product"] | None = None
    run: Run = field(repr=False)

    def cost_of(self, rows: Sequence[str]) -> float:
        """Of some of its rows, as if all took equally long."""
        return self.cost_s * len(rows) / max(1, len(self.rows))


def _most(budget_s: float) -> float:
    """What a request may take whose budget this is."""
    return budget_s * (_INTERPRETER_SLOWNESS if tiny() else 1.0) * (1 + _GRACE) + _GRACE_S


def figures(name: str, family: str, cases: Sequence[Case], *, alone: bool) -> Part:
    """A part of some cases of a family.

    Args:
        name: without the kind.
        family: module that has them.
        cases: in the order in which they are run.
        alone: whether they do without `videobert`.
    """
    budgets = {case.name: case.budget_s for case in cases}

    def run(workers: Workers, rows: Sequence[str], deadline_s: float) -> Iterator[dict[str, Any]]:
        for row in rows:
            found = workers.ask({"family": family, "case": row}, budgets.get(row, 20.0), deadline_s, alone=alone)
            yield {"name": row, **found}

    cost_s = sum(case.cost_s for case in cases)
    return Part(
        name=f"figures/{name}",
        kind="figures",
        rows=tuple(budgets),
        cost_s=cost_s,
        # Behind what costs a process its life another one starts.
        most_s=sum(map(_most, budgets.values())) + START_S,
        worker="alone" if alone else "product",
        run=run,
    )


def probe(name: str, cost_s: float, most_s: float) -> Part:
    """A part of one probe."""

    def run(workers: Workers, rows: Sequence[str], deadline_s: float) -> Iterator[dict[str, Any]]:
        for row in rows:
            yield {"name": row, **workers.ask({"probe": row}, most_s, deadline_s, alone=False)}

    return Part(
        name=f"probes/{name}",
        kind="probes",
        rows=(name,),
        cost_s=cost_s,
        most_s=2 * most_s,
        worker="product",
        run=run,
    )
