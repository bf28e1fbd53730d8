"""Ours beside its peers: `python -m benchmarks.peers OUT.json`, or `make bench`.

One process, ours and each peer in turns. Parity comes before time: an answer that is wrong has no speed. A peer that
cannot run is listed with its reason. What the minutes leave out is listed too, and so is what others disturbed:
`--resume` goes on with both, from a file that is whole whenever this is killed.

Exit code 0: every answer of ours was right; 1: one was not, or a peer failed in a way that is no lack of this machine.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import pytest

from benchmarks.peers.case import Setting
from benchmarks.peers.desk import Desk
from benchmarks.peers.record import OPEN, Record
from benchmarks.peers.suite import pairs
from benchmarks.peers.table import table
from videobert.base.cpu_threads import processors
from videobert.bench.environment import environment

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
MINUTES, PEER_S = 9.0, 2.0
_LIBRARIES = (
    "torch",
    "transformers",
    "onnxruntime",
    "faiss-cpu",
    "scikit-learn",
    "opencv-python-headless",
    "torchcodec",
    "decord",
    "sentence-transformers",
    "ctranslate2",
    "pytest-benchmark",
)


def main(arguments: Sequence[str] | None = None) -> int:
    """See the top of the file."""
    started_s = time.monotonic()
    words = _parser()
    asked = words.parse_args(arguments)
    try:
        plan = pairs(asked.cases, whole=asked.whole)
        record = Record(
            asked.out,
            environment(*_LIBRARIES),
            [(case.name, peer) for case, peer in plan],
            dry_run=asked.dry_run,
            resume=asked.resume or asked.again,
            again=asked.again,
        )
    except ValueError as error:
        words.error(str(error))
    record.save()
    asked.scratch.mkdir(parents=True, exist_ok=True)
    # What torch.compile made once is not made again, so that a second run has time for more.
    # Everything is here: nobody asks a hub.
    os.environ |= {"HF_HUB_OFFLINE": "1", "HF_HUB_DISABLE_TELEMETRY": "1"}
    os.environ.setdefault("TORCHINDUCTOR_CACHE_DIR", str(asked.scratch / "inductor"))
    setting = Setting(tiny=asked.dry_run, scratch=asked.scratch, models=asked.models, threads=processors())
    desk = Desk(setting, plan, record, budget_s=asked.seconds, until_s=started_s + 60 * asked.minutes)
    code = pytest.main(["-c", str(HERE / "pytest.ini"), "--rootdir", str(ROOT), str(HERE / "drive.py")], plugins=[desk])
    rows = record.content()["rows"]
    print(table({"rows": rows}))
    left = sum(row["state"] in OPEN for row in rows)
    goes_on = f"; --resume goes on with {left}" if left else ""
    print(f"{len(rows) - left} of {len(rows)} rows have an answer{goes_on}")
    # 5: nothing was left to do.
    return 0 if code in (0, 5) else 1


def _parser() -> argparse.ArgumentParser:
    words = argparse.ArgumentParser(
        prog="python -m benchmarks.peers", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    words.add_argument("out", type=Path, help="the JSON file to write")
    words.add_argument("--minutes", type=float, default=MINUTES, help=f"for all of it ({MINUTES:g})")
    words.add_argument("--seconds", type=float, default=PEER_S, help=f"for the rounds of one peer ({PEER_S:g})")
    rows = words.add_mutually_exclusive_group()
    rows.add_argument("--cases", nargs="+", default=[], metavar="PATTERN", help="only these, by CASE/PEER")
    rows.add_argument(
        "--whole", action="store_true", help="every row there is, which takes about three times as long as the set"
    )
    words.add_argument("--resume", action="store_true", help="go on with what is left in OUT.json")
    words.add_argument("--again", action="store_true", help="and measure again what was measured on a busy machine")
    words.add_argument("--dry-run", action="store_true", help="smallest sizes, no times")
    words.add_argument("--scratch", type=Path, default=ROOT / "build" / "peers", help="where models are made and kept")
    words.add_argument("--models", type=Path, help="the folder of got models; the user's by default")
    return words


if __name__ == "__main__":
    sys.exit(main())
