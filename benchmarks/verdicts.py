"""How far the verdict on two releases that answer in turns holds: the same against itself, and with a tenth planted.

    python benchmarks/verdicts.py --out benchmarks/results/verdicts.json

Takes six minutes on two cores; nothing else should run meanwhile.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
from pathlib import Path
from typing import Any

import videobert
from videobert.bench.environment import environment

# Found by the new side alone: the other's Python is started without PYTHONPATH.
PLANTED = """
import time
from videobert import Runtime

def slower(run):
    def changed(*given, **named):
        began = time.perf_counter()
        found = run(*given, **named)
        until = time.perf_counter() + 0.1 * (time.perf_counter() - began)
        while time.perf_counter() < until:
            pass
        return found
    return changed

Runtime.run = slower(Runtime.run)
"""


def verdicts(count: int, runs: int | None) -> list[dict[str, Any]]:
    """What is said so many times of this environment beside itself."""
    said = []
    for _ in range(count):
        found = videobert.compare("shapes", "shapes", beside=sys.executable, runs=runs)
        if found.speed is None or found.noise is None:
            raise SystemExit("the same does not give the same: no speed")
        rounded = {name: round(getattr(found.speed, name), 3) for name in ("ratio", "low", "high")}
        said.append({**rounded, "verdict": found.speed.verdict, "quiet": found.noise.quiet})
        print(said[-1], file=sys.stderr)
    return said


def main() -> None:
    """Measure, and write the result."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--same", type=int, default=20)
    parser.add_argument("--planted", type=int, default=10)
    parser.add_argument("--runs", type=int, default=None)
    parser.add_argument("--out", type=Path, required=True)
    asked = parser.parse_args()
    same = verdicts(asked.same, asked.runs)
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "sitecustomize.py").write_text(PLANTED, encoding="utf-8")
        os.environ["PYTHONPATH"] = folder
        planted = verdicts(asked.planted, asked.runs)
    result = {
        "environment": environment(),
        "what": "`videobert compare shapes shapes --beside PYTHON`, PYTHON its own: the bundled model on its own clip",
        "same": same,
        "same_count": len(same),
        "same_called": sum(each["verdict"] in ("slower", "faster") for each in same),
        "planted_tenth": planted,
        "planted_count": len(planted),
        "planted_called": sum(each["verdict"] == "slower" for each in planted),
        "refused": sum(not each["quiet"] for each in (*same, *planted)),
    }
    asked.out.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
