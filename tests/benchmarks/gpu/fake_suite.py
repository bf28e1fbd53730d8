"""The suite with parts that need nothing, for tests that end it: `fake_suite.py OUT SECONDS_A_ROW [RESUME]`."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[3]))

from benchmarks.gpu.parts import Part, Workers

ENVIRONMENT: dict[str, Any] = {
    "date": "2026-11-26T00:00:00+00:00",
    "commit": "c",
    "sources": "s",
    "device": {"name": "a device", "capability": 90},
    "driver": "580",
    "clocks": None,
    "python": "3.12",
    "torch": "2.11",
    "triton": "3.6",
    "numpy": "2",
}
FIGURE = {"verdict": "met", "parity": "good", "ours_ms": {"q1": 1.0, "median": 2.0, "q3": 3.0}}


def part(name: str, rows: Sequence[str], *, cost_s: float = 0.0, wait_s: float = 0.0, **answer: Any) -> Part:
    """A part whose rows are all answered alike; what was asked for is kept in `part.run.asked`."""

    def run(workers: Workers, wanted: Sequence[str], deadline_s: float) -> Iterator[dict[str, Any]]:
        for row in wanted:
            time.sleep(wait_s)
            asked.append(row)
            yield {"name": row, **(answer or FIGURE)}

    asked: list[str] = []
    run.asked = asked  # type: ignore[attr-defined]
    return Part(name=name, kind="figures", rows=tuple(rows), cost_s=cost_s, most_s=60.0, run=run)


def main(out: Path, wait_s: float, resume: Path | None) -> int:
    """As `gpu_suite.main` does it, with 40 rows in 4 parts."""
    from benchmarks import gpu_suite

    parts = [part(f"figures/{name}", [f"{name}{row}" for row in range(10)], wait_s=wait_s) for name in "abcd"]
    asked = ["--resume", str(resume)] if resume else []
    return gpu_suite.run(gpu_suite.parser().parse_args([str(out), *asked]), ENVIRONMENT, parts, time.monotonic())


if __name__ == "__main__":
    words = sys.argv[1:]
    sys.exit(main(Path(words[0]), float(words[1]), Path(words[2]) if len(words) > 2 else None))
